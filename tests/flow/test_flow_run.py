"""The cron tick over one-off campaigns: once, held when late, silent when nothing is due."""

import socket

import pytest


def count(folder) -> int:
    return len(list((folder / "out").rglob("*.eml"))) if (folder / "out").exists() else 0


def test_nothing_due_says_nothing(small, newsletter):
    called = newsletter("-C", small, "run", "--now", "2015-07-03T08:59")
    assert (called.code, called.out, called.err, count(small)) == (0, "", "", 0)


def test_due_goes_once(small, newsletter):
    first = newsletter("-C", small, "run", "--now", "2015-07-03T09:00")
    assert (first.code, count(small)) == (0, 3)
    second = newsletter("-C", small, "run", "--now", "2015-07-03T09:01")
    assert (second.code, second.out, count(small)) == (0, "", 3)


def test_more_than_six_hours_late_is_held_and_said_once(small, newsletter):
    held = newsletter("-C", small, "run", "--now", "2015-07-03T15:01")
    assert held.code == 0
    assert "held" in held.err
    assert count(small) == 0
    again = newsletter("-C", small, "run", "--now", "2015-07-03T15:02")
    assert (again.code, again.out, again.err) == (0, "", "")
    assert (
        newsletter("-C", small, "status", "hej", "--json", "--now", "2015-07-03T15:02").data["state"]
        == "held"
    )
    assert newsletter("-C", small, "status", "--check", "--now", "2015-07-03T15:02").code == 7


def test_a_draft_never_goes_by_itself(small, newsletter):
    file = small / "campaigns" / "hej.md"
    file.write_text(file.read_text(encoding="utf-8").replace('"ready"', '"draft"'), encoding="utf-8")
    assert newsletter("-C", small, "run", "--now", "2015-07-03T09:00").out == ""
    assert count(small) == 0


def test_one_broken_campaign_holds_only_itself_and_is_told_once(small, newsletter):
    text = (small / "campaigns" / "hej.md").read_text(encoding="utf-8")
    (small / "campaigns" / "fel.md").write_text(
        text.replace('segment  = "lista"', 'segment  = "listan"'), encoding="utf-8"
    )
    called = newsletter("-C", small, "run", "--now", "2015-07-03T09:00")
    assert (called.code, count(small)) == (3, 3)
    assert "campaigns/fel.md" in called.err
    assert newsletter("-C", small, "run", "--now", "2015-07-03T09:01").err == ""


@pytest.mark.parametrize(
    "command", [("check",), ("render", "hej"), ("send", "hej", "-n"), ("segment", "list"), ("list",)]
)
def test_no_socket_is_opened(command, small, newsletter, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert newsletter("-C", small, *command, "--now", "2015-07-03T09:00").code == 0
