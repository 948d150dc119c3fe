"""What only the whole audience can tell of a campaign: its largest letter, and fields that some do not have."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from newsletter.audience.address import mask
from newsletter.audience.models import Subscriber
from newsletter.errors import Place, Problem, Severity
from newsletter.render.composition import Composition, Values

CLIPPED = 102_400  # bytes of HTML behind which Gmail cuts a letter off (observed, not documented)
NEARLY = 95 * 1024


@dataclass
class _Field:
    """What readers who lack a field read: where the author provided for it one for all places, else one for each."""

    place: Place  # the first
    readers: int = 0
    read: Counter[str | None] = field(default_factory=Counter)
    places: set[Place] = field(default_factory=set)


@dataclass
class Survey:
    """Collects what readers are served, in constant memory."""

    composition: Composition
    asked: int = 0  # readers
    smallest: int = 0  # bytes of HTML
    largest: int = 0
    whose: str = ""  # who gets the largest: the address
    clipped: int = 0  # readers whose letter is cut off
    _fields: dict[tuple[str, Place | None], _Field] = field(default_factory=dict)  # no place: provided for

    def add(self, reader: Subscriber, values: Values) -> None:
        """Count a reader and what `composition.slots` gave for them."""
        size = self.composition.size(values)
        self.asked += 1
        self.smallest = min(size, self.smallest or size)
        if size > self.largest:
            self.largest, self.whose = size, reader.email
        self.clipped += size > CLIPPED
        met = set()
        for gap in self.composition.gaps(reader):
            key = (gap.field, None if gap.provided else gap.place)
            one = self._fields.setdefault(key, _Field(gap.place))
            one.readers += key not in met
            one.read[gap.instead if gap.instead in one.read or len(one.read) < _MOST_TEXTS else _OTHER] += 1
            one.places.add(gap.place)
            met.add(key)

    def problems(self) -> Iterator[Problem]:
        """The findings: L103, L110 and L111."""
        yield from self._size()
        for (name, unprovided), one in self._fields.items():
            told = " or ".join(_quoted(text) for text, _ in one.read.most_common(_SHOWN))
            told += ", and others" * (len(one.read) > _SHOWN)
            message = (
                f"`{name}` is empty for {one.readers:,} of {self.asked:,} readers: they read {told} there"
            )
            if unprovided:
                whole = f"subscriber.{name}"
                hint = f"{{{{ {whole} or 'another word' }}}}, or {{% if {whole} %}} around the words"
                yield Problem("L110", message, one.place, hint, Severity.WARNING)
            else:
                message += f" (in {len(one.places)} places)" * (len(one.places) > 1)
                hint = 'if that is meant: allow = ["L111"] in the front matter'
                yield Problem("L111", message, one.place, hint, Severity.HINT)

    def _size(self) -> Iterator[Problem]:
        if self.largest <= NEARLY:
            return
        campaign = self.composition.campaign
        whose = f" for {mask(self.whose)}, the largest of {self.asked:,} letters"
        message = f"the HTML has {self.largest:,} bytes{whose * (self.smallest < self.largest)}; "
        message += f"Gmail cuts off what is behind {CLIPPED:,}"
        if 0 < self.clipped < self.asked:
            message += f" ({self.clipped:,} of {self.asked:,} letters)"
        hint = "shorten it, or let a link lead to the rest: the way to unsubscribe stands at the end"
        severity = Severity.ERROR if self.clipped else Severity.WARNING
        yield Problem("L103", message, Place(campaign.file, campaign.body_line), hint, severity)


_SHOWN = 3
_MOST_TEXTS = 1_000  # kept apart; a memory that does not grow with the audience
_OTHER = "other texts"


def _quoted(text: str | None) -> str:
    if text is None:
        return "another field of theirs"
    return f"`{text}`" if text else "nothing"
