"""Our letters before other people's programs: another inliner, and a parser that reads as a browser does."""

import importlib.util
import sys
from pathlib import Path

import css_inline
import pytest

from newsletter.render.inline import inline_css
from newsletter.render.mjml.engine import MjmlPython
from newsletter.render.mjml.layer import Compiled, Page, compile_mjml

HERE = Path(__file__).parent
SHEETS = {
    "types": "p { color: red } a { text-decoration: underline } td { padding: 1px 2px } table { width: 100% }",
    "classes": ".copy { margin: 0 } .copy.ink { color: #123 } td .copy { line-height: 1.5 } div > p { margin: 1px }",
    "specificity": "p { color: red } .a { color: green } p.a { color: blue } #b { color: black } p { color: white }",
    "attributes": '[align="left"] { padding: 0 } a[href^="https"] { color: #456 } td[style] { margin: 2px }',
    "structure": "p:first-child { margin-top: 0 } td:last-child { padding: 3px } p + p { margin-top: 8px }",
    "shorthands": "p { margin: 1px } p { margin-left: 2px } td { border: 1px solid #abc; border-top: 0 }",
}


def _module(name: str):
    spec = importlib.util.spec_from_file_location(f"golden_{name}", HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


structure, letters, probes, readers = (
    _module(name) for name in ("structure", "letters", "probes", "readers")
)
REFUSED = _module("test_golden").REFUSED
SHIPPED = letters.shipped()


@pytest.fixture(scope="module")
def compiled() -> dict[str, Compiled]:
    """Each shipped letter as it is before its CSS is inlined."""
    page = Page("sv", "ltr", "Titel", "")
    return {name: compile_mjml(letters.raw(name), page, MjmlPython()) for name in SHIPPED}


def by_css_inline(html: str, css: str) -> str:
    inliner = css_inline.CSSInliner(
        load_remote_stylesheets=False,
        keep_style_tags=True,
        keep_link_tags=True,
        inline_style_tags=False,
        extra_css=css,
    )
    return inliner.inline(html)


@pytest.mark.parametrize("name", SHIPPED)
def test_another_inliner_makes_the_same_of_a_shipped_letter(name: str, compiled) -> None:
    html, css, _ = compiled[name]
    assert structure.tokens(inline_css(html, css)) == structure.tokens(by_css_inline(html, css))


@pytest.mark.parametrize("sheet", SHEETS)
def test_another_inliner_makes_the_same_of_a_sheet(sheet: str, compiled) -> None:
    html = compiled["almedalen-recap"].html.replace("<p>", '<p class="a">', 2).replace("<h1", '<h1 id="b"', 1)
    assert structure.tokens(inline_css(html, SHEETS[sheet])) == structure.tokens(
        by_css_inline(html, SHEETS[sheet])
    )


@pytest.mark.parametrize("branch", ["outlook", "others"])
@pytest.mark.parametrize("name", SHIPPED)
def test_a_browsers_parser_finds_nothing_wrong_in_a_shipped_letter(name: str, branch: str, compiled) -> None:
    html, css, _ = compiled[name]
    assert readers.read(readers.branches(inline_css(html, css))[branch]).faults == []


@pytest.mark.parametrize("branch", ["outlook", "others"])
def test_a_browsers_parser_finds_nothing_wrong_in_a_probe(branch: str) -> None:
    found = {}
    for name, mjml in probes.PROBES.items():
        if f"probes/{name}" not in REFUSED:
            html = compile_mjml(mjml, Page("sv", "ltr", "", ""), MjmlPython()).html
            found |= {name: errors} if (errors := readers.read(readers.branches(html)[branch]).faults) else {}
    assert found == {}


def test_the_parser_sees_a_broken_branch() -> None:
    html = "<!doctype html><html><head><title>x</title></head><body><!--[if mso]><table><tr><![endif]-->x</body></html>"
    assert readers.read(readers.branches(html)["others"]).faults == []
    assert readers.read(readers.branches(html)["outlook"]).faults != []
