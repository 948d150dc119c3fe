"""Whether this ledger is the one that sent last: a copy, or an older one brought back, must not go on by itself.

Two things outside of the database know: which file it is on its disk, and a small file beside it with the last attempt
that was claimed, of which an older database has never heard. That file says of itself, too, which one it is: where a
whole folder is put back over another one, both are old and fit each other.
"""

import contextlib
import os
import re
import secrets
import uuid
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import bindparam, select

from newsletter.store.birth import identity, is_same
from newsletter.store.sqlite import insert
from newsletter.store.tables import READY, attempt, batch, meta, outcome

FILE = "last-claim"  # beside the ledger: LEDGER ATTEMPT FILE, the last being its own identity
_LINE = re.compile(r"([0-9a-f]{16}) (\S{1,64})(?: (\S{1,64}))?\n")
_COPY = "it is a copy, or was put back from a backup: others may have been sent to since"

_PLACE = select(meta.c.value).where(meta.c.name == "place")
_KEEP = insert(meta).on_conflict_do_nothing()
_added = insert(meta)
_NAME = _added.on_conflict_do_update(index_elements=["name"], set_={"value": _added.excluded.value})
_SET = sa.update(meta).where(meta.c.name == bindparam("which")).values(value=bindparam("to"))
_KNOWN = select(attempt.c.id).where(attempt.c.id == bindparam("of"))
_settled = (
    select(sa.func.count())
    .where(outcome.c.run_id == batch.c.run_id, outcome.c.no == batch.c.no)
    .correlate(batch)
    .scalar_subquery()
)
# In whatever run: one that was amended is closed, and whoever was in doubt in it may be ready again.
_STILL_TO_GO = (
    select(batch.c.run_id, batch.c.no, (batch.c.n - _settled).label("n"))
    .where(batch.c.state == READY)
    .order_by(batch.c.run_id, batch.c.no)
)
_DOUBT = (
    sa.update(batch)
    .where(batch.c.run_id == bindparam("of"), batch.c.no == bindparam("number"))
    .values(state="unknown", attempt_id=bindparam("by"))
)


def note(ledger: Path, ledger_id: str, attempt_id: str, *, anew: bool) -> None:
    """The last claim, without waiting for the disk: it only has to outlive this database.

    anew: as a file of its own, once a process, so that no backup of earlier is taken for it; else in place
    A disk that takes no more makes this blind to one claim, and stops no send.
    """
    path = ledger.with_name(FILE)
    with contextlib.suppress(OSError):
        if anew:
            path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            line = f"{ledger_id} {attempt_id} {identity(descriptor)}\n".encode()
            os.pwrite(descriptor, line, 0)
            os.ftruncate(descriptor, len(line))
        finally:
            os.close(descriptor)


def remember_place(conn: sa.Connection, ledger: Path) -> None:
    """Where the ledger was made; one of an older program is taken to be where it belongs."""
    conn.execute(_KEEP, {"name": "place", "value": identity(ledger)})


def knows_place(conn: sa.Connection) -> bool:
    return conn.execute(_PLACE).scalar_one_or_none() is not None


def doubt(conn: sa.Connection, ledger: Path, ledger_id: str) -> str | None:
    """Why this ledger may not know all that was sent from it; None when it does."""
    last, itself = _read(ledger.with_name(FILE))
    if last and last[1] == ledger_id and conn.execute(_KNOWN, {"of": last[2]}).one_or_none() is None:
        return "messages were handed over of which it knows nothing: an older one was brought back"
    place = conn.execute(_PLACE).scalar_one_or_none()
    if (last and last[3] and not is_same(last[3], itself)) or (
        place and not is_same(place, identity(ledger))
    ):
        return _COPY
    return None


def _read(path: Path) -> tuple[re.Match[str] | None, str]:
    """What the file says, and which one it is: of one moment, for a sender that begins makes it anew."""
    try:
        with path.open(encoding="ascii") as file:
            return _LINE.match(file.read()), identity(file.fileno())
    except (OSError, ValueError):
        return None, ""


def still_to_go(conn: sa.Connection) -> int:
    """How many of all environments are ready by what this ledger knows."""
    return sum(row.n for row in conn.execute(_STILL_TO_GO))


def take_over(conn: sa.Connection, ledger: Path, ledger_id: str, *, epoch: int, now: datetime) -> int:
    """From now on this one is the ledger, in a new epoch. Whoever it takes for ready may have their mail: unknown.

    Returns how many batches are in doubt by that. Runs keep the epoch of their beginning, and with it their
    messages' names: what was written of them before is evidence, and a later run never meets a name of the past.
    """
    conn.execute(_SET, {"which": "epoch", "to": str(epoch)})
    # Of two copies that are taken over, each gets a name of its own: settings can mean one of them only.
    conn.execute(_NAME, {"name": "name", "value": f"{ledger_id}.{epoch}-{secrets.token_hex(2)}"})
    conn.execute(_SET, {"which": "place", "to": identity(ledger)})
    found = conn.execute(_STILL_TO_GO).all()
    for row in found:
        name = uuid.uuid4().hex
        conn.execute(
            sa.insert(attempt),
            {
                "id": name,
                "run_id": row.run_id,
                "no": row.no,
                "owner": 0,  # nobody's: what became of it happened before this ledger was brought back
                "body_sha256": b"",
                "state": "unknown",
                "provider_id": "",
                "detail": {"ledger_restored": now.isoformat()},
                "started_at": now,
            },
        )
        conn.execute(_DOUBT, {"of": row.run_id, "number": row.no, "by": name})
    with contextlib.suppress(OSError):
        ledger.with_name(FILE).unlink(missing_ok=True)
    return len(found)
