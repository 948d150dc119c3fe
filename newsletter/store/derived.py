"""Derived state: a recipient's is its row in `outcome`, else its batch's; counted, listed, looked up."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam, select

from newsletter.store.sqlite import explode
from newsletter.store.tables import (
    ACCEPTED,
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
from newsletter.store.values import Counts, Delivery, State

_BY_BATCH = (
    select(batch.c.state, sa.func.sum(batch.c.n).label("n"))
    .where(batch.c.run_id == bindparam("run"))
    .group_by(batch.c.state)
)
_BY_OUTCOME = (
    select(batch.c.state, outcome.c.state.label("own"), sa.func.count().label("n"))
    .select_from(outcome.join(batch, sa.and_(batch.c.run_id == outcome.c.run_id, batch.c.no == outcome.c.no)))
    .where(outcome.c.run_id == bindparam("run"))
    .group_by(batch.c.state, outcome.c.state)
)

_own_rows = (
    select(sa.func.count())
    .where(outcome.c.run_id == batch.c.run_id, outcome.c.no == batch.c.no)
    .correlate(batch)
    .scalar_subquery()
)
_AMENDED = (  # who was ready when the run was amended: suppressed by their batch, without a row of their own
    select(sa.func.coalesce(sa.func.sum(batch.c.n - _own_rows), 0))
    .select_from(batch.join(halt, halt.c.run_id == batch.c.run_id))
    .where(batch.c.run_id == bindparam("run"), batch.c.state == SUPPRESSED, halt.c.word == "amended")
)

_PAGE = 20  # batches a look: 10,000 recipients in memory at the usual size
_batch_of_member = sa.and_(batch.c.run_id == member.c.run_id, batch.c.no == member.c.no)
# Whoever is suppressed by their batch was ready when the run was ended: its halt says why and when.
_is_closed = batch.c.state == SUPPRESSED
_closed_at = sa.case((_is_closed, halt.c.at))
_BATCHES = (
    select(
        member.c.no,
        member.c.ids,
        batch.c.state,
        attempt.c.detail,
        sa.func.coalesce(
            attempt.c.ended_at, attempt.c.started_at, _closed_at, type_=attempt.c.ended_at.type
        ).label("at"),
        sa.case((_is_closed, halt.c.word)).label("closed"),
    )
    .select_from(
        member.join(batch, _batch_of_member)
        .outerjoin(attempt, attempt.c.id == batch.c.attempt_id)
        .outerjoin(halt, halt.c.run_id == member.c.run_id)
    )
    .where(member.c.run_id == bindparam("run"), member.c.no > bindparam("after"))
    .order_by(member.c.no)
    .limit(_PAGE)
)
_OUTCOMES = select(outcome.c.subscriber_id, outcome.c.state, outcome.c.reason, outcome.c.at).where(
    outcome.c.run_id == bindparam("run"), outcome.c.no.between(bindparam("first"), bindparam("last"))
)
_ids = explode(member.c.ids)
_ADDRESSES = (
    select(subscriber.c.id, subscriber.c.key, subscriber.c.email)
    .select_from(member.join(_ids, sa.true()).join(subscriber, subscriber.c.id == _ids.c.value))
    .where(member.c.run_id == bindparam("run"), member.c.no.between(bindparam("first"), bindparam("last")))
)

# A sequence's name stands for its steps; LIKE is no way to say so, it folds ASCII on SQLite.
_asked = sa.and_(
    run.c.env == bindparam("env"),
    sa.or_(
        run.c.campaign == bindparam("campaign"),
        sa.and_(
            sa.func.substr(run.c.campaign, 1, bindparam("length")) == bindparam("prefix"),
            sa.exists()
            .where(enrolment.c.env == bindparam("env"), enrolment.c.sequence == bindparam("campaign"))
            .correlate(run),
        ),
    ),
)
_own = sa.and_(outcome.c.run_id == member.c.run_id, outcome.c.subscriber_id == _ids.c.value)
_wanted = subscriber.c.id.between(bindparam("first"), bindparam("last"))
_RECEIVED = (
    select(subscriber.c.key)
    .select_from(
        run.join(batch, sa.and_(batch.c.run_id == run.c.id, batch.c.state == ACCEPTED))
        .join(member, _batch_of_member)
        .join(_ids, sa.true())
        .join(subscriber, subscriber.c.id == _ids.c.value)
        .outerjoin(outcome, _own)
    )
    .where(
        _asked,
        outcome.c.subscriber_id.is_(None),
        member.c.lo <= bindparam("last"),
        member.c.hi >= bindparam("first"),
        _wanted,
    )
)
_RECEIVED_ALONE = (
    select(subscriber.c.key)
    .select_from(
        run.join(outcome, sa.and_(outcome.c.run_id == run.c.id, outcome.c.state == ACCEPTED)).join(
            subscriber, subscriber.c.id == outcome.c.subscriber_id
        )
    )
    .where(_asked, _wanted)
)
_ID_OF = select(subscriber.c.id).where(subscriber.c.hmac == bindparam("hmac"))

_when = sa.func.coalesce(attempt.c.ended_at, attempt.c.started_at, type_=attempt.c.ended_at.type)
_of_env = run.c.env == bindparam("env")
_LATELY = sa.union_all(
    select(sa.cast(_ids.c.value, sa.BigInteger).label("id"))
    .select_from(
        run.join(batch, sa.and_(batch.c.run_id == run.c.id, batch.c.state == ACCEPTED))
        .join(attempt, attempt.c.id == batch.c.attempt_id)
        .join(member, _batch_of_member)
        .join(_ids, sa.true())
        .outerjoin(outcome, _own)
    )
    .where(
        _of_env,
        _when >= bindparam("since"),
        member.c.lo <= bindparam("last"),
        member.c.hi >= bindparam("first"),
        outcome.c.subscriber_id.is_(None),
    ),
    select(outcome.c.subscriber_id)
    .select_from(run.join(outcome, sa.and_(outcome.c.run_id == run.c.id, outcome.c.state == ACCEPTED)))
    .where(
        _of_env,
        outcome.c.at >= bindparam("since"),
        outcome.c.subscriber_id.between(bindparam("first"), bindparam("last")),
    ),
).subquery()
_OFTEN = (
    select(subscriber.c.key)
    .select_from(subscriber.join(_LATELY, _LATELY.c.id == subscriber.c.id))
    .where(subscriber.c.id.between(bindparam("first"), bindparam("last")))
    .group_by(subscriber.c.id)
    .having(sa.func.count() >= bindparam("most"))
)
_ALL_IDS = (0, 2**62)
_STREAMED = {"yield_per": 5_000}


def lately(
    conn: sa.Connection, env: str, since: datetime, most: int, among: tuple[int, int] | None
) -> Iterator[str]:
    first, last = among or _ALL_IDS
    asked = {"env": env, "since": since, "most": most, "first": first, "last": last}
    yield from conn.execute(_OFTEN, asked, execution_options=_STREAMED).scalars()


def counts(conn: sa.Connection, run_id: int) -> Counts:
    """Both looks in the caller's one transaction: a recipient is never counted twice or not at all."""
    found: defaultdict[str, int] = defaultdict(int)
    for row in conn.execute(_BY_BATCH, {"run": run_id}):
        found[row.state] += row.n
    for row in conn.execute(_BY_OUTCOME, {"run": run_id}):
        found[row.state] -= row.n
        found[row.own] += row.n
    return Counts(**found, amended=conn.execute(_AMENDED, {"run": run_id}).scalar_one())


