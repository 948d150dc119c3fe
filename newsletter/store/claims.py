"""Claim and finish: what is committed before a byte leaves, and what is recorded after the answer."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam, select

from newsletter.audience.leaving import EVERYTHING
from newsletter.store import limits, optouts
from newsletter.store.sqlite import explode
from newsletter.store.tables import (
    INFLIGHT,
    READY,
    SENDING,
    UNKNOWN,
    attempt,
    batch,
    canary,
    event_,
    halt,
    member,
    outcome,
    run,
    subscriber,
    suppression,
)
from newsletter.store.values import Answered, Claim, Member, Pace

NO_ADDRESS = "the address does not exist"

_BATCH = sa.and_(batch.c.run_id == bindparam("run"), batch.c.no == bindparam("number"))

# Nothing is put off for longer than an hour: what lies farther ahead was written by a clock that was wrong, and a
# wrong clock parks nobody.
FARTHEST = timedelta(hours=1, minutes=1)
_due = sa.or_(batch.c.not_before <= bindparam("now"), batch.c.not_before > bindparam("farthest"))

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
        _due,
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
_ID = sa.cast(_ids.c.value, sa.BigInteger)
# Whoever has a row in `outcome` is done with; the others are still to go.
_going = (
    member.join(_ids, sa.true())
    .outerjoin(outcome, sa.and_(outcome.c.run_id == member.c.run_id, outcome.c.subscriber_id == _ids.c.value))
    .outerjoin(subscriber, subscriber.c.id == _ids.c.value)
)
_in_batch = sa.and_(
    member.c.run_id == bindparam("run"), member.c.no == bindparam("number"), outcome.c.subscriber_id.is_(None)
)
_MEMBERS = (
    select(_ID.label("id"), subscriber.c.key, subscriber.c.email)
    .select_from(_going)
    .where(_in_batch)
    .order_by(_ID)
)
_LATE_CHECK = (
    select(_ID.label("id"), subscriber.c.id.label("known"), suppression.c.hmac.label("silenced"))
    .select_from(
        _going.outerjoin(
            suppression, sa.and_(suppression.c.hmac == subscriber.c.hmac, suppression.c.scope == "*")
        )
    )
    .where(_in_batch)
    .order_by(_ID)
)

_LEFT_LISTS = (
    select(_ID.label("id"), suppression.c.scope)
    .select_from(_going.join(suppression, suppression.c.hmac == subscriber.c.hmac))
    .where(_in_batch, suppression.c.scope != "*")
)

_LOCK_READY = (
    select(batch.c.no)
    .select_from(batch.join(run, run.c.id == batch.c.run_id))
    .where(_BATCH, batch.c.state == READY, _due, run.c.state == SENDING)
    .with_for_update(of=batch)
)
_TAKE = (
    sa.update(batch)
    .where(_BATCH, batch.c.state == READY)
    .values(state="inflight", owner=bindparam("by"), attempt_id=bindparam("attempt"), tries=batch.c.tries + 1)
)
_CLOSE = sa.update(batch).where(_BATCH, batch.c.state == READY).values(state="suppressed", attempt_id=None)

_HMACS = select(subscriber.c.hmac).where(subscriber.c.id.in_(bindparam("ids", expanding=True)))
_LOCK_OURS = (
    select(batch.c.run_id, batch.c.no, batch.c.state, attempt.c.started_at)
    .select_from(
        attempt.join(
            batch,
            sa.and_(
                batch.c.run_id == attempt.c.run_id,
                batch.c.no == attempt.c.no,
                batch.c.attempt_id == attempt.c.id,
            ),
        )
    )
    .where(attempt.c.id == bindparam("attempt"), sa.or_(batch.c.state == INFLIGHT, batch.c.state == UNKNOWN))
    .with_for_update(of=batch)
)
_GIVE_BACK = (  # ready again: of no attempt, so that nothing late can touch it
    sa.update(batch)
    .where(_BATCH)
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
_CLOSE_AS = sa.update(batch).where(_BATCH).values(state=bindparam("to"), owner=None)
_END = (
    sa.update(attempt)
    .where(attempt.c.id == bindparam("attempt"))
    .values(
        state=bindparam("to"),
        status=bindparam("code"),
        provider_id=bindparam("provider"),
        detail=bindparam("more"),
        ended_at=bindparam("at"),
    )
)
_CLOSE_FOR_GOOD = sa.update(batch).where(_BATCH).values(state="suppressed", owner=None, attempt_id=None)
_TOLD = select(event_.c.subscriber_id, event_.c.whole).where(event_.c.attempt_id == bindparam("attempt"))
_OWNERS = select(batch.c.owner).where(batch.c.state == INFLIGHT).distinct()
_ORPHANED = sa.and_(batch.c.state == INFLIGHT, batch.c.owner == bindparam("dead"))
_ORPHANS = select(batch.c.attempt_id).where(_ORPHANED)
_DOUBT_ATTEMPTS = (
    sa.update(attempt)
    .where(attempt.c.id.in_(select(batch.c.attempt_id).where(_ORPHANED)))
    .values(state="unknown", detail=bindparam("more"))  # nobody saw its end: ended_at stays empty
)
_DOUBT = sa.update(batch).where(_ORPHANED).values(state="unknown", owner=None)


def _at(now: datetime) -> dict[str, Any]:
    return {"now": now, "farthest": now + FARTHEST}


def ready_batches(conn: sa.Connection, run_id: int, now: datetime, limit: int) -> list[int]:
    return list(conn.execute(_READY_BATCHES, _at(now) | {"run": run_id, "limit": limit}).scalars())


def next_due(conn: sa.Connection, run_id: int) -> datetime | None:
    due: datetime | None = conn.execute(_NEXT_DUE, {"run": run_id}).scalar_one()
    return due


def tries(conn: sa.Connection, run_id: int, no: int) -> int:
    return int(conn.execute(_TRIES, {"run": run_id, "number": no}).scalar_one())


def first_try(conn: sa.Connection, run_id: int, no: int) -> datetime | None:
    first: datetime | None = conn.execute(_FIRST_TRY, {"run": run_id, "number": no}).scalar_one()
    return first


def members(conn: sa.Connection, run_id: int, no: int) -> list[Member]:
    return [
        Member(row.id, row.key, row.email) for row in conn.execute(_MEMBERS, {"run": run_id, "number": no})
    ]


def going(conn: sa.Connection, run_id: int, no: int) -> list[int]:
    """The ids of a batch whose state is the batch's: those without a row of their own."""
    return [row.id for row in conn.execute(_MEMBERS, {"run": run_id, "number": no})]


