"""Where somebody stands outside of lists and ledger: in copies of lists, and in files that were made from them."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from newsletter.audience.folding import fold
from newsletter.files.project import SETTINGS_FILE, Project
from newsletter.people import rows
from newsletter.people.identity import Identity
from newsletter.people.places import BACKUPS, REJECTS

_OUT = "out"


def copies_of_lists(project: Project) -> list[str]:
    """The copies that imports kept of lists, and the rows that they set aside; relative to the project."""
    found = [path for folder in (BACKUPS, REJECTS) for path in sorted((project.root / folder).rglob("*.csv"))]
    return [project.relative(path) for path in found]


def files_that_name(project: Project, who: Identity) -> list[str]:
    """Messages, exports and reports below out/ in which the address stands, and the settings if they have it.

    A file that can't be read is among them: it may hold it. The copies of lists are not.
    """
    copies = {project.root / file for file in copies_of_lists(project)}
    files = [project.root / SETTINGS_FILE, *sorted((project.root / _OUT).rglob("*"))]
    wanted = set(_spellings(who))
    named = (path for path in files if path.is_file() and path not in copies and _names(path, wanted))
    return [path.relative_to(project.root).as_posix() for path in named]


def _names(path: Path, wanted: set[str]) -> bool:
    try:
        text = fold(rows.decode(path.read_bytes()))
    except OSError:
        return True
    return any(spelling in text for spelling in wanted)


def _spellings(who: Identity) -> Iterator[str]:
    """As it was typed, as it is sent, and with its domain in letters."""
    yield fold(who.email)
    yield who.key
    local, _, domain = who.key.rpartition("@")
    with contextlib.suppress(UnicodeError):
        yield fold(f"{local}@{domain.encode('ascii').decode('idna')}")
