"""One of several senders of the chaos test: claims, hands over to a journal file, and dies anywhere.

The journal is the wire: a line `<run> <id>` written by this process is a mail that has left, for good.
"""

import os
import random
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

from newsletter.store.owner import Owner, is_alive, remove_dead
from newsletter.store.store import Store, open_store
from newsletter.store.values import Claim

DEATH = 0.02  # at each of the places where death is worth trying


class Sender:
    def __init__(self, folder: Path, seed: int, *, mortal: bool) -> None:
        self.random = random.Random(seed)
        self.mortal = mortal
        self.owners = folder / "owners"
        self.journals = folder / "wire"
        self.store: Store = open_store(folder / "state.db")
        self.owner = Owner.take(self.owners)
        self.wire = os.open(self.journals / f"{seed}.txt", os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    def may_die(self, chance: float = DEATH) -> None:
        if self.mortal and self.random.random() < chance:
            os.kill(os.getpid(), 9)

    def go(self) -> None:
        while True:
            for run in self.store.runs("local"):
                self.sweep()
                batches = self.store.ready_batches(run.id, datetime.now(UTC))
                if batches:
                    self.send(run.id, self.random.choice(batches))
                elif not self.store.counts(run.id).open:
                    continue
                if self.random.random() < 0.3:
                    self.resolve(run.id)
            if all(not self.store.counts(run.id).open for run in self.store.runs("local")):
                return

    def sweep(self) -> None:
        self.store.sweep(lambda owner: is_alive(self.owners, owner), datetime.now(UTC))
        remove_dead(self.owners)

    def send(self, run: int, no: int) -> None:
        chance = self.random
        members = self.store.batch_members(run, no)
        late = {m.id: "unsubscribed" for m in members if chance.random() < 0.01}
        ids = [m.id for m in members if m.key is not None and m.id not in late]
        self.may_die()
        attempt = uuid.uuid4().hex
        claim = self.store.claim(
            run,
            no,
            ids=ids,
            late=late,
            owner=self.owner.id,
            attempt_id=attempt,
            body_sha256=b"",
            now=datetime.now(UTC),
        )
        if claim is not Claim.CLAIMED:
            return
        self.may_die()
        # The provider decides: all, all but a few, nobody for now, or silence after some have left.
        refused = {i: ("rejected", "550") for i in ids if chance.random() < 0.02}
        again = {i: ("ready", "451") for i in ids if chance.random() < 0.01 and i not in refused}
        answer = chance.choices(["accepted", "ready", "unknown"], [8, 1, 1])[0]
        taken = [] if answer == "ready" else [i for i in ids if i not in refused and i not in again]
        if answer == "unknown":
            taken = taken[: chance.randrange(len(taken) + 1)]
        for i in taken:
            os.write(self.wire, b"%d %d\n" % (run, i))
            self.may_die(DEATH / 10)
        self.may_die()
        exceptions = refused if answer == "ready" else {} if answer == "unknown" else refused | again
        self.store.finish(attempt, state=answer, exceptions=exceptions, now=datetime.now(UTC))  # type: ignore[arg-type]
        self.may_die()

    def resolve(self, run: int) -> None:
        """By the files: what lies in a journal has left. Sometimes only half of it is looked at."""
        unknown = self.store.unknown_batches(run)
        if unknown:
            doubt = self.random.choice(unknown)
            there = wire(self.journals)
            looked_at = [i for i in doubt.ids if self.random.random() < self.random.choice([0.5, 1])]
            accepted = [i for i in looked_at if (run, i) in there]
            ready = [i for i in looked_at if (run, i) not in there]
            self.may_die()
            self.store.settle(
                run,
                doubt.no,
                doubt.attempt_id,
                accepted=accepted,
                ready=ready,
                source="journal",
                now=datetime.now(UTC),
            )


def wire(journals: Path) -> set[tuple[int, int]]:
    found = set()
    for journal in journals.glob("*.txt"):
        for line in journal.read_text(encoding="ascii").splitlines():
            run, _, subscriber = line.partition(" ")
            found.add((int(run), int(subscriber)))
    return found


if __name__ == "__main__":
    sender = Sender(Path(sys.argv[1]), int(sys.argv[2]), mortal=sys.argv[3] == "mortal")
    try:
        sender.go()
    finally:
        sender.owner.close()
        sender.store.close()
