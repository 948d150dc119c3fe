"""Ledgers to try things on."""

import contextlib
import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsletter.store.store import open_store
from newsletter.store.values import Claim, NewRun, Person, Run

from .identity import check_identity

NOW = datetime(2015, 7, 3, 7, 0, tzinfo=UTC)


def person(number: int) -> Person:
    email = f"person{number}@example.org"
    return Person(hashlib.sha256(email.encode()).digest()[:16], email, email.title())


def new_run(campaign: str = "recap", occurrence: str | None = "1", env: str = "local") -> NewRun:
    return NewRun(env, campaign, "content", "plan", {"files": ["recap.md"]}, NOW, occurrence)


class Ledger:
    """A store with the shortest words for what most tests do."""

    now = NOW

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = open_store(path)
        self.people = [person(number) for number in range(1, 31)]  # ids 1 to 30 once frozen
        self.attempts = 0

    def frozen(self, people: int = 10, size: int = 10, campaign: str = "recap") -> Run:
        run = self.store.freeze(new_run(campaign, None), self.people[:people], excluded={}, batch_size=size)
        assert run is not None
        return run

    def claim(
        self,
        run: Run,
        no: int = 1,
        *,
        ids: Sequence[int] | None = None,
        late: dict[int, str] | None = None,
        owner: int = 7,
    ) -> tuple[str, Claim]:
        """A claim of whoever is to go now; the attempt's id and the answer."""
        self.attempts += 1
        attempt = f"attempt-{self.attempts}"
        if ids is None:
            ids = [member.id for member in self.store.batch_members(run.id, no)]
        answer = self.store.claim(
            run.id,
            no,
            ids=ids,
            late=late or {},
            owner=owner,
            attempt_id=attempt,
            body_sha256=b"sha",
            now=self.now,
        )
        return attempt, answer

    def claimed(self, run: Run, no: int = 1, **more: object) -> str:
        attempt, answer = self.claim(run, no, **more)  # type: ignore[arg-type]
        assert answer is Claim.CLAIMED
        return attempt

    def states(self, run: Run) -> dict[int, str]:
        return {each.subscriber_id: str(each.state) for each in self.store.deliveries(run.id)}

    def sql(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        with contextlib.closing(sqlite3.connect(self.path)) as raw:
            rows = raw.execute(statement, values).fetchall()
            raw.commit()
        return rows


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path / ".newsletter" / "state.db")
    with made.store:
        yield made


@pytest.fixture(scope="session")
def make_person() -> Callable[[int], Person]:
    return person


@pytest.fixture(scope="session")
def make_run() -> Callable[..., NewRun]:
    return new_run


@pytest.fixture(scope="session")
def make_ledger() -> Callable[[Path], Ledger]:
    return Ledger


@pytest.fixture(scope="session")
def identity() -> Callable[[Path], None]:
    return check_identity
