"""A process that claims as fast as its limits let it, on the clock of a test."""

import os
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from zoneinfo import ZoneInfo

from newsletter.store.store import open_store
from newsletter.store.values import Claim, Limit, Pace


class Child:
    """A claimer's side of the test's clock."""

    def __init__(self, line: Connection) -> None:
        self._line = line

    def now(self) -> datetime:
        self._line.send(("now",))
        told: datetime = self._line.recv()
        return told

    def sleep_until(self, when: datetime) -> None:
        self._line.send(("sleep", when))
        self._line.recv()

    def claimed(self, number: int) -> None:
        self._line.send(("claimed", number))
        self._line.recv()


def claimer(path: str, limits: tuple[Limit, ...], zone: str, line: Connection) -> None:
    """Claims all that is ready, as a sender does: splits what is too much, sleeps until more may go."""
    child = Child(line)
    pace = Pace(limits, zone=ZoneInfo(zone), clock=child.now)
    with open_store(Path(path)) as store:
        while batches := store.ready_batches(1, child.now()):
            no = batches[os.getpid() % len(batches)]
            members = [one.id for one in store.batch_members(1, no)]
            allowed = store.allowance(pace, len(members))
            if not members or (0 < allowed.number < len(members)):
                if members:
                    store.split(1, no, [members[allowed.number :]])
                continue
            if allowed.number == 0:
                child.sleep_until(allowed.until)
                continue
            answer = store.claim(
                1, no, ids=members, late={}, owner=os.getpid(), attempt_id=os.urandom(8).hex(),
                body_sha256=b"", now=child.now(), pace=pace,
            )  # fmt: skip
            if answer is Claim.CLAIMED:
                child.claimed(len(members))
    line.send(("done",))
