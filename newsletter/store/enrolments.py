"""Enrolments: who is in a sequence since when, which step was last, and what became of it."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import bindparam, select

from newsletter.store.people import identified
from newsletter.store.sqlite import insert
from newsletter.store.tables import ACTIVE, attempt, batch, enrolment, member, notice, outcome, subscriber
from newsletter.store.values import Enrolment, EnrolmentEnd, State

_ENROL = (
    insert(enrolment)
    .from_select(
        ["env", "sequence", "subscriber_id", "entered_at", "state"],
        select(
            bindparam("of_env", type_=sa.Text),
            bindparam("of_sequence", type_=sa.Text),
            subscriber.c.id,
            bindparam("at", type_=enrolment.c.entered_at.type),
            ACTIVE,
        )
        .select_from(identified.join(subscriber, subscriber.c.id == identified.c.id))
        .order_by(subscriber.c.id),
    )
    .on_conflict_do_nothing()  # once for ever: whoever ended is not enrolled anew
)
_of_sequence = sa.and_(
    enrolment.c.env == bindparam("of_env"), enrolment.c.sequence == bindparam("of_sequence")
)
_ENROLMENTS = (
    select(enrolment, subscriber.c.key, subscriber.c.email)
    .select_from(enrolment.join(subscriber, subscriber.c.id == enrolment.c.subscriber_id))
    .where(_of_sequence)
    .order_by(enrolment.c.subscriber_id)
)
_RUNS = select(enrolment.c.run_id).where(_of_sequence, enrolment.c.run_id.is_not(None)).distinct()
_when = sa.func.coalesce(attempt.c.ended_at, attempt.c.started_at, type_=attempt.c.ended_at.type)
_BATCHES = (
    select(batch.c.run_id, batch.c.state, member.c.ids, _when.label("at"))
    .select_from(
        batch.join(member, sa.and_(member.c.run_id == batch.c.run_id, member.c.no == batch.c.no)).outerjoin(
            attempt, attempt.c.id == batch.c.attempt_id
        )
    )
    .where(batch.c.run_id.in_(_RUNS))
)
_OUTCOMES = (
    select(outcome.c.run_id, outcome.c.subscriber_id, outcome.c.state, _when.label("at"))
    .select_from(outcome.outerjoin(attempt, attempt.c.id == outcome.c.attempt_id))
    .where(outcome.c.run_id.in_(_RUNS))
)
_END = (
    sa.update(enrolment)
    .where(_of_sequence, enrolment.c.subscriber_id == bindparam("id"), enrolment.c.state == ACTIVE)
    .values(state=bindparam("to"), ended_at=bindparam("at"))
)
_SAY = insert(notice).on_conflict_do_nothing()


def enrol(conn: sa.Connection, env: str, sequence: str, now: datetime) -> int:
    """Whoever is in `identified`, and is still known."""
    return conn.execute(_ENROL, {"of_env": env, "of_sequence": sequence, "at": now}).rowcount


def enrolments(conn: sa.Connection, env: str, sequence: str) -> list[Enrolment]:
    """All of a sequence, ended ones too, by id; four looks, however many people."""
    asked = {"of_env": env, "of_sequence": sequence}
    rows = conn.execute(_ENROLMENTS, asked).all()
    wanted = {(row.run_id, row.subscriber_id) for row in rows}
    found: dict[tuple[int, int], tuple[str, datetime | None]] = {}
    for of_batch in conn.execute(_BATCHES, asked):
        for subscriber_id in of_batch.ids:
            if (of_batch.run_id, subscriber_id) in wanted:
                found[of_batch.run_id, subscriber_id] = (of_batch.state, of_batch.at)
    for own in conn.execute(_OUTCOMES, asked):
        found[own.run_id, own.subscriber_id] = (own.state, own.at)
    result = []
    for row in rows:
        state, at = found.get((row.run_id, row.subscriber_id), (None, None))
        result.append(
            Enrolment(
                subscriber_id=row.subscriber_id,
                key=row.key,
                email=row.email,
                step=row.step,
                run_id=row.run_id,
                entered_at=row.entered_at,
                state=row.state,
                delivery_state=State(state) if state else None,
                last_sent_at=at if state == "accepted" else None,
            )
        )
    return result


def end(
    conn: sa.Connection, env: str, sequence: str, ids: Collection[int], *, state: EnrolmentEnd, now: datetime
) -> int:
    """Ends the active ones among these; returns how many."""
    same = {"of_env": env, "of_sequence": sequence, "to": state, "at": now}
    return sum(conn.execute(_END, same | {"id": subscriber_id}).rowcount for subscriber_id in sorted(ids))


def say_once(conn: sa.Connection, env: str, subject: str, what: str, now: datetime) -> bool:
    return conn.execute(_SAY, {"env": env, "subject": subject, "what": what, "at": now}).rowcount == 1
