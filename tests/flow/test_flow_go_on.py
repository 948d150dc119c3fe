"""A send that goes on: under the rails it was begun under, or not at all."""

import errno
import os
import time
from pathlib import Path

import pytest

JULY = ("--now", "2015-07-03T09:00")


@pytest.fixture
def begun(small, newsletter):
    """Frozen and not sent to anybody: the outbox was no folder at that moment."""
    (small / "out").mkdir()
    (small / "out" / "outbox").write_text("", encoding="utf-8")
    assert newsletter("-C", small, "send", "hej", "--confirm", "3").code == 5
    (small / "out" / "outbox").unlink()
    return small


def sent(project) -> int:
    return len(list((project / "out").rglob("*.eml")))


def test_it_goes_on_when_all_is_as_it_was(begun, newsletter):
    assert newsletter("-C", begun, "send", "hej").code == 0
    assert sent(begun) == 3


def test_a_file_that_cannot_be_read_is_not_said_to_have_changed(begun, newsletter, monkeypatch):
    """Whoever believed that would send the same text to those who are left as a new one."""
    real = Path.read_bytes

    def read_bytes(path: Path) -> bytes:
        if path.name == "plain.mjml":
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return real(path)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", read_bytes)
        called = newsletter("-C", begun, "send", "hej")
    assert (called.code, sent(begun)) == (6, 0)
    assert "`templates/plain.mjml` can't be read: Too many open files" in called.err
    assert "changed" not in called.err
    assert newsletter("-C", begun, "send", "hej").code == 0


def test_a_list_that_cannot_be_read_may_hide_an_opt_out(begun, newsletter):
    (begun / "subscribers" / "nej.csv").write_bytes(
        "email,first_name,status\nasa@example.org,Åsa,unsubscribed\n".encode("cp1252")
    )
    called = newsletter("-C", begun, "send", "hej")
    assert (called.code, sent(begun)) == (3, 0)
    assert newsletter("-C", begun, "status", "hej", "--json").data["counts"]["ready"] == 3


@pytest.mark.parametrize("command", [("send", "hej"), ("run", *JULY)])
def test_nobody_counts_as_gone_because_a_list_is(begun, newsletter, command):
    file = begun / "subscribers" / "lista.csv"
    text = file.read_text(encoding="utf-8")
    for loss in (file.unlink, lambda: file.write_text(text.splitlines()[0] + "\n", encoding="utf-8")):
        loss()
        assert newsletter("-C", begun, *command).code != 0
        assert newsletter("-C", begun, "status", "hej", "--json").data["counts"]["ready"] == 3
        file.write_text(text, encoding="utf-8")
    assert newsletter("-C", begun, "send", "hej").code == 0
    assert sent(begun) == 3


def test_what_is_begun_shows_when_its_file_is_gone_or_broken(begun, newsletter):
    file = begun / "campaigns" / "hej.md"
    text = file.read_text(encoding="utf-8")
    for loss in (file.unlink, lambda: file.write_text("trasig", encoding="utf-8")):
        loss()
        assert newsletter("-C", begun, "status", "--check").code == 7
        called = newsletter("-C", begun, "status", "hej", "--check", "--json")
        assert (called.code, called.data["counts"]["ready"]) == (7, 3)
        assert "hej" in newsletter("-C", begun, "run", *JULY).err
    file.write_text(text, encoding="utf-8")
    assert newsletter("-C", begun, "send", "hej").code == 0
    assert sent(begun) == 3


def test_another_provider_knows_nothing_of_it(begun, newsletter, monkeypatch):
    monkeypatch.setenv("NEWSLETTER_PROVIDER", "sendgrid")
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.a.b")
    for command in (("send", "hej"), ("resolve", "hej")):
        called = newsletter("-C", begun, *command)
        assert called.code == 6
        assert "G142" in called.err


def test_a_rule_of_the_text_that_changed_is_a_change(small, newsletter):
    (small / "subscribers" / "segments.toml").write_text(
        "[visby]\nwhere = \"city == 'Visby'\"\n", encoding="utf-8"
    )
    with (small / "campaigns" / "hej.md").open("a", encoding="utf-8") as file:
        file.write("\n::: only visby\nVi ses på kajen.\n:::\n")
    (small / "out").mkdir()
    (small / "out" / "outbox").write_text("", encoding="utf-8")
    newsletter("-C", small, "send", "hej", "-n", "--out", small / "plan", *JULY)
    assert newsletter("-C", small, "send", "hej", "--confirm", "3").code == 5
    (small / "out" / "outbox").unlink()
    rules = small / "subscribers" / "segments.toml"
    rules.write_text(rules.read_text(encoding="utf-8").replace("'Visby'", "'Stockholm'"), encoding="utf-8")
    assert (newsletter("-C", small, "send", "hej").code, sent(small)) == (6, 0)


def test_a_plan_covers_the_rules_that_the_text_asks_for(small, newsletter):
    rules = small / "subscribers" / "segments.toml"
    rules.write_text("[visby]\nwhere = \"city == 'Visby'\"\n", encoding="utf-8")
    with (small / "campaigns" / "hej.md").open("a", encoding="utf-8") as file:
        file.write("\n::: only visby\nVi ses på kajen.\n:::\n")
    assert newsletter("-C", small, "send", "hej", "-n", "--out", small / "plan", *JULY).code == 0
    rules.write_text("[visby]\nwhere = \"city == 'Stockholm'\"\n", encoding="utf-8")
    assert newsletter("-C", small, "send", "hej", "--expect-plan", small / "plan", *JULY).code == 6


