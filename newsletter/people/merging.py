"""An import beside the list that is there: the list as it will be, in a file of its own, and what that means."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TextIO

from newsletter.audience import cells as typed
from newsletter.audience.address import parse_address
from newsletter.audience.folding import fold
from newsletter.audience.table import fold_name
from newsletter.audience.writing import row_writer
from newsletter.errors import ChecksFailed, GuardRefused, Place, Problem
from newsletter.files.project import Project
from newsletter.people.destination import digest_of, refuse_unreadable
from newsletter.people.foreign import Foreign, open_foreign, whole_rows
from newsletter.people.intake import Intake


def merge(project: Project, intake: Intake, scratch: Path) -> None:
    """Write the list as it will be to a file in `scratch`, and count what that means.

    Raises ChecksFailed: I114 for a list that can't be added to, I134 for a row in it whose cells can't be told apart,
    I133 for columns that no list can have; GuardRefused (I110) where consent has no source.
    """
    order, counts = intake.order, intake.counts
    target = project.path(intake.target)
    intake.list_digest = digest_of(target)
    columns, existing = _existing(project, target)
    intake.existing = bool(columns)
    columns = [*columns, *(name for name in intake.columns if name not in columns)]
    if not intake.existing and "email" in columns and intake.format != "csv":
        columns = ["email", *(name for name in columns if name != "email")]
    if columns:  # no row came up: nothing is written
        refuse_unreadable(columns, order.file.name)
    made = scratch / "list.csv"
    with made.open("w", encoding="utf-8", newline="") as file:
        put = row_writer(file.write)
        put(columns)
        for row in existing:
            row += [""] * (len(columns) - len(row))  # the columns that are new
            _merge_row(intake, columns, row)
            put(row)
        sourceless, kept_no = _append(intake, columns, file)
        file.flush()
        os.fsync(file.fileno())
    if sourceless and intake.ground.basis == "consent" and not intake.ground.consent_source:
        raise GuardRefused(
            Problem(
                "I110",
                f"nothing says where {sourceless} of the new people gave their consent",
                Place(order.file.name),
                f'--consent-source "…", a column consent_source, or [list.{order.list}] in newsletter.toml',
            )
        )
    if counts.new or counts.updated or kept_no:
        intake.list_file = made


def _append(intake: Intake, columns: list[str], file: TextIO) -> tuple[int, int]:
    """Whoever is new goes to the end. How many of them have no source, and how many stand there to say no."""
    counts, staged = intake.counts, intake.staged
    sourceless = kept_no = 0
    for came_in, kept, sourced, number in staged.count_rest():
        if came_in:
            counts.new += number
            sourceless += 0 if sourced else number
        else:
            counts.suppressed += number
            kept_no += number if kept else 0
    if columns == intake.columns:
        file.flush()
        staged.write_rest(file.buffer, len(columns))
    else:
        put = row_writer(file.write)
        for cells in map(intake.cells_of, staged.rest()):
            put([cells.get(name, "") for name in columns])
    return sourceless, kept_no


def _existing(project: Project, target: Path) -> tuple[list[str], Iterator[list[str]]]:
    """Columns and rows of the list; none where there is no list yet. ChecksFailed (I114) for a broken one."""
    if not target.exists():
        return [], iter(())
    shown = project.relative(target)
    file = target.open("rb")
    try:
        foreign = open_foreign(file, shown, encoding="utf-8", delimiter=",")
        columns = [fold_name(cell) for cell in foreign.header]
        if columns.count("email") != 1:
            raise ChecksFailed(Problem("A103", "the list has no column `email`", Place(shown, 1)))
    except ChecksFailed as failed:
        file.close()
        raise ChecksFailed(
            Problem("I114", f"the list can't be added to: {failed.problems[0].message}", failed.problems[0].place,
                    "newsletter check, mend it, then import again")
        ) from failed  # fmt: skip
    return columns, _closing_rows(foreign, file)


def _closing_rows(foreign: Foreign, file: IO[bytes]) -> Iterator[list[str]]:
    with file:
        for _, row in whole_rows(foreign):
            yield row


def _merge_row(intake: Intake, columns: list[str], row: list[str]) -> None:
    """Change one row of the list by what came for that person; an empty cell changes nothing."""
    at = columns.index("email")
    key = parse_address(row[at]).key
    staged = intake.staged.find(key)
    if staged is None:
        return
    intake.staged.mark_done(staged.no)
    before = list(row)
    if staged.came_in:
        for name, value in intake.cells_of(staged).items():
            _merge_cell(columns, row, name, value)
        changed = [cell.strip() for cell in row] != [cell.strip() for cell in before]
        intake.counts.updated += changed
        intake.counts.unchanged += not changed
        if not changed:
            row[:] = before
    else:
        intake.counts.suppressed += 1


def _merge_cell(columns: list[str], row: list[str], name: str, value: str) -> None:
    at = columns.index(name)
    old = row[at].strip()
    if name in ("email", "status") or (name in ("consent_source", "consent_at") and old):
        return  # an import brings nobody back, and the first yes stays on record
    if name == "tags":
        known = {fold(tag): tag for tag in typed.tags(old)}
        more = [tag for tag in typed.tags(value) if fold(tag) not in known]
        row[at] = ",".join([*known.values(), *more]) if more else row[at]
    elif value != old:
        row[at] = value
