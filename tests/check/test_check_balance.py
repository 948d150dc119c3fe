"""Tags that don't meet, for each mail program and each reader, at the tag."""

from pathlib import Path

import pytest

from newsletter.check.balance import as_read, holds, unbalanced

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = sorted((ROOT / "tests" / "golden").rglob("*.html"))


@pytest.mark.parametrize(
    ("condition", "versions"),
    [
        ("mso", {12, 14, 15, 16}),
        ("!mso", set()),
        ("mso | IE", {12, 14, 15, 16}),
        ("gte mso 9", {12, 14, 15, 16}),
        ("(gte mso 9)|(IE)", {12, 14, 15, 16}),
        ("lte mso 11", set()),
        ("mso 12", {12}),
        ("gt mso 14", {15, 16}),
        ("lt mso 16", {12, 14, 15}),
        ("(gt mso 12)&(lt mso 16)", {14, 15}),
        ("!(mso 14)", {12, 15, 16}),
        ("IE", set()),
        ("!IE", {12, 14, 15, 16}),
        ("lt IE 9", set()),
        ("true", {12, 14, 15, 16}),
        ("", set()),
        ("((((", set()),
    ],
)
def test_conditions_are_read_as_outlook_does(condition, versions):
    assert {version for version in (12, 14, 15, 16) if holds(condition, version)} == versions


@pytest.mark.parametrize(
    ("html", "outlook", "others"),
    [
        ("a<!--[if mso]>b<![endif]-->c", "abc", "ac"),
        ("a<!--[if !mso]><!-->b<!--<![endif]-->c", "ac", "abc"),
        ("a<!--[if !mso]>-->b<!--<![endif]-->c", "ac", "abc"),
        ("a<![if !mso]>b<![endif]>c", "ac", "abc"),
        ("a<!--[if lt mso 12]>b<![endif]-->c", "ac", "ac"),
    ],
)
def test_a_letter_is_read_as_each_program_does(html, outlook, others):
    assert as_read(html, 16).replace(" ", "") == outlook
    assert as_read(html, None).replace(" ", "") == others
    assert as_read(html, 16).rstrip() == as_read(html, 16)[: len(html)].rstrip()


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_the_official_compilers_letters_are_balanced_for_everybody(file):
    html = file.read_text(encoding="utf-8")
    for outlook in (None, 12, 14, 15, 16):
        assert unbalanced(as_read(html, outlook)) is None


@pytest.mark.parametrize(
    ("html", "what"),
    [
        ("<b>a", "<b> is never closed"),
        ("a</b>", "</b> closes nothing"),
        ("<div><b>a</div>", "<b> is not closed before </div>"),
        ("<table><tr><td>a</table>", None),
        ("<ul><li>a<li>b</ul>", None),
        ("<p>a<p>b", None),
        ("<br><img src=a><hr/><v:fill a='b'/>", None),
        ("<v:rect><v:textbox>a</v:textbox></v:rect>", None),
        ("<span/>", "<span> is never closed"),
        ("<style>a > b { content: '</b>' }</style>", None),
        ('<a title="</div>">a</a>', None),
        ("<!-- </div> -->", None),
    ],
)
def test_what_is_balanced(html, what):
    found = unbalanced(html)
    assert (found.what if found else None) == what


def test_a_tag_that_closes_nothing_is_told_at_its_place(found):
    body = "<mj-text>Hej\n</div></mj-text>"
    assert found(body=body) == [("L127", "error", 10, "</div> closes nothing")]


def test_what_is_torn_for_outlook_alone_is_said_to_be(found):
    body = "<mj-text><!--[if mso]><table><tr><td><![endif]-->Hej<!--[if mso]></td></tr><![endif]--></mj-text>"
    assert found(body=body) == [("L127", "error", 9, "<table> is never closed in Outlook for Windows")]


def test_what_is_torn_for_the_others_is_said_to_be(found):
    body = "<mj-text><!--[if !mso]><!--><div><!--<![endif]-->Hej</mj-text>"
    assert found(body=body) == [("L127", "error", 9, "<div> is never closed for all but Outlook for Windows")]


def test_a_condition_without_end_is_told(found):
    ((code, _, _, message),) = found(body="<mj-text><!--[if mso]>a-->Hej</mj-text>")
    assert code == "L127"
    assert "never ended" in message


def test_raw_pieces_beside_each_other_are_read_as_one(found):
    body = '<mj-raw><div class="page"></mj-raw><mj-text>Hej</mj-text><mj-raw></div></mj-raw>'
    assert found(body=body) == []
    assert [code for code, *_ in found(body='<mj-raw><div class="page"></mj-raw>')] == ["L127"]


def test_a_ghost_table_around_components_is_fine(found):
    body = (
        "<mj-raw><!--[if mso]><table><tr><td><![endif]--></mj-raw><mj-text>Hej</mj-text>"
        "<mj-raw><!--[if mso]></td></tr></table><![endif]--></mj-raw>"
    )
    assert found(body=body) == []


@pytest.mark.parametrize(
    ("text", "torn"),
    [
        (
            "{% if subscriber.first_name %}<b>{% endif %}Hej{% if subscriber.first_name %}</b>{% endif %}",
            False,
        ),
        ("{% if subscriber.first_name %}<b>Hej</b>{% else %}<i>Hej</i>{% endif %}", False),
        ("{% if subscriber.first_name %}<b>{% else %}<i>{% endif %}Hej</b>", True),
        ("{% if subscriber.first_name %}<div>{% endif %}Hej", True),
        ("{% for tag in subscriber.tags %}<b>{{ tag }}</b>{% endfor %}", False),
    ],
)
def test_what_readers_get_is_looked_at_not_what_stands_in_the_file(text, torn, found):
    codes = {code for code, *_ in found(body=f"<mj-text>{text}</mj-text>", code="L127")}
    assert codes == ({"L127"} if torn else set())
