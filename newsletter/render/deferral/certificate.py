"""The proof that filling slots gives what rendering a whole letter gives: each reader that is tried gets both."""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from newsletter.audience.models import Subscriber
from newsletter.errors import ChecksFailed, Place, Problem
from newsletter.render.composition import Links, Merge, Values, content_of
from newsletter.render.deferral.compare import difference
from newsletter.render.deferral.forcing import Answers, answered
from newsletter.render.deferral.merge import SlotMerge

LINKS = Links(unsubscribe="https://newsletter.invalid/u/proof")

# What people might be called, and what must be text wherever it stands.
HOSTILE = (
    "<script>alert(1)</script>", "{{ 7 * 7 }}", "{% if 1 %}", '"><img src=x onerror=alert(1)>', "a & b &amp; c",
    "\u202eAda", "👩‍👩‍👧", "-->", "]]>", "x" * 5_000, "a\r\nBcc: b@example.org", "  två  ord ", "'",
)  # fmt: skip
_GIVEN = frozenset(
    {"email", "language", "timezone", "tags", "lists", "status", "consent_source", "consent_at"}
)
_OWN = ("first_name", "last_name", "organisation", "city")


@dataclass(frozen=True)
class Certificate:
    """Proves of one composition that its slots say what whole letters say."""

    merge: SlotMerge
    proving: Callable[[], SlotMerge]  # the same with conditions and loops that can be answered by decree
    columns: frozenset[str]
    place: Place  # of the template

    def prove(self, readers: Iterable[Subscriber]) -> str:
        """Readers made up and given ones, then every condition both ways, neighbours in pairs, loops 0, 1 and 2 times.

        Says in a line what was proved. Raises ChecksFailed (M121) for the first difference.
        """
        conditions, letters = self._branches
        letters += hold_against(self.merge, readers, self.place)
        many = "s" * (conditions != 1)
        told = f"{conditions} condition{many} or loop{many} each way, " if conditions else ""
        return f"{told}{letters} letters filled in and rendered whole: no difference"

    @functools.cached_property
    def _branches(self) -> tuple[int, int]:
        """How many conditions and loops there are, and how many letters it took to go through them; proved once."""
        made_up = strangers(self.columns)
        proving = self.proving()
        letters = 0
        for answers, asked in decrees([*proving.keys]):
            place = proving.keys[asked] if asked else self._culprit(answers, made_up[:2])
            with answered(answers):
                letters += hold_against(proving, made_up[:2], place)
        letters += hold_against(self.merge, made_up, self.place)
        return len(proving.keys), letters

    def _culprit(self, answers: Answers, readers: Sequence[Subscriber]) -> Place:
        """The place of the condition without whose answer these letters would not differ; the template's for none."""
        proving = self.proving()
        with answered(answers):
            if not _differ(proving, readers):
                return self.place
        for key, place in proving.keys.items():
            with answered({**answers, key: _other(answers[key])}):
                if not _differ(proving, readers):
                    return place
        return self.place


def decrees(keys: Sequence[str]) -> Iterator[tuple[Answers, str]]:
    """All no, all yes, each otherwise than the rest, neighbours in pairs; not 2^n. With the one that is asked."""
    choices: dict[str, tuple[bool | int, ...]] = {
        key: (0, 1, 2) if key.endswith(":rounds") else (False, True) for key in keys
    }
    for rest in range(2):
        base: dict[str, bool | int] = {key: options[rest] for key, options in choices.items()}
        if keys:
            yield base, ""
        for key, options in choices.items():
            yield from ((base | {key: option}, key) for option in options if option != base[key])
    for one, other in itertools.pairwise(keys):
        base = {key: options[0] for key, options in choices.items()}
        yield from (
            (base | {one: first, other: second}, other)
            for first in choices[one][1:]
            for second in choices[other][1:]
        )


def hold_against(merge: SlotMerge, readers: Iterable[Subscriber], place: Place) -> int:
    """How many letters came out the same both ways. place: of the template

    Who can be rendered in neither way is passed over: that is told where it happens.
    Raises ChecksFailed (M121) for the first reader whose two letters differ.
    """
    letters = 0
    for reader in readers:
        whole, filled = _made(merge.whole, reader), _made(merge, reader)
        letters += 1
        if isinstance(whole, ChecksFailed) and isinstance(filled, ChecksFailed):
            continue
        if isinstance(whole, ChecksFailed):
            raise whole
        if isinstance(filled, ChecksFailed):
            raise filled
        if found := difference(content_of(whole), merge.fill(filled)):
            message = f"filled in, the letter differs from the whole one: {found}"
            hint = "let conditions and values that differ stand around whole paragraphs, blocks or sections"
            raise ChecksFailed(Problem("M121", message, place, hint))
    return letters


def _other(answer: int) -> int:
    """Another answer to a condition, or another number of rounds."""
    return not answer if isinstance(answer, bool) else 1 - answer


def _differ(merge: SlotMerge, readers: Iterable[Subscriber]) -> bool:
    try:
        hold_against(merge, readers, Place(""))
    except ChecksFailed:
        return True
    return False


def _made(merge: Merge, reader: Subscriber) -> Values | ChecksFailed:
    try:
        return merge(reader, LINKS)
    except ChecksFailed as failed:
        return failed


def strangers(columns: Iterable[str]) -> list[Subscriber]:
    """Readers that nobody has: one without anything, and some with hostile values, each in another field of each."""
    names = [*_OWN, *sorted({*columns} - {*_OWN} - _GIVEN)]
    nobody = Subscriber(key="", email="", address="", memberships=())
    turns = -(-len(HOSTILE) // len(_OWN))
    return [nobody, *(_stranger(names, turn * len(_OWN)) for turn in range(turns))]


def _stranger(names: list[str], begin: int) -> Subscriber:
    values = dict(zip(names, itertools.cycle((*HOSTILE[begin:], *HOSTILE[:begin])), strict=False))
    own = {name: values.pop(name) for name in _OWN}
    return Subscriber(
        key="x",
        email="x@example.org",
        address="x@example.org",
        memberships=(),
        first_name=own["first_name"],
        last_name=own["last_name"],
        organisation=own["organisation"],
        city=own["city"],
        tags=(HOSTILE[begin], "b"),
        attributes=values,
    )
