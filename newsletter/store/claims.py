"""Claim and finish: what is committed before a byte leaves, and what is recorded after the answer."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import bindparam, select

from newsletter.audience.leaving import EVERYTHING
from newsletter.store import limits, optouts
from newsletter.store.batches import DUE, GOING, ID, IN_BATCH, OF_BATCH, close, due_at, going, write_outcomes
from newsletter.store.tables import (
    INFLIGHT,
    READY,
    SENDING,
    UNKNOWN,
    attempt,
    batch,
    event_,
    run,
    subscriber,
    suppression,
)
from newsletter.store.values import Answered, Claim, Pace

NO_ADDRESS = "the address does not exist"

_LATE_CHECK = (  # a row for each of somebody's opt-outs, one without a scope for whoever has none
    select(ID.label("id"), subscriber.c.id.label("known"), suppression.c.scope)
    .select_from(GOING.outerjoin(suppression, suppression.c.hmac == subscriber.c.hmac))
    .where(IN_BATCH)
    .order_by(ID)
)

_LOCK_READY = (
    select(batch.c.no)
    .select_from(batch.join(run, run.c.id == batch.c.run_id))
    .where(OF_BATCH, batch.c.state == READY, DUE, run.c.state == SENDING)
    .with_for_update(of=batch)
)
_TAKE = (
    sa.update(batch)
    .where(OF_BATCH, batch.c.state == READY)
    .values(state="inflight", owner=bindparam("by"), attempt_id=bindparam("attempt"), tries=batch.c.tries + 1)
)
_CLOSE = sa.update(batch).where(OF_BATCH, batch.c.state == READY).values(state="suppressed", attempt_id=None)

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
    if conn.execute(_LOCK_READY, key | due_at(now)).one_or_none() is None:
        return Claim.LOST
    left = _silence_late(conn, run_id, no, late, now)
    if not left:
        conn.execute(_CLOSE, key)
        return Claim.LOST
    # Whoever has left the very list by which they were to get it may go by another, rendered again.
    if [*left] != sorted(ids) or any(through.get(i) in scopes for i, scopes in left.items()):
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
) -> dict[int, set[str]]:
    """Whoever opted out or was erased since the freeze turns `suppressed`.

    Returns the others, ascending, each with the scopes of the lists that they have left.
    """
    silent: dict[int, tuple[str, str]] = {}
    left: dict[int, set[str]] = {}
    for number, known, scope in conn.execute(_LATE_CHECK, {"run": run_id, "number": no}):
        if known is None:
            silent[number] = ("suppressed", "erased")
        elif number in late:
            silent[number] = ("suppressed", late[number])
        elif scope == EVERYTHING:
            silent[number] = ("suppressed", "late")
        else:
            left.setdefault(number, set()).update(() if scope is None else (scope,))
    for number in silent:
        left.pop(number, None)
    write_outcomes(conn, run_id, no, states=silent, attempt_id=None, now=now)
    return left


def finish(
    conn: sa.Connection,
    attempt_id: str,
    *,
    state: Answered,
    exceptions: Mapping[int, tuple[Answered, str]],
    reason: str,
    status: int | None,
    provider_id: str,
    detail: Mapping[str, object] | None,
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
    more = dict(detail or {}) | ({"reason": shared} if shared else {})
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


def owners_in_flight(conn: sa.Connection) -> list[int]:
    return list(conn.execute(_OWNERS).scalars())


def doubt(conn: sa.Connection, owner: int, now: datetime) -> list[str]:
    """All that a dead owner had in flight becomes unknown, never ready; returns the attempts in doubt."""
    attempts = list(conn.execute(_ORPHANS, {"dead": owner}).scalars())
    conn.execute(_DOUBT_ATTEMPTS, {"dead": owner, "more": {"owner_found_dead": now.isoformat()}})
    conn.execute(_DOUBT, {"dead": owner})
    return attempts
