"""The people in subscribers/*.csv: rows become memberships, rows of one address become one person."""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

from newsletter.audience import cells
from newsletter.audience.address import Address, parse_address
from newsletter.audience.folding import fold
from newsletter.audience.models import (
    TEXT_COLUMNS,
    AttributeValue,
    Audience,
    ListFile,
    Membership,
    Standing,
    Subscriber,
)
from newsletter.audience.table import Table, read_table
from newsletter.errors import ChecksFailed, Place, Problem, Severity, did_you_mean
from newsletter.files.project import Project
from newsletter.settings.model import Settings

FOLDER = "subscribers"
_MOST = 20  # findings of one kind and column in a list; further ones are counted
_IN_BRACKETS = re.compile(r"<([^<>]+@[^<>]+)>")
_PER_LIST = frozenset({"consent_source", "consent_at"})  # differs from list to list without contradiction


def load_audience(project: Project, settings: Settings) -> Audience:
    """Everybody, ordered by address key. Reads only; never raises for what is in a list.

    A list that can't be read stands in `problems` with an error and not in `lists`. A row whose cells can't
    be told apart is left out with an error; all other findings leave the person in.
    """
    people = _People(settings)
    lists: dict[str, ListFile] = {}
    problems: dict[str, tuple[Problem, ...]] = {}
    names: dict[str, str] = {}
    for file in project.entries(FOLDER, ".csv"):  # one that can't be read may hold opt-outs
        name = unicodedata.normalize("NFC", PurePosixPath(file).stem)
        if fold(name) in names:
            message = f"the list has the name of {names[fold(name)]} but for case"
            twin = Problem("A120", message, Place(file), "rename one of the two files")
            problems[name] = (*problems.get(name, ()), twin)
            continue
        names[fold(name)] = file
        try:
            text = project.read_text(file)
        except ChecksFailed as failure:
            problems[name] = failure.problems
            continue
        table, found = read_table(text, file)
        findings = _Findings(file, found)
        if table is not None:
            rows = people.add(name, table, findings)
            digest = hashlib.sha256(text.encode()).hexdigest()
            lists[name] = ListFile(name, file, table.columns, rows, digest)
        if findings.all():
            problems[name] = findings.all()
    columns = frozenset(column for each in lists.values() for column in each.columns)
    return Audience(people.all(), lists, problems, columns)


class _Findings:
    """A list's problems, not more than a screenful of each kind: a wrong column is wrong in every row."""

    def __init__(self, file: str, found: list[Problem]) -> None:
        self.file = file
        self.found = found
        self.more: Counter[tuple[str, str, Severity]] = Counter()
        self.seen: Counter[tuple[str, str]] = Counter()

    def add(
        self,
        code: str,
        message: str,
        hint: str,
        severity: Severity,
        *,
        column: str,
        place: Callable[[], Place],
    ) -> None:
        """place: asked for only if the problem is kept; it takes a walk through the file."""
        self.seen[code, column] += 1
        if self.seen[code, column] <= _MOST:
            self.found.append(Problem(code, message, place(), hint, severity))
        else:
            self.more[code, column, severity] += 1

    def all(self) -> tuple[Problem, ...]:
        rest = [
            Problem(
                code,
                f"and {count} more rows like these" + (f" in the column `{column}`" if column else ""),
                Place(self.file),
                severity=severity,
            )
            for (code, column, severity), count in self.more.items()
        ]
        return (*self.found, *rest)


