"""What every part of the ledger stands on: its file, and the transactions in which it is read and written."""

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

import sqlalchemy as sa
from sqlalchemy import select

from newsletter.errors import ConfigurationFault, NewsletterError, Place, Problem
from newsletter.store import optouts
from newsletter.store.birth import identity, is_same
from newsletter.store.spool import Spool
from newsletter.store.sqlite import aside, reading, shown, writing, writing_on
from newsletter.store.tables import meta

SPOOL_FOLDER = "spool"  # beside the ledger


class Ledger:
    """The file, and nothing held between two calls; safe from several threads."""

    def __init__(self, engine: sa.Engine, path: Path) -> None:
        self._engine = engine
        self._path = path
        self._file = identity(path)
        self._spool = Spool(path.parent / SPOOL_FOLDER)
        with self._looking() as conn:
            known = {row.name: row.value for row in conn.execute(select(meta))}
        self.ledger_id: str = known["ledger_id"]
        self.epoch: int = int(known["epoch"])

    def name(self) -> str:
        """What settings call it: its id, and since it was brought back or copied another one that begins with it.

        Asked anew, for another process may have taken it over since; a file that can't be read is called by its id.
        """
        found = None
        with contextlib.suppress(NewsletterError), self._looking() as conn:
            found = conn.execute(select(meta.c.value).where(meta.c.name == "name")).scalar_one_or_none()
        return found or self.ledger_id

    def _writing(self) -> AbstractContextManager[sa.Connection]:
        self._still_there()
        return writing(self._engine, self._path)

    def _looking(self) -> AbstractContextManager[sa.Connection]:
        return reading(self._engine, self._path)

    def _aside(self) -> AbstractContextManager[sa.Connection]:
        self._still_there()
        return aside(self._engine, self._path)

    def _still_there(self) -> None:
        """Raises ConfigurationFault (R106) when another file lies there by now: what is written into this one is lost.

        Pages that were not started again after a restore would tell readers that they are unsubscribed.
        """
        with contextlib.suppress(FileNotFoundError):
            if is_same(self._file, identity(self._path)):
                return
        raise ConfigurationFault(
            Problem(
                "R106",
                "the ledger was taken away or replaced while this program had it open: nothing is written any more",
                Place(shown(self._path)),
                "start it again",
            )
        )

    @contextlib.contextmanager
    def _heeding(self, on: sa.Connection | None = None) -> Iterator[sa.Connection]:
        """One transaction that writes, and first takes in what was spooled: what a reader was told holds.

        on: a connection that is kept aside
        """
        with self._writing() if on is None else writing_on(on) as conn:
            spooled = self._spool.read()  # under the lock, so that nobody else takes it in meanwhile
            if spooled.events:
                optouts.record(conn, spooled.events)
            yield conn
        self._spool.discard(spooled)

    def close(self) -> None:
        """Safe to call twice."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
