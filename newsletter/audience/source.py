"""A list whose truth lies in another program: its CSV is asked for by a command, and held when it looks wrong."""

import contextlib
import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from newsletter.audience.load import Origin
from newsletter.audience.table import LONGEST_ROW, Unreadable, read_table
from newsletter.errors import ChecksFailed, Place, Problem, Severity
from newsletter.files.project import SETTINGS_FILE, read_lines

TIME_LIMIT_S = 600
MOST_BYTES = 2 * 10**9  # a million people with a page of notes each
_LOOK_EVERY_S = 0.2
LEAST_LEFT = 0.8  # a list that lost more than a fifth since last time is held


def fetch(name: str, command: tuple[str, ...], root: Path, folder: Path) -> Origin:
    """Run the command in the project's folder, without a shell; what it prints goes to a file in `folder`.

    What it says on stderr goes nowhere: it may hold a key. Raises ChecksFailed: A130 it failed, A131 nothing came.
    """
    path = folder / f"{len(list(folder.iterdir()))}.csv"
    with path.open("xb") as out:
        failed = _run(command, root, out)
    if failed:
        raise _failed(name, command, failed)
    origin = Origin(name, f"list.{name}", path)
    rows = _rows(origin)
    if not rows:
        hint = f"run the program of [list.{name}] by hand and see what it prints"
        problem = Problem("A131", f"the list `{name}` is held: `{command[0]}` printed nobody", _place(), hint)
        raise ChecksFailed(problem)
    return Origin(name, origin.file, path, rows)


def _run(command: tuple[str, ...], root: Path, out: IO[bytes]) -> str | None:
    """Let it print into `out`; why it failed. It hears Ctrl-C itself, as part of what runs in the terminal."""
    try:
        ran = subprocess.Popen(
            command, cwd=root, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL
        )
    except OSError as error:
        return error.strerror or str(error)
    deadline = time.monotonic() + TIME_LIMIT_S
    with ran:
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    code = ran.wait(timeout=_LOOK_EVERY_S)
                    return f"exit {code}" if code else None
                if os.fstat(out.fileno()).st_size > MOST_BYTES:
                    return f"it printed more than {MOST_BYTES:,} bytes".replace(",", " ")
                if time.monotonic() > deadline:
                    return f"still running after {TIME_LIMIT_S} s"
        finally:
            ran.kill()  # does nothing to one that has ended


def _rows(origin: Origin) -> int:
    """How many rows the table has; what can't be read is told when it is loaded."""
    if not origin.path.stat().st_size:
        return 0
    lines = lambda: read_lines(origin.path, file=origin.file, longest=LONGEST_ROW)  # noqa: E731
    try:
        table, _ = read_table(lines, origin.file)
        return sum(1 for _, row in table.rows() if any(cell.strip() for cell in row)) if table else 1
    except (Unreadable, ChecksFailed):
        return 1


def shrunk(name: str, before: int, now: int) -> Problem | None:
    """Why a list is held that lost more than a fifth of its rows; None when it did not."""
    if now >= before * LEAST_LEFT:
        return None
    message = (
        f"the list `{name}` is held: its source printed fewer rows ({now}) than the last time ({before})"
    )
    return Problem(
        "A132", message, _place(), f"if that is right: newsletter segment load --accept-smaller {name}"
    )


def both(name: str, file: str) -> Problem:
    """What is told of a list that has a file, too."""
    message = f"the list `{name}` has a file and a source"
    return Problem("A133", message, Place(file), f"delete the file, or `source` under [list.{name}]")


def not_loaded(name: str) -> Problem:
    """What is told of a list of which a look, which runs no program, knows nothing."""
    message = f"nothing of the list `{name}` is loaded here: a look runs no program"
    return Problem("A134", message, _place(), "newsletter segment load", Severity.WARNING)


def held_otherwise(name: str, file: str, retyped: Mapping[str, str]) -> Problem:
    """What is told of a held list whose columns have other types by now. retyped: column -> its type now"""
    column, kind = next(iter(retyped.items()))
    message = f"the list `{name}` is as it was before `{column}` became {kind}: it counts as missing there"
    return Problem(
        "A141", message, Place(file), "newsletter segment load, once its program answers", Severity.WARNING
    )


def _failed(name: str, command: tuple[str, ...], reason: str) -> ChecksFailed:
    hint = f"run the program of [list.{name}] by hand and see what it says"
    message = f"the list `{name}` is held: `{command[0]}` failed ({reason})"
    return ChecksFailed(Problem("A130", message, _place(), hint))


def _place() -> Place:
    return Place(SETTINGS_FILE)
