"""Ledgers to try things on, and the identity: what must hold in every ledger after every step and crash."""

import contextlib
import hashlib
import itertools
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsletter.store.store import Store, open_store
from newsletter.store.values import Claim, NewRun, Person, Run

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


def check_identity(path: Path) -> None:
    """Read with the bare driver: nobody is lost, nobody stands twice, what is derived is what is written."""
    with contextlib.closing(sqlite3.connect(path)) as raw, open_store(path) as store:
        raw.row_factory = sqlite3.Row
        raw.execute("BEGIN")
        assert raw.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
        for run in raw.execute("SELECT * FROM run").fetchall():
            _check_run(raw, run, store)


def _check_run(raw: sqlite3.Connection, run: sqlite3.Row, store: Store) -> None:
    batches = {row["no"]: row for row in raw.execute("SELECT * FROM batch WHERE run_id = ?", [run["id"]])}
    members = {row["no"]: row for row in raw.execute("SELECT * FROM member WHERE run_id = ?", [run["id"]])}
    outcomes = raw.execute("SELECT * FROM outcome WHERE run_id = ?", [run["id"]]).fetchall()
    attempts = raw.execute("SELECT * FROM attempt WHERE run_id = ?", [run["id"]]).fetchall()

    assert batches.keys() == members.keys()
    ids = {no: json.loads(row["ids"]) for no, row in members.items()}
    everybody = [i for of_batch in ids.values() for i in of_batch]
    assert run["total"] == sum(row["n"] for row in batches.values()) == len(everybody) == len(set(everybody))
    for no, of_batch in ids.items():
        assert of_batch == sorted(of_batch)
        assert (len(of_batch), of_batch[0], of_batch[-1]) == (
            batches[no]["n"],
            members[no]["lo"],
            members[no]["hi"],
        )
    ranges = sorted((row["lane"], row["lo"], row["hi"]) for row in members.values())
    for (lane, _, hi), (next_lane, lo, _) in itertools.pairwise(ranges):
        assert lane != next_lane or hi < lo, "ranges of one lane overlap"

    own: dict[int, str] = {}
    for row in outcomes:
        assert row["subscriber_id"] in ids[row["no"]], "an outcome outside of its batch"
        own[row["subscriber_id"]] = row["state"]
    exploded = {i: own.get(i, batches[no]["state"]) for no, of_batch in ids.items() for i in of_batch}
    counts = store.counts(run["id"])
    assert counts.total == run["total"]
    named = {name: getattr(counts, name) for name in counts.__slots__}
    assert {name: n for name, n in named.items() if n} == Counter(exploded.values())
    assert {each.subscriber_id: each.state for each in store.deliveries(run["id"])} == exploded

    by_id = {row["id"]: row for row in attempts}
    for row in attempts:
        current = batches[row["no"]]["attempt_id"] == row["id"]
        assert row["state"] != "inflight" or (current and batches[row["no"]]["state"] == "inflight")
        assert (row["ended_at"] is not None) >= (row["state"] in {"accepted", "rejected"} and _answered(row))
    for row in batches.values():
        if row["state"] in {"inflight", "accepted", "rejected", "unknown"}:
            assert row["attempt_id"] in by_id
            assert by_id[row["attempt_id"]]["state"] == row["state"]
        if row["state"] == "inflight":
            assert row["owner"] is not None
        else:
            assert row["owner"] is None
        if row["state"] == "suppressed":
            assert set(ids[row["no"]]) <= own.keys(), "closed with somebody left"
        assert row["tries"] >= (row["attempt_id"] is not None)


def _answered(attempt: sqlite3.Row) -> bool:
    return not json.loads(attempt["detail"]).keys() & {"settled", "owner_found_dead"}
