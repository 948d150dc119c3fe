"""CSS that is none, pictures of CSS, sheets and fonts from elsewhere: told at the word that is wrong."""

import json
import re
from importlib.resources import files

import pytest

from newsletter.render.css import Kind, read_colour, read_sheet, read_style

OURS = ("L121", "L122", "L123", "L124")


def in_sheet(found, css, **more):
    sheet = f"<mj-style>\n{css}\n</mj-style>"
    return found(head=sheet, body='<mj-text><p class="a">Hej</p></mj-text>', code=OURS, **more)


def test_the_table_of_properties_has_its_form():
    table = json.loads((files("newsletter.check") / "css.json").read_text(encoding="utf-8"))
    assert table.keys() == {"origin", "licence", "units", "properties"}
    assert {"margin", "margin-left", "text-decoration-color", "color-scheme"} <= {*table["properties"]}
    assert {"px", "em", "rem", "vw"} <= {*table["units"]}
    assert all(re.fullmatch("[a-z-]+", name) for name in (*table["properties"], *table["units"]))


@pytest.mark.parametrize(
    ("declaration", "code", "severity"),
    [
        ("margn: 4px", "L121", "warning"),
        ("colour: red", "L121", "warning"),
        ("width: 16xp", "L122", "error"),
        ("color: #00000", "L122", "error"),
        ("background: #ggg", "L122", "error"),
        ("color: rad", "L122", "error"),
        ("margin: 16", "L122", "error"),
        ("padding-left: 1.5", "L122", "error"),
        ("background-color: #fff; background-image: url(lego.png)", "L123", "error"),
        ("background-color: #fff; background: url('http://example.org/a.png')", "L123", "error"),
        ("background-color: #fff; background: url(data:image/png;base64,AAAA)", "L123", "error"),
    ],
)
def test_what_is_no_css_is_told(declaration, code, severity, found):
    told = in_sheet(found, f".a {{ {declaration}; }}")
    assert [one[:3] for one in told] == [(code, severity, 9)]


@pytest.mark.parametrize(
    "declaration",
    [
        "margin: 0 auto",
        "margin: 0",
        "margin: -4px",
        "line-height: 1.5",
        "font-weight: 700",
        "color: inherit",
        "color: transparent",
        "color: CanvasText",
        "color: RED",
        "color: #FFF",
        "color: rgba(0, 0, 0, 0.5)",
        "border: 1px solid #ddd5c8",
        "border: 0",
        "mso-line-height-rule: exactly",
        "-webkit-text-size-adjust: 100%",
        "-ms-text-size-adjust: 100%",
        "font: 700 16px/1.5 Arial, sans-serif",
        "background-color: #fff; background-image: url(https://example.org/a.png)",
        "supported-color-schemes: light dark",
        "opacity: 0.5",
        "width: 16PX",
    ],
)
def test_what_is_css_is_not(declaration, found):
    assert in_sheet(found, f".a {{ {declaration}; }}") == []


def test_a_style_attribute_is_read_like_a_sheet(found):
    told = found(body='\n<mj-text><p style="margn:4px;width:16xp">Hej</p></mj-text>')
    assert [one[:3] for one in told] == [("L121", "warning", 10), ("L122", "error", 10)]


def test_a_background_attribute_has_to_lead_somewhere(found):
    body = '<mj-raw><table background="a.png"><tr><td>Hej</td></tr></table></mj-raw>'
    assert [one[0] for one in found(body=body)] == ["L123"]


@pytest.mark.parametrize(
    "css",
    [
        '@import url("https://example.org/a.css");',
        "@font-face { font-family: Lego; src: url(https://example.org/a.woff2); }",
    ],
)
def test_what_is_loaded_from_elsewhere_is_told(css, found):
    assert [one[:3] for one in in_sheet(found, css)] == [("L124", "warning", 9)]


def test_a_linked_sheet_is_told(found):
    body = '<mj-raw position="file-start"></mj-raw><mj-raw><link rel="stylesheet" href="https://example.org/a.css"></mj-raw>'
    assert "L124" in [one[0] for one in found(body=body)]


def test_a_font_of_a_component_is_told(found):
    head = (
        '\n<mj-font name="Lego" href="https://example.org/lego.css" />'
        '<mj-attributes><mj-text font-family="Lego, Arial" /></mj-attributes>'
    )
    assert [one[:3] for one in found(head=head)] == [("L124", "warning", 9)]


@pytest.mark.parametrize(
    ("address", "codes"),
    [
        ("http://example.org/a.png", ["L123"]),
        ("data:image/png;base64,AAAA", ["L123"]),
        ("https://example.org/a.png", []),
    ],
)
def test_the_ground_of_a_section_has_to_lead_somewhere(address, codes, found):
    body = f'<mj-section background-url="{address}" background-color="#ffffff"><mj-column><mj-text>Hej</mj-text></mj-column></mj-section>'
    assert [one[0] for one in found(body=body)] == codes


def test_a_sheet_inside_of_raw_html_is_read(found):
    assert [one[0] for one in found(head="<mj-raw><style>.a { margn: 4px }</style></mj-raw>")] == ["L121"]


def test_offsets_are_those_of_the_text():
    css = "/* å */\n.a > b { margin: 4px }\n@media print { .c { color: red !important; width: calc(1px + 2%) } }"
    first, second = read_sheet(css).rules
    assert css[first.declarations[0].at :].startswith("margin")
    color, width = second.declarations
    assert (css[color.at :][:5], color.important, second.within[0].keyword) == ("color", True, "media")
    assert [css[word.at :][: len(word.text)] for word in width.words] == ["calc", "1px", "2"]
    assert [word.kind for word in width.words] == [Kind.FUNCTION, Kind.MEASURE, Kind.PERCENTAGE]


def test_a_nonsense_of_css_is_read_without_failing():
    for text in ("", "}", "{", "a{b", "@", "@media", 'a{color:"', "\x00", "a{color:#}", "a{width:1e999px}"):
        read_sheet(text)
        read_style(text)


def test_colours_are_read():
    assert read_colour("#fff") == read_colour("white") == (1.0, 1.0, 1.0, 1.0)
    assert read_colour("nonsense") is None
    assert read_colour("oklch(50% 0.1 20)") == "oklch(50% 0.1 20)"
