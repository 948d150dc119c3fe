"""Suppressions: who may not be written to, known by HMAC only: a forgotten person stays opted out."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import bindparam, select

from newsletter.store.sqlite import insert
from newsletter.store.tables import suppression
from newsletter.store.values import Suppression

_ADD = insert(suppression).on_conflict_do_nothing()  # the first reason holds
_ALL = select(suppression.c.hmac).where(suppression.c.scope == "*")
_SOME = _ALL.where(suppression.c.hmac.in_(bindparam("hmacs", expanding=True)))
_OF = (
    select(suppression)
    .where(suppression.c.hmac == bindparam("hmac"))
    .order_by(suppression.c.at, suppression.c.scope)
)
_AT_ONCE = 500


def add(conn: sa.Connection, hmac: bytes, scope: str, *, reason: str, source: str, now: datetime) -> bool:
    row = {"hmac": hmac, "scope": scope, "reason": reason, "source": source, "at": now}
    return conn.execute(_ADD, row).rowcount == 1


def of(conn: sa.Connection, hmac: bytes) -> list[Suppression]:
    """Oldest first."""
    return [
        Suppression(row.scope, row.reason, row.source, row.at) for row in conn.execute(_OF, {"hmac": hmac})
    ]


def among(conn: sa.Connection, hmacs: Collection[bytes]) -> set[bytes]:
    asked = list(hmacs)
    found: set[bytes] = set()
    for start in range(0, len(asked), _AT_ONCE):
        found.update(conn.execute(_SOME, {"hmacs": asked[start : start + _AT_ONCE]}).scalars())
    return found


def everybody(conn: sa.Connection) -> set[bytes]:
    return set(conn.execute(_ALL).scalars())
