"""The copy brought up to its files and opened for a look, asked for its sizes, or taken away."""

import contextlib
import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from newsletter.audience.load import Origin
from newsletter.settings.model import Settings
from newsletter.store.loaded import database
from newsletter.store.loaded.lists import LoadedLists
from newsletter.store.loaded.loading import Key, load, stale
from newsletter.store.loaded.writer import MOST_COLUMNS
from newsletter.store.sqlite import translated


def open_lists(
    path: Path,
    origins: Sequence[Origin],
    settings: Settings,
    key: Key | None,
    *,
    keep: bool,
    held: Collection[str] = (),
) -> LoadedLists:
    """The lists as their files are now, for reading; all answers belong to this one moment.

    path: the copy's file
    keep: load what changed into it, making it if need be; otherwise a look: what changed goes into a temporary copy
    held: lists that stay as they were loaded last
    Raises ConfigurationFault (R106) and ProviderUnavailable (R105, R107, A125), as the ledger does.
    """

    def up_to_date(copy: sqlite3.Connection) -> LoadedLists:
        if lacks := stale(copy, origins, settings, key, held):
            load(copy, lacks, origins, settings, key)
        return LoadedLists(copy, settings.attributes)

    with translated(path, derived=True):
        own = database.open_if_ours(path)
        if own is not None and not stale(own, origins, settings, key, held):
            return LoadedLists(own, settings.attributes)
        if keep:
            if own:
                own.close()
            path.parent.mkdir(parents=True, exist_ok=True)
            with database.loading_alone(path):
                return up_to_date(_open_kept(path, whole=not held))
        temporary = database.open_temporary(None if own and not held and _crowded(own) else own)
        if own:
            own.close()
        return up_to_date(temporary)


def loaded_before(path: Path) -> dict[str, int]:
    """How many rows each list has in the copy; nothing where there is no copy."""
    own = database.open_if_ours(path)
    if own is None:
        return {}
    with contextlib.closing(own):
        return _rows_loaded(own)


def _rows_loaded(own: sqlite3.Connection) -> dict[str, int]:
    return dict(own.execute("SELECT name, rows FROM list WHERE state = 'current'"))


def rows_before(path: Path) -> dict[str, int]:
    """How many rows each list had when it was loaded last, also before the copy was taken away.

    Also in a copy of another shape, which is going to be made anew, as far as it tells.
    """
    own = database.open_if_ours(path, any_shape=True)
    if own is None:
        return {}
    with contextlib.closing(own), contextlib.suppress(sqlite3.DatabaseError):
        return _rows_known(own)
    return {}


def _rows_known(own: sqlite3.Connection) -> dict[str, int]:
    kept = own.execute("SELECT value FROM known WHERE name = 'rows'").fetchone()
    return {**(json.loads(kept[0]) if kept else {}), **_rows_loaded(own)}


def take_away(path: Path) -> None:
    """No byte of anybody stays in the copy: it is made anew from the files when it is next asked for.

    Only how many rows each list had stays, so that one that shrinks is still held.
    """
    if not path.is_file():
        return
    with translated(path, derived=True), database.loading_alone(path):
        rows = rows_before(path)
        database.unlink(path)
        with contextlib.closing(database.open_kept(path)) as own:
            _remember(own, rows)


def _open_kept(path: Path, *, whole: bool) -> sqlite3.Connection:
    """Where the copy has to be made anew, it still knows how many rows each list had. Under `loading_alone`.

    whole: all lists can be loaded from their files
    """
    rows = rows_before(path)
    own = database.open_kept(path)
    if whole and _crowded(own):
        own.close()
        database.unlink(path)
        own = database.open_kept(path)
    if rows != _rows_known(own):
        _remember(own, rows)
    return own


def _crowded(own: sqlite3.Connection) -> bool:
    """Whether columns piled up that no list may have any more: in the copy they are never given up."""
    (number,) = own.execute("SELECT count(*) FROM attribute").fetchone()
    return int(number) > MOST_COLUMNS // 2


def _remember(own: sqlite3.Connection, rows: Mapping[str, int]) -> None:
    own.execute("INSERT OR REPLACE INTO known (name, value) VALUES ('rows', ?)", (json.dumps(rows),))
