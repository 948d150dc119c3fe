"""What goes into the ledger and comes out of it, as plain values; no database is needed to hold one."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import Literal, NamedTuple

RunState = Literal["sending", "paused", "done", "cancelled"]
Answered = Literal["accepted", "rejected", "unknown", "ready"]  # `ready`: provably not taken, it goes again
EnrolmentEnd = Literal["finished", "exited", "rejected", "opted_out"]
OptOutAct = Literal["suppress", "lift"]
HaltWord = Literal["paused", "cancelled", "amended"]
EventKind = Literal["accepted", "bounced"]


class State(StrEnum):
    """A delivery's state: its row in `outcome`, else the state of its batch."""

    READY = "ready"
    INFLIGHT = "inflight"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SUPPRESSED = "suppressed"
    UNKNOWN = "unknown"


class Claim(StrEnum):
    """What became of a claim."""

    CLAIMED = "claimed"  # committed and synced: the first byte may go out
    CHANGED = "changed"  # others than the rendered ones are to go: read the members again, render again
    LIMITED = "limited"  # so many may not go at this moment; `allowance` says how many, and from when on
    LOST = "lost"  # not ours: another was faster, not yet due, the run stands still, nobody is left in it


class Person(NamedTuple):
    """Somebody to be frozen or enrolled; a tuple, for a million of them go to the driver as they are."""

    hmac: bytes  # 16 bytes, keyed by the project's secret: the identity
    key: str  # the address key
    email: str  # as typed


@dataclass(frozen=True, slots=True)
class NewRun:
    """What is to be sent, before it has a number."""

    env: str
    campaign: str
    content_hash: str
    plan_hash: str
    inputs: Mapping[str, object]  # JSON: what the run is finished from, and the files' hashes
    created_at: datetime
    occurrence: str | None = "1"  # None: the next number
    files: Mapping[str, bytes] = field(default_factory=dict)  # sha256 (hex) -> bytes, all that `inputs` name
    letter: str = ""  # sha256 (hex) of what it says, wherever its files lie
    again: bool = False  # it is meant that people get it who have the same letter by another campaign
    canary: int = 0  # so many go first, the others when these went well; 0: all at once


@dataclass(frozen=True, slots=True)
class EnrolmentMove:
    """A step of a sequence: whoever stands at `from_step` is frozen and moved to `step`, all in one."""

    sequence: str
    step: str
    from_step: str | None  # None: enrolled, nothing sent yet


@dataclass(frozen=True, slots=True)
class Run:
    """One occurrence of a campaign in one environment; what it is made of never changes."""

    id: int
    env: str
    campaign: str
    occurrence: str
    state: RunState
    content_hash: str
    plan_hash: str
    inputs: Mapping[str, object]
    total: int
    epoch: int
    created_at: datetime


class AlreadyFrozen(Exception):
    """This occurrence exists already; `run` is the one that was first."""

    def __init__(self, run: Run) -> None:
        super().__init__(f"{run.campaign} #{run.occurrence} is frozen in {run.env} since {run.created_at}")
        self.run = run


class SameLetter(Exception):
    """People who are to be frozen have this very letter by another campaign, or are still to get it."""

    def __init__(self, campaign: str, created_at: datetime, people: int) -> None:
        super().__init__(f"{people} have it as {campaign}")
        self.campaign = campaign
        self.created_at = created_at
        self.people = people


class StillMoving(Exception):
    """Not those were ready who were planned for, or somebody is being handed over: look again."""


@dataclass(frozen=True, slots=True)
class Halt:
    """Why a run stands still, or was ended before its end."""

    word: HaltWord
    reason: str
    at: datetime  # aware


@dataclass(frozen=True, slots=True)
class Counts:
    """The deliveries of a run by state; the six add up to the run's total.

    amended: of the suppressed ones those who went over to the campaign's next occurrence
    """

    ready: int = 0
    inflight: int = 0
    accepted: int = 0
    rejected: int = 0
    suppressed: int = 0
    unknown: int = 0
    amended: int = 0

    def by_state(self) -> dict[str, int]:
        """The six by name."""
        return {
            state: getattr(self, state)
            for state in ("ready", "inflight", "accepted", "rejected", "suppressed", "unknown")
        }

    @classmethod
    def summed(cls, counts: "Iterable[Counts]") -> "Counts":
        """Of several runs: each person as often as they were frozen, whoever went over only where they are now."""
        found = list(counts)
        total = {state: sum(getattr(one, state) for one in found) for state in cls().by_state()}
        total["suppressed"] -= sum(one.amended for one in found)
        return cls(**total)

    @property
    def total(self) -> int:
        return self.ready + self.inflight + self.accepted + self.rejected + self.suppressed + self.unknown

    @property
    def open(self) -> int:
        """Those whose story isn't over."""
        return self.ready + self.inflight + self.unknown


@dataclass(frozen=True, slots=True)
class Member:
    """A subscriber who is still to go in a batch."""

    id: int
    key: str | None  # None: erased since the freeze; the claim suppresses the id
    email: str | None


