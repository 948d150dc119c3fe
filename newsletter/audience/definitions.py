"""The definitions in subscribers/segments.toml: read, parsed, checked, each problem at its place."""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from newsletter.audience import conditions as typed
from newsletter.audience.evaluate import segments_in
from newsletter.audience.folding import fold
from newsletter.audience.language import parse
from newsletter.audience.lexer import Fault
from newsletter.audience.operands import Vocabulary
from newsletter.audience.positions import Positions
from newsletter.audience.typecheck import check
from newsletter.errors import ChecksFailed, Place, Problem
from newsletter.files.models import Strict, validate
from newsletter.files.places import Lines
from newsletter.files.project import Project
from newsletter.files.toml import Document, parse_toml

FILE = "subscribers/segments.toml"


@dataclass(frozen=True)
class Segment:
    """One table of segments.toml. `condition` is None when its expression has an error."""

    name: str
    description: str
    where: str
    place: Place  # of its header
    positions: Positions | None = field(repr=False, default=None)
    condition: typed.Condition | None = None
    problems: tuple[Problem, ...] = ()

    def place_of(self, part: typed.Part) -> Place:
        return self.positions.place(part.at) if self.positions else self.place


class _Table(Strict):
    description: str = ""
    where: str


def read_document(project: Project) -> tuple[Document, str]:
    """The file's TOML, and its text. Raises ChecksFailed (F1..)."""
    text = project.read_text(FILE)
    return parse_toml(text, file=FILE), text


def define(
    document: Document, text: str, vocabulary: Vocabulary
) -> tuple[Mapping[str, Segment], tuple[Problem, ...]]:
    """All segments by name, those with errors too, and all problems in the order of their places.

    vocabulary: its `segments` are filled in here.
    """
    problems: list[Problem] = []
    tables = {
        name: table for name, table in document.data.items() if _is_table(name, table, document, problems)
    }
    known = dataclasses.replace(vocabulary, segments={fold(name): name for name in tables})
    lines = Lines(text)
    segments = {name: _segment(name, document, text, lines, known) for name in tables}
    for name, problem in _name_clashes(tables, document, vocabulary):
        # nobody can say which of the two is meant, so neither is answered for
        segments[name] = dataclasses.replace(segments[name], problems=(*segments[name].problems, problem))
    _break_circles(segments)
    for segment in segments.values():
        problems += [problem for problem in segment.problems if problem not in problems]
    problems.sort(key=lambda problem: _order(problem.place))
    return segments, tuple(problems)


def _order(place: Place | None) -> tuple[int, int]:
    return (place.line or 0, place.column or 0) if place else (0, 0)


def _is_table(name: str, table: object, document: Document, problems: list[Problem]) -> bool:
    if isinstance(table, dict):
        return True
    if isinstance(table, list) and table and isinstance(table[0], dict):
        message, hint = f"`{name}` is defined in double brackets", f"[{name}]"
    else:
        message, hint = (
            f"`{name}` stands in no segment",
            f"[{name}], and below it: where = \"list == 'NAME'\"",
        )
    problems.append(Problem("A216", message, document.key(name), hint))
    return False


def _name_clashes(
    tables: Mapping[str, object], document: Document, known: Vocabulary
) -> Iterator[tuple[str, Problem]]:
    """Segments, each with what is wrong with its name."""
    seen = dict[str, str]()
    for name in tables:
        folded, place = fold(name), document.key(name)
        if folded in known.lists:
            message = f"the segment `{name}` has the name of the list subscribers/{known.lists[folded]}.csv"
            yield name, Problem("A209", message, place, "give the segment a name of its own")
        elif folded in seen:
            message = f"the segments `{seen[folded]}` and `{name}` have the same name but for case"
            problem = Problem("A215", message, place, "give one of them another name")
            yield from ((seen[folded], problem), (name, problem))
        elif not name.strip():
            yield name, Problem("A215", "a segment without a name", place, "[readers-in-visby]")
        seen.setdefault(folded, name)


def _segment(name: str, document: Document, text: str, lines: Lines, known: Vocabulary) -> Segment:
    header = document.key(name)
    try:
        table = validate(_Table, document, at=(name,))
    except ChecksFailed as failure:
        return Segment(name, "", "", header, problems=failure.problems)
    positions = Positions(text, lines, document.value(name, "where"))
    try:
        condition, faults = check(parse(table.where), table.where, known)
    except Fault as fault:
        condition, faults = None, (fault,)
    problems = tuple(
        Problem(fault.code, fault.message, positions.place(fault.at), fault.hint, fault.severity)
        for fault in faults
    )
    return Segment(name, table.description, table.where, header, positions, condition, problems)


def _break_circles(segments: dict[str, Segment]) -> None:
    """A segment that speaks of itself, by whatever way, gets an error that names the way."""
    while circle := _circle(segments):
        first = segments[circle[0]]
        onwards = {part.name: part for part in segments_in(first.condition)} if first.condition else {}
        way = " → ".join((*circle, circle[0]))
        place = first.place_of(onwards[circle[1 % len(circle)]])
        problem = Problem("A208", f"segments run in a circle: {way}", place, "let one of them do without")
        for name in circle:
            segment = segments[name]
            segments[name] = dataclasses.replace(
                segment, condition=None, problems=(*segment.problems, problem)
            )


def _circle(segments: Mapping[str, Segment]) -> list[str]:
    """Names along a circle, from the one that stands first in the file; empty when there is none."""
    below = {
        name: [part.name for part in segments_in(segment.condition)] if segment.condition else []
        for name, segment in segments.items()
    }
    done: set[str] = set()
    for start, onwards in below.items():
        path, waiting = [start], [iter(onwards)]
        while path:  # a walk in depth without recursion: a chain of segments may be long
            following = next(waiting[-1], None)
            if following is None:
                done.add(path.pop())
                waiting.pop()
            elif following in path:
                circle = path[path.index(following) :]
                first = min(circle, key=list(below).index)
                return circle[circle.index(first) :] + circle[: circle.index(first)]
            elif following not in done:
                path.append(following)
                waiting.append(iter(below[following]))
    return []
