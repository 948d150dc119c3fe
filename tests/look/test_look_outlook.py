"""Every letter and block as Outlook on Windows reads it: whole, 600 px wide, with buttons that can be seen."""

from collections.abc import Callable

import pytest
from lookbook.letters import Letter
from lookbook.outlook import VERSIONS, Element, Reading, seen_by_others, seen_by_word

from newsletter.render.mjml.engine import MjmlPython
from newsletter.render.mjml.layer import Page, compile_mjml

WIDTH = 600


@pytest.fixture(scope="module", params=["ours", "another"])
def pages(
    request: pytest.FixtureRequest,
    letters_in: Callable[[str], dict[tuple[str, str], Letter]],
    blocks_in: Callable[[str], dict[str, Letter]],
) -> dict[str, str]:
    """The HTML of every letter and block."""
    written = {f"{name} for {reader}": one.html for (name, reader), one in letters_in(request.param).items()}
    return written | {f"block {name}": one.html for name, one in blocks_in(request.param).items()}


def px(value: str) -> int:
    assert value.removesuffix("px").isdecimal(), value
    return int(value.removesuffix("px"))


def columns(page: Element) -> dict[Element, list[Element]]:
    """The cells that Outlook alone gets, by their row: what are columns elsewhere."""
    found: dict[Element, list[Element]] = {}
    for cell in page.walk():
        if cell.tag == "td" and cell.style.get("vertical-align") == "top" and "width" in cell.style:
            assert cell.parent is not None
            found.setdefault(cell.parent, []).append(cell)
    return found


def room(row: Element) -> int:
    """The pixels between the paddings of the cells around a row, up to the table that is as wide as the letter."""
    left = 0
    above = row.parent
    while above is not None:
        if above.tag == "td":
            left += above.padding()
        if above.tag == "table" and above.attributes.get("width") == str(WIDTH):
            return WIDTH - left
        above = above.parent
    raise AssertionError("a row of columns outside of a table of the letter's width")


def test_no_branch_is_unbalanced(pages: dict[str, str]) -> None:
    for name, html in pages.items():
        for version in VERSIONS:
            assert Reading(seen_by_word(html, version)).faults == [], (name, version)
        assert Reading(seen_by_others(html)).faults == [], name


def test_columns_fill_the_letter(pages: dict[str, str]) -> None:
    for name, html in pages.items():
        rows = columns(Reading(seen_by_word(html)).root)
        assert rows, name
        for row, cells in rows.items():
            assert sum(px(cell.style["width"]) for cell in cells) == room(row), name


def test_outlook_gets_the_letters_width_in_attributes(pages: dict[str, str]) -> None:
    for name, html in pages.items():
        page = Reading(seen_by_word(html)).root
        fixed = [one for one in page.walk() if one.tag == "table" and one.style.get("width") == f"{WIDTH}px"]
        assert fixed, name
        assert all(one.attributes.get("width") == str(WIDTH) for one in fixed), name
        for picture in (one for one in page.walk() if one.tag == "img"):
            assert 0 < px(picture.attributes["width"]) <= WIDTH - 48, (name, picture.attributes)


def test_buttons_have_their_ground_and_their_room_without_css(pages: dict[str, str]) -> None:
    seen = 0
    for name, html in pages.items():
        for cell in Reading(seen_by_word(html)).root.walk():
            if cell.tag == "td" and "button" in cell.attributes.get("class", "").split():
                seen += 1
                ground = next(one for one in cell.walk() if one.tag == "td" and "bgcolor" in one.attributes)
                assert ground.style["mso-padding-alt"] == "16px 24px", name
                link = next(one for one in ground.walk() if one.tag == "a")
                assert link.attributes["href"], name
                assert link.style["color"] != ground.attributes["bgcolor"], name
    assert seen >= 3


def test_grounds_are_given_where_outlook_looks_for_them(pages: dict[str, str]) -> None:
    """Word paints a section by the attribute of the table that only it gets."""
    seen = 0
    for name, html in pages.items():
        for one in Reading(seen_by_word(html)).root.walk():
            classes = one.attributes.get("class", "").split()
            if one.tag == "table" and {"tint-outlook", "banner-outlook"} & {*classes}:
                seen += 1
                assert one.attributes["bgcolor"], name
    assert seen > len(pages)


def test_a_ground_picture_is_read_in_vml_too() -> None:
    written = (
        '<mjml><mj-body><mj-section background-url="https://example.org/a.png" background-color="#eeeeee">'
        "<mj-column><mj-text>Hej</mj-text></mj-column></mj-section></mj-body></mjml>"
    )
    html = compile_mjml(written, Page("sv", "ltr", "Titel", ""), MjmlPython()).html
    word = Reading(seen_by_word(html))
    rectangle = next(one for one in word.root.walk() if one.tag == "v:rect")
    assert word.faults == []
    assert rectangle.style["width"] == "600px"
    assert {one.tag for one in rectangle.children} >= {"v:fill", "v:textbox"}
    assert Reading(seen_by_word(html.replace("</v:rect>", ""))).faults
    assert not [one for one in Reading(seen_by_others(html)).root.walk() if one.tag.startswith("v:")]


@pytest.mark.parametrize(
    "lost", ["</td></tr></table><![endif]-->", '<td style="vertical-align:top;width:552px;">']
)
def test_a_broken_branch_is_seen(lost: str, pages: dict[str, str]) -> None:
    html = pages["valkommen-komm for typical"]
    assert lost in html
    spoilt = html.replace(lost, "<![endif]-->" if lost.endswith("-->") else "", 1)
    assert Reading(seen_by_word(spoilt)).faults


def test_a_condition_that_nobody_knows_is_told() -> None:
    with pytest.raises(ValueError, match="nobody knows"):
        seen_by_word("<!--[if gte vml 1]>x<![endif]-->")
