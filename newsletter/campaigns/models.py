"""Campaign, sequence and step as values: what an author's files say, nothing of what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from newsletter.campaigns.clock import Period, Window
from newsletter.errors import Place, Problem


class Status(StrEnum):
    DRAFT = "draft"
    READY = "ready"
    PAUSED = "paused"  # sequences only


@dataclass(frozen=True, slots=True)
class StepRef:
    """Which step of which sequence a campaign is; `number` counts from 1."""

    sequence: str
    id: str
    number: int
    total: int


@dataclass(frozen=True, slots=True)
class Utm:
    """What is put on links to one's own hosts; the campaign's id is the third parameter."""

    hosts: tuple[str, ...]  # exactly these, as A-labels
    source: str
    medium: str


@dataclass(frozen=True)
class Campaign:
    """One mailing from one file (a step of a sequence is one, too)."""

    id: str  # path below campaigns/ without suffix; a step's is `sequence/step`
    file: str  # relative to the project
    body: str  # Markdown with Jinja, LF line ends, as the author wrote it
    body_line: int  # the file's line on which the body begins, from 1
    subject: str
    template: str  # a name below templates/, or "./letter.mjml" beside the file
    language: str
    status: Status
    preheader: str = ""
    segment: str = ""  # "" only for a step: who gets it is the sequence's affair
    exclude: tuple[str, ...] = ()  # a step's comes from its folders' defaults
    send_at: datetime | None = None  # aware, UTC
    timezone: str = "UTC"
    data: Mapping[str, object] = field(default_factory=dict)
    sender: str = ""  # `from`; "" = the project's
    reply_to: str = ""
    tags: tuple[str, ...] = ()
    attachments: tuple[str, ...] = ()  # files, beside the campaign or from the project's folder
    allow: frozenset[str] = frozenset()
    late_after: timedelta | None = None  # None = the project's
    utm: Utm | None = None
    per_second: int | None = (
        None  # how many recipients at most, beside the project's limit; None = no own one
    )
    per_day: int | None = None  # likewise, a day of the project's zone
    step: StepRef | None = None
    # Of each key's value, in whichever file it stands; a list's items by number: ("exclude", "0").
    places: Mapping[tuple[str, ...], Place] = field(default_factory=dict)
    sources: tuple[str, ...] = ()  # the files that made it: its own, _defaults.toml, sequence.toml

    def place(self, *keys: str) -> Place:
        """Where the value of a front-matter key stands; the file's first line when it is not written."""
        return self.places.get(keys) or Place(self.file, 1)

    @property
    def folder(self) -> str:
        """The folder, relative to the project, in which pictures and `./` templates lie."""
        return self.file.rpartition("/")[0]


@dataclass(frozen=True)
class Step:
    id: str
    wait: Period  # after the previous step was really sent; before the first: after entry
    campaign: Campaign


@dataclass(frozen=True)
class Sequence:
    """A folder of timed mailings; each person walks through it once."""

    id: str
    file: str
    status: Status
    segment: str
    steps: tuple[Step, ...]
    exit: tuple[str, ...] = ()
    window: Window | None = None
    min_gap: Period | None = None
    timezone: str = "UTC"
    places: Mapping[tuple[str, ...], Place] = field(default_factory=dict)
    sources: tuple[str, ...] = ()  # sequence.toml and the _defaults.toml files above it

    @property
    def zone(self) -> ZoneInfo:
        """The zone of its waits and its window."""
        return ZoneInfo(self.timezone)

    def place(self, *keys: str) -> Place:
        return self.places.get(keys) or Place(self.file, 1)

    def step(self, step_id: str) -> Step | None:
        return next((step for step in self.steps if step.id == step_id), None)


@dataclass(frozen=True)
class Catalogue:
    """Everything below campaigns/: what loads, and what does not with its problems.

    A broken file breaks only itself (a broken step: its sequence).
    """

    campaigns: Mapping[str, Campaign]  # one-off ones only
    sequences: Mapping[str, Sequence]
    problems: Mapping[str, tuple[Problem, ...]]  # id -> problems; an id with an error is in neither map

    def names(self) -> tuple[str, ...]:
        return tuple(sorted({*self.campaigns, *self.sequences, *self.problems}))
