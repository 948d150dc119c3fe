"""A CSV file as header and rows, each row with the line on which it begins (RFC 4180, comma only)."""

import csv
import functools
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from newsletter.audience.folding import fold
from newsletter.errors import Place, Problem, Severity

# What the address column is called elsewhere; a guess could take the wrong one, so it is only hinted at.
_ADDRESS_NAME = re.compile(r"(e[-_]?(mail|post|mejl)|mail|mejl)([-_]?add?ress)?")
UNREACHABLE = frozenset({"and", "or", "not", "in", "true", "false", "list", "tag", "today", "now"})
_LONGEST_CELL = 2**31 - 1  # the csv module's own limit, 131,072, refuses a long note


@dataclass(frozen=True)
class Table:
    """columns: folded header names; text: the whole file with LF line ends."""

    file: str
    columns: tuple[str, ...]
    text: str

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Line (from 1) and cells of each row below the header; empty lines are passed over.

        Raises csv.Error; `read_table` has made sure that it does not happen.
        """
        rows = _rows(self.text)
        next(rows)
        return rows

    def place(self, line: int, number: int) -> Place:
        """Where the cell `number` (from 0) of the row that begins on `line` stands."""
        return cell_place(self.file, self._lines, line, number)

    @functools.cached_property
    def _lines(self) -> list[str]:
        return self.text.split("\n")


def fold_name(header: str) -> str:
    return re.sub(r"\s+", "_", fold(header.strip()))


def read_table(text: str, file: str) -> tuple[Table | None, list[Problem]]:
    """The table, None when the list is refused; and what is wrong with the file as a whole."""
    if not text.strip():
        hint = "begin it with a header line: email,first_name,last_name"
        return None, [Problem("A102", "the list is empty", Place(file, 1), hint)]
    separator = _other_separator(text, file)
    if separator:
        return None, [separator]
    try:
        rows = _rows(text)
        _, header = next(rows)
        some = next(rows, None)
        for _ in rows:
            pass
    except _Unreadable as wrong:
        return None, [wrong.problem(file, text)]
    columns = tuple(fold_name(name) for name in header)
    problems = _header_problems(file, text, header, columns)
    if any(problem.is_error for problem in problems):
        return None, problems
    if some is None:
        hint = "add a row for each reader, or delete the file"
        problems.append(
            Problem("A109", "nobody is on the list: it has a header only", Place(file, 1, 1), hint)
        )
    return Table(file, columns, text), problems


class _Unreadable(Exception):
    def __init__(self, line: int, reason: str) -> None:
        super().__init__(line, reason)
        self.line, self.reason = line, reason

    def problem(self, file: str, text: str) -> Problem:
        lines = text.split("\n")
        if "end of data" in self.reason:
            place = cell_place(file, lines, self.line, None)
            hint = 'close the cell with "; a quote inside it is written twice: ""'
            return Problem("A101", "a quoted cell is not closed", place, hint)
        hint = 'quote the whole cell and write quotes inside it twice: "Åsa ""Ås"" Berg"'
        message = "text follows a closed quote, in the row that begins here"
        return Problem("A101", message, Place(file, self.line), hint)


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for row in reader:
            if row:
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise _Unreadable(line, str(error)) from None


def _other_separator(text: str, file: str) -> Problem | None:
    """Excel in Swedish writes semicolons under the name of CSV."""
    lines = text.split("\n")
    number, header = next((n, line) for n, line in enumerate(lines, 1) if line.strip())
    bare = re.sub(r'"[^"]*"', "", header)
    if header.lower().startswith("sep="):
        hint = f"delete the line `{header.strip()}` and separate the cells by commas"
        return Problem("A107", "`sep=` is a word for Excel only", Place(file, number, 1), hint)
    for sign, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")):
        if bare.count(sign) > bare.count(","):
            place = Place(file, number, header.index(sign) + 1)
            hint = f"save it as CSV with commas, or turn each {name[:-1]} into a comma"
            return Problem("A107", f"the cells are separated by {name}, not by commas", place, hint)
    return None


def _header_problems(file: str, text: str, header: Sequence[str], columns: Sequence[str]) -> list[Problem]:
    lines = text.split("\n")
    first = next(n for n, line in enumerate(lines, 1) if line)

    def place(number: int) -> Place:
        return cell_place(file, lines, first, number)

    addresses = [n for n, name in enumerate(columns) if _ADDRESS_NAME.fullmatch(name)]
    if not addresses and any("@" in name for name in header):
        hint = "put one above it: email,first_name,last_name"
        return [Problem("A103", "the list has no header line", Place(file, first, 1), hint)]
    problems = []
    if len(addresses) > 1:
        one, two = (header[n].strip() for n in addresses[:2])
        message = f"two address columns: `{one}` and `{two}`"
        hint = "keep one, called `email`, and delete the other or give it another name"
        problems.append(Problem("A104", message, place(addresses[1]), hint))
    elif not addresses:
        hint = "call the column with the addresses `email`"
        problems.append(Problem("A103", "the list has no column `email`", Place(file, first, 1), hint))
    elif columns[addresses[0]] != "email":
        name = header[addresses[0]].strip()
        message = f"the list has no column `email`, but one called `{name}`"
        problems.append(Problem("A103", message, place(addresses[0]), f"call `{name}` `email`"))
    for number, name in enumerate(columns):
        if not name:
            hint = "name it, or delete it with all its cells"
            problems.append(Problem("A106", f"column {number + 1} has no name", place(number), hint))
        elif name in columns[:number] and number not in addresses[1:2]:
            message = f"the column `{name}` stands twice"
            problems.append(Problem("A105", message, place(number), "give one of the two another name"))
        elif name in UNREACHABLE or not name.isidentifier():
            if number in addresses:
                continue
            other = re.sub(r"\W+", "_", name).strip("_") if name not in UNREACHABLE else f"{name}_name"
            message = f"no letter and no segment can use the column `{name}`"
            hint = f"call it `{other or 'note'}`"
            problems.append(Problem("A121", message, place(number), hint, Severity.WARNING))
    return problems


def cell_place(file: str, lines: Sequence[str], line: int, number: int | None) -> Place:
    """Where a cell of the row that begins on `line` stands; the row's last cell for None.

    Found by walking over the row: only problems need it.
    """
    at, column, cell, quoted = line, 1, 0, False
    start = Place(file, line, 1)
    while at <= len(lines):
        row = lines[at - 1]
        fresh = not quoted  # at the beginning of a cell a quote opens it
        while column <= len(row):
            if number is not None and cell == number:
                return start
            sign = row[column - 1]
            if sign == '"' and (quoted or fresh):
                quoted = not quoted
                if not quoted and row[column : column + 1] == '"':
                    column, quoted = column + 1, True
            elif sign == "," and not quoted:
                cell += 1
                start = Place(file, at, column + 1)
            fresh = sign == "," and not quoted
            column += 1
        if not quoted:
            break
        at, column = at + 1, 1
    return start
