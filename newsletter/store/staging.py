"""A million rows that wait to be merged: in a private file of SQLite's, gone with the process, never in memory."""

import marshal
import sqlite3
from collections.abc import Iterator
from itertools import groupby
from types import TracebackType
from typing import Any, Self

_AT_ONCE = 1_000

Data = tuple[Any, ...]
"""A row: texts, numbers, lists and dicts."""


class Staging:
    """Rows by address key. First all are put, then `repeated` ones are settled, then they are found and walked over."""

    def __init__(self) -> None:
        # "": on disk, unlinked at once (SQLite: temporary databases)
        self._raw = sqlite3.connect("", isolation_level=None)
        self._raw.execute("PRAGMA cache_size = -16000")
        self._raw.execute("CREATE TABLE staged (no INTEGER PRIMARY KEY, key TEXT, data BLOB, done INTEGER)")
        self._raw.execute("BEGIN")
        self._waiting: list[tuple[str, bytes]] = []

    def put(self, key: str, row: Data) -> None:
        self._waiting.append((key, marshal.dumps(tuple(row))))  # it knows plain tuples only
        if len(self._waiting) >= _AT_ONCE:
            self._lay_down()

    def _lay_down(self) -> None:
        self._raw.executemany("INSERT INTO staged (key, data, done) VALUES (?, ?, 0)", self._waiting)
        self._waiting.clear()

    def repeated(self) -> Iterator[list[tuple[int, Data]]]:
        """For each key that was put more than once its rows, in that order, with their numbers.

        Call it once, after the last `put`; `replace` may be called meanwhile.
        """
        self._lay_down()
        # One index at the end: a million keys put into their places one by one would take longer than all the rest.
        self._raw.execute("CREATE INDEX staged_key ON staged (key)")
        found = self._raw.execute(
            "SELECT key, no, data FROM staged WHERE key IN"
            " (SELECT key FROM staged GROUP BY key HAVING count(*) > 1) ORDER BY key, no"
        )
        for _, rows in groupby(found, key=lambda row: row[0]):
            yield [(no, _row(data)) for _, no, data in rows]

    def replace(self, no: int, row: Data) -> None:
        self._raw.execute("UPDATE staged SET data = ? WHERE no = ?", (marshal.dumps(tuple(row)), no))

    def keep_first(self) -> None:
        """Of each key only the row that was put first."""
        self._raw.execute("DELETE FROM staged WHERE no NOT IN (SELECT min(no) FROM staged GROUP BY key)")

    def find(self, key: str) -> tuple[int, Data] | None:
        """The row of this key that is not done with yet, and its number."""
        row = self._raw.execute("SELECT no, data FROM staged WHERE key = ? AND NOT done", (key,)).fetchone()
        return (row[0], _row(row[1])) if row else None

    def mark_done(self, no: int) -> None:
        self._raw.execute("UPDATE staged SET done = 1 WHERE no = ?", (no,))

    def rest(self) -> Iterator[Data]:
        """Those that are not done with, in the order in which they were put."""
        for (data,) in self._raw.execute("SELECT data FROM staged WHERE NOT done ORDER BY no"):
            yield _row(data)

    def everything(self) -> Iterator[tuple[str, Data]]:
        """All of them, in that order, with their keys."""
        for key, data in self._raw.execute("SELECT key, data FROM staged ORDER BY no"):
            yield key, _row(data)

    def close(self) -> None:
        self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _row(data: bytes) -> Data:
    row: Data = marshal.loads(data)  # noqa: S302 - written by this very object, a moment ago
    return row
