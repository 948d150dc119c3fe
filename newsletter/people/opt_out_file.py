"""Opt-outs that come as a file: another program's bounces and unsubscribes, or our own export of them."""

import re
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO

from newsletter.audience.address import address_in, addresses_in
from newsletter.audience.folding import fold
from newsletter.audience.leaving import EVERYTHING, scope_of
from newsletter.audience.table import fold_name
from newsletter.audience.writing import row_writer
from newsletter.errors import ChecksFailed, GuardRefused, Place, Problem
from newsletter.people.cells import guarded, unguarded
from newsletter.people.foreign import AROUND, cells_by, no_addresses, open_foreign
from newsletter.people.formats import SYNONYMS, verdict, verdict_of_file
from newsletter.people.rows import addresses_within
from newsletter.settings.secret import Secret
from newsletter.store.optouts import opted_out
from newsletter.store.staged_opt_outs import StagedOptOuts

_ALL = frozenset((EVERYTHING, "all", "everything", "alla", "allt"))
_FINGERPRINT = re.compile(r"[0-9a-f]{32}")


_FILE = re.compile(
    r"(?<![a-z])(suppress|unsubscribe|opt[-_ ]?out|bounce|spam[-_ ]?report|invalid[-_ ]?email|blocklist|blacklist"
    r"|avregistrer|avanmäl|spärrlist|studsa)"
)


@dataclass
class OptOutFile:
    """What a file says; reasons: why rows were left out, with how many; rejects: those rows, as CSV"""

    events: StagedOptOuts
    rejects: IO[str]
    reasons: Counter[str] = field(default_factory=Counter)

    def set_aside(self, line: int, reason: str, row: Sequence[str]) -> None:
        self.reasons[reason] += 1
        row_writer(self.rejects.write)([str(line), reason, *map(guarded, row)])


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


def holds_only_no(columns: Collection[str], file_name: str) -> bool:
    """Whether it is a file of people who said no: by its name, or because it is our own export of them.

    >>> (
    ...     holds_only_no(["email", "created"], "suppression_unsubscribes.csv"),
    ...     holds_only_no(["email"], "kunder.csv"),
    ... )
    (True, False)
    """
    return {"fingerprint", "scope"} <= set(columns) or bool(_FILE.search(fold(file_name.rpartition("/")[2])))


@contextmanager
def read_opt_outs(
    path: Path, terms: Terms, *, encoding: str | None, delimiter: str | None
) -> Iterator[OptOutFile]:
    """One event for each address; a file of bare addresses will do. A row's own scope and reason hold.

    Whoever a row names is heard, also where its cells can't be told apart: an opt-out is not lost for a comma.
    Raises ChecksFailed (I101 to I109) for a file that can't be taken, GuardRefused (I141) for one in which people
    stand who want mail.
    """
    with StagedOptOuts() as events, tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as rejects:
        found = OptOutFile(events, rejects)
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
        row_writer(found.rejects.write)(["row", "reason", *(first if not bare else ())])
        if bare:
            _take_named(found, 1, first, terms)
        elif not {"email", "fingerprint"} & set(columns):
            raise no_addresses(path.name, first, "call the column `email`")
        if verdict_of_file(path.name) == "subscribed":
            raise _readers(path.name, "by the file's name these people want mail")
        several = columns.count("email") > 1  # all of them are heard
        for line, row in foreign.rows:
            if bare or several or len(row) != len(columns):
                _take_named(found, line, row, terms)
                continue
            cells = cells_by(columns, row)
            status = cells.get("status", "")
            if status and verdict(status) == "subscribed":
                raise _readers(f"{path.name}:{line}", f"by the status `{status}` this person wants mail")
            if not _take(found, line, row, cells, terms):
                _take_named(found, line, row, terms)


def _readers(where: str, why: str) -> GuardRefused:
    hint = "newsletter import FILE --list NAME hears those in it who said no; here, delete the others or the column"
    file, _, line = where.partition(":")
    return GuardRefused(
        Problem("I141", f"{why}: nobody was suppressed", Place(file, int(line) if line else None), hint)
    )


def _take_named(found: OptOutFile, line: int, row: Sequence[str], terms: Terms) -> None:
    """Everybody whom the cells name, whatever they are called."""
    cells = [unguarded(cell.strip(AROUND)) for cell in row]
    named = addresses_in(cells) or [one for cell in cells for one in addresses_within(cell)]
    for address in named:
        person = terms.secret.person(address.key)
        found.events.append(opted_out(person, terms.scope, terms.reason, "import", terms.now))
    if not named:
        found.set_aside(line, "no valid address", row)


def _take(found: OptOutFile, line: int, row: Sequence[str], cells: dict[str, str], terms: Terms) -> bool:
    """Whether the row is done with; False for one that names nobody where it should."""
    cells = {name: unguarded(cell) for name, cell in cells.items()}
    fingerprint = cells.get("fingerprint", "")
    address = address_in(cells.get("email", ""))
    if address.email and address.problem is None:
        person = terms.secret.person(address.key)
    elif not _FINGERPRINT.fullmatch(fingerprint):
        return False
    elif cells.get("key", terms.secret.id) != terms.secret.id:
        found.set_aside(line, "a fingerprint by another secret: it would stop nobody here", row)
        return True
    else:
        person = bytes.fromhex(fingerprint)
    why = cells.get("reason", "")[:200] or terms.reason
    scope = scope_of(cells.get("scope", ""))
    if scope in _ALL:
        scope = EVERYTHING
    elif scope not in terms.lists:
        scope = terms.scope
    found.events.append(opted_out(person, scope, why, "import", terms.now))
    return True
