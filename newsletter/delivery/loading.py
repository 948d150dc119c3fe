"""A ready batch becomes a request that only waits for its claim."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from newsletter.audience.leaving import scope_of
from newsletter.delivery.pace import most_at_once
from newsletter.delivery.preparing import Preparing
from newsletter.providers.protocol import Mark, Provider, Request
from newsletter.store.store import Store
from newsletter.store.values import Member, Pace, Run, Taking

FRESH_S = 5.0


@dataclass(frozen=True)
class Loaded:
    """One batch: the bytes that would leave, and what the ledger is to be told before they do."""

    request: Request
    ids: Mapping[str, int]  # sid -> subscriber id, of all whom the request is for
    taking: Taking
    made: float  # monotonic

    @property
    def stale(self) -> bool:
        """Whether it waited too long to be claimed as it is. The claim asks again who left; the rest is read here."""
        return time.monotonic() - self.made > FRESH_S


@dataclass(frozen=True)
class Loader:
    """Loads the batches of one run for one owner."""

    store: Store
    provider: Provider
    preparing: Preparing
    run: Run
    pace: Pace
    owner: int

    def load(self, no: int) -> Loaded | None:
        """This batch, and what is too much for one request in batches of its own; None when another was faster.

        Raises ChecksFailed when somebody can't be rendered any more.
        """
        made = time.monotonic()
        prepared = self.preparing.batch(self._that_may_go(no))
        attempt_id = uuid.uuid4().hex
        mark = Mark(attempt_id, f"{self.store.ledger_id}.{self.run.epoch}")
        parcels, ids = prepared.parcels, prepared.ids
        request = self.provider.prepare(parcels, mark) if parcels else Request((), b"", None)
        if request.apart and not self.store.split(
            self.run.id, no, [[ids[name] for name in sids] for sids in request.apart]
        ):
            return None
        asked = {name: ids[name] for name in request.sids}
        lists = {parcel.sid: parcel.envelope.list_id for parcel in parcels}
        taking = Taking(
            run_id=self.run.id,
            no=no,
            ids=[*asked.values()],
            late=prepared.late,
            owner=self.owner,
            attempt_id=attempt_id,
            body_sha256=request.sha256,
            through={number: scope_of(lists[name]) for name, number in asked.items()},
            pace=self.pace,
        )
        return Loaded(request, asked, taking, made)

    def _that_may_go(self, no: int) -> list[Member]:
        """Who is to go in this batch; where limits let only some of them go, the others are a batch of their own."""
        members = self.store.batch_members(self.run.id, no)
        most = most_at_once(self.pace)
        if most is None:
            return members
        allowed = self.store.allowance(self.pace, len(members)).number
        number = min(len(members), allowed or most)
        if number < len(members):
            later = [member.id for member in members[number:]]
            return members[:number] if self.store.split(self.run.id, no, [later]) else []
        return members
