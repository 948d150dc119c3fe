"""Sending: batches that are claimed, handed over, answered, doubted and settled."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from newsletter.store import batches, claims, doubts, events, limits, splits, witness
from newsletter.store.ledger.transactions import Ledger
from newsletter.store.values import (
    Allowance,
    Answered,
    Claim,
    Ending,
    Heard,
    Member,
    Pace,
    ProviderEvent,
    Taking,
    UnknownBatch,
)


class SendingLedger(Ledger):
    """A batch from its claim to its end."""

    _has_noted = False  # whether this process has told the witness of a claim

    def ready_batches(self, run_id: int, now: datetime, limit: int = 64) -> list[int]:
        """Numbers of batches whose time has come, longest waiting first; take one at random among them."""
        with self._looking() as conn:
            return batches.ready_batches(conn, run_id, now, limit)

    def next_due(self, run_id: int) -> datetime | None:
        """When the earliest ready batch may go; past or future. None: nothing is ready."""
        with self._looking() as conn:
            return batches.next_due(conn, run_id)

    def tries(self, run_id: int, no: int) -> int:
        """How often a batch was claimed."""
        with self._looking() as conn:
            return batches.tries(conn, run_id, no)

    def first_try(self, run_id: int, no: int) -> datetime | None:
        """When a batch was claimed for the first time."""
        with self._looking() as conn:
            return batches.first_try(conn, run_id, no)

    def split(self, run_id: int, no: int, apart: Sequence[Collection[int]]) -> bool:
        """These leave a ready batch, each group for one of its own, due when the batch was.

        False, and nothing is written, when the batch is not ready, or one of them is not to go in it any more.
        """
        with self._writing() as conn:
            return splits.split(conn, run_id, no, apart)

    def allowance(self, pace: Pace, wanted: int) -> Allowance:
        """How many of so many may be handed over at this moment, and from when on all of them may."""
        with self._looking() as conn:
            return limits.allowance(conn, pace, wanted, pace.clock())

    def leave_alone(self, provider: str, now: datetime, until: datetime, reason: str) -> None:
        """Nothing more is claimed for this provider (see Pace) before then; a day and an hour at most."""
        with self._writing() as conn:
            limits.leave_alone(conn, provider, now, until, reason)

    def batch_members(self, run_id: int, no: int) -> list[Member]:
        """Who is still to go in this batch, by id; `key` is None for somebody erased since."""
        with self._looking() as conn:
            return batches.members(conn, run_id, no)

    def claim(
        self,
        run_id: int,
        no: int,
        *,
        ids: Sequence[int],
        late: Mapping[int, str],
        owner: int,
        attempt_id: str,
        body_sha256: bytes,
        now: datetime,
        through: Mapping[int, str] | None = None,
        pace: Pace | None = None,
    ) -> Claim:
        """Take a rendered batch: when this returns CLAIMED it is committed and synced, and may go out.

        ids: the subscribers who were rendered
        through: id -> the scope of the list by which somebody gets it; CHANGED when they have left that list
        pace: counts them against limits; LIMITED, with the batch still ready, when they are too many for now
        late: id -> reason, members to suppress now; the store's suppressions and erased people count anyway
        Suppressions stay whatever the answer; a batch without anybody left is closed (LOST).
        """
        with self._heeding() as conn:
            answer = claims.claim(
                conn,
                run_id,
                no,
                ids=ids,
                late=late,
                owner=owner,
                attempt_id=attempt_id,
                body_sha256=body_sha256,
                now=now,
                through=through or {},
                pace=pace,
            )
        return self._noted(answer, attempt_id)

    def _noted(self, answer: Claim, attempt_id: str) -> Claim:
        if answer is Claim.CLAIMED:
            witness.note(self._path, self.ledger_id, attempt_id, anew=not self._has_noted)
            self._has_noted = True
        return answer

    def finish(
        self,
        attempt_id: str,
        *,
        state: Answered,
        exceptions: Mapping[int, tuple[Answered, str]],
        now: datetime,
        reason: str = "",
        status: int | None = None,
        provider_id: str = "",
        detail: Mapping[str, object] | None = None,
        not_before: datetime | None = None,
        bounced: Collection[int] = (),
        pace: Pace | None = None,
    ) -> bool:
        """Record the provider's answer. False: the batch is no longer this attempt's, nothing was written.

        exceptions: id -> (state, reason) where it differs; with a `ready` one the batch turns ready and
        everybody else gets a row. After `unknown` only a proof that all were taken or refused is heard.
        bounced: whose address does not exist; nothing goes there any more
        pace: as the claim had it; who goes again is not counted for the day
        ValueError when an exception names somebody who was not handed over.
        """
        with self._writing() as conn:
            return claims.finish(
                conn,
                attempt_id,
                state=state,
                exceptions=exceptions,
                reason=reason,
                status=status,
                provider_id=provider_id,
                detail=detail,
                now=now,
                not_before=not_before,
                bounced=bounced,
                pace=pace,
            )

    def finish_and_claim(self, ending: Ending, taking: Taking, now: datetime) -> Claim:
        """The answer to one batch and the claim of the next, in one commit: a kill leaves both undone or both done.

        An answer that came is not lost by a claim that can't be made: it is written by itself then, and what stood in
        the claim's way is raised.
        """
        try:
            with self._heeding() as conn:
                claims.finish(conn, **vars(ending), now=now)
                answer = claims.claim(conn, **vars(taking), now=now)
        except Exception:
            self.finish(**vars(ending), now=now)
            raise
        return self._noted(answer, taking.attempt_id)

    def sweep(self, alive: Callable[[int], bool], now: datetime) -> int:
        """Batches in flight of dead owners become unknown, never ready; returns how many."""
        with self._looking() as conn:
            owners = claims.owners_in_flight(conn)
        dead = [owner for owner in owners if not alive(owner)]  # asked outside: it opens files
        if not dead:
            return 0
        with self._writing() as conn:
            doubted = [attempt for owner in dead for attempt in claims.doubt(conn, owner, now)]
            events.reconsider(conn, doubted, now)
        return len(doubted)

    def take_event(self, told: ProviderEvent, *, whole: bool, now: datetime) -> Heard:
        """What a provider told of one message: kept once, and proof of its handing over. In any order.

        whole: it proves the whole request that carried the message, not this one only
        """
        with self._writing() as conn:
            return events.take(conn, told, whole=whole, now=now)

    def twice(self, run_id: int) -> list[Member]:
        """Who got two, by what the provider told of an attempt that another one had followed."""
        with self._looking() as conn:
            return events.twice(conn, run_id)

    def in_doubt(self, run_id: int) -> list[Member]:
        """Everybody of unknown fate, by id; costs nothing where nobody is."""
        with self._looking() as conn:
            return doubts.people(conn, run_id)

    def unknown_batches(self, run_id: int) -> list[UnknownBatch]:
        """All doubts of a run, by batch and attempt."""
        with self._looking() as conn:
            return doubts.unknown_batches(conn, run_id)

    def settle(
        self,
        run_id: int,
        no: int,
        attempt_id: str,
        *,
        accepted: Collection[int],
        ready: Collection[int],
        source: str,
        now: datetime,
    ) -> int:
        """End doubts by evidence or a human's word; who is in neither stays unknown. Returns how many ended.

        Safe to call twice: ids in no doubt are passed over. `ready` ones go again under a new attempt.
        """
        with self._writing() as conn:
            return doubts.settle(
                conn, run_id, no, attempt_id, accepted=accepted, ready=ready, source=source, now=now
            )
