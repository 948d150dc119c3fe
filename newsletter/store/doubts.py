"""Deliveries whose fate nobody knows, and how evidence or a human's word ends a doubt."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import bindparam, select

from newsletter.store.batches import close, going, write_outcomes
from newsletter.store.splits import move_out
from newsletter.store.tables import UNKNOWN, attempt, batch, member, outcome, subscriber
from newsletter.store.values import Member, UnknownBatch

_BATCH = sa.and_(batch.c.run_id == bindparam("run"), batch.c.no == bindparam("number"))
_MEMBER = sa.and_(member.c.run_id == bindparam("run"), member.c.no == bindparam("number"))

_UNKNOWN_BATCHES = select(batch.c.no, batch.c.attempt_id).where(
    batch.c.run_id == bindparam("run"), batch.c.state == UNKNOWN
)
_UNKNOWN_ROWS = (
    select(outcome.c.no, outcome.c.attempt_id, outcome.c.subscriber_id)
    .where(outcome.c.run_id == bindparam("run"), outcome.c.state == UNKNOWN)
    .order_by(outcome.c.subscriber_id)
)
_LOCK_BATCH = select(batch.c.state, batch.c.attempt_id).where(_BATCH).with_for_update()
_ROWS_OF_ATTEMPT = select(outcome.c.subscriber_id).where(
    outcome.c.run_id == bindparam("run"),
    outcome.c.no == bindparam("number"),
    outcome.c.attempt_id == bindparam("attempt"),
    outcome.c.state == UNKNOWN,
)
_ROW = sa.and_(outcome.c.run_id == bindparam("run"), outcome.c.subscriber_id == bindparam("id"))
_ROW_ACCEPTED = sa.update(outcome).where(_ROW).values(state="accepted", reason=bindparam("why"))
_ROW_AWAY = sa.delete(outcome).where(_ROW)
_DETAIL = select(attempt.c.state, attempt.c.detail).where(attempt.c.id == bindparam("attempt"))
_NOTE = (
    sa.update(attempt)
    .where(attempt.c.id == bindparam("attempt"))
    .values(state=bindparam("to"), detail=bindparam("more"))
)
_IDS = select(member.c.ids).where(_MEMBER)
_PAGE = 500
_PEOPLE = select(subscriber.c.id, subscriber.c.key, subscriber.c.email).where(
    subscriber.c.id.in_(bindparam("ids", expanding=True))
)


def unknown_batches(conn: sa.Connection, run_id: int) -> list[UnknownBatch]:
    """All doubts of a run by batch and attempt: whole batches, and rows of batches that went on."""
    found: defaultdict[tuple[int, str], list[int]] = defaultdict(list)
    for row in conn.execute(_UNKNOWN_BATCHES, {"run": run_id}).all():
        found[row.no, row.attempt_id].extend(going(conn, run_id, row.no))
    for one in conn.execute(_UNKNOWN_ROWS, {"run": run_id}):
        found[one.no, one.attempt_id].append(one.subscriber_id)
    return [UnknownBatch(no, attempt_id, sorted(ids)) for (no, attempt_id), ids in sorted(found.items())]


def people(conn: sa.Connection, run_id: int) -> list[Member]:
    """Everybody of unknown fate, by id."""
    ids = sorted(i for one in unknown_batches(conn, run_id) for i in one.ids)
    known: dict[int, Member] = {}
    for start in range(0, len(ids), _PAGE):
        found = conn.execute(_PEOPLE, {"ids": ids[start : start + _PAGE]})
        known |= {row.id: Member(row.id, row.key, row.email) for row in found}
    return [known.get(i, Member(i, None, None)) for i in ids]


def of_batch(conn: sa.Connection, run_id: int, no: int, attempt_id: str) -> list[UnknownBatch]:
    """The doubts of one attempt: its batch, or rows of a batch that went on."""
    key = {"run": run_id, "number": no}
    locked = conn.execute(_LOCK_BATCH, key).one()
    if locked.state == "unknown" and locked.attempt_id == attempt_id:
        return [UnknownBatch(no, attempt_id, going(conn, run_id, no))]
    rows = list(conn.execute(_ROWS_OF_ATTEMPT, key | {"attempt": attempt_id}).scalars())
    return [UnknownBatch(no, attempt_id, sorted(rows))]


def settle(
    conn: sa.Connection,
    run_id: int,
    no: int,
    attempt_id: str,
    *,
    accepted: Collection[int],
    ready: Collection[int],
    source: str,
    now: datetime,
) -> int:
    """End the doubts about these ids; returns how many ended. Ids in no doubt (any more) are passed over.

    Raises ValueError when somebody is in both.
    """
    if set(accepted) & set(ready):
        raise ValueError("accepted and to be sent again at once")
    key = {"run": run_id, "number": no}
    locked = conn.execute(_LOCK_BATCH, key).one_or_none()
    if locked is None:
        return 0
    if locked.state == "unknown" and locked.attempt_id == attempt_id:
        in_doubt = set(going(conn, run_id, no))
        there, again = in_doubt & set(accepted), in_doubt & set(ready)
        state = _settle_batch(
            conn,
            run_id,
            no,
            attempt_id=attempt_id,
            in_doubt=in_doubt,
            there=there,
            again=again,
            source=source,
            now=now,
        )
    else:
        in_doubt = set(conn.execute(_ROWS_OF_ATTEMPT, key | {"attempt": attempt_id}).scalars())
        there, again = in_doubt & set(accepted), in_doubt & set(ready)
        _settle_rows(conn, run_id, no, state=locked.state, there=there, again=again, source=source, now=now)
        state = None
    if there or again:
        said = {"source": source, "at": now.isoformat(), "accepted": len(there), "ready": len(again)}
        _note(conn, attempt_id, state, said)
    return len(there) + len(again)


def _settle_batch(
    conn: sa.Connection,
    run_id: int,
    no: int,
    *,
    attempt_id: str,
    in_doubt: set[int],
    there: set[int],
    again: set[int],
    source: str,
    now: datetime,
) -> str:
    """A batch that is unknown as a whole; returns what its attempt has become."""
    if there == in_doubt:
        close(conn, run_id, no, "accepted", now)
        return "accepted"
    # Rows first: whoever is moved out below must not be counted among those that stay.
    proven = dict.fromkeys(sorted(there), ("accepted", source))
    write_outcomes(conn, run_id, no, states=proven, attempt_id=attempt_id, now=now)
    if there | again == in_doubt:
        close(conn, run_id, no, "ready", now)
        return "ready"
    if again:
        _move_out(conn, run_id, no, again, now)
    return "unknown"


def _settle_rows(
    conn: sa.Connection,
    run_id: int,
    no: int,
    *,
    state: str,
    there: set[int],
    again: set[int],
    source: str,
    now: datetime,
) -> None:
    """Single doubts inside a batch that has another state by now."""
    if there:
        conn.execute(_ROW_ACCEPTED, [{"run": run_id, "id": i, "why": source} for i in sorted(there)])
    if again:
        conn.execute(_ROW_AWAY, [{"run": run_id, "id": i} for i in sorted(again)])
        if state != "ready":
            _move_out(conn, run_id, no, again, now)


def _move_out(conn: sa.Connection, run_id: int, no: int, ids: set[int], now: datetime) -> None:
    """These ids go again as a batch of their own; if nobody else is in theirs, it goes itself."""
    if ids >= set(conn.execute(_IDS, {"run": run_id, "number": no}).scalar_one()):
        close(conn, run_id, no, "ready", now)
    else:
        move_out(conn, run_id, no, [ids], not_before=now, tries=0)


def _note(conn: sa.Connection, attempt_id: str, state: str | None, said: dict[str, object]) -> None:
    """The attempt remembers who said so; when it ended stays as it was."""
    row = conn.execute(_DETAIL, {"attempt": attempt_id}).one()
    more = dict(row.detail) | {"settled": [*row.detail.get("settled", []), said]}
    conn.execute(_NOTE, {"attempt": attempt_id, "to": state or row.state, "more": more})
