"""Runs: an audience frozen once, and how far each has come."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from newsletter.store import contents, derived, halts, runs
from newsletter.store.ledger.transactions import Ledger
from newsletter.store.people import identify
from newsletter.store.sqlite import reading_on
from newsletter.store.values import (
    Canary,
    Counts,
    Delivery,
    EnrolmentMove,
    Halt,
    Member,
    NewRun,
    Person,
    Run,
    RunState,
)


class RunLedger(Ledger):
    """What was frozen, for whom, and what became of it."""

    def run(self, env: str, campaign: str, occurrence: str = "1") -> Run | None:
        with self._looking() as conn:
            return runs.find(conn, env, campaign, occurrence)

    def numbered(self, run_id: int) -> Run | None:
        with self._looking() as conn:
            return runs.numbered(conn, run_id)

    def latest_run(self, env: str, campaign: str) -> Run | None:
        with self._looking() as conn:
            return runs.latest(conn, env, campaign)

    def runs(self, env: str) -> list[Run]:
        """Oldest first."""
        with self._looking() as conn:
            return runs.of_environment(conn, env)

    def paused(self, env: str) -> frozenset[str]:
        """The campaigns and steps of which a run stands still."""
        with self._looking() as conn:
            return runs.paused(conn, env)

    def campaigns(self, env: str) -> frozenset[str]:
        """All campaigns and steps that were ever begun, whatever became of their files."""
        with self._looking() as conn:
            return runs.campaigns(conn, env)

    def freeze(
        self,
        new: NewRun,
        people: Iterable[Person],
        *,
        excluded: Mapping[str, int],
        batch_size: int,
        enrolment: EnrolmentMove | None = None,
    ) -> Run | None:
        """Write down who gets this run, in one transaction; people with one hmac are one.

        Raises AlreadyFrozen. With `enrolment` only those who stand at its `from_step` are frozen and moved;
        None, with nothing written, when nobody does. total + sum(excluded) are the candidates without it.
        However many they are, others wait only while the run itself is written: people are given their ids
        before, some at a time, which changes nothing for anybody, should this be cut off.
        """
        with self._looking() as conn:
            runs.refuse_twice(conn, new)
        with self._aside() as conn:
            identify(conn, people, add=enrolment is None)
            if enrolment is None:
                with reading_on(conn):
                    runs.pack_identified(conn, batch_size=batch_size, canary=new.canary)
            with self._heeding(conn):
                if enrolment is not None:
                    runs.keep_standing(conn, new, enrolment)
                    runs.pack_identified(conn, batch_size=batch_size, canary=new.canary)
                return runs.freeze(conn, new, excluded_by=excluded, epoch=self.epoch, move=enrolment)

    def kept(self, hashes: Collection[str]) -> dict[str, bytes]:
        """What runs are finished from, by sha256 (hex). Raises KeyError for what was never kept."""
        with self._looking() as conn:
            return contents.bodies(conn, hashes)

    def halt(self, run_id: int) -> Halt | None:
        """Why a run stands still or was ended; None while it goes on, and when it came to its end."""
        with self._looking() as conn:
            return halts.halt_of(conn, run_id)

    def state(self, run_id: int) -> RunState:
        """As it is at this moment: another process may have paused it."""
        with self._looking() as conn:
            return runs.state_of(conn, run_id)

    def pause(self, run_id: int, reason: str, now: datetime) -> bool:
        """Nothing of it can be claimed any more once this returns. False: it was not sending."""
        with self._writing() as conn:
            return halts.pause(conn, run_id, reason, now)

    def resume(self, run_id: int) -> bool:
        """False: it was not paused. A canary that was judged is not sent again."""
        with self._writing() as conn:
            return halts.resume(conn, run_id)

    def cancel(self, run_id: int, reason: str, now: datetime) -> bool:
        """Whoever is still ready turns suppressed; what is in flight or unknown stays so. False: it had ended."""
        with self._writing() as conn:
            return halts.cancel(conn, run_id, reason, now)

    def judge_canary(self, run_id: int, now: datetime) -> Canary:
        """Whether the first of a run went well enough for the others; pauses it when they did not."""
        with self._writing() as conn:
            return halts.judge_canary(conn, run_id, now)

    def still_ready(self, run_id: int) -> list[Member]:
        """Whoever is to get it and was not yet handed over, in the order of batches."""
        with self._looking() as conn:
            return halts.still_ready(conn, run_id)

    def amend(
        self,
        closing: Sequence[int],
        new: NewRun,
        *,
        leaving: Mapping[int, str],
        going: int,
        excluded: Mapping[str, int],
        batch_size: int,
    ) -> Run:
        """End these runs of a campaign; who is ready in them is frozen as its next occurrence, all in one.

        leaving: id -> reason, of ready ones who get nothing. going: how many the others are
        Raises StillMoving, with nothing written, when they are others, or somebody is being handed over.
        """
        with self._aside() as conn, self._heeding(conn):
            return halts.amend(
                conn,
                closing,
                new,
                leaving=leaving,
                going=going,
                excluded_by=excluded,
                batch_size=batch_size,
                epoch=self.epoch,
            )

    def set_state(self, run_id: int, state: RunState) -> bool:
        """False when the run has ended already: done and cancelled are final.

        ValueError for `done` while anything is ready, in flight or unknown: that would lose somebody.
        """
        with self._writing() as conn:
            if state == "done" and (left := derived.counts(conn, run_id).open):
                raise ValueError(f"run {run_id} is not done: {left} deliveries are open")
            return runs.set_state(conn, run_id, state)

    def counts(self, run_id: int) -> Counts:
        with self._looking() as conn:
            return derived.counts(conn, run_id)

    def excluded(self, run_id: int) -> dict[str, int]:
        with self._looking() as conn:
            return runs.excluded_of(conn, run_id)

    def deliveries(self, run_id: int) -> Iterator[Delivery]:
        """Every recipient of a run, in constant memory; no transaction is held between two of them."""
        return derived.deliveries(self._looking, run_id)

    def received(self, env: str, campaign: str, *, hmac: bytes | None = None) -> frozenset[str]:
        """Address keys to which any occurrence was accepted; a sequence's name stands for all its steps.

        hmac: ask for this person only, which is fast however many there are
        """
        with self._looking() as conn:
            return frozenset(derived.received(conn, env, campaign, hmac))

    def each_received(self, env: str, campaign: str) -> Iterator[str]:
        """The same one by one, in constant memory; one look, so take them without delay. A key may come twice."""
        with self._looking() as conn:
            yield from derived.received(conn, env, campaign, None)

    def lately(
        self, env: str, since: datetime, most: int, *, among: tuple[int, int] | None = None
    ) -> frozenset[str]:
        """Address keys to which `most` letters or more were accepted at or after `since`, of all campaigns.

        among: the first and the last of the ids that are asked for
        """
        with self._looking() as conn:
            return frozenset(derived.lately(conn, env, since, most, among))

    def each_lately(self, env: str, since: datetime, most: int) -> Iterator[str]:
        """The same one by one, in constant memory; one look, so take them without delay."""
        with self._looking() as conn:
            yield from derived.lately(conn, env, since, most, None)
