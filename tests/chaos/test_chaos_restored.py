"""An older ledger beside a newer world: brought back after a loss, or copied by a second checkout."""

import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from .play import NAME, Play
from .world import ROOT, audit


@pytest.fixture(params=["outbox", "smtp", "sendgrid"])
def play(request, forks, tmp_path):
    made = Play(forks, tmp_path, request.param, 6, batch=2)
    yield made
    made.close()


def frozen_and_copied(play: Play) -> Path:
    """A send up to its first claim, and a copy of the ledger as it was then; afterwards it is sent to the end."""
    gate, kept = play.folder / "gate", play.folder / "kept.db"
    sender = play.start(gate=str(gate))
    play.until(gate.with_name("gate.reached").exists)
    with (
        contextlib.closing(sqlite3.connect(play.world.ledger)) as raw,
        contextlib.closing(sqlite3.connect(kept)) as to,
    ):
        raw.backup(to)
    gate.touch()
    sender.join()
    assert sender.exitcode == 0
    assert play.peer.number() == 6
    return kept


def commit(project: Path, told: str) -> None:
    """The line that names the ledger from now on, as a human commits it."""
    line = re.search(r'ledger = "[^"]+"', told)
    assert line is not None, told
    settings = project / "newsletter.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(re.sub(r'^ledger = "[^"]+"', line[0], text, flags=re.MULTILINE), encoding="utf-8")


def bring_back(play: Play, kept: Path) -> None:
    for path in play.world.ledger.parent.glob("state.db*"):
        path.unlink()
    shutil.copy(kept, play.world.ledger)


def test_an_older_ledger_mails_nobody_again(play):
    kept = frozen_and_copied(play)
    bring_back(play, kept)
    for command in ((), ("run",)):
        sender = play.start(*command)
        sender.join()
        assert sender.exitcode == 6, play.said()
        assert play.peer.number() == 6, "it sent again what it did not know of"
    settled = play.start("resolve", "--restored")
    settled.join()
    assert settled.exitcode == 0, play.said()
    if play.world.provider != "outbox":
        commit(play.world.folder, play.said())
    play.world.settle(NAME, absent=True)
    again = play.start("send", NAME)
    again.join()
    assert again.exitcode == 0, play.said()
    assert play.peer.number() == 6
    audit(play.world, over=NAME)


# --- the drill as the page tells it -----------------------------------------------------------------------

SQLITE = """#!{python}
import contextlib, sqlite3, sys
with contextlib.closing(sqlite3.connect(sys.argv[1])) as one, contextlib.closing(sqlite3.connect(sys.argv[2].split()[1])) as to:
    one.backup(to)
"""


def drill(name: str) -> list[str]:
    """The commands of a block of the page, one a line."""
    page = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    found = re.search(rf"^```text drill={name}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert found is not None, f"the page has no drill={name}"
    return found[1].replace("almedalen-recap", NAME).splitlines()


@pytest.mark.parametrize("play", ["smtp"], indirect=True)
def test_the_drill_of_the_page(play, monkeypatch, tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    if shutil.which("sqlite3") is None:  # the same by Python, on a machine that has not got it
        (tools / "sqlite3").write_text(SQLITE.format(python=sys.executable), encoding="utf-8")
        (tools / "sqlite3").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}")
    for name, value in play.peer.environment().items():
        monkeypatch.setenv(name, value)
    project = play.world.folder

    def shell(command: str, expected: int = 0) -> str:
        done = subprocess.run(
            ["sh", "-ec", command], cwd=project, capture_output=True, text=True, encoding="utf-8", check=False
        )
        assert done.returncode == expected, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    gate = tmp_path / "gate"
    sender = play.start(gate=str(gate))
    play.until(gate.with_name("gate.reached").exists)
    for command in drill("backup"):
        shell(command)
    gate.touch()
    sender.join()
    assert play.peer.number() == 6
    shutil.copytree(project / "backup", tmp_path / "elsewhere")
    for lost in (".newsletter", "subscribers", "backup", "out"):  # what git does not have
        shutil.rmtree(project / lost, ignore_errors=True)
    shutil.move(tmp_path / "elsewhere", project / "backup")
    for command in drill("restore"):
        shell(command)
    first, *others = drill("go-on")
    shell(first, expected=6)
    for command in others:
        told = shell(command)
        if "--restored" in command:  # as the page says
            commit(project, told)
    assert play.peer.number() == 6, "somebody got two"
    audit(play.world, over=NAME)
