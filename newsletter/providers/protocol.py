"""The one door out: what a provider is given, what it answers, and the four answers there are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from newsletter.mail.message import Envelope, Letter
from newsletter.render.composition import Composition, Values


class Answer(StrEnum):
    """Whether the provider took it; only a proof makes a final answer."""

    ACCEPTED = "accepted"  # proof that the provider has it: never hand over again
    REJECTED = "rejected"  # refused for good: these recipients, this message
    RETRY = "retry"  # proof that nothing was taken: may go again later
    UNKNOWN = "unknown"  # no proof either way: only evidence or a human decides


@dataclass(frozen=True)
class Parcel:
    """One recipient's message, not yet written out."""

    composition: Composition
    values: Values
    envelope: Envelope
    letter: Letter | None = None  # filled in and checked, if somebody did

    @property
    def sid(self) -> str:
        return self.envelope.sid

    @property
    def campaign_id(self) -> str:
        return self.composition.campaign.id


@dataclass(frozen=True, slots=True)
class Mark:
    """What a request carries of the ledger, so that the provider's events can be told apart; opaque to the provider."""

    attempt: str = ""
    epoch: str = ""  # of which ledger, and whether it was restored since


NO_MARK = Mark()


@dataclass(frozen=True)
class Request:
    """What one `hand_over` sends: ready bytes, made without any I/O."""

    sids: tuple[str, ...]  # in the order in which the request names the recipients
    sha256: bytes  # over the very bytes that will leave; written ahead in the attempt
    payload: object  # the provider's own
    apart: tuple[tuple[str, ...], ...] = ()  # who has to go in other requests, request by request


@dataclass(frozen=True)
class Outcome:
    """What became of one request."""

    answer: Answer  # for every sid that is not in `exceptions`
    status: int | None = None  # the provider's status code, None where it has none or gave none
    provider_id: str = ""
    detail: str = ""  # one line for a human; no address, no key, no content
    retry_after_s: float | None = None  # None: the caller's own backoff
    exceptions: Mapping[str, tuple[Answer, str]] = field(
        default_factory=dict
    )  # sid -> its answer, the reason
    put_off: frozenset[str] = (
        frozenset()
    )  # sids that wait alone while the others go on: a full mailbox, greylisting
    gone: frozenset[str] = frozenset()  # sids of rejected ones whose address does not exist
    split: bool = False  # too much for one request: the same in two
    quota: bool = (
        False  # the account has used up what it may send; `retry_after_s` says for how long, if known
    )
    pause: bool = False  # sending more is useless until a human has looked: key, sender, block, disk
    ours: bool = (
        False  # beside `pause`: what they have to mend is ours, such as the key, the password or the sender
    )

    @property
    def plain(self) -> bool:
        """Whether it took all of them, and there is nothing more to say."""
        more = self.exceptions or self.put_off or self.gone or self.split or self.quota or self.pause
        return self.answer is Answer.ACCEPTED and not more and self.retry_after_s is None


def never() -> bool:
    """Nobody asks for a stop."""
    return False


class Provider(Protocol):
    """A way out.

    For one process, and one request at a time; `prepare` may be asked for the next one by another thread meanwhile.
    `close` gives back what it holds.
    """

    @property
    def name(self) -> str: ...

    @property
    def live(self) -> bool:
        """Whether real people get it."""
        ...

    @property
    def max_batch(self) -> int:
        """The most parcels that one request takes."""
        ...

    def prepare(self, parcels: Sequence[Parcel], mark: Mark = NO_MARK) -> Request:
        """Write the messages out. Pure: no I/O, the same arguments give the same bytes.

        Where not all of them fit into one request, it is one for some, and `apart` has the others.

        Raises ChecksFailed when a message cannot be written (a line break in a header, an empty subject)
        and ValueError for more than `max_batch` parcels, none, or parcels of several campaigns.
        """
        ...

    def hand_over(self, request: Request, stop: Callable[[], bool] = never) -> Outcome:
        """Give it to the provider; the first byte leaves here, after the claim is committed.

        stop: cheap, from any thread; once it is true no further message is begun, where a request is handed over
        message by message. Whoever was not begun is told as `retry`. The first message goes in any case.
        Never raises for a fault of the provider, the network or the disk: that is an Outcome.
        """
        ...

    def evidence(self, campaign_id: str, sids: Sequence[str]) -> Mapping[str, bool] | None:
        """What the provider itself knows of these: sid -> it has the message. Reads only.

        None: it cannot be asked, so that absence proves nothing.
        """
        ...

    def close(self) -> None:
        """Give back connections. Safe to call twice."""
        ...
