"""The loaded lists as other rooms ask them: who is in a segment, who gets mail, who somebody is."""

import itertools
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool
from sqlalchemy.schema import CreateTable

from newsletter.audience.conditions import Condition
from newsletter.audience.evaluate import World
from newsletter.audience.findings import Findings, problem_of
from newsletter.audience.leaving import EVERYTHING
from newsletter.audience.merge import merge
from newsletter.audience.models import Audience, ListFile, Subscriber
from newsletter.audience.rows import Row
from newsletter.audience.sample import h31
from newsletter.audience.source import held_otherwise
from newsletter.audience.waterfall import REASONS, Rules, Waterfall
from newsletter.errors import Problem
from newsletter.store.loaded.chosen import Chosen
from newsletter.store.loaded.conditions import Compiler, Sql
from newsletter.store.loaded.tables import attribute, entry, kind, listed, tag, tag_name
from newsletter.store.loaded.written import Layout, facts_from

Parts = Sequence[tuple[str, Condition]]
"""A segment by name, as its last part, and before it those that it speaks of, each behind its own."""

NOBODY: Mapping[bytes, frozenset[str]] = {}
_WHOLE = frozenset([EVERYTHING])
_PAGE = 1_000


class LoadedLists:
    """One look at the copy. Not for several threads at once."""

    def __init__(self, own: sqlite3.Connection, declared: Mapping[str, str]) -> None:
        """declared: the types of further columns"""
        self._own = own
        engine = sa.create_engine(
            "sqlite://", creator=lambda: own, poolclass=StaticPool, hide_parameters=True
        )
        self.conn = engine.connect()
        own.execute("BEGIN")  # a reader: others may load meanwhile, this look stays what it was
        self._numbers = itertools.count(1)
        self._sent: dict[str, sa.Select[Any]] = {}
        current = sa.select(listed).where(listed.c.state == "current")
        self._lists = {
            row.version: Layout.of(row.name, row.file, row.columns, row.types, declared)
            for row in self.conn.execute(current)
        }
        columns = self.conn.execute(sa.select(attribute.c.name, attribute.c.type, attribute.c.id))
        self._columns = {(row.name, row.type): row.id for row in columns}
        self._facts = {
            row.id: facts_from(row.facts) for row in self.conn.execute(sa.select(kind.c.id, kind.c.facts))
        }
        self.keyed = self._known("secret", None) is not None
        self.leads = sa.and_(entry.c.lead == 1, entry.c.version.in_([0, *self._lists]))

    def close(self) -> None:
        self.conn.close()
        self._own.close()

    def audience(self, problems: Mapping[str, tuple[Problem, ...]]) -> Audience:
        """The lists and what is wrong with them. problems: of those that can't be used as they are now"""
        told = {name: list(found) for name, found in problems.items()}
        unusable = {name for name, found in problems.items() if any(problem.is_error for problem in found)}
        lists: dict[str, ListFile] = {}
        for row in self.conn.execute(
            sa.select(listed).where(listed.c.state != "loading").order_by(listed.c.file)
        ):
            if row.state == "current" and (changed := self._lists[row.version].retyped):
                told.setdefault(row.name, []).append(held_otherwise(row.name, row.file, changed))
            if row.state == "current" and row.name not in unusable:
                lists[row.name] = ListFile(row.name, row.file, tuple(row.columns), row.rows, row.outside)
            if found := Findings.restored(row.file, row.findings).all():
                told.setdefault(row.name, []).extend(found)
        for name, clashes in self._known("clashes", {}).items():
            told.setdefault(name, []).extend(problem_of(said) for said in clashes)
        columns = frozenset(column for each in lists.values() for column in each.columns)
        return LoadedAudience(
            self.everybody(),
            dict(sorted(lists.items(), key=lambda each: each[1].file)),
            {name: tuple(found) for name, found in told.items()},
            columns,
            self,
        )

    def _known(self, name: str, otherwise: Any) -> Any:
        found = self._own.execute("SELECT value FROM known WHERE name = ?", (name,)).fetchone()
        return json.loads(found[0]) if found else otherwise

    # --- persons

    def find(self, key: str) -> Subscriber | None:
        """The person of this address key."""
        return self.find_all((key,)).get(key)

    def find_all(self, keys: Iterable[str]) -> dict[str, Subscriber]:
        """The people of these address keys, by key; whoever is on no list is not in it."""
        return {key: merge(rows) for key, rows in self._rows(keys).items()}

    def rows(self, key: str) -> list[Row]:
        """What the lists say of the person of this address key, row by row."""
        return self._rows((key,)).get(key, [])

    def _rows(self, keys: Iterable[str]) -> dict[str, list[Row]]:
        """The rows of each of these people, in the order of their lists."""
        found: dict[str, list[tuple[int, Row]]] = {}
        rest = iter(dict.fromkeys(keys))
        while page := set(itertools.islice(rest, _PAGE)):
            marks = ", ".join("?" * len(page))
            for number, version, key, *row in self._own.execute(
                "SELECT entry.id, entry.version, entry.key, said.line, said.email, said.address, said.standing,"  # noqa: S608
                f" said.data FROM entry JOIN said ON said.id = entry.id WHERE entry.h31 IN ({marks})",
                [*map(h31, page)],
            ):
                if key in page and version in self._lists:
                    found.setdefault(key, []).append((number, self._lists[version].row_of((key, *row))))
        for several in found.values():
            if len(several) > 1:
                several.sort(key=lambda one: (one[1].file, one[1].line, one[0]))
        return {key: [row for _, row in several] for key, several in found.items()}

    def by_ids(self, ids: Sequence[int]) -> list[Subscriber]:
        """People by the rows that lead them, in this order."""
        marks = ", ".join("?" * len(ids))
        found: dict[int, Subscriber] = {}
        merged: dict[str, int] = {}
        for number, version, *row in self._own.execute(
            "SELECT entry.id, entry.version, entry.key, said.line, said.email, said.address, said.standing,"  # noqa: S608
            f" said.data FROM entry JOIN said ON said.id = entry.id WHERE entry.id IN ({marks})",
            ids,
        ):
            if version:
                found[number] = merge([self._lists[version].row_of(row)])
            else:
                merged[row[0]] = number
        for key, number in merged.items():
            who = self.find(key)
            assert who is not None  # noqa: S101 - a look sees what it has seen
            found[number] = who
        return [found[number] for number in ids]

    def everybody(self) -> Chosen:
        return Chosen(self, None, sa.select(entry.c.id).where(self.leads))

    def tags(self) -> dict[str, str]:
        """Every tag that somebody has, folded -> as somebody wrote it."""
        somebody = sa.exists().where(tag.c.tag == tag_name.c.id, tag.c.entry == entry.c.id, self.leads)
        found = self.conn.execute(sa.select(tag_name.c.folded, tag_name.c.name).where(somebody))
        return {row.folded: row.name for row in found}

    # --- segments

    def where(self, parts: Parts, world: World) -> Sql:
        """The condition of being in a segment."""
        return Compiler(
            self._columns, world, kept=self._kept, sent=lambda name: self._received(name, world)
        ).segment(parts)

    def count(self, parts: Parts, world: World, *, missing: str | None = None) -> int:
        """How many are in a segment; with `missing` only those without a value in that column."""
        condition = sa.and_(self.leads, self.where(parts, world))
        if missing is not None:
            condition = sa.and_(condition, self._is_missing(missing))
        return int(
            self.conn.execute(sa.select(sa.func.count()).select_from(entry).where(condition)).scalar_one()
        )

    def sift(
        self,
        parts: Parts,
        world: World,
        rules: Rules,
        *,
        exclude: Iterable[Parts] = (),
        left: Mapping[bytes, frozenset[str]] = NOBODY,
        capped: Iterable[str] = (),
    ) -> Waterfall:
        """The waterfall of a segment; who the people are is read when they are asked for.

        exclude: segments whose members are left out
        left: the scopes that people opted out of, by their HMACs; it takes a copy that is keyed
        capped: address keys of those who got enough lately
        """
        if left and not self.keyed:
            raise AssertionError("opt-outs can't be told from a copy that was loaded without the secret")
        left = {hmac: _WHOLE if EVERYTHING in held else held for hmac, held in left.items()}
        scopes = [frozenset[str](), *dict.fromkeys(left.values())]  # few people differ in what they left
        flags = (
            _flag("excluded", sa.or_(sa.false(), *(self.where(other, world) for other in exclude))),
            (self._left(left, scopes) if left else sa.literal(0)).label("scopes"),
            _flag("capped", entry.c.key.in_(self.keys(capped)) if capped else sa.false()),
        )
        inside = sa.and_(self.leads, self.where(parts, world))
        groups = sa.select(entry.c.kind, *flags, sa.func.count().label("n")).where(inside)
        counts: Counter[str] = Counter()
        verdicts: list[tuple[int, int, int, int, str]] = []
        lists: set[str] = set()
        for row in self.conn.execute(groups.group_by(entry.c.kind, *flags)):
            facts = self._facts[row.kind]
            why = rules.reason(
                facts, excluded=bool(row.excluded), left=scopes[row.scopes], capped=bool(row.capped)
            )
            counts[why or ""] += row.n
            verdicts.append((row.kind, row.excluded, row.scopes, row.capped, why or ""))
            lists.update(each.list for each in facts.rows)
        verdict = _Verdicts(self, verdicts, flags, inside)
        excluded = {reason: verdict.people(reason, counts[reason]) for reason in REASONS}
        return Waterfall(counts.total(), verdict.people("", counts[""]), excluded, frozenset(lists))

    def people(self, parts: Parts, world: World) -> Chosen:
        """Everybody in a segment, by address key."""
        inside = sa.and_(self.leads, self.where(parts, world))
        return Chosen(self, self.count(parts, world), sa.select(entry.c.id).where(inside))

    def _is_missing(self, column: str) -> Sql:
        stored = [number for (name, _), number in self._columns.items() if name == column]
        if column == "email" or not stored:
            return sa.false() if column == "email" else sa.true()
        return sa.and_(*(sa.literal_column(f"entry.c{number}").is_(None) for number in stored))

    def _kept(self, condition: Sql) -> Sql:
        """The same people, looked up once."""
        found = self.temporary(sa.select(entry.c.id).where(self.leads, condition))
        return entry.c.id.in_(sa.select(found.c.id))

    def temporary(self, chosen: sa.Select[Any]) -> sa.Table:
        """What a query finds, kept for this look; `place` numbers it from 1."""
        table = sa.Table(
            f"chosen_{next(self._numbers)}",
            sa.MetaData(),
            sa.Column("place", sa.Integer, primary_key=True),
            *(sa.Column(column.name, column.type) for column in chosen.selected_columns),
            prefixes=["TEMPORARY"],
        )
        self.conn.execute(CreateTable(table))
        self.conn.execute(sa.insert(table).from_select([c.name for c in chosen.selected_columns], chosen))
        return table

    def _received(self, campaign: str, world: World) -> sa.Select[Any]:
        """The keys to which a campaign was sent, asked for once."""
        if campaign not in self._sent:
            self._sent[campaign] = self.keys(world.received(campaign))
        return self._sent[campaign]

    def keys(self, keys: Iterable[str]) -> sa.Select[Any]:
        """These address keys as something that a query can ask."""
        name = self._asked("key TEXT PRIMARY KEY", ((key,) for key in keys))
        return sa.select(sa.table(name, sa.column("key", sa.Text)).c.key)

    def _left(
        self, left: Mapping[bytes, frozenset[str]], scopes: Sequence[frozenset[str]]
    ) -> sa.ColumnElement[int]:
        """Where in `scopes` stands what a person opted out of; 0 for who did not."""
        places = {held: place for place, held in enumerate(scopes)}
        rows = ((hmac, places[held]) for hmac, held in left.items())
        name = self._asked("hmac BLOB PRIMARY KEY, scopes INTEGER", rows)
        asked = sa.table(name, sa.column("hmac", sa.LargeBinary), sa.column("scopes", sa.Integer))
        found = sa.select(asked.c.scopes).where(asked.c.hmac == entry.c.hmac).scalar_subquery()
        return sa.func.coalesce(found, 0)

    def _asked(self, columns: str, rows: Iterable[tuple[object, ...]]) -> str:
        """The name of a table of values that a query can ask, each once by its first column."""
        name, marks = f"asked_{next(self._numbers)}", ", ".join("?" * (columns.count(",") + 1))
        self._own.execute(f"CREATE TEMPORARY TABLE {name} ({columns}) WITHOUT ROWID")
        self._own.executemany(f"INSERT OR IGNORE INTO {name} VALUES ({marks})", rows)  # noqa: S608 - ours
        return name

    def forget_sent(self) -> None:
        """Something was sent: what `received` answered may be old."""
        self._sent.clear()


