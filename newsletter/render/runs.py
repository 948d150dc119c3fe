"""A run of Markdown between the author's own line rules becomes Markdown tokens, statements on their lines included.

A line of statements is a block of its own. Around whole blocks it parts them; between list items or table rows it
stays inside the list or table, so that `{% for %}` can make items and rows. To find out, the lines are taken out,
Markdown is read, and each statement is put back where all that belong to it are neighbours, as far out as possible.
"""

import re
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field

from markdown_it.token import Token

from newsletter.render.draft import Draft, Line
from newsletter.render.markdown import PARAGRAPH
from newsletter.render.statements import Group, crossing

_MARKER = re.compile(r"[ \t>]*(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)")
_CONTAINERS = (
    "bullet_list_open",
    "ordered_list_open",
    "list_item_open",
    "blockquote_open",
    "table_open",
    "tbody_open",
)


def read_run(draft: Draft, lines: Sequence[Line], home: Hashable) -> list[Token]:
    """Block tokens of the lines; `statement_block` tokens between top-level blocks are statements of their own.

    Each inline token knows by `meta["starts"]` where each line of its content begins in the tokenised text, each
    block by `meta["offset"]` where it begins. home: where statements between blocks stand.
    """
    out: list[Token] = []
    pending = [_unfold(draft, lines)]
    while pending:
        piece = pending.pop()
        found = _Piece(draft, piece, home).read()
        if isinstance(found, list):
            out += found
            continue
        parts: list[list[Line]] = [[]]
        for number, line in enumerate(piece):
            parts += [[line], []] if number in found else []
            if number not in found:
                parts[-1].append(line)
        pending += [part for part in reversed(parts) if part]
    return out


def statement_line(draft: Draft, line: Line) -> tuple[str, list[int]] | None:
    """What stands before the statements of a line that holds nothing else, and the statements."""
    if line.code:
        return None
    rest = draft.tokenised.pattern.sub("", line.text)
    indices = draft.tokenised.indices(line.text)
    if (
        not indices
        or rest.strip(" \t>")
        or not all(draft.tokenised.marks[index].is_statement for index in indices)
    ):
        return None
    prefix = line.text[: len(line.text) - len(line.text.lstrip(" \t>"))]
    behind = draft.tokenised.pattern.sub("", line.text[len(prefix) :])
    return None if behind.strip() else (prefix, indices)


def _unfold(draft: Draft, lines: Sequence[Line]) -> list[Line]:
    """`{% if x %}…{% endif %}` alone in its paragraph is a condition around the paragraph, so that it leaves no gap."""
    out: list[Line] = []
    token = draft.tokenised.pattern.pattern
    folded = re.compile(rf"( {{0,3}})({token})([ \t]*)(.+?)([ \t]*)({token})[ \t]*")
    for number, line in enumerate(lines):
        found = None if line.code else folded.fullmatch(line.text)
        alone = all(
            at not in range(len(lines)) or lines[at].is_blank or statement_line(draft, lines[at])
            for at in (number - 1, number + 1)
        )
        group = draft.groups.get(int(found[3])) if found else None
        if found and alone and group and group.members == (int(found[3]), int(found[8])):
            out += [Line(found[at], line.start + found.start(at)) for at in (2, 5, 7)]
        else:
            out.append(line)
    return out


@dataclass(slots=True, eq=False)
class _Node:
    """A block with its lines in the run's Markdown, and the blocks in it."""

    kind: str
    opens: int  # index of its first token, -1 for the root
    closes: int  # index of its last token
    start: int
    end: int
    depth: int = 0
    children: "list[_Node]" = field(default_factory=list)

    @property
    def holds_statements(self) -> bool:
        return self.kind in ("root", *_CONTAINERS) and self.kind != "table_open"


@dataclass(frozen=True, slots=True)
class _Statement:
    index: int
    line: int  # in the piece
    position: int  # in the Markdown: before the line of this number
    prefix: str


