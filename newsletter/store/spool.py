"""Opt-outs that were answered while the ledger was busy: files beside it, taken in before anything is claimed.

A file is written whole and synced before the reader is answered. Whoever writes to the ledger takes the files in
first, in the same transaction, and deletes them once that is committed; a crash between the two takes one in twice,
which the events' ids make harmless.
"""

import json
import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from newsletter.errors import ConfigurationFault, Place, Problem
from newsletter.files.atomic import make_folder, write_atomically
from newsletter.store.sqlite import shown
from newsletter.store.tables import milliseconds
from newsletter.store.values import OptOutEvent

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Spooled:
    """What lies in the spool, in the order in which it was said."""

    files: tuple[Path, ...] = ()
    events: tuple[OptOutEvent, ...] = ()


class Spool:
    """The folder; it is made by the first who writes. Safe from several processes and threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._last_ns = 0
        self._lock = threading.Lock()

    def write(self, events: Sequence[OptOutEvent]) -> None:
        """On return they are on disk, whatever happens next. Raises OSError."""
        if not self._folder.is_dir():
            make_folder(self._folder, mode=0o700)
        name = f"{self._next_ns():020d}-{secrets.token_hex(4)}.json"
        data = json.dumps([_written(one) for one in events], ensure_ascii=False, separators=(",", ":"))
        write_atomically(self._folder / name, data.encode(), mode=0o600)

    def _next_ns(self) -> int:
        """Nanoseconds that only grow in this process: names sort as things were said."""
        with self._lock:
            self._last_ns = max(time.time_ns(), self._last_ns + 1)
            return self._last_ns

    def read(self) -> Spooled:
        """Reads only. ConfigurationFault (S140) for a file that can't be read: it may hold somebody's no."""
        try:
            names = sorted(path.name for path in self._folder.iterdir() if path.suffix == ".json")
        except FileNotFoundError:
            return Spooled()
        files: list[Path] = []
        events: list[OptOutEvent] = []
        for name in names:
            path = self._folder / name
            try:
                read = [_event(one) for one in json.loads(path.read_text(encoding="utf-8"))]
            except FileNotFoundError:
                continue  # another has just taken it in: what it held stands in the ledger
            except (OSError, ValueError, TypeError, OverflowError) as fault:
                raise _unreadable(path, fault) from fault
            files.append(path)
            events += read
        return Spooled(tuple(files), tuple(events))

    def discard(self, spooled: Spooled) -> None:
        """Delete what has been committed; safe to call twice."""
        for path in spooled.files:
            path.unlink(missing_ok=True)


def _unreadable(path: Path, fault: Exception) -> ConfigurationFault:
    reason = (fault.strerror or "the system refuses") if isinstance(fault, OSError) else "it is damaged"
    return ConfigurationFault(
        Problem(
            "S140",
            f"an opt-out that waits to be taken in can't be read: {reason}",
            Place(f"{shown(path.parent)}/{path.name}"),
            "let this user read it, or put it back from a backup; nothing is sent before",
        )
    )


def _written(one: OptOutEvent) -> list[object]:
    return [one.id, one.hmac.hex(), one.scope, one.act, one.reason, one.source, milliseconds(one.at)]


def _event(row: object) -> OptOutEvent:
    """Raises ValueError or TypeError for what we did not write."""
    if not isinstance(row, list):
        raise TypeError(row)
    name, hmac, scope, act, reason, source, at = row
    if act not in ("suppress", "lift") or not all(
        isinstance(one, str) for one in (name, scope, reason, source)
    ):
        raise ValueError(row)
    return OptOutEvent(
        name, bytes.fromhex(hmac), scope, act, reason, source, _EPOCH + timedelta(milliseconds=int(at))
    )