def _flag(name: str, condition: Sql) -> sa.Label[int]:
    return sa.case((condition, 1), else_=0).label(name)


@dataclass(frozen=True)
class _Verdicts:
    """The reason of everybody in a segment, by kind and flags."""

    lists: LoadedLists
    verdicts: Sequence[tuple[int, int, int, int, str]]
    flags: Sequence[sa.Label[int]]  # those of `verdicts` between kind and reason
    inside: Sql

    def people(self, reason: str, number: int) -> Chosen:
        kinds: dict[tuple[int, int, int], list[int]] = {}
        for number_of_kind, *flags, why in self.verdicts:
            if why == reason:
                excluded, scopes, capped = flags
                kinds.setdefault((excluded, scopes, capped), []).append(number_of_kind)
        met = [
            sa.and_(
                *(flag.element == value for flag, value in zip(self.flags, values, strict=True)),
                entry.c.kind.in_(those),
            )
            for values, those in kinds.items()
        ]
        return Chosen(self.lists, number, sa.select(entry.c.id).where(self.inside, sa.or_(sa.false(), *met)))


@dataclass(frozen=True)
class LoadedAudience(Audience):
    """An audience that is asked in the copy."""

    loaded: LoadedLists

    def find_all(self, keys: Iterable[str]) -> Mapping[str, Subscriber]:
        return self.loaded.find_all(keys)

    @property
    def tags(self) -> Mapping[str, str]:
        return self.loaded.tags()
