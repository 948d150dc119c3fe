"""An import up to the point where nothing is written yet: what was asked for, and what it would do."""

import csv
import functools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from newsletter.audience import cells as typed
from newsletter.errors import Problem
from newsletter.people import formats
from newsletter.people.encodings import Encoding
from newsletter.settings.model import ListSettings
from newsletter.settings.secret import Secret
from newsletter.store.staged_opt_outs import StagedOptOuts
from newsletter.store.staging import Staged, Staging
from newsletter.store.values import Consent


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
    columns: list[str]  # of the rows that wait, in the order in which they came up
    reasons: Counter[str]  # why rows were rejected
    list_file: Path | None  # the list as it will be; None: it stays as it is
    rejects_file: Path
    opt_outs: StagedOptOuts
    staged: Staging
    ground: ListSettings  # of the list
    zone: ZoneInfo
    target: str  # the list's file
    existing: bool
    list_digest: bytes = b""  # of the list as it was when it was compared with

    def consents(self, secret: Secret) -> Iterator[Consent]:
        """A record for each who came in with a source, and what shows it."""
        default = self.ground.consent_source
        for row in self.staged.consenting(by_default=bool(default)):
            cells = self.cells_of(row)
            source, text = cells.get("consent_source", default), self.order.consent_text
            given = self._moment(cells.get("consent_at", ""))
            yield Consent(secret.person(row.key), self.order.list, source, text, row.proof, given)

    def cells_of(self, row: Staged) -> dict[str, str]:
        """By column; the empty ones left out. Rows were put before later columns were known, and end earlier."""
        cells = next(csv.reader([row.line]))
        return {name: cell for name, cell in zip(self.columns, cells, strict=False) if cell}

    def _moment(self, cell: str) -> datetime | None:
        try:
            return _instant(cell, self.zone) if cell else None
        except ValueError:
            return None


_instant = functools.lru_cache(32_768)(typed.instant)  # days repeat themselves
