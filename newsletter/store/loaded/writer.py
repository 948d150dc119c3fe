"""What is written into the copy, statement by statement: by the driver, for a million rows."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any

from sqlalchemy.schema import CreateIndex

from newsletter.audience.address import reserved
from newsletter.audience.cells import NO_COLUMNS, Columns
from newsletter.audience.folding import fold
from newsletter.audience.load import Origin
from newsletter.audience.merge import merge
from newsletter.audience.models import Standing, Subscriber
from newsletter.audience.rows import Row
from newsletter.audience.sample import h31
from newsletter.audience.waterfall import Facts, RowFacts, address_state, facts_of
from newsletter.errors import Problem
from newsletter.store.loaded.database import text_of
from newsletter.store.loaded.tables import MERGED, entry_person
from newsletter.store.loaded.written import COLUMNS, Comparable, comparable, data_of, facts_text

_ENTRY = ("id", "kind", "h31", "key", "hmac")
_UNLESS_KEY, _UNLESS_EMPTY = f"nullif(?, ?{_ENTRY.index('key') + 1})", "nullif(?, '')"
# What is missing is told by SQL: the driver asks of each None what else it might be, which takes as long as five texts.
_SAID = (
    "INSERT INTO said (id, line, email, address, standing, data)"
    " VALUES (?1, ?2, nullif(?3, ?7), nullif(?4, ?7), ?5, ?6)"
)
_TAG = "INSERT OR IGNORE INTO tag (tag, entry) VALUES (?, ?)"
_PAGE = 50_000
MOST_COLUMNS = 1_900  # by name and type, with a few to spare: https://www.sqlite.org/limits.html#max_column

_Texts = Sequence[Sequence[str]]  # column by column
_Plan = list[tuple[int, Comparable]]  # for each column of `entry`: of which text, and what


class Full(Exception):
    """No table of SQLite has as many columns as the lists have together."""


class Writer:
    """Writes through one connection; whoever makes it sees to it that nobody else does at the same time."""

    def __init__(self, own: sqlite3.Connection, keyed: Callable[[str], bytes] | None) -> None:
        self.own = own
        self._keyed = keyed
        (last,) = own.execute("SELECT coalesce(max(id), 0) FROM entry").fetchone()
        self._next = int(last) + 1
        self._kinds: dict[str, int] = dict(own.execute("SELECT facts, id FROM kind"))
        self._by_facts: dict[object, int] = {}
        self._tags: dict[str, int] = dict(own.execute("SELECT folded, id FROM tag_name"))
        self._spelled: dict[str, int] = {}
        self._columns = NO_COLUMNS
        self._plan: _Plan = []
        self._insert = ""
        self._outside = 0

    def begin(self) -> None:
        self.own.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        self.own.execute("COMMIT")

    # --- versions of a list

    def begun(self, origin: Origin, sha256: str, types: str, columns: Sequence[str]) -> int:
        """The version under which this very content is being loaded: one that was cut off, or a new one."""
        found = self.own.execute(
            "SELECT version FROM list WHERE state = 'loading' AND name = ? AND file = ? AND sha256 = ? AND types = ?",
            (origin.name, origin.file, sha256, types),
        ).fetchone()
        if found:
            return int(found[0])
        return self._new(origin, sha256, types, "loading", columns, {})

    def refuse(self, origin: Origin, sha256: str, types: str, problems: Iterable[Problem]) -> int:
        """The list can't be used; why is kept, so that it need not be read again."""
        found = {"found": [problem.as_json() for problem in problems], "more": [], "seen": []}
        return self._new(origin, sha256, types, "refused", (), found)

    def _new(
        self, origin: Origin, sha256: str, types: str, state: str, columns: Sequence[str], findings: object
    ) -> int:
        self.begin()
        cursor = self.own.execute(
            "INSERT INTO list (name, file, sha256, types, state, line, rows, columns, findings, outside)"
            " VALUES (?, ?, ?, ?, ?, 0, 0, ?, ?, 0)",
            (origin.name, origin.file, sha256, types, state, json.dumps(columns), json.dumps(findings)),
        )
        self.commit()
        return int(cursor.lastrowid or 0)

    def progress(self, version: int) -> tuple[int, int, Any, int]:
        """Line up to which it is loaded, rows so far, the findings' state, the first address outside."""
        line, rows, findings, outside = self.own.execute(
            "SELECT line, rows, findings, outside FROM list WHERE version = ?", (version,)
        ).fetchone()
        return line, rows, json.loads(findings), outside

    def plan(self, columns: Columns, *, outside: int = 0) -> None:
        """Rows of these columns follow. outside: line of the first address outside the reserved domains

        Raises Full where there are too many, with those of the other lists.
        """
        self._outside = outside
        self._columns = columns
        kept = [
            (place, column, type_, kind)
            for place, (column, kind) in enumerate(columns.kinds.items())
            for type_ in COLUMNS[kind]
        ]
        self._plan = [(place, comparable(type_, kind, columns.zone)) for place, _, type_, kind in kept]
        numbers = self._attributes([("email", "text"), *((column, type_) for _, column, type_, _ in kept)])
        names = [f"c{number}" for number in numbers]
        self._insert = (
            f"INSERT INTO entry (lead, version, {', '.join((*_ENTRY, *names))}) VALUES (1, {{}}, {'?, ' * len(_ENTRY)}"  # noqa: S608
            f"{', '.join([_UNLESS_KEY, *[_UNLESS_EMPTY] * len(self._plan)])})"
        )

    def _attributes(self, asked: Sequence[tuple[str, str]]) -> list[int]:
        """The numbers of these columns, by name and type; those that are not there yet are made."""
        known = {(name, type_): number for number, name, type_ in self.own.execute("SELECT * FROM attribute")}
        fresh = [each for each in asked if each not in known]
        if len(known) + len(fresh) > MOST_COLUMNS:
            raise Full
        alone = bool(fresh) and not self.own.in_transaction
        if alone:
            self.begin()
        for each in fresh:
            made = self.own.execute("INSERT INTO attribute (name, type) VALUES (?, ?)", each).lastrowid
            self.own.execute(f"ALTER TABLE entry ADD COLUMN c{made}")
            known[each] = int(made or 0)
        if alone:
            self.commit()
        return [known[each] for each in asked]

    def add(self, version: int, rows: Sequence[Row], line: int, count: int, findings: object) -> None:
        """A piece of a list, and how far it goes, in one transaction."""
        self.begin()
        if rows:
            self._write(version, rows)
        if not self._outside:
            self._outside = _first_outside(rows)
        self.own.execute(
            "UPDATE list SET line = ?, rows = ?, findings = ?, outside = ? WHERE version = ?",
            (line, count, json.dumps(findings, ensure_ascii=False), self._outside, version),
        )
        self.commit()

    def add_merged(self, people: Sequence[Sequence[Row]]) -> None:
        """The rows that stand for persons' several rows."""
        merged = [merge(rows) for rows in people]
        leading = [_leading(rows, who, self._columns) for rows, who in zip(people, merged, strict=True)]
        self._write(MERGED, leading, [self._kind_of(facts_of(who)) for who in merged])

    def _write(self, version: int, rows: Sequence[Row], kinds: Sequence[int] | None = None) -> None:
        """Column by column: of a million rows the driver takes them together. kinds: those of merged rows"""
        columns = self._columns
        texts = [row.texts if row.columns is columns else _in_order(row, columns.names) for row in rows]
        by_column = list(zip(*texts, strict=True))
        numbers = range(self._next, self._next + len(rows))
        self._next = numbers.stop
        keys = [row.key for row in rows]
        typed = [row.email for row in rows]
        compared = [key if email == key else fold(email) for key, email in zip(keys, typed, strict=True)]
        own = [made.of(by_column[place]) for place, made in self._plan]
        self.own.executemany(self._insert.format(version), zip(
            numbers, kinds or self._kinds_alone(rows, by_column), map(h31, keys), keys,
            self._hmacs(keys), compared, *own, strict=True,
        ))  # fmt: skip
        addresses = [row.address for row in rows]
        # bare words, which the driver takes as they are
        standings = [row.standing._value_ for row in rows]
        lines = [row.line for row in rows]
        data = data_of(texts, [row.tags for row in rows])
        self.own.executemany(_SAID, zip(numbers, lines, typed, addresses, standings, data, keys, strict=True))
        tagged = zip(numbers, rows, strict=True)
        self.own.executemany(
            _TAG, [(self._tag(name), number) for number, row in tagged if row.tags for name in row.tags]
        )

    def _hmacs(self, keys: Sequence[str]) -> Iterable[bytearray | None]:
        # bytearrays, which the driver takes as they are
        return map(bytearray, map(self._keyed, keys)) if self._keyed else repeat(None, len(keys))

    def _kinds_alone(self, rows: Sequence[Row], by_column: _Texts) -> list[int]:
        """What the waterfall asks of somebody who stands in this row alone."""
        names = self._columns.names
        sources = by_column[names.index("consent_source")] if "consent_source" in names else repeat("")
        return [self._kind(row, source != "") for row, source in zip(rows, sources, strict=False)]

    def _kind(self, row: Row, source: bool) -> int:  # noqa: FBT001 - asked a million times
        asked = (row.list, row.standing._value_, source, row.address.isascii(), row.address == "")
        found = self._by_facts.get(asked)
        if found is None:
            alone = Facts((RowFacts(row.list, row.standing, source),), address_state(row.address))
            found = self._by_facts[asked] = self._kind_of(alone)
        return found

    def _kind_of(self, facts: Facts) -> int:
        text = facts_text(facts)
        if text not in self._kinds:
            made = self.own.execute("INSERT INTO kind (facts) VALUES (?)", (text,)).lastrowid
            self._kinds[text] = int(made or 0)
            lists = {(each.list, self._kinds[text]) for each in facts.rows}
            self.own.executemany("INSERT INTO kind_list (list, kind) VALUES (?, ?)", lists)
        return self._kinds[text]

    def _tag(self, name: str) -> int:
        number = self._spelled.get(name)
        if number is None:
            folded = fold(name)
            number = self._tags.get(folded)
            if number is None:
                made = self.own.execute(
                    "INSERT INTO tag_name (folded, name) VALUES (?, ?)", (folded, name)
                ).lastrowid
                number = self._tags[folded] = int(made or 0)
            self._spelled[name] = number
        return number

    # --- all lists together

    def put_off_index(self) -> None:
        """Into an empty copy rows go without their index: at the end it is sorted once, which costs a fraction."""
        (rows,) = self.own.execute("SELECT EXISTS (SELECT 1 FROM entry)").fetchone()
        if not rows:
            self.own.execute(f"DROP INDEX IF EXISTS {entry_person.name}")

    def make_index(self) -> None:
        """Also after a load that was cut off."""
        self.own.execute(text_of(CreateIndex(entry_person, if_not_exists=True)))

    def replace(self, versions: Sequence[int], gone: Sequence[int]) -> None:
        """These versions hold from now on, instead of the earlier ones of their lists."""
        for version in versions:
            (name,) = self.own.execute("SELECT name FROM list WHERE version = ?", (version,)).fetchone()
            self.own.execute("DELETE FROM list WHERE name = ? AND version <> ?", (name, version))
            self.own.execute(
                "UPDATE list SET state = 'current' WHERE version = ? AND state = 'loading'", (version,)
            )
        self.own.executemany("DELETE FROM list WHERE version = ?", [(version,) for version in gone])

    def know(self, name: str, value: object) -> None:
        text = json.dumps(value, ensure_ascii=False)
        self.own.execute("INSERT OR REPLACE INTO known (name, value) VALUES (?, ?)", (name, text))

    def sweep(self) -> None:
        """Rows of versions that hold no more, and what hangs on them."""
        stays = "version IN (SELECT version FROM list) OR version = 0"
        if self.own.execute(f"DELETE FROM entry WHERE NOT ({stays})").rowcount:  # noqa: S608 - ours
            self.own.execute("DELETE FROM said WHERE id NOT IN (SELECT id FROM entry)")
            self.own.execute("DELETE FROM tag WHERE entry NOT IN (SELECT id FROM entry)")

    def key_all(self, fingerprint: str) -> None:
        """The HMAC of everybody: a secret was made, or another one holds, since they were loaded."""
        after = 0
        while page := self.own.execute(
            "SELECT id, key FROM entry WHERE id > ? ORDER BY id LIMIT ?", (after, _PAGE)
        ).fetchall():
            after = page[-1][0]
            self.begin()
            hmacs = self._hmacs([key for _, key in page])
            numbers = [number for number, _ in page]
            self.own.executemany("UPDATE entry SET hmac = ? WHERE id = ?", zip(hmacs, numbers, strict=True))
            self.commit()
        self.begin()
        self.know("secret", fingerprint)
        self.commit()


def _first_outside(rows: Sequence[Row]) -> int:
    """The line of the first address whose domain may be somebody's, or 0."""
    domains = {row.address.rpartition("@")[2] for row in rows}
    if all(reserved(domain) for domain in domains if domain):
        return 0
    return next((row.line for row in rows if row.address and not reserved(row.address)), 0)


def _in_order(row: Row, columns: Sequence[str]) -> list[str]:
    said = dict(zip(row.columns.names, row.texts, strict=True))
    return [said.get(column, "") for column in columns]


def _leading(rows: Sequence[Row], who: Subscriber, columns: Columns) -> Row:
    """One row for them all: as with the person, the first text that is there holds."""
    said: dict[str, str] = {}
    for row in rows:
        texts = row.texts if row.columns.zone == columns.zone else row.columns.anywhere(row.texts)
        for column, text in zip(row.columns.names, texts, strict=True):
            said[column] = said.get(column) or text
    texts = [said.get(column, "") for column in columns.names]
    return Row("", "", 0, who.key, who.email, who.address, Standing.SUBSCRIBED, columns, texts, who.tags)
