"""An import up to the point where nothing is written yet: read, understood, compared with the list, counted."""

import csv
import io
import os
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import IO
from zoneinfo import ZoneInfo

from newsletter.audience import cells as typed
from newsletter.audience.address import addresses_in, parse_address
from newsletter.audience.folding import fold
from newsletter.audience.leaving import EVERYTHING, scope_of
from newsletter.audience.table import LONGEST_ROW, MOST_COLUMNS, fold_name
from newsletter.errors import (
    ChecksFailed,
    GuardRefused,
    Place,
    Problem,
    Severity,
    UsageFault,
    did_you_mean,
)
from newsletter.files.project import Project
from newsletter.people import formats
from newsletter.people.cells import unguarded
from newsletter.people.destination import destination, digest_of, refuse_unreadable
from newsletter.people.encodings import Encoding
from newsletter.people.foreign import Foreign, cells_by, open_foreign
from newsletter.settings.model import ListSettings, Settings
from newsletter.settings.secret import Secret
from newsletter.store.optouts import opted_out
from newsletter.store.staging import Staging
from newsletter.store.values import Consent, OptOutEvent

_IN_BRACKETS = re.compile(r"^(?P<name>[^<>]*)<(?P<address>[^<>]+@[^<>]+)>$")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_NO = ("unsubscribed", "cleaned")
_MOST_UNPACKED = 2 * 2**30  # bytes of all files in a zip together
_OURS = ("csv",)  # formats whose rows keep their status: they may be lists of ours


@dataclass(frozen=True)
class Order:
    """What was asked for. format: None finds out; columns: --map, their header -> our column"""

    file: Path
    list: str
    format: formats.Format | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    encoding: str | None = None
    delimiter: str | None = None
    consent_source: str = ""
    consent_text: str = ""


@dataclass
class Counts:
    """Of the file's rows, each in one number; they add up to `rows`."""

    new: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    suppressed: int = 0
    duplicates: int = 0

    @property
    def came_in(self) -> int:
        return self.new + self.updated + self.unchanged

    @property
    def rows(self) -> int:
        return self.came_in + self.rejected + self.suppressed + self.duplicates


@dataclass
class Intake:
    """What the import would do. Files it made are beside those they become, and go when it is closed."""

    order: Order
    format: formats.Format
    encoding: Encoding
    delimiter: str
    mapping: dict[str, str]  # their header -> our column
    counts: Counts
    problems: list[Problem]
    columns: list[str]
    reasons: Counter[str]  # why rows were rejected
    list_file: Path | None  # the list as it will be; None: it stays as it is
    rejects_file: Path
    opt_outs: list[OptOutEvent]
    staged: Staging
    ground: ListSettings  # of the list
    zone: ZoneInfo
    target: str  # the list's file
    existing: bool
    list_digest: bytes = b""  # of the list as it was when it was compared with

    def consents(self, secret: Secret) -> Iterator[Consent]:
        """A record for each who came in with a source, and what shows it."""
        for key, row in self.staged.everything():
            source = self.source_of(row["cells"])
            if row["counted"] == "in" and (source or row["proof"]):
                given = self._moment(row["cells"].get("consent_at", ""))
                text = self.order.consent_text
                yield Consent(secret.person(key), self.order.list, source, text, row["proof"], given)

    def source_of(self, cells: Mapping[str, str]) -> str:
        """Where somebody said yes: their row, the order, or the list's own default; "" where nothing says it."""
        return cells.get("consent_source") or self.order.consent_source or self.ground.consent_source

    def _moment(self, cell: str) -> datetime | None:
        try:
            return typed.instant(cell, self.zone) if cell else None
        except ValueError:
            return None