def received(conn: sa.Connection, env: str, campaign: str, hmac: bytes | None) -> Iterator[str]:
    first, last = _ALL_IDS
    if hmac is not None:
        found = conn.execute(_ID_OF, {"hmac": hmac}).scalar_one_or_none()
        if found is None:
            return
        first = last = found
    prefix = campaign + "/"
    asked = {
        "env": env,
        "campaign": campaign,
        "prefix": prefix,
        "length": len(prefix),
        "first": first,
        "last": last,
    }
    yield from conn.execute(_RECEIVED, asked, execution_options=_STREAMED).scalars()
    yield from conn.execute(_RECEIVED_ALONE, asked, execution_options=_STREAMED).scalars()


def deliveries(look: Callable[[], AbstractContextManager[sa.Connection]], run_id: int) -> Iterator[Delivery]:
    """Every recipient of a run, batch by batch, ids ascending inside; constant memory.

    A page is one look: no transaction is held while the caller thinks, so two pages may differ by a moment.
    """
    after = 0
    while True:
        with look() as conn:
            page = _page(conn, run_id, after)
        if not page:
            return
        for last, found in page:
            after = last
            yield from found


def _page(conn: sa.Connection, run_id: int, after: int) -> list[tuple[int, list[Delivery]]]:
    rows = conn.execute(_BATCHES, {"run": run_id, "after": after}).all()
    if not rows:
        return []
    asked = {"run": run_id, "first": rows[0].no, "last": rows[-1].no}
    own = {row.subscriber_id: row for row in conn.execute(_OUTCOMES, asked)}
    people = {row.id: row for row in conn.execute(_ADDRESSES, asked)}
    return [(row.no, [_delivery(i, row, own.get(i), people.get(i)) for i in row.ids]) for row in rows]


def _delivery(subscriber_id: int, of_batch: Any, own: Any, person: Any) -> Delivery:
    key, email = (None, None) if person is None else (person.key, person.email)
    if own is not None:
        return Delivery(subscriber_id, key, email, State(own.state), own.reason, own.at)
    state = State(of_batch.state)
    at: datetime | None = None if state is State.READY else of_batch.at
    return Delivery(subscriber_id, key, email, state, reason_of_batch(state, of_batch), at)


def reason_of_batch(state: State, of_batch: Any) -> str:
    """Why a batch is in its state: who settled it, what the provider said, or how its run was ended."""
    detail = {} if state is State.READY or of_batch.detail is None else of_batch.detail
    settled = detail.get("settled")
    if settled and state is not State.UNKNOWN:
        return str(settled[-1]["source"])
    return str(detail.get("reason", "") or of_batch.closed or "")
