"""A segment's condition after checking: a typed tree, evaluated in memory and compiled to SQL alike.

Every name in it exists, every comparison is between things that compare; `!=` and `not in` are already
Not(…) around their positive form, since a comparison with a missing value is false.
"""

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Literal
from zoneinfo import ZoneInfo

from newsletter.audience.folding import fold

_EARLIEST = datetime.min.replace(tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC)


class Type(StrEnum):
    """What a column holds; the words of `[attributes]`."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    INSTANT = "instant"
    BOOL = "bool"


@dataclass(frozen=True, slots=True)
class Part:
    at: int  # first character within the expression, from 0
    end: int  # behind the last one


@dataclass(frozen=True, slots=True)
class Column(Part):
    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Text(Part):
    value: str

    @property
    def folded(self) -> str:
        return fold(self.value)


@dataclass(frozen=True, slots=True)
class Number(Part):
    value: int | float


@dataclass(frozen=True, slots=True)
class Flag(Part):
    value: bool


@dataclass(frozen=True, slots=True)
class Shift:
    count: int
    unit: str  # days, weeks, months, years


@dataclass(frozen=True, slots=True)
class Moment(Part):
    """A day, written out or `today`, or the instant `now`; with what is added to it, from left to right."""

    base: date | Literal["today", "now"]
    shifts: tuple[Shift, ...] = ()

    def resolve(self, now: datetime, zone: ZoneInfo) -> date | datetime:
        """A date, for `now` an aware datetime. Calendar rules in the project's zone; what lies outside the
        calendar is its first or last day.

        >>> Moment(0, 0, date(2015, 3, 31), (Shift(-1, "months"),)).resolve(
        ...     datetime.now(UTC), ZoneInfo("UTC")
        ... )
        datetime.date(2015, 2, 28)
        """
        local = now.astimezone(zone)
        day = local.date() if isinstance(self.base, str) else self.base
        for shift in self.shifts:
            day = shifted(day, shift)
        if self.base != "now":
            return day
        if not self.shifts:
            return now
        try:
            return datetime.combine(day, local.time(), zone).astimezone(UTC)
        except OverflowError:
            return _EARLIEST if day < local.date() else _LATEST


def shifted(day: date, shift: Shift) -> date:
    """`day` and a period; a month's missing day is its last one. Stays within the calendar."""
    try:
        if shift.unit in ("days", "weeks"):
            return day + timedelta(days=shift.count * (7 if shift.unit == "weeks" else 1))
        months = day.year * 12 + day.month - 1 + shift.count * (12 if shift.unit == "years" else 1)
        year, month = months // 12, months % 12 + 1
        return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))
    except (OverflowError, ValueError):
        return date.min if shift.count < 0 else date.max


Operand = Column | Text | Number | Flag | Moment
Constant = Text | Number | Flag | Moment
Operator = Literal["==", "<", "<=", ">", ">="]
SetName = Literal["list", "tag"]


@dataclass(frozen=True, slots=True)
class Compare(Part):
    """column and operand are of one type; DATE and INSTANT compare by days of the project's zone,
    INSTANT with INSTANT (or `now`) exactly. False when a value is missing."""

    column: Column
    operator: Operator
    operand: Operand


@dataclass(frozen=True, slots=True)
class OneOf(Part):
    column: Column
    items: tuple[Constant, ...]  # at least one


@dataclass(frozen=True, slots=True)
class IsIn(Part):
    """On at least one of the lists, or with at least one of the tags."""

    set: SetName
    names: tuple[str, ...]  # lists as their files are called, tags as written


@dataclass(frozen=True, slots=True)
class IsSet(Part):
    subject: Column | SetName


@dataclass(frozen=True, slots=True)
class Contains(Part):
    column: Column
    text: Text


@dataclass(frozen=True, slots=True)
class Starts(Part):
    column: Column
    text: Text


@dataclass(frozen=True, slots=True)
class WasSent(Part):
    campaign: str


@dataclass(frozen=True, slots=True)
class Sampled(Part):
    share: Fraction  # more than 0, at most 1
    seed: str


@dataclass(frozen=True, slots=True)
class InSegment(Part):
    name: str


@dataclass(frozen=True, slots=True)
class Not(Part):
    term: "Condition"


@dataclass(frozen=True, slots=True)
class All(Part):
    terms: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Any(Part):
    terms: "tuple[Condition, ...]"


Condition = (
    Compare | OneOf | IsIn | IsSet | Contains | Starts | WasSent | Sampled | InSegment | Not | All | Any
)
