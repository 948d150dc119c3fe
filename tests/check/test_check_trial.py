"""`check` asks many readers, and tells what goes wrong for any of them."""

import json
from pathlib import Path
from typing import Any

import pytest

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
    assert found(called) == [("M105", 6, "there is no item 1 here (for 1 of 40 readers)")]
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


@pytest.mark.parametrize(
    "instead",
    [
        "subscriber.email",
        "subscriber.email.split('@')[0]",
        "subscriber.email | upper",
        "subscriber.email[:4]",
        "subscriber.tags | join(', ')",
        "'hej ' ~ subscriber.tags[0]",
    ],
)
def test_what_another_field_says_of_a_reader_is_not_shown(small: Path, newsletter: Any, instead: str) -> None:
    body = f"Hej {{{{ subscriber.first_name or ({instead}) }}}}!\n\nSlut.\n"
    write(small, body, ["anna.svensson@example.org,,gravid;kund"])
    ((code, _, message),) = found(newsletter("-C", small, "check", "hej", "--json"))
    assert code == "L111"
    assert message.endswith("they read another field of theirs there")


def test_nothing_of_a_reader_is_shown_by_any_finding(small: Path, newsletter: Any) -> None:
    body = (
        "[Svara](http://example.org/?vem={{ subscriber.email | urlencode }}) - {{ subscriber.email }} - hej\n\n"
        "{{ subscriber.first_name }} - 5% och {{ subscriber.tags[0] }}.\n"
    )
    write(
        small, body, ["anna.svensson@example.org,{{ Svensson }},gravid - kund", "b@example.org,*|FNAME|*,x"]
    )
    told = newsletter("-C", small, "check", "hej", "--json")
    assert {code for code, _, _ in found(told)} >= {"L105", "L119", "L115"}
    told_at_rehearsal = newsletter("-C", small, "send", "hej", "--dry-run", "--json")
    for out in (told.out, json.dumps(told_at_rehearsal.envelope["problems"], ensure_ascii=False)):
        assert "nna" not in out
        assert "vensson" not in out
        assert "gravid" not in out
        assert "`{{…}}`" in out


def test_each_branch_is_looked_at_though_no_reader_of_the_few_has_it(small: Path, newsletter: Any) -> None:
    rows = [f"p{number}@example.org,Ada,{'x' if number == 37 else 'a'}" for number in range(40)]
    write(small, "{% if 'x' in subscriber.tags %}[här](http://example.org/){% endif %}\n\nSlut.\n", rows)
    codes = {code for code, _, _ in found(newsletter("-C", small, "check", "hej", "--json"))}
    assert codes == {"L105", "L116"}


def test_a_single_reader_without_a_way_out_stops_it(small: Path, newsletter: Any) -> None:
    template = small / "templates/plain.mjml"
    link = '<a href="{{ links.unsubscribe }}">Avregistrera</a>'
    written = template.read_text(encoding="utf-8")
    template.write_text(
        written.replace(link, f"{{% if 'x' not in subscriber.tags %}}{link}{{% endif %}}"), encoding="utf-8"
    )
    rows = [f"p{number:02}@example.org,Ada,{'x' if number == 37 else 'a'}" for number in range(40)]
    write(small, "Hej!\n", rows)
    called = newsletter("-C", small, "check", "hej", "--json")
    assert [message for code, _, message in found(called) if code == "L112"] == [
        "1 of 40 readers find no link to unsubscribe in the HTML"
    ]
    assert newsletter("-C", small, "send", "hej", "--dry-run").code == 3
    assert newsletter("-C", small, "send", "hej", "--confirm", "40").code == 3
    assert not [*(small / "out" / "outbox").rglob("*.eml")]


def test_those_count_who_would_be_mailed(small: Path, newsletter: Any) -> None:
    rows = ["a@example.org,Ada,a", "b@example.org,,x", "c@example.org,,a"]
    write(small, "Hej {{ subscriber.first_name }}!\n", rows)
    text = (small / "subscribers/lista.csv").read_text(encoding="utf-8")
    text = (
        text.replace("first_name,tags", "first_name,tags,status")
        .replace(",a\n", ",a,cleaned\n")
        .replace(",x\n", ",x,\n")
    )
    (small / "subscribers/lista.csv").write_text(text.replace("Ada,a,cleaned", "Ada,a,"), encoding="utf-8")
    ((_, _, message),) = found(newsletter("-C", small, "check", "hej", "--json"))
    assert message == "`first_name` is empty for 1 of 2 readers: they read nothing there"
    rehearsed = newsletter("-C", small, "send", "hej", "--dry-run", "--json").envelope["problems"]
    assert [one["message"] for one in rehearsed if one["code"] == "L110"] == [message]


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


def test_what_an_author_left_in_a_branch_is_no_fault_of_the_rows(small: Path, newsletter: Any) -> None:
    body = "{% if 'a' in subscriber.tags %}Hej {subscriber.first_name}, {% raw %}{{ x }}{% endraw %}.{% endif %}\n"
    write(small, f"{body}\nSlut.\n", ["a@example.org,Ada,a", "b@example.org,Bo,b"])
    told = found(newsletter("-C", small, "check", "hej", "--json"))
    assert [(code, line) for code, line, _ in told] == [("L115", 6)]
    assert "readers see `{subscriber.first_name}`" in told[0][2]
