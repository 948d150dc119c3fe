"""Runs: freezing an audience once, and reading what was frozen."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam, select
from sqlalchemy.schema import CreateTable

from newsletter.store import contents
from newsletter.store.people import identified
from newsletter.store.tables import ACTIVE, batch, enrolment, excluded, member, run
from newsletter.store.tables import canary as canary_
from newsletter.store.values import AlreadyFrozen, EnrolmentMove, NewRun, Run, RunState

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

packed = sa.Table(
    "packed",  # the batches of a run before it has a number
    sa.MetaData(),
    sa.Column("no", sa.Integer, primary_key=True),
    sa.Column("lane", sa.Integer, nullable=False),
    sa.Column("lo", sa.BigInteger, nullable=False),
    sa.Column("hi", sa.BigInteger, nullable=False),
    sa.Column("n", sa.Integer, nullable=False),
    sa.Column("ids", member.c.ids.type, nullable=False),
    prefixes=["TEMPORARY"],
)
_PACK = sa.insert(packed)
_HOW_MANY_IDS = select(sa.func.count()).select_from(identified)
_IDS = select(identified.c.id).order_by(identified.c.id)
_TOTAL = select(sa.func.coalesce(sa.func.sum(packed.c.n), 0))
_of_run = bindparam("run", type_=batch.c.run_id.type)
_BATCHES = sa.insert(batch).from_select(
    ["run_id", "no", "state", "n", "not_before", "tries"],
    select(
        _of_run,
        packed.c.no,
        sa.literal("ready"),
        packed.c.n,
        bindparam("not_before", type_=batch.c.not_before.type),
        sa.literal(0),
    ),
)
_MEMBERS = sa.insert(member).from_select(
    ["run_id", "no", "lane", "lo", "hi", "ids"],
    select(_of_run, packed.c.no, packed.c.lane, packed.c.lo, packed.c.hi, packed.c.ids),
)
_second_lane = packed.alias("second_lane")
_CANARY = sa.insert(canary_).from_select(
    ["run_id", "last_id"],
    select(_of_run, sa.func.max(packed.c.hi))
    .where(packed.c.lane == 0)
    .having(sa.exists().where(_second_lane.c.lane == 1)),
)
_stands_there = sa.and_(
    enrolment.c.env == bindparam("at_env"),
    enrolment.c.sequence == bindparam("at_sequence"),
    enrolment.c.state == ACTIVE,
    enrolment.c.step.is_not_distinct_from(bindparam("at_step", type_=sa.Text)),
)
_DROP_OTHERS = sa.delete(identified).where(
    ~sa.exists().where(enrolment.c.subscriber_id == identified.c.id, _stands_there)
)
_MOVE_ON = (
    sa.update(enrolment)
    .where(_stands_there, enrolment.c.subscriber_id.in_(select(identified.c.id)))
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


def refuse_twice(conn: sa.Connection, new: NewRun) -> None:
    """Raises AlreadyFrozen."""
    before = find(conn, new.env, new.campaign, new.occurrence) if new.occurrence else None
    if before:
        raise AlreadyFrozen(before)


def keep_standing(conn: sa.Connection, new: NewRun, move: EnrolmentMove) -> None:
    """Of those in `identified` only who stands at the step from which is moved."""
    conn.execute(_DROP_OTHERS, _standing(new, move))


def pack_identified(conn: sa.Connection, *, batch_size: int, canary: int) -> None:
    """Those in `identified` into `packed`, in constant memory."""
    total = int(conn.execute(_HOW_MANY_IDS).scalar_one())
    ids = conn.execute(_IDS, execution_options={"yield_per": batch_size}).scalars()
    pack(conn, ids, total=total, batch_size=batch_size, canary=canary)


def pack(conn: sa.Connection, ids: Iterable[int], *, total: int, batch_size: int, canary: int) -> None:
    """Ascending ids, `total` of them, into `packed`: disjoint ranges, numbered from 1.

    conn: one that is kept aside, for the table stays as long as it lives
    canary: so many of the first are batches of their own, in a lane of their own; none where nobody would wait
    """
    conn.execute(CreateTable(packed))
    first = canary if canary < total else 0
    rest, no = iter(ids), 0
    for lane, number in ((0, first), (1 if first else 0, None)):
        for part in _parts(itertools.islice(rest, number), batch_size):
            no += 1
            row = {"no": no, "lane": lane, "lo": part[0], "hi": part[-1], "n": len(part), "ids": part}
            conn.execute(_PACK, row)


def _parts(ids: Iterable[int], size: int) -> Iterator[list[int]]:
    while part := list(itertools.islice(ids, size)):
        yield part


def freeze(
    conn: sa.Connection,
    new: NewRun,
    *,
    excluded_by: Mapping[str, int],
    epoch: int,
    move: EnrolmentMove | None,
) -> Run | None:
    """What is in `packed` becomes a run; the caller's transaction makes it one step."""
    refuse_twice(conn, new)
    occurrence = new.occurrence or _next_occurrence(conn, new)
    total = int(conn.execute(_TOTAL).scalar_one())
    if move and not total:
        return None
    contents.refuse_same_letter(conn, new, sequence=move.sequence if move else "")
    run_id = write(conn, new, occurrence, total=total, excluded_by=excluded_by, epoch=epoch)
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
    """The run, the batches in `packed`, and all that it is finished from; returns its id."""
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
    at_once = datetime.fromtimestamp(0, UTC)  # whatever clocks do later
    conn.execute(_BATCHES, {"run": run_id, "not_before": at_once})
    conn.execute(_MEMBERS, {"run": run_id})
    conn.execute(_CANARY, {"run": run_id})
    return run_id


def paused(conn: sa.Connection, env: str) -> frozenset[str]:
    """The campaigns of which a run stands still."""
    asked = select(run.c.campaign).where(run.c.env == bindparam("env"), run.c.state == "paused").distinct()
    return frozenset(conn.execute(asked, {"env": env}).scalars())


def campaigns(conn: sa.Connection, env: str) -> frozenset[str]:
    """All that was ever begun."""
    asked = select(run.c.campaign).where(run.c.env == bindparam("env")).distinct()
    return frozenset(conn.execute(asked, {"env": env}).scalars())
