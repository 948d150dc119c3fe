"""What authors wrote of a letter in HTML and CSS, in all its branches, and where: for whoever judges it."""

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from newsletter.errors import ChecksFailed, Place
from newsletter.render.deferral.ledger import Deferred, renamed
from newsletter.render.deferral.tokens import Kind
from newsletter.render.finish import Located
from newsletter.render.mjml.arrange import arrange
from newsletter.render.mjml.passages import passages_of
from newsletter.render.mjml.tree import parse
from newsletter.render.passage import Passage

MOST_READINGS = 32  # of one passage: five conditions that have nothing to do with each other
_AROUND = (40, 12)  # characters before and behind a spot by which it is found again
_TOKEN = 40  # longer than one token

Trial = Callable[[], tuple[str, Located | None]]
"""One reader's letter rendered whole: its MJML, and whose each character is, if that can be told. Raises
ChecksFailed."""


@dataclass(frozen=True)
class Manuscript:
    """One letter with the branches of all readers; tokens stand in it for what depends on the reader.

    Nothing is worked out before somebody asks.
    """

    mjml: str
    compiled: str  # HTML, inlined, as it is split into slots
    deferred: Deferred
    trials: Sequence[Trial]  # readers whose letters have, together, most of the branches
    near: Located  # the place of the last token before an offset
    template: Place

    @functools.cached_property
    def html(self) -> str:
        """The letter as HTML: `…` for each value, all branches behind each other."""
        tokens = self.deferred.tokens
        pieces: list[str] = []
        end = 0
        for token in tokens.find(self.compiled):
            pieces += (self.compiled[end : token.start()], "…" if token["kind"] == Kind.VALUE else "")
            end = token.end()
        return "".join((*pieces, self.compiled[end:]))

    @functools.cached_property
    def passages(self) -> tuple[Passage, ...]:
        """The authors' pieces, with all branches; the tokens of conditions are blank."""
        return tuple(replace(one, text=self._read(one.text, {})) for one in self._sources)

    @functools.cached_property
    def _sources(self) -> tuple[Passage, ...]:
        root, _ = parse(self.mjml, self.deferred.tokens)
        arrange(root)
        return passages_of(root, self.mjml)

    @functools.cached_property
    def _by_offset(self) -> dict[int, Passage]:
        return {one.at: one for one in self._sources}

    def readings(self, passage: Passage) -> Iterator[str]:
        """A passage as readers may get it, without the branches that they don't; offsets hold in each text.

        Equal conditions are answered alike. Of more than five conditions: all yes, all no, each otherwise than all.
        """
        source = self._by_offset[passage.at].text
        tests = {self._test(number) for number in self._controls(source)} - {""}
        for answers in _combinations(sorted(tests)):
            yield self._read(source, answers)

    def _controls(self, text: str) -> list[int]:
        found = self.deferred.tokens.find(text)
        return [int(one["number"]) for one in found if one["kind"] != Kind.VALUE]

    def _test(self, number: int) -> str:
        """The condition or the loop that a token asks; empty for else and ends."""
        met = self.deferred.met[number]
        return repr(renamed(met.site.node, met.names)) if met.site.node is not None else ""

    def _read(self, source: str, answers: Mapping[str, bool]) -> str:
        """The text with blanks for the tokens of conditions and, where answers are given, for what is not read."""
        pieces: list[str] = []
        open_: list[tuple[bool, bool]] = []  # whether this branch is read; whether one before it was
        end = 0
        for token in self.deferred.tokens.find(source):
            kind = Kind(token["kind"])
            if kind is Kind.VALUE:
                continue
            shown = source[end : token.start()]
            pieces.append(shown if all(read for read, _ in open_) else _blank(shown))
            pieces.append(_blank(token[0]))
            end = token.end()
            test = self._test(int(token["number"]))
            holds = not answers or not test or answers.get(test, True)
            if kind is Kind.OPEN:
                open_.append((holds, holds))
            elif kind is Kind.CLOSE:
                open_ = open_[:-1]
            elif open_:
                before = open_[-1][1] and bool(answers)
                open_[-1] = (holds and not before, holds or before)
        shown = source[end:]
        return "".join((*pieces, shown if all(read for read, _ in open_) else _blank(shown)))

    def place(self, offset: int) -> Place:
        """Where its author wrote what stands at an offset of the MJML; renders letters to find out."""
        for around in _AROUND:
            begin, end = self._bounds(offset, around)
            snippet = self.mjml[begin:end]
            nth = self.mjml.count(snippet, 0, begin + len(snippet) - 1)
            for mjml, source_map in self._tried:
                found = _occurrence(mjml, snippet, nth)
                if found >= 0 and (place := source_map.place(found + offset - begin)):
                    return place
        return self.near.place(offset) or self.template

    def _bounds(self, offset: int, around: int) -> tuple[int, int]:
        """The surroundings of an offset that are the same for all readers: no token is in them."""
        start, stop = max(0, offset - around - _TOKEN), min(len(self.mjml), offset + around + _TOKEN)
        tokens = [*self.deferred.tokens.find(self.mjml[start:stop])]
        before = [start + token.end() for token in tokens if start + token.end() <= offset]
        behind = [start + token.start() for token in tokens if start + token.start() > offset]
        return max(0, offset - around, *before[-1:]), min(len(self.mjml), offset + around, *behind[:1])

    @functools.cached_property
    def _tried(self) -> list[tuple[str, Located]]:
        found: list[tuple[str, Located]] = []
        for trial in self.trials:
            try:
                mjml, source_map = trial()
            except ChecksFailed:  # told where letters are tried out
                continue
            if source_map:
                found.append((mjml, source_map))
        return found


def _blank(text: str) -> str:
    return "".join("\n" if sign == "\n" else " " for sign in text)


def _occurrence(text: str, snippet: str, nth: int) -> int:
    """Where a text begins for the nth time (from 0) in another; its last time if there are fewer; -1 if none."""
    at = found = text.find(snippet)
    while nth and at >= 0:
        found, nth = at, nth - 1
        at = text.find(snippet, at + 1)
    return at if at >= 0 else found


def _combinations(tests: Sequence[str]) -> Iterator[dict[str, bool]]:
    """Answers to all tests; one empty set of them if there are none."""
    if 2 ** len(tests) <= MOST_READINGS:
        for answers in itertools.product((True, False), repeat=len(tests)):
            yield dict(zip(tests, answers, strict=True))
        return
    for rest in (True, False):
        yield dict.fromkeys(tests, rest)
        yield from ({**dict.fromkeys(tests, rest), test: not rest} for test in tests)
