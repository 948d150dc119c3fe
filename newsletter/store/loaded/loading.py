"""Loading: each list whose file changed is read into the copy, piece by piece; a kill goes on where it stood."""

import json
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from newsletter.audience.findings import Findings
from newsletter.audience.load import Origin, open_list
from newsletter.audience.rows import ListReader, Row
from newsletter.audience.table import Unreadable, nobody
from newsletter.errors import ChecksFailed, Place, Problem, ProviderUnavailable
from newsletter.settings.model import Settings
from newsletter.store.collector import seldom_collecting
from newsletter.store.loaded.database import sparing
from newsletter.store.loaded.merging import merge_people
from newsletter.store.loaded.writer import MOST_COLUMNS, Full, Writer
from newsletter.store.loaded.written import types_of

AT_ONCE = 5_000  # rows a transaction: others get in between
_TRIES = 3

Keyed = Callable[[str], bytes]
"""Address key -> the HMAC by which opt-outs are known."""


@dataclass(frozen=True)
class Key:
    """What opt-outs are keyed by, where there is a secret at hand."""

    fingerprint: str
    person: Keyed


@dataclass(frozen=True)
class Stale:
    """What the copy lacks, and the hash of each file as it is now."""

    changed: Sequence[Origin]
    gone: Sequence[int]  # versions whose list is there no more
    unkeyed: bool
    hashes: Mapping[str, str]

    def __bool__(self) -> bool:
        return bool(self.changed or self.gone or self.unkeyed)


def stale(
    own: sqlite3.Connection,
    origins: Sequence[Origin],
    settings: Settings,
    key: Key | None,
    held: Collection[str] = (),
) -> Stale:
    """Compares the files' contents with what was loaded. Reads only. held: lists that stay as they are"""
    have = {
        name: (version, file, sha256, types, json.loads(columns))
        for version, name, file, sha256, types, columns in own.execute(
            "SELECT version, name, file, sha256, types, columns FROM list WHERE state <> 'loading'"
        )
    }
    hashes = {origin.name: origin.sha256() for origin in origins}
    changed = []
    for origin in origins:
        loaded = have.pop(origin.name, None)
        wanted = (origin.file, hashes[origin.name], types_of(settings, loaded[4] if loaded else ()))
        if loaded is None or loaded[1:4] != wanted:
            changed.append(origin)
    keyed_by = own.execute("SELECT value FROM known WHERE name = 'secret'").fetchone()
    unkeyed = key is not None and (keyed_by is None or json.loads(keyed_by[0]) != key.fingerprint)
    gone = [version for name, (version, *_) in have.items() if name not in held]
    return Stale(changed, gone, unkeyed, hashes)


def load(
    own: sqlite3.Connection,
    lacks: Stale,
    origins: Sequence[Origin],
    settings: Settings,
    key: Key | None,
) -> None:
    """Bring the copy up to what the files say. Safe to kill at any moment: the next load goes on.

    Raises ProviderUnavailable (A125) for a file that does not stand still.
    """
    with sparing(own):
        _load(own, lacks, origins, settings, key)


def _load(
    own: sqlite3.Connection, lacks: Stale, origins: Sequence[Origin], settings: Settings, key: Key | None
) -> None:
    writer = Writer(own, key.person if key else None)
    if lacks.unkeyed and key:
        writer.key_all(key.fingerprint)
    writer.put_off_index()
    with seldom_collecting():
        versions = [
            _load_list(writer, origin, settings, lacks.hashes[origin.name]) for origin in lacks.changed
        ]
    writer.begin()
    writer.make_index()
    writer.replace(versions, lacks.gone)
    merge_people(writer, origins, settings)
    writer.sweep()
    writer.commit()


def _load_list(writer: Writer, origin: Origin, settings: Settings, sha256: str) -> int:
    """The version under which the whole list is loaded, or refused."""
    for _ in range(_TRIES):
        version = _load_version(writer, origin, settings, sha256)
        after = origin.sha256()
        if after == sha256:
            return version
        sha256 = after
    problem = Problem(
        "A125",
        f"`{origin.file}` changes while it is read",
        hint="wait until whatever writes it has ended, and run this again",
    )
    raise ProviderUnavailable(problem)


def _load_version(writer: Writer, origin: Origin, settings: Settings, sha256: str) -> int:
    try:
        reader, refused = open_list(origin, settings)
        if reader is None:
            return writer.refuse(origin, sha256, types_of(settings, ()), refused)
        types = types_of(settings, reader.table.columns)
        return _load_rows(writer, reader, writer.begun(origin, sha256, types, reader.table.columns))
    except Unreadable as wrong:
        return writer.refuse(origin, sha256, types_of(settings, ()), [wrong.problem])
    except ChecksFailed as failure:
        return writer.refuse(origin, sha256, types_of(settings, ()), failure.problems)


def _too_many(reader: ListReader) -> Problem:
    message = f"with this list's {len(reader.columns.names)} columns, the lists have more than {MOST_COLUMNS} together"
    hint = "leave out columns that no letter and no segment asks for, or give those of one meaning one name"
    return Problem("A142", message, Place(reader.table.file, 1), hint)


def _load_rows(writer: Writer, reader: ListReader, version: int) -> int:
    done, reader.count, state, outside = writer.progress(version)
    if state:
        reader.findings = Findings.restored(reader.table.file, state)
    try:
        writer.plan(reader.columns, outside=outside)
    except Full:
        raise ChecksFailed(_too_many(reader)) from None
    pending: list[Row] = []
    for line, rows in reader.rows(after=done):
        done = line
        pending += rows
        if len(pending) >= AT_ONCE:
            writer.add(version, pending, done, reader.count, reader.findings.state())
            pending.clear()
    if not reader.count and not state:
        reader.findings.found.append(nobody(reader.table.file))
    writer.add(version, pending, done, reader.count, reader.findings.state())
    return version
