"""A million rows that wait to be merged: in private files, gone with the process, never in memory.

What they say lies one line after the other in a plain file; a database has whose line begins where.
"""

import itertools
import os
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple, Self

from newsletter.audience.writing import row_writer

_AT_ONCE = 1_000  # rows
_LONGEST = 2**20  # characters in them together; in memory each may take four bytes, and four more as a line
_PIECE = 2**20  # bytes
_FIRST_OF_SEVERAL = "SELECT min(no) FROM staged GROUP BY key HAVING count(*) > 1"
_THEIR_NO = (
    "SELECT {} FROM staged AS other WHERE other.key = staged.key AND NOT other.came_in ORDER BY no LIMIT 1"
)


class Staged(NamedTuple):
    """A row that waits: who came in is in the list; who said no is kept there if the file may be a list of ours."""

    no: int
    key: str
    came_in: int
    kept: int
    sourced: int  # whether it says itself where they said yes
    proof: str
    line: str  # of CSV


class Staging:
    """Rows by address key. First all are put, then `settle` is called once, then they are found and walked over."""

    def __init__(self, folder: Path) -> None:
        """folder: where the lines may lie, for nobody but us: the file has no name there"""
        self._lines = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed with the rest
        self._end = 0
        # "": on disk, unlinked at once (SQLite: temporary databases)
        self._raw = sqlite3.connect("", isolation_level=None)
        self._raw.execute("PRAGMA cache_size = -8000")
        self._raw.execute(
            "CREATE TABLE staged (no INTEGER PRIMARY KEY, key TEXT, came_in INTEGER, kept INTEGER, sourced INTEGER,"
            " proof TEXT, width INTEGER, begin INTEGER, size INTEGER, done INTEGER)"
        )
        self._raw.execute("BEGIN")
        self._waiting: list[tuple[str, int, int, int, str, int]] = []
        self._texts: list[str] = []  # theirs, as lines
        self._length = 0  # of them all
        self._write = row_writer(self._texts.append)

    def put(
        self, key: str, cells: Sequence[str], *, came_in: int, kept: int, sourced: int, proof: str
    ) -> None:
        """came_in, kept, sourced: 0 or 1, which the driver takes as they are; it asks of a bool what else it may be"""
        self._write(cells)
        self._waiting.append((key, came_in, kept, sourced, proof, len(cells)))
        self._length += len(self._texts[-1])
        if len(self._waiting) >= _AT_ONCE or self._length > _LONGEST:
            self._lay_down()

    def _lay_down(self) -> None:
        lines = list(map(str.encode, self._texts))
        sizes = list(map(len, lines))
        begins = itertools.accumulate(sizes, initial=self._end)
        waiting = zip(self._waiting, begins, sizes, strict=False)  # there is an end more than there are lines
        self._raw.executemany(
            "INSERT INTO staged (key, came_in, kept, sourced, proof, width, begin, size, done)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)",
            ((*one, begin, size) for one, begin, size in waiting),
        )
        self._end += self._lines.write(b"".join(lines))
        self._waiting.clear()
        self._texts.clear()
        self._length = 0

    def settle(self) -> int:
        """Whoever stands in several rows counts once: as the first, unless another says no. How many rows go."""
        self._lay_down()
        self._lines.flush()
        # One index at the end: a million keys put into their places one by one would take longer than all the rest.
        self._raw.execute("CREATE INDEX staged_key ON staged (key)")
        self._raw.execute(
            f"UPDATE staged SET came_in = 0,"  # noqa: S608
            f" (kept, width, begin, size) = ({_THEIR_NO.format('kept, width, begin, size')})"
            f" WHERE came_in AND no IN ({_FIRST_OF_SEVERAL}) AND EXISTS ({_THEIR_NO.format('1')})"
        )
        several = f"key IN (SELECT key FROM staged WHERE no IN ({_FIRST_OF_SEVERAL}))"  # noqa: S608
        gone = self._raw.execute(f"DELETE FROM staged WHERE {several} AND no NOT IN ({_FIRST_OF_SEVERAL})")  # noqa: S608
        return gone.rowcount

    def find(self, key: str) -> Staged | None:
        """The row of this key that is not done with yet."""
        return next(self._rows("WHERE key = ? AND NOT done", key), None)

    def mark_done(self, no: int) -> None:
        self._raw.execute("UPDATE staged SET done = 1 WHERE no = ?", (no,))

    def rest(self) -> Iterator[Staged]:
        """Those to be kept that are not done with, in the order in which they were put."""
        return self._rows("WHERE kept AND NOT done ORDER BY no")

    def write_rest(self, file: IO[bytes], width: int) -> None:
        """The same as lines of CSV, each with as many cells."""
        asked = "SELECT width, begin, size FROM staged WHERE kept AND NOT done ORDER BY no"
        begun = ended = 0  # lines that lie one after the other and need nothing are copied together
        for own, begin, size in self._raw.execute(asked):
            if own == width and begin == ended:
                ended += size
                continue
            self._copy(file, begun, ended)
            begun = ended = begin
            if own == width:
                ended += size
            else:
                file.write(self._read(begin, size - 1).encode() + b"," * (width - own) + b"\n")
        self._copy(file, begun, ended)

    def _copy(self, file: IO[bytes], begin: int, end: int) -> None:
        while begin < end:
            begin += file.write(os.pread(self._lines.fileno(), min(end - begin, _PIECE), begin))

    def _read(self, begin: int, size: int) -> str:
        return os.pread(self._lines.fileno(), size, begin).decode()

    def count_rest(self) -> list[tuple[int, int, int, int]]:
        """Of all that are not done with: whether they came in, are kept, say a source; and how many are so."""
        return self._raw.execute(
            "SELECT came_in, kept, sourced, count(*) FROM staged WHERE NOT done GROUP BY came_in, kept, sourced"
        ).fetchall()

    def consenting(self, *, by_default: bool) -> Iterator[Staged]:
        """Who came in and said yes somewhere, or who shows it; by_default: all who came in."""
        return self._rows("WHERE came_in AND (sourced OR proof <> '' OR ?) ORDER BY no", by_default)

    def _rows(self, which: str, *values: object) -> Iterator[Staged]:
        asked = f"SELECT no, key, came_in, kept, sourced, proof, begin, size FROM staged {which}"  # noqa: S608 - ours
        for *flags, begin, size in self._raw.execute(asked, values):
            yield Staged._make((*flags, self._read(begin, size)))

    def close(self) -> None:
        self._raw.close()
        self._lines.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
