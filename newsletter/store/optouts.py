"""Opt-outs by HMAC only: a history that can only grow, and what holds now. A forgotten person stays opted out."""

import heapq
import itertools
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam, select

from newsletter.audience.address import without_addresses
from newsletter.store.sqlite import insert
from newsletter.store.tables import opt_out, suppression
from newsletter.store.values import OptOutAct, OptOutEvent, Suppression

Scopes = dict[bytes, frozenset[str]]  # who opted out of what

_AT_ONCE = 500
_TOGETHER = 5_000
_said = itertools.count()

_this = sa.and_(suppression.c.hmac == bindparam("of"), suppression.c.scope == bindparam("in_scope"))
_ADD = insert(suppression).on_conflict_do_nothing()  # the first reason holds
_TAKE_AWAY = sa.delete(suppression).where(_this)
# Who says the same again by the same way adds nothing: else anybody could fill the disk with one link.
_earlier = opt_out.alias("earlier")
_said_before = sa.exists().where(
    _this,
    _earlier.c.hmac == suppression.c.hmac,
    _earlier.c.scope == suppression.c.scope,
    _earlier.c.source == bindparam("by"),
    _earlier.c.at >= suppression.c.at,  # since it holds
)
_columns = [column.name for column in opt_out.c]
_values = [bindparam(f"new_{column.name}", type_=column.type) for column in opt_out.c]
_LOG_SUPPRESS = (
    insert(opt_out).from_select(_columns, select(*_values).where(~_said_before)).on_conflict_do_nothing()
)
_LOG_LIFT = (
    insert(opt_out).from_select(_columns, select(*_values).where(sa.exists().where(_this)))
).on_conflict_do_nothing()
_KNOWN = select(opt_out.c.id).where(opt_out.c.id.in_(bindparam("ids", expanding=True)))

_LEFT = select(suppression.c.scope, sa.func.count()).group_by(suppression.c.scope)
_SCOPES = select(suppression.c.hmac, suppression.c.scope)
_SCOPES_OF = _SCOPES.where(suppression.c.hmac.in_(bindparam("hmacs", expanding=True)))
_EVENTS = select(opt_out).where(opt_out.c.hmac == bindparam("of")).order_by(opt_out.c.at, opt_out.c.id)
_ALL = select(suppression).order_by(suppression.c.hmac, suppression.c.scope)
_ALL_OF = _ALL.where(suppression.c.hmac.in_(bindparam("hmacs", expanding=True)))


def opted_out(hmac: bytes, scope: str, reason: str, source: str, at: datetime) -> OptOutEvent:
    """A new event with an id of its own."""
    return _event("suppress", hmac, scope, reason, source, at)


def taken_back(hmac: bytes, scope: str, reason: str, source: str, at: datetime) -> OptOutEvent:
    """Likewise, for an opt-out that no longer holds."""
    return _event("lift", hmac, scope, reason, source, at)


def _event(act: OptOutAct, hmac: bytes, scope: str, reason: str, source: str, at: datetime) -> OptOutEvent:
    # Ids sort as things were said: two words within one millisecond of `at` keep their order in the history.
    name = f"{time.time_ns():016x}{next(_said) & 0xFFFFFFFF:08x}{secrets.token_hex(4)}"
    return OptOutEvent(name, hmac, scope, act, without_addresses(reason), source, at)


def left(conn: sa.Connection) -> dict[str, int]:
    """Scope -> how many people hold an opt-out from it; the ledger's, without those that wait beside it."""
    return dict(conn.execute(_LEFT).all())


def record(conn: sa.Connection, events: Iterable[OptOutEvent]) -> int:
    """Write these down in their order; how many changed what holds. An event that is known changes nothing.

    They may be as many as a file has rows: only some are in memory together.
    """
    rest = iter(events)
    changed = 0
    while some := list(itertools.islice(rest, _TOGETHER)):
        changed += _record(conn, some)
    return changed


