"""The proof that filling slots gives what rendering a whole letter gives: each reader that is tried gets both."""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from newsletter.audience.models import Subscriber
from newsletter.errors import ChecksFailed, Place, Problem
from newsletter.render.composition import TRIAL, Merge, Values, content_of
from newsletter.render.deferral.compare import difference
from newsletter.render.deferral.forcing import Answers, answered
from newsletter.render.deferral.merge import SlotMerge


@dataclass(frozen=True)
class Certificate:
    """Proves of one composition that its slots say what whole letters say."""

    merge: SlotMerge
    proving: Callable[[], SlotMerge]  # the same with conditions and loops that can be answered by decree
    made_up: Sequence[Subscriber]  # see strangers
    place: Place  # of the template
    apart: Callable[[Subscriber], Place | None] = lambda _reader: None  # where a reader's two letters part

    def prove(self, readers: Iterable[Subscriber]) -> str:
        """Readers made up and given ones, then every condition both ways, neighbours in pairs, loops 0, 1 and 2 times.

        Says in a line what was proved; letters count that were made both ways. Raises ChecksFailed: M121 for the
        first difference, M122 for what nobody's letter could show.
        """
        letters, undecided = self._branches
        given = [*readers]
        for answers, asked in undecided:
            letters += self._shown_by(given, answers, asked)
        letters += self._held(given, quoted=False)
        if not letters:
            raise self._unshown({}, "")
        conditions = len(self.proving().keys)
        many = "s" * (conditions != 1)
        told = f"{conditions} condition{many} or loop{many} each way, " if conditions else ""
        return f"{told}{letters} letters filled in and rendered whole: no difference"

    @functools.cached_property
    def _branches(self) -> tuple[int, list[tuple[Answers, str]]]:
        """How many letters of made-up readers went through all branches, and those that none of them could show."""
        undecided: list[tuple[Answers, str]] = []
        letters = 0
        for answers, asked in decrees([*self.proving().keys]):
            shown = self._under(answers, asked, self._pair) or any(
                self._under(answers, asked, [reader]) for reader in self.made_up
            )
            letters += shown
            if not shown:
                undecided.append((answers, asked))
        letters += self._held(self.made_up, quoted=True)
        return letters, undecided

    def _held(self, readers: Iterable[Subscriber], *, quoted: bool) -> int:
        """How many letters came out the same. Raises ChecksFailed (M121), where the two part if that can be found."""
        letters = 0
        for reader in readers:
            try:
                letters += hold_against(self.merge, [reader], self.place, quoted=quoted)
            except ChecksFailed as failed:
                (first, *more) = failed.problems
                if first.code == "M121" and (place := self.apart(reader)):
                    first = dataclasses.replace(first, place=place)
                raise ChecksFailed(first, *more) from None
        return letters

    @property
    def _pair(self) -> Sequence[Subscriber]:
        """Somebody without anything, and somebody whom everything befalls."""
        return (self.made_up[0], self.made_up[2])

    def _shown_by(self, readers: Iterable[Subscriber], answers: Answers, asked: str) -> int:
        """One letter, of the first of these readers who can show it. Raises ChecksFailed: M121, M122 for nobody."""
        for reader in readers:
            if self._under(answers, asked, [reader], quoted=False):
                return 1
        raise self._unshown(answers, asked)

    def _unshown(self, answers: Answers, asked: str) -> ChecksFailed:
        """Nobody's letter can be made; with what stands in the way of somebody to whom nothing is wrong."""
        with answered(answers):
            why = _made(self.proving().whole, self.made_up[1])
        reason = f": {why.problems[0].message}" if isinstance(why, ChecksFailed) else ""
        what = "this condition or loop" if asked else "the letter"
        message = f"nobody's letter could be made to compare {what} filled in and whole{reason}"
        hint = "write what holds for empty fields, too: {{ subscriber.points or 0 }}"
        place = self.proving().keys[asked] if asked else self.place
        return ChecksFailed(Problem("M122", message, place, hint))

    def _under(
        self, answers: Answers, asked: str, readers: Sequence[Subscriber], *, quoted: bool = True
    ) -> int:
        """Letters that are the same both ways with these answers. Raises ChecksFailed (M121)."""
        proving = self.proving()
        try:
            with answered(answers):
                return hold_against(proving, readers, proving.keys.get(asked, self.place), quoted=quoted)
        except ChecksFailed:
            if asked:
                raise
        place = self._culprit(answers, readers)
        with answered(answers):
            return hold_against(proving, readers, place, quoted=quoted)

    def _culprit(self, answers: Answers, readers: Sequence[Subscriber]) -> Place:
        """The place of the condition without whose answer these letters would not differ; for none where they part."""
        proving = self.proving()
        for key, place in proving.keys.items():
            with answered({**answers, key: _other(answers[key])}):
                if not _differ(proving, readers):
                    return place
        return next(filter(None, map(self.apart, readers)), self.place)


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


def hold_against(
    merge: SlotMerge, readers: Iterable[Subscriber], place: Place, *, quoted: bool = True
) -> int:
    """How many letters came out the same both ways.

    place: of the template; quoted: whether a difference may be shown, which tells of real readers what is theirs alone
    Who can be rendered in neither way is passed over and not counted: that is told where it happens.
    Raises ChecksFailed (M121) for the first reader whose two letters differ.
    """
    letters = 0
    for reader in readers:
        whole, filled = _made(merge.whole, reader), _made(merge, reader)
        if isinstance(whole, ChecksFailed) and isinstance(filled, ChecksFailed):
            continue
        if isinstance(whole, ChecksFailed):
            raise whole
        if isinstance(filled, ChecksFailed):
            raise filled
        if found := difference(content_of(whole), merge.fill(filled)):
            message = f"filled in, the letter differs from the whole one: {found}"
            if not quoted:
                part = found.partition(":")[0]
                message = (
                    f"filled in, the letter of a reader on the list differs from the whole one, in its {part}"
                )
            hint = "let conditions and values that differ stand around whole paragraphs, blocks or sections"
            raise ChecksFailed(Problem("M121", message, place, hint))
        letters += 1
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
        return merge(reader, TRIAL)
    except ChecksFailed as failed:
        return failed