class Reader:
    """Takes an order apart. Nothing of the project is changed; temporary files lie in `scratch`."""

    def __init__(
        self,
        project: Project,
        settings: Settings,
        secret: Secret,
        suppressed: Mapping[bytes, frozenset[str]],
        now: datetime,
    ) -> None:
        self.project, self.settings, self.secret = project, settings, secret
        self.suppressed, self.now = suppressed, now
        self.zone: ZoneInfo = settings.zone

    def read(self, order: Order, scratch: Path, closing: ExitStack) -> Intake:
        """Raises ChecksFailed (I101 to I109, I114, I115), UsageFault (I113, I118), GuardRefused (I110)."""
        target = destination(self.project, self.settings, order.list)
        order = replace(order, list=target.name)
        staged = closing.enter_context(Staging())
        rejects_file = scratch / "rejects.csv"
        rejects = closing.enter_context(rejects_file.open("w", encoding="utf-8", newline=""))
        intake: Intake | None = None
        for name, file in self._sources(order.file, closing):
            foreign = open_foreign(file, name, encoding=order.encoding, delimiter=order.delimiter)
            folded = [fold_name(cell) for cell in foreign.header]
            kind = order.format or formats.detect(folded, name)
            columns = self._columns(order, foreign, kind)
            if intake is None:
                intake = Intake(
                    order, kind, foreign.encoding, foreign.delimiter,
                    {h.strip(): c for h, c in zip(foreign.header, columns, strict=True) if c},
                    Counts(), [], [], Counter(), None, rejects_file, [], staged,
                    self.settings.list.get(order.list) or ListSettings(), self.zone, target.file, existing=False,
                )  # fmt: skip
                csv.writer(rejects, lineterminator="\n").writerow(["row", "reason", *foreign.header])
            self._take_rows(intake, foreign, kind, columns, rejects)
        assert intake is not None  # noqa: S101 - a file without a header was refused
        rejects.flush()
        self._hints(intake, order)
        self._merge(intake, scratch)
        return intake

    def _sources(self, path: Path, closing: ExitStack) -> Iterator[tuple[str, IO[bytes]]]:
        """The file, or the lists in Mailchimp's zip: opt-outs first, so that no yes comes before a no."""
        try:
            file = closing.enter_context(path.open("rb"))
        except OSError as fault:
            hint = "the path of a CSV file, or of Mailchimp's zip"
            raise ChecksFailed(
                Problem("I101", f"{path} can't be read: {(fault.strerror or '').lower()}", hint=hint)
            ) from fault
        if file.read(4) != b"PK\x03\x04":
            file.seek(0)
            yield path.name, file
            return
        try:
            packed = closing.enter_context(zipfile.ZipFile(file))
            members = [one for one in packed.infolist() if formats.verdict_of_file(one.filename)]
        except zipfile.BadZipFile as fault:
            raise ChecksFailed(
                Problem("I115", f"{path.name} is a damaged zip", Place(path.name), "export it once more")
            ) from fault
        if not members or sum(one.file_size for one in members) > _MOST_UNPACKED:
            raise ChecksFailed(
                Problem(
                    "I115",
                    "the zip holds no lists of Mailchimp's"
                    if not members
                    else "the zip unpacks to more than 2 GiB",
                    Place(path.name),
                    "import its CSV files one by one",
                )
            )
        for one in sorted(members, key=lambda one: formats.verdict_of_file(one.filename) == "subscribed"):
            with packed.open(one) as opened:
                yield one.filename, _seekable(opened)

    def _columns(self, order: Order, foreign: Foreign, kind: formats.Format) -> list[str]:
        """Our column for each of theirs; "" for one that has no name."""
        wanted = {fold_name(theirs): ours for theirs, ours in order.columns.items()}
        folded = [fold_name(cell) for cell in foreign.header]
        if missing := [theirs for theirs in order.columns if fold_name(theirs) not in folded]:
            raise UsageFault(
                Problem(
                    "I113",
                    f"--map: there is no column `{missing[0]}`",
                    hint=did_you_mean(missing[0], foreign.header),
                )
            )
        place = Place(foreign.shown, 1)
        columns = [
            fold_name(wanted[name]) if name in wanted else formats.SYNONYMS.get(name, name) for name in folded
        ]
        if kind == "csv" and "name" in columns and "first_name" in columns:
            columns = [name if ours == "name" else ours for name, ours in zip(folded, columns, strict=True)]
        addresses = [foreign.header[n].strip() for n, name in enumerate(columns) if name == "email"]
        if not addresses:
            known = ", ".join(cell.strip() for cell in foreign.header[:8])
            raise ChecksFailed(
                Problem(
                    "I103",
                    f"no column holds addresses (the first ones are {known})",
                    place,
                    "--map HEADER=email",
                )
            )
        if len(addresses) > 1:
            raise ChecksFailed(
                Problem("I104", f"two address columns: `{addresses[0]}` and `{addresses[1]}`", place,
                        f"say which: --map '{addresses[1]}=other_email'")
            )  # fmt: skip
        twice = next((name for n, name in enumerate(columns) if name and name in columns[:n]), None)
        if twice:
            message = f"two columns are `{twice}`"
            raise ChecksFailed(
                Problem("I107", message, place, f"give one another name: --map HEADER={twice}_2")
            )
        return columns

    def _take_rows(
        self, intake: Intake, foreign: Foreign, kind: formats.Format, columns: list[str], rejects: IO[str]
    ) -> None:
        writer = csv.writer(rejects, lineterminator="\n")
        seen: dict[str, None] = {}
        for line, row in foreign.rows:
            reason = self._take(intake, foreign, kind, columns, line, row, seen)
            if reason:
                intake.counts.rejected += 1
                intake.reasons[reason] += 1
                writer.writerow([line, reason, *row])
        kept = [name for name in columns if name] if kind == "csv" else []
        intake.columns = list(dict.fromkeys([*intake.columns, *kept, *seen]))

    def _take(
        self,
        intake: Intake,
        foreign: Foreign,
        kind: formats.Format,
        columns: list[str],
        line: int,
        row: list[str],
        seen: dict[str, None],
    ) -> str | None:
        """Put one row where it belongs; a reason when it can't be taken."""
        if len(row) != len(columns):
            if (
                kind == "mailchimp" and formats.verdict_of_file(foreign.shown) in _NO
            ):  # all who are in it said no
                said = formats.verdict_of_file(foreign.shown)
                intake.opt_outs += [self._opted_out(each.key, said) for each in addresses_in(row)]
            return f"it has {len(row)} cells, the header {len(columns)}"
        if sum(len(cell) + cell.count('"') + 3 for cell in row) > LONGEST_ROW:
            return f"it has more than {LONGEST_ROW} characters"
        found_cells = cells_by(columns, row).items()
        cells = {name: unguarded(cell) if cell[0] == "'" else cell for name, cell in found_cells}
        incoming = formats.translate(kind, line, cells, foreign.shown)
        if incoming.problems:
            return incoming.problems[0]
        found = _IN_BRACKETS.match(cells.get("email", ""))
        if found and not cells.get("first_name") and (name := found["name"].strip(' "')):
            cells["first_name"], _, last = name.partition(" ")
            if last:
                cells["last_name"] = last
        address = parse_address(found["address"] if found else cells.get("email", ""))
        if not address.email:
            return "no address"
        if address.problem is not None:
            return f"the address is not valid: {address.problem.rstrip('.')}"
        local, _, domain = address.email.rpartition("@")
        cells["email"] = f"{local}@{domain.lower()}"
        if (
            kind in _OURS
            and cells.get("status", "").casefold() not in typed.STATUS_WORDS
            and incoming.verdict
        ):
            cells["status"] = incoming.verdict  # as lists say it; they don't know other programs' words
        if incoming.verdict is None:
            return f"unknown status `{cells['status'][:40]}`: it might say no"
        self._note(intake, incoming, local, domain.lower())
        if foreign.delimiter == ";":
            self._decimal_points(cells)
        no = incoming.verdict in _NO
        held: frozenset[str] = frozenset()
        if no or self.suppressed:
            hmac = self.secret.person(address.key)
            held = self.suppressed.get(hmac, held)
            if no:
                intake.opt_outs.append(self._opted_out(address.key, incoming.verdict))
        known_no = EVERYTHING in held or scope_of(intake.order.list) in held
        counted = "suppressed" if no or known_no else "in"
        if kind not in _OURS:
            cells.pop("status", None)
            if incoming.verdict == "pending":
                cells["status"] = "pending"
        self._stage(
            intake,
            incoming,
            address.key,
            counted,
            keep=kind in _OURS and not (known_no and not no),
            seen=seen,
        )
        return None

    def _opted_out(self, key: str, verdict: formats.Verdict | None) -> OptOutEvent:
        reason = "unsubscribed" if verdict == "unsubscribed" else "bounced"
        return opted_out(self.secret.person(key), EVERYTHING, reason, "import", self.now)

    def _stage(
        self,
        intake: Intake,
        incoming: formats.Incoming,
        key: str,
        counted: str,
        *,
        keep: bool,
        seen: dict[str, None],
    ) -> None:
        cells, staged = incoming.cells, intake.staged
        row = {
            "cells": cells,
            "counted": counted,
            "keep": keep or counted == "in",
            "line": incoming.line,
            "proof": incoming.proof,
        }
        if not cells.keys() <= seen.keys():
            seen.update(dict.fromkeys(cells))
            if len(seen) > MOST_COLUMNS:  # attributes of every person's own
                refuse_unreadable(tuple(seen), intake.order.file.name)
        if staged.put(key, row):
            return
        intake.counts.duplicates += 1
        before = staged.find(key)
        if before and counted == "suppressed" and before["counted"] == "in":
            staged.replace(key, {**before, "counted": "suppressed", "keep": keep, "cells": cells})

    def _decimal_points(self, cells: dict[str, str]) -> None:
        for name, kind in self.settings.attributes.items():
            if kind == "number" and _DECIMAL_COMMA.fullmatch(cells.get(name, "")):
                cells[name] = cells[name].replace(",", ".")

    def _note(self, intake: Intake, incoming: formats.Incoming, local: str, domain: str) -> None:
        if (
            domain not in formats.TYPOS
            and local.lower() not in formats.ROLES
            and not incoming.times_without_zone
        ):
            return
        place = Place(intake.order.file.name, incoming.line)

        def say(message: str, hint: str) -> None:
            if sum(one.code == "I117" for one in intake.problems) < 20:
                intake.problems.append(Problem("I117", message, place, hint, Severity.WARNING))

        if domain in formats.TYPOS:
            say(f"`@{domain}` may be a slip", f"is it @{formats.TYPOS[domain]}? It was taken as it is")
        if local.lower() in formats.ROLES:
            say(f"`{local}@…` is a function, not a person", "ask who reads it, and whether they said yes")
        if incoming.times_without_zone and not any("time zone" in one.message for one in intake.problems):
            say(
                "times of opt-in have no time zone: they are taken for UTC",
                "nothing, if the export is Mailchimp's",
            )

    def _hints(self, intake: Intake, order: Order) -> None:
        """Contacts without those who said no: a new system would write to them again."""
        opt_outs_came = any(one for one in intake.opt_outs)
        if intake.format in ("mailchimp", "sendgrid") and not opt_outs_came:
            whose = "Mailchimp" if intake.format == "mailchimp" else "SendGrid"
            what = (
                "the files unsubscribed_… and cleaned_… of the same export"
                if intake.format == "mailchimp"
                else "the exports of unsubscribes, bounces, blocks, spam reports and invalid addresses"
            )
            intake.problems.append(
                Problem(
                    "I111",
                    f"contacts of {whose} came without anybody who said no: do you have those, too?",
                    Place(order.file.name),
                    f"newsletter suppress import FILE, for {what}",
                    Severity.WARNING,
                )
            )

    # --- comparing with the list that is there

    def _merge(self, intake: Intake, scratch: Path) -> None:
        """Write the list as it will be to a file in `scratch`, and count what that means."""
        order, counts = intake.order, intake.counts
        target = self.project.path(intake.target)
        intake.list_digest = digest_of(target)
        columns, existing = self._existing(target)
        intake.existing = bool(columns)
        wanted = [name for name in intake.columns if name not in columns]
        if order.consent_source and "consent_source" not in (*columns, *wanted):
            wanted.append("consent_source")
        columns = [*columns, *wanted]
        if not intake.existing and "email" in columns and intake.format != "csv":
            columns = ["email", *(name for name in columns if name != "email")]
        refuse_unreadable(columns, order.file.name)
        made = scratch / "list.csv"
        sourceless = kept_no = 0
        with made.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            for row in existing:
                row += [""] * (len(columns) - len(row))
                self._merge_row(intake, columns, row)
                writer.writerow(row)
            for _, staged in intake.staged.rest():
                cells: dict[str, str] = staged["cells"]
                came_in = staged["counted"] == "in"
                if came_in:
                    counts.new += 1
                    sourceless += not intake.source_of(cells)
                else:
                    counts.suppressed += 1
                    kept_no += bool(staged["keep"])
                if staged["keep"]:
                    if came_in and order.consent_source and not cells.get("consent_source"):
                        cells["consent_source"] = order.consent_source
                    writer.writerow([cells.get(name, "") for name in columns])
            file.flush()
            os.fsync(file.fileno())
        if sourceless and intake.ground.basis == "consent":
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

    def _existing(self, target: Path) -> tuple[list[str], Iterator[list[str]]]:
        """Columns and rows of the list; none where there is no list yet. ChecksFailed (I114) for a broken one."""
        if not target.exists():
            return [], iter(())
        shown = self.project.relative(target)
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

    def _merge_row(self, intake: Intake, columns: list[str], row: list[str]) -> None:
        """Change one row of the list by what came for that person; an empty cell changes nothing."""
        at = columns.index("email")
        key = parse_address(row[at]).key
        staged = intake.staged.find(key)
        if staged is None:
            return
        intake.staged.mark_done(key)
        cells: dict[str, str] = staged["cells"]
        before = list(row)
        if staged["counted"] == "in":
            for name, value in cells.items():
                self._merge_cell(columns, row, name, value)
            source = "consent_source"
            if intake.order.consent_source and source in columns and not row[columns.index(source)]:
                row[columns.index(source)] = intake.order.consent_source
            changed = [cell.strip() for cell in row] != [cell.strip() for cell in before]
            intake.counts.updated += changed
            intake.counts.unchanged += not changed
            if not changed:
                row[:] = before
        else:
            intake.counts.suppressed += 1

    @staticmethod
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


def _closing_rows(foreign: Foreign, file: IO[bytes]) -> Iterator[list[str]]:
    with file:
        for _, row in foreign.rows:
            yield row


def _seekable(opened: IO[bytes]) -> IO[bytes]:
    """A member of a zip can be read from its beginning again; that is all that is asked of it."""
    return io.BufferedReader(opened)  # type: ignore[type-var]
