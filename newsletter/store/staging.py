"""A million rows that wait to be merged: in a private file of SQLite's, gone with the process, never in memory."""

import marshal
import sqlite3
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self


class Staging:
    """Rows by address key, each once, and which of them are done with. Rows hold texts, numbers, lists and dicts."""

    def __init__(self) -> None:
        self._raw = sqlite3.connect(
            "", isolation_level=None
        )  # "": on disk, unlinked at once (SQLite: temp databases)
        self._raw.execute("PRAGMA cache_size = -16000")
        self._raw.execute(
            "CREATE TABLE staged (no INTEGER PRIMARY KEY, key TEXT UNIQUE, data BLOB, done INTEGER)"
        )
        self._raw.execute("BEGIN")

    def put(self, key: str, row: dict[str, Any]) -> bool:
        """False: there is one of this key already, and it stays."""
        data = marshal.dumps(row)
        done = self._raw.execute(
            "INSERT OR IGNORE INTO staged (key, data, done) VALUES (?, ?, 0)", (key, data)
        )
        return done.rowcount == 1

    def find(self, key: str) -> dict[str, Any] | None:
        """The row of this key that is not done with yet."""
        row = self._raw.execute("SELECT data FROM staged WHERE key = ? AND NOT done", (key,)).fetchone()
        return _row(row[0]) if row else None

    def replace(self, key: str, row: dict[str, Any]) -> None:
        """Another row in the place of this key's."""
        self._raw.execute("UPDATE staged SET data = ? WHERE key = ?", (marshal.dumps(row), key))

    def mark_done(self, key: str) -> None:
        self._raw.execute("UPDATE staged SET done = 1 WHERE key = ?", (key,))

    def rest(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Those that are not done with, in the order in which they were put."""
        for key, data in self._raw.execute("SELECT key, data FROM staged WHERE NOT done ORDER BY no"):
            yield key, _row(data)

    def everything(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """All of them, in that order."""
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


def _row(data: bytes) -> dict[str, Any]:
    row: dict[str, Any] = marshal.loads(data)  # noqa: S302 - written by this very object, a moment ago
    return row
