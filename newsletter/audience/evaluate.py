"""Segments in memory: a typed tree becomes a function that says whether a subscriber is in."""

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from newsletter.audience import conditions as typed
from newsletter.audience.folding import fold
from newsletter.audience.models import Subscriber
from newsletter.audience.sample import PRIME, h31, limit, line

Received = Callable[[str], Iterable[str]]  # campaign id -> address keys of those that were sent it
Verdicts = Mapping[str, bool]  # of the segments that this one speaks of, for one subscriber
Test = Callable[[Subscriber, Verdicts], bool]

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {  # both sides are of one type, as checked
    "==": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class World:
    """What an expression's answer depends on beside the subscriber."""

    now: datetime  # aware
    zone: ZoneInfo  # whose days are meant
    received: Received


def evaluator(condition: typed.Condition, world: World) -> Test:
    """Days, samples and campaigns are looked up once, here. The test is pure; it needs the verdicts of all
    segments named in the tree.

    A comparison with a missing value is false, so its negation is true.
    """
    match condition:
        case typed.All(terms=terms):
            every = [evaluator(term, world) for term in terms]
            return lambda who, verdicts: all(test(who, verdicts) for test in every)
        case typed.Any(terms=terms):
            some = [evaluator(term, world) for term in terms]
            return lambda who, verdicts: any(test(who, verdicts) for test in some)
        case typed.Not(term=term):
            inner = evaluator(term, world)
            return lambda who, verdicts: not inner(who, verdicts)
        case typed.InSegment(name=name):
            return lambda _who, verdicts: verdicts[name]
        case typed.Compare():
            return _comparison(condition, world)
        case typed.OneOf(column=column, items=items):
            days = by_day(column, *items)
            read = _reader(column, world, days=days)
            wanted = frozenset(constant(item, world, days=days) for item in items)
            return lambda who, _verdicts: read(who) in wanted
        case typed.Contains(column=column, text=text):
            read_text, part = _text_reader(column), text.folded
            return lambda who, _verdicts: part in read_text(who)
        case typed.Starts(column=column, text=text):
            read_text, part = _text_reader(column), text.folded
            return lambda who, _verdicts: read_text(who).startswith(part)
    return _membership(condition, world)


def _membership(condition: typed.IsIn | typed.IsSet | typed.WasSent | typed.Sampled, world: World) -> Test:
    match condition:
        case typed.IsIn(set="list", names=names):
            lists = frozenset(names)
            return lambda who, _verdicts: any(row.list in lists for row in who.memberships)
        case typed.IsIn(names=names):
            tags = frozenset(fold(name) for name in names)
            return lambda who, _verdicts: any(fold(tag) in tags for tag in who.tags)
        case typed.IsSet(subject=typed.Column(name=name)):
            return lambda who, _verdicts: who.value(name) is not None
        case typed.IsSet(subject=subject):
            return lambda who, _verdicts: bool(who.tags if subject == "tag" else who.memberships)
        case typed.WasSent(campaign=campaign):
            keys = frozenset(world.received(campaign))
            return lambda who, _verdicts: who.key in keys
        case typed.Sampled(share=share, seed=seed):
            (a, b), below = line(seed), limit(share)
            return lambda who, _verdicts: (h31(who.key) * a + b) % PRIME < below


def _comparison(condition: typed.Compare, world: World) -> Test:
    column, operand = condition.column, condition.operand
    days = by_day(column, operand)
    read = _reader(column, world, days=days)
    compare = _COMPARE[condition.operator]
    if isinstance(operand, typed.Column):
        other = _reader(operand, world, days=days)

        def both(who: Subscriber, _verdicts: Verdicts) -> bool:
            left, right = read(who), other(who)
            return left is not None and right is not None and compare(left, right)

        return both
    fixed = constant(operand, world, days=days)

    def against_fixed(who: Subscriber, _verdicts: Verdicts) -> bool:
        value = read(who)
        return value is not None and compare(value, fixed)

    return against_fixed


def by_day(column: typed.Column, *operands: typed.Operand) -> bool:
    """Instants compare exactly with instants and `now`, with all else by days."""
    exact = column.type is typed.Type.INSTANT and all(
        operand.base == "now"
        if isinstance(operand, typed.Moment)
        else isinstance(operand, typed.Column) and operand.type is typed.Type.INSTANT
        for operand in operands
    )
    return not exact


def _reader(column: typed.Column, world: World, *, days: bool) -> Callable[[Subscriber], object]:
    """How a column is read so that it compares: texts folded, instants as days where days are meant."""
    name = column.name
    if column.type is typed.Type.TEXT:
        return lambda who: _text_reader(column)(who) or None
    if column.type is typed.Type.INSTANT and days:
        return lambda who: day_of(who.value(name), world.zone)
    return lambda who: who.value(name)


def _text_reader(column: typed.Column) -> Callable[[Subscriber], str]:
    """The folded text, "" when there is none."""
    name = column.name

    def read(who: Subscriber) -> str:
        value = who.value(name)
        return fold(value) if isinstance(value, str) else ""

    return read


def constant(operand: typed.Constant, world: World, *, days: bool) -> object:
    """What a column's value is compared with. days: an instant stands for its day in the project's zone"""
    if isinstance(operand, typed.Text):
        return operand.folded
    if isinstance(operand, typed.Moment):
        moment = operand.resolve(world.now, world.zone)
        return day_of(moment, world.zone) if days else moment
    return operand.value


def day_of(value: object, zone: ZoneInfo) -> date | None:
    """The day itself, or the one that it is in `zone` at an instant; None for anything else."""
    if isinstance(value, datetime):
        try:
            return value.astimezone(zone).date()
        except OverflowError:  # at the calendar's ends
            return value.date()
    return value if isinstance(value, date) else None


def walk(condition: typed.Condition) -> Iterator[typed.Condition]:
    """The condition and all below it, from left to right."""
    yield condition
    match condition:
        case typed.All(terms=terms) | typed.Any(terms=terms):
            for term in terms:
                yield from walk(term)
        case typed.Not(term=term):
            yield from walk(term)


def segments_in(condition: typed.Condition) -> Iterator[typed.InSegment]:
    """All segment('…') of a tree."""
    return (part for part in walk(condition) if isinstance(part, typed.InSegment))


def lists_in(condition: typed.Condition) -> Iterator[str]:
    """The names of all lists that a tree asks for."""
    for part in walk(condition):
        if isinstance(part, typed.IsIn) and part.set == "list":
            yield from part.names


Atom = typed.Compare | typed.OneOf | typed.Contains | typed.Starts


def negated(condition: typed.Condition, *, under: bool = False) -> Iterator[Atom | typed.InSegment]:
    """The conditions on columns, and segment('…'), that stand under an odd number of negations: these are
    true for people whose value is missing. A segment that stands under none is not among them."""
    match condition:
        case typed.All(terms=terms) | typed.Any(terms=terms):
            for term in terms:
                yield from negated(term, under=under)
        case typed.Not(term=term):
            yield from negated(term, under=not under)
        case typed.Compare() | typed.OneOf() | typed.Contains() | typed.Starts() | typed.InSegment():
            if under:
                yield condition
