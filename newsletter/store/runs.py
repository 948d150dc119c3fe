"""Runs: freezing an audience once, and reading what was frozen."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam, select
from sqlalchemy.schema import CreateTable

from newsletter.store.people import identified
from newsletter.store.tables import ACTIVE, batch, enrolment, excluded, member, run
from newsletter.store.values import AlreadyFrozen, EnrolmentMove, NewRun, Run, RunState

_RUNS = select(run).where(run.c.env == bindparam("env"))
_RUN = _RUNS.where(run.c.campaign == bindparam("campaign"), run.c.occurrence == bindparam("occurrence"))
_LATEST = _RUNS.where(run.c.campaign == bindparam("campaign")).order_by(run.c.id.desc()).limit(1)
_HOW_MANY = select(sa.func.count()).where(
    run.c.env == bindparam("env"), run.c.campaign == bindparam("campaign")
)
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
    sa.Column("lo", sa.BigInteger, nullable=False),
    sa.Column("hi", sa.BigInteger, nullable=False),
    sa.Column("n", sa.Integer, nullable=False),
    sa.Column("ids", member.c.ids.type, nullable=False),
    prefixes=["TEMPORARY"],
)
_PACK = sa.insert(packed)
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
    select(_of_run, packed.c.no, sa.literal(0), packed.c.lo, packed.c.hi, packed.c.ids),
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


def latest(conn: sa.Connection, env: str, campaign: str) -> Run | None:
    return _run(conn.execute(_LATEST, {"env": env, "campaign": campaign}).one_or_none())


def of_environment(conn: sa.Connection, env: str) -> list[Run]:
    return [Run(**row._mapping) for row in conn.execute(_RUNS.order_by(run.c.id), {"env": env})]


def excluded_of(conn: sa.Connection, run_id: int) -> dict[str, int]:
    return {row.reason: row.n for row in conn.execute(_EXCLUDED, {"run": run_id})}


def set_state(conn: sa.Connection, run_id: int, state: RunState) -> bool:
    return conn.execute(_SET_STATE, {"run": run_id, "to": state}).rowcount == 1


def refuse_twice(conn: sa.Connection, new: NewRun) -> None:
    """Raises AlreadyFrozen."""
    before = find(conn, new.env, new.campaign, new.occurrence) if new.occurrence else None
    if before:
        raise AlreadyFrozen(before)


def keep_standing(conn: sa.Connection, new: NewRun, move: EnrolmentMove) -> None:
    """Of those in `identified` only who stands at the step from which is moved."""
    conn.execute(_DROP_OTHERS, _standing(new, move))


def pack(conn: sa.Connection, batch_size: int) -> None:
    """`identified` into `packed`: disjoint ascending ranges of ids, numbered from 1, in constant memory."""
    conn.execute(CreateTable(packed))
    found = conn.execute(_IDS, execution_options={"yield_per": batch_size}).scalars()
    for no, ids in enumerate(found.partitions(batch_size), start=1):
        conn.execute(_PACK, {"no": no, "lo": ids[0], "hi": ids[-1], "n": len(ids), "ids": list(ids)})


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
    run_id = _write(conn, new, occurrence, total=total, excluded_by=excluded_by, epoch=epoch)
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


def _write(
    conn: sa.Connection,
    new: NewRun,
    occurrence: str,
    *,
    total: int,
    excluded_by: Mapping[str, int],
    epoch: int,
) -> int:
    written = {
        "env": new.env,
        "campaign": new.campaign,
        "occurrence": occurrence,
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
    at_once = datetime.fromtimestamp(0, UTC)  # whatever clocks do later
    conn.execute(_BATCHES, {"run": run_id, "not_before": at_once})
    conn.execute(_MEMBERS, {"run": run_id})
    return run_id
