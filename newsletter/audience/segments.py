"""Lists and segments by name: who is in them, and what is wrong in subscribers/segments.toml."""

import dataclasses
import graphlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from newsletter.audience import conditions as typed
from newsletter.audience.definitions import FILE, Segment, define, read_document
from newsletter.audience.evaluate import Received, World, evaluator, lists_in, negated, segments_in
from newsletter.audience.folding import fold
from newsletter.audience.models import TEXT_COLUMNS, Audience, Subscriber
from newsletter.audience.operands import Vocabulary
from newsletter.errors import ChecksFailed, Place, Problem, Severity, did_you_mean
from newsletter.files.project import Project
from newsletter.settings.model import Settings

__all__ = ["FILE", "Received", "Segment", "Segments", "load_segments"]


class Segments:
    """Lists and segments under one roof: a campaign's `segment` names either.

    Names are compared without regard to case. Asking for the members of a segment that has an error,
    or of one that nobody knows, raises ChecksFailed.
    """

    def __init__(
        self,
        audience: Audience,
        segments: Mapping[str, Segment],
        problems: tuple[Problem, ...],
        zone: ZoneInfo,
        *,
        unreadable: bool = False,  # the file is no TOML: nobody knows which segments there are
    ) -> None:
        self.problems = problems
        self._unreadable = unreadable
        self.audience = audience
        self._segments = segments
        self._zone = zone
        self._by_fold = {fold(name): name for name in (*audience.lists, *audience.problems, *segments)}
        self._order = _order(segments)

    @property
    def names(self) -> tuple[str, ...]:
        """The segments, in the order of their file; lists are in `audience.lists`."""
        return tuple(self._segments)

    @property
    def descriptions(self) -> Mapping[str, str]:
        return {name: segment.description for name, segment in self._segments.items()}

    def definitions(self, names: Iterable[str]) -> Mapping[str, str]:
        """The rules by which these and all segments that they speak of decide; nothing for a list."""
        known = [self._by_fold[fold(name)] for name in names if self.known(name)]
        needed = {other for name in known if name in self._segments for other in self._needed(name)}
        return {name: self._segments[name].where for name in sorted(needed)}

    def lists(self, name: str) -> tuple[str, ...]:
        """The lists that a segment speaks of, itself or through others; the list itself for a list."""
        known = self._by_fold.get(fold(name), "")
        if known not in self._segments:
            return (known,) if known else ()
        conditions = (self._segments[other].condition for other in self._needed(known))
        return tuple(
            dict.fromkeys(one for condition in conditions if condition for one in lists_in(condition))
        )

    def segment(self, name: str) -> Segment | None:
        """None for a list and for what nobody knows."""
        return self._segments.get(self._by_fold.get(fold(name), ""))

    def known(self, name: str) -> bool:
        return fold(name) in self._by_fold

    def require(self, name: str, place: Place) -> None:
        """Raises ChecksFailed (A207) at `place` unless a list or a segment is called so.

        When segments.toml can't be read it raises that file's problems instead.
        """
        if self.known(name):
            return
        if self._unreadable:
            raise ChecksFailed(*self.problems)
        nothing = "put a list into subscribers/, as subscribers/readers.csv"
        hint = did_you_mean(name, self._by_fold.values(), otherwise="" if self._by_fold else nothing)
        raise ChecksFailed(Problem("A207", f"unknown list or segment `{name}`", place, hint))

    def parts(self, name: str) -> tuple[tuple[str, typed.Condition], ...]:
        """The segment by name, as the last one, behind those that it speaks of; a list is a condition, too.

        Raises ChecksFailed for what can't be asked: unknown (A207), broken, or of a list that can't be read.
        """
        self.require(name, Place(FILE))
        name = self._by_fold[fold(name)]
        if name not in self._segments:
            self._refuse_unreadable(name)
            return ((name, typed.IsIn(0, 0, "list", (name,))),)
        needed = self._needed(name)
        parts = [self._segments[other] for other in needed]
        broken = [problem for part in parts for problem in part.problems if problem.is_error]
        if broken:
            raise ChecksFailed(*dict.fromkeys(broken))
        trees = tuple((part.name, part.condition) for part in parts if part.condition is not None)
        for _, tree in trees:
            self._refuse_unreadable(*lists_in(tree))
        return trees

    def world(self, *, now: datetime, received: Received) -> World:
        return World(now, self._zone, received)

    def matcher(self, name: str, world: World) -> Callable[[Subscriber], bool]:
        """A test for single subscribers; campaigns are asked for once, here."""
        return matcher(self.parts(name), world)

    def _refuse_unreadable(self, *lists: str) -> None:
        """A list that can't be read has no members, but it is not empty."""
        unreadable = [name for name in lists if name not in self.audience.lists]
        problems = [problem for name in unreadable for problem in self.audience.problems.get(name, ())]
        if problems:  # a warning in passing is an error for who asks
            errors = [problem for problem in problems if problem.is_error]
            asked = errors or [dataclasses.replace(problem, severity=Severity.ERROR) for problem in problems]
            raise ChecksFailed(*asked)

    def findings(self, name: str, missing: Callable[[str], int]) -> tuple[Problem, ...]:
        """Where the segment takes people in only because a negated condition met an empty cell.

        missing: how many of its members have no value in a column
        Warnings (A211), with the number of members concerned. Nothing for a segment that has an error.
        """
        segment = self.segment(name)
        if segment is None or any(problem.is_error for problem in segment.problems):
            return ()
        found: dict[tuple[Place, str], Problem] = {}
        for part, column in self._gaps(segment):
            number = missing(column)
            if number:
                place = segment.place_of(part)
                people = "one person" if number == 1 else f"{number} people"
                message = f"the negation also takes in {people} without `{column}`"
                hint = f"only those who have one: is_set({column}) and …"
                found[place, column] = Problem("A211", message, place, hint, Severity.WARNING)
        return tuple(found.values())

    def _gaps(self, segment: Segment) -> Iterator[tuple[typed.Part, str]]:
        """Columns under a negation, with the part of this segment's own expression that brings them in."""
        if segment.condition is None:
            return
        for part in negated(segment.condition):
            if isinstance(part, typed.InSegment):
                for column in self._columns(part.name, frozenset()):
                    yield part, column
            else:
                for column in _columns_of(part):
                    yield part, column

    def _columns(self, name: str, seen: frozenset[str]) -> Iterator[str]:
        """Columns that a negated segment('name') negates in turn."""
        condition = self._segments[name].condition
        if condition is None or name in seen:
            return
        for part in negated(condition, under=True):
            if isinstance(part, typed.InSegment):
                yield from self._columns(part.name, seen | {name})
            else:
                yield from _columns_of(part)

    def _needed(self, name: str) -> list[str]:
        """The segment and all that it speaks of, those first."""
        wanted, queue = {name}, [name]
        while queue:
            condition = self._segments[queue.pop()].condition
            for part in segments_in(condition) if condition else ():
                if part.name not in wanted:
                    wanted.add(part.name)
                    queue.append(part.name)
        return [other for other in self._order if other in wanted]


