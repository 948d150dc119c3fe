"""A campaign and its templates made into one, once; filled for each subscriber."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from newsletter.audience.models import Subscriber
from newsletter.campaigns.models import Campaign
from newsletter.errors import Place, Problem
from newsletter.files.project import Project
from newsletter.render.passage import Written
from newsletter.settings.model import Settings

Values = tuple[str, ...]
"""What differs from person to person, slot by slot."""


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses that are made for one person; the templates' `links`."""

    unsubscribe: str


TRIAL = Links(unsubscribe="https://newsletter.invalid/u/trial")
"""Links of letters that are only tried: RFC 6761 §6.4, `.invalid` never resolves."""


class Content(NamedTuple):
    """One person's message before it becomes MIME: finished texts, LF line ends."""

    subject: str  # one line, no control characters
    preheader: str  # one line, possibly empty; it already stands in the HTML
    pieces: tuple[str, ...]  # of the HTML: what is everybody's, a value, what is everybody's, …
    text: str

    @property
    def html(self) -> str:
        """Joined anew for each who asks: most ways out write it piece by piece."""
        return "".join(self.pieces)


def content_of(values: Values) -> Content:
    """The content of a letter that was rendered whole: its four parts are its values. Raises ValueError for others."""
    subject, preheader, html, text = values
    return Content(subject, preheader, ("", html, ""), text)


def received(text: str) -> int:
    """Bytes of a text as a mail program has it: UTF-8, and CRLF at the end of each line (RFC 5322 §2.1)."""
    return len(text.encode("utf-8")) + text.count("\n")


@dataclass(frozen=True, slots=True)
class InlinePicture:
    """A picture that travels in the message; the HTML names it `cid:<cid>`."""

    cid: str  # without < >
    filename: str
    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that travels with every message."""

    file: str  # relative to the project
    filename: str  # as readers see it
    content_type: str
    data: bytes


class Merge(Protocol):
    """Renders the slots for one person; raises ChecksFailed when that cannot be done."""

    def __call__(self, subscriber: Subscriber, links: Links, /) -> Values: ...


@dataclass(frozen=True, slots=True)
class Condition:
    """One `::: only` of the text: who reads what stands in it."""

    segment: str  # a list or a segment
    negated: bool  # `only not`
    place: Place

    def __str__(self) -> str:
        return f"only {'not ' * self.negated}{self.segment}"


@dataclass(frozen=True, slots=True)
class Gap:
    """A field that a reader does not have, at a place where it is printed for them."""

    field: str
    place: Place
    instead: (
        str | None
    )  # what the reader reads there, one line; "" for nothing, None for another field of theirs
    provided: bool  # whether the author wrote what to do without it


@dataclass(frozen=True, slots=True)
class Variant:
    """A reader's letter in which one condition or loop is answered otherwise than by them."""

    what: str  # "only visby", or "condition", "loop"
    answer: bool | int  # whether it holds; of a loop, how many rounds
    place: Place
    content: Content

    def __str__(self) -> str:
        if isinstance(self.answer, bool):
            return f"{self.what} {'yes' if self.answer else 'no'} ({self.place})"
        return f"{self.what} {self.answer} times ({self.place})"


Source = Callable[[Subscriber, Links], str]
"""Makes one person's letter as MJML."""


@dataclass(frozen=True)
class Composition:
    """All that a campaign says to everybody, and the rule that makes one person's share of it.

    Opens no file and no socket once it is made: what `slots` yields depends on its arguments, and on what
    `is_member` says of a person at that moment.
    """

    campaign: Campaign
    sha256: str  # over sources, captured data and the settings that show in the message
    merge: Merge
    letter: str = (
        ""  # sha256 over what it says alone, whatever the campaign is called and wherever its files lie
    )
    sources: Mapping[str, str] = field(default_factory=dict)  # project-relative file -> sha256 (hex)
    pictures: tuple[InlinePicture, ...] = ()  # empty with `assets_url`
    attachments: tuple[Attachment, ...] = ()
    findings: tuple[Problem, ...] = ()  # warnings and hints; an error would have raised
    source: Source | None = None
    hosted: Mapping[str, bytes] = field(default_factory=dict)  # a picture's published name -> its bytes
    whole: Merge | None = None  # renders the whole letter: what the slots are held against
    prove: Callable[[Iterable[Subscriber]], str] = lambda _readers: ""  # see Certificate.prove
    join: Callable[[Values], Content] = content_of
    size: Callable[[Values], int] = lambda values: received(content_of(values).html)  # bytes of HTML
    subject: Callable[[Values], str] = lambda values: content_of(values).subject
    shows: Callable[[Values, str], tuple[bool, bool]] = lambda values, text: (
        text in content_of(values).html,
        text in content_of(values).text,
    )  # whether what differs from reader to reader holds a text: in the HTML, in the text part
    branches: Callable[[Iterable[Subscriber], Links], Iterable[Content]] = lambda _readers, _links: ()
    variants: Callable[[Subscriber, Links], Iterable[Variant]] = (
        lambda _reader, _links: ()
    )  # each condition once
    static_size: int = 0  # bytes of HTML that are everybody's
    static: tuple[
        str, ...
    ] = ()  # all texts that are everybody's: a letter is made of these and of values, or nothing
    anchors: tuple[str, ...] = ()  # what stands in everybody's text part as it is, in this order
    gaps: Callable[[Subscriber], Iterable[Gap]] = lambda _reader: ()
    written: Written | None = None  # what authors wrote in HTML and CSS, for the checks
    conditions: tuple[Condition, ...] = ()  # in the order of the text, those of its snippets included

    def slots(self, subscriber: Subscriber, links: Links) -> Values:
        """One person's values. Pure; safe to call again and from threads.

        Raises ChecksFailed with the place in the author's file when this person cannot be served.
        """
        return self.merge(subscriber, links)

    def mjml(self, subscriber: Subscriber, links: Links) -> str:
        """One person's letter before it is compiled, for authors of templates. Raises as `slots` does."""
        return self.source(subscriber, links) if self.source else ""

    def fill(self, values: Values) -> Content:
        """The finished texts. Raises ValueError if the values are not those of `slots`."""
        return self.join(values)


def compose(
    project: Project,
    settings: Settings,
    campaign: Campaign,
    *,
    columns: Collection[str],
    is_member: Callable[[str, Subscriber], bool],
    segments: Collection[str],
) -> Composition:
    """Compile a campaign. Reads files of the project only; opens no socket.

    columns: all fields that any list has; a merge field that nobody has is an error
    is_member: whether a person is in a list or segment, for `::: only`
    segments: the names `::: only` may use (lists and segments)

    Raises ChecksFailed with all problems at once.
    """
    from newsletter.render.compiler import Compiler

    return Compiler(project, settings, campaign, columns=columns, segments=segments).compose(is_member)
