"""Consent: who said yes, where, to which words and when. Rows are added and never changed."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import bindparam, select
from sqlalchemy.schema import CreateTable

from newsletter.audience.address import without_addresses
from newsletter.store.sqlite import driver_of, insert, reading_on
from newsletter.store.tables import consent, milliseconds
from newsletter.store.values import Consent

_given = sa.Table(
    "given_consent",
    sa.MetaData(),
    *(sa.Column(column.name, column.type) for column in consent.c if column.name != "recorded_at"),
    prefixes=["TEMPORARY"],
)
_names = [column.name for column in _given.c]
_ADD = (
    insert(consent)
    .from_select(
        [*_names, "recorded_at"],
        # In the order in which the table lies, so that each of its pages is written once.
        select(*_given.c, bindparam("now", type_=consent.c.recorded_at.type)).order_by(_given.c.digest),
    )
    .on_conflict_do_nothing()
)
_columns = [column for column in consent.c if column.name != "digest"]
_ALL = select(*_columns).order_by(consent.c.list, consent.c.recorded_at, consent.c.digest)
_OF = select(*_columns).where(consent.c.hmac == bindparam("of")).order_by(consent.c.recorded_at)


def gather(conn: sa.Connection, consents: Iterable[Consent]) -> None:
    """Lay them down where nobody waits for it: conn is kept aside."""
    with reading_on(conn):
        conn.execute(CreateTable(_given))
        marks, rows = ", ".join("?" * len(_names)), map(_row, map(_nameless, consents))
        driver_of(conn).executemany(f"INSERT INTO {_given.name} VALUES ({marks})", rows)  # noqa: S608


def record(conn: sa.Connection, now: datetime) -> int:
    """Write down what was gathered; one that is known already, in all its words, stands once. How many are new."""
    return conn.execute(_ADD, {"now": now}).rowcount


def _nameless(one: Consent) -> Consent:
    """It outlives the person: no words in it may name them."""
    if "@" not in one.source + one.proof + one.text_version:
        return one
    source, proof, words = map(without_addresses, (one.source, one.proof, one.text_version))
    return replace(one, source=source, proof=proof, text_version=words)


def _row(one: Consent) -> tuple[object, ...]:
    given_at = None if one.given_at is None else milliseconds(one.given_at)
    return _digest(one), one.hmac, one.list, one.source, one.text_version, one.proof, given_at


def _digest(one: Consent) -> bytes:
    """16 bytes over all that was said, each part with its length before it."""
    given = "" if one.given_at is None else str(milliseconds(one.given_at))
    made = hashlib.sha256(one.hmac)
    for part in (one.list, one.source, one.text_version, one.proof, given):
        data = part.encode()
        made.update(len(data).to_bytes(8, "big") + data)
    return made.digest()[:16]


def of_person(conn: sa.Connection, hmac: bytes) -> list[Consent]:
    """Oldest first."""
    return [Consent(**row._mapping) for row in conn.execute(_OF, {"of": hmac})]


def everybody(conn: sa.Connection) -> Iterator[Consent]:
    """By list, oldest first."""
    for row in conn.execute(_ALL, execution_options={"yield_per": 5000}):
        yield Consent(**row._mapping)
