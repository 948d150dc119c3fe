"""Large style elements and pictures without a width."""

import pytest

SHEET = "<mj-style{kind}>{css}</mj-style>"


def rules(characters: int, selector: str = ".a:hover") -> str:
    rule = selector + " { text-decoration: underline; }\n"
    return rule * (characters // len(rule) + 1)


@pytest.mark.parametrize(("characters", "severity"), [(8_300, "warning"), (16_500, "error")])
def test_a_large_style_element_is_told(characters, severity, found):
    told = found(head="\n" + SHEET.format(kind="", css=rules(characters)))
    assert [one[:3] for one in told] == [("L128", severity, 9)]


def test_a_small_one_is_not(found):
    assert found(head=SHEET.format(kind="", css=rules(7_000))) == []


def test_what_is_inlined_weighs_nothing_there(found):
    css = rules(9_000, selector=".a")
    assert found(head=SHEET.format(kind=' inline="inline"', css=css)) == []


def test_what_an_inlined_sheet_leaves_weighs(found):
    told = found(head=SHEET.format(kind=' inline="inline"', css=rules(9_000)))
    assert [one[0] for one in told] == ["L128"]


PICTURE = '<img src="https://example.org/a.png" alt=""{}>'


@pytest.mark.parametrize(
    ("html", "told"),
    [
        (PICTURE.format(""), True),
        (PICTURE.format(' style="width:40px"'), True),
        (PICTURE.format(' width=""'), True),
        (PICTURE.format(' width="40"'), False),
        (f"<!--[if !mso]><!-->{PICTURE.format('')}<!--<![endif]-->", False),
        (f"<!-- {PICTURE.format('')} -->", False),
    ],
)
def test_a_picture_without_a_width_is_told(html, told, found):
    assert [code for code, *_ in found(body=f"<mj-text>Hej {html}</mj-text>")] == ["L129"] * told


def test_pictures_of_components_and_of_authors_have_theirs(found):
    assert found(body='<mj-image src="https://example.org/a.png" alt="" />') == []


def test_a_picture_as_data_is_told_at_its_place(found):
    picture = '<img src="data:image/png;base64,AAAA" width="1" alt="">'
    assert [one[:3] for one in found(body=f"\n<mj-text>Hej {picture}</mj-text>")] == [("L106", "error", 10)]


def test_data_that_is_no_picture_is_taken_for_code(found):
    link = '<a href="data:image/png;base64,AAAA">Hej</a>'
    frame = '<img src="data:text/html,AAAA" width="1" alt="">'
    for html in (link, frame):
        assert [one[0] for one in found(body=f"<mj-text>{html}</mj-text>", code=("L106", "M107"))] == ["M107"]
