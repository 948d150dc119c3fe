"""A million rows that wait to be merged: in a private file of SQLite's, gone with the process, never in memory."""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self


class Staging:
    """Rows by address key, each once."""

    def __init__(self) -> None:
        self._raw = sqlite3.connect(
            "", isolation_level=None
        )  # "": on disk, unlinked at once (SQLite: temp databases)
        self._raw.execute("PRAGMA cache_size = -8000")
        self._raw.execute("CREATE TABLE staged (key TEXT PRIMARY KEY, no INTEGER, data TEXT) WITHOUT ROWID")
        self._raw.execute("BEGIN")
        self._number = 0

    def put(self, key: str, row: Mapping[str, object]) -> bool:
        """False: there is one of this key already, and it stays."""
        self._number += 1
        data = json.dumps(row, ensure_ascii=False)
        done = self._raw.execute("INSERT OR IGNORE INTO staged VALUES (?, ?, ?)", (key, self._number, data))
        return done.rowcount == 1

    def find(self, key: str) -> dict[str, Any] | None:
        row = self._raw.execute("SELECT data FROM staged WHERE key = ?", (key,)).fetchone()
        found: dict[str, Any] | None = json.loads(row[0]) if row else None
        return found

    def replace(self, key: str, row: Mapping[str, object]) -> None:
        """Another row in the place of this key's."""
        self._raw.execute(
            "UPDATE staged SET data = ? WHERE key = ?", (json.dumps(row, ensure_ascii=False), key)
        )

    def rest(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """All of them, in the order in which it was put."""
        self._raw.execute("CREATE INDEX IF NOT EXISTS staged_no ON staged (no)")
        for key, data in self._raw.execute("SELECT key, data FROM staged ORDER BY no"):
            yield key, json.loads(data)

    def close(self) -> None:
        self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
