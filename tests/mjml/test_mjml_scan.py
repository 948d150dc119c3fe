"""The scanner: nothing lost, every place right, linear, and a word for each text that is no MJML."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.render.mjml.fault import Faulty
from newsletter.render.mjml.scan import scan
from newsletter.render.mjml.tree import MAX_DEPTH, parse

PIECES = st.sampled_from([
    "<mjml>", "</mjml>", "<mj-body>", "</mj-body>", "<mj-text a='b' c=\"d>\">", "</mj-text >", "<p>x</p>", "å", "\n", " ",
    "<!-- > -->", "<?xml version='1.0'?>", "<!DOCTYPE html>", "<mj-image src='x'/>", '<mj-image src = "y" />', "&amp;",
    "<", ">", "'", '"', "=", "/", "<mj-raw>", "</mj-raw>", "<mj-column", "-->", "<![CDATA[ < ]]>",
])  # fmt: skip


@given(st.lists(PIECES, max_size=30).map("".join))
def test_nothing_is_lost_and_every_place_is_right(text: str) -> None:
    position, faults = 0, ()
    try:
        for start, end, tag, behind in scan(text):
            assert position <= start < end <= behind
            assert "<" not in text[position:start]
            position = behind
            if tag is None:
                assert text.startswith(("<!", "<?"), start)
                continue
            assert text.startswith(f"<{tag.name}" if tag.opens else f"</{tag.name}", start)
            assert text[end - 1] == ">"
            for attribute in tag.attributes(start):
                assert text.startswith(attribute.name, attribute.at)
                assert text.startswith(attribute.value, attribute.value_at)
                assert text[attribute.value_at - 1] in "\"'"
    except Faulty as faulty:
        faults = faulty.faults
    assert faults or "<" not in text[position:]
    assert all(0 <= fault.offset <= len(text) for fault in faults)


def test_an_ending_tag_keeps_its_body_as_it_is() -> None:
    text = "<mj-text>1 < 2 <br> </P> <!-- x --> & </b></mj-text>"
    (_, end, tag, behind), (closing, _, _, _) = scan(text)
    assert tag.has_body
    assert text[end:behind] == "1 < 2 <br> </P> <!-- x --> & </b>"
    assert closing == behind


WRONG = {
    "<mjml><mj-body>&</": ("T120", 17 - 1, "this is no tag: </"),
    "<mjml a>": ("T120", 6, "<mjml>: `a` has no value"),
    "<mjml a=b>": ("T120", 8, "<mjml>: the value of `a` stands without quotes"),
    '<mjml a="b>': ("T120", 8, "<mjml>: the value of `a` has no closing quote"),
    '<mjml a="b"c="d">': ("T120", 11, "<mjml>: nothing parts `c` from what is before it"),
    "<mjml 'a'>": ("T120", 6, "<mjml>: `'a'>` is no attribute"),
    "<mjml <p>": ("T120", 0, "the tag <mjml> has no end"),
    "<mjml": ("T120", 0, "the tag <mjml> has no end"),
    "</mjml": ("T120", 0, "</mjml has no end"),
    "<!-- x": ("T120", 0, "this has no end: <!-- x"),
    "<mj-text>x": ("T120", 0, "<mj-text> is never closed"),
    "<mj-text>a<mj-text>b</mj-text>": ("T120", 0, "<mj-text> is never closed"),
    "<mj-text>a<mj-text>b</mj-text></mj-text>": (
        "T122",
        10,
        "<mj-text> stands in <mj-text>, which takes HTML only",
    ),
    "<mj-text>a<mj-image/></mj-text>": ("T122", 10, "<mj-image> stands in <mj-text>, which takes HTML only"),
}


@pytest.mark.parametrize("text", WRONG)
def test_what_cannot_be_read_is_told_with_its_offset(text: str) -> None:
    with pytest.raises(Faulty) as faulty:
        list(scan(text))
    (fault,) = faulty.value.faults
    assert (fault.code, fault.offset, fault.message) == WRONG[text]


@pytest.mark.parametrize(
    "text",
    [
        "<" * 100_000,
        "<mj-text " * 50_000,
        "<mj-text>" * 50_000,
        "<mjml><mj-body>" + "<mj-section>" * 50_000,
        "<mjml><mj-body>" + "<mj-raw><" * 50_000 + "</mj-raw>",
        "<mjml " + "a='b' " * 50_000 + ">",
        "<!--" * 50_000,
        "<a" * 100_000,
        "'" * 100_000 + "<" + '"' * 100_000,
        "<mjml><mj-body>" + "</mj-text" * 50_000,
    ],
    ids=range(10),
)
def test_absurd_texts_end_soon(text: str) -> None:
    began = time.process_time()
    with pytest.raises(Faulty):
        parse(text)
    assert (
        time.process_time() - began < 5
    )  # a linear reader takes a tenth of that; a quadratic one takes minutes


def test_components_too_deep_in_each_other_are_refused() -> None:
    fits = "<mjml><mj-body>" + "<mj-wrapper>" * (MAX_DEPTH - 3) + "</mj-wrapper>" * (MAX_DEPTH - 3)
    parse(fits + "</mj-body></mjml>")
    with pytest.raises(Faulty, match="components stand more than 64 deep"):
        parse("<mjml><mj-body>" + "<mj-wrapper>" * MAX_DEPTH)
