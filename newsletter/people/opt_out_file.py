"""Opt-outs that come as a file: another program's bounces and unsubscribes, or our own export of them."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from newsletter.audience.address import address_in, addresses_in
from newsletter.audience.leaving import EVERYTHING, scope_of
from newsletter.audience.table import fold_name
from newsletter.errors import ChecksFailed, Place, Problem
from newsletter.people.cells import unguarded
from newsletter.people.foreign import AROUND, cells_by, open_foreign
from newsletter.people.formats import SYNONYMS
from newsletter.settings.secret import Secret
from newsletter.store.optouts import opted_out
from newsletter.store.staged_opt_outs import StagedOptOuts

_ALL = frozenset((EVERYTHING, "all", "everything", "alla", "allt"))
_FINGERPRINT = re.compile(r"[0-9a-f]{32}")


@dataclass
class OptOutFile:
    """What a file says; reasons: why rows were left out, with how many"""

    events: StagedOptOuts
    reasons: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Terms:
    """What holds where a row does not say otherwise, and what a row may speak of.

    lists: folded name of each list that there is. A row of another one, which may have had that name before, is meant
    of `scope`: of everything, unless a list was named
    """

    scope: str
    reason: str
    lists: Collection[str]
    secret: Secret
    now: datetime


@contextmanager
def read_opt_outs(
    path: Path, terms: Terms, *, encoding: str | None, delimiter: str | None
) -> Iterator[OptOutFile]:
    """One event for each address; a file of bare addresses will do. A row's own scope and reason hold.

    Whoever a row names is heard, also where its cells can't be told apart: an opt-out is not lost for a comma.
    Raises ChecksFailed (I101 to I109) for a file that can't be taken.
    """
    with StagedOptOuts() as events:
        found = OptOutFile(events)
        _read(path, terms, found, encoding, delimiter)
        yield found


def _read(path: Path, terms: Terms, found: OptOutFile, encoding: str | None, delimiter: str | None) -> None:
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
            _take_named(found, first, terms)
        elif not {"email", "fingerprint"} & set(columns):
            known = ", ".join(first[:8])
            raise ChecksFailed(
                Problem("I103", f"no column holds addresses (the first ones are {known})", Place(path.name, 1),
                        "call the column `email`")
            )  # fmt: skip
        for _, row in foreign.rows:
            if bare or len(row) != len(columns):
                _take_named(found, row, terms)
            else:
                _take(found, cells_by(columns, row), terms)


def _take_named(found: OptOutFile, row: Sequence[str], terms: Terms) -> None:
    """Everybody whom the cells name, whatever they are called."""
    named = addresses_in(unguarded(cell.strip(AROUND)) for cell in row)
    for address in named:
        person = terms.secret.person(address.key)
        found.events.append(opted_out(person, terms.scope, terms.reason, "import", terms.now))
    if not named:
        found.reasons["no valid address"] += 1


def _take(found: OptOutFile, cells: dict[str, str], terms: Terms) -> None:
    cells = {name: unguarded(cell) for name, cell in cells.items()}
    fingerprint = cells.get("fingerprint", "")
    address = address_in(cells.get("email", ""))
    if address.email and address.problem is None:
        person = terms.secret.person(address.key)
    elif not _FINGERPRINT.fullmatch(fingerprint):
        found.reasons["no valid address"] += 1
        return
    elif cells.get("key", terms.secret.id) != terms.secret.id:
        found.reasons["a fingerprint by another secret: it would stop nobody here"] += 1
        return
    else:
        person = bytes.fromhex(fingerprint)
    why = cells.get("reason", "")[:200] or terms.reason
    scope = scope_of(cells.get("scope", ""))
    if scope in _ALL:
        scope = EVERYTHING
    elif scope not in terms.lists:
        scope = terms.scope
    found.events.append(opted_out(person, scope, why, "import", terms.now))
