"""Tests of the test: five ledgers, each broken as some system in use is, and what the audit says of them.

Each play is made certain by gates, and is played with the whole ledger, too: then the audit has nothing to say.
"""

import random
import threading
import time
from pathlib import Path

import pytest

from . import child
from .child import Machine
from .peers import MoodyApi, MoodyRelay, accept, answers, wait_until
from .world import World, add_campaign, audit, make_live, make_project

NAME = "brev"


@pytest.fixture(scope="module")
def forks():
    return child.context()


class Play:
    """One campaign, a provider that is told what to do, and senders of which some have a broken ledger."""

    def __init__(self, forks, folder: Path, provider: str, people: int, broken: str) -> None:
        self.forks, self.folder, self.broken, self.logs = forks, folder, broken, 0
        project = folder / "project"
        addresses = make_project(project, people, batch=people)
        make_live(project, provider)
        add_campaign(project, NAME)
        kind = MoodyApi if provider == "sendgrid" else MoodyRelay
        self.peer = kind(folder / "journal.jsonl", random.Random(0))
        self.peer.calm = True
        self.world = World(project, provider, self.peer, addresses)

    def start(self, *arguments: str, gate: str = "", broken: bool = True):
        self.logs += 1
        machine = Machine(
            broken=self.broken if broken else "", gate=gate, environment=self.peer.environment()
        )
        log = self.folder / f"{self.logs}.txt"
        command = (*self.world.env, *(arguments or ("send", NAME, "--confirm", str(len(self.world.people)))))
        return child.start(self.forks, self.world.folder, command, machine, log)

    def taken(self, number: int) -> None:
        wait_until(lambda: self.peer.number() >= number)

    def close(self) -> None:
        self.peer.journal.gate.set()
        self.peer.close()


@pytest.fixture
def play(forks, tmp_path, request):
    made: list[Play] = []

    def make(provider: str, people: int, broken: str) -> Play:
        made.append(Play(forks, tmp_path, provider, people, broken))
        return made[0]

    yield make
    made[0].close()


def judged(world: World, broken: str, finding: str, *, over: str = "") -> None:
    if broken:
        with pytest.raises(AssertionError, match=finding):
            audit(world, over=over)
    else:
        audit(world, over=over)


@pytest.mark.parametrize("broken", ["", "claim after send"])
def test_a_claim_after_the_send(play, broken):
    it = play("sendgrid", 1, broken)
    it.peer.journal.gate.clear()
    sender = it.start()
    it.taken(1)
    child.kill(sender)
    judged(it.world, broken, "is ready, and the provider has it")


@pytest.mark.parametrize("broken", ["", "finish without attempt"])
def test_an_answer_to_an_attempt_that_another_has_followed(play, broken):
    it = play("sendgrid", 1, broken)
    late = threading.Event()

    def refuses_late(exchange) -> None:
        late.wait()
        answers(401)(exchange)

    it.peer.script = [refuses_late, accept]
    first = it.start()
    wait_until(lambda: it.peer.asked == 1)
    for lock in (it.world.folder / ".newsletter" / "owners").iterdir():
        lock.unlink()  # somebody has tidied: the first sender counts as dead, and lives
    it.start("resolve", NAME, broken=False).join()
    assert it.world.settle(NAME, absent=True) == 1
    it.peer.journal.gate.clear()
    second = it.start(broken=False)
    it.taken(1)
    late.set()
    first.join()
    judged(it.world, broken, "is ready, and the provider has it")
    it.peer.journal.gate.set()
    second.join()


@pytest.mark.parametrize("broken", ["", "cursor at fetch"])
def test_a_cursor_that_moves_at_the_fetch(play, broken):
    it = play("sendgrid", 1, broken)
    killed = threading.Event()
    it.peer.script = [lambda exchange: killed.wait() and exchange.reset()]
    sender = it.start()
    wait_until(lambda: it.peer.asked == 1)
    child.kill(sender)
    killed.set()
    it.peer.rest()
    judged(it.world, broken, "wrongly accepted")


@pytest.mark.parametrize("broken", ["", "late check before the lock"])
def test_a_late_check_before_the_lock(play, broken, tmp_path):
    it = play("smtp", 3, broken)
    gate = tmp_path / "gate"
    slow = it.start(gate=str(gate))
    wait_until((tmp_path / "gate.reached").exists)
    it.peer.journal.gate.clear()
    fast = it.start(broken=False)
    it.taken(1)  # the others are claimed, and come behind it
    assert it.start("subscriber", "unsubscribe", it.world.people[1], broken=False).join() is None
    it.world.opted_out[it.world.people[1]] = time.time()
    gate.touch()
    if broken:  # a whole ledger writes nothing here
        wait_until(lambda: _suppressed(it.world) == 1)
    it.peer.journal.gate.set()
    for sender in (slow, fast):
        sender.join()
    judged(it.world, broken, "is suppressed, and the provider has it", over=NAME)


def _suppressed(world: World) -> int:
    with world.store() as store:
        return store.counts(store.runs("production")[0].id).suppressed


@pytest.mark.parametrize("broken", ["", "no sweep"])
def test_nobody_sweeps(play, broken):
    it = play("sendgrid", 1, broken)
    it.peer.journal.gate.clear()
    sender = it.start()
    it.taken(1)
    child.kill(sender)
    it.peer.journal.gate.set()
    it.peer.rest()
    it.start("resolve", NAME).join()
    it.world.settle(NAME, absent=True)
    judged(it.world, broken, "lost: .* is inflight at the end", over=NAME)
