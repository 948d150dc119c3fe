"""The file of the copy: opened, made, or made anew when it is not of this program's shape."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite as dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from newsletter.files.alone import alone
from newsletter.store.loaded.tables import SHAPE, metadata
from newsletter.store.sqlite import BUSY_TIMEOUT_S, create_file, switch_to_wal

APPLICATION_ID = 0x6E776C73  # "nwls": the lists, not the ledger
_CACHE_KIB = 32_768
_CACHE_WHILE_LOADING_KIB = 12_288
_NOT_A_COPY = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})


def open_kept(path: Path) -> sqlite3.Connection:
    """The copy beside the ledger, for its owner's eyes only; made, or made anew, when need be.

    Call it under `loading_alone`: a file of another shape is taken away.
    """
    create_file(path)
    try:
        if (ours := _if_ours(path)) is not None:
            return ours
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF not in _NOT_A_COPY:
            raise  # no descriptor left, a full disk: that says nothing of the copy
    unlink(path)
    create_file(path)
    switch_to_wal(path)
    fresh = _connected(path)
    _make(fresh)
    return fresh


def unlink(path: Path) -> None:
    """Take the copy away, which is derived from files; call it under `loading_alone`."""
    # The database first: what is written ahead means nothing without it.
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)


def open_if_ours(path: Path, *, any_shape: bool = False) -> sqlite3.Connection | None:
    """The copy for looking only: None when there is none of this shape, or of any."""
    with contextlib.suppress(sqlite3.DatabaseError, OSError):
        if path.is_file():
            return _if_ours(path, readonly=True, any_shape=any_shape)
    return None


def open_temporary(start: sqlite3.Connection | None) -> sqlite3.Connection:
    """A copy of the copy, or an empty one, that is gone when it is closed; large ones are spilled to disk."""
    own = sqlite3.connect("", isolation_level=None)  # SQLite: a private temporary database
    if start is not None:
        start.backup(own)
        _prepare(own)
    else:
        _prepare(own)
        _make(own)
    return own


def loading_alone(path: Path) -> contextlib.AbstractContextManager[None]:
    """One process at a time loads into this copy."""
    return alone(path.with_name(f"{path.name}.lock"))


def _if_ours(path: Path, *, readonly: bool = False, any_shape: bool = False) -> sqlite3.Connection | None:
    """Asked by the connection that is then used: by another one, the file may have been made anew in between."""
    own = _connected(path, readonly=readonly)
    try:
        mark = own.execute("PRAGMA application_id").fetchone()[0]
        shape = own.execute("PRAGMA user_version").fetchone()[0]
    except BaseException:
        own.close()
        raise
    if mark == APPLICATION_ID and (any_shape or shape == SHAPE):
        return own
    own.close()
    return None


@contextlib.contextmanager
def sparing(own: sqlite3.Connection) -> Iterator[None]:
    """Inside, fewer pages are remembered: rows come in order, and sorting an index takes as much memory again."""
    own.execute(f"PRAGMA cache_size = -{_CACHE_WHILE_LOADING_KIB}")
    try:
        yield
    finally:
        own.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")


def _connected(path: Path, *, readonly: bool = False) -> sqlite3.Connection:
    mode = "ro" if readonly else "rw"
    own = sqlite3.connect(
        f"{path.as_uri()}?mode={mode}", uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None
    )
    try:
        _prepare(own)
    except BaseException:
        own.close()
        raise
    return own


def _prepare(own: sqlite3.Connection) -> None:
    own.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    own.execute("PRAGMA wal_autocheckpoint = 8000")  # pages: a load touches the same ones again and again
    own.execute("PRAGMA secure_delete = ON")  # who is gone from the files is gone from the disk
    own.execute(
        "PRAGMA synchronous = NORMAL"
    )  # a power cut may take the last rows; the next load adds them again


def _make(own: sqlite3.Connection) -> None:
    own.execute("BEGIN IMMEDIATE")
    for table in metadata.sorted_tables:
        own.execute(text_of(CreateTable(table)))
        for index in table.indexes:
            own.execute(text_of(CreateIndex(index)))
    own.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    own.execute(f"PRAGMA user_version = {SHAPE}")
    own.execute("COMMIT")


def text_of(statement: sa.schema.ExecutableDDLElement) -> str:
    return str(statement.compile(dialect=dialect.dialect()))
