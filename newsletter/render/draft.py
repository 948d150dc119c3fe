"""One author's text on its way to a tree: its lines, its tokens, and what was found wrong so far."""

import re
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

from markdown_it.token import Token

from newsletter.errors import Place, Problem, Severity
from newsletter.render.markdown import Markdown
from newsletter.render.plaintext import PlainText
from newsletter.render.statements import Group, crossing_problems, groups_of, syntax_problems
from newsletter.render.tokens import tokenise
from newsletter.render.tree import Expression

_FENCE_END = re.compile(r"(`{3,}|~{3,})\s*\Z")


@dataclass(frozen=True, slots=True)
class Line:
    text: str  # tokenised
    start: int  # offset of its first character in the tokenised text
    code: bool = False  # inside a code fence: no rule of ours holds there

    @property
    def is_blank(self) -> bool:
        return not self.text.strip()

    @property
    def indent(self) -> int:
        return len(self.text) - len(self.text.lstrip(" \t"))


class Draft:
    """Everything about one text that its blocks, runs and paragraphs need while they are read.

    homes: where each statement stands; statements that belong together must agree
    """

    def __init__(self, text: str, lines: Sequence[Place], language: str) -> None:
        self.tokenised = tokenise(text, lines)
        self.markdown = Markdown(self.tokenised, language)
        self.plain = PlainText(self.tokenised, self.markdown.hard_spaces)
        self.groups, unmatched = groups_of(self.tokenised)
        self.problems = [*self.tokenised.problems, *syntax_problems(self.tokenised.marks)]
        if all(problem.code == "M131" for problem in self.problems):
            self.problems += unmatched  # else a partner may only be misspelt
        self.homes: dict[int, Hashable] = {}
        self.said: set[Group] = set()
        self.lines = tuple(self._lines())

    def _lines(self) -> Iterator[Line]:
        texts = self.tokenised.text.split("\n")
        code: set[int] = set()
        for token in self.markdown.scan(self.tokenised.text):
            if token.type == "fence" and token.map:
                code.update(range(*token.map))
                self._check_closed(token, texts)
        start = 0
        for number, text in enumerate(texts):
            yield Line(text, start, number in code)
            start += len(text) + 1

    def _check_closed(self, fence: Token, texts: Sequence[str]) -> None:
        first, end = fence.map or (0, 0)
        found = _FENCE_END.search(texts[end - 1]) if end - first > 1 else None
        if found is None or not found[1].startswith(fence.markup):
            offset = sum(len(text) + 1 for text in texts[:first]) + max(0, texts[first].find(fence.markup))
            hint = f"close it with {fence.markup} on a line of its own; everything below is code until then"
            self.problem("C106", "this code fence is not closed", offset, hint)

    def place(self, offset: int) -> Place:
        return self.tokenised.place(offset)

    def problem(
        self, code: str, message: str, offset: int, hint: str = "", severity: Severity = Severity.ERROR
    ) -> None:
        """offset: in the tokenised text."""
        self.problems.append(Problem(code, message, self.place(offset), hint, severity))

    def settle(self, text: str, home: Hashable) -> None:
        """Remember where the statements of a text stand."""
        for index in self.tokenised.statements(text):
            self.homes[index] = home

    def written(self, text: str) -> str:
        """The author's spelling of a tokenised text, shortened for a message."""
        shown = " ".join(self.tokenised.written(text).split())
        return shown if len(shown) <= 60 else shown[:59] + "…"

    def expressions(self) -> tuple[Expression, ...]:
        return tuple(Expression(mark.place, mark.written) for mark in self.tokenised.marks)

    def finish(self) -> list[Problem]:
        """All problems in the order of the text, when everything has been read."""
        self.problems += crossing_problems(self.tokenised, self.groups, self.homes, self.said)
        marred = any(problem.is_error for problem in self.problems)
        for index, mark in enumerate(self.tokenised.marks):
            if index not in self.tokenised.used and not marred:
                hint = "write it in the running text, an address or a field"
                message = f"`{mark.shown}` stands where nothing comes of it"
                self.problems.append(Problem("M135", message, mark.place, hint))
        return sorted(dict.fromkeys(self.problems), key=_by_place)


def _by_place(problem: Problem) -> tuple[int, int]:
    place = problem.place
    return (place.line or 0, place.column or 0) if place else (0, 0)
