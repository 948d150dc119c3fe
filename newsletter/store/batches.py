"""A batch: whose time has come, who is still to go in it, and the states that it ends in."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam, select

from newsletter.store.sqlite import explode
from newsletter.store.tables import READY, attempt, batch, canary, halt, member, outcome, run, subscriber
from newsletter.store.values import Answered, Member

OF_BATCH = sa.and_(batch.c.run_id == bindparam("run"), batch.c.no == bindparam("number"))

# Nothing is put off for longer than an hour: what lies farther ahead was written by a clock that was wrong, and a
# wrong clock parks nobody.
FARTHEST = timedelta(hours=1, minutes=1)
DUE = sa.or_(batch.c.not_before <= bindparam("now"), batch.c.not_before > bindparam("farthest"))

_behind_the_canary = sa.exists().where(  # by its people: batches may be split on their way
    canary.c.run_id == batch.c.run_id,
    canary.c.passed_at.is_(None),
    member.c.run_id == batch.c.run_id,
    member.c.no == batch.c.no,
    member.c.lo > canary.c.last_id,
)
_READY_BATCHES = (
    select(batch.c.no)
    .where(
        batch.c.run_id == bindparam("run"),
        batch.c.state == READY,
        DUE,
        ~_behind_the_canary,
    )
    .order_by(batch.c.not_before, batch.c.no)
    .limit(bindparam("limit"))
)
_TRIES = sa.select(batch.c.tries).where(batch.c.run_id == bindparam("run"), batch.c.no == bindparam("number"))
_FIRST_TRY = select(sa.func.min(attempt.c.started_at, type_=attempt.c.started_at.type)).where(
    attempt.c.run_id == bindparam("run"), attempt.c.no == bindparam("number")
)
_NEXT_DUE = select(sa.func.min(batch.c.not_before)).where(
    batch.c.run_id == bindparam("run"), batch.c.state == READY, ~_behind_the_canary
)

_ids = explode(member.c.ids)
ID = sa.cast(_ids.c.value, sa.BigInteger)
# Whoever has a row in `outcome` is done with; the others are still to go.
GOING = (
    member.join(_ids, sa.true())
    .outerjoin(outcome, sa.and_(outcome.c.run_id == member.c.run_id, outcome.c.subscriber_id == _ids.c.value))
    .outerjoin(subscriber, subscriber.c.id == _ids.c.value)
)
IN_BATCH = sa.and_(
    member.c.run_id == bindparam("run"), member.c.no == bindparam("number"), outcome.c.subscriber_id.is_(None)
)
_MEMBERS = (
    select(ID.label("id"), subscriber.c.key, subscriber.c.email)
    .select_from(GOING)
    .where(IN_BATCH)
    .order_by(ID)
)
# Without a look at each of them: ids stand in ascending order, and an outcome lies in its person's batch.
_LISTED = select(member.c.ids).where(member.c.run_id == bindparam("run"), member.c.no == bindparam("number"))
_DONE = select(outcome.c.subscriber_id).where(
    outcome.c.run_id == bindparam("run"), outcome.c.no == bindparam("number")
)
_GIVE_BACK = (  # ready again: of no attempt, so that nothing late can touch it
    sa.update(batch)
    .where(OF_BATCH)
    .values(state="ready", owner=None, attempt_id=None, not_before=bindparam("from_when"))
)
_later, _over = run.alias("later"), halt.alias("over")
_CANCELLED = (
    select(sa.func.max(_over.c.at, type_=_over.c.at.type))
    .select_from(
        run.outerjoin(halt, halt.c.run_id == run.c.id)
        .join(_later, sa.and_(_later.c.env == run.c.env, _later.c.campaign == run.c.campaign))
        .join(_over, sa.and_(_over.c.run_id == _later.c.id, _over.c.word == "cancelled"))
    )
    .where(
        run.c.id == bindparam("run"),
        sa.or_(_later.c.id == run.c.id, sa.and_(halt.c.word == "amended", _later.c.id > run.c.id)),
    )
)
_CLOSE_AS = sa.update(batch).where(OF_BATCH).values(state=bindparam("to"), owner=None)
_CLOSE_FOR_GOOD = sa.update(batch).where(OF_BATCH).values(state="suppressed", owner=None, attempt_id=None)


def due_at(now: datetime) -> dict[str, Any]:
    return {"now": now, "farthest": now + FARTHEST}


def ready_batches(conn: sa.Connection, run_id: int, now: datetime, limit: int) -> list[int]:
    return list(conn.execute(_READY_BATCHES, due_at(now) | {"run": run_id, "limit": limit}).scalars())


def next_due(conn: sa.Connection, run_id: int) -> datetime | None:
    due: datetime | None = conn.execute(_NEXT_DUE, {"run": run_id}).scalar_one()
    return due


def tries(conn: sa.Connection, run_id: int, no: int) -> int:
    return int(conn.execute(_TRIES, {"run": run_id, "number": no}).scalar_one())


def first_try(conn: sa.Connection, run_id: int, no: int) -> datetime | None:
    first: datetime | None = conn.execute(_FIRST_TRY, {"run": run_id, "number": no}).scalar_one()
    return first


def members(conn: sa.Connection, run_id: int, no: int) -> list[Member]:
    found = conn.execute(_MEMBERS, {"run": run_id, "number": no})
    return [Member(number, key, email) for number, key, email in found]


def going(conn: sa.Connection, run_id: int, no: int) -> list[int]:
    """The ids of a batch whose state is the batch's: those without a row of their own."""
    key = {"run": run_id, "number": no}
    done = set(conn.execute(_DONE, key).scalars())
    return [i for i in conn.execute(_LISTED, key).scalar_one_or_none() or () if i not in done]


def write_outcomes(
    conn: sa.Connection,
    run_id: int,
    no: int,
    *,
    states: Mapping[int, tuple[str, str]],
    attempt_id: str | None,
    now: datetime,
) -> None:
    """A row for each of these ids: (state, reason). Fails when one has a row already."""
    if states:
        same = {"run_id": run_id, "no": no, "attempt_id": attempt_id, "at": now}
        conn.execute(
            sa.insert(outcome),
            [
                same | {"subscriber_id": subscriber_id, "state": state, "reason": reason}
                for subscriber_id, (state, reason) in states.items()
            ],
        )


def close(conn: sa.Connection, run_id: int, no: int, state: Answered, not_before: datetime) -> None:
    """The batch's state after an answer; `ready` gives it back, unless the run was cancelled meanwhile."""
    key: dict[str, Any] = {"run": run_id, "number": no}
    if state != "ready":
        conn.execute(_CLOSE_AS, key | {"to": state})
    elif at := cancelled_at(conn, run_id):
        close_for_good(conn, run_id, no, at)
    else:
        conn.execute(_GIVE_BACK, key | {"from_when": not_before})


def close_for_good(conn: sa.Connection, run_id: int, no: int, at: datetime) -> None:
    """Whoever is still to go in a batch gets nothing of it; by name, since a batch alone would say "amended"."""
    silent = dict.fromkeys(going(conn, run_id, no), ("suppressed", "cancelled"))
    write_outcomes(conn, run_id, no, states=silent, attempt_id=None, now=at)
    conn.execute(_CLOSE_FOR_GOOD, {"run": run_id, "number": no})


def cancelled_at(conn: sa.Connection, run_id: int) -> datetime | None:
    """Since when whoever turns ready in this run gets nothing of it any more: it, or what amended it, was cancelled."""
    at: datetime | None = conn.execute(_CANCELLED, {"run": run_id}).scalar_one()
    return at
