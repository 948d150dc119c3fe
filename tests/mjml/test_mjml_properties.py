"""Any valid letter: it compiles, loses no text and no address, and a mistake is found where it was made."""

import importlib.util
import re
import sys
from pathlib import Path

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from newsletter.render.inline import inline_css
from newsletter.render.mjml.components import components, takes
from newsletter.render.mjml.engine import MjmlPython
from newsletter.render.mjml.fault import Fault, Faulty
from newsletter.render.mjml.layer import Page, compile_mjml
from newsletter.render.mjml.scan import scan


def _module(file: str):
    path = Path(__file__).parent / file
    spec = importlib.util.spec_from_file_location(f"mjml_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


made, readers, structure = (
    _module(file) for file in ("documents.py", "../golden/readers.py", "../golden/structure.py")
)
Document, documents, read, branches = made.Document, made.documents, readers.read, readers.branches
PAGE = Page("sv", "ltr", "", "")
SHEET = "p { margin: 1px } .stor { color: #123 } td > div { line-height: 1.5 } a:hover { color: red } @media print { p { color: #000 } }"
many = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def html_of(document: Document) -> str:
    return compile_mjml(document.mjml, PAGE, MjmlPython()).html


def faults_of(mjml: str) -> tuple[Fault, ...]:
    try:
        return compile_mjml(mjml, PAGE, MjmlPython()).findings
    except Faulty as faulty:
        return faulty.faults


@many
@given(documents())
def test_nothing_that_was_written_is_lost(document: Document) -> None:
    html = html_of(document)
    for branch in branches(html).values():
        page = read(branch)
        assert [word for word in document.texts if word not in page.shown] == []
        assert page.faults == []
    assert [one for one in document.values if one not in read(html).attributes] == []
    compared = " ".join(structure.tokens(html))  # what the golden files are held against loses nothing either
    assert [word for word in document.texts if word not in compared] == []


@many
@given(documents())
def test_inlining_changes_style_attributes_and_nothing_else(document: Document) -> None:
    html = html_of(document)
    inlined = inline_css(html, SHEET)
    assert inlined.startswith("<!doctype html>")
    comments, kept = (re.findall(r"<!--.*?-->", one, re.DOTALL) for one in (html, inlined))
    assert comments == kept
    before, after = read(html), read(inlined)
    assert before.shown.split() == after.shown.split()
    assert after.faults == []
    changed = ("style", "checked", "type")  # `checked` is written shorter; one more style element has a type
    others = [one for one in before.attributes if one[0] not in changed]
    assert [one for one in after.attributes if one[0] not in changed] == others


@many
@given(documents())
def test_one_letter_always_becomes_the_same_page(document: Document) -> None:
    assert html_of(document) == html_of(document)


@many
@given(documents(), st.data())
def test_a_mistake_is_found_where_it_was_made(document: Document, data: st.DataObject) -> None:
    tags = [
        (start, end, tag)
        for start, end, tag, _ in scan(document.mjml)
        if tag and tag.opens and tag.name != "mjml"
    ]
    start, end, tag = data.draw(st.sampled_from(tags))
    behind = start + 1 + len(tag.name)
    mistake = data.draw(st.sampled_from(["attribute", "value", "name", "text", "open"]))
    mjml = document.mjml
    if mistake == "attribute":
        broken, code, offset = mjml[:behind] + ' storlek="1"' + mjml[behind:], "T124", behind + 1
        assume(tag.name not in ("mj-all", "mj-class"))
    elif mistake == "value":
        assume(tag.name in components())
        typed = [
            one
            for one in tag.attributes(start)
            if not takes(components()[tag.name].attributes[one.name])("¤")
        ]
        assume(typed)
        one = data.draw(st.sampled_from(typed))
        broken, code, offset = mjml[: one.value_at] + "¤" + mjml[one.value_at :], "T125", one.value_at
    elif mistake == "name":
        assume(tag.closes)
        broken, code, offset = mjml[:behind] + "x" + mjml[behind:], "T121", start
    elif mistake == "text":
        assume(tag.closes)
        broken, code, offset = mjml[:end] + "vilse" + mjml[end:], "T123", end
    else:
        assume(not tag.closes and tag.name != "mj-body")
        closing = mjml.index(f"</{tag.name}>", end)
        assume(f"<{tag.name}" not in mjml[end:closing])
        broken, code, offset = mjml[:closing] + mjml[closing + len(f"</{tag.name}>") :], "T120", None
    found = [(fault.code, fault.offset) for fault in faults_of(broken)]
    assert any(one == code and offset in (None, at) for one, at in found), (mistake, tag, found)


@given(st.text(alphabet="<>/=\"' mj-textraw\n&;éq!", max_size=80))
def test_no_text_ends_otherwise_than_in_findings(text: str) -> None:
    inside = f"<mjml><mj-body>{text}</mj-body></mjml>"
    for mjml in (text, inside, f"<mjml><mj-body><mj-text {text}</mj-text></mj-body></mjml>"):
        codes = {fault.code for fault in faults_of(mjml)}
        assert all(code.startswith("T") for code in codes)
