"""Whatever an author wrote is read in time and without failing; what is no CSS and no HTML yields nothing."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.check.balance import as_read, holds, unbalanced
from newsletter.check.clients.findings import client_findings
from newsletter.check.contrast import contrast_findings
from newsletter.check.css import css_findings
from newsletter.check.markup import tags
from newsletter.check.pieces import Pieces
from newsletter.errors import Place
from newsletter.render.css import read_colour, read_sheet, read_style
from newsletter.render.passage import Language, Passage
from newsletter.settings.values import Clients

CSS = st.lists(
    st.sampled_from([
        "a", ".b", "#c", "{", "}", "(", ")", "[", "]", ":", ";", ",", "@media", "@import", "@font-face", "color", "width",
        "font", "background", "font-size", "url(", "'", '"', "/*", "*/", "!important", "10px", "1e3px", "1\\65 x", "-.5em",
        "#fff", "#00000", "rgb(", "calc(", "var(--x)", "\\", "<", ">", "ns|a", "::before", ":nth-child(", " ", "\n", "å",
    ]),
    max_size=40,
).map("".join)  # fmt: skip
HTML = st.lists(
    st.sampled_from([
        "<p>", "</p>", "<div", ">", "<b>", "</b>", "<!--[if mso]>", "<![endif]-->", "<!--[if !mso]><!-->", "<!--<![endif]-->",
        "<![if ", "]>", "<!--", "-->", "<style>", "</style>", ' style="color:red', '"', "'", "=", "/", "<img", " width=1",
        "text", "&amp;", "<v:fill/>", "<", "…", "\n", "<a href=x>", " hidden", " bgcolor=#fff", "<h1>", "</h1>",
    ]),
    max_size=40,
).map("".join)  # fmt: skip


class Piece:
    """A letter of one passage."""

    template = Place("templates/a.mjml")

    def __init__(self, language: Language, text: str) -> None:
        self.passages = (Passage(language, text, 0, "mj-text"),)
        self.mjml = text
        self.html = f"<style>{text}</style><p class=b>x</p>" if language is not Language.HTML else text

    def readings(self, passage: Passage) -> list[str]:
        return [passage.text]

    def place(self, _offset: int) -> Place:
        return self.template


def judged(letter: Piece) -> None:
    pieces = Pieces.of(letter.passages)
    for problem in (
        *client_findings(letter, pieces, Clients()),
        *css_findings(letter, pieces),
        *contrast_findings(letter),
    ):
        assert problem.message
        assert problem.hint


@given(CSS)
def test_any_style_sheet_is_judged(css: str) -> None:
    for language in (Language.STYLE, Language.INLINED):
        judged(Piece(language, css))
    read_style(css)
    read_colour(css)
    for rule in read_sheet(css).rules:
        assert 0 <= rule.at <= len(css)
        assert all(0 <= one.at <= len(css) for one in rule.declarations)


@given(HTML)
def test_any_html_is_judged(html: str) -> None:
    judged(Piece(Language.HTML, html))
    for tag in tags(html):
        assert html[tag.at] == "<"
        assert html[tag.end - 1] == ">"
    for outlook in (None, 12, 16):
        shown = as_read(html, outlook)
        assert all(sign in (" ", there) for sign, there in zip(shown, html, strict=False))
        found = unbalanced(shown)
        assert found is None or html[found.at] == "<"


@given(st.text(alphabet="()!&|msoIE gtel0123456789.", max_size=30))
def test_any_condition_is_answered(condition: str) -> None:
    holds(condition, 16)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 20_000,
        "a{b:" + "(" * 20_000,
        "a{b:c}" * 5_000,
        "<a " * 5_000,
        '<a "' * 5_000,
        "<div>" * 5_000,
        "<!--[if mso]>" * 2_000,
        "<style>" * 2_000,
        "a" * 200_000,
        "&" * 100_000,
    ],
    ids=lambda text: text[:12],
)
def test_nothing_takes_long(text: str) -> None:
    begun = time.process_time()
    for language in Language:
        judged(Piece(language, text))
    unbalanced(as_read(text, 16))
    assert time.process_time() - begun < 5
