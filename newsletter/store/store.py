"""The store: one object through which all other rooms ask and tell the ledger."""

import contextlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import sqlalchemy as sa
from sqlalchemy import select

from newsletter.errors import ConfigurationFault, NewsletterError, Place, Problem
from newsletter.store import claims, consents, derived, doubts, enrolments, one_person, optouts, runs
from newsletter.store.migration import migrate, newer, schema_version, shipped_steps
from newsletter.store.spool import Spool
from newsletter.store.sqlite import (
    create_file,
    insert,
    make_engine,
    reading,
    shown,
    switch_to_wal,
    translated,
    writing,
)
from newsletter.store.tables import meta
from newsletter.store.values import (
    Answered,
    Claim,
    Consent,
    Counts,
    Delivery,
    Enrolment,
    EnrolmentEnd,
    EnrolmentMove,
    History,
    Member,
    NewRun,
    OptOutEvent,
    Person,
    Run,
    RunState,
    Suppression,
    UnknownBatch,
)

SPOOL_FOLDER = "spool"  # beside the ledger


def open_store(path: Path, *, patience_s: float | None = None) -> "Store":
    """The ledger in this file, created or migrated if need be. Safe beside others who do the same at once.

    patience_s: how long to wait while another program writes, seconds; 30 by default

    ConfigurationFault: R101 no database, R102 another program's, R103 a newer schema, R106 not to be opened.
    """
    with translated(path):
        create_file(path)
        switch_to_wal(path)
        engine = make_engine(path)
        try:
            migrate(engine, path, shipped_steps())
        except BaseException:
            engine.dispose()
            raise
    if patience_s is not None:  # the steps above took their time; from now on it is the caller's
        engine.dispose()
        engine = make_engine(path, patience_s=patience_s)
    return Store(engine, path)


def open_readonly(path: Path) -> "Store | None":
    """The ledger for reading only; None when there is none yet. Never creates, never migrates.

    ConfigurationFault as in `open_store`, and R108 when a step is still to be taken.
    """
    if not path.exists():
        return None
    known = shipped_steps()[-1].number
    engine = make_engine(path, readonly=True)
    try:
        with reading(engine, path) as conn:
            version = schema_version(conn, path)
        if version > known:
            raise newer(version, known, path)
        if 0 < version < known:
            raise ConfigurationFault(
                Problem(
                    "R108",
                    f"this ledger has schema {version}, this program needs {known}; a look changes nothing",
                    Place(shown(path)),
                    "run `newsletter run` once: it brings the ledger up to date and keeps a copy beside it",
                )
            )
    except BaseException:
        engine.dispose()
        raise
    if version == 0:  # somebody is making it at this moment, or was killed over it
        engine.dispose()
        return None
    return Store(engine, path)


