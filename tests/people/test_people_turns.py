"""Lists are changed by one command at a time; what a killed one left of people is cleared away by the next."""

import csv
import io
import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from tests.chaos.peers import wait_until

MANY = 3000


def command(project, *words):
    return [sys.executable, "-m", "newsletter", "-C", str(project), *map(str, words)]


def emails(path) -> set[str]:
    return {row["email"] for row in csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))}


def test_two_imports_at_once_lose_nobody(small):
    running = []
    for letter in "ab":
        path = small.parent / f"{letter}.csv"
        path.write_text("email\n" + "".join(f"{letter}{n}@example.org\n" for n in range(MANY)), "utf-8")
        words = ("import", path, "--list", "ny", "--consent-source", "x", "-q")
        running.append(subprocess.Popen(command(small, *words)))
    assert [one.wait(timeout=120) for one in running] == [0, 0]
    assert len(emails(small / "subscribers" / "ny.csv")) == 2 * MANY


def test_whoever_waits_is_told_why(small):
    from newsletter.files.project import Project
    from newsletter.people.turns import turn

    path = small.parent / "in.csv"
    path.write_text("email\na@example.org\n", "utf-8")
    with turn(Project(small)):
        words = ("import", path, "--list", "ny", "--consent-source", "x")
        waiting = subprocess.Popen(command(small, *words), stderr=subprocess.PIPE, encoding="utf-8")
        assert waiting.stderr is not None
        assert "another command is changing lists" in waiting.stderr.readline()
        assert not (small / "subscribers" / "ny.csv").exists()
    assert waiting.wait(timeout=60) == 0
    waiting.stderr.close()


def test_what_was_written_into_the_list_meanwhile_is_not_overwritten(small, call, monkeypatch):
    """On a terminal a human looks at names and numbers for a while: somebody may say no in the file just then."""
    target = small / "subscribers" / "ny.csv"
    target.write_text("email,status\na@example.org,\n", "utf-8")
    path = small.parent / "in.csv"
    path.write_text("email\nb@example.org\n", "utf-8")

    def looked(*_):
        target.write_text("email,status\na@example.org,unsubscribed\n", "utf-8")
        return "1"

    monkeypatch.setattr("newsletter.cli.asking._typed", looked)
    called = call("import", path, "--list", "ny", "--consent-source", "x")
    assert (called.code, "I130" in called.err) == (6, True)
    assert target.read_text("utf-8") == "email,status\na@example.org,unsubscribed\n"
    monkeypatch.undo()
    assert call("import", path, "--list", "ny", "--consent-source", "x").code == 0
    assert emails(target) == {"a@example.org", "b@example.org"}


def test_nor_what_was_written_while_the_opt_outs_were(small, call, monkeypatch):
    from newsletter.people import importing

    target = small / "subscribers" / "ny.csv"
    target.write_text("email,status\na@example.org,\n", "utf-8")
    path = small.parent / "in.csv"
    path.write_text("email\nb@example.org\n", "utf-8")
    keep = importing._keep

    def changed(*words):
        target.write_text("email,status\na@example.org,unsubscribed\n", "utf-8")
        return keep(*words)

    monkeypatch.setattr(importing, "_keep", changed)
    called = call("import", path, "--list", "ny", "--consent-source", "x")
    assert (called.code, "I130" in called.err) == (6, True)
    assert target.read_text("utf-8") == "email,status\na@example.org,unsubscribed\n"


@pytest.mark.parametrize("next_one", ["import", "forget"])
def test_what_a_killed_command_left_is_cleared_away(small, call, next_one):
    half = small / "subscribers" / ".ny.csv.tmp"
    half.write_text("email\nasa@example.org\n", "utf-8")
    other = small / "subscribers" / ".0123456789abcdef.tmp"
    other.write_text("email\nasa@example.org\n", "utf-8")
    scratch = small / ".newsletter" / "import"
    scratch.mkdir(parents=True)
    (scratch / "list.csv").write_text("email\nasa@example.org\n", "utf-8")
    theirs = small / "subscribers" / ".~lock.lista.csv#"
    theirs.write_text("Åsa", "utf-8")
    if next_one == "forget":
        assert call("subscriber", "forget", "asa@example.org").code == 0
    else:
        path = small.parent / "in.csv"
        path.write_text("email\nb@example.org\n", "utf-8")
        assert call("import", path, "--list", "ny", "--consent-source", "x").code == 0
    assert not half.exists()
    assert not other.exists()
    assert not scratch.exists()
    assert theirs.exists(), "what is not ours is not ours to delete"


