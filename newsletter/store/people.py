"""Many people known by their ids: in short steps, before it is decided what becomes of them."""

import time
from collections.abc import Iterable, Mapping

import sqlalchemy as sa
from sqlalchemy.schema import CreateTable, DropTable

from newsletter.audience.leaving import EVERYTHING
from newsletter.store.sqlite import driver_of, insert, reading_on, writing_on
from newsletter.store.tables import Id, subscriber, suppression
from newsletter.store.values import Person

_AT_ONCE = 20_000  # people a transaction: others get in between
# Whoever waits for the lock looks again after a tenth of a second at the latest (SQLite: sqliteDefaultBusyCallback).
# Without a pause as long as that they might find it taken each time.
_LET_IN_S = 0.11

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
_came = sa.table("came", *(sa.column(column.name) for column in _given.c))
_PERSON = ["hmac", "key", "email"]
_SORT = sa.insert(_given).from_select(
    _PERSON, sa.select(_came.c.hmac, _came.c.key, _came.c.email).order_by(_came.c.hmac)
)

_step = _given.c.place.between(sa.bindparam("first"), sa.bindparam("last"))
_known = sa.exists().where(subscriber.c.hmac == _given.c.hmac)
_as_given = sa.and_(subscriber.c.key == _given.c.key, subscriber.c.email == _given.c.email)
_ANY_OTHERWISE = sa.select(
    sa.select(_given.c.place)
    .where(_step, ~sa.exists().where(subscriber.c.hmac == _given.c.hmac, _as_given))
    .exists()
)
_ADD = (
    insert(subscriber)
    .from_select(
        _PERSON,
        # Only the unknown ones: a row that meets ON CONFLICT would use up an id all the same.
        sa.select(_given.c.hmac, _given.c.key, _given.c.email).where(_step, ~_known).order_by(_given.c.place),
    )
    .on_conflict_do_nothing()
)
_RENEW = (
    sa.update(subscriber)
    .where(_step, subscriber.c.hmac == _given.c.hmac, ~_as_given)
    .values(key=_given.c.key, email=_given.c.email)
)
_NEWEST = sa.select(sa.func.coalesce(sa.func.max(subscriber.c.id), 0))
_IDENTIFY_NEW = insert(identified).from_select(
    ["id"], sa.select(subscriber.c.id).where(subscriber.c.id > sa.bindparam("newest"))
)
# Who opted out of everything since the lists were read may have been forgotten: no address comes back by that. Their
# ids stay, as those of people who are forgotten later.
_TAKE_BACK = sa.delete(subscriber).where(
    subscriber.c.id > sa.bindparam("newest"),
    sa.exists().where(suppression.c.hmac == subscriber.c.hmac, suppression.c.scope == EVERYTHING),
)
_IDENTIFY = (
    insert(identified)
    .from_select(
        ["id"], sa.select(subscriber.c.id).join(_given, subscriber.c.hmac == _given.c.hmac).where(_step)
    )
    .on_conflict_do_nothing()
)


def identify(conn: sa.Connection, people: Iterable[Person], *, add: bool) -> None:
    """Their ids stand in `identified`, one an hmac, as long as this connection lives.

    conn: one that is kept aside, outside of any transaction
    add: whoever is unknown gets a row in `subscriber`, which alone means nothing; else they are left out
    """
    with reading_on(conn):
        conn.execute(CreateTable(identified))
        number = _put(conn, people)
    for first in range(1, number + 1, _AT_ONCE):
        step = {"first": first, "last": min(first + _AT_ONCE - 1, number)}
        with reading_on(conn):
            otherwise = conn.execute(_ANY_OTHERWISE, step).scalar_one()
        if otherwise:
            with writing_on(conn):
                _write_down(conn, step, add=add)
            if step["last"] < number:
                time.sleep(_LET_IN_S)
        else:
            with reading_on(conn):
                conn.execute(_IDENTIFY, step)
    with reading_on(conn):
        conn.execute(DropTable(_given))


def _put(conn: sa.Connection, people: Iterable[Person]) -> int:
    """All of them into `given`; how many they are.

    Of more than one step, those lie side by side whom the index of HMACs has side by side: else every step would
    write all of its pages.
    """
    conn.execute(CreateTable(_given))
    driver = driver_of(conn)
    put = driver.executemany("INSERT INTO given (hmac, key, email) VALUES (?, ?, ?)", people).rowcount
    if put > _AT_ONCE:
        driver.execute("ALTER TABLE temp.given RENAME TO came")
        conn.execute(CreateTable(_given))
        conn.execute(_SORT)
        driver.execute("DROP TABLE temp.came")
    return max(put, 0)


def identify_known(conn: sa.Connection, ids: Iterable[int]) -> None:
    """The same for people whose ids are at hand, inside of a transaction."""
    conn.execute(CreateTable(identified))
    if rows := [{"id": one} for one in ids]:
        conn.execute(sa.insert(identified), rows)


def _write_down(conn: sa.Connection, step: Mapping[str, int], *, add: bool) -> None:
    """Who is new, and who has typed their address anew; then all of them into `identified`."""
    newest = {"newest": conn.execute(_NEWEST).scalar_one()}
    added = conn.execute(_ADD, step).rowcount if add else 0
    if added == step["last"] - step["first"] + 1:
        conn.execute(_IDENTIFY_NEW, newest)
    else:
        conn.execute(_RENEW, step)
        conn.execute(_IDENTIFY, step)
    if added:
        conn.execute(_TAKE_BACK, newest)
