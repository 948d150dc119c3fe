"""What providers tell of single messages, and what that settles: proof of a handing over, before or after its end."""

import hashlib
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam, select

from newsletter.store import doubts
from newsletter.store.batches import close, going, write_outcomes
from newsletter.store.claims import proven
from newsletter.store.sqlite import explode, insert
from newsletter.store.tables import attempt, batch, event_, member, outcome, subscriber
from newsletter.store.values import Heard, Member, ProviderEvent

_ids = explode(member.c.ids)
_ID: sa.BindParameter[int] = bindparam("id", type_=sa.BigInteger)
_WHERE = (
    select(
        batch.c.no,
        batch.c.attempt_id,
        sa.func.coalesce(outcome.c.state, batch.c.state).label("state"),
        sa.case((outcome.c.state.is_(None), batch.c.attempt_id), else_=outcome.c.attempt_id).label("by"),
    )
    .select_from(
        member.join(_ids, sa.true())
        .join(batch, sa.and_(batch.c.run_id == member.c.run_id, batch.c.no == member.c.no))
        .outerjoin(
            outcome, sa.and_(outcome.c.run_id == member.c.run_id, outcome.c.subscriber_id == _ids.c.value)
        )
    )
    .where(member.c.run_id == bindparam("run"), member.c.lo <= _ID, member.c.hi >= _ID, _ids.c.value == _ID)
)
_ATTEMPT = select(attempt.c.run_id, attempt.c.no).where(attempt.c.id == bindparam("attempt"))
_ADD = insert(event_).on_conflict_do_nothing()
_DOUBTED = (
    select(batch.c.run_id, batch.c.no, batch.c.attempt_id)
    .where(
        batch.c.state == "unknown",
        batch.c.attempt_id.in_(bindparam("attempts", expanding=True)),
        sa.exists().where(event_.c.attempt_id == batch.c.attempt_id),
    )
    .order_by(batch.c.run_id, batch.c.no)
)
_SUPERSEDED = (  # by attempts that no batch has any more
    select(event_.c.subscriber_id, event_.c.attempt_id)
    .where(
        event_.c.run_id == bindparam("run"),
        ~sa.exists().where(batch.c.run_id == event_.c.run_id, batch.c.attempt_id == event_.c.attempt_id),
    )
    .distinct()
    .order_by(event_.c.subscriber_id)
)
_PERSON = select(subscriber.c.key, subscriber.c.email).where(subscriber.c.id == bindparam("id"))
_OF_PERSON = (
    select(event_).where(event_.c.run_id == bindparam("run"), event_.c.subscriber_id == bindparam("id"))
).order_by(event_.c.at)


def take(conn: sa.Connection, told: ProviderEvent, *, whole: bool, now: datetime) -> Heard:
    """Keep an event, once, and settle by it what is in doubt. Safe in any order, and as often as it is told.

    whole: one message of a request proves the whole request (an API takes it as a whole or not at all)
    """
    known = conn.execute(_ATTEMPT, {"attempt": told.attempt_id}).one_or_none()
    who = {"run": told.run_id, "id": told.subscriber_id}
    if known is None or known.run_id != told.run_id:
        return Heard.FOREIGN
    there = conn.execute(_WHERE, who).one_or_none()
    if there is None:
        return Heard.FOREIGN
    if conn.execute(_ADD, _row(told, whole=whole)).rowcount != 1:
        return Heard.KNOWN
    if there.state == "unknown" and there.by == told.attempt_id:
        prove(conn, told.run_id, there.no, told.attempt_id, now)
        return Heard.SETTLED
    if there.state == "inflight" and there.by == told.attempt_id:
        return Heard.SETTLED  # its answer is still to come; `finish` looks here
    if there.state == "ready":
        whole = whole and known.no == there.no
        _take_out(conn, told, there.no, everybody=whole, now=now)
        return Heard.SETTLED
    if there.state == "accepted" and there.by != told.attempt_id:
        return Heard.TWICE
    return Heard.NOTED


def _row(told: ProviderEvent, *, whole: bool) -> dict[str, Any]:
    name = f"{told.run_id}/{told.subscriber_id}/{told.attempt_id}/{told.kind}"
    return {
        "at": told.at,
        "digest": hashlib.sha256(name.encode()).digest()[:16],
        "run_id": told.run_id,
        "subscriber_id": told.subscriber_id,
        "attempt_id": told.attempt_id,
        "kind": told.kind,
        "whole": whole,
        "detail": told.detail,
    }


def prove(conn: sa.Connection, run_id: int, no: int, attempt_id: str, now: datetime) -> None:
    """End the doubts of an attempt that events speak of."""
    in_doubt = [i for one in doubts.of_batch(conn, run_id, no, attempt_id) for i in one.ids]
    there = proven(conn, attempt_id, in_doubt)
    if there:
        doubts.settle(
            conn, run_id, no, attempt_id, accepted=there, ready=(), source="the provider told", now=now
        )


def reconsider(conn: sa.Connection, attempts: list[str], now: datetime) -> None:
    """Attempts that have just come into doubt: what was told of them before counts."""
    if attempts:
        for row in conn.execute(_DOUBTED, {"attempts": attempts}).all():
            prove(conn, row.run_id, row.no, row.attempt_id, now)


def _take_out(conn: sa.Connection, told: ProviderEvent, no: int, *, everybody: bool, now: datetime) -> None:
    """Who was to go again has it already."""
    left = going(conn, told.run_id, no)
    out = left if everybody else [told.subscriber_id]
    states = dict.fromkeys(out, ("accepted", "the provider told"))
    write_outcomes(conn, told.run_id, no, states=states, attempt_id=told.attempt_id, now=now)
    if len(out) == len(left):
        close(conn, told.run_id, no, "accepted", now)


def twice(conn: sa.Connection, run_id: int) -> list[Member]:
    """Who got two: accepted by one attempt, and a provider has told of another one."""
    found: dict[int, Member] = {}
    for row in conn.execute(_SUPERSEDED, {"run": run_id}).all():
        there = conn.execute(_WHERE, {"run": run_id, "id": row.subscriber_id}).one_or_none()
        if there is not None and there.state == "accepted" and there.by != row.attempt_id:
            person = conn.execute(_PERSON, {"id": row.subscriber_id}).one_or_none()
            key, email = (person.key, person.email) if person else (None, None)
            found[row.subscriber_id] = Member(row.subscriber_id, key, email)
    return list(found.values())


def of_person(conn: sa.Connection, run_id: int, subscriber_id: int) -> list[ProviderEvent]:
    """Oldest first."""
    return [
        ProviderEvent(row.run_id, row.subscriber_id, row.attempt_id, row.kind, row.at, row.detail)
        for row in conn.execute(_OF_PERSON, {"run": run_id, "id": subscriber_id})
    ]
