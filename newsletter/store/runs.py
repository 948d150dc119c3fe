"""Runs: freezing an audience once, and reading what was frozen."""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam, select

from newsletter.store import contents
from newsletter.store.people import gathered, gathering, upsert_gathered
from newsletter.store.tables import ACTIVE, batch, enrolment, excluded, member, run, subscriber
from newsletter.store.tables import canary as canary_
from newsletter.store.values import AlreadyFrozen, EnrolmentMove, NewRun, Person, Run, RunState

_RUNS = select(run).where(run.c.env == bindparam("env"))
_RUN = _RUNS.where(run.c.campaign == bindparam("campaign"), run.c.occurrence == bindparam("occurrence"))
_LATEST = _RUNS.where(run.c.campaign == bindparam("campaign")).order_by(run.c.id.desc()).limit(1)
_HOW_MANY = select(sa.func.count()).where(
    run.c.env == bindparam("env"), run.c.campaign == bindparam("campaign")
)
_STATE = select(run.c.state).where(run.c.id == bindparam("run"))
_EXCLUDED = select(excluded.c.reason, excluded.c.n).where(excluded.c.run_id == bindparam("run"))
# done and cancelled are final: a slow sender must not wake what another has ended
_SET_STATE = (
    sa.update(run)
    .where(run.c.id == bindparam("run"), run.c.state.in_(["sending", "paused"]))
    .values(state=bindparam("to"))
)

_FROZEN_IDS = (
    select(subscriber.c.id)
    .select_from(gathered.join(subscriber, subscriber.c.hmac == gathered.c.hmac))
    .order_by(subscriber.c.id)
)
_stands_there = sa.and_(
    enrolment.c.env == bindparam("at_env"),
    enrolment.c.sequence == bindparam("at_sequence"),
    enrolment.c.state == ACTIVE,
    enrolment.c.step.is_not_distinct_from(bindparam("at_step", type_=sa.Text)),
)
_DROP_OTHERS = sa.delete(gathered).where(
    ~sa.exists().where(
        subscriber.c.hmac == gathered.c.hmac, enrolment.c.subscriber_id == subscriber.c.id, _stands_there
    )
)
_MOVE_ON = (
    sa.update(enrolment)
    .where(_stands_there, enrolment.c.subscriber_id.in_(_FROZEN_IDS.order_by(None)))
    .values(step=bindparam("to_step"), run_id=bindparam("to_run"))
)


def _run(row: sa.Row[Any] | None) -> Run | None:
    return None if row is None else Run(**row._mapping)


def find(conn: sa.Connection, env: str, campaign: str, occurrence: str) -> Run | None:
    key = {"env": env, "campaign": campaign, "occurrence": occurrence}
    return _run(conn.execute(_RUN, key).one_or_none())


def numbered(conn: sa.Connection, run_id: int) -> Run | None:
    return _run(conn.execute(select(run).where(run.c.id == bindparam("run")), {"run": run_id}).one_or_none())


def latest(conn: sa.Connection, env: str, campaign: str) -> Run | None:
    return _run(conn.execute(_LATEST, {"env": env, "campaign": campaign}).one_or_none())


def of_environment(conn: sa.Connection, env: str) -> list[Run]:
    return [Run(**row._mapping) for row in conn.execute(_RUNS.order_by(run.c.id), {"env": env})]


def excluded_of(conn: sa.Connection, run_id: int) -> dict[str, int]:
    return {row.reason: row.n for row in conn.execute(_EXCLUDED, {"run": run_id})}


def set_state(conn: sa.Connection, run_id: int, state: RunState) -> bool:
    return conn.execute(_SET_STATE, {"run": run_id, "to": state}).rowcount == 1


def state_of(conn: sa.Connection, run_id: int) -> RunState:
    state: RunState = conn.execute(_STATE, {"run": run_id}).scalar_one()
    return state


