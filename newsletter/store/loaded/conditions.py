"""Segments as SQL: a typed tree becomes a condition on `entry`, every value bound.

The language knows true and false only; SQL knows NULL, too. Here NULL counts as false: AND and OR keep it
so, and each negation says IS NOT TRUE. A test holds this evaluator against the one in memory.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from newsletter.audience import conditions as typed
from newsletter.audience.evaluate import World, by_day, constant, walk
from newsletter.audience.folding import fold
from newsletter.audience.sample import PRIME, limit, line
from newsletter.store.loaded.tables import entry, kind_list, tag, tag_name
from newsletter.store.loaded.written import microseconds

Sql = sa.ColumnElement[bool]
_WRITTEN_OUT = 50  # conditions
_COMPARE: Mapping[str, Callable[[sa.ColumnElement[Any], Any], Sql]] = {
    "==": lambda left, right: left == right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}
_TYPES: Mapping[str, sa.types.TypeEngine[Any]] = {"text": sa.Text(), "number": sa.Float()}


@dataclass(frozen=True)
class Compiler:
    """columns: (name, type) -> the number of the copy's column; a pair that is not there is missing for all.

    sent: campaign -> a selectable of the address keys to which it was sent
    kept: the same people as a condition, looked up once
    """

    columns: Mapping[tuple[str, str], int]
    world: World
    sent: Callable[[str], sa.Select[Any]]

    kept: Callable[[Sql], Sql]

    def segment(self, parts: Sequence[tuple[str, typed.Condition]]) -> Sql:
        """The last of these segments; each stands behind those that it speaks of.

        A segment is written out wherever it is named, unless the whole would grow too large for one statement
        (SQLite: 1,000 levels): then its people are looked up once.
        """
        done: dict[str, Sql] = {}
        sizes: dict[str, int] = {}
        for name, condition in parts:
            done[name] = self.condition(condition, done)
            atoms = [
                part for part in walk(condition) if not isinstance(part, typed.All | typed.Any | typed.Not)
            ]
            sizes[name] = sum(sizes[p.name] if isinstance(p, typed.InSegment) else 1 for p in atoms)
            if sizes[name] > _WRITTEN_OUT and name != parts[-1][0]:
                done[name], sizes[name] = self.kept(done[name]), 1
        return done[parts[-1][0]]

    def condition(self, condition: typed.Condition, segments: Mapping[str, Sql]) -> Sql:
        match condition:
            case typed.All(terms=terms):
                return sa.and_(*(self.condition(term, segments) for term in terms))
            case typed.Any(terms=terms):
                return sa.or_(*(self.condition(term, segments) for term in terms))
            case typed.Not(term=term):
                return self.condition(term, segments).is_not(sa.true())
            case typed.InSegment(name=name):
                return segments[name]
            case typed.Compare(column=column, operator=operator, operand=operand):
                days = by_day(column, operand)
                left = self.column(column, days=days)
                if isinstance(operand, typed.Column):
                    return _COMPARE[operator](left, self.column(operand, days=days))
                return _COMPARE[operator](left, self._constant(operand, days=days))
            case typed.OneOf(column=column, items=items):
                days = by_day(column, *items)
                return self.column(column, days=days).in_([self._constant(item, days=days) for item in items])
            case typed.Contains(column=column, text=text):
                return self.column(column).contains(text.folded, autoescape=True)
            case typed.Starts(column=column, text=text):
                return self.column(column).startswith(text.folded, autoescape=True)
        return self._membership(condition)

    def _membership(self, condition: typed.IsIn | typed.IsSet | typed.WasSent | typed.Sampled) -> Sql:
        match condition:
            case typed.IsIn(set="list", names=names):
                return entry.c.kind.in_(sa.select(kind_list.c.kind).where(kind_list.c.list.in_(names)))
            case typed.IsIn(names=names):
                folded = [fold(name) for name in names]
                asked = sa.select(tag_name.c.id).where(tag_name.c.folded.in_(folded))
                return entry.c.id.in_(sa.select(tag.c.entry).where(tag.c.tag.in_(asked)))
            case typed.IsSet(subject=typed.Column() as column):
                return self.column(column).is_not(None)
            case typed.IsSet(subject=subject):
                # Everybody stands on a list.
                return sa.true() if subject == "list" else entry.c.id.in_(sa.select(tag.c.entry))
            case typed.WasSent(campaign=campaign):
                return entry.c.key.in_(self.sent(campaign))
            case typed.Sampled(share=share, seed=seed):
                a, b = line(seed)
                return (entry.c.h31 * a + b) % PRIME < limit(share)

    def column(self, column: typed.Column, *, days: bool = True) -> sa.ColumnElement[Any]:
        """A column as it compares: texts folded, instants as days where days are meant."""
        if column.type is typed.Type.INSTANT:
            return self.stored(column.name, "day" if days else "instant")
        found = self.stored(column.name, column.type.value)
        return sa.func.coalesce(found, entry.c.key) if column.name == "email" else found

    def stored(self, name: str, type_: str) -> sa.ColumnElement[Any]:
        number = self.columns.get((name, type_))
        kind = _TYPES.get(type_, sa.Integer())
        return sa.literal_column("NULL" if number is None else f"entry.c{number}", kind)

    def _constant(self, operand: typed.Constant, *, days: bool) -> object:
        value = constant(operand, self.world, days=days)
        if isinstance(operand, typed.Moment):
            return microseconds(value) if not days else value.toordinal()  # type: ignore[attr-defined, arg-type]
        return int(value) if isinstance(value, bool) else value
