"""Many people known by their ids: in short steps, before it is decided what becomes of them."""

from collections.abc import Iterable
from itertools import islice

import sqlalchemy as sa
from sqlalchemy.schema import CreateTable

from newsletter.store.sqlite import driver_of, insert, reading_on, writing_on
from newsletter.store.tables import Id, subscriber
from newsletter.store.values import Person

# People a transaction. Others get in between; with fewer at once the pages of the index would be written more often.
_AT_ONCE = 20_000

identified = sa.Table(
    "identified", sa.MetaData(), sa.Column("id", Id, primary_key=True), prefixes=["TEMPORARY"]
)
_given = sa.Table(
    "given",
    sa.MetaData(),
    sa.Column("place", sa.Integer, primary_key=True),
    sa.Column("hmac", sa.LargeBinary, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("email", sa.Text, nullable=False),
    prefixes=["TEMPORARY"],
)

_known = sa.exists().where(subscriber.c.hmac == _given.c.hmac)
_as_given = sa.and_(subscriber.c.key == _given.c.key, subscriber.c.email == _given.c.email)
_ANY_OTHERWISE = sa.select(
    sa.select(_given.c.place)
    .where(~sa.exists().where(subscriber.c.hmac == _given.c.hmac, _as_given))
    .exists()
)
_ADD = (
    insert(subscriber)
    .from_select(
        ["hmac", "key", "email"],
        # Only the unknown ones: a row that meets ON CONFLICT would use up an id all the same.
        sa.select(_given.c.hmac, _given.c.key, _given.c.email).where(~_known).order_by(_given.c.place),
    )
    .on_conflict_do_nothing()
)
_RENEW = (
    sa.update(subscriber)
    .where(subscriber.c.hmac == _given.c.hmac, ~_as_given)
    .values(key=_given.c.key, email=_given.c.email)
)
_LAST = sa.select(sa.func.coalesce(sa.func.max(subscriber.c.id), 0))
_IDENTIFY_NEW = insert(identified).from_select(
    ["id"], sa.select(subscriber.c.id).where(subscriber.c.id > sa.bindparam("last"))
)
_IDENTIFY = (
    insert(identified)
    .from_select(["id"], sa.select(subscriber.c.id).join(_given, subscriber.c.hmac == _given.c.hmac))
    .on_conflict_do_nothing()
)


def identify(conn: sa.Connection, people: Iterable[Person], *, add: bool) -> None:
    """Their ids stand in `identified`, one an hmac, as long as this connection lives.

    conn: one that is kept aside, outside of any transaction
    add: whoever is unknown gets a row in `subscriber`, which alone means nothing; else they are left out
    """
    rest = iter(people)
    with reading_on(conn):
        conn.execute(CreateTable(identified))
        conn.execute(CreateTable(_given))
    driver = driver_of(conn)
    while True:
        with reading_on(conn):
            some = ((person.hmac, person.key, person.email) for person in islice(rest, _AT_ONCE))
            put = driver.executemany("INSERT INTO given (hmac, key, email) VALUES (?, ?, ?)", some).rowcount
            otherwise = put > 0 and conn.execute(_ANY_OTHERWISE).scalar_one()
        if put <= 0:
            return
        if not otherwise or _write_down(conn, put, add=add) < put:
            with reading_on(conn):
                conn.execute(_IDENTIFY)
        with reading_on(conn):
            conn.execute(sa.delete(_given))


def identify_known(conn: sa.Connection, ids: Iterable[int]) -> None:
    """The same for people whose ids are at hand, inside of a transaction."""
    conn.execute(CreateTable(identified))
    if rows := [{"id": one} for one in ids]:
        conn.execute(sa.insert(identified), rows)


def _write_down(conn: sa.Connection, put: int, *, add: bool) -> int:
    """Who is new and who has typed their address anew; how many were new. If all were, they are identified by that."""
    with writing_on(conn):
        last = conn.execute(_LAST).scalar_one()
        added = conn.execute(_ADD).rowcount if add else 0
        if added < put:
            conn.execute(_RENEW)
        else:
            conn.execute(_IDENTIFY_NEW, {"last": last})
    return added
