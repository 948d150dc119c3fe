"""The rows of a list file that name somebody, with the lines on which they stand; the file stays as it was written."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from newsletter.audience.address import address_in
from newsletter.errors import ChecksFailed, Place, Problem

_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
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


def rows_naming(text: str, key: str, file: str) -> list[NamedRow]:
    """The rows in which any cell is this person's address, in whatever spelling."""
    return [row for row in rows_of(text, file) if any(_names(cell, key) for cell in row.cells)]


def _names(cell: str, key: str) -> bool:
    return "@" in cell and address_in(cell).key == key


def without(text: str, rows: Sequence[NamedRow]) -> str:
    """The text without these rows; every other byte stays."""
    gone = {number for row in rows for number in range(row.first, row.last + 1)}
    return "".join(line for number, line in enumerate(lines_of(text), 1) if number not in gone)
