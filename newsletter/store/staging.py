"""A million rows that wait to be merged: in a private file of SQLite's, gone with the process, never in memory."""

import csv
import sqlite3
from collections.abc import Iterator, Sequence
from types import SimpleNamespace, TracebackType
from typing import NamedTuple, Self

_AT_ONCE = 1_000
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
    width: int  # how many cells `line` has
    line: str  # of CSV


class Staging:
    """Rows by address key. First all are put, then `settle` is called once, then they are found and walked over."""

    def __init__(self) -> None:
        # "": on disk, unlinked at once (SQLite: temporary databases)
        self._raw = sqlite3.connect("", isolation_level=None)
        self._raw.execute("PRAGMA cache_size = -16000")
        self._raw.execute(
            "CREATE TABLE staged (no INTEGER PRIMARY KEY, key TEXT, came_in INTEGER, kept INTEGER, sourced INTEGER,"
            " proof TEXT, width INTEGER, line TEXT, done INTEGER)"
        )
        self._raw.execute("BEGIN")
        self._waiting: list[tuple[str, bool, bool, bool, str, int]] = []
        self._lines: list[str] = []
        self._write = csv.writer(SimpleNamespace(write=self._lines.append), lineterminator="\n").writerow

    def put(
        self, key: str, cells: Sequence[str], *, came_in: bool, kept: bool, sourced: bool, proof: str
    ) -> None:
        self._waiting.append((key, came_in, kept, sourced, proof, len(cells)))
        self._write(cells)
        if len(self._waiting) >= _AT_ONCE:
            self._lay_down()

    def _lay_down(self) -> None:
        rows = ((*flags, line) for flags, line in zip(self._waiting, self._lines, strict=True))
        self._raw.executemany(
            "INSERT INTO staged (key, came_in, kept, sourced, proof, width, line, done)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
            rows,
        )
        self._waiting.clear()
        self._lines.clear()

    def settle(self) -> int:
        """Whoever stands in several rows counts once: as the first, unless another says no. How many rows go."""
        self._lay_down()
        # One index at the end: a million keys put into their places one by one would take longer than all the rest.
        self._raw.execute("CREATE INDEX staged_key ON staged (key)")
        self._raw.execute(
            f"UPDATE staged SET came_in = 0, (kept, width, line) = ({_THEIR_NO.format('kept, width, line')})"  # noqa: S608
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

    def lines(self, width: int) -> Iterator[str]:
        """The same as lines of CSV, each with as many cells."""
        padded = "substr(line, 1, length(line) - 1) || substr(?, 1, ? - width) || char(10)"
        asked = (
            f"SELECT CASE width WHEN ? THEN line ELSE {padded} END FROM staged"  # noqa: S608 - ours
            " WHERE kept AND NOT done ORDER BY no"
        )
        return (line for (line,) in self._raw.execute(asked, (width, "," * width, width)))

    def count_rest(self) -> list[tuple[int, int, int, int]]:
        """Of all that are not done with: whether they came in, are kept, say a source; and how many are so."""
        return self._raw.execute(
            "SELECT came_in, kept, sourced, count(*) FROM staged WHERE NOT done GROUP BY came_in, kept, sourced"
        ).fetchall()

    def consenting(self, *, by_default: bool) -> Iterator[Staged]:
        """Who came in and said yes somewhere, or who shows it; by_default: all who came in."""
        return self._rows("WHERE came_in AND (sourced OR proof <> '' OR ?) ORDER BY no", by_default)

    def _rows(self, which: str, *values: object) -> Iterator[Staged]:
        asked = f"SELECT no, key, came_in, kept, sourced, proof, width, line FROM staged {which}"  # noqa: S608 - ours
        return map(Staged._make, self._raw.execute(asked, values))

    def close(self) -> None:
        self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
