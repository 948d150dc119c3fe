"""The lists of a project: which there are, how each is read, and all of them read into memory."""

import hashlib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from newsletter.audience.address import reserved
from newsletter.audience.findings import Findings
from newsletter.audience.folding import fold
from newsletter.audience.merge import Clashes, merge
from newsletter.audience.models import Audience, ListFile, Subscriber
from newsletter.audience.rows import ListReader, Row
from newsletter.audience.table import LONGEST_ROW, Unreadable, nobody, read_table
from newsletter.errors import ChecksFailed, Place, Problem
from newsletter.files.project import Project, read_lines
from newsletter.settings.model import Settings

FOLDER = "subscribers"
PERSONAS = "subscribers/personas.csv"  # made-up readers for authors; no list


@dataclass(frozen=True)
class Origin:
    """Where a list's text comes from. `rows`: how many it has, where a program was asked for them."""

    name: str
    file: str  # as findings name it
    path: Path
    rows: int | None = None

    def lines(self) -> Iterator[str]:
        return read_lines(self.path, file=self.file, longest=LONGEST_ROW)

    def sha256(self) -> str:
        """Of the text as it is now. Raises ChecksFailed (F113) when it is gone since it was found."""
        try:
            with self.path.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            message = f"`{self.file}` can't be read: {error.strerror or error}"
            hint = "run this again, once whatever changes the lists has ended"
            raise ChecksFailed(Problem("F113", message, Place(self.file), hint)) from error


def find_lists(project: Project) -> tuple[list[Origin], dict[str, tuple[Problem, ...]]]:
    """Every subscribers/*.csv by file name, and the problems, by list, of those that can't be opened."""
    found: list[Origin] = []
    problems: dict[str, tuple[Problem, ...]] = {}
    names: dict[str, str] = {}
    for file in project.entries(FOLDER, ".csv"):  # one that can't be read may hold opt-outs
        if file == PERSONAS:
            continue
        name = unicodedata.normalize("NFC", PurePosixPath(file).stem)
        if fold(name) in names:
            message = f"the list has the name of {names[fold(name)]} but for case"
            twin = Problem("A120", message, Place(file), "rename one of the two files")
            problems[name] = (*problems.get(name, ()), twin)
            continue
        names[fold(name)] = file
        try:
            found.append(Origin(name, file, project.readable(file)))
        except ChecksFailed as failure:
            problems[name] = failure.problems
    return found, problems


def open_list(origin: Origin, settings: Settings) -> tuple[ListReader | None, tuple[Problem, ...]]:
    """A reader of the list; None when its header refuses it, and why. Raises ChecksFailed (F112)."""
    table, found = read_table(origin.lines, origin.file)
    if table is None:
        return None, tuple(found)
    findings = Findings(origin.file, found)
    return ListReader(origin.name, table, findings, zone=settings.zone, types=settings.attributes), ()


def load_personas(project: Project, settings: Settings) -> Audience:
    """The made-up readers of subscribers/personas.csv; nobody when there is no such file."""
    if not project.path(PERSONAS).exists():
        return Audience((), {}, {}, frozenset())
    try:
        origin = Origin("personas", PERSONAS, project.readable(PERSONAS))
    except ChecksFailed as failure:
        return Audience((), {}, {"personas": failure.problems}, frozenset())
    return _gathered([origin], {}, settings)


def load_audience(project: Project, settings: Settings) -> Audience:
    """Everybody in memory, ordered by address key. Reads only; never raises for what is in a list.

    A list that can't be read stands in `problems` with an error and not in `lists`. A row whose cells can't
    be told apart is left out with a warning; all other findings leave the person in.
    """
    return _gathered(*find_lists(project), settings)


def _gathered(
    origins: Sequence[Origin], problems: dict[str, tuple[Problem, ...]], settings: Settings
) -> Audience:
    lists: dict[str, ListFile] = {}
    rows: dict[str, list[Row]] = {}
    for origin in origins:
        read, told = _read(origin, settings, lists)
        if told:
            problems[origin.name] = (*problems.get(origin.name, ()), *told)
        for row in read:
            rows.setdefault(row.key, []).append(row)
    clashes = Clashes()
    for together in rows.values():
        if len(together) > 1:
            clashes.add(together)
    for name, more in clash_problems(clashes, origins).items():
        problems[name] = (*problems.get(name, ()), *more)
    people: tuple[Subscriber, ...] = tuple(merge(rows[key]) for key in sorted(rows))
    columns = frozenset(column for each in lists.values() for column in each.columns)
    return Audience(people, lists, problems, columns)


def _read(
    origin: Origin, settings: Settings, lists: dict[str, ListFile]
) -> tuple[list[Row], tuple[Problem, ...]]:
    try:
        reader, told = open_list(origin, settings)
        if reader is None:
            return [], told
        rows = [row for _, rows in reader.rows() for row in rows]
    except Unreadable as wrong:
        return [], (wrong.problem,)
    except ChecksFailed as failure:
        return [], failure.problems
    if not reader.count:
        reader.findings.found.append(nobody(origin.file))
    outside = next((row.line for row in rows if row.address and not reserved(row.address)), 0)
    lists[origin.name] = ListFile(origin.name, origin.file, reader.table.columns, reader.count, outside)
    return rows, reader.findings.all()


def clash_problems(clashes: Clashes, origins: Sequence[Origin]) -> Mapping[str, list[Problem]]:
    """List -> what its rows contradict. Each file concerned is walked over once more, for the places."""
    by_file = {origin.file: origin for origin in origins}
    places: dict[tuple[str, int, str], Place] = {}
    for file, wanted in clashes.wanted().items():
        lines = {line for line, _ in wanted}
        table, _ = read_table(by_file[file].lines, file)
        for line, _ in table.rows() if table else ():
            if table and line in lines:
                for column in (column for at, column in wanted if at == line):
                    places[file, line, column] = table.place(table.columns.index(column))
                lines.discard(line)
                if not lines:
                    break
    return clashes.problems(places)
