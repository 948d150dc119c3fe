"""SQLite: the engine with its transactions, and the two spellings in which the dialects differ."""

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from newsletter.errors import ConfigurationFault, NewsletterError, Place, Problem, ProviderUnavailable
from newsletter.files.atomic import make_folder

__all__ = ["busy", "explode", "insert", "make_engine", "reading", "switch_to_wal", "translated", "writing"]

BUSY_TIMEOUT_S = 30
_CACHE_ASIDE_KIB = 16_384


def make_engine(path: Path, *, readonly: bool = False, patience_s: float | None = None) -> sa.Engine:
    """An engine whose transactions are ours: BEGIN IMMEDIATE, unless the option `readonly` says BEGIN.

    The driver's own ones would open none for a SELECT (a lost update) and commit before DDL (Python 3.11).
    `readonly` here opens the file itself so: nothing is ever created. patience_s: instead of BUSY_TIMEOUT_S
    """
    patience_s = BUSY_TIMEOUT_S if patience_s is None else patience_s
    address = f"file:{quote(str(path))}?mode={'ro' if readonly else 'rw'}"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            address, uri=True, timeout=patience_s, isolation_level=None, check_same_thread=False
        )

    engine = sa.create_engine(
        "sqlite://",
        creator=connect,
        poolclass=QueuePool,
        json_serializer=_compact,
        # Nothing of a person's may come out through an error message.
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def _connect(dbapi: sqlite3.Connection, _record: object) -> None:
        for pragma in (f"busy_timeout={round(patience_s * 1000)}", "synchronous=FULL", "foreign_keys=ON"):
            dbapi.execute("PRAGMA " + pragma)

    @event.listens_for(engine, "begin")
    def _begin(conn: sa.Connection) -> None:
        reader = conn.get_execution_options().get("readonly", readonly)
        conn.exec_driver_sql("BEGIN" if reader else "BEGIN IMMEDIATE")

    return engine


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def explode(ids: sa.ColumnElement[Any]) -> sa.TableValuedAlias:
    """The ids of a `member` row as rows with a column `value`; join it with `sa.true()`."""
    return sa.func.json_each(ids).table_valued("value")


def switch_to_wal(path: Path) -> None:
    """Make WAL the file's mode. It fails at once while another process writes to it, so: again."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    pause_s = 0.002
    with contextlib.closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)) as raw:
        while True:
            try:
                (mode,) = raw.execute("PRAGMA journal_mode=WAL").fetchone()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                    raise
                mode = "busy"
            if mode == "wal":
                return
            if time.monotonic() > deadline:
                raise busy()
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, 0.1)


def busy() -> sqlite3.OperationalError:
    """What SQLite itself would raise for a file that stays locked."""
    fault = sqlite3.OperationalError("database is locked")
    fault.sqlite_errorcode = sqlite3.SQLITE_BUSY
    return fault


@contextlib.contextmanager
def writing(engine: sa.Engine, path: Path) -> Iterator[sa.Connection]:
    """One transaction that writes; committed at the end, rolled back by any exception."""
    with translated(path), engine.begin() as conn:
        yield conn


@contextlib.contextmanager
def reading(engine: sa.Engine, path: Path) -> Iterator[sa.Connection]:
    """One look: all that is read inside belongs to the same moment."""
    with translated(path), engine.execution_options(readonly=True).begin() as conn:
        yield conn


@contextlib.contextmanager
def aside(engine: sa.Engine, path: Path) -> Iterator[sa.Connection]:
    """A connection for what takes long: nobody waits for its temporary tables, which go with it at the end."""
    with translated(path), engine.connect() as conn:
        conn.detach()
        driver = driver_of(conn)
        driver.execute(f"PRAGMA cache_size = -{_CACHE_ASIDE_KIB}")
        driver.execute(
            "PRAGMA wal_autocheckpoint = 500"
        )  # pages: else the next who commits writes all of them home
        driver.execute("PRAGMA main.secure_delete = ON")  # who is taken out again leaves no byte
        yield conn


def driver_of(conn: sa.Connection) -> sqlite3.Connection:
    """The driver's own connection: where a million rows are inserted it is 1.5 to 3 times as fast as Core."""
    driver = conn.connection.dbapi_connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - nothing else is opened here
    return driver


@contextlib.contextmanager
def writing_on(conn: sa.Connection) -> Iterator[sa.Connection]:
    """One transaction that writes, on a connection that is kept aside."""
    conn.execution_options(readonly=False)
    with conn.begin():
        yield conn


@contextlib.contextmanager
def reading_on(conn: sa.Connection) -> Iterator[sa.Connection]:
    """One look, on such a connection; into its temporary tables it may write."""
    conn.execution_options(readonly=True)
    with conn.begin():
        yield conn


@contextlib.contextmanager
def translated(path: Path, *, derived: bool = False) -> Iterator[None]:
    """What the machine refuses becomes a Problem with a way out; our own mistakes stay exceptions.

    derived: the file is no ledger, but can be made anew
    """
    what = "the copy of the lists" if derived else "the ledger"
    try:
        yield
    except DBAPIError as error:
        fault = _fault(path, error.orig, what)
        if fault is None:
            raise
        raise fault from error
    except sqlite3.Error as error:
        fault = _fault(path, error, what)
        if fault is None:
            raise
        raise fault from error
    except OSError as error:
        raise ConfigurationFault(
            Problem(
                "R106",
                f"{what} can't be opened: {error.strerror or error}",
                Place(shown(path)),
                "let the user who runs newsletter write to this folder",
            )
        ) from error


def shown(path: Path) -> str:
    """The file as the user knows it: below the folder of the project, in which `.newsletter` lies."""
    parent = path.parent
    return f"{parent.name}/{path.name}" if parent.name.startswith(".") else path.name


def _fault(path: Path, error: BaseException | None, what: str) -> NewsletterError | None:
    code = getattr(error, "sqlite_errorcode", None)
    if not isinstance(code, int):
        return None
    place = Place(shown(path))
    if path.is_dir():  # SQLite calls that a fault of the disk
        hint = "move the folder away, and put the last good copy of the ledger back"
        return ConfigurationFault(Problem("R106", f"{what} can't be opened: it is a folder", place, hint))
    match code & 0xFF:
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            return ConfigurationFault(
                Problem(
                    "R101",
                    "this file is no SQLite database, or a damaged one",
                    place,
                    "put the last good copy back; only if nothing was ever sent from here, move it away"
                    if what == "the ledger"
                    else "delete it: it is made anew from the lists",
                )
            )
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return ProviderUnavailable(
                Problem(
                    "R105",
                    f"{what} was locked by another program for {BUSY_TIMEOUT_S} seconds",
                    place,
                    "run it again when the other one has ended",
                )
            )
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            return ConfigurationFault(
                Problem(
                    "R106",
                    f"{what} can't be opened: {error}",
                    place,
                    "let the user who runs newsletter write to this file and its folder",
                )
            )
        case sqlite3.SQLITE_FULL | sqlite3.SQLITE_IOERR:
            return ProviderUnavailable(
                Problem(
                    "R107",
                    f"{what} can't be written: {error}",
                    place,
                    "make room on the disk and run it again; nothing was lost and nobody gets two",
                )
            )
        case _:
            return None


def create_file(path: Path) -> None:
    """An empty file for its owner's eyes only (it will hold addresses); one that is there stays."""
    if not path.exists():
        make_folder(path.parent)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
