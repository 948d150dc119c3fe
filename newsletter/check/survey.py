"""What only the whole audience can tell of a campaign: its largest letter, fields that some do not have, and whoever
would find no way out."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from newsletter.audience.address import mask
from newsletter.audience.models import Subscriber
from newsletter.check.wording import MARK
from newsletter.errors import Place, Problem, Severity
from newsletter.render.composition import Composition, Links, Values

CLIPPED = 102_400  # bytes of HTML behind which Gmail cuts a letter off (observed, not documented)
NEARLY = 95 * 1024
SUBJECT = 70  # characters; more than most programs show
_SHOWN = 3
_MOST_TEXTS = 1_000  # kept apart; a memory that does not grow with the audience
_OTHER = "other texts"


@dataclass
class _Field:
    """What readers who lack a field read: where the author provided for it one for all places, else one for each."""

    place: Place  # the first
    readers: int = 0
    read: Counter[str | None] = field(default_factory=Counter)
    places: set[Place] = field(default_factory=set)


@dataclass
class _Most:
    """The largest of something, and whose it is: shown masked."""

    number: int = 0
    whose: str = ""
    beyond: int = 0  # readers beyond a limit

    def take(self, number: int, reader: Subscriber, limit: int) -> None:
        if number > self.number:
            self.number, self.whose = number, reader.email
        self.beyond += number > limit


@dataclass
class Survey:
    """Collects what readers are served, in constant memory. Names nobody, and shows no field of theirs."""

    composition: Composition
    everybody: int | None = None  # how many readers there are, if only some of them are asked
    asked: int = 0
    smallest: int = 0  # bytes of HTML
    html: _Most = field(default_factory=_Most)
    subject: _Most = field(default_factory=_Most)
    lost: Counter[str] = field(default_factory=Counter)  # readers without a way out, by form
    marks: Counter[str] = field(default_factory=Counter)  # readers whose row holds one
    _fields: dict[tuple[str, Place | None], _Field] = field(default_factory=dict)  # no place: provided for

    def add(self, reader: Subscriber, links: Links, values: Values) -> None:
        """Count a reader, and what `composition.slots` gave for them with these links."""
        self.add_for_errors(reader, links, values)
        self.subject.take(len(self.composition.subject(values)), reader, SUBJECT)
        marks = (found[0] for text in _own(reader) for found in MARK.finditer(text))
        self.marks.update({_marked(mark) for mark in marks if any(mark in value for value in values)})
        self._note_gaps(reader)

    def add_for_errors(self, reader: Subscriber, links: Links, values: Values) -> None:
        """The same for whoever asks for errors only: `problems` knows no warnings and hints then."""
        size = self.composition.size(values)
        self.asked += 1
        self.smallest = min(size, self.smallest or size)
        self.html.take(size, reader, CLIPPED)
        shown = self.composition.shows(values, links.unsubscribe)
        if not all(shown):
            self.lost.update(
                form for form, there in zip(("HTML", "text part"), shown, strict=True) if not there
            )

    def _note_gaps(self, reader: Subscriber) -> None:
        met = set()
        for gap in self.composition.gaps(reader):
            key = (gap.field, None if gap.provided else gap.place)
            one = self._fields.setdefault(key, _Field(gap.place))
            one.readers += key not in met
            one.read[gap.instead if gap.instead in one.read or len(one.read) < _MOST_TEXTS else _OTHER] += 1
            one.places.add(gap.place)
            met.add(key)

    def problems(self) -> Iterator[Problem]:
        """The findings: L101, L103, L110, L111, L112, L115."""
        yield from self._subject()
        yield from self._size()
        yield from self._way_out()
        yield from self._marks()
        for (name, unprovided), one in self._fields.items():
            told = " or ".join(_quoted(text) for text, _ in one.read.most_common(_SHOWN))
            told += ", and others" * (len(one.read) > _SHOWN)
            message = f"`{name}` is empty for {self._of(one.readers)}: they read {told} there"
            if unprovided:
                whole = f"subscriber.{name}"
                hint = f"{{{{ {whole} or 'another word' }}}}, or {{% if {whole} %}} around the words"
                yield Problem("L110", message, one.place, hint, Severity.WARNING)
            else:
                message += f" (in {len(one.places)} places)" * (len(one.places) > 1)
                hint = 'if that is meant: allow = ["L111"] in the front matter'
                yield Problem("L111", message, one.place, hint, Severity.HINT)

    def _of(self, number: int) -> str:
        some = f" (of {self.everybody:,} in all)" if self.everybody and self.everybody > self.asked else ""
        return f"{number:,} of {self.asked:,} readers{some}"

    def _subject(self) -> Iterator[Problem]:
        if self.subject.beyond:
            whose = f" for {self._of(self.subject.beyond)}" * (self.subject.beyond < self.asked)
            message = f"the subject has {self.subject.number} characters{whose}; most programs show {SUBJECT} at most"
            hint = "say the most important first, and less"
            yield Problem("L101", message, self.composition.campaign.place("subject"), hint, Severity.WARNING)

    def _size(self) -> Iterator[Problem]:
        if self.html.number <= NEARLY:
            return
        campaign = self.composition.campaign
        whose = f" for {mask(self.html.whose)}, the largest of {self.asked:,} letters"
        message = f"the HTML has {self.html.number:,} bytes{whose * (self.smallest < self.html.number)}; "
        message += f"Gmail cuts off what is behind {CLIPPED:,}"
        if 0 < self.html.beyond < self.asked:
            message += f" ({self.html.beyond:,} of {self.asked:,} letters)"
        hint = "shorten it, or let a link lead to the rest: the way to unsubscribe stands at the end"
        severity = Severity.ERROR if self.html.beyond else Severity.WARNING
        yield Problem("L103", message, Place(campaign.file, campaign.body_line), hint, severity)

    def _way_out(self) -> Iterator[Problem]:
        for form, number in self.lost.items():
            whose = "a reader finds" if number == self.asked else f"{self._of(number)} find"
            message = f"{whose} no link to unsubscribe in the {form}"
            hint = (
                "print {{ links.unsubscribe }} where every reader sees it, best in the footer of the template"
            )
            yield Problem("L112", message, self.composition.campaign.place("template"), hint)

    def _marks(self) -> Iterator[Problem]:
        campaign = self.composition.campaign
        for mark, number in self.marks.items():
            message = f"{self._of(number)} see `{mark}`: their rows hold a mark of another program"
            hint = "mend the cells of the list: they were exported with the mark in place of the value"
            yield Problem("L115", message, Place(campaign.file, campaign.body_line), hint, Severity.WARNING)


def _own(reader: Subscriber) -> Iterator[str]:
    """What a reader's rows say in text."""
    yield from (reader.first_name, reader.last_name, reader.organisation, reader.city, *reader.tags)
    yield from (value for value in reader.attributes.values() if isinstance(value, str))


def _marked(mark: str) -> str:
    """The kind of a mark, without what stands in it."""
    return f"{mark[:2]}…{mark[-2:]}" if mark[0] in "{*" and mark[1] in "{%|" else f"{mark[0]}…{mark[-1]}"


def _quoted(text: str | None) -> str:
    if text is None:
        return "another field of theirs"
    return f"`{text}`" if text else "nothing"
