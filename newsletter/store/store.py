"""The store: one object through which all other rooms ask and tell the ledger."""

import os
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from newsletter.errors import ConfigurationFault, NewsletterError, Place, Problem
from newsletter.store import witness
from newsletter.store.ledger.optouts import OptOutLedger
from newsletter.store.ledger.people import PeopleLedger
from newsletter.store.ledger.runs import RunLedger
from newsletter.store.ledger.sending import SendingLedger
from newsletter.store.ledger.sequences import SequenceLedger
from newsletter.store.migration import migrate, newer, schema_version, shipped_steps
from newsletter.store.sqlite import (
    create_file,
    insert,
    make_engine,
    reading,
    shown,
    switch_to_wal,
    translated,
)
from newsletter.store.tables import meta


def open_store(path: Path, *, patience_s: float | None = None) -> "Store":
    """The ledger in this file, created or migrated if need be. Safe beside others who do the same at once.

    patience_s: how long to wait while another program writes, seconds; 30 by default

    ConfigurationFault: R101 no database, R102 another program's, R103 a newer schema, R106 not to be opened.
    """
    with translated(path):
        create_file(path)
        switch_to_wal(path)
        engine = make_engine(path)
        try:
            migrate(engine, path, shipped_steps())
        except BaseException:
            engine.dispose()
            raise
    if patience_s is not None:  # the steps above took their time; from now on it is the caller's
        engine.dispose()
        engine = make_engine(path, patience_s=patience_s)
    store = Store(engine, path)
    try:
        store.remember_place()
    except BaseException:
        store.close()
        raise
    return store


def open_readonly(path: Path) -> "Store | None":
    """The ledger for reading only; None when there is none yet. Never creates, never migrates.

    ConfigurationFault as in `open_store`, and R108 when a step is still to be taken.
    """
    if not path.exists():
        return None
    known = shipped_steps()[-1].number
    engine = make_engine(path, readonly=True)
    try:
        with reading(engine, path) as conn:
            version = schema_version(conn, path)
        if version > known:
            raise newer(version, known, path)
        if 0 < version < known:
            raise ConfigurationFault(
                Problem(
                    "R108",
                    f"this ledger has schema {version}, this program needs {known}; a look changes nothing",
                    Place(shown(path)),
                    "run `newsletter run` once: it brings the ledger up to date and keeps a copy beside it",
                )
            )
    except BaseException:
        engine.dispose()
        raise
    if version == 0:  # somebody is making it at this moment, or was killed over it
        engine.dispose()
        return None
    return Store(engine, path)


class Store(RunLedger, SendingLedger, OptOutLedger, PeopleLedger, SequenceLedger):
    """The ledger. Each call is one transaction, none is held between calls; safe from several threads.

    Instants are aware datetimes, kept to the millisecond. Any call may raise: R105 (exit 5) when the file
    stays locked for 30 s, R106 (4) when it may not be written, R107 (5) when the disk is full or fails.
    """

    def bind_secret(self, fingerprint: str) -> None:
        """Remember which secret keys this ledger. ConfigurationFault (R104) when another one did before."""
        if self._bound_secret() is None:
            with self._writing() as conn:
                fresh = insert(meta).on_conflict_do_nothing()
                conn.execute(fresh, {"name": "secret", "value": fingerprint})
        self.require_secret(fingerprint)

    def require_secret(self, fingerprint: str | None) -> None:
        """ConfigurationFault (R104) when this ledger is keyed by another secret; None: there is none at hand."""
        before = self._bound_secret()
        if before not in (None, fingerprint):
            raise ConfigurationFault(
                Problem(
                    "R104",
                    "the secret is not the one that this ledger was begun with: its opt-outs would be missed",
                    Place(shown(self._path)),
                    "put the old NEWSLETTER_SECRET or .newsletter/secret back (from your backup)",
                )
            )

    def _bound_secret(self) -> str | None:
        with self._looking() as conn:
            return conn.execute(select(meta.c.value).where(meta.c.name == "secret")).scalar_one_or_none()

    def remember_place(self) -> None:
        """Once, when it is made: a copy is told by it."""
        with self._looking() as conn:
            known = witness.knows_place(conn)
        if not known:
            with self._writing() as conn:
                witness.remember_place(conn, self._path)

    def doubt(self) -> str | None:
        """Why this ledger may not know all that was sent: it is a copy, or an older one that was brought back."""
        with self._looking() as conn:
            return witness.doubt(conn, self._path, self.ledger_id)

    def still_to_go(self) -> int:
        """How many are ready in the runs of all environments."""
        with self._looking() as conn:
            return witness.still_to_go(conn)

    def take_over(self, now: datetime) -> int:
        """A human's word that this is the ledger from now on; whoever is ready comes into doubt. How many batches."""
        with self._writing() as conn:
            doubted = witness.take_over(conn, self._path, self.ledger_id, epoch=self.epoch + 1, now=now)
        self.epoch += 1
        return doubted

    def can_keep(self) -> bool:
        """Whether an opt-out could be kept now: the ledger can be read, and its folder written to."""
        try:
            self._bound_secret()
        except NewsletterError:
            return False
        return os.access(self._path.parent, os.W_OK)
