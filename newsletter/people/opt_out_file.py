"""Opt-outs that come as a file: another program's bounces and unsubscribes, or our own export of them."""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from newsletter.audience.address import parse_address
from newsletter.audience.table import fold_name
from newsletter.errors import ChecksFailed, Place, Problem
from newsletter.people.cells import unguarded
from newsletter.people.foreign import AROUND, cells_by, open_foreign
from newsletter.people.formats import SYNONYMS
from newsletter.settings.secret import Secret
from newsletter.store.optouts import opted_out
from newsletter.store.values import OptOutEvent

_FINGERPRINT = re.compile(r"[0-9a-f]{32}")


@dataclass
class OptOutFile:
    """What a file says; reasons: why rows were left out, with how many"""

    events: list[OptOutEvent] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)


def read_opt_outs(
    path: Path,
    secret: Secret,
    now: datetime,
    *,
    scope: str,
    reason: str,
    encoding: str | None,
    delimiter: str | None,
) -> OptOutFile:
    """One event a row; a file of bare addresses will do. A row's own scope and reason hold where it has them.

    Raises ChecksFailed (I101 to I109) for a file that can't be taken.
    """
    found = OptOutFile()
    try:
        file = path.open("rb")
    except OSError as fault:
        message = f"{path} can't be read: {(fault.strerror or '').lower()}"
        raise ChecksFailed(Problem("I101", message, hint="the path of a CSV file")) from fault
    with file:
        foreign = open_foreign(file, path.name, encoding=encoding, delimiter=delimiter)
        columns = [SYNONYMS.get(name, name) for name in map(fold_name, foreign.header)]
        first = [cell.strip(AROUND) for cell in foreign.header]
        bare = any("@" in cell for cell in first)  # no header at all: the first line is somebody's, too
        if bare:
            columns = ["email" if "@" in cell else f"column_{n}" for n, cell in enumerate(first)]
            _take(found, dict(zip(columns, first, strict=True)), secret, now, scope, reason)
        if not {"email", "fingerprint"} & set(columns):
            known = ", ".join(first[:8])
            raise ChecksFailed(
                Problem("I103", f"no column holds addresses (the first ones are {known})", Place(path.name, 1),
                        "call the column `email`")
            )  # fmt: skip
        for _, row in foreign.rows:
            if len(row) != len(columns):
                found.reasons["another number of cells than the header"] += 1
                continue
            _take(found, cells_by(columns, row), secret, now, scope, reason)
    return found


def _take(
    found: OptOutFile, cells: dict[str, str], secret: Secret, now: datetime, scope: str, reason: str
) -> None:
    cells = {name: unguarded(cell) for name, cell in cells.items()}
    fingerprint = cells.get("fingerprint", "")
    address = parse_address(cells.get("email", ""))
    if address.email and address.problem is None:
        person = secret.person(address.key)
    elif _FINGERPRINT.fullmatch(fingerprint):
        person = bytes.fromhex(fingerprint)
    else:
        found.reasons["no valid address"] += 1
        return
    why = cells.get("reason", "")[:200] or reason
    found.events.append(opted_out(person, cells.get("scope") or scope, why, "import", now))
