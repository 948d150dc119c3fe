"""An older ledger beside a newer world: brought back after a loss, or copied by a second checkout."""

import contextlib
import shutil
import sqlite3
from pathlib import Path

import pytest

from newsletter.cli.resolve import resolve

from . import child
from .play import NAME, Play
from .world import audit


def resolve_options() -> set[str]:
    return {word for option in resolve.params for word in option.opts}


@pytest.fixture(scope="module")
def forks():
    return child.context()


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


def bring_back(play: Play, kept: Path) -> None:
    for path in play.world.ledger.parent.glob("state.db*"):
        path.unlink()
    shutil.copy(kept, play.world.ledger)


@pytest.mark.skipif("--restored" not in resolve_options(), reason="an older ledger is not noticed yet")
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
    play.world.settle(NAME, absent=True)
    again = play.start("send", NAME)
    again.join()
    assert again.exitcode == 0, play.said()
    assert play.peer.number() == 6
    audit(play.world, over=NAME)
