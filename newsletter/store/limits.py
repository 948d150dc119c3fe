"""How many may go now: counts of what was handed over, debited in the claim; for all processes, whenever they began.

A second is any second: the claims of the last 1,001 ms are added up, one more than a second since instants are kept in
whole milliseconds. A day is a day of the project's zone. An instant that lies ahead, because the clock was set back,
counts as now: no clock parks a campaign.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo

import sqlalchemy as sa
from sqlalchemy import bindparam, select

from newsletter.store.sqlite import insert
from newsletter.store.tables import debit, rest
from newsletter.store.values import Allowance, Limit, Pace

WINDOW = timedelta(milliseconds=1001)
LONGEST_REST = timedelta(hours=25)
_KEPT = timedelta(days=8)

_of = sa.and_(debit.c.scope == bindparam("of"), debit.c.kind == bindparam("what"))
_SINCE = select(debit.c.at, debit.c.n).where(_of, debit.c.at > bindparam("since")).order_by(debit.c.at)
_OF_DAY = select(debit.c.n).where(_of, debit.c.at == bindparam("since"))
_new = insert(debit)
_ADD = _new.on_conflict_do_update(
    index_elements=[debit.c.scope, debit.c.kind, debit.c.at], set_={"n": debit.c.n + _new.excluded.n}
)
_GIVE_BACK = (
    sa.update(debit)
    .where(_of, debit.c.at == bindparam("since"))
    .values(n=sa.func.max(0, debit.c.n - bindparam("number")))
)
_FORGET = sa.delete(debit).where(_of, debit.c.at < bindparam("since"))
_TAKE_BACK = sa.delete(debit).where(_of, debit.c.at > bindparam("since"))
_REST = select(rest.c.since, rest.c.until, rest.c.reason).where(rest.c.scope == bindparam("of"))
_new_rest = insert(rest)
_LEAVE_ALONE = _new_rest.on_conflict_do_update(
    index_elements=[rest.c.scope],
    set_={name: _new_rest.excluded[name] for name in ("since", "until", "reason")},
)


@dataclass(frozen=True, slots=True)
class Day:
    """A day of a zone, as instants."""

    begin: datetime
    end: datetime

    @classmethod
    def of(cls, now: datetime, zone: tzinfo) -> "Day":
        date = now.astimezone(zone).date()
        midnights = (datetime.combine(date + timedelta(days=n), time(), zone) for n in (0, 1))
        return cls(*(midnight.astimezone(now.tzinfo) for midnight in midnights))


def allowance(conn: sa.Connection, pace: Pace, wanted: int, now: datetime) -> Allowance:
    """How many of `wanted` may go at this moment; when it is not all of them, from when on, and what holds them back.

    Where more are wanted than may ever go in one second, `until` is for as many as may.
    """
    if waiting := _resting(conn, pace, now):
        return waiting
    number, until, why = wanted, now, ""
    for limit in pace.limits:
        if limit.per_day is not None:
            day = Day.of(now, pace.zone)
            left = limit.per_day - _used(conn, limit.scope, day.begin)
            if left <= 0:
                return Allowance(0, day.end, "day")
            number = min(number, left)
        if limit.per_second is not None:
            free, when = _second(conn, limit, wanted, now)
            number = min(number, free)
            if when > until:
                until, why = when, "second"
    return Allowance(number, until, why)


def _resting(conn: sa.Connection, pace: Pace, now: datetime) -> Allowance | None:
    if not pace.provider:
        return None
    found = conn.execute(_REST, {"of": pace.provider}).one_or_none()
    if found is None:
        return None
    until: datetime = min(found.until, now + (found.until - found.since))
    return Allowance(0, until, found.reason) if until > now else None


def _used(conn: sa.Connection, scope: str, day: datetime) -> int:
    used = conn.execute(_OF_DAY, {"of": scope, "what": "day", "since": day}).scalar_one_or_none()
    return int(used or 0)


def _second(conn: sa.Connection, limit: Limit, wanted: int, now: datetime) -> tuple[int, datetime]:
    """How many may go now by this limit, and when as many as are wanted, or as may ever go, do."""
    if limit.per_second is None:
        raise AssertionError("asked for a limit that is none")
    asked = {"of": limit.scope, "what": "second", "since": now - WINDOW}
    rows = [(min(row.at, now), row.n) for row in conn.execute(_SINCE, asked)]
    used = sum(n for _, n in rows)
    free = max(0, limit.per_second - used)
    goal = limit.per_second - min(wanted, limit.per_second)
    until = now
    for at, n in rows:
        if used <= goal:
            break
        used, until = used - n, at + WINDOW
    return free, until


def take(conn: sa.Connection, pace: Pace, number: int, now: datetime) -> None:
    """Debit so many; the caller has asked before, in the same transaction."""
    for limit in pace.limits:
        if limit.per_second is not None:
            _forget(conn, limit.scope, "second", now - 2 * WINDOW)
            _add(conn, limit.scope, "second", now, number + _taken_back(conn, limit.scope, now))
        if limit.per_day is not None:
            begin = Day.of(now, pace.zone).begin
            _forget(conn, limit.scope, "day", begin - _KEPT)
            _add(conn, limit.scope, "day", begin, number)


def _taken_back(conn: sa.Connection, scope: str, now: datetime) -> int:
    """What lies ahead, because the clock was set back; it is taken away here, and counts as of now."""
    asked = {"of": scope, "what": "second", "since": now}
    ahead = sum(int(row.n) for row in conn.execute(_SINCE, asked))
    if ahead:
        conn.execute(_TAKE_BACK, asked)
    return ahead


def _forget(conn: sa.Connection, scope: str, kind: str, before: datetime) -> None:
    conn.execute(_FORGET, {"of": scope, "what": kind, "since": before})


def _add(conn: sa.Connection, scope: str, kind: str, at: datetime, number: int) -> None:
    conn.execute(_ADD, {"scope": scope, "kind": kind, "at": at, "n": number})


def give_back(conn: sa.Connection, pace: Pace, number: int, at: datetime) -> None:
    """So many that were claimed at that moment were not taken by anybody: the day has room for them again."""
    for limit in pace.limits:
        if limit.per_day is not None:
            day = Day.of(at, pace.zone).begin
            conn.execute(_GIVE_BACK, {"of": limit.scope, "what": "day", "since": day, "number": number})


def leave_alone(conn: sa.Connection, provider: str, now: datetime, until: datetime, reason: str) -> None:
    """The provider asked for a pause, or has taken all that it takes today: of all who send through it."""
    until = min(until, now + LONGEST_REST)
    conn.execute(_LEAVE_ALONE, {"scope": provider, "since": now, "until": until, "reason": reason})
