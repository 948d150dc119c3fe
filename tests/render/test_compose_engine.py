"""The layer around mjml-python and premailer: every component, hostile CSS, and nothing lost on the way."""

import re
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from newsletter.render.inline import inline_css
from newsletter.render.mjml.engine import MjmlPython
from newsletter.render.mjml.fault import Faulty
from newsletter.render.mjml.layer import Page, compile_mjml

PAGE = Page("sv", "ltr", "Titel", "Förtext")
ALL = """<mjml><mj-head>
  <mj-font name="Raleway" href="https://fonts.example/x.css" /><mj-breakpoint width="320px"/>
  <mj-attributes><mj-class name="big" font-size="20px"/><mj-all font-family="Arial"/><mj-text padding="0"></mj-text></mj-attributes>
  <mj-style inline="inline">.a{color:red} a:hover{color:blue}</mj-style>
</mj-head>
<mj-body>
  <!-- a remark -- of the template's -->
  <mj-hero mode="fixed-height" height="200px" background-url="https://x.example/b.png"><mj-text>Hjälte</mj-text></mj-hero>
  <mj-wrapper padding="1px 2px 3px 4px"><mj-section><mj-group>
    <mj-column width="50%"><mj-text mj-class="big" css-class="a">Vänster</mj-text></mj-column>
    <mj-column width="50%"><mj-text>Höger</mj-text></mj-column>
  </mj-group></mj-section></mj-wrapper>
  <mj-section><mj-column>
    <mj-accordion icon-wrapped-url="https://x.example/w.png" icon-unwrapped-url="https://x.example/u.png">
      <mj-accordion-element><mj-accordion-title>Fråga</mj-accordion-title><mj-accordion-text>Svar <b>fet</b></mj-accordion-text></mj-accordion-element>
    </mj-accordion>
    <mj-carousel left-icon="https://x.example/l.png" right-icon="https://x.example/r.png">
      <mj-carousel-image src="https://x.example/1.png"/><mj-carousel-image src="https://x.example/2.png"/>
    </mj-carousel>
    <mj-social><mj-social-element name="facebook" src="https://x.example/f.png" href="https://x.example/">Följ</mj-social-element></mj-social>
    <mj-table><tr><td>1 < 2 &amp; å</td></tr></mj-table>
    <mj-raw><p>rått</p></mj-raw><mj-divider/><mj-spacer height="10px"/>
  </mj-column></mj-section>
  <mj-section full-width="full-width"><mj-column><mj-navbar><mj-navbar-link href="https://x.example/å">Länk</mj-navbar-link></mj-navbar></mj-column></mj-section>
  <mj-raw><!--[if mso]><p>Outlook</p><![endif]--></mj-raw>
  <mj-text>Bar text</mj-text><mj-image src="https://x.example/1.png"/><mj-button href="https://x.example/?a=1&b=2">Knapp</mj-button>
</mj-body></mjml>"""


def test_every_component_keeps_its_text() -> None:
    html, css, _ = compile_mjml(ALL, PAGE, MjmlPython())
    whole = inline_css(html, css)
    for text in (
        "Hjälte", "Vänster", "Höger", "Fråga", "Svar <b>fet</b>", "Följ", "1 &lt; 2 &amp; å", "<p>rått</p>", "Länk",
        "<!--[if mso]><p>Outlook</p><![endif]-->", "Bar text", "Knapp", "Förtext", "<title>Titel</title>",
    ):  # fmt: skip
        assert text in whole, text
    assert "a remark" not in whole
    assert not re.search(r"q[0-9a-f]{12}z", whole)
    assert all(" alt=" in image for image in re.findall(r"<img\b[^>]*>", whole))
    assert css.strip() == ".a{color:red} a:hover{color:blue}"


def test_three_and_four_paddings_count_in_outlooks_widths() -> None:
    html, *_ = compile_mjml(
        '<mjml><mj-body><mj-section padding="0 100px 0 200px"><mj-column><mj-text>x</mj-text></mj-column></mj-section></mj-body></mjml>',
        PAGE,
        MjmlPython(),
    )
    assert "width:300px" in html


def test_bare_column_content_and_bare_columns_get_their_frames() -> None:
    bare = "<mjml><mj-body><mj-text>a</mj-text><mj-text>b</mj-text></mj-body></mjml>"
    framed = "<mjml><mj-body><mj-section><mj-column><mj-text>a</mj-text><mj-text>b</mj-text></mj-column></mj-section></mj-body></mjml>"
    columns = (
        "<mjml><mj-body><mj-column><mj-text>a</mj-text><mj-text>b</mj-text></mj-column></mj-body></mjml>"
    )
    section = (
        "<mjml><mj-body><mj-section><mj-text>a</mj-text><mj-text>b</mj-text></mj-section></mj-body></mjml>"
    )
    whole = compile_mjml(framed, PAGE, MjmlPython())
    for other in (bare, columns, section):
        assert compile_mjml(other, PAGE, MjmlPython()) == whole


@pytest.mark.parametrize(
    "mjml",
    [
        "",
        "text",
        "<html></html>",
        "<mjml></mjml>",
        "<mjml><mj-head/></mjml>",
        "<mjml><mj-body>",
        "<mjml",
        "<mjml><mj-body/></mjml><mjml/>",
    ],
)
def test_what_is_no_mjml_is_a_fault_with_words(mjml: str) -> None:
    with pytest.raises(Faulty) as fault:
        compile_mjml(mjml, PAGE, MjmlPython())
    assert str(fault.value)


def test_inlining_keeps_doctype_media_rules_sizes_and_outlooks_comments() -> None:
    html = (
        '<!doctype html><html><head><style media="print">p { color: red !important }</style>'
        "<style>@media (max-width: 480px) { p { color: blue !important } } @font-face { font-family: x }</style></head>"
        '<body><!--[if mso]><style>p { color: green }</style><![endif]--><img width="20" src="x"><p>å</p></body></html>'
    )
    inlined = inline_css(html, "p { color: #123456; width: 100px } img { width: 100% }")
    assert inlined.startswith("<!doctype html><html>")
    assert '<p style="color:#123456; width:100px">å</p>' in inlined
    assert (
        "@media (max-width: 480px) { p { color: blue !important } } @font-face { font-family: x }" in inlined
    )
    assert '<style media="print">p { color: red !important }</style>' in inlined
    assert "<!--[if mso]><style>p { color: green }</style><![endif]-->" in inlined
    assert '<img width="20" src="x" style="width:100%">' in inlined
    assert "premailer" not in inlined


def test_inlining_in_threads_gives_what_it_gives_alone() -> None:
    jobs = [
        (
            f"<html><head></head><body><p class='c{n}'>å{n}</p></body></html>",
            # Broken on purpose: cssutils turns a switch in a global while it reads, and raises in other threads.
            f".c{n} {{ color: #1234{n:02}; width: calc(1px + ; font: $$ }} p {{ margin: {n}px; *zoom: 1; color: }}",
        )
        for n in range(24)
    ] * 20
    alone = [inline_css(*job) for job in jobs]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(lambda job: inline_css(*job), jobs)) == alone
    finally:
        sys.setswitchinterval(before)
