"""Runs that stand still: paused, cancelled, or amended by a next occurrence; and the canary that goes ahead."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import bindparam, select

from newsletter.store import contents, runs
from newsletter.store.batches import close_for_good, write_outcomes
from newsletter.store.people import identify_known
from newsletter.store.sqlite import explode
from newsletter.store.tables import INFLIGHT, READY, SENDING, batch, halt, member, outcome, run, subscriber
from newsletter.store.tables import canary as canary_
from newsletter.store.values import Canary, Halt, HaltWord, Member, NewRun, Run, StillMoving

MAY_FAIL = 0.05  # of a canary; above it the run is paused

_HALT = select(halt.c.word, halt.c.reason, halt.c.at).where(halt.c.run_id == bindparam("of"))
_LIFT = sa.delete(halt).where(halt.c.run_id == bindparam("of"))
_STATE = select(run.c.state).where(run.c.id == bindparam("of"))
_PAUSE = sa.update(run).where(run.c.id == bindparam("of"), run.c.state == SENDING).values(state="paused")
_RESUME = sa.update(run).where(run.c.id == bindparam("of"), run.c.state == "paused").values(state="sending")
_END = (
    sa.update(run)
    .where(run.c.id == bindparam("of"), run.c.state.in_(["sending", "paused"]))
    .values(state="cancelled")
)
_CLOSE_READY = (
    sa.update(batch)
    .where(batch.c.run_id == bindparam("of"), batch.c.state == READY)
    .values(state="suppressed", attempt_id=None)
)
_before = run.alias("before")
_LEFT_BEHIND = (  # in doubt when an earlier run of the campaign was amended, and ready again
    select(batch.c.run_id, batch.c.no)
    .select_from(
        run.join(_before, sa.and_(_before.c.env == run.c.env, _before.c.campaign == run.c.campaign))
        .join(halt, sa.and_(halt.c.run_id == _before.c.id, halt.c.word == "amended"))
        .join(batch, sa.and_(batch.c.run_id == _before.c.id, batch.c.state == READY))
    )
    .where(run.c.id == bindparam("of"))
)
_LEFT_IN_IT = (  # the same of that run itself, when whatever amended it has ended
    select(batch.c.no)
    .select_from(halt.join(batch, batch.c.run_id == halt.c.run_id))
    .where(halt.c.run_id == bindparam("of"), halt.c.word == "amended", batch.c.state == READY)
)
_IN_FLIGHT = select(sa.func.count()).where(batch.c.run_id == bindparam("of"), batch.c.state == INFLIGHT)

_ids = explode(member.c.ids)
_STILL_READY = (
    select(batch.c.no, sa.cast(_ids.c.value, sa.BigInteger).label("id"), subscriber.c.key, subscriber.c.email)
    .select_from(
        batch.join(member, sa.and_(member.c.run_id == batch.c.run_id, member.c.no == batch.c.no))
        .join(_ids, sa.true())
        .outerjoin(
            outcome, sa.and_(outcome.c.run_id == member.c.run_id, outcome.c.subscriber_id == _ids.c.value)
        )
        .outerjoin(subscriber, subscriber.c.id == _ids.c.value)
    )
    .where(batch.c.run_id == bindparam("of"), batch.c.state == READY, outcome.c.subscriber_id.is_(None))
    .order_by(batch.c.no, _ids.c.value)
)

_CANARY = select(canary_.c.last_id).where(canary_.c.run_id == bindparam("of"), canary_.c.passed_at.is_(None))
_JUDGED = (
    sa.update(canary_)
    .where(canary_.c.run_id == bindparam("of"), canary_.c.passed_at.is_(None))
    .values(passed_at=bindparam("at"))
)
_first = sa.and_(
    batch.c.run_id == bindparam("of"),
    sa.exists().where(
        member.c.run_id == batch.c.run_id, member.c.no == batch.c.no, member.c.lo <= bindparam("last")
    ),
)
_UNANSWERED = select(sa.func.count()).where(
    _first, sa.or_(batch.c.state == INFLIGHT, sa.and_(batch.c.state == READY, batch.c.tries == 0))
)
_BY_BATCH = select(batch.c.state, sa.func.sum(batch.c.n).label("n")).where(_first).group_by(batch.c.state)
_BY_OUTCOME = (
    select(batch.c.state, outcome.c.state.label("own"), sa.func.count().label("n"))
    .select_from(outcome.join(batch, sa.and_(batch.c.run_id == outcome.c.run_id, batch.c.no == outcome.c.no)))
    .where(_first)
    .group_by(batch.c.state, outcome.c.state)
)


def halt_of(conn: sa.Connection, run_id: int) -> Halt | None:
    row = conn.execute(_HALT, {"of": run_id}).one_or_none()
    return None if row is None else Halt(row.word, row.reason, row.at)


def pause(conn: sa.Connection, run_id: int, reason: str, now: datetime) -> bool:
    """False: it was not sending. From the commit on no batch of it can be claimed."""
    if conn.execute(_PAUSE, {"of": run_id}).rowcount != 1:
        return False
    _write(conn, run_id, "paused", reason, now)
    return True


def resume(conn: sa.Connection, run_id: int) -> bool:
    """False: it was not paused. A canary that stopped it is not sent again, one that was not judged yet is."""
    if conn.execute(_RESUME, {"of": run_id}).rowcount != 1:
        return False
    conn.execute(_LIFT, {"of": run_id})
    return True


def cancel(conn: sa.Connection, run_id: int, reason: str, now: datetime) -> bool:
    """Whoever is ready gets nothing of it; what is in flight ends as it ends. False: it had ended already.

    Of one that was amended: whoever was in doubt then and is ready again.
    """
    if conn.execute(_END, {"of": run_id}).rowcount != 1:
        left = conn.execute(_LEFT_IN_IT, {"of": run_id}).scalars().all()
        for no in left:
            close_for_good(conn, run_id, no, now)
        return bool(left)
    _write(conn, run_id, "cancelled", reason, now)
    conn.execute(_CLOSE_READY, {"of": run_id})
    for row in conn.execute(_LEFT_BEHIND, {"of": run_id}).all():
        close_for_good(conn, row.run_id, row.no, now)
    return True


def _write(conn: sa.Connection, run_id: int, word: HaltWord, reason: str, now: datetime) -> None:
    conn.execute(_LIFT, {"of": run_id})
    conn.execute(sa.insert(halt), {"run_id": run_id, "word": word, "reason": reason, "at": now})


def still_ready(conn: sa.Connection, run_id: int) -> list[Member]:
    return [Member(row.id, row.key, row.email) for row in conn.execute(_STILL_READY, {"of": run_id})]


def amend(
    conn: sa.Connection,
    closing: Sequence[int],
    new: NewRun,
    *,
    leaving: Mapping[int, str],
    going: int,
    excluded_by: Mapping[str, int],
    batch_size: int,
    epoch: int,
) -> Run:
    """Close these runs, and freeze whoever is ready in them as the campaign's next occurrence, in one step.

    conn: one that is kept aside
    leaving: id -> why somebody who is ready gets nothing; they stay where they are, suppressed
    going: how many the others have to be. Raises StillMoving when they are not, or anybody is in flight; SameLetter
    """
    moved: list[int] = []
    for run_id in closing:
        if conn.execute(_IN_FLIGHT, {"of": run_id}).scalar_one():
            raise StillMoving
        by_batch: dict[int, dict[int, tuple[str, str]]] = {}
        for row in conn.execute(_STILL_READY, {"of": run_id}).all():
            if row.id in leaving or row.key is None:
                why = leaving.get(row.id, "erased")
                by_batch.setdefault(row.no, {})[row.id] = ("suppressed", why)
            else:
                moved.append(row.id)
        for no, states in by_batch.items():
            write_outcomes(conn, run_id, no, states=states, attempt_id=None, now=new.created_at)
        conn.execute(_END, {"of": run_id})
        _write(conn, run_id, "amended", "the new text went to whoever was left", new.created_at)
        conn.execute(_CLOSE_READY, {"of": run_id})
    if len(moved) != going:
        raise StillMoving
    identify_known(conn, moved)
    contents.refuse_same_letter(conn, new)
    runs.pack(conn, sorted(moved), total=len(moved), batch_size=batch_size, canary=new.canary)
    run_id = runs.write(conn, new, None, total=len(moved), excluded_by=excluded_by, epoch=epoch)
    made = runs.latest(conn, new.env, new.campaign)
    if made is None or made.id != run_id:
        raise AssertionError("a run that was just written is the latest")
    return made


def judge_canary(conn: sa.Connection, run_id: int, now: datetime) -> Canary:
    """Whether the others may go: when each of the first was tried and one was answered, and few enough failed.

    What the provider put off is neither: it was not taken, and goes again. Pauses the run when too many failed
    and somebody is left who could be spared.
    """
    last = conn.execute(_CANARY, {"of": run_id}).scalar_one_or_none()
    if last is None:
        return Canary("passed")
    asked = {"of": run_id, "last": last}
    if conn.execute(_UNANSWERED, asked).scalar_one():
        return Canary("waiting")
    found: dict[str, int] = {}
    for row in conn.execute(_BY_BATCH, asked):
        found[row.state] = found.get(row.state, 0) + row.n
    for row in conn.execute(_BY_OUTCOME, asked):
        found[row.state] = found.get(row.state, 0) - row.n
        found[row.own] = found.get(row.own, 0) + row.n
    failed = found.get("rejected", 0) + found.get("unknown", 0)
    answered = found.get("accepted", 0) + failed
    if not answered and found.get("ready", 0):
        return Canary("waiting")
    conn.execute(_JUDGED, {"of": run_id, "at": now})  # once: whoever resumes it has looked
    if failed > MAY_FAIL * answered:
        pause(conn, run_id, f"canary: {failed} of the first {answered} failed", now)
        return Canary("failed", answered, failed)
    return Canary("passed", answered, failed)
