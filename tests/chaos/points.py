"""Every point at which a crash makes a difference: a tracer that lists them, and kills at the one it is told.

The program is not changed: the calls by which it touches the disk and the network are wrapped in the process that is
to die. Each point lies before such a call, the last one behind the program's end. What SQLite does inside a commit is
SQLite's own business: the points lie before and behind it.
"""

import builtins
import io
import json
import os
import shutil
import signal
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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
    "pwrite",
    "sendfile",
    "truncate",
    "chmod",
)
_A_BODY = 1000  # bytes: so much at once is a message, and half of it is a place to die, too


@dataclass(frozen=True)
class Point:
    """What was about to be done: the call, and the paths that it names."""

    call: str
    paths: tuple[str, ...] = ()


def read_points(log: Path) -> list[Point]:
    return [Point(call, tuple(paths)) for call, paths in map(json.loads, log.read_text("utf-8").splitlines())]


class Tracer:
    """Writes a line a point into `log`; at point number `die_at` (from 1; 0: never) the process is killed.

    snapshots: the project as it is at each point is copied there, into folders named by the point's number
    """

    def __init__(self, log: Path, project: Path, *, die_at: int = 0, snapshots: Path | None = None) -> None:
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._die_at, self._number = die_at, 0
        self._project, self._snapshots = project, snapshots
        self._lock = threading.RLock()
        self._own = False
        self._write = os.write

    def install(self) -> None:
        for name in _CALLS:
            setattr(os, name, self._wrapped(name, getattr(os, name)))
        self._trace_open()
        self._trace_sqlite()
        self._trace_sockets()

    def point(self, call: str, *paths: object) -> None:
        with self._lock:
            if self._own:
                return
            self._number += 1
            self._write(self._log, (json.dumps([call, [str(path) for path in paths]]) + "\n").encode())
            if self._number == self._die_at:
                os.kill(os.getpid(), signal.SIGKILL)
            if self._snapshots:
                with self._aside():
                    self._copy(self._snapshots / str(self._number))

    @contextmanager
    def _aside(self) -> Iterator[None]:
        self._own = True
        yield
        self._own = False

    def _copy(self, target: Path) -> None:
        """By a child: whoever closes a file of SQLite's in its own process would drop its locks."""
        copier = os.fork()
        if copier == 0:
            shutil.copytree(self._project, target)
            os._exit(0)
        os.waitpid(copier, 0)

    def _wrapped(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **keywords: Any) -> Any:
            self.point(name, *_paths(name, args))
            return real(*args, **keywords)

        return call

    def _trace_open(self) -> None:
        real, real_low = io.open, os.open

        def opened(file: Any, mode: str = "r", *args: Any, **keywords: Any) -> Any:
            if set(mode) & set("wax+") and not isinstance(file, int):
                self.point("open", file)
            return real(file, mode, *args, **keywords)

        def opened_low(path: Any, flags: int, *args: Any, **keywords: Any) -> int:
            if flags & os.O_CREAT:
                self.point("open", path)
            return real_low(path, flags, *args, **keywords)

        io.open = builtins.open = opened  # type: ignore[assignment]
        os.open = opened_low

    def _trace_sqlite(self) -> None:
        tracer, real = self, sqlite3.connect

        class Connection(sqlite3.Connection):
            written = 0

            def commit(self) -> None:
                self._ends()
                super().commit()

            def execute(self, statement: str, *args: Any) -> sqlite3.Cursor:
                if statement.strip().upper() == "COMMIT":
                    self._ends()
                return super().execute(statement, *args)

            def _ends(self) -> None:
                if self.in_transaction and self.total_changes > self.written:
                    tracer.point("commit")
                    self.written = self.total_changes

        def connect(*args: Any, **keywords: Any) -> sqlite3.Connection:
            return real(*args, **{"factory": Connection, **keywords})

        sqlite3.connect = sqlite3.dbapi2.connect = connect  # type: ignore[assignment]

    def _trace_sockets(self) -> None:
        for name in ("connect", "sendall"):
            real = getattr(socket.socket, name)

            def call(sock: Any, data: Any, *args: Any, real: Any = real, name: str = name) -> Any:
                self.point(name)
                if name == "sendall" and len(data) > _A_BODY:
                    real(sock, data[: len(data) // 2], *args)
                    self.point("sendall, half a body")
                    data = data[len(data) // 2 :]
                return real(sock, data, *args)

            setattr(socket.socket, name, call)


def _paths(name: str, args: tuple[Any, ...]) -> list[str]:
    if name in ("fsync", "write", "pwrite", "sendfile"):
        return [os.readlink(f"/proc/self/fd/{args[0]}")]  # noqa: PTH115 - a path would be opened by what is traced here
    return [os.path.abspath(one) for one in args if isinstance(one, str | os.PathLike)]  # noqa: PTH100
