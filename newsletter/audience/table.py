"""A CSV file as header and rows, each row with the line on which it begins (RFC 4180, comma only).

Read line by line: a file of a million rows, or one endless line, takes no more memory than one row may have.
"""

import csv
import re
from collections.abc import Callable, Iterator, Sequence

from newsletter.audience.folding import fold
from newsletter.errors import Place, Problem, Severity

Lines = Callable[[], Iterator[str]]
"""Opens the text anew: its lines in order, each with its `\\n`; a line longer than LONGEST_ROW may be cut."""

# What the address column is called elsewhere; a guess could take the wrong one, so it is only hinted at.
_ADDRESS_NAME = re.compile(r"(e[-_]?(mail|post|mejl)|mail|mejl)([-_]?add?ress)?")
UNREACHABLE = frozenset({"and", "or", "not", "in", "true", "false", "list", "tag", "today", "now"})
LONGEST_ROW = 2**20  # characters; a note of a whole book fits
MOST_COLUMNS = 500


class Unreadable(Exception):
    """The file can't be told into rows from here on; `problem` says why and where."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.as_text())
        self.problem = problem


class Table:
    """columns: folded header names."""

    def __init__(self, file: str, columns: tuple[str, ...], lines: Lines) -> None:
        self.file, self.columns = file, columns
        self._lines = lines
        self._records: _Records | None = None

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Line (from 1) and cells of each row below the header; empty lines are passed over.

        Raises Unreadable, and what the lines raise.
        """
        self._records = records = _Records(self.file, self._lines())
        rows = iter(records)
        next(rows, None)
        yield from rows

    def place(self, number: int | None) -> Place:
        """Where the cell `number` (from 0) of the row that `rows` gave last stands; None: the last cell."""
        if self._records is None:
            return Place(self.file, 1)
        return self._records.place(number)


def fold_name(header: str) -> str:
    return re.sub(r"\s+", "_", fold(header.strip()))


def sounds_like_an_address(column: str) -> bool:
    """Whether a column of this name may be meant for addresses: a list has one, called `email`."""
    return _ADDRESS_NAME.fullmatch(column) is not None


def read_table(lines: Lines, file: str) -> tuple[Table | None, list[Problem]]:
    """The table by its header, None when the list is refused; and what is wrong with the header."""
    first = _first_line(lines())
    if first is None:
        hint = "begin it with a header line: email,first_name,last_name"
        return None, [Problem("A102", "the list is empty", Place(file, 1), hint)]
    separator = _other_separator(file, *first)
    if separator:
        return None, [separator]
    records = _Records(file, lines())
    try:
        _, header = next(iter(records))
    except Unreadable as wrong:
        return None, [wrong.problem]
    if len(header) > MOST_COLUMNS:
        message = f"the header has {len(header)} columns, more than {MOST_COLUMNS}"
        hint = "keep the columns that letters and segments ask for"
        return None, [Problem("A124", message, records.place(MOST_COLUMNS), hint)]
    columns = tuple(fold_name(name) for name in header)
    problems = _header_problems(records, header, columns)
    if any(problem.is_error for problem in problems):
        return None, problems
    return Table(file, columns, lines), problems


def nobody(file: str) -> Problem:
    """What is told of a table without rows."""
    hint = "add a row for each reader, or delete the file"
    return Problem("A109", "nobody is on the list: it has a header only", Place(file, 1, 1), hint)


class _Records:
    """Rows by the csv module, with the lines from which the last one was made."""

    def __init__(self, file: str, lines: Iterator[str]) -> None:
        self._file = file
        self._lines = lines
        self._taken: list[str] = []
        self._size = 0
        self._line = 1  # on which the row begins

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        csv.field_size_limit(LONGEST_ROW)
        reader = csv.reader(self._recorded(), strict=True)
        try:
            for row in reader:
                if row:
                    yield self._line, row
                self._line = reader.line_num + 1
                self._taken.clear()
                self._size = 0
        except csv.Error as error:
            raise Unreadable(self._problem(str(error))) from None

    def _recorded(self) -> Iterator[str]:
        lines = iter(self._lines)
        for line in lines:
            self._taken.append(line)
            self._size += len(line)
            cut = not line.endswith("\n") and next(lines, None) is not None
            if cut or self._size > LONGEST_ROW:
                raise Unreadable(self._too_long())
            yield line

    def place(self, number: int | None) -> Place:
        return cell_place(self._file, self._taken, self._line, number)

    def _problem(self, reason: str) -> Problem:
        if "end of data" in reason:
            hint = 'close the cell with "; a quote inside it is written twice: ""'
            return Problem("A101", "a quoted cell is not closed", self.place(None), hint)
        if "field larger" in reason:
            return self._too_long()
        hint = 'quote the whole cell and write quotes inside it twice: "Åsa ""Ås"" Berg"'
        message = "text follows a closed quote, in the row that begins here"
        return Problem("A101", message, Place(self._file, self._line), hint)

    def _too_long(self) -> Problem:
        """An endless line, or a quote that swallows all lines below it."""
        if len(self._taken) > 1:
            message = f"a quoted cell is not closed within {LONGEST_ROW:,} characters".replace(",", " ")
            hint = 'close the cell with "; a quote inside it is written twice: ""'
            return Problem("A101", message, self.place(None), hint)
        message = f"the row that begins here has more than {LONGEST_ROW:,} characters".replace(",", " ")
        hint = "end each row with a line break; is this the file that was meant?"
        return Problem("A123", message, Place(self._file, self._line), hint)


def _first_line(lines: Iterator[str]) -> tuple[int, str] | None:
    return next(((number, line) for number, line in enumerate(lines, 1) if line.strip()), None)


def _other_separator(file: str, number: int, header: str) -> Problem | None:
    """Excel in Swedish writes semicolons under the name of CSV."""
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


def _header_problems(records: _Records, header: Sequence[str], columns: Sequence[str]) -> list[Problem]:
    place = records.place
    first = place(0)
    addresses = [n for n, name in enumerate(columns) if sounds_like_an_address(name)]
    if not addresses and any("@" in name for name in header):
        hint = "put one above it: email,first_name,last_name"
        return [Problem("A103", "the list has no header line", first, hint)]
    problems = []
    if len(addresses) > 1:
        one, two = (header[n].strip() for n in addresses[:2])
        message = f"two address columns: `{one}` and `{two}`"
        hint = "keep one, called `email`, and delete the other or give it another name"
        problems.append(Problem("A104", message, place(addresses[1]), hint))
    elif not addresses:
        hint = "call the column with the addresses `email`"
        problems.append(Problem("A103", "the list has no column `email`", first, hint))
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

    lines: those of the row. Found by walking over it: only problems need it.
    """
    at, column, cell, quoted = 0, 1, 0, False
    start = Place(file, line, 1)
    while at < len(lines):
        row = lines[at].removesuffix("\n")
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
                start = Place(file, line + at, column + 1)
            fresh = sign == "," and not quoted
            column += 1
        if not quoted:
            break
        at, column = at + 1, 1
    return start
