"""Several senders that die at random, opt-outs arriving meanwhile: in the end everybody has one mail or a reason."""

import contextlib
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

SENDER = Path(__file__).with_name("chaos_sender.py")
PROCESSES = 3


class Chaos:
    def __init__(self, folder: Path, ledger: Any) -> None:
        self.folder, self.ledger = folder, ledger
        self.random = random.Random(4711)
        self.kills = 0
        self.started = 0
        self.suppressed_at: dict[bytes, datetime] = {}
        (folder / "wire").mkdir()

    def start(self, *, mortal: bool) -> subprocess.Popen[bytes]:
        self.started += 1
        kind = "mortal" if mortal else "immortal"
        return subprocess.Popen([sys.executable, SENDER, self.folder, str(self.started), kind])

    def play(self, deaths: int, people: list[Any]) -> None:
        """Until all is settled. After so many deaths the senders that come next are left alone to end."""
        senders = [self.start(mortal=True) for _ in range(PROCESSES)]
        try:
            while senders:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    senders[0].wait(timeout=0.05)
                if self.kills < deaths and people:
                    if self.random.random() < 0.3:
                        self.random.choice(senders).kill()
                    person = self.random.choice(people)
                    self.ledger.store.suppress(person.hmac, "*", "asked", "page", datetime.now(UTC))
                    people.remove(person)
                for sender in list(senders):
                    if (code := sender.poll()) is not None:
                        assert code in {0, -9}
                        self.kills += code == -9
                        senders.remove(sender)
                        if code == -9:
                            senders.append(self.start(mortal=self.kills < deaths))
        finally:
            for sender in senders:
                sender.kill()
                sender.wait()

    def wire(self) -> Counter[tuple[int, int]]:
        lines = [
            line.split(" ")
            for journal in (self.folder / "wire").iterdir()
            for line in journal.read_text(encoding="ascii").splitlines()
        ]
        return Counter((int(run), int(subscriber)) for run, subscriber in lines)


def outcome(chaos: Chaos) -> tuple[set[tuple[int, int]], dict[str, set[tuple[int, int]]]]:
    by_state: dict[str, set[tuple[int, int]]] = {}
    for run in chaos.ledger.store.runs("local"):
        for each in chaos.ledger.store.deliveries(run.id):
            by_state.setdefault(each.state, set()).add((run.id, each.subscriber_id))
    return set(chaos.wire()), by_state


def frozen_runs(
    ledger: Any, make_person: Callable[[int], Any], make_run: Any, n: int, size: int
) -> list[Any]:
    people = [make_person(number) for number in range(n)]
    for campaign in ("recap", "tips/one"):
        ledger.store.freeze(make_run(campaign), people, excluded={}, batch_size=size)
    return people


def test_nobody_is_lost_and_nobody_gets_two(
    tmp_path: Path, make_ledger: Any, make_person: Any, make_run: Any, identity: Callable[[Path], None]
) -> None:
    ledger = make_ledger(tmp_path / "state.db")
    with ledger.store:
        people = frozen_runs(ledger, make_person, make_run, 2000, 10)
        chaos = Chaos(tmp_path, ledger)
        chaos.play(12, people)

        wire = chaos.wire()
        assert [mail for mail, times in wire.items() if times > 1] == []
        left, by_state = outcome(chaos)
        assert by_state.keys() == {"accepted", "rejected", "suppressed"}
        assert by_state["accepted"] == left
        assert chaos.kills >= 12
        identity(tmp_path / "state.db")
        assert list((tmp_path / "owners").iterdir()) == []
        # Every doubt was somebody's death or silence, and was ended by the files alone.
        assert ledger.sql("SELECT count(*) FROM attempt WHERE detail LIKE '%settled%'") > [(0,)]


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM member WHERE no = 2",
        "UPDATE member SET ids = '[1,2,3]', lo = 1, hi = 3 WHERE no = 2",
        "UPDATE batch SET n = n - 1 WHERE no = 1",
        "UPDATE run SET total = total + 1",
        "UPDATE outcome SET no = 2 WHERE subscriber_id = 1",
        "UPDATE batch SET state = 'suppressed', attempt_id = NULL WHERE no = 2",
        "UPDATE batch SET state = 'accepted' WHERE no = 3",
        "UPDATE attempt SET state = 'inflight'",
        "UPDATE batch SET owner = 5 WHERE no = 1",
    ],
)
def test_the_identity_sees_damage(ledger: Any, identity: Callable[[Path], None], damage: str) -> None:
    run = ledger.frozen(9, size=3)
    ledger.store.finish(
        ledger.claimed(run), state="accepted", exceptions={1: ("rejected", "550")}, now=ledger.now
    )
    identity(ledger.path)
    ledger.sql(damage)
    with pytest.raises(AssertionError):
        identity(ledger.path)
