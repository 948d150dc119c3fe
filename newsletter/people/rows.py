"""The rows of a list file that name somebody, with the lines on which they stand; the file stays as it was written."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from newsletter.audience.address import Address, address_in, addresses_in, parse_address
from newsletter.audience.table import fold_name
from newsletter.audience.writing import row_writer
from newsletter.errors import ChecksFailed, Place, Problem
from newsletter.people.formats import SYNONYMS

_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_ENDING = re.compile(r"[\r\n]+\Z")
_TOKEN = re.compile(
    r"""[^\s,;:|<>"()\[\]]+@[^\s,;:|<>"()\[\]]+[^\s,;:|<>"()\[\].!?']"""
)  # no mark ends a domain
_LONGEST_CELL = 2**31 - 1


@dataclass(frozen=True)
class NamedRow:
    """first, last: the lines from 1 on which the row begins and ends"""

    first: int
    last: int
    cells: Sequence[str]


def decode(data: bytes) -> str:
    """Text that `encode` turns back into the very same bytes, whatever they are."""
    return data.decode("utf-8", errors="surrogateescape")


def encode(text: str) -> bytes:
    return text.encode("utf-8", errors="surrogateescape")


def lines_of(text: str) -> list[str]:
    """The lines with their ends, as they were written."""
    return _LINES.findall(text)


def rows_of(text: str, file: str) -> Iterator[NamedRow]:
    """All rows of a list, the header too. Raises ChecksFailed (S144) where they can't be told apart."""
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(lines_of(text.removeprefix("\ufeff")), strict=True)
    first = 1
    try:
        for cells in reader:
            yield NamedRow(first, reader.line_num, cells)
            first = reader.line_num + 1
    except csv.Error as fault:
        raise ChecksFailed(
            Problem(
                "S144",
                f"the rows can't be told apart: {fault}",
                Place(file, first),
                "mend its quotes: newsletter check says where; nothing was deleted",
            )
        ) from None


@dataclass(frozen=True)
class Rows:
    """The rows of a file that speak of somebody. own: theirs; others: of other people, whose cells name them"""

    columns: Sequence[str]  # as lists call them; of a file without a header its first row
    own: Sequence[NamedRow]
    others: Sequence[NamedRow]

    def __len__(self) -> int:
        return len(self.own) + len(self.others)


def rows_naming(text: str, key: str, file: str) -> Rows:
    """In whatever spelling, alone in a cell or among other words. Raises ChecksFailed (S144)."""
    columns: list[str] = []
    own: list[NamedRow] = []
    others: list[NamedRow] = []
    for row in rows_of(text, file):
        if not columns:
            columns = [SYNONYMS.get(name, name) for name in map(fold_name, row.cells)]
        if any(names(cell, key) for cell in row.cells):
            (own if _is_theirs(row, columns, key) else others).append(row)
    return Rows(columns, own, others)


def _is_theirs(row: NamedRow, columns: Sequence[str], key: str) -> bool:
    """Whether the row is about them: by its address; where that can't be told, unless it names others, too."""
    if len(row.cells) == len(columns) and columns.count("email") == 1:
        cell = row.cells[columns.index("email")]
        if names(cell, key):
            return address_in(cell).key == key or not _others(cell, key)
        return not addresses_in([cell])
    return not any(_others(cell, key) for cell in row.cells)


def names(cell: str, key: str) -> bool:
    """Whether the cell is, or holds, this person's address."""
    return "@" in cell and (address_in(cell).key == key or any(one == key for _, one in _tokens(cell)))


def _others(cell: str, key: str) -> bool:
    return any(one != key for _, one in _tokens(cell))


def _tokens(cell: str) -> Iterator[tuple[re.Match[str], str]]:
    """What could be an address, and its key."""
    for found in _TOKEN.finditer(cell):
        address = parse_address(found[0])
        if address.problem is None:
            yield found, address.key


def addresses_within(text: str) -> list[Address]:
    """All that a text names, as `mailto:asa@example.org` or `Åsa, asa@example.org.`"""
    return [parse_address(found[0].removeprefix("mailto:")) for found, _ in _tokens(text)]


def without_name(cell: str, key: str) -> str:
    """The cell without this person's address; what else it says stays."""
    for found, one in reversed(list(_tokens(cell))):
        if one == key:
            cell = cell[: found.start()] + cell[found.end() :]
    return "" if names(cell, key) else cell


def without(text: str, found: Rows, key: str) -> str:
    """The text without their rows, and without their address in the rows of others; every other byte stays."""
    lines = lines_of(text)
    for row in found.others:
        ending = _ENDING.search(lines[row.last - 1])
        changed = row_writer(str, ending=ending[0] if ending else "")(
            [without_name(cell, key) for cell in row.cells]
        )
        mark = "\ufeff" if lines[row.first - 1].startswith("\ufeff") else ""
        lines[row.first - 1 : row.last] = [mark + changed, *[""] * (row.last - row.first)]
    gone = {number for row in found.own for number in range(row.first, row.last + 1)}
    return "".join(line for number, line in enumerate(lines, 1) if number not in gone)
