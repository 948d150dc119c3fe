"""The identity: what must hold in every ledger after every step and crash, read with the bare driver."""

import contextlib
import itertools
import json
import sqlite3
from collections import Counter
from pathlib import Path

from newsletter.store.store import Store, open_store


def check_identity(path: Path, store: Store | None = None) -> None:
    """Nobody is lost, nobody stands twice, what is derived is what is written.

    store: the ledger that is open already; without it, it is opened anew
    """
    with contextlib.closing(sqlite3.connect(path)) as raw, _opened(path, store) as ledger:
        raw.row_factory = sqlite3.Row
        raw.execute("BEGIN")
        assert raw.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
        for run in raw.execute("SELECT * FROM run").fetchall():
            _check_run(raw, run, ledger)


def _opened(path: Path, store: Store | None) -> contextlib.AbstractContextManager[Store]:
    return open_store(path) if store is None else contextlib.nullcontext(store)


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
    assert (
        named.pop("amended") <= named["suppressed"]
    )  # whoever went over to the next occurrence is closed here
    assert {name: n for name, n in named.items() if n} == Counter(exploded.values())
    assert {each.subscriber_id: each.state for each in store.deliveries(run["id"])} == exploded

    by_id = {row["id"]: row for row in attempts}
    halts = {row["word"] for row in raw.execute("SELECT word FROM halt WHERE run_id = ?", [run["id"]])}
    was_ended = bool(halts & {"cancelled", "amended"})
    assert was_ended == (run["state"] == "cancelled")
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
            assert was_ended or set(ids[row["no"]]) <= own.keys(), "closed with somebody left"
        claimed = row["attempt_id"] is not None and by_id[row["attempt_id"]]["owner"] != 0
        assert row["tries"] >= claimed  # nobody's attempt stands for what an older ledger does not know


def _answered(attempt: sqlite3.Row) -> bool:
    return not json.loads(attempt["detail"]).keys() & {"settled", "owner_found_dead"}
