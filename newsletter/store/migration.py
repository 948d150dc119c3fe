"""Bringing a database to this program's schema: numbered steps, each with its number in one transaction."""

import contextlib
import importlib
import os
import pkgutil
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from newsletter.errors import ConfigurationFault, Place, Problem
from newsletter.store import migrations
from newsletter.store.sqlite import shown

# Marks the file as ours (SQLite file format §1.3.11): "nwsl".
APPLICATION_ID = 0x6E77736C


@dataclass(frozen=True, slots=True)
class Step:
    number: int  # from 1, without gaps: the schema's version when it is done
    upgrade: Callable[[sa.Connection], None]


def shipped_steps() -> tuple[Step, ...]:
    """The steps of this program, in order."""
    names = sorted(module.name for module in pkgutil.iter_modules(migrations.__path__))
    return tuple(
        Step(int(name.split("_")[0]), importlib.import_module(f"{migrations.__name__}.{name}").upgrade)
        for name in names
    )


def schema_version(conn: sa.Connection, path: Path) -> int:
    """The version of this database, 0 when empty. ConfigurationFault (R102) when it is somebody else's."""
    version = int(conn.exec_driver_sql("PRAGMA user_version").scalar_one())
    mark = int(conn.exec_driver_sql("PRAGMA application_id").scalar_one())
    empty = conn.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one() == 0
    if mark != APPLICATION_ID and not (empty and version == 0 and mark == 0):
        raise ConfigurationFault(
            Problem(
                "R102",
                "this database belongs to another program",
                Place(shown(path)),
                "move it away; newsletter makes its own",
            )
        )
    return version


def newer(version: int, known: int, path: Path) -> ConfigurationFault:
    """The fault of a database that a later program has already changed."""
    return ConfigurationFault(
        Problem(
            "R103",
            f"this ledger has schema {version}, this program knows {known}: a newer newsletter has used it",
            Place(shown(path)),
            "install that newer version again; an older one can't read what it wrote",
        )
    )


def migrate(engine: sa.Engine, path: Path, steps: Sequence[Step]) -> None:
    """Take the steps that are still to take. Safe beside others who do the same; a kill leaves whole steps.

    Before a step changes a database that holds anything, its state goes to `<name>.before-<step>`.
    """
    known = steps[-1].number
    with engine.execution_options(readonly=True).begin() as conn:
        found = version = schema_version(conn, path)
    while version < known:
        with engine.begin() as conn:  # BEGIN IMMEDIATE: whoever raced us has committed by now
            version = schema_version(conn, path)
            if version < known:
                step = steps[version]
                if found:  # one that is made just now holds nothing yet
                    _back_up(path, path.with_name(f"{path.name}.before-{step.number}"))
                step.upgrade(conn)
                conn.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
                conn.exec_driver_sql(f"PRAGMA user_version = {step.number}")
                version = step.number
    if version > known:
        raise newer(version, known, path)


def _back_up(path: Path, copy: Path) -> None:
    """A whole copy by a second connection: the writer holds the lock and has changed nothing yet."""
    fresh = copy.with_name(f".{copy.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with (
        contextlib.closing(sqlite3.connect(path)) as source,
        contextlib.closing(sqlite3.connect(fresh)) as target,
    ):
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")  # one file, nothing beside it
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    fresh.replace(copy)
