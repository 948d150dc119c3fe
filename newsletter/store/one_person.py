"""One person in the ledger: all that it holds of them, and how it forgets them."""

import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import bindparam, select

from newsletter.store.sqlite import explode
from newsletter.store.tables import attempt, batch, enrolment, member, outcome, run, subscriber
from newsletter.store.values import History, Received, Standing, State

_WHO = select(subscriber.c.id, subscriber.c.email).where(subscriber.c.hmac == bindparam("of"))
_ids = explode(member.c.ids)
_ID: sa.BindParameter[int] = bindparam("id", type_=sa.BigInteger)
_RECEIVED = (
    select(
        run.c.env,
        run.c.campaign,
        run.c.occurrence,
        sa.func.coalesce(outcome.c.state, batch.c.state).label("state"),
        sa.func.coalesce(outcome.c.reason, "").label("reason"),
        sa.func.coalesce(
            outcome.c.at, attempt.c.ended_at, attempt.c.started_at, type_=attempt.c.ended_at.type
        ).label("at"),
    )
    .select_from(
        member.join(_ids, sa.true())
        .join(run, run.c.id == member.c.run_id)
        .join(batch, sa.and_(batch.c.run_id == member.c.run_id, batch.c.no == member.c.no))
        .outerjoin(
            outcome, sa.and_(outcome.c.run_id == member.c.run_id, outcome.c.subscriber_id == _ids.c.value)
        )
        .outerjoin(attempt, attempt.c.id == batch.c.attempt_id)
    )
    .where(member.c.lo <= _ID, member.c.hi >= _ID, _ids.c.value == _ID)
    .order_by(run.c.id)
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
    received = [
        Received(row.env, row.campaign, row.occurrence, State(row.state), row.reason, row.at)
        for row in conn.execute(_RECEIVED, {"id": who.id})
    ]
    sequences = [Standing(**row._mapping) for row in conn.execute(_SEQUENCES, {"id": who.id})]
    return History(who.email, received, sequences)


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
