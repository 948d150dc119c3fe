"""Consent: who said yes, where, to which words and when. Rows are added and never changed."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import islice

import sqlalchemy as sa
from sqlalchemy import bindparam, select

from newsletter.audience.address import without_addresses
from newsletter.store.sqlite import insert
from newsletter.store.tables import consent, milliseconds
from newsletter.store.values import Consent

_AT_ONCE = 5000
_ADD = insert(consent).on_conflict_do_nothing()
_columns = [column for column in consent.c if column.name != "digest"]
_ALL = select(*_columns).order_by(consent.c.list, consent.c.recorded_at, consent.c.digest)
_OF = select(*_columns).where(consent.c.hmac == bindparam("of")).order_by(consent.c.recorded_at)


def record(conn: sa.Connection, consents: Iterable[Consent], now: datetime) -> int:
    """Write these down; one that is known already, in all its words, stands once. Returns how many are new."""
    rest, added = map(_nameless, consents), 0
    while some := list(islice(rest, _AT_ONCE)):
        added += conn.execute(_ADD, [_row(one, now) for one in some]).rowcount
    return added


def _nameless(one: Consent) -> Consent:
    """It outlives the person: no words in it may name them."""
    if "@" not in one.source + one.proof + one.text_version:
        return one
    source, proof, words = map(without_addresses, (one.source, one.proof, one.text_version))
    return replace(one, source=source, proof=proof, text_version=words)


def _row(one: Consent, now: datetime) -> dict[str, object]:
    return {
        "digest": _digest(one),
        "hmac": one.hmac,
        "list": one.list,
        "source": one.source,
        "text_version": one.text_version,
        "proof": one.proof,
        "given_at": one.given_at,
        "recorded_at": now,
    }


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
