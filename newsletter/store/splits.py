"""Batches that become several: too large for a request, for a limit, or for what is known of some of its people."""

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy import bindparam, select

from newsletter.store.batches import cancelled_at, close_for_good, going
from newsletter.store.tables import READY, batch, member, run

_BATCH = sa.and_(batch.c.run_id == bindparam("run"), batch.c.no == bindparam("number"))
_MEMBER = sa.and_(member.c.run_id == bindparam("run"), member.c.no == bindparam("number"))
_LOCK = select(batch.c.not_before, batch.c.tries).where(_BATCH, batch.c.state == READY).with_for_update()
_LOCK_RUN = select(run.c.id).where(run.c.id == bindparam("run")).with_for_update()
_MEMBERS = select(member.c.ids, member.c.lane).where(_MEMBER)
_LAST = select(
    select(sa.func.max(batch.c.no)).where(batch.c.run_id == bindparam("run")).scalar_subquery().label("no"),
    select(sa.func.max(member.c.lane))
    .where(member.c.run_id == bindparam("run"))
    .scalar_subquery()
    .label("lane"),
)
_SHRINK = sa.update(batch).where(_BATCH).values(n=bindparam("left"))
_KEEP = (
    sa.update(member).where(_MEMBER).values(lo=bindparam("low"), hi=bindparam("high"), ids=bindparam("keep"))
)


def split(conn: sa.Connection, run_id: int, no: int, apart: Sequence[Collection[int]]) -> bool:
    """Each group leaves a ready batch for one of its own; see SendingLedger.split."""
    key = {"run": run_id, "number": no}
    found = conn.execute(_LOCK, key).one_or_none()
    leaving = {i for group in apart for i in group}
    if found is None or not leaving < set(going(conn, run_id, no)):
        return False
    move_out(conn, run_id, no, apart, not_before=found.not_before, tries=found.tries)
    return True


def move_out(
    conn: sa.Connection,
    run_id: int,
    no: int,
    groups: Sequence[Collection[int]],
    *,
    not_before: object,
    tries: int,
) -> None:
    """These ids go as ready batches of their own, suppressed ones where the run was cancelled.

    Somebody has to stay: a batch without members is none.

    Ranges of a lane never overlap: who is not simply the end of the batch gets a lane of their own.
    """
    key = {"run": run_id, "number": no}
    here = conn.execute(_MEMBERS, key).one()
    leaving = {i for group in groups for i in group}
    kept = [i for i in here.ids if i not in leaving]
    conn.execute(_LOCK_RUN, {"run": run_id})
    last = conn.execute(_LAST, {"run": run_id}).one()
    conn.execute(_SHRINK, key | {"left": len(kept)})
    conn.execute(_KEEP, key | {"low": kept[0], "high": kept[-1], "keep": kept})
    hot, cold = [], []
    for further, group in enumerate(groups, 1):
        moved = sorted(group)
        is_end = len(groups) == 1 and moved[0] > kept[-1]
        own = {"run_id": run_id, "no": last.no + further}
        hot.append(own | {"state": "ready", "n": len(moved), "not_before": not_before, "tries": tries})
        lane = here.lane if is_end else last.lane + further
        cold.append(own | {"lane": lane, "lo": moved[0], "hi": moved[-1], "ids": moved})
    conn.execute(sa.insert(batch), hot)
    conn.execute(sa.insert(member), cold)
    if at := cancelled_at(conn, run_id):
        for row in hot:
            close_for_good(conn, run_id, row["no"], at)