def matcher(parts: Sequence[tuple[str, typed.Condition]], world: World) -> Callable[[Subscriber], bool]:
    """Whether somebody is in the last of these segments, each of which stands behind those that it speaks of."""
    tests = [(name, evaluator(condition, world)) for name, condition in parts]

    def inside(who: Subscriber) -> bool:
        verdicts: dict[str, bool] = {}
        verdict = False
        for name, test in tests:  # no recursion, nothing twice
            verdict = verdicts[name] = test(who, verdicts)
        return verdict

    return inside


def _columns_of(part: typed.Part) -> tuple[str, ...]:
    match part:
        case typed.Compare(column=column, operand=typed.Column(name=other)):
            return (column.name, other)
        case typed.Compare(column=column) | typed.OneOf(column=column):
            return (column.name,)
        case typed.Contains(column=column) | typed.Starts(column=column):
            return (column.name,)
    return ()


def _order(segments: Mapping[str, Segment]) -> tuple[str, ...]:
    """Each segment behind those that it speaks of; one in a circle has lost its condition to the error."""
    graph = {
        name: {part.name for part in segments_in(segment.condition)} if segment.condition else set()
        for name, segment in segments.items()
    }
    return tuple(graphlib.TopologicalSorter(graph).static_order())


def load_segments(
    project: Project, settings: Settings, audience: Audience, *, campaigns: Collection[str]
) -> Segments:
    """What subscribers/segments.toml defines; nothing when there is no such file. Reads only.

    campaigns: the ids that received('…') may name. Mistakes don't raise: they are in `problems`, and asking
    for the members of a segment that has one raises them.
    """
    if not project.path(FILE).exists():
        return Segments(audience, {}, (), settings.zone)
    columns = dict.fromkeys(audience.columns | set(TEXT_COLUMNS), typed.Type.TEXT)
    columns |= {name: typed.Type(kind) for name, kind in settings.attributes.items()}
    columns |= {"consent_at": typed.Type.INSTANT}
    for name in ("tags", "status"):
        columns.pop(name, None)
    lists = {fold(name): name for name in (*audience.lists, *audience.problems)}
    try:
        document, text = read_document(project)
    except ChecksFailed as failure:
        return Segments(audience, {}, failure.problems, settings.zone, unreadable=True)
    vocabulary = Vocabulary(columns, audience.columns, lists, audience.tags, campaigns, {})
    segments, problems = define(document, text, vocabulary)
    return Segments(audience, segments, problems, settings.zone)