def claim(
    conn: sa.Connection,
    run_id: int,
    no: int,
    *,
    ids: Sequence[int],
    late: Mapping[int, str],
    owner: int,
    attempt_id: str,
    body_sha256: bytes,
    now: datetime,
    through: Mapping[int, str],
    pace: Pace | None,
) -> Claim:
    """Lock the batch, silence the late ones, compare, count, take, write ahead; in this order.

    A late check before the lock would let the loser of a race write `suppressed` beside somebody who is being
    mailed. What was suppressed stays so, whatever the answer.
    """
    key = {"run": run_id, "number": no}
    if conn.execute(_LOCK_READY, key | _at(now)).one_or_none() is None:
        return Claim.LOST
    left = _silence_late(conn, run_id, no, late, now)
    if not left:
        conn.execute(_CLOSE, key)
        return Claim.LOST
    if left != sorted(ids) or _have_left(conn, key, through):
        return Claim.CHANGED
    if pace:
        now = pace.clock()  # after the wait for the lock: what is counted is when it goes
        if limits.allowance(conn, pace, len(left), now).number < len(left):
            return Claim.LIMITED
        limits.take(conn, pace, len(left), now)
    if conn.execute(_TAKE, key | {"by": owner, "attempt": attempt_id}).rowcount != 1:
        raise AssertionError("a batch that was locked as ready has changed")
    conn.execute(
        sa.insert(attempt),
        {
            "id": attempt_id,
            "run_id": run_id,
            "no": no,
            "owner": owner,
            "body_sha256": body_sha256,
            "state": "inflight",
            "provider_id": "",
            "detail": {},
            "started_at": now,
        },
    )
    return Claim.CLAIMED


def _silence_late(
    conn: sa.Connection, run_id: int, no: int, late: Mapping[int, str], now: datetime
) -> list[int]:
    """Whoever opted out or was erased since the freeze turns `suppressed`; returns the others, ascending."""
    left: list[int] = []
    silenced: list[tuple[int, str]] = []
    for row in conn.execute(_LATE_CHECK, {"run": run_id, "number": no}):
        if row.known is None:
            silenced.append((row.id, "erased"))
        elif row.id in late:
            silenced.append((row.id, late[row.id]))
        elif row.silenced is not None:
            silenced.append((row.id, "late"))
        else:
            left.append(row.id)
    silent = {i: ("suppressed", reason) for i, reason in silenced}
    write_outcomes(conn, run_id, no, states=silent, attempt_id=None, now=now)
    return left