def test_steps_in_another_order_are_not_sent_twice(small, newsletter):
    folder = small / "campaigns" / "tips"
    folder.mkdir()
    head = 'status = "ready"\nsegment = "lista"\ntemplate = "plain"\nlanguage = "sv"\n'
    steps = {name: f'[[step]]\nid = "{name}"\nwait = "1 days"\n' for name in "abc"}
    for name in steps:
        (folder / f"{name}.md").write_text(f'+++\nsubject = "Tips {name}"\n+++\nHej!\n', encoding="utf-8")
    (small / "campaigns" / "hej.md").unlink()

    def tick(order: str, day: int) -> None:
        (folder / "sequence.toml").write_text(head + "".join(steps[name] for name in order), encoding="utf-8")
        called = newsletter("-C", small, "run", "--now", f"2015-07-{day:02}T09:00")
        assert called.code == 0, called.err

    for day in (1, 2, 3):
        tick("abc", day)
    for day in (4, 5, 6, 7):
        tick("bac", day)
    found = {name: len(list((small / "out" / "outbox" / "tips" / name).glob("*.eml"))) for name in "abc"}
    assert found == {"a": 3, "b": 3, "c": 3}


def test_one_campaign_that_breaks_the_program_does_not_hold_the_next(small, newsletter):
    text = (small / "campaigns" / "hej.md").read_text(encoding="utf-8")
    (small / "campaigns" / "a.md").write_text(
        text + "\n{{ " + "(" * 900 + "1" + ")" * 900 + " }}\n", encoding="utf-8"
    )
    called = newsletter("-C", small, "run", *JULY)
    assert called.code in (1, 3)
    assert sent(small) == 3


def test_a_link_does_not_make_a_secret_a_text(small, newsletter):
    (small / ".env").write_text("SENDGRID_API_KEY=SG.secret\n", encoding="utf-8")
    (small / "campaigns" / "_snippets").mkdir()
    (small / "campaigns" / "_snippets" / "k.md").symlink_to("../../.env")
    with (small / "campaigns" / "hej.md").open("a", encoding="utf-8") as file:
        file.write("\n::: snippet k\n")
    called = newsletter("-C", small, "render", "hej", "--format", "text")
    assert called.code == 3
    assert "secret" not in called.out + called.err


def test_received_is_asked_anew_after_each_campaign_of_a_tick(small, newsletter):
    text = (small / "campaigns" / "hej.md").read_text(encoding="utf-8")
    (small / "campaigns" / "hej.md").unlink()
    rule = text.replace('status   = "ready"', 'status   = "ready"\nexclude  = ["fick-b"]')
    for name, body in (("a", rule), ("b", text + "Och b.\n"), ("c", rule + "Och c.\n")):
        (small / "campaigns" / f"{name}.md").write_text(body, encoding="utf-8")
    (small / "subscribers" / "segments.toml").write_text(
        "[fick-b]\nwhere = \"received('b')\"\n", encoding="utf-8"
    )
    newsletter("-C", small, "run", *JULY)
    found = {name: len(list((small / "out" / "outbox" / name).glob("*.eml"))) for name in "abc"}
    assert found == {"a": 3, "b": 3, "c": 0}


def test_a_pretended_clock_that_went_back_ends_instead_of_waiting(small, newsletter):
    (small / "out").mkdir()
    (small / "out" / "outbox").write_text("", encoding="utf-8")
    assert newsletter("-C", small, "send", "hej", "--confirm", "3", "--now", "2015-07-03T09:04").code == 5
    (small / "out" / "outbox").unlink()
    started = time.monotonic()
    assert newsletter("-C", small, "send", "hej", *JULY).code in (0, 5)
    assert time.monotonic() - started < 60


@pytest.mark.parametrize(
    "row", ["Eva <eva@example.org>,,unsubscribed", "Berg, Eva,eva@example.org,unsubscribed"]
)
def test_a_no_in_a_damaged_row_still_holds_the_person_back(row, small, newsletter):
    (small / "subscribers" / "nej.csv").write_text(f"email,first_name,status\n{row}\n", encoding="utf-8")
    assert newsletter("-C", small, "segment", "count", "lista", "--json").data["recipients"] == 2


def test_who_waits_to_be_confirmed_on_the_list_is_not_mailed_by_it(small, newsletter):
    (small / "subscribers" / "lista.csv").write_text(
        "email,first_name,city,status\neva@example.org,Eva,Visby,pending\nbo@example.org,Bo,Visby,\n",
        encoding="utf-8",
    )
    (small / "subscribers" / "annan.csv").write_text("email\neva@example.org\n", encoding="utf-8")
    assert newsletter("-C", small, "segment", "count", "lista", "--json").data["recipients"] == 1
    assert newsletter("-C", small, "segment", "count", "annan", "--json").data["recipients"] == 1
    assert newsletter("-C", small, "send", "hej", "-n", "--json").data["excluded"]["pending"] == 1
