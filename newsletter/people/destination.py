"""The list that an import adds to: which file it is, what it must not be called, and whether it could be read after."""

import contextlib
import csv
import hashlib
import io
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from newsletter.audience.definitions import read_document
from newsletter.audience.folding import fold
from newsletter.audience.load import FOLDER, PERSONAS
from newsletter.audience.table import read_table
from newsletter.errors import ChecksFailed, Place, Problem, UsageFault
from newsletter.files.project import Project
from newsletter.settings.model import Settings


@dataclass(frozen=True)
class Destination:
    """name: of the list, as its file is called; file: relative to the project, there or not yet"""

    name: str
    file: str


def destination(project: Project, settings: Settings, name: str) -> Destination:
    """The list of this name in any case and normal form.

    Raises UsageFault: I113 no name for a list, I118 a program prints it, I132 the name of something else.
    ChecksFailed (I114): two files have it.
    """
    if not re.fullmatch(r"[^\W_][\w.-]*", unicodedata.normalize("NFC", name)):
        message = f"`{name}` can't be the name of a list"
        raise UsageFault(Problem("I113", message, hint="letters, digits and hyphens: --list kunder"))
    if any(ground.source and fold(printed) == fold(name) for printed, ground in settings.list.items()):
        # A file beside the program would hold the list, for nobody could say which of them is right.
        hint = f"bring them in where it gets its people from, or take `source` from [list.{name}]"
        raise UsageFault(Problem("I118", f"a program prints the list `{name}`", hint=hint))
    if fold(name) == fold(PurePosixPath(PERSONAS).stem):
        message = f"`{PERSONAS}` holds made-up readers and is no list: nobody is mailed from it"
        raise UsageFault(Problem("I132", message, Place(PERSONAS), "another name: --list kunder"))
    if fold(name) in _segments(project):
        message = f"a segment is called `{name}`: a list of that name would stop every send"
        raise UsageFault(Problem("I132", message, hint=f"another name: --list {name}-lista"))
    there = [file for file in project.entries(FOLDER, ".csv") if fold(PurePosixPath(file).stem) == fold(name)]
    if len(there) > 1:
        message = f"two lists are called `{name}` but for case: {there[0]} and {there[1]}"
        raise ChecksFailed(Problem("I114", message, Place(there[0]), "rename one of the two files"))
    file = there[0] if there else f"{FOLDER}/{name}.csv"
    return Destination(unicodedata.normalize("NFC", PurePosixPath(file).stem), file)


def _segments(project: Project) -> frozenset[str]:
    """Folded names; a file that can't be read is told by `check`, and an import does not need it."""
    with contextlib.suppress(ChecksFailed):
        return frozenset(map(fold, read_document(project)[0].data))
    return frozenset()


def refuse_unreadable(columns: Sequence[str], shown: str) -> None:
    """ChecksFailed (I133) for columns that would make a list which every send is stopped by."""
    header = io.StringIO(newline="")
    csv.writer(header, lineterminator="\n").writerow(columns)
    _, problems = read_table(lambda: iter([header.getvalue()]), shown)
    for problem in problems:
        if problem.is_error:
            message = f"a list with these columns could not be read: {problem.message}"
            hint = "leave columns out, or give one another name: --map HEADER=NAME"
            raise ChecksFailed(Problem("I133", message, Place(shown), hint))


def digest_of(path: Path) -> bytes:
    """SHA-256 of a file's content; nothing where there is no file."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except FileNotFoundError:
        return b""