def freeze(
    conn: sa.Connection,
    new: NewRun,
    people: Iterable[Person],
    *,
    excluded_by: Mapping[str, int],
    batch_size: int,
    epoch: int,
    move: EnrolmentMove | None,
) -> Run | None:
    """The whole of a freeze; the caller's transaction makes it one step."""
    occurrence = new.occurrence or _next_occurrence(conn, new)
    before = find(conn, new.env, new.campaign, occurrence)
    if before:
        raise AlreadyFrozen(before)
    with gathering(conn, people):
        if move:
            conn.execute(_DROP_OTHERS, _standing(new, move))
        total = int(conn.execute(select(sa.func.count()).select_from(gathered)).scalar_one())
        if move and not total:
            return None
        contents.refuse_same_letter(conn, new)
        upsert_gathered(conn)
        run_id = write(conn, new, occurrence, total=total, excluded_by=excluded_by, epoch=epoch)
        frozen = conn.execute(_FROZEN_IDS, execution_options={"yield_per": batch_size}).scalars()
        write_batches(conn, run_id, frozen.fetchmany, batch_size=batch_size, canary=new.canary, total=total)
        if move:
            conn.execute(_MOVE_ON, _standing(new, move) | {"to_step": move.step, "to_run": run_id})
    return find(conn, new.env, new.campaign, occurrence)


def _standing(new: NewRun, move: EnrolmentMove) -> dict[str, str | None]:
    return {"at_env": new.env, "at_sequence": move.sequence, "at_step": move.from_step}


def _next_occurrence(conn: sa.Connection, new: NewRun) -> str:
    number = int(conn.execute(_HOW_MANY, {"env": new.env, "campaign": new.campaign}).scalar_one()) + 1
    while find(conn, new.env, new.campaign, str(number)):
        number += 1
    return str(number)


def write(
    conn: sa.Connection,
    new: NewRun,
    occurrence: str | None,
    *,
    total: int,
    excluded_by: Mapping[str, int],
    epoch: int,
) -> int:
    """The run without its batches, and all that it is finished from; returns its id."""
    written = {
        "env": new.env,
        "campaign": new.campaign,
        "occurrence": occurrence or _next_occurrence(conn, new),
        "state": "sending",
        "content_hash": new.content_hash,
        "plan_hash": new.plan_hash,
        "inputs": dict(new.inputs),
        "total": total,
        "epoch": epoch,
        "created_at": new.created_at,
    }
    run_id = int(conn.execute(sa.insert(run).returning(run.c.id), written).scalar_one())
    if excluded_by:
        conn.execute(
            sa.insert(excluded), [{"run_id": run_id, "reason": k, "n": n} for k, n in excluded_by.items()]
        )
    contents.keep(conn, run_id, new)
    return run_id


def write_batches(
    conn: sa.Connection,
    run_id: int,
    take: Callable[[int], Sequence[int]],
    *,
    batch_size: int,
    canary: int,
    total: int,
) -> None:
    """Disjoint ascending ranges of ids, numbered from 1; written by hundreds: a million is no heap.

    take: the next so many ids, ascending; fewer at the end, and then none
    canary: so many of the first are batches of their own, in a lane of their own; none where nobody would wait
    """
    hot: list[dict[str, object]] = []
    cold: list[dict[str, object]] = []
    at_once = datetime.fromtimestamp(0, UTC)  # whatever clocks do later

    def write_down() -> None:
        if hot:
            conn.execute(sa.insert(batch), hot)
            conn.execute(sa.insert(member), cold)
            hot.clear()
            cold.clear()

    first, lane = (canary if canary < total else 0), 0
    for no in itertools.count(1):
        part = list(take(min(batch_size, first or batch_size)))
        if not part:
            break
        key = {"run_id": run_id, "no": no}
        hot.append(key | {"state": "ready", "n": len(part), "not_before": at_once, "tries": 0})
        cold.append(key | {"lane": lane, "lo": part[0], "hi": part[-1], "ids": part})
        if first:
            first -= len(part)
            if not first:
                conn.execute(sa.insert(canary_), {"run_id": run_id, "last_id": part[-1]})
                lane = 1
        if len(hot) == 100:
            write_down()
    write_down()


def paused(conn: sa.Connection, env: str) -> frozenset[str]:
    """The campaigns of which a run stands still."""
    asked = select(run.c.campaign).where(run.c.env == bindparam("env"), run.c.state == "paused").distinct()
    return frozenset(conn.execute(asked, {"env": env}).scalars())


def campaigns(conn: sa.Connection, env: str) -> frozenset[str]:
    """All that was ever begun."""
    asked = select(run.c.campaign).where(run.c.env == bindparam("env")).distinct()
    return frozenset(conn.execute(asked, {"env": env}).scalars())