@dataclass(slots=True)
class _Draft:
    """A person in the making; `fields` remembers in which row each value was first read."""

    address: Address
    key: str
    fields: dict[str, tuple[AttributeValue, str, int]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    memberships: list[Membership] = field(default_factory=list)

    def subscriber(self) -> Subscriber:
        texts = {name: str(self.fields[name][0]) for name in TEXT_COLUMNS[1:] if name in self.fields}
        consent_at = self.fields.get("consent_at", (None,))[0]
        return Subscriber(
            key=self.key,
            email=self.address.email,
            address=self.address.address,
            memberships=tuple(self.memberships),
            tags=tuple(self.tags.values()),
            consent_at=consent_at if isinstance(consent_at, datetime) else None,
            attributes={
                n: v for n, (v, _, _) in self.fields.items() if n not in TEXT_COLUMNS and n != "consent_at"
            },
            **texts,
        )


class _People:
    """All persons so far, by address key."""

    def __init__(self, settings: Settings) -> None:
        self.zone = settings.zone
        self.types: Mapping[str, str] = settings.attributes
        self.drafts: dict[str, _Draft] = {}

    def all(self) -> tuple[Subscriber, ...]:
        return tuple(self.drafts[key].subscriber() for key in sorted(self.drafts))

    def add(self, name: str, table: Table, findings: _Findings) -> int:
        """The rows of one list; how many there are."""
        count = 0
        for line, row in table.rows():
            if not any(cell.strip() for cell in row):
                continue
            count += 1
            if len(row) == len(table.columns):
                self._add_row(name, _Row(table, line, row, findings))
            else:
                _ragged(table, line, row, findings)
                self._add_unclear(name, _Row(table, line, [*row, *[""] * len(table.columns)], findings))
        return count

    def _add_unclear(self, name: str, row: "_Row") -> None:
        """Nobody knows what the row says, but perhaps of whom: they get nothing, whatever other rows say."""
        for cell in row.cells:
            self._hold(name, row, cell)

    def _hold(self, name: str, row: "_Row", cell: str) -> None:
        """Whoever a cell names, be it `Eva <eva@example.org>` or in another column, has an unclear row."""
        found = _IN_BRACKETS.search(cell)
        address = parse_address(found[1] if found else cell.strip())
        if "@" in cell and address.key and address.problem is None:
            draft = self.drafts.setdefault(address.key, _Draft(address, address.key))
            draft.memberships.append(Membership(name, Place(row.table.file, row.line), Standing.UNCLEAR))

    def _add_row(self, name: str, row: "_Row") -> None:
        address = row.address()
        if address.problem is not None:
            self._hold(name, row, row.cell("email"))
        # A row without address is nobody that another row could be, yet it is counted.
        key = address.key if address.email else str(Place(row.table.file, row.line))
        draft = self.drafts.get(key)
        if draft is None:
            draft = self.drafts[key] = _Draft(address, key)
        elif any(other.list == name for other in draft.memberships):
            first = next(other for other in draft.memberships if other.list == name)
            message = f"the same address as in line {first.place.line}: one person, one mail"
            row.note("A119", "email", message, "delete one of the two rows", Severity.HINT)
        values = row.values(self.types, self.zone)
        tags = row.tags()
        source, at = values.get("consent_source", ""), values.get("consent_at")
        draft.memberships.append(
            Membership(
                name,
                Place(row.table.file, row.line),
                row.standing(),
                str(source),
                at if isinstance(at, datetime) else None,
            )
        )
        for column, value in values.items():
            _merge(draft, column, value, row)
        for tag in tags:
            draft.tags.setdefault(fold(tag), tag)


def _merge(draft: _Draft, column: str, value: AttributeValue, row: "_Row") -> None:
    """The first value holds; another one is a contradiction that somebody should look at."""
    if column not in draft.fields:
        draft.fields[column] = (value, row.table.file, row.line)
        return
    first, file, line = draft.fields[column]
    if column in _PER_LIST or first == value or fold(str(first)) == fold(str(value)):
        return
    message = f"`{column}` is `{_short(value)}` here and `{_short(first)}` in {file}:{line}, which holds"
    row.note("A118", column, message, "write the same in both rows")


def _short(value: AttributeValue) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 40 else text[:39] + "…"


def _ragged(table: Table, line: int, row: list[str], findings: _Findings) -> None:
    have, want = len(row), len(table.columns)
    if have > want:
        hint = 'put a cell that holds a comma in quotes: "Berg, Åsa"'
    else:
        hint = "write a comma for each empty cell, too"
    cells_have = "1 cell" if have == 1 else f"{have} cells"
    message = f"the row has {cells_have}, the header {want}: it is left out"
    # The first cell too many, or the end of what is there.
    findings.add(
        "A110",
        message,
        hint,
        Severity.WARNING,
        column="",
        place=lambda: table.place(line, min(have - 1, want)),
    )


@dataclass(slots=True)
class _Row:
    """One row of a list, as many cells as columns."""

    table: Table
    line: int
    cells: list[str]
    findings: _Findings

    def note(
        self, code: str, column: str, message: str, hint: str, severity: Severity = Severity.WARNING
    ) -> None:
        number = self.table.columns.index(column)
        self.findings.add(
            code, message, hint, severity, column=column, place=lambda: self.table.place(self.line, number)
        )

    def cell(self, column: str) -> str:
        return self.cells[self.table.columns.index(column)].strip() if column in self.table.columns else ""

    def address(self) -> Address:
        found = parse_address(self.cells[self.table.columns.index("email")])
        if not found.email:
            self.note(
                "A113",
                "email",
                "a row without address: it is excluded",
                "write the address, or delete the row",
            )
        elif found.problem is not None:
            message = f"the address is not valid: {found.problem[:1].lower()}{found.problem[1:].rstrip('.')}"
            self.note(
                "A112", "email", message, "write one address, as anna@example.org; till then it is excluded"
            )
        elif found.needs_smtputf8:
            message = "the address has other letters than a to z before the @, which few servers take"
            self.note("A114", "email", message, "ask the reader for another address; this one is excluded")
        return found

    def standing(self) -> Standing:
        word = self.cell("status")
        known = cells.STATUS_WORDS.get(word.casefold())
        if known is not None:
            return known
        words = [other for other in cells.STATUS_WORDS if other]
        message = f"unknown status `{_short(word)}`: nobody can tell whether to mail, so nothing goes there"
        hint = did_you_mean(word, words, otherwise="write subscribed, unsubscribed, cleaned or pending")
        self.note("A111", "status", message, hint)
        return Standing.UNCLEAR

    def tags(self) -> tuple[str, ...]:
        return cells.tags(self._cleaned("tags", self.cell("tags")))

    def values(self, types: Mapping[str, str], zone: ZoneInfo) -> dict[str, AttributeValue]:
        """All columns that have a value here, but for address, tags and status."""
        found: dict[str, AttributeValue] = {}
        for column, cell in zip(self.table.columns, self.cells, strict=True):
            if column in ("email", "tags", "status") or not (cell := cell.strip()):
                continue
            text = self._cleaned(column, cell)
            kind = "instant" if column == "consent_at" else types.get(column, "text")
            try:
                value = cells.typed(kind, text, zone)
            except ValueError:
                what, hint = cells.expectation(kind, text)
                code = "A116" if column == "consent_at" else "A115"
                self.note(
                    code, column, f"`{_short(text)}` in `{column}` is {what}: it counts as missing", hint
                )
                continue
            if value != "":
                found[column] = value
        return found

    def _cleaned(self, column: str, cell: str) -> str:
        text = cells.clean(column, cell)
        if text != cell:
            what = "a line break or a control character" if column in cells.NAMES else "a control character"
            self.note("A117", column, f"{what} in `{column}` is left out", "delete it in the file")
        return text
