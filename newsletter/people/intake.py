"""An import up to the point where nothing is written yet: what was asked for, and what it would do."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from newsletter.audience import cells as typed
from newsletter.errors import Problem
from newsletter.people import formats
from newsletter.people.encodings import Encoding
from newsletter.settings.model import ListSettings
from newsletter.settings.secret import Secret
from newsletter.store.staging import Staging
from newsletter.store.values import Consent, OptOutEvent


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


class Staged(NamedTuple):
    """A row that waits: who came in is in the list; who said no is kept there if the file may be a list of ours."""

    came_in: bool
    kept: bool
    proof: str
    cells: dict[str, str]


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
    sourced: bool = False  # whether a row says where somebody said yes, or shows it

    def consents(self, secret: Secret) -> Iterator[Consent]:
        """A record for each who came in with a source, and what shows it."""
        if not (self.order.consent_source or self.ground.consent_source or self.sourced):
            return
        for key, row in self.staged.everything():
            staged = Staged(*row)
            source = self.source_of(staged.cells)
            if staged.came_in and (source or staged.proof):
                given = self._moment(staged.cells.get("consent_at", ""))
                text = self.order.consent_text
                yield Consent(secret.person(key), self.order.list, source, text, staged.proof, given)

    def source_of(self, cells: Mapping[str, str]) -> str:
        """Where somebody said yes: their row, the order, or the list's own default; "" where nothing says it."""
        return cells.get("consent_source") or self.order.consent_source or self.ground.consent_source

    def _moment(self, cell: str) -> datetime | None:
        try:
            return typed.instant(cell, self.zone) if cell else None
        except ValueError:
            return None
