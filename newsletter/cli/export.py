"""`export subscribers|suppressions|consent`: what we hold as CSV."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from newsletter.cli.output import counted as rows_told
from newsletter.cli.session import Session, global_options
from newsletter.cli.targets import outward

if TYPE_CHECKING:
    from newsletter.people.export import Dialect, Row


@click.command("export")
@click.argument("what", type=click.Choice(["subscribers", "suppressions", "consent"]))
@click.option("--list", "list_name", metavar="L", help="Only of this list.")
@click.option("-o", "--output", "target", type=click.Path(dir_okay=False), help="The file (default: stdout).")
@click.option(
    "--csv-dialect", "dialect", default="rfc4180", show_default=True, type=click.Choice(["rfc4180", "excel-sv"]),
    help="excel-sv: semicolons, decimal comma, byte order mark.",
)  # fmt: skip
@global_options
@click.pass_obj
def export(session: Session, what: str, list_name: str | None, target: str | None, dialect: "Dialect") -> int:
    """Lists, opt-outs or records of consent as CSV; `import` and `suppress import` take them back."""
    from newsletter.audience.leaving import scope_of
    from newsletter.people.export import consent_rows, list_rows, suppression_rows

    with session.reading() as (store, secret):
        rows: Iterable[Row]
        if what == "subscribers":
            session.workspace.asking = True  # lists that programs print are lists, too
            origins, problems = session.workspace.origins
            rows = list_rows(origins, problems, session.settings, list_name, dialect)
        else:
            known = session.workspace.audience.people if secret else ()
            emails = {secret.person(one.key): one.email for one in known} if secret else {}
            if what == "suppressions":
                wanted = scope_of(list_name) if list_name else None
                held = (one for one in (store.suppressions() if store else ()) if wanted in (None, one.scope))
                rows = suppression_rows(held, emails, secret.id if secret else "")
            else:
                rows = consent_rows(store.all_consents() if store else (), emails, list_name)
        number = _write(session, rows, target, dialect)
    return session.output.result({"what": what, "rows": number, "file": target})


def _write(session: Session, rows: "Iterable[Row]", target: str | None, dialect: "Dialect") -> int:
    """How many rows, the header not counted. A file is replaced only by a whole one, for its owner's eyes."""
    from newsletter.files.atomic import naming
    from newsletter.people.export import write_csv

    counted = _Counted(rows)
    pieces = write_csv(counted, dialect)
    if target is None:
        if session.json:
            for _ in pieces:
                pass
        else:
            for piece in pieces:
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
        return counted.number - 1
    path: Path = outward(session, "--output", target)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        handle = os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with naming(path), os.fdopen(handle, "wb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    session.output.note(f"{rows_told(counted.number - 1, 'row')} in {target}")
    return counted.number - 1


class _Counted:
    def __init__(self, rows: "Iterable[Row]") -> None:
        self.number = 0
        self._rows = rows

    def __iter__(self):  # type: ignore[no-untyped-def]
        for row in self._rows:
            self.number += 1
            yield row
