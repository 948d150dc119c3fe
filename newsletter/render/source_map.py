"""From an offset in a letter's MJML back to the author's file: the letter is rendered once more, with marks.

A mark is a number between two control characters. It stands before each text of a template and before what each
expression prints; taken out again, it says whose the following characters are. Nobody pays for it who has no mistake.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import nodes
from markupsafe import Markup

from newsletter.errors import Place
from newsletter.render.environment import cleaned
from newsletter.render.origin import Origins
from newsletter.render.templates import BUILT_IN_MARK, TemplateSandbox

_MARK = re.compile("\x01([0-9]+)\x02")


@dataclass(frozen=True, slots=True)
class Spot:
    """Where in a template's source something begins."""

    file: str  # as given to Jinja
    line: int
    column: int
    verbatim: bool  # a text of the template, not what an expression prints


class MarkingSandbox(TemplateSandbox):
    """Prints the same, with marks; `spots` says what they mean."""

    repeatable = False  # each has spots of its own
    marks = True

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.spots: list[Spot] = []
        self.filters["__at"] = _marked

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        cursor = 0
        for output in list(tree.find_all(nodes.Output)):  # in the order of the text
            marked: list[nodes.Expr] = []
            for node in output.nodes:
                line_start = _line_start(source, node.lineno)
                if isinstance(node, nodes.TemplateData):
                    found = source.find(node.data, max(cursor, line_start))
                    at = found if found >= 0 else line_start
                    marked += self._text(node, source, at, filename or "")
                    cursor = max(cursor, at + len(node.data)) if found >= 0 else cursor
                else:
                    found = source.find("{{", cursor)
                    at = found if found >= 0 else line_start
                    marked.append(self._value(node, source, at, filename or ""))
            output.nodes = marked
        return tree

    def _text(self, node: nodes.TemplateData, source: str, at: int, file: str) -> list[nodes.Expr]:
        text = node.data.lstrip()
        if not text:
            return [node]
        blanks = len(node.data) - len(text)
        mark = self._mark(source, at + blanks, file, verbatim=True)
        pieces = (node.data[:blanks], mark, text)
        return [nodes.TemplateData(piece, lineno=node.lineno) for piece in pieces if piece]

    def _value(self, node: nodes.Expr, source: str, at: int, file: str) -> nodes.Expr:
        mark = nodes.Const(self._mark(source, at, file, verbatim=False), lineno=node.lineno)
        marked = nodes.Filter(node, "__at", [mark], [], None, None, lineno=node.lineno)
        marked.set_environment(self)
        return marked

    def _mark(self, source: str, at: int, file: str, *, verbatim: bool) -> str:
        column = at - source.rfind("\n", 0, at)
        self.spots.append(Spot(file, source.count("\n", 0, at) + 1, column, verbatim))
        return f"\x01{len(self.spots) - 1}\x02"


def _marked(value: Any, mark: str) -> Any:
    if isinstance(value, str):
        if not value.strip():
            return value
        return Markup(mark) + value if isinstance(value, Markup) else mark + value  # noqa: S704  (digits)
    if hasattr(value, "__html__"):
        printed = value.__html__()
        return Markup(mark + printed) if printed.strip() else Markup(printed)  # noqa: S704  (it is HTML)
    return value


def unmarked(text: str) -> str:
    """The text without marks."""
    return _MARK.sub("", text)


def _line_start(source: str, line: int) -> int:
    at = 0
    for _ in range(line - 1):
        at = source.find("\n", at) + 1
        if at == 0:
            return len(source)
    return at


class SourceMap:
    """Whose each character of a text is."""

    def __init__(self, marked: str, spots: Sequence[Spot], origins: Origins) -> None:
        pieces = _MARK.split(marked)
        texts = [cleaned(piece) for piece in pieces[::2]]
        self.text = "".join(texts)
        self._spots = [spots[int(number)] for number in pieces[1::2]]
        self._texts = texts[1:]
        self._offsets: list[int] = []
        at = len(texts[0])
        for text in self._texts:
            self._offsets.append(at)
            at += len(text)
        self._origins = origins

    def place(self, offset: int) -> Place | None:
        """The author's place of a character; None before the first mark."""
        index = bisect_right(self._offsets, offset) - 1
        before = self._texts[index][: offset - self._offsets[index]] if index >= 0 else ""
        while index >= 0 and self._spots[index].file.startswith(BUILT_IN_MARK):
            index, before = index - 1, ""  # nobody's file: whoever prints it
        if index < 0:
            return None
        spot = self._spots[index]
        origin = self._origins.get(spot.file)
        if origin is None:
            return None
        if not spot.verbatim:
            return origin.at(spot.line, spot.column)
        last_line = len(before) - before.rfind("\n")
        return origin.at(
            spot.line + before.count("\n"), last_line if "\n" in before else spot.column + len(before)
        )
