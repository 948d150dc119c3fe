"""MJML held against the official component table: nothing that would be dropped passes in silence."""

import pytest

from newsletter.render.mjml.components import components, spoken, takes
from newsletter.render.mjml.engine import MjmlPython
from newsletter.render.mjml.fault import Faulty
from newsletter.render.mjml.layer import Page, compile_mjml

PAGE = Page("sv", "ltr", "Titel", "")


def faults(body: str, head: str = "") -> list[tuple[str, str, str]]:
    """Code, message and the text at the fault's place."""
    text = f"<mjml><mj-head>{head}</mj-head><mj-body>{body}</mj-body></mjml>"
    with pytest.raises(Faulty) as faulty:
        compile_mjml(text, PAGE, MjmlPython())
    return [
        (one.code, one.message, text[one.offset :][:12])
        for one in faulty.value.faults
        if one.offset is not None
    ]


WRONG = {
    "<mj-sectoin></mj-sectoin>": ("T121", "there is no component <mj-sectoin>", "<mj-sectoin>"),
    "<p>Hej</p>": ("T121", "<p> stands outside of a component", "<p>Hej</p></"),
    '<mj-include path="x"/>': ("T121", "there is no component <mj-include>", "<mj-include "),
    "<mj-section>Hej</mj-section>": ("T123", "the text “Hej” stands outside of a component", "Hej</mj-sect"),
    "<mj-column><mj-section/></mj-column>": ("T122", "<mj-section> can't stand in <mj-column>", "<mj-section/"),
    '<mj-social-element alt="x"/>': ("T122", "<mj-social-element> can't stand in <mj-body>", "<mj-social-e"),
    "<mj-head/>": ("T122", "<mj-head> can't stand in <mj-body>", "<mj-head/></"),
    '<mj-text colour="red">x</mj-text>': ("T124", "<mj-text> has no attribute `colour`", 'colour="red"'),
    '<mj-image alt="" width="512" src="https://x.example/a.png"/>': (
        "T125", '<mj-image>: width="512" is no value for it', '512" src="ht'),
    '<mj-text color="rde">x</mj-text>': ("T125", '<mj-text>: color="rde" is no value for it', 'rde">x</mj-t'),
    '<mj-text align="centre">x</mj-text>': ("T125", '<mj-text>: align="centre" is no value for it', 'centre">x</m'),
    '<mj-section padding="1px 2px 3px 4px 5px"/>': (
        "T125", '<mj-section>: padding="1px 2px 3px 4px 5px" is no value for it', "1px 2px 3px "),
}  # fmt: skip


@pytest.mark.parametrize("body", WRONG)
def test_a_mistake_has_its_place(body: str) -> None:
    assert faults(body) == [WRONG[body]]


HEADS = {
    '<mj-attributes><mj-txt color="red"/></mj-attributes>': "T121",
    '<mj-attributes><mj-text colour="red"/></mj-attributes>': "T124",
    '<mj-attributes><mj-all colour="red"/></mj-attributes>': "T124",
    '<mj-attributes><mj-class color="red"/></mj-attributes>': "T124",
    '<mj-attributes><mj-class name="a"><mj-text color="red"/></mj-class></mj-attributes>': "T127",
    '<mj-html-attributes><mj-selector path=".a"><mj-html-attribute name="b">c</mj-html-attribute></mj-selector>'
    "</mj-html-attributes>": "T127",
    '<mj-breakpoint width="wide"/>': "T125",
    "<mj-text>x</mj-text>": "T122",
}


@pytest.mark.parametrize("head", HEADS)
def test_the_head_is_checked_too(head: str) -> None:
    assert faults("<mj-text>x</mj-text>", head)[0][0] == HEADS[head]


def test_all_mistakes_are_told_at_once() -> None:
    found = faults('<mj-txt/>Hej<mj-text colour="x" align="y">z</mj-text>')
    assert [code for code, *_ in found] == ["T121", "T123", "T124", "T125"]


TYPES = {
    "color": (
        ["#fff", "#A3203C", "rgb(1, 2,3)", "rgba(1,2,3,0.5)", "transparent"],
        ["#ffff", "rot", "", "rgb(1)"],
    ),
    "unit(px,%)": (["0", "12px", "12.5%", ".5px"], ["12", "12em", "-1px", "12 px", ""]),
    "unitWithNegative(px,em)": (["-1px", "0.1em"], ["-1", "1%"]),
    "unit(px,%){1,4}": (["1px", "1px 2% 0 4px"], ["1px  2px", "1px 1px 1px 1px 1px"]),
    "unit(px,auto)": (["auto", "3px"], ["3%"]),
    "unit(px,%,)": (["1.5", "20px", "120%"], ["x"]),
    "enum(ltr,rtl)": (["ltr"], ["LTR", ""]),
    "enum(full-width,false,)": (["full-width", ""], ["true"]),
    "boolean": (["true", "false"], ["yes", ""]),
    "integer": (["12"], ["1.2", "x", ""]),
    "string": (["", "x"], []),
}


@pytest.mark.parametrize("kind", TYPES)
def test_a_type_takes_what_the_official_validator_takes(kind: str) -> None:
    good, bad = TYPES[kind]
    assert all(takes(kind)(value) for value in good)
    assert not any(takes(kind)(value) for value in bad)
    assert spoken(kind)


def test_the_table_is_the_whole_official_one() -> None:
    known = components()
    kinds = {kind for one in known.values() for kind in one.attributes.values()}
    assert len(known) == 34
    assert sum(len(one.attributes) for one in known.values()) > 390
    assert {kind for kind in kinds if takes(kind)("nonsense") and not kind.startswith("string")} == set()
