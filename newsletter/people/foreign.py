"""A foreign CSV file as header and rows, in constant memory whatever it holds: any encoding, delimiter, ending."""

import codecs
import contextlib
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import IO

from newsletter.audience import address
from newsletter.audience.table import MOST_COLUMNS
from newsletter.errors import ChecksFailed, Place, Problem, UsageFault
from newsletter.people.encodings import REPAIR, Encoding, find_encoding

LONGEST_LINE = 1_000_000  # characters; a longer line, or cell, is damage
_DELIMITERS = ";,\t|"
_QUOTED = re.compile(r'"[^"]*"?')


@dataclass(frozen=True)
class Foreign:
    """Open for reading once. shown: how problems call it"""

    shown: str
    encoding: Encoding
    delimiter: str
    header: tuple[str, ...]
    rows: Iterator[tuple[int, list[str]]]
    """The line on which each row begins, and its cells; blank lines are passed over. Reading on raises ChecksFailed:
    I105 a NUL, I106 too long, I108 a byte that is no letter, I109 quotes that don't fit."""


def open_foreign(file: IO[bytes], shown: str, *, encoding: str | None, delimiter: str | None) -> Foreign:
    """Raises ChecksFailed: I102 empty, I105 no text, I106, I107 too many columns, I108 unclear; UsageFault I113."""
    if not file.read(1):
        raise ChecksFailed(Problem("I102", "the file is empty", Place(shown), "export the list once more"))
    file.seek(0)
    found = Encoding(_known(encoding)) if encoding else find_encoding(file, shown)
    lines = _text_lines(file, found.name, shown)
    first, before = next(lines, ""), 0
    while first and not first.strip():
        first, before = next(lines, ""), before + 1
    if first.lower().startswith("sep="):  # Excel's own word for the delimiter
        delimiter = delimiter or first.strip()[4:5]
        first, before = next(lines, ""), before + 1
    if not first.strip():
        raise ChecksFailed(Problem("I102", "the file is empty", Place(shown), "export the list once more"))
    delimiter = _delimiter(delimiter, first)
    rows = _parsed(chain([first], lines), delimiter, shown, before)
    _, header = next(rows, (0, []))
    if not header:
        raise ChecksFailed(Problem("I102", "the file is empty", Place(shown), "export the list once more"))
    if len(header) > MOST_COLUMNS:
        message = f"the header has {len(header)} columns, more than {MOST_COLUMNS}"
        raise ChecksFailed(Problem("I107", message, Place(shown, before + 1), "export only what you use"))
    return Foreign(shown, found, delimiter, tuple(cell.strip(AROUND) for cell in header), rows)


def _known(encoding: str) -> str:
    if encoding == REPAIR:
        return encoding
    try:
        io.TextIOWrapper(io.BytesIO(), encoding=encoding)  # not every codec is one of text: `hex` is none
        return codecs.lookup(encoding).name
    except LookupError:
        hint = "utf-8, cp1252, mac_roman, utf-16, or double-utf-8 to repair names like `Ã…sa`"
        raise UsageFault(Problem("I113", f"there is no encoding `{encoding}`", hint=hint)) from None


def _text_lines(file: IO[bytes], encoding: str, shown: str) -> Iterator[str]:
    name = "utf-8-sig" if encoding in ("utf-8", REPAIR) else encoding
    text = io.TextIOWrapper(file, encoding=name, errors="strict", newline="")
    number = 1
    try:
        while line := text.readline(LONGEST_LINE + 1):
            if len(line) > LONGEST_LINE:
                raise _too_long(shown, number, "line")
            if "\0" in line:
                raise ChecksFailed(
                    Problem("I105", "this is no text file: it holds NUL characters", Place(shown, number),
                            "export the list as CSV, in UTF-8")
                )  # fmt: skip
            if name != "utf-8-sig":
                line.encode()  # half a character, which UTF-7 and its like can write, is no letter either
            yield _repaired(line) if encoding == REPAIR else line
            number += 1
    except UnicodeError:
        raise ChecksFailed(
            Problem("I108", f"a byte near here is no letter in {encoding}", Place(shown, number),
                    "name another --encoding, or save the file as UTF-8")
        ) from None  # fmt: skip
    finally:
        with contextlib.suppress(ValueError):  # the file may have been closed before us
            text.detach()


def _repaired(line: str) -> str:
    try:
        return line.encode("cp1252").decode("utf-8")
    except UnicodeError:  # this line was never damaged
        return line


def _delimiter(given: str | None, header: str) -> str:
    if given:
        word = {"tab": "\t", "\\t": "\t"}.get(given, given)
        if len(word) != 1 or word in '"\r\n':
            raise UsageFault(Problem("I113", f"`{given}` is no delimiter", hint="one of ; , | or tab"))
        return word
    bare = _QUOTED.sub("", header)
    return max(_DELIMITERS, key=lambda sign: (bare.count(sign), sign == ","))


def _parsed(lines: Iterator[str], delimiter: str, shown: str, before: int) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(LONGEST_LINE)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    begun = before + 1
    try:
        for row in reader:
            if row and (row[0].strip() or any(cell.strip() for cell in row)):
                yield begun, row
            begun = before + reader.line_num + 1
    except csv.Error as fault:
        if "field larger" in str(fault):
            raise _too_long(shown, begun, "cell that begins here") from None
        reason = (
            "a quoted cell is not closed" if "end of data" in str(fault) else "text follows a closed quote"
        )
        hint = 'quote the whole cell and write quotes inside it twice: ""'
        raise ChecksFailed(
            Problem("I109", f"{reason}, in the row that begins here", Place(shown, begun), hint)
        ) from None


def no_addresses(shown: str, header: Sequence[str], hint: str) -> ChecksFailed:
    """I103, with the first columns, as far as a line holds them."""
    known = ", ".join(cell.strip()[:30] for cell in header[:8])
    message = f"no column holds addresses (the first ones are {known})"
    return ChecksFailed(Problem("I103", message, Place(shown, 1), hint))


def whole_rows(foreign: Foreign) -> Iterator[tuple[int, list[str]]]:
    """The rows of a list of ours. ChecksFailed (I134) at one whose cells can't be told apart.

    It holds its person, for it might say no; written out with a cell more or less it would be a row like any other.
    """
    width = len(foreign.header)
    for line, row in foreign.rows:
        if len(row) != width:
            message = (
                f"the row has {len(row)} cells, the header {width}: what it says of its person is unclear"
            )
            hint = "mend the row first: newsletter check says how"
            raise ChecksFailed(Problem("I134", message, Place(foreign.shown, line), hint))
        yield line, row


def _too_long(shown: str, line: int, what: str) -> ChecksFailed:
    message = f"the {what} is longer than {LONGEST_LINE} characters"
    hint = "look for a quote that is not closed, or export the list once more"
    return ChecksFailed(Problem("I106", message, Place(shown, line), hint))


def cells_by(columns: Sequence[str], row: Sequence[str]) -> dict[str, str]:
    """The cells by column, cleaned of what copying leaves at their ends; the nameless and the empty ones left out."""
    return {
        name: cell for name, raw in zip(columns, row, strict=True) if name and (cell := raw.strip(AROUND))
    }


AROUND = f"{address.AROUND}\r\n"
