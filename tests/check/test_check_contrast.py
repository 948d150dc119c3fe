"""Texts that many can't read and texts that nobody is to see, in light and in dark colours, at the colour's place."""

import pytest

from newsletter.check.computed import Letter
from newsletter.check.contrast import contrast
from newsletter.render.css import Colour, read_colour


def colour(text: str) -> Colour:
    found = read_colour(text)
    assert isinstance(found, Colour)
    return found


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    # The examples of WCAG's understanding documents: 21:1, the greys on either side of 4.5:1, and pure red.
    [
        ("#000", "#fff", 21.0),
        ("#767676", "#fff", 4.54),
        ("#777777", "#fff", 4.48),
        ("#ff0000", "#fff", 4.0),
        ("#fff", "#fff", 1.0),
    ],
)
def test_contrast_is_that_of_wcag(one, other, ratio):
    assert round(contrast(colour(one), colour(other)), 2) == ratio
    assert contrast(colour(one), colour(other)) == contrast(colour(other), colour(one))


def test_pale_text_is_told_at_its_colour(found):
    ((code, severity, line, message),) = found(body='\n<mj-text\n  color="#999999">Hej hå</mj-text>')
    assert (code, severity, line) == ("L125", "warning", 11)
    assert message == "`Hej hå` is hard to read: #999999 on #ffffff is a contrast of 2.8:1"


@pytest.mark.parametrize(
    ("style", "told"),
    [
        ("color:#777777", True),
        ("color:#767676", False),
        ("color:#777777;font-size:24px", False),
        ("color:#777777;font-size:23px", True),
        ("color:#777777;font-size:18.7px;font-weight:bold", False),
        ("color:#777777;font-size:18.7px", True),
        ("color:#959595;font-size:24px", True),
        ("color:rgba(0,0,0,0.5)", True),
        ("color:#ffffff;background-color:#777777", True),
        ("color:#ffffff;background-color:#555555", False),
        ("color:#ffffff;background:#555555 url(https://example.org/a.png)", False),
        ("color:#ffffff;background-color:#ffffff;background-image:url(https://example.org/a.png)", False),
    ],
)
def test_large_text_needs_less_and_over_pictures_nobody_can_tell(style, told, found):
    codes = [code for code, *_ in found(body=f'<mj-text><p style="{style}">Hej</p></mj-text>', code="L125")]
    assert codes == ["L125"] * told


def test_a_pair_of_colours_is_told_once(found):
    text = '<mj-text color="#999999">Hej</mj-text>'
    assert [code for code, *_ in found(body=text * 3)] == ["L125"]


def test_a_ground_is_told_where_the_text_leaves_its_colour_open(found):
    body = '\n<mj-section background-color="#222222"><mj-column>\n<mj-text>Hej</mj-text></mj-column></mj-section>'
    ((_, _, line, message),) = found(body=body)
    assert "#000000 on #222222" in message
    assert line == 10


DARK = """
<mj-style>
@media (prefers-color-scheme: dark) {
  .page { background-color: #111111 !important; }
  .page div { color: %s !important; }
}
</mj-style>
"""
PAGE = (
    '<mj-section css-class="page"><mj-column><mj-text css-class="page">Hej</mj-text></mj-column></mj-section>'
)


def test_dark_colours_are_judged_where_a_letter_brings_them(found):
    ((code, _, line, message),) = found(head=DARK % "#333333", body=PAGE)
    assert code == "L125"
    assert message == "`Hej` is hard to read in dark colours: #333333 on #111111 is a contrast of 1.4:1"
    assert line == 12


def test_dark_colours_that_can_be_read_are_fine(found):
    assert found(head=DARK % "#eeeeee", body=PAGE) == []


def test_colours_of_outlooks_apps_are_no_colours_of_light(found):
    head = "<mj-style>[data-ogsc] .page div { color: #ffffff !important; }</mj-style>"
    assert found(head=head, body=PAGE) == []


@pytest.mark.parametrize(
    "style",
    [
        "font-size:0",
        "font-size:0px;line-height:0",
        "display:none",
        "visibility:hidden",
        "opacity:0",
        "max-height:0;overflow:hidden",
        "color:#ffffff",
        "color:#fefefe",
    ],
)
def test_hidden_text_is_told(style, found):
    body = f'<mj-text><p>Hej</p>\n<p style="{style}">billigt snabbt gratis</p></mj-text>'
    ((_, severity, line, _),) = found(body=body, code="L126")
    assert (severity, line) == ("warning", 10)


def test_a_letter_whose_dark_ground_leaves_its_texts_black_is_told(found):
    head = "<mj-style>@media (prefers-color-scheme: dark) { body { background-color: #111111 !important; } }</mj-style>"
    told = found(head=head, body='<mj-text color="#222222">Hej</mj-text>', code="L125")
    assert any("#222222 on #111111" in message for *_, message in told)


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("<mj-preview>En rad före allt</mj-preview>", ""),
        ("", '<mj-raw><div style="display:none">En rad före allt &zwnj;&nbsp;</div></mj-raw>'),
        ("", '<mj-text><p>Hej</p><p style="font-size:0;line-height:0">&nbsp;</p></mj-text>'),
        (
            "",
            '<mj-text><p>Hej</p><img src="https://example.org/a.png" width="9" alt="" style="display:none"></mj-text>',
        ),
        (
            "<mj-style>.s { display: none; } @media (max-width: 480px) { .s { display: block !important; } }</mj-style>",
            '<mj-text><p>Hej</p><p class="s">Till programmet</p></mj-text>',
        ),
        (
            "",
            '<mj-navbar hamburger="hamburger"><mj-navbar-link href="https://example.org/">Hem</mj-navbar-link></mj-navbar>',
        ),
    ],
    ids=["preheader", "own-preheader", "spacer", "picture", "small-screens", "menu"],
)
def test_what_is_hidden_for_a_reason_is_not_told(head, body, found):
    assert found(head=head, body=body, code="L126") == []


def test_the_place_of_a_setting_is_where_the_template_prints_it(shipped, newsletter):
    toml = shipped / "newsletter.toml"
    toml.write_text(
        toml.read_text(encoding="utf-8").replace('muted = "#4a4f59"', 'muted = "#a0a0a0"'), encoding="utf-8"
    )
    called = newsletter("-C", shipped, "check", "valkommen-komm", "--json", "--now", "2015-06-10T09:00")
    told = [one for one in called.envelope["problems"] if one["code"] == "L125"]
    assert told
    for one in told:
        template = (shipped / one["file"]).read_text(encoding="utf-8").splitlines()
        assert "light.muted" in template[one["line"] - 1], one


def test_both_branches_of_a_condition_are_looked_at(found):
    body = (
        "\n{% if subscriber.first_name == 'Ada' %}<mj-text color=\"#aaaaaa\">Ada</mj-text>"
        '{% else %}<mj-text color="#bbbbbb">Du</mj-text>{% endif %}'
    )
    assert [(code, line) for code, _, line, _ in found(body=body)] == [("L125", 10), ("L125", 10)]


def test_any_page_is_read_without_failing():
    for html in (
        "",
        "<",
        "x",
        "<p",
        "\x00",
        "<style>",
        "<style>}{</style><p>x",
        '<p style="}{">x</p>',
        "<!-- x",
    ):
        for dark in (False, True):
            assert all(text.text for text in Letter(html).texts(dark=dark))
