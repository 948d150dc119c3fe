"""TOML that is none: the message is in plain words, the hint is the line as it should be."""

import pytest

from newsletter.errors import ChecksFailed, Place, Problem
from newsletter.files.toml import parse_toml, split_front_matter


def refused(text: str, *, first_line: int = 1) -> Problem:
    with pytest.raises(ChecksFailed) as caught:
        parse_toml(text, file="a.toml", first_line=first_line)
    (problem,) = caught.value.problems
    assert problem.code == "F101"
    return problem


@pytest.mark.parametrize(
    ("text", "at", "message", "hint"),
    [
        # quotes
        ("subject = Hej alla", "1:11", "text stands between quotes", 'subject = "Hej alla"'),
        ('subject = Hej"', "1:11", "text stands between quotes", 'subject = "Hej"'),
        (
            'a = 1\nsubject = "Hej\nb = 2',
            "2:11",
            "the text that begins here has no closing quote",
            'subject = "Hej"',
        ),
        ("subject = “Hej”", "1:11", "curly quotes are no quotes here", 'subject = "Hej"'),
        ('s = "Han sa "hej" nu"', "1:5", 'the text holds " and so ends too early', "s = 'Han sa \"hej\" nu'"),
        ("s = 'it's'", "1:5", "the text holds ' and so ends too early", 's = "it\'s"'),
        ('s = """abc\n\n', "1:5", "the text that begins here is never closed", 'end it with """'),
        (
            's = "C:\\path"',
            "1:8",
            "a backslash in double quotes begins an escape",
            "write it twice, or put the text in 'single quotes'",
        ),
        # dates, times, numbers
        (
            "send_at = 2015-06-30 08:00",
            "1:11",
            "a date with a time needs seconds, or quotes",
            'send_at = "2015-06-30 08:00"',
        ),
        (
            "at = 2015-06-30T08:00",
            "1:6",
            "a date with a time needs seconds, or quotes",
            'at = "2015-06-30 08:00"',
        ),
        ("at = 2015-02-30", "1:6", "there is no such date", "at = 2015-06-30"),
        ("to = 17:00", "1:6", "text stands between quotes", 'to = "17:00"'),
        ("wait = 2 days # long", "1:8", "text stands between quotes", 'wait = "2 days"'),
        (
            "nr = 01234",
            "1:6",
            "a number does not begin with 0; other digits are text in quotes",
            'nr = "01234"',
        ),
        # habits from elsewhere
        ("subject: Hej", "1:8", "a key and its value are joined by `=`, not by `:`", 'subject = "Hej"'),
        ("draft: no", "1:6", "a key and its value are joined by `=`, not by `:`", "draft = false"),
        ("tags:\n  - a", "1:5", "a key and its value are joined by `=`, not by `:`", 'tags = "…"'),
        ("a = 1\n---\n", "2:1", "`---` is a fence of YAML", "take the line out"),
        ("x = True", "1:5", "yes and no are written `true` and `false`", "x = true"),
        ("x = null", "1:5", "there is no empty value", 'take the line out, or x = ""'),
        ("// x", "1:1", "a comment begins with `#`", "# x"),
        ("a == 1", "1:4", "one `=` is enough", "a = 1"),
        ("a = 1;", "1:6", "nothing stands behind a value: take `;` out", "a = 1"),
        ("first name = 1", "1:1", "a key is one word", "first_name = …"),
        (
            "ålder = 1",
            "1:1",
            "a key with other signs than a-z, 0-9, `_` and `-` stands in quotes",
            '"ålder" = …',
        ),
        ("subject =", "1:10", "`subject` has no value", 'subject = "…", or take the line out'),
        # lists and tables
        ('tags = ["a" "b"]', "1:13", "a comma is missing between two items of the list", '["a", "b"]'),
        (
            'tags = ["a",\nb = 1',
            "1:8",
            "the list that begins here is never closed",
            'a list is written ["a", "b"]',
        ),
        ("tags = [\n  a,\n]", "2:3", "text stands between quotes", '"a"'),
        (
            "w = { a = 1,\n b = 2 }",
            "1:5",
            "a table in braces stands on one line, without a comma at its end",
            "{ a = 1, b = 2 }",
        ),
        ("[data", "1:1", "a table begins with its name in brackets, alone on the line", "[data]"),
        # twice
        ("a = 1\n\n\na = 2", "4:1", "`a` is written twice, first 3 lines above", "keep one of them"),
        ('a = """\n"""\n[d]\n[d]', "4:2", "`d` is written twice, first 1 line above", "keep one of them"),
        (
            "a.b = 1\na = 2",
            "2:1",
            "`a` can't be added: it, or the table that it belongs to, is complete above",
            "write all of it in one place",
        ),
    ],
)
def test_a_mistake_is_named_where_it_is_with_the_way_out(text: str, at: str, message: str, hint: str) -> None:
    problem = refused(text)
    assert (str(problem.place), problem.message, problem.hint) == (f"a.toml:{at}", message, hint)