class _Piece:
    def __init__(self, draft: Draft, lines: Sequence[Line], home: Hashable) -> None:
        self.draft = draft
        self.lines = lines
        self.home = home
        self.statements: list[_Statement] = []
        self.kept: list[Line] = []  # the lines that Markdown sees
        self.found = [statement_line(draft, line) for line in lines]

    def read(self) -> list[Token] | set[int]:
        """The tokens, or the numbers of lines at which the piece has to be parted first."""
        if len(self.lines) == 1 and self.found[0] and not self.found[0][0].strip():
            return [self._token(index, self.home, self.lines[0].start) for index in self.found[0][1]]
        if parting := self._reaching_out():
            return parting
        self._take_out()
        tokens = self.draft.markdown.parse("\n".join(line.text for line in self.kept))
        self._locate(tokens)
        return self._put_back(tokens) if self.statements else tokens

    def _token(self, index: int, home: Hashable, offset: int) -> Token:
        mark = self.draft.tokenised.marks[index]
        self.draft.homes[index] = home
        found = self.draft.tokenised.pattern.match(self.draft.tokenised.text, mark.offset)
        meta = {"token": found[0] if found else "", "index": index, "offset": max(offset, mark.offset)}
        return Token("statement_block", "", 0, block=True, meta=meta)

    def _reaching_out(self) -> set[int]:
        """Statement lines whose partners are not all in this piece: they stand between its blocks."""
        inside = {index for line in self.lines for index in self.draft.tokenised.statements(line.text)}
        parting = set()
        for number, found in enumerate(self.found):
            if found and ">" not in found[0] and self.lines[number].indent <= 3:
                groups = [self.draft.groups.get(index) for index in found[1]]
                words = [self.draft.tokenised.marks[index].word for index in found[1]]
                if any(
                    (group is None and word not in ("set", "do"))
                    or (group and not inside.issuperset(group.members))
                    for group, word in zip(groups, words, strict=True)
                ):
                    parting.add(number)
        return parting

    def _take_out(self) -> None:
        for number, (line, found) in enumerate(zip(self.lines, self.found, strict=True)):
            if not found:
                self.kept.append(line)
                continue
            prefix, indices = found
            self.statements += [_Statement(index, number, len(self.kept), prefix) for index in indices]
            if not self._between_rows(number):
                self.kept.append(Line(prefix.rstrip(), line.start))

    def _between_rows(self, number: int) -> bool:
        """Whether the line stands between two items of a list or two rows of a table, which no blank line may part."""
        before = next((at for at in range(number - 1, -1, -1) if not self.found[at]), None)
        after = next((at for at in range(number + 1, len(self.lines)) if not self.found[at]), None)
        if before is None or after is None:
            return False
        above, below = self.lines[before].text, self.lines[after].text
        if "|" in above and "|" in below:
            return True
        return bool(_MARKER.match(below)) and self._in_list(before)

    def _in_list(self, number: int) -> bool:
        below_blank = False
        for at in range(number, -1, -1):
            line = self.lines[at]
            if _MARKER.match(line.text):
                return not (below_blank and not self.lines[number].indent and at != number)
            if line.is_blank and number == at:
                return False
            below_blank = below_blank or line.is_blank
        return False

    def _locate(self, tokens: Sequence[Token]) -> None:
        """Say of each token where it stands in the tokenised text."""
        reached: dict[int, int] = defaultdict(int)
        for token in tokens:
            if not token.map or not self.kept:
                continue
            first = self.kept[min(token.map[0], len(self.kept) - 1)]
            token.meta["offset"] = first.start + first.indent
            if token.type == "inline":
                if len(token.content) > PARAGRAPH:
                    message = f"a paragraph of {len(token.content):,} characters"
                    self.draft.problem(
                        "C129", message, first.start + first.indent, "part it with blank lines"
                    )
                starts = []
                for number, text in enumerate(token.content.split("\n"), token.map[0]):
                    line = self.kept[min(number, len(self.kept) - 1)]
                    at = max(
                        0, line.text.find(text, reached[number] if token.map[1] - token.map[0] == 1 else 0)
                    )
                    reached[number] = at + len(text)
                    starts.append(line.start + at)
                token.meta["starts"] = starts

    def _put_back(self, tokens: list[Token]) -> list[Token] | set[int]:
        root = self._tree(tokens)
        spots = {statement.index: dict(_spots(root, statement.position)) for statement in self.statements}
        chosen: dict[int, tuple[_Node, int]] = {}
        lost: list[_Statement] = []
        for statement in self.statements:
            group = self.draft.groups.get(statement.index) or Group((statement.index,))
            common = [
                node
                for node in spots[statement.index]
                if all(node in spots[member] for member in group.members if member in spots)
            ]
            if common:
                node = min(common, key=lambda node: node.depth)
                chosen[statement.index] = (node, spots[statement.index][node])
            else:
                lost.append(statement)
        apart = {lost.line for lost in lost if ">" not in lost.prefix and self.lines[lost.line].indent <= 3}
        if apart and len(self.lines) > 1:
            return apart
        self._refuse(lost)
        return self._insert(tokens, root, chosen)

    def _refuse(self, lost: Sequence[_Statement]) -> None:
        for statement in lost:
            group = self.draft.groups.get(statement.index)
            if group and group not in self.draft.said:
                marks = self.draft.tokenised.marks
                self.draft.said.add(group)
                self.draft.problems.append(crossing(marks[group.members[0]], marks[group.members[-1]]))

    def _insert(
        self, tokens: Sequence[Token], root: _Node, chosen: dict[int, tuple[_Node, int]]
    ) -> list[Token]:
        added: dict[int, list[Token]] = defaultdict(list)
        for statement in self.statements:
            if statement.index in chosen:
                node, at = chosen[statement.index]
                index = node.children[at].opens if at < len(node.children) else node.closes
                home = (
                    self.home
                    if node is root
                    else (self.home, "inside", self.kept[node.start].start, node.depth)
                )
                offset = self.lines[statement.line].start
                added[index].append(self._token(statement.index, home, offset))
        out: list[Token] = []
        for index in range(len(tokens) + 1):
            out += added[index]
            out += tokens[index : index + 1]
        return out

    def _tree(self, tokens: Sequence[Token]) -> _Node:
        root = _Node("root", -1, len(tokens), 0, len(self.kept) + 1)
        stack = [root]
        for index, token in enumerate(tokens):
            if token.type in _CONTAINERS:
                first, end = token.map or (0, 0)
                stack.append(_Node(token.type, index, index, first, end, len(stack)))
                stack[-2].children.append(stack[-1])
            elif token.type.replace("_close", "_open") in _CONTAINERS:
                node = stack.pop()
                node.closes = index
                if node.children:
                    node.start, node.end = node.children[0].start, node.children[-1].end
            elif token.map and token.type != "inline" and token.nesting >= 0:
                first, end = token.map
                within = stack[-1].children[-1:] and stack[-1].children[-1].end > first
                if token.type == "thead_open":
                    end += 1  # the line of dashes
                while end > first + 1 and self.kept[min(end, len(self.kept)) - 1].is_blank:
                    end -= 1
                if not within:
                    stack[-1].children.append(_Node(token.type, index, index, first, end, len(stack)))
        return root


def _spots(node: _Node, position: int) -> Iterator[tuple[_Node, int]]:
    """The blocks in which a position lies between two children, each with the number of children before it."""
    before = [child for child in node.children if child.start < position]
    if before and before[-1].end > position:
        yield from _spots(before[-1], position)
        return
    if node.holds_statements:
        yield node, len(before)
    if before:
        yield from _edge(before[-1], last=True)
    if len(before) < len(node.children):
        yield from _edge(node.children[len(before)], last=False)


def _edge(node: _Node, *, last: bool) -> Iterator[tuple[_Node, int]]:
    """The blocks that begin, or end, where this one does."""
    if node.holds_statements:
        yield node, len(node.children) if last else 0
    if node.children:
        yield from _edge(node.children[-1 if last else 0], last=last)
