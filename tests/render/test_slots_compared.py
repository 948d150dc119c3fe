"""What counts as a difference between two letters: whatever a reader's program would make something else of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.render.composition import Content
from newsletter.render.deferral.compare import _alike, _items, _pieces, difference

OTHERWISE = {
    "an attribute broken open": ('<p title="&quot; onclick=&quot;x">', '<p title="" onclick="x">'),
    "an address broken open": ('<a href="https://x/?a=%22 onclick=%22y">', '<a href="https://x/?a=" onclick="y">'),
    "a parameter more": ('<a href="https://x/?a=%26b=1">', '<a href="https://x/?a=&b=1">'),
    "an anchor": ('<a href="https://x/%23b">', '<a href="https://x/#b">'),
    "blanks between words": ("<p>a <b>b</b> c</p>", "<p>a<b>b</b>c</p>"),
    "a blank beside a picture": ("<p>a <img></p>", "<p>a<img></p>"),
    "a hard space": ("<p>a&nbsp;b</p>", "<p>a b</p>"),
    "kept lines": ("<pre>a\n  b</pre>", "<pre>a b</pre>"),
    "text as a tag": ("<p>&lt;b&gt;</p>", "<p><b></p>"),
    "an escape escaped": ("<p>&amp;amp;</p>", "<p>&amp;</p>"),
    "the end of a comment": ("<!--[if mso]>--&gt;<![endif]-->", "<!--[if mso]>--><![endif]-->"),
    "without quotes": ('<b class="a onclick=x">', "<b class=a onclick=x>"),
    "a class more": ('<b class="a b">', '<b class="a">'),
    "an item's end missing": ("<li>a</li><li>b</li>", "<li>a<li>b</li>"),
    "an item missing": ("<li></li><li>b</li>", "<li>b</li>"),
    "a hidden text": ('<body><div style="display:none;font-size:1px">a</div>', "<body>"),
    "a text missing": ("<p>a</p><p>b</p>", "<p>a</p><p></p>"),
    "the end missing": ("<p>a</p>", "<p>a"),
    "a rule more": ("<style>a { b: c }</style>", "<style>a { b: c } p { d: e }</style>"),
    "a rule less": ("<style>a { b: c } p { d: e }</style>", "<style>a { b: c }</style>"),
    "rules in another order": ("<style>a { b: c } p { d: e }</style>", "<style>p { d: e } a { b: c }</style>"),
    "a rule for another screen": ("<style>@media a { p { d: e } }</style>", "<style>@media b { p { d: e } }</style>"),
}  # fmt: skip
THE_SAME = {
    "quotes": ("<p title=\"a\">'&quot;</p>", "<p title='a'>&#39;\"</p>"),
    "percent signs": ('<a href="https://x/å?a=%C3%A5 b">', '<a href="https://x/%C3%A5?a=å%20b">'),
    "order of attributes": ('<p a="1" B="2">', '<p b="2" a="1"/>'),
    "blanks around blocks": ("<div> <p> a  b </p> </div>", "<div><p>a b</p></div>"),
    "comments that end where the next begins": (
        "<!--[if mso | IE]><td><![endif]--> <!--[if mso | IE]></td><![endif]-->",
        "<!--[if mso | IE]><td></td><![endif]-->",
    ),
    "an empty item": ("<ul><li><li>a</li></ul>", "<ul><li> </li><li>a</li></ul>"),
    "an empty preheader": ('<body><div style="display:none;font-size:1px"> </div>', "<body>"),
    "a component's rule more": ("<style>a { b: c }</style>", "<style>a { b: c } .mj-column-per-50 { d: e }</style>"),
}  # fmt: skip


def differ(one: str, other: str) -> bool:
    return difference(Content("", "", (one,), ""), Content("", "", (other,), "")) != ""


@pytest.mark.parametrize("probe", OTHERWISE)
def test_it_is_another_letter(probe: str) -> None:
    one, other = OTHERWISE[probe]
    assert differ(one, other)
    assert differ(other, one) or probe == "a rule more"


@pytest.mark.parametrize("probe", THE_SAME)
def test_it_is_the_same_letter(probe: str) -> None:
    assert not differ(*THE_SAME[probe])


@pytest.mark.parametrize("part", ["subject", "preheader", "text"])
def test_texts_are_the_same_sign_by_sign(part: str) -> None:
    texts = {"subject": "", "preheader": "", "pieces": (), "text": ""}
    assert difference(Content(**texts), Content(**{**texts, part: " "})) != ""


BITS = [
    "<p>", "</p>", "<td>", "</td>", "<li>", "</li>", "<b>", "</b>", "<img>", "<pre>", "</pre>", "<!-- a -->", "a", " ", "b ", " c",
    "\n", "<div class='a'>", '<div class="a">', "</div>", "<!--[if mso]>", "<![endif]-->",
]  # fmt: skip
html = st.lists(st.sampled_from(BITS), max_size=12).map("".join)


@given(html, html, html, html)
def test_what_both_have_before_and_behind_needs_no_second_look(
    before: str, one: str, other: str, behind: str
) -> None:
    pieces, others = _pieces(before + one + behind), _pieces(before + other + behind)
    assert _alike(pieces, others) == ([*_items(pieces)] == [*_items(others)])
