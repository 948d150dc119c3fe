"""One person in the ledger: all that it holds of them, and how it forgets them."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam, select

from newsletter.store import events
from newsletter.store.derived import reason_of_batch
from newsletter.store.sqlite import explode
from newsletter.store.tables import (
    SUPPRESSED,
    attempt,
    batch,
    enrolment,
    halt,
    member,
    outcome,
    run,
    subscriber,
)
from newsletter.store.values import Attempt, History, Received, Standing, State

_WHO = select(subscriber.c.id, subscriber.c.email).where(subscriber.c.hmac == bindparam("of"))
_ids = explode(member.c.ids)
_ID: sa.BindParameter[int] = bindparam("id", type_=sa.BigInteger)
_closed = sa.and_(batch.c.state == SUPPRESSED, outcome.c.state.is_(None))
_RECEIVED = (
    select(
        run.c.env,
        run.c.campaign,
        run.c.occurrence,
        run.c.id.label("run_id"),
        batch.c.no,
        sa.func.coalesce(outcome.c.state, batch.c.state).label("state"),
        outcome.c.reason,
        attempt.c.detail,
        sa.case((_closed, halt.c.word)).label("closed"),
        sa.func.coalesce(
            outcome.c.at,
            attempt.c.ended_at,
            attempt.c.started_at,
            sa.case((_closed, halt.c.at)),
            type_=attempt.c.ended_at.type,
        ).label("at"),
        outcome.c.attempt_id,
    )
    .select_from(
        member.join(_ids, sa.true())
        .join(run, run.c.id == member.c.run_id)
        .join(batch, sa.and_(batch.c.run_id == member.c.run_id, batch.c.no == member.c.no))
        .outerjoin(
            outcome, sa.and_(outcome.c.run_id == member.c.run_id, outcome.c.subscriber_id == _ids.c.value)
        )
        .outerjoin(attempt, attempt.c.id == batch.c.attempt_id)
        .outerjoin(halt, halt.c.run_id == run.c.id)
    )
    .where(member.c.lo <= _ID, member.c.hi >= _ID, _ids.c.value == _ID)
    .order_by(run.c.id)
)
_ATTEMPTS = (
    select(attempt.c.id, attempt.c.state, attempt.c.started_at, attempt.c.ended_at)
    .where(
        attempt.c.run_id == bindparam("run"),
        sa.or_(attempt.c.no == bindparam("number"), attempt.c.id == bindparam("own", type_=sa.Text)),
    )
    .order_by(attempt.c.started_at)
)
_SEQUENCES = (
    select(
        enrolment.c.env,
        enrolment.c.sequence,
        enrolment.c.step,
        enrolment.c.state,
        enrolment.c.entered_at,
        enrolment.c.ended_at,
    )
    .where(enrolment.c.subscriber_id == _ID)
    .order_by(enrolment.c.entered_at)
)
_FORGET = sa.delete(subscriber).where(subscriber.c.hmac == bindparam("of"))


def history(conn: sa.Connection, hmac: bytes) -> History:
    """Empty for somebody who was never written to, and for whoever was forgotten."""
    who = conn.execute(_WHO, {"of": hmac}).one_or_none()
    if who is None:
        return History(None)
    received = [_received(conn, row, who.id) for row in conn.execute(_RECEIVED, {"id": who.id}).all()]
    sequences = [Standing(**row._mapping) for row in conn.execute(_SEQUENCES, {"id": who.id})]
    return History(who.email, received, sequences)


def _received(conn: sa.Connection, row: Any, subscriber_id: int) -> Received:
    state = State(row.state)
    reason = row.reason if row.reason is not None else reason_of_batch(state, row)
    asked = {"run": row.run_id, "number": row.no, "own": row.attempt_id}
    attempts = [Attempt(**one._mapping) for one in conn.execute(_ATTEMPTS, asked)]
    told = events.of_person(conn, row.run_id, subscriber_id)
    at = None if state is State.READY else row.at
    return Received(row.env, row.campaign, row.occurrence, state, reason, at, attempts, told)


def forget(conn: sa.Connection, hmac: bytes) -> bool:
    """The address goes; what was sent stays, under a number that belongs to nobody. False: it was not there.

    The freed bytes are overwritten (SQLite: secure_delete), so that the file does not hold them any longer.
    """
    conn.exec_driver_sql("PRAGMA secure_delete = ON")
    return conn.execute(_FORGET, {"of": hmac}).rowcount == 1


def copies(path: Path) -> list[Path]:
    """The copies of the ledger that steps of its schema left beside it."""
    return sorted(path.parent.glob(f"{path.name}.before-*"))


def forget_in_copy(copy: Path, hmac: bytes) -> bool:
    """The same in such a copy, whatever its schema."""
    with closing(sqlite3.connect(copy, isolation_level=None)) as raw:
        raw.execute("PRAGMA secure_delete = ON")
        return raw.execute("DELETE FROM subscriber WHERE hmac = ?", (hmac,)).rowcount == 1
