"""Opt-outs of a file that is still being read: in a private file, gone with the process, never all in memory."""

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import datetime
from types import TracebackType
from typing import Self

from newsletter.store.values import OptOutEvent

_AT_ONCE = 1_000


class StagedOptOuts:
    """Events in the order in which they were put; as many as a file has rows."""

    def __init__(self) -> None:
        # "": on disk, unlinked at once (SQLite: temporary databases)
        self._raw = sqlite3.connect("", isolation_level=None)
        self._raw.execute(
            "CREATE TABLE event (no INTEGER PRIMARY KEY, id TEXT, hmac BLOB, scope TEXT, act TEXT, reason TEXT,"
            " source TEXT, at TEXT)"
        )
        self._raw.execute("BEGIN")
        self._waiting: list[tuple[object, ...]] = []
        self._number = 0

    def append(self, one: OptOutEvent) -> None:
        self._waiting.append(
            (one.id, one.hmac, one.scope, one.act, one.reason, one.source, one.at.isoformat())
        )
        self._number += 1
        if len(self._waiting) >= _AT_ONCE:
            self._lay_down()

    def extend(self, some: Iterable[OptOutEvent]) -> None:
        for one in some:
            self.append(one)

    def _lay_down(self) -> None:
        self._raw.executemany(
            "INSERT INTO event (id, hmac, scope, act, reason, source, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            self._waiting,
        )
        self._waiting.clear()

    def __len__(self) -> int:
        return self._number

    def __iter__(self) -> Iterator[OptOutEvent]:
        self._lay_down()
        asked = "SELECT id, hmac, scope, act, reason, source, at FROM event ORDER BY no"
        for name, hmac, scope, act, reason, source, at in self._raw.execute(asked):
            yield OptOutEvent(name, hmac, scope, act, reason, source, datetime.fromisoformat(at))

    def close(self) -> None:
        self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
