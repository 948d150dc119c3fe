"""Every point at which a crash makes a difference: a tracer that lists them, and kills at the one it is told.

The program is not changed: the calls by which it touches the disk and the network are wrapped in the process that is
to die. Each point lies before such a call; behind the last call there is nothing left to lose. What SQLite does
inside a commit is SQLite's own business: the points lie before and behind it.
"""

import builtins
import io
import json
import os
import signal
import socket
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

_CALLS = (
    "fsync",
    "rename",
    "replace",
    "link",
    "unlink",
    "remove",
    "mkdir",
    "write",
    "sendfile",
    "truncate",
    "chmod",
)


class Tracer:
    """Writes a line a point into `log`; at point number `die_at` (from 1; 0: never) the process is killed."""

    def __init__(self, log: Path, die_at: int = 0) -> None:
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._die_at, self._number = die_at, 0
        self._lock = threading.RLock()
        self._own = False
        self._write = os.write

    def install(self) -> None:
        for name in _CALLS:
            setattr(os, name, self._wrapped(name, getattr(os, name)))
        self._trace_open()
        self._trace_sqlite()
        self._trace_sockets()

    def point(self, kind: str, what: object = "") -> bool:
        """A point; True when the process is to die in the middle of what follows it."""
        with self._lock:
            self._number += 1
            self._write(self._log, (json.dumps([kind, str(what)]) + "\n").encode())
            if self._number == self._die_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return False

    def _wrapped(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **keywords: Any) -> Any:
            self.point(name, _what(args))
            return real(*args, **keywords)

        return call

    def _trace_open(self) -> None:
        real = io.open

        def opened(file: Any, mode: str = "r", *args: Any, **keywords: Any) -> Any:
            if set(mode) & set("wax+"):
                self.point("open", file)
            return real(file, mode, *args, **keywords)

        io.open = builtins.open = opened  # type: ignore[assignment]

    def _trace_sqlite(self) -> None:
        tracer, real = self, sqlite3.connect

        class Connection(sqlite3.Connection):
            def commit(self) -> None:
                if self.in_transaction and self.total_changes:
                    tracer.point("commit")
                super().commit()

            def execute(self, statement: str, *args: Any) -> sqlite3.Cursor:
                if statement.lstrip().upper().startswith(("COMMIT", "PRAGMA JOURNAL_MODE", "VACUUM")):
                    tracer.point("commit", statement)
                return super().execute(statement, *args)

        def connect(*args: Any, **keywords: Any) -> sqlite3.Connection:
            return real(*args, **{"factory": Connection, **keywords})

        sqlite3.connect = sqlite3.dbapi2.connect = connect  # type: ignore[assignment]

    def _trace_sockets(self) -> None:
        tracer = self
        for name in ("connect", "sendall"):
            real = getattr(socket.socket, name)

            def call(sock: Any, data: Any, *args: Any, real: Any = real, name: str = name) -> Any:
                tracer.point(name, len(data) if name == "sendall" else "")
                if name == "sendall" and len(data) > 1000:  # a body: half of it is a place to die, too
                    real(sock, data[: len(data) // 2], *args)
                    tracer.point("half a body")
                    data = data[len(data) // 2 :]
                return real(sock, data, *args)

            setattr(socket.socket, name, call)


def _what(args: tuple[Any, ...]) -> str:
    return " ".join(str(one) for one in args if isinstance(one, str | os.PathLike))
