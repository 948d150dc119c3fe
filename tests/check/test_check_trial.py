"""`check` asks many readers, and tells what goes wrong for any of them."""

from pathlib import Path
from typing import Any

HEAD = '+++\nsubject  = "Hej"\ntemplate = "plain"\nsegment  = "lista"\n+++\n'


def write(project: Path, body: str, rows: list[str]) -> None:
    (project / "campaigns/hej.md").write_text(HEAD + body, encoding="utf-8")
    (project / "subscribers/lista.csv").write_text(
        "\n".join(["email,first_name,tags", *rows, ""]), encoding="utf-8"
    )


def found(called: Any) -> list[tuple[str, int, str]]:
    return [(one["code"], one["line"], one["message"]) for one in called.envelope["problems"]]


def test_a_single_reader_who_cannot_be_served_is_told(small: Path, newsletter: Any) -> None:
    rows = [f"p{number}@example.org,Ada,a;b" for number in range(40)]
    rows[33] = "ensam@example.org,Ada,a"
    write(small, "Ditt andra märke är {{ subscriber.tags[1] }}.\n", rows)
    called = newsletter("-C", small, "check", "hej", "--json")
    assert found(called) == [("M105", 6, "there is no item 1 here")]
    assert called.code == 3


def test_readers_without_a_field_are_counted_where_they_would_read_it(small: Path, newsletter: Any) -> None:
    rows = [f"p{number}@example.org,{'' if number % 4 == 0 else 'Ada'},a" for number in range(40)]
    write(
        small, "{% if 'a' in subscriber.tags %}Hej {{ subscriber.first_name }}!{% endif %}\n\nSlut.\n", rows
    )
    called = newsletter("-C", small, "check", "hej", "--json")
    assert found(called) == [
        ("L110", 6, "`first_name` is empty for 10 of 40 readers: they read nothing there")
    ]
    write(small, "{% if subscriber.first_name %}Hej {{ subscriber.first_name }}!{% endif %}\n\nSlut.\n", rows)
    assert found(newsletter("-C", small, "check", "hej", "--json")) == []


def test_what_another_field_says_of_a_reader_is_not_shown(small: Path, newsletter: Any) -> None:
    write(small, "Hej {{ subscriber.first_name or subscriber.email }}!\n\nSlut.\n", ["ensam@example.org,,a"])
    ((code, _, message),) = found(newsletter("-C", small, "check", "hej", "--json"))
    assert code == "L111"
    assert message.endswith("they read another field of theirs there")


def test_the_largest_letter_counts_for_the_limit(small: Path, newsletter: Any) -> None:
    rows = [f"p{number}@example.org,Ada,{'x' * 1000 if number == 37 else 'a'}" for number in range(40)]
    write(small, "{% for n in range(110) %}{{ subscriber.tags[0] }} {% endfor %}\n\nSlut.\n", rows)
    (only,) = [
        one
        for one in newsletter("-C", small, "check", "hej", "--json").envelope["problems"]
        if one["code"] == "L103"
    ]
    assert "for p***@example.org, the largest of 40 letters" in only["message"]
    assert only["message"].endswith("102,400 (1 of 40 letters)")
