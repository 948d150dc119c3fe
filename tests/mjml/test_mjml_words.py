"""Pictures of a template that say nothing to those who don't see them."""

import pytest

from newsletter.errors import Severity
from newsletter.render.mjml.engine import MjmlPython
from newsletter.render.mjml.layer import Page, compile_mjml

SRC = 'src="https://x.example/a.png"'


def wordless(content: str) -> list[str]:
    """Where the program misses words, each place as the text that stands there."""
    mjml = f"<mjml><mj-body><mj-section><mj-column>{content}</mj-column></mj-section></mj-body></mjml>"
    findings = compile_mjml(mjml, Page("sv", "ltr", "", ""), MjmlPython()).findings
    assert {(fault.code, fault.severity) for fault in findings} <= {("T130", Severity.WARNING)}
    return [mjml[fault.offset or 0 :][:12] for fault in findings]


@pytest.mark.parametrize(
    ("content", "places"),
    [
        (f"<mj-image {SRC} />", ["<mj-image sr"]),
        (f"<mj-text><p>Hej <img {SRC}></p></mj-text>", ['<img src="ht']),
        (f"<mj-text><IMG data-alt=x {SRC}></mj-text>", ["<IMG data-al"]),
        (f"<mj-social><mj-social-element {SRC} href='#'></mj-social-element></mj-social>", ["<mj-social-e"]),
        (f"<mj-carousel left-icon='#' right-icon='#'><mj-carousel-image {SRC}/></mj-carousel>", ["<mj-carousel"]),
    ],
)  # fmt: skip
def test_a_picture_without_words_is_told_at_its_place(content: str, places: list[str]) -> None:
    assert wordless(content) == places


@pytest.mark.parametrize(
    "content",
    [
        f'<mj-image {SRC} alt="Scenen" />',
        f'<mj-image {SRC} alt="" />',
        f'<mj-text><img alt="" {SRC}></mj-text>',
        f"<mj-text><!-- <img {SRC}> --></mj-text>",
        f"<mj-social><mj-social-element {SRC} href='#'>Vår sida</mj-social-element></mj-social>",
    ],
)
def test_words_or_an_ornament_said_to_be_one_are_enough(content: str) -> None:
    assert wordless(content) == []