def test_each_import_keeps_its_own_backup(small, call):
    path = small.parent / "in.csv"
    for email in ("a@example.org", "b@example.org", "c@example.org"):
        path.write_text(f"email\n{email}\ntrasig\n", "utf-8")
        words = ("import", path, "--list", "ny", "--consent-source", "x", "--now", "2015-07-03T09:00")
        assert call(*words).code == 0
    kept = sorted((small / ".newsletter" / "backups").iterdir())
    assert [len(emails(one)) for one in kept] == [2, 1] or [len(emails(one)) for one in kept] == [1, 2]
    assert {one.stat().st_mode & 0o777 for one in kept} == {0o600}
    assert len(list((small / "out" / "import").rglob("rejects.csv"))) == 3


def test_where_nothing_can_be_written_it_is_said(small, call):
    (small / ".newsletter").write_text("in the way", "utf-8")
    path = small.parent / "in.csv"
    path.write_text("email\nb@example.org\n", "utf-8")
    called = call("import", path, "--list", "ny", "--consent-source", "x")
    assert (called.code, "I131" in called.err) == (4, True)


def test_killed_while_forgetting_nobody_is_half_a_list_and_the_next_call_ends_it(small, call):
    """Whoever is to be forgotten is opted out before the first row goes, and every list is whole at any moment."""
    head = "email,note\n"
    rest = "".join(f"p{n}@example.org,{'x' * 40}\n" for n in range(6_000))
    lists = [small / "subscribers" / f"l{n}.csv" for n in range(8)]
    for file in lists:
        file.write_text(f"{head}asa@example.org,bort\n{rest}", "utf-8")
    assert call("suppress", "add", "bo@example.org").code == 0  # makes ledger and secret
    state, words = (
        small / ".newsletter" / "state.db",
        command(small, "subscriber", "forget", "asa@example.org"),
    )
    caught = 0
    for _ in range(4):
        process = subprocess.Popen([*words, "-q"], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        left = sum(b"asa@" in file.read_bytes() for file in lists)
        while process.poll() is None and sum(b"asa@" in file.read_bytes() for file in lists) >= max(left, 1):
            pass  # the kill comes when a list has changed
        process.kill()
        process.wait()
        with closing(sqlite3.connect(state)) as raw:
            opted_out = raw.execute("SELECT count(*) FROM suppression").fetchone()[0] == 2
        for file in lists:
            text = file.read_text("utf-8")
            assert text in (f"{head}{rest}", f"{head}asa@example.org,bort\n{rest}")
            assert opted_out or "asa@" in text
        caught += 0 < sum(b"asa@" in file.read_bytes() for file in lists) < len(lists)
    assert caught, "no kill came in the middle"
    assert call("subscriber", "forget", "asa@example.org").code == 0
    for path in small.rglob("*"):
        assert not path.is_file() or b"asa@example.org,bort" not in path.read_bytes(), path


def test_what_a_killed_look_left_is_cleared_away_by_the_next(small, tmp_path):
    """A look leaves the project alone, so its folder is elsewhere: with people in it."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    fifo = small.parent / "in.csv"
    os.mkfifo(fifo)
    words = command(small, "import", fifo, "--list", "ny", "--consent-source", "x", "--dry-run", "-q")
    environment = os.environ | {"TMPDIR": str(temporary)}
    killed = subprocess.Popen(words, env=environment)
    writing = os.open(fifo, os.O_RDWR)  # nobody has to read it for that
    try:  # it finds nothing there, and waits
        wait_until(lambda: killed.poll() is not None or list(temporary.glob("newsletter-import-*")))
        (left,) = temporary.glob("newsletter-import-*")
        killed.kill()
        killed.wait(timeout=30)
    finally:
        os.close(writing)
    assert left.exists()
    path = small.parent / "whole.csv"
    path.write_text("email\na@example.org\n", "utf-8")
    words[words.index(str(fifo))] = str(path)
    assert subprocess.run(words, env=environment, check=False).returncode == 0
    assert list(temporary.glob("newsletter-import-*")) == []


def test_a_look_leaves_the_folder_of_another_that_looks(monkeypatch, tmp_path):
    from newsletter.people.turns import glance

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "newsletter-import-abc").symlink_to(tmp_path / "elsewhere")
    with glance() as first:
        (first / "list.csv").write_text("x", encoding="utf-8")
        with glance() as second:
            assert first != second
            assert (first / "list.csv").exists()
    assert not first.exists()
    assert (tmp_path / "newsletter-import-abc").is_symlink()
