"""A freeze of many people beside a bare `executemany` of the rows that it writes, in the same run."""

import contextlib
import hashlib
import json
import secrets
import select
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

BATCH = 500  # people in a batch


def rows(people: int) -> Iterator[tuple[bytes, str, str]]:
    """HMAC, key and address as typed."""
    for number in range(people):
        email = f"lasare{number}@exempel{number % 997}.example.org"
        yield hashlib.sha256(email.encode()).digest()[:16], email, email


def bare(folder: Path, people: int) -> dict[str, float]:
    """The floor: the same rows of people, batches and members, written by the driver in one transaction."""
    with contextlib.closing(sqlite3.connect(folder / "bare.db", isolation_level=None)) as own:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-32768"):
            own.execute(f"PRAGMA {pragma}")
        own.execute(
            "CREATE TABLE subscriber (id INTEGER PRIMARY KEY, hmac BLOB UNIQUE, key TEXT, email TEXT)"
        )
        own.execute("CREATE TABLE batch (no INTEGER PRIMARY KEY, state TEXT, n INTEGER, not_before INTEGER)")
        own.execute("CREATE TABLE member (no INTEGER PRIMARY KEY, lo INTEGER, hi INTEGER, ids TEXT)")
        begun = time.process_time()
        own.execute("BEGIN")
        own.executemany("INSERT INTO subscriber (hmac, key, email) VALUES (?, ?, ?)", rows(people))
        of_people = time.process_time()
        batches = [range(start, min(start + BATCH, people + 1)) for start in range(1, people + 1, BATCH)]
        own.executemany(
            "INSERT INTO batch (state, n, not_before) VALUES ('ready', ?, 0)", ([len(ids)] for ids in batches)
        )
        own.executemany(
            "INSERT INTO member (lo, hi, ids) VALUES (?, ?, ?)",
            ((ids[0], ids[-1], json.dumps(list(ids), separators=(",", ":"))) for ids in batches),
        )
        own.execute("COMMIT")
        ended = time.process_time()
    return {"all": ended - begun, "batches": ended - of_people}


def freeze(folder: Path, people: int) -> dict[str, float]:
    """Ours, twice: people whom the ledger has never seen, and the same ones for another campaign."""
    from newsletter.store.store import open_store
    from newsletter.store.values import NewRun, Person

    taken, waits = [], dict[str, float]()
    with open_store(folder / "state.db") as store, opting_out(folder, waits):
        for campaign in ("first", "second"):
            new = NewRun("local", campaign, "c", "p", {}, datetime(2015, 7, 3, tzinfo=UTC))
            everybody = (Person(*row) for row in rows(people))
            begun = time.process_time()
            run = store.freeze(new, everybody, excluded={}, batch_size=BATCH)
            taken.append(time.process_time() - begun)
            assert run is not None and run.total == people  # noqa: PT018, S101
    return {"new": taken[0], "again": taken[1], **waits}


@contextlib.contextmanager
def opting_out(folder: Path, waits: dict[str, float]) -> Iterator[None]:
    """Meanwhile another process records opt-outs in the same ledger; how long they took goes into `waits`."""
    command = [sys.executable, __file__, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None  # noqa: S101
        other.stdout.readline()  # it has begun
        yield
        told, _ = other.communicate()  # its input ends
    waits.update(json.loads(told))


def _opt_out(folder: Path) -> None:
    from newsletter.store.store import open_store

    waits = []
    with open_store(folder / "state.db") as store:
        print("begun", flush=True)
        while not select.select([sys.stdin], [], [], 0.02)[0]:
            begun = time.perf_counter()
            store.suppress(secrets.token_bytes(16), "*", "unsubscribed", "benchmark", datetime.now(UTC))
            waits.append(time.perf_counter() - begun)
    waits.sort()
    print(json.dumps({"opt_outs": len(waits), "longest": waits[-1], "p99": waits[len(waits) * 99 // 100]}))


if __name__ == "__main__":
    _opt_out(Path(sys.argv[1]))
