"""People: what the ledger holds of one of them, who agreed to what, and forgetting."""

import contextlib
from collections.abc import Iterable, Iterator
from datetime import datetime

from newsletter.store import consents, one_person, optouts
from newsletter.store.ledger.transactions import Ledger
from newsletter.store.sqlite import busy, translated
from newsletter.store.values import Consent, History, OptOutEvent


class PeopleLedger(Ledger):
    """Consent, history and erasure."""

    def record_consents(
        self, given: Iterable[Consent], now: datetime, *, opt_outs: Iterable[OptOutEvent] = ()
    ) -> int:
        """Write down who said yes, and with it who said no, in one transaction; how many yeses are new."""
        with self._aside() as conn:
            consents.gather(conn, given)
            with self._heeding(conn):
                optouts.record(conn, opt_outs)
                return consents.record(conn, now)

    def consents(self, hmac: bytes) -> list[Consent]:
        with self._looking() as conn:
            return consents.of_person(conn, hmac)

    def all_consents(self) -> Iterator[Consent]:
        """By list, oldest first; one look, in constant memory."""
        with self._looking() as conn:
            yield from consents.everybody(conn)

    def history(self, hmac: bytes) -> History:
        """What was sent to this person, and their place in sequences."""
        with self._looking() as conn:
            return one_person.history(conn, hmac)

    def forget(self, hmac: bytes) -> int:
        """Delete the address from the ledger and from the copies beside it; in how many of them it was.

        Opt-outs, consent and what was sent stay: none of them holds an address. Safe to call twice.
        """
        with self._heeding() as conn:
            found = int(one_person.forget(conn, hmac))
        with translated(self._path):
            found += sum(one_person.forget_in_copy(copy, hmac) for copy in one_person.copies(self._path))
            with contextlib.closing(self._engine.raw_connection()) as raw:  # outside of any transaction
                # The journal has the page as it was, for as long as somebody reads by it.
                (held_up, *_) = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                if held_up:
                    raise busy()
        return found
