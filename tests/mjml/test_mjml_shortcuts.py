"""What is in order is seen at first sight. Here nothing is taken on sight: a closer look must come to the same."""

import re
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from newsletter.render.mjml import arrange, bodies, validate
from newsletter.render.mjml.fault import Fault, Faulty
from newsletter.render.mjml.tree import Element, parse

HTML = st.sampled_from([
    "<p>", "</p>", "<br/>", "<a href='x>y'>", '<a title="<b">', "<!--", "-->", "<!-->", "<style>", "</style>", "<STYLE>",
    "<stylex>", "<style_>", "<title-x>", "</title>", "<img src=x", ">", "<", "</", "'", '"', "text", "1 < 2", "&lt;", "\n", "<!doctype x>",
    "<![CDATA[ x ]]>", "<ſtyle>", "<a b='</p>'>", "<script>", "</script >", "<p =\"'\">",
])  # fmt: skip
PIECES = st.sampled_from([
    "<mj-section>", "</mj-section>", "<mj-column>", "</mj-column>", "<mj-text>Hej</mj-text>", "<mj-divider/>", "<mj-bild/>",
    '<mj-image src="a.png" alt="" padding="1px 2px 3px"/>', '<mj-text colour="red">x</mj-text>', '<mj-divider width="breit"/>',
    '<mj-wrapper mj-class="a b">', "</mj-wrapper>", "<mj-raw><hr></mj-raw>", "<mjml><mj-body><mj-text>x</mj-text></mj-body></mjml>",
    "<mj-hero mode='fluid-height'/>", "<mj-social><mj-social-element/></mj-social>", "<mj-all/>", "<mj-font/>", " ",
])  # fmt: skip
HEADS = st.sampled_from([
    "", "<mj-attributes><mj-all padding='0'/><mj-class name='a' color='red'/></mj-attributes>",
    "<mj-attributes><mj-text padding='breit'/><mj-all wert='1'/><mj-class/><mj-bild/></mj-attributes>",
    "<mj-all/><mj-style inline='nein'>p { color: red }</mj-style><mj-font><mj-all/></mj-font>",
])  # fmt: skip
NESTED = st.recursive(
    st.sampled_from(["<mj-text>Hej</mj-text>", "<mj-divider/>", "<mj-raw><hr></mj-raw>", ""]),
    lambda inner: st.builds(
        "<{0}>{1}</{0}>".format,
        st.sampled_from(["mj-section", "mj-column", "mj-wrapper", "mj-group"]),
        st.lists(inner, max_size=3).map("".join),
    ),
    max_leaves=5,
)
LETTERS = st.builds(
    "<mjml><mj-head>{}</mj-head><mj-body>{}</mj-body></mjml>".format,
    HEADS,
    st.lists(PIECES, max_size=9).map("".join) | NESTED,
)
SHIPPED = st.sampled_from(sorted((Path(__file__).parents[1] / "golden" / "letters").glob("*.mjml"))).map(
    lambda path: path.read_text(encoding="utf-8")
)


@given(st.lists(HTML, max_size=12).map("".join))
def test_a_body_that_looks_sound_is_sound(html: str) -> None:
    found = bodies._torn(html)
    with patch.object(bodies, "_SOUND", re.compile("(?!)")):
        assert bodies._torn(html) == found


@given(LETTERS | SHIPPED)
def test_a_component_that_looks_fine_is_fine(mjml: str) -> None:
    if (root := _read(mjml)) is None:
        return
    arrange.arrange(root)
    found = _validated(root)
    with (
        patch.object(validate, "_is_fine", lambda *_: False),
        patch.object(validate, "_is_fine_tag", lambda _: False),
    ):
        assert _validated(root) == found


@given(LETTERS | SHIPPED)
def test_a_letter_that_looks_arranged_is_arranged(mjml: str) -> None:
    one, other = _read(mjml), _read(mjml)
    if one is None or other is None:
        return
    arrange.arrange(one)
    with patch.object(arrange, "places", frozenset):
        arrange.arrange(other)
    assert _shape(one) == _shape(other)


def _read(mjml: str) -> Element | None:
    try:
        return parse(mjml)[0]
    except Faulty:
        return None


def _validated(root: Element) -> list[Fault]:
    return validate.validate(root.walk())


def _shape(element: Element) -> tuple[Any, ...]:
    return (
        element.name,
        element.attributes,
        element.body,
        element.at,
        [_shape(child) for child in element.children],
    )
