"""The author's CSS on its way into style attributes: each trap of premailer has its remedy, and nothing is dropped."""

import socket
import urllib.request

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.render import inline
from newsletter.render.inline import inline_css
from newsletter.render.stylesheet import split_sheet, unreadable


def inlined(css: str, body: str = "<p>å</p>") -> str:
    return inline_css(f"<!doctype html><html><head></head><body>{body}</body></html>", css)


def style_of(css: str) -> str:
    return inlined(css).partition("<p style=")[2].partition(">å</p>")[0][1:-1]


KEPT = {
    "a:hover { color: red }": "a:hover { color: red !important }",
    "a, a:hover, a:not(:hover) { color: red }": "a:hover, a:not(:hover) { color: red !important }",
    "p::before { content: 'x' }": 'p::before { content: "x" !important }',
    "* { margin: 0 }": "* { margin: 0 !important }",
    "p:not(.a, .b) { margin: 0 }": "p:not(.a, .b) { margin: 0 !important }",
    '[title="a,b"] { margin: 0 }': '[title="a,b"] { margin: 0 !important }',
    "@media (max-width: 3px) { p { a: b } @supports (x: y) { p { c: d } } }": (
        "@media (max-width: 3px) { p { a: b !important } @supports (x: y) { p { c: d !important } } }"
    ),
    "@font-face { font-family: x; src: url(x) }": "@font-face { font-family: x; src: url(x) }",
    '@import "https://example.org/x.css";': '@import "https://example.org/x.css";',
    "@media screen { /* } */ p { content: '}' } }": '@media screen { p { content: "}" !important } }',
}


@pytest.mark.parametrize("css", KEPT)
def test_what_no_style_attribute_can_hold_is_kept_in_a_style_element(css: str) -> None:
    html = inlined(css)
    assert html.split("<style")[1].partition(">")[2].partition("</style>")[0].split() == KEPT[css].split()


def test_the_order_of_rules_is_kept() -> None:
    sheet = split_sheet("a{b:c} a:hover{d:e} @media x{f{g:h}} i:focus{j:k} l{m:n}")
    assert [selectors for selectors, _ in sheet.inline] == ["a", "l"]
    assert [rule.split()[0] for rule in sheet.kept] == ["a:hover", "@media", "i:focus"]


DECLARATIONS = {
    "width: calc(100% - 10px)": "width:calc(100% - 10px)",
    "color: rgb(1 2 3 / 50%)": "color:rgb(1 2 3 / 50%)",
    "margin: var(--x, 3px)": "margin:var(--x, 3px)",
    "aspect-ratio: 16/9": "aspect-ratio:16/9",
    "background: url('data:image/png;base64,AA==')": "background:url(&quot;data:image/png;base64,AA==&quot;)",
    "content: 'a;b}c'": "content:&quot;a;b}c&quot;",
    "filter: progid:X.Y(a='b')": "filter:progid:X.Y(a=&quot;b&quot;)",
    "mso-line-height-rule: exactly": "mso-line-height-rule:exactly",
    "-webkit-text-size-adjust: 100%": "-webkit-text-size-adjust:100%",
    "padding: 0 !important": "padding:0 !important",
}


@pytest.mark.parametrize("declaration", DECLARATIONS)
def test_a_declaration_reaches_the_attribute(declaration: str) -> None:
    assert style_of(f"p {{ {declaration} }}") == DECLARATIONS[declaration]


FAULTS = {
    "p { color }": ("T132", 9),
    "p { *zoom: 1 }": ("T132", 12),
    "p { color: red; color: blue }": ("T133", 16),
    "p { color: red !important }": ("T131", 4),
    "@media x { p { color } }": ("T132", 20),
    "a { b: c }\n  } d { e: f }": ("T132", 13),
}


@pytest.mark.parametrize("css", FAULTS)
def test_what_would_be_lost_is_told_with_its_place(css: str) -> None:
    (fault,) = split_sheet(css).faults
    assert (fault.code, fault.offset) == FAULTS[css]


