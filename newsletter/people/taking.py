"""The rows of an import, one by one: who it is, whether they said no, and why a row can't be taken."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import IO

from newsletter.audience.address import addresses_in, parse_address
from newsletter.audience.cells import STATUS_WORDS
from newsletter.audience.leaving import EVERYTHING, scope_of
from newsletter.audience.models import Standing
from newsletter.audience.saying_no import asking, is_mere_yes
from newsletter.audience.table import LONGEST_ROW, MOST_COLUMNS
from newsletter.audience.writing import row_writer
from newsletter.errors import Place, Problem, Severity
from newsletter.people import formats
from newsletter.people.cells import guarded, unguarded
from newsletter.people.destination import refuse_unreadable
from newsletter.people.foreign import AROUND, Foreign, cells_by
from newsletter.people.intake import Intake
from newsletter.settings.model import Settings
from newsletter.settings.secret import Secret
from newsletter.store.optouts import opted_out
from newsletter.store.values import OptOutEvent

_IN_BRACKETS = re.compile(r"^(?P<name>[^<>]*)<(?P<address>[^<>]+@[^<>]+)>$")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_NO = ("unsubscribed", "cleaned")
_OURS = ("csv",)  # formats whose rows keep their status: they may be lists of ours
_NEITHER: frozenset[str] = frozenset()


class Taker:
    """Puts rows where they belong: in `staged`, among the opt-outs, or among the rejects. One for an intake."""

    def __init__(
        self,
        intake: Intake,
        settings: Settings,
        secret: Secret,
        suppressed: Mapping[bytes, frozenset[str]],
        now: datetime,
    ) -> None:
        self._intake, self._secret, self._suppressed, self._now = intake, secret, suppressed, now
        self._scope = scope_of(intake.order.list)
        self._numbers = [name for name, kind in settings.attributes.items() if kind == "number"]
        self._known: set[str] = set()  # the columns of the intake, which grow with the rows

    def take_rows(self, foreign: Foreign, kind: formats.Format, columns: list[str], rejects: IO[str]) -> None:
        intake, take, width = self._intake, self._take, len(columns)
        if kind == "csv":
            self._add_columns(name for name in columns if name)
        set_aside = row_writer(rejects.write)
        plain = self._plain_rows(foreign, kind, columns)
        for line, row in foreign.rows:
            if len(row) == width:
                if plain is not None and plain(row):
                    continue
                reason = take(foreign, kind, columns, line, row)
            else:
                reason = f"it has {len(row)} cells, the header {width}"
                self._heed(kind, foreign, row)
            if reason is not None:
                intake.counts.rejected += 1
                intake.reasons[reason] += 1
                set_aside([str(line), reason, *map(guarded, row)])  # it is looked at in a spreadsheet

    def _add_columns(self, names: Iterable[str]) -> None:
        self._intake.columns += [name for name in dict.fromkeys(names) if name not in self._known]
        self._known.update(self._intake.columns)
        if len(self._known) > MOST_COLUMNS:  # attributes of every person's own
            refuse_unreadable(self._intake.columns, self._intake.order.file.name)

    def _plain_rows(
        self, foreign: Foreign, kind: formats.Format, columns: list[str]
    ) -> Callable[[list[str]], bool] | None:
        """A shorter way for rows in which nothing is special, the same as `_take`; it leaves all others alone.

        None where the file is such that there are none.
        """
        source = self._intake.order.consent_source
        if (
            kind != "csv"
            or columns != self._intake.columns
            or "name" in columns
            or any(asking(name) for name in columns if name != "consent_source")
            or (source and "consent_source" not in columns)
            or (self._numbers and foreign.delimiter == ";")
        ):
            return None
        at, put, suppressed = columns.index("email"), self._intake.staged.put, self._suppressed
        typos, roles = formats.TYPOS, formats.ROLES
        status = columns.index("status") if "status" in columns else at
        consent = columns.index("consent_source") if "consent_source" in columns else at

        def take(row: list[str]) -> bool:
            cells = [cell.strip(AROUND) for cell in row]
            joined = "".join(cells)
            if (status != at and cells[status]) or "'" in joined or len(joined) > LONGEST_ROW // 4:
                return False
            address = parse_address(cells[at])
            local, _, domain = address.key.rpartition("@")
            if (
                address.problem is not None
                or domain in typos
                or local in roles
                or (consent != at and 0 < len(cells[consent]) < 7)  # perhaps no source, but a yes or a no
                or (suppressed and self._said_no("subscribed", address.key, no=False))
            ):
                return False
            cells[at] = address.email
            if address.email != address.address:
                local, _, domain = address.email.rpartition("@")
                cells[at] = f"{local}@{domain.lower()}"
            if source and not cells[consent]:
                cells[consent] = source
            sourced = int(consent != at and cells[consent] != "")
            put(address.key, cells, came_in=1, kept=1, sourced=sourced, proof="")
            return True

        return take

    def _take(
        self, foreign: Foreign, kind: formats.Format, columns: list[str], line: int, row: list[str]
    ) -> str | None:
        """Put one row where it belongs; a reason when it can't be taken."""
        cells = cells_by(columns, row)
        for name, cell in cells.items():
            if cell[0] == "'":
                cells[name] = unguarded(cell)
        if sum(map(len, row)) > LONGEST_ROW // 4 and _as_written(row) > LONGEST_ROW:
            return f"it has more than {LONGEST_ROW} characters"
        incoming = formats.translate(kind, line, cells, foreign.shown)
        if incoming.problem is not None:
            return incoming.problem
        address = parse_address(_address_cell(cells))
        if not address.email:
            return "no address"
        if address.problem is not None:
            return f"the address is not valid: {address.problem.rstrip('.')}"
        local, _, domain = address.email.rpartition("@")
        domain = domain.lower()
        cells["email"] = f"{local}@{domain}"
        if incoming.verdict is None:
            return f"unknown status `{cells['status'][:40]}`: it might say no"
        no = incoming.verdict in _NO
        status = STATUS_WORDS.get(cells.get("status", "").casefold())
        if kind in _OURS and (status is None or (no and status is Standing.SUBSCRIBED)):
            cells["status"] = incoming.verdict  # as lists say it; they don't know other programs' words
        if is_mere_yes(cells.get("consent_source", "")):
            del cells["consent_source"]
        self._note(incoming, local, domain)
        if foreign.delimiter == ";":
            self._decimal_points(cells)
        known_no = (no or self._suppressed) and self._said_no(incoming.verdict, address.key, no=no)
        came_in = not (no or known_no)
        if kind not in _OURS:
            cells.pop("status", None)
            if incoming.verdict == "pending":
                cells["status"] = "pending"
        kept = came_in or (kind in _OURS and not (known_no and not no))
        if came_in and (source := self._intake.order.consent_source):
            cells.setdefault("consent_source", source)
        if not cells.keys() <= self._known:
            self._add_columns(cells)
        get = cells.get
        row = [get(name, "") for name in self._intake.columns]
        sourced = "consent_source" in cells
        self._intake.staged.put(
            address.key, row, came_in=came_in, kept=kept, sourced=sourced, proof=incoming.proof
        )
        return None

    def _heed(self, kind: formats.Format, foreign: Foreign, row: list[str]) -> None:
        """In a file of people who all said no, a row whose cells can't be told apart says so too."""
        verdict = formats.verdict_of_file(foreign.shown) if kind == "mailchimp" else None
        if verdict in _NO:
            self._intake.opt_outs.extend(self._opted_out(verdict, each.key) for each in addresses_in(row))

    def _opted_out(self, verdict: formats.Verdict, key: str) -> OptOutEvent:
        reason = "unsubscribed" if verdict == "unsubscribed" else "bounced"
        return opted_out(self._secret.person(key), EVERYTHING, reason, "import", self._now)

    def _said_no(self, verdict: formats.Verdict, key: str, *, no: bool) -> bool:
        """Whether this person said no before; whoever says it here is written down."""
        hmac = self._secret.person(key)
        held = self._suppressed.get(hmac, _NEITHER)
        if no:
            self._intake.opt_outs.append(self._opted_out(verdict, key))
        return EVERYTHING in held or self._scope in held

    def _decimal_points(self, cells: dict[str, str]) -> None:
        for name in self._numbers:
            if _DECIMAL_COMMA.fullmatch(cells.get(name, "")):
                cells[name] = cells[name].replace(",", ".")

    def _note(self, incoming: formats.Incoming, local: str, domain: str) -> None:
        if (
            domain not in formats.TYPOS
            and local.lower() not in formats.ROLES
            and not incoming.times_without_zone
            and not incoming.tags_changed
        ):
            return
        problems = self._intake.problems
        place = Place(self._intake.order.file.name, incoming.line)

        def say(message: str, hint: str) -> None:
            if sum(one.code == "I117" for one in problems) < 20:
                problems.append(Problem("I117", message, place, hint, Severity.WARNING))

        if domain in formats.TYPOS:
            say(f"`@{domain}` may be a slip", f"is it @{formats.TYPOS[domain]}? It was taken as it is")
        if local.lower() in formats.ROLES:
            say(f"`{local}@…` is a function, not a person", "ask who reads it, and whether they said yes")
        if incoming.tags_changed and not any("commas" in one.message for one in problems):
            say(
                "tags with commas in them: a list would read two tags, so they are written without",
                "name them without in segments, too: `Press, radio` is `Press radio`",
            )
        if incoming.times_without_zone and not any("time zone" in one.message for one in problems):
            say(
                "times of opt-in have no time zone: they are taken for UTC",
                "nothing, if the export is Mailchimp's",
            )


def _address_cell(cells: dict[str, str]) -> str:
    """The address, also out of `Eva Berg <eva@example.org>`, whose name fills a name that is missing."""
    cell = cells.get("email", "")
    if "<" not in cell or not (found := _IN_BRACKETS.match(cell)):
        return cell
    if not cells.get("first_name") and (name := found["name"].strip(' "')):
        cells["first_name"], _, last = name.partition(" ")
        if last:
            cells["last_name"] = last
    return found["address"]


def _as_written(row: list[str]) -> int:
    """Characters that the row takes in a list at most: each cell in quotes, those inside it twice."""
    return sum(len(cell) + cell.count('"') + 3 for cell in row)