def _have_left(conn: sa.Connection, key: Mapping[str, int], through: Mapping[int, str]) -> bool:
    """Whether anybody has left the very list by which they were to get it; rendered again, they may go by another."""
    return bool(through) and any(through.get(row.id) == row.scope for row in conn.execute(_LEFT_LISTS, key))


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


def finish(
    conn: sa.Connection,
    attempt_id: str,
    *,
    state: Answered,
    exceptions: Mapping[int, tuple[Answered, str]],
    reason: str,
    status: int | None,
    provider_id: str,
    detail: Mapping[str, object],
    now: datetime,
    not_before: datetime | None,
    bounced: Collection[int],
    pace: Pace | None,
) -> bool:
    """The provider's answer; False when the batch is no longer this attempt's, and nothing is written.

    Raises ValueError when an exception names somebody who wasn't handed over.
    """
    ours = conn.execute(_LOCK_OURS, {"attempt": attempt_id}).one_or_none()
    if ours is None:
        return False
    late_proof = ours.state == "unknown"
    if late_proof and (state != "accepted" or any(word == "ready" for word, _ in exceptions.values())):
        return False  # a doubt ends by proof of acceptance; all else is for `settle`
    gone = going(conn, ours.run_id, ours.no)
    strangers = exceptions.keys() - set(gone)
    if strangers and not late_proof:
        raise ValueError(f"attempt {attempt_id} was not for {sorted(strangers)}")
    there = proven(conn, attempt_id, gone)
    answers = {i: _with_proof(exceptions.get(i, (state, reason)), told=i in there) for i in gone}
    if there and state in ("unknown", "ready"):
        state = "accepted" if len(there) == len(gone) else state
    base = _state_of_batch(state, {word for word, _ in answers.values()})
    shared = reason if base == state else next(why for word, why in answers.values() if word == base)
    own = {
        i: (word, why)
        for i, (word, why) in answers.items()
        if word != base or (word == "rejected" and why != shared)  # each refusal keeps its own reason
    }
    write_outcomes(conn, ours.run_id, ours.no, states=own, attempt_id=attempt_id, now=now)
    close(conn, ours.run_id, ours.no, base, not_before or now)
    if bounced:
        hmacs = conn.execute(_HMACS, {"ids": sorted(bounced)}).scalars()
        optouts.record(
            conn, [optouts.opted_out(hmac, EVERYTHING, NO_ADDRESS, "bounce", now) for hmac in hmacs]
        )
    if pace and base == "ready":
        again = sum(word == "ready" for word, _ in answers.values())
        limits.give_back(conn, pace, again, ours.started_at)
    more = dict(detail) | ({"reason": shared} if shared else {})
    end = {
        "attempt": attempt_id,
        "to": base,
        "code": status,
        "provider": provider_id,
        "more": more,
        "at": now,
    }
    conn.execute(_END, end)
    return True


def proven(conn: sa.Connection, attempt_id: str, ids: Sequence[int]) -> set[int]:
    """Those of them of whom a provider has told that this attempt reached it."""
    told = conn.execute(_TOLD, {"attempt": attempt_id}).all()
    if any(row.whole for row in told):
        return set(ids)
    return {row.subscriber_id for row in told} & set(ids)


def _with_proof(answer: tuple[Answered, str], *, told: bool) -> tuple[Answered, str]:
    """What a provider told before its answer came: it has the message, whatever the answer was."""
    return ("accepted", "the provider told") if told and answer[0] in ("unknown", "ready") else answer


def _state_of_batch(said: Answered, words: set[Answered]) -> Answered:
    """The state for the batch when these are the states of its people; the others get rows of their own.

    Whoever goes again goes by the batch. A batch never keeps a state that none of its people is in: it would
    be ready, or in doubt, for nobody and for ever.
    """
    order: tuple[Answered, ...] = ("ready", said, "unknown", "accepted", "rejected")
    return next(word for word in order if word in words)


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


def owners_in_flight(conn: sa.Connection) -> list[int]:
    return list(conn.execute(_OWNERS).scalars())


def doubt(conn: sa.Connection, owner: int, now: datetime) -> list[str]:
    """All that a dead owner had in flight becomes unknown, never ready; returns the attempts in doubt."""
    attempts = list(conn.execute(_ORPHANS, {"dead": owner}).scalars())
    conn.execute(_DOUBT_ATTEMPTS, {"dead": owner, "more": {"owner_found_dead": now.isoformat()}})
    conn.execute(_DOUBT, {"dead": owner})
    return attempts