def test_a_sheet_for_a_style_element_only_has_to_be_readable() -> None:
    assert unreadable("p { color: red !important; *zoom: 1 } a:hover{} @goodbye { @gmail }") == ()
    assert [fault.offset for fault in unreadable("p { } }")] == [6]


def test_nothing_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a look-up")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    body = '<p>å</p><link rel="stylesheet" href="https://example.org/a.css"><img src="https://example.org/a.png">'
    css = '@import "https://example.org/x.css"; @import url(//example.org/y.css); p { background: url(https://example.org/z.png) }'
    assert "url(https://example.org/z.png)" in inlined(css, body)


def test_the_inliner_itself_looks_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """No @import reaches it; if one did, it would yield nothing."""
    asked: list[object] = []
    monkeypatch.setattr(urllib.request, "urlopen", lambda *arguments, **_: asked.append(arguments))
    css = '@import "http://127.0.0.1:9/x.css"; p { color: red }'
    html = inline._premailer()(
        "<html><body><p>å</p></body></html>", css_text=[css], **inline._OPTIONS
    ).transform()
    assert asked == []
    assert "color:red" in html


def test_a_sheet_is_parsed_behind_the_lock_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """cssutils keeps switches in globals: two threads at once would read each other's."""
    locked: list[bool] = []
    door = inline._premailer()
    parse = door._parse_css_string

    def watched(self: object, css: str, validate: bool = True) -> object:
        locked.append(inline.LOCK.locked())
        return parse(self, css, validate)

    monkeypatch.setattr(door, "_parse_css_string", watched)
    assert "color" in inlined("p { color: #000001 } /* seen by no other test */")
    assert locked == [True]
    assert not inline.LOCK.locked()


def test_floats_and_positions_change_no_attribute() -> None:
    html = inlined(
        "img { float: left } td:nth-child(2) { color: red }",
        '<img src="x"><table><tr><td>a</td><td>b</td></tr></table>',
    )
    assert '<img src="x" style="float:left">' in html
    assert '<img style="float:right" src="x">' in inlined(
        "p { color: red }", '<p>å</p><img style="float:right" src="x">'
    )
    assert '<td style="color:red">b</td>' in html


def test_nothing_is_logged_of_what_it_does_not_know(capfd: pytest.CaptureFixture[str]) -> None:
    inlined("p { color: red }", '<p style="zoom-x: $$; mso-foo: 1; color: min(1px, 2px); { x">å</p>')
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "css", ["", "   ", "/* x */", "p { }", "@media x { }", "p { color: red } </style><script>x</script>"]
)
def test_odd_sheets_do_no_harm(css: str) -> None:
    html = inlined(css)
    assert html.startswith("<!doctype html>")
    assert "<script>" not in html.partition("<style")[0]
    assert ">å</p>" in html


NAMES = st.sampled_from(
    ["color", "margin", "font-size", "text-decoration", "line-height", "background-color"]
)
VALUES = st.sampled_from(
    ["red", "1px", "#A3203C", "0", "1px 2px", "underline", "1.5", "rgba(1, 2, 3, 0.5)", "inherit"]
)


@given(st.dictionaries(NAMES, VALUES, min_size=1))
def test_every_declared_property_arrives(declarations: dict[str, str]) -> None:
    style = style_of("p { " + "; ".join(f"{name}: {value}" for name, value in declarations.items()) + " }")
    arrived = dict(one.split(":", 1) for one in style.split("; "))
    assert {name: value.casefold() for name, value in arrived.items()} == {
        name: value.casefold() for name, value in declarations.items()
    }


@given(st.text("{}();:,.@!\"'/*\\#ap1 \n", max_size=60))
def test_no_sheet_makes_it_fall(css: str) -> None:
    html = inlined(css)
    assert html.startswith("<!doctype html>")
    assert "å" in html
