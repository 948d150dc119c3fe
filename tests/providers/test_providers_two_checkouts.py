"""Two checkouts, one environment, one provider: only the one whose ledger is named sends, whoever begins first."""

import os
import shutil
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from .live import LIVE, go_live, send, status

PEOPLE = 24


@pytest.fixture
def first(small: Path, stub: Any, newsletter: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one whose ledger is committed."""
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.x")
    monkeypatch.setenv("NEWSLETTER_SENDGRID__BASE_URL", stub.url)
    rows = "".join(f"p{n:02}@example.org,P,Visby\n" for n in range(PEOPLE))
    (small / "subscribers" / "lista.csv").write_text("email,first_name,city\n" + rows, encoding="utf-8")
    letter = small / "campaigns" / "hej.md"
    text = letter.read_text(encoding="utf-8").replace('send_at  = "2015-07-03 09:00"\n', "")
    letter.write_text(text, encoding="utf-8")
    go_live(small, newsletter, PEOPLE, 'provider = "sendgrid"\n[env.production.delivery]\nbatch_size = 2\n')
    return small


def cloned(project: Path) -> Path:
    """As git clones it: without ledger and secret."""
    return shutil.copytree(
        project, project.with_name("cloned"), ignore=shutil.ignore_patterns(".newsletter", "out")
    )


def copied(project: Path) -> Path:
    """As `cp -r` copies it: with both."""
    return shutil.copytree(project, project.with_name("copied"))


def recipients(stub: Any) -> Counter[str]:
    return Counter(stub.sids)


def test_begun_at_the_same_time_each_gets_one(first: Path, stub: Any, newsletter: Any) -> None:
    """Twice in the first, once in a clone, once in a copy."""
    projects = [first, cloned(first), copied(first), first]
    running = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "newsletter",
                "-C",
                project,
                *LIVE,
                "send",
                "hej",
                "--confirm",
                str(PEOPLE),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env=os.environ,
        )
        for project in projects
    ]
    ended = [(process.communicate(timeout=120)[1], process.returncode) for process in running]
    assert [code for _, code in ended] == [0, 6, 6, 0], ended
    assert "G117" in ended[1][0], "its ledger is another one"
    assert "G146" in ended[2][0], "its ledger is a copy"
    assert (len(recipients(stub)), max(recipients(stub).values())) == (PEOPLE, 1)
    assert status(first, newsletter)["counts"]["accepted"] == PEOPLE


@pytest.mark.parametrize("make", [cloned, copied])
def test_the_other_one_sends_neither_by_hand_nor_by_itself(
    first: Path, stub: Any, newsletter: Any, make: Any
) -> None:
    other = make(first)
    for command in (
        ("send", "hej", "--confirm", str(PEOPLE)),
        ("send", "hej", "--resume"),
        ("send", "hej", "--amend", "--confirm", str(PEOPLE)),
    ):
        assert newsletter("-C", other, *LIVE, *command).code == 6, command
    due = datetime.now(ZoneInfo("Europe/Stockholm")) - timedelta(minutes=5)
    letter = other / "campaigns" / "hej.md"
    text = letter.read_text(encoding="utf-8")
    letter.write_text(text.replace("status ", f'send_at = "{due:%Y-%m-%d %H:%M}"\nstatus '), encoding="utf-8")
    ticked = newsletter("-C", other, *LIVE, "run")
    assert (ticked.code, "G117" in ticked.err or "G146" in ticked.err) == (6, True), ticked.err
    assert stub.requests == []
    rehearsed = newsletter("-C", other, *LIVE, "send", "hej", "-n", "--json")
    assert rehearsed.code == 0
    assert {need["code"] for need in rehearsed.data["needs"]} & {"G117", "G146"}


def test_what_a_refusal_proposes_works_as_it_is_typed(first: Path, stub: Any, newsletter: Any) -> None:
    """Half of them have it when a word of the letter changes; each way out is typed from what was told."""
    settings = first / "newsletter.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text + "\n[limits]\nper_day = 10\n", encoding="utf-8")
    assert send(first, newsletter, PEOPLE).data["counts"]["ready"] == PEOPLE - 10
    settings.write_text(text, encoding="utf-8")
    letter = first / "campaigns" / "hej.md"
    letter.write_text(letter.read_text(encoding="utf-8") + "\nVi ses!\n", encoding="utf-8")

    def typed(told: str, word: str) -> Any:
        """The first line that proposes a command with that word."""
        line = next(line for line in told.splitlines() if word in line and "newsletter " in line)
        command = line[line.index("newsletter ") :].split(", or ")[0].split()
        return newsletter(*command[1:])

    refused = newsletter("-C", first, *LIVE, "send", "hej")
    assert (refused.code, "G141" in refused.err) == (6, True)
    asked = typed(refused.err, "--amend")
    assert (asked.code, "G121" in asked.err) == (6, True), asked.err
    amended = typed(asked.err, "--confirm")
    assert (amended.code, f"{PEOPLE - 10} accepted of {PEOPLE - 10}" in amended.out) == (0, True), amended.err
    assert len(stub.sids) == PEOPLE
    bodies = [body.decode() for _, _, body in stub.requests]
    assert sum("Vi ses!" in body for body in bodies) == (PEOPLE - 10) // 2