@dataclass(frozen=True, slots=True)
class Limit:
    """How many recipients may be handed over within a time; None: that is not limited."""

    scope: str  # whose count it is: of a sender, or of a campaign, in one environment
    per_second: int | None = None
    per_day: int | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """All that may hold a hand-over back."""

    limits: tuple[Limit, ...] = ()
    provider: str = ""  # in one environment; under this its own wish to be left alone is kept
    zone: tzinfo = UTC  # whose days they are
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)  # asked while the ledger is locked


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many may be handed over at this moment."""

    number: int
    until: datetime  # when all that were asked for may, or at least more
    reason: str = ""  # `second`, `day`, or why the provider is left alone


@dataclass(frozen=True, slots=True)
class UnknownBatch:
    """Deliveries of one attempt whose fate nobody knows."""

    no: int
    attempt_id: str
    ids: Sequence[int]  # ascending


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """What a provider told of one message, of one handing over."""

    run_id: int
    subscriber_id: int
    attempt_id: str
    kind: EventKind  # `bounced`: it was taken, and came back
    at: datetime  # aware; the provider's own time
    detail: str = ""  # one line, without addresses


class Heard(StrEnum):
    """What became of a provider's event."""

    SETTLED = "settled"  # it ended a doubt, or came before the answer did
    NOTED = "noted"  # nothing was in doubt
    KNOWN = "known"  # told before
    FOREIGN = "foreign"  # of no message of this ledger
    TWICE = "twice"  # of an earlier attempt than the one that counts: somebody got two


@dataclass(frozen=True, slots=True)
class Canary:
    """How the first batches of a run went."""

    verdict: Literal["waiting", "passed", "failed"]
    answered: int = 0
    failed: int = 0  # rejected, or of unknown fate


@dataclass(frozen=True, slots=True)
class Delivery:
    """One recipient of a run and what became of it."""

    subscriber_id: int
    key: str | None  # None: erased
    email: str | None
    state: State
    reason: str = ""
    at: datetime | None = None  # aware, UTC; None while nothing has happened


@dataclass(frozen=True, slots=True)
class OptOutEvent:
    """Somebody opted out of `scope`, or took that back. What was written down once is never changed."""

    id: str  # unique: what is taken in twice counts once
    hmac: bytes
    scope: str  # EVERYTHING, or a list's folded name
    act: OptOutAct
    reason: str
    source: str  # by which way it came: `page`, `one-click`, `command`, `import`
    at: datetime  # aware


@dataclass(frozen=True, slots=True)
class Suppression:
    """What holds now: this person gets nothing of `scope`."""

    hmac: bytes
    scope: str
    reason: str
    source: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Consent:
    """One proof that a person said yes; append-only, and it outlives the person's rows."""

    hmac: bytes
    list: str
    source: str  # where they said it
    text_version: str = ""  # which wording they said it to
    proof: str = ""  # what shows it, as an address and a time of confirmation
    given_at: datetime | None = None  # aware; None: nobody noted when
    recorded_at: datetime | None = None  # aware; when the store learned of it


@dataclass(frozen=True, slots=True)
class Attempt:
    """One handing over of the batch in which somebody was."""

    id: str
    state: str
    started_at: datetime  # aware
    ended_at: datetime | None  # aware; None: nobody saw its end


@dataclass(frozen=True, slots=True)
class Received:
    """One message to one person, and what became of it."""

    env: str
    campaign: str
    occurrence: str
    state: State
    reason: str
    at: datetime | None  # aware; None while nothing has happened
    attempts: Sequence[Attempt] = ()  # oldest first
    events: Sequence["ProviderEvent"] = ()  # what the provider told of it since, oldest first


@dataclass(frozen=True, slots=True)
class Standing:
    """One person's place in a sequence."""

    env: str
    sequence: str
    step: str | None
    state: str
    entered_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class History:
    """What the ledger holds of one person beside opt-outs and consent."""

    email: str | None  # as last typed in a list; None: no address of theirs is kept
    received: Sequence[Received] = ()
    sequences: Sequence[Standing] = ()


@dataclass(frozen=True, slots=True)
class Enrolment:
    """One person's place in a sequence."""

    subscriber_id: int
    key: str
    email: str
    step: str | None  # the last step that was frozen for this person
    run_id: int | None  # of that step
    entered_at: datetime
    state: str  # active, or how it ended: finished, exited, rejected, opted_out
    delivery_state: State | None = None  # of that step
    last_sent_at: datetime | None = field(
        default=None
    )  # when that step was accepted; None: it was not, or not yet


@dataclass(frozen=True, kw_only=True)
class Taking:
    """A batch that is to be claimed; each field as `Store.claim` has it."""

    run_id: int
    no: int
    ids: Sequence[int]
    late: Mapping[int, str]
    owner: int
    attempt_id: str
    body_sha256: bytes
    through: Mapping[int, str]
    pace: Pace | None = None


@dataclass(frozen=True, kw_only=True)
class Ending:
    """The answer to an attempt; each field as `Store.finish` has it."""

    attempt_id: str
    state: Answered
    exceptions: Mapping[int, tuple[Answered, str]]
    reason: str = ""
    status: int | None = None
    provider_id: str = ""
    detail: Mapping[str, object] | None = None
    not_before: datetime | None = None
    bounced: Collection[int] = ()
    pace: Pace | None = None