class Store:
    """The ledger. Each call is one transaction, none is held between calls; safe from several threads.

    Instants are aware datetimes, kept to the millisecond. Any call may raise: R105 (exit 5) when the file
    stays locked for 30 s, R106 (4) when it may not be written, R107 (5) when the disk is full or fails.
    """

    def __init__(self, engine: sa.Engine, path: Path) -> None:
        self._engine = engine
        self._path = path
        self._spool = Spool(path.parent / SPOOL_FOLDER)
        with self._looking() as conn:
            known = {row.name: row.value for row in conn.execute(select(meta))}
        self.ledger_id: str = known["ledger_id"]
        self.epoch: int = int(known["epoch"])

    def _writing(self) -> AbstractContextManager[sa.Connection]:
        return writing(self._engine, self._path)

    def _looking(self) -> AbstractContextManager[sa.Connection]:
        return reading(self._engine, self._path)

    @contextlib.contextmanager
    def _heeding(self) -> Iterator[sa.Connection]:
        """One transaction that writes, and first takes in what was spooled: what a reader was told holds."""
        with self._writing() as conn:
            spooled = self._spool.read()  # under the lock, so that nobody else takes it in meanwhile
            if spooled.events:
                optouts.record(conn, spooled.events)
            yield conn
        self._spool.discard(spooled)

    def close(self) -> None:
        """Safe to call twice."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def bind_secret(self, fingerprint: str) -> None:
        """Remember which secret keys this ledger. ConfigurationFault (R104) when another one did before."""
        if self._bound_secret() is None:
            with self._writing() as conn:
                fresh = insert(meta).on_conflict_do_nothing()
                conn.execute(fresh, {"name": "secret", "value": fingerprint})
        self.require_secret(fingerprint)

    def require_secret(self, fingerprint: str | None) -> None:
        """ConfigurationFault (R104) when this ledger is keyed by another secret; None: there is none at hand."""
        before = self._bound_secret()
        if before not in (None, fingerprint):
            raise ConfigurationFault(
                Problem(
                    "R104",
                    "the secret is not the one that this ledger was begun with: its opt-outs would be missed",
                    Place(shown(self._path)),
                    "put the old NEWSLETTER_SECRET or .newsletter/secret back (from your backup)",
                )
            )

    def _bound_secret(self) -> str | None:
        with self._looking() as conn:
            return conn.execute(select(meta.c.value).where(meta.c.name == "secret")).scalar_one_or_none()

    # --- Runs

    def run(self, env: str, campaign: str, occurrence: str = "1") -> Run | None:
        with self._looking() as conn:
            return runs.find(conn, env, campaign, occurrence)

    def latest_run(self, env: str, campaign: str) -> Run | None:
        with self._looking() as conn:
            return runs.latest(conn, env, campaign)

    def runs(self, env: str) -> list[Run]:
        """Oldest first."""
        with self._looking() as conn:
            return runs.of_environment(conn, env)

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
        """
        with self._heeding() as conn:
            return runs.freeze(
                conn,
                new,
                people,
                excluded_by=excluded,
                batch_size=batch_size,
                epoch=self.epoch,
                move=enrolment,
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
            return derived.received(conn, env, campaign, hmac)

    def lately(
        self, env: str, since: datetime, most: int, *, among: tuple[int, int] | None = None
    ) -> frozenset[str]:
        """Address keys to which `most` letters or more were accepted at or after `since`, of all campaigns.

        among: the first and the last of the ids that are asked for
        """
        with self._looking() as conn:
            return derived.lately(conn, env, since, most, among)

    # --- Sending

    def ready_batches(self, run_id: int, now: datetime, limit: int = 64) -> list[int]:
        """Numbers of batches whose time has come, longest waiting first; take one at random among them."""
        with self._looking() as conn:
            return claims.ready_batches(conn, run_id, now, limit)

    def next_due(self, run_id: int) -> datetime | None:
        """When the earliest ready batch may go; past or future. None: nothing is ready."""
        with self._looking() as conn:
            return claims.next_due(conn, run_id)

    def tries(self, run_id: int, no: int) -> int:
        """How often a batch was claimed."""
        with self._looking() as conn:
            return claims.tries(conn, run_id, no)

    def batch_members(self, run_id: int, no: int) -> list[Member]:
        """Who is still to go in this batch, by id; `key` is None for somebody erased since."""
        with self._looking() as conn:
            return claims.members(conn, run_id, no)

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
    ) -> Claim:
        """Take a rendered batch: when this returns CLAIMED it is committed and synced, and may go out.

        ids: the subscribers who were rendered
        through: id -> the scope of the list by which somebody gets it; CHANGED when they have left that list
        late: id -> reason, members to suppress now; the store's suppressions and erased people count anyway
        Suppressions stay whatever the answer; a batch without anybody left is closed (LOST).
        """
        with self._heeding() as conn:
            return claims.claim(
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
            )

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
    ) -> bool:
        """Record the provider's answer. False: the batch is no longer this attempt's, nothing was written.

        exceptions: id -> (state, reason) where it differs; with a `ready` one the batch turns ready and
        everybody else gets a row. After `unknown` only a proof that all were taken or refused is heard.
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
                detail=detail or {},
                now=now,
                not_before=not_before,
            )

    def sweep(self, alive: Callable[[int], bool], now: datetime) -> int:
        """Batches in flight of dead owners become unknown, never ready; returns how many."""
        with self._looking() as conn:
            owners = claims.owners_in_flight(conn)
        dead = [owner for owner in owners if not alive(owner)]  # asked outside: it opens files
        if not dead:
            return 0
        with self._writing() as conn:
            return sum(claims.doubt(conn, owner, now) for owner in dead)

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

    # --- Opt-outs and consent

    def suppress(self, hmac: bytes, scope: str, reason: str, source: str, now: datetime) -> bool:
        """Nobody writes to this person: on list `scope`, or at all ('*'). False: it was so already."""
        return self.record_opt_outs([optouts.opted_out(hmac, scope, reason, source, now)]) == 1

    def lift(self, hmac: bytes, scope: str, reason: str, source: str, now: datetime) -> bool:
        """An opt-out is taken back; both stay in the history. False: there was none."""
        return self.record_opt_outs([optouts.taken_back(hmac, scope, reason, source, now)]) == 1

    def record_opt_outs(self, events: Iterable[OptOutEvent]) -> int:
        """Write these down in their order, in one transaction; how many changed what holds."""
        with self._heeding() as conn:
            return optouts.record(conn, list(events))

    def spool_opt_outs(self, events: Sequence[OptOutEvent]) -> None:
        """Keep these beside the ledger while it is busy: on return they are on disk, and hold. Raises OSError."""
        self._spool.write(events)

    def take_in_spooled(self) -> None:
        """Bring what was spooled into the ledger; costs a look where there is nothing."""
        if self._spool.read().events:
            with self._heeding():
                pass

    def can_keep(self) -> bool:
        """Whether an opt-out could be kept now: the ledger can be read, and its folder written to."""
        try:
            self._bound_secret()
        except NewsletterError:
            return False
        return os.access(self._path.parent, os.W_OK)

    def opt_outs(self, hmacs: Collection[bytes] | None = None) -> dict[bytes, frozenset[str]]:
        """Who of these (None: of all) opted out of which scopes, the spooled ones included."""
        pending = self._spool.read().events  # before the ledger: what leaves the spool meanwhile stands there
        with self._looking() as conn:
            return optouts.scopes(conn, hmacs, pending)

    def opt_out_history(self, hmac: bytes) -> list[OptOutEvent]:
        """Every opt-out of a person and every one taken back, oldest first."""
        pending = [one for one in self._spool.read().events if one.hmac == hmac]
        with self._looking() as conn:
            known = optouts.history(conn, hmac)
        ids = {one.id for one in known}
        return [*known, *(one for one in pending if one.id not in ids)]

    def suppressions(self) -> Iterator[Suppression]:
        """All that holds, by HMAC and scope; one look, in constant memory."""
        with self._looking() as conn:
            yield from optouts.suppressions(conn)

    def is_suppressed(self, hmac: bytes) -> bool:
        return bool(self.suppressed([hmac]))

    def suppressed(self, hmacs: Collection[bytes]) -> set[bytes]:
        """Those of them who are suppressed altogether (scope '*')."""
        return optouts.everything(self.opt_outs(hmacs))

    def all_suppressed(self) -> set[bytes]:
        return optouts.everything(self.opt_outs())

    def record_consents(
        self, given: Iterable[Consent], now: datetime, *, opt_outs: Iterable[OptOutEvent] = ()
    ) -> int:
        """Write down who said yes, and with it who said no, in one transaction; how many yeses are new."""
        with self._heeding() as conn:
            optouts.record(conn, list(opt_outs))
            return consents.record(conn, given, now)

    def consents(self, hmac: bytes) -> list[Consent]:
        with self._looking() as conn:
            return consents.of_person(conn, hmac)

    def all_consents(self) -> Iterator[Consent]:
        """By list, oldest first; one look, in constant memory."""
        with self._looking() as conn:
            yield from consents.everybody(conn)

    # --- One person

    def history(self, hmac: bytes) -> History:
        """What was sent to this person, and their place in sequences."""
        with self._looking() as conn:
            return one_person.history(conn, hmac)

    def forget(self, hmac: bytes) -> int:
        """Delete the address from the ledger and from the copies beside it; in how many of them it was.

        Opt-outs, consent and what was sent stay: none of them holds an address. Safe to call twice.
        """
        with self._heeding() as conn:
            found = int(one_person.forget(conn, hmac))
        with translated(self._path):
            found += sum(one_person.forget_in_copy(copy, hmac) for copy in one_person.copies(self._path))
            with contextlib.closing(self._engine.raw_connection()) as raw:  # outside of any transaction
                raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the journal has the page as it was
        return found

    # --- Sequences

    def enrol(self, env: str, sequence: str, people: Iterable[Person], now: datetime) -> int:
        """Whoever was never in this sequence is in it now; returns how many."""
        with self._writing() as conn:
            return enrolments.enrol(conn, env, sequence, people, now)

    def enrolments(self, env: str, sequence: str) -> list[Enrolment]:
        """Everybody who ever was in it and is still known, with the fate of the last step."""
        with self._looking() as conn:
            return enrolments.enrolments(conn, env, sequence)

    def end_enrolments(
        self, env: str, sequence: str, ids: Collection[int], state: EnrolmentEnd, now: datetime
    ) -> int:
        """Ends the active ones among these, for ever; returns how many."""
        with self._writing() as conn:
            return enrolments.end(conn, env, sequence, ids, state=state, now=now)

    def say_once(self, env: str, subject: str, what: str, now: datetime) -> bool:
        """True the first time, whoever asks."""
        with self._writing() as conn:
            return enrolments.say_once(conn, env, subject, what, now)