def _record(conn: sa.Connection, events: Sequence[OptOutEvent]) -> int:
    known = _known(conn, events)
    changed = 0
    for act, group in groupby((one for one in events if one.id not in known), lambda one: one.act):
        rows = [_parameters(one) for one in group]
        if act == "suppress":
            conn.execute(_LOG_SUPPRESS, rows)
            changed += conn.execute(_ADD, rows).rowcount
        else:
            conn.execute(_LOG_LIFT, rows)
            changed += conn.execute(_TAKE_AWAY, rows).rowcount
    return changed


def _known(conn: sa.Connection, events: Sequence[OptOutEvent]) -> set[str]:
    ids = [one.id for one in events]
    found: set[str] = set()
    for start in range(0, len(ids), _AT_ONCE):
        found.update(conn.execute(_KNOWN, {"ids": ids[start : start + _AT_ONCE]}).scalars())
    return found


def _parameters(one: OptOutEvent) -> dict[str, Any]:
    held = {"hmac": one.hmac, "scope": one.scope, "reason": one.reason, "source": one.source, "at": one.at}
    logged = {f"new_{name}": getattr(one, name) for name in _columns}
    return held | logged | {"of": one.hmac, "in_scope": one.scope, "by": one.source}


def scopes(
    conn: sa.Connection, hmacs: Collection[bytes] | None, pending: Sequence[OptOutEvent] = ()
) -> Scopes:
    """Who of these (None: of all) opted out of what, when the pending events are counted, too."""
    found: dict[bytes, set[str]] = {}
    if hmacs is None:
        for row in conn.execute(_SCOPES):
            found.setdefault(row.hmac, set()).add(row.scope)
    else:
        asked = list(hmacs)
        for start in range(0, len(asked), _AT_ONCE):
            for row in conn.execute(_SCOPES_OF, {"hmacs": asked[start : start + _AT_ONCE]}):
                found.setdefault(row.hmac, set()).add(row.scope)
    if pending:
        known, wanted = _known(conn, pending), None if hmacs is None else set(hmacs)
        for one in pending:
            if one.id not in known and (wanted is None or one.hmac in wanted):
                held = found.setdefault(one.hmac, set())
                held.add(one.scope) if one.act == "suppress" else held.discard(one.scope)
    return {hmac: frozenset(held) for hmac, held in found.items() if held}


def history(conn: sa.Connection, hmac: bytes) -> list[OptOutEvent]:
    """Oldest first."""
    return [OptOutEvent(**row._mapping) for row in conn.execute(_EVENTS, {"of": hmac})]


def held(history: Sequence[OptOutEvent], scope: str) -> list[OptOutEvent]:
    """Of a person's history what holds in this scope: the opt-outs since one was last taken back, oldest first."""
    found: list[OptOutEvent] = []
    for event in history:
        if event.scope == scope:
            found = [*found, event] if event.act == "suppress" else []
    return found


def suppressions(conn: sa.Connection, pending: Sequence[OptOutEvent] = ()) -> Iterator[Suppression]:
    """All that holds, by HMAC and scope, when the pending events are counted, too."""
    known = _known(conn, pending)
    waiting = [one for one in pending if one.id not in known]
    touched = {one.hmac for one in waiting}
    told = (Suppression(**row._mapping) for row in conn.execute(_ALL, execution_options={"yield_per": 5000}))
    if not waiting:
        return told
    held: dict[tuple[bytes, str], Suppression] = {}
    asked = list(touched)
    for start in range(0, len(asked), _AT_ONCE):
        for row in conn.execute(_ALL_OF, {"hmacs": asked[start : start + _AT_ONCE]}):
            held[row.hmac, row.scope] = Suppression(**row._mapping)
    for one in waiting:
        if one.act == "suppress":
            fresh = Suppression(one.hmac, one.scope, one.reason, one.source, one.at)
            held.setdefault((one.hmac, one.scope), fresh)  # the first reason holds
        else:
            held.pop((one.hmac, one.scope), None)
    order: Callable[[Suppression], tuple[bytes, str]] = lambda one: (one.hmac, one.scope)  # noqa: E731
    rest = (one for one in told if one.hmac not in touched)
    return heapq.merge(rest, sorted(held.values(), key=order), key=order)
