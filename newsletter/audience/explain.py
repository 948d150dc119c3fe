"""Why somebody is in a segment or not: each condition, what it found, and whether it holds."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from newsletter.audience import conditions as typed
from newsletter.audience.evaluate import Test, Verdicts, World, evaluator
from newsletter.audience.models import AttributeValue, Subscriber
from newsletter.audience.segments import Segments


@dataclass(frozen=True)
class Reason:
    """One condition: as it is written, what was found of the person, whether it holds."""

    segment: str  # in which it stands
    depth: int
    where: str
    found: str  # "" for conditions that join others
    holds: bool


def explain(segments: Segments, name: str, who: Subscriber, world: World) -> tuple[bool, list[Reason]]:
    """Whether somebody is in a list or segment, and every condition on the way, from the outermost in.

    Raises ChecksFailed as `Segments.parts` does.
    """
    parts = segments.parts(name)
    verdicts: dict[str, bool] = {}
    for other, condition in parts:
        verdicts[other] = evaluator(condition, world)(who, verdicts)
    told = _Told(segments, dict(parts), who, world, verdicts)
    last = parts[-1][0]
    return verdicts[last], list(told.of(last, parts[-1][1], 0))


@dataclass(frozen=True)
class _Told:
    segments: Segments
    conditions: dict[str, typed.Condition]
    who: Subscriber
    world: World
    verdicts: Verdicts

    def of(self, segment: str, condition: typed.Condition, depth: int) -> Iterator[Reason]:
        test: Test = evaluator(condition, self.world)
        holds = test(self.who, self.verdicts)
        yield Reason(segment, depth, self._written(segment, condition), self._found(condition), holds)
        match condition:
            case typed.All(terms=terms) | typed.Any(terms=terms):
                for term in terms:
                    yield from self.of(segment, term, depth + 1)
            case typed.Not(term=term) if (term.at, term.end) != (condition.at, condition.end):
                yield from self.of(segment, term, depth + 1)
            case typed.InSegment(name=name):
                yield from self.of(name, self.conditions[name], depth + 1)

    def _written(self, segment: str, condition: typed.Condition) -> str:
        known = self.segments.segment(segment)
        if known is None:
            return f"list == '{segment}'"
        return " ".join(known.where[condition.at : condition.end].split())

    def _found(self, condition: typed.Condition) -> str:
        """What was found of the person, in words; for a negation that of what it negates."""
        match condition:
            case typed.Not(term=term) if (term.at, term.end) == (condition.at, condition.end):
                return self._found(term)
            case typed.Compare(column=column, operand=typed.Column() as other):
                return f"{self._value(column)}, {self._value(other)}"
            case typed.Compare(column=column) | typed.OneOf(column=column):
                return self._value(column)
            case typed.Contains(column=column) | typed.Starts(column=column):
                return self._value(column)
            case typed.IsIn(set=which) | typed.IsSet(subject=("list" | "tag") as which):
                return self._set(which)
            case typed.IsSet(subject=typed.Column() as column):
                return self._value(column)
            case typed.WasSent(campaign=campaign):
                sent = self.who.key in self.world.received(campaign)
                return "was sent it" if sent else "was not sent it"
            case typed.Sampled():
                return "chosen by the address"
        return ""

    def _set(self, which: typed.SetName) -> str:
        names = self.who.lists if which == "list" else self.who.tags
        return f"{which} is {', '.join(names)}" if names else f"no {which}"

    def _value(self, column: typed.Column) -> str:
        value = self.who.value(column.name)
        if value is None:
            return f"{column.name} is missing"
        return f"{column.name} is {shown(value, self.world.zone)}"


def shown(value: AttributeValue, zone: ZoneInfo) -> str:
    """A value as an expression would write it; an instant by the project's clock."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        try:
            return f"{value.astimezone(zone):%Y-%m-%d %H:%M}"
        except OverflowError:
            return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, date | int | float):
        return str(value)
    text = " ".join(value.split())
    return f"'{text if len(text) <= 60 else text[:59] + '…'}'"
