"""Opt-outs: who must not be written to, from the ledger and from the spool beside it."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime

from newsletter.store import optouts
from newsletter.store.ledger.transactions import Ledger
from newsletter.store.values import OptOutEvent, Suppression


class OptOutLedger(Ledger):
    """Who said no, to what, and when it was taken back."""

    def suppress(self, hmac: bytes, scope: str, reason: str, source: str, now: datetime) -> bool:
        """Nobody writes to this person: on list `scope`, or at all ('*'). False: it was so already."""
        return self.record_opt_outs([optouts.opted_out(hmac, scope, reason, source, now)]) == 1

    def lift(self, hmac: bytes, scope: str, reason: str, source: str, now: datetime) -> bool:
        """An opt-out is taken back; both stay in the history. False: there was none."""
        return self.record_opt_outs([optouts.taken_back(hmac, scope, reason, source, now)]) == 1

    def record_opt_outs(self, events: Iterable[OptOutEvent]) -> int:
        """Write these down in their order, in one transaction; how many changed what holds."""
        with self._heeding() as conn:
            return optouts.record(conn, events)

    def spool_opt_outs(self, events: Sequence[OptOutEvent]) -> None:
        """Keep these beside the ledger while it is busy: on return they are on disk, and hold. Raises OSError."""
        self._spool.write(events)

    def take_in_spooled(self) -> None:
        """Bring what was spooled into the ledger; costs a look where there is nothing."""
        if self._spool.read().events:
            with self._heeding():
                pass

    def opt_outs(self, hmacs: Collection[bytes] | None = None) -> dict[bytes, frozenset[str]]:
        """Who of these (None: of all) opted out of which scopes, the spooled ones included."""
        pending = self._spool.read().events  # before the ledger: what leaves the spool meanwhile stands there
        with self._looking() as conn:
            return optouts.scopes(conn, hmacs, pending)

    def left(self) -> dict[str, int]:
        """Scope -> how many people opted out of it."""
        with self._looking() as conn:
            return optouts.left(conn)

    def opt_out_history(self, hmac: bytes) -> list[OptOutEvent]:
        """Every opt-out of a person and every one taken back, oldest first."""
        pending = [one for one in self._spool.read().events if one.hmac == hmac]
        with self._looking() as conn:
            known = optouts.history(conn, hmac)
        ids = {one.id for one in known}
        return [*known, *(one for one in pending if one.id not in ids)]

    def suppressions(self) -> Iterator[Suppression]:
        """All that holds, by HMAC and scope, the spooled ones included; one look, in constant memory."""
        pending = self._spool.read().events  # before the ledger, as in `opt_outs`
        with self._looking() as conn:
            yield from optouts.suppressions(conn, pending)