def test_what_nobody_foresaw_still_has_a_place() -> None:
    problem = refused("a = 1\nb = {a.=1}")
    assert problem.place == Place("a.toml", 2, 8)
    assert problem.message.startswith("this is no TOML: ")


def test_nesting_without_end_is_refused() -> None:
    assert refused("a = " + "[" * 5000 + "]" * 5000).message == "lists or tables nest too deeply"


def test_lines_count_from_where_the_text_begins() -> None:
    assert refused("a = 1\nb = x", first_line=5).place == Place("a.toml", 6, 5)


@pytest.mark.parametrize("text", ["", "Hej\n", "\n+++\n", "++++\n", " +++\n", "# Rubrik\n+++\n+++\n"])
def test_a_text_without_front_matter_has_none(text: str) -> None:
    assert split_front_matter(text, file="c.md") is None


@pytest.mark.parametrize(
    ("text", "data", "body", "line"),
    [
        ("+++\n+++\n", {}, "", 3),
        ("+++\n+++", {}, "", 3),
        ("+++  \r\na = 1\r\n+++ \r\n\r\nHej\r\n+++\r\n", {"a": 1}, "\nHej\n+++\n", 4),
        ('+++\na = """\n+++\n"""\n+++\nHej', {"a": "+++\n"}, "Hej", 6),
    ],
)
def test_front_matter_ends_at_its_own_fence(text: str, data: object, body: str, line: int) -> None:
    found = split_front_matter(text, file="c.md")
    assert found is not None
    assert (found[0].data, found[1], found[2]) == (data, body, line)


def test_a_fence_of_yaml_is_refused_with_the_right_one() -> None:
    with pytest.raises(ChecksFailed) as caught:
        split_front_matter("---\nsubject: Hej\n---\n", file="c.md")
    assert [p.as_text() for p in caught.value.problems] == [
        (
            "error    F106  the file begins with `---`, the fence of YAML   c.md:1:1\n"
            '   try:  TOML stands between two lines `+++`, and a key is written `subject = "…"`'
        )
    ]


def test_front_matter_that_is_never_closed_says_so() -> None:
    with pytest.raises(ChecksFailed) as caught:
        split_front_matter('+++\nsubject = "Hej"\n\nHej alla!\n', file="c.md")
    assert [p.as_text() for p in caught.value.problems] == [
        (
            "error    F107  the front matter that begins here is never closed   c.md:1:1\n"
            "   try:  put a line `+++` below the last key, above the text"
        )
    ]


def test_a_mistake_above_a_second_fence_in_the_text_is_told_as_it_is() -> None:
    with pytest.raises(ChecksFailed) as caught:
        split_front_matter("+++\nsubject = Hej\n+++\ntext\n+++\n", file="c.md")
    assert caught.value.problems[0].place == Place("c.md", 2, 11)
