"""Tests of the test: five ledgers, each broken as some system in use is, and what the audit says of them.

Each play is made certain by gates, and is played with the whole ledger, too: then the audit has nothing to say.
"""

import threading
import time

import pytest

from . import child
from .peers import accept, answers, wait_until
from .play import NAME, Play
from .world import World, audit


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
    it.peer.gate.clear()
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
    it.peer.gate.clear()
    second = it.start(broken=False)
    it.taken(1)
    late.set()
    first.join()
    judged(it.world, broken, "is ready, and the provider has it")
    it.peer.gate.set()
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
    it.peer.gate.clear()
    fast = it.start(broken=False)
    it.taken(1)  # the others are claimed, and come behind it
    assert it.start("subscriber", "unsubscribe", it.world.people[1], broken=False).join() is None
    it.world.opted_out[it.world.people[1]] = time.time()
    gate.touch()
    if broken:  # a whole ledger writes nothing here
        wait_until(lambda: _suppressed(it.world) == 1)
    it.peer.gate.set()
    for sender in (slow, fast):
        sender.join()
    judged(it.world, broken, "is suppressed, and the provider has it", over=NAME)


def _suppressed(world: World) -> int:
    with world.store() as store:
        return store.counts(store.runs("production")[0].id).suppressed


@pytest.mark.parametrize("broken", ["", "no sweep"])
def test_nobody_sweeps(play, broken):
    it = play("sendgrid", 1, broken)
    it.peer.gate.clear()
    sender = it.start()
    it.taken(1)
    child.kill(sender)
    it.peer.gate.set()
    it.peer.rest()
    it.start("resolve", NAME).join()
    it.world.settle(NAME, absent=True)
    judged(it.world, broken, "lost: .* is inflight at the end", over=NAME)
