"""The store: one object through which all other rooms ask and tell the ledger."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType

from newsletter.store.values import (
    Answered,
    Claim,
    Counts,
    Delivery,
    Enrolment,
    EnrolmentEnd,
    EnrolmentMove,
    Member,
    NewRun,
    Person,
    Run,
    RunState,
    UnknownBatch,
)


def open_store(path: Path) -> "Store":
    """The ledger in this file, created or migrated if need be."""
    raise NotImplementedError


def open_readonly(path: Path) -> "Store | None":
    """The ledger for reading only; None when there is no file. Never creates, never migrates."""
    raise NotImplementedError


class Store:
    """The ledger; each call is one transaction, none is held between calls. Safe to use from several threads."""

    ledger_id: str
    epoch: int

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> "Store":
        raise NotImplementedError

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        raise NotImplementedError

    def bind_secret(self, fingerprint: str) -> None:
        """Remember which secret keys this ledger. ConfigurationFault (R104) when another one did before."""
        raise NotImplementedError

    # Runs
    def run(self, env: str, campaign: str, occurrence: str = "1") -> Run | None:
        raise NotImplementedError

    def latest_run(self, env: str, campaign: str) -> Run | None:
        raise NotImplementedError

    def runs(self, env: str) -> list[Run]:
        raise NotImplementedError

    def freeze(
        self,
        new: NewRun,
        people: Sequence[Person],
        *,
        excluded: Mapping[str, int],
        batch_size: int,
        enrolment: EnrolmentMove | None = None,
    ) -> Run | None:
        """Write down who gets this run, in one transaction.

        Raises AlreadyFrozen. With `enrolment`: None, and nothing is written, when nobody stands at its `from_step`.
        """
        raise NotImplementedError

    def set_state(self, run_id: int, state: RunState) -> None:
        raise NotImplementedError

    def counts(self, run_id: int) -> Counts:
        raise NotImplementedError

    def excluded(self, run_id: int) -> dict[str, int]:
        raise NotImplementedError

    def deliveries(self, run_id: int) -> Iterator[Delivery]:
        raise NotImplementedError

    def received(self, env: str, campaign: str) -> frozenset[str]:
        """Address keys to which any occurrence was accepted; a sequence's name stands for all its steps."""
        raise NotImplementedError

    # Sending
    def ready_batches(self, run_id: int, now: datetime, limit: int = 64) -> list[int]:
        raise NotImplementedError

    def next_due(self, run_id: int) -> datetime | None:
        raise NotImplementedError

    def batch_members(self, run_id: int, no: int) -> list[Member]:
        raise NotImplementedError

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
    ) -> Claim:
        raise NotImplementedError

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
        """Record the provider's answer. False: the batch no longer belongs to this attempt; nothing was written.

        An exception may be `ready` (goes again): the store then turns the batch ready and gives the others rows.
        """
        raise NotImplementedError

    def sweep(self, alive: Callable[[int], bool], now: datetime) -> int:
        """Batches in flight of dead owners become unknown; returns how many."""
        raise NotImplementedError

    def unknown_batches(self, run_id: int) -> list[UnknownBatch]:
        raise NotImplementedError

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
    ) -> bool:
        """unknown -> accepted or ready by evidence or a human's word; whoever is in neither stays unknown."""
        raise NotImplementedError

    # Suppression
    def suppress(self, hmac: bytes, scope: str, reason: str, source: str, now: datetime) -> bool:
        raise NotImplementedError

    def is_suppressed(self, hmac: bytes) -> bool:
        raise NotImplementedError

    def suppressed(self, hmacs: Collection[bytes]) -> set[bytes]:
        raise NotImplementedError

    def all_suppressed(self) -> set[bytes]:
        raise NotImplementedError

    # Sequences
    def enrol(self, env: str, sequence: str, people: Sequence[Person], now: datetime) -> int:
        raise NotImplementedError

    def enrolments(self, env: str, sequence: str) -> list[Enrolment]:
        raise NotImplementedError

    def end_enrolments(
        self, env: str, sequence: str, ids: Collection[int], state: EnrolmentEnd, now: datetime
    ) -> int:
        raise NotImplementedError

    def say_once(self, env: str, subject: str, what: str, now: datetime) -> bool:
        raise NotImplementedError
