"""The author's line rules: sections, `---`, `:::` blocks with their fields; what lies between goes to Markdown."""

import re
from collections.abc import Callable

from newsletter.errors import Place, Problem
from newsletter.render.draft import Draft, Line
from newsletter.render.fields import Frame, close_field, read_line, shown
from newsletter.render.parts import items_of, mark_up_inline
from newsletter.render.runs import read_run
from newsletter.render.tree import Block, Item, Only, Section

_HEADING = re.compile(r" {0,3}(#{1,6}+)(?:[ \t]++(.*))?[ \t]*")
_GLUED = re.compile(r" {0,3}(##+)[^#\s].*")
_KIND = re.compile(r"(.*)(?<!\\)\{([^{}]*)\}")
_COLONS = re.compile(r" {0,3}(:{3,}+)[ \t]*+((?:.*[^ \t])?)[ \t]*")
_LEAVE = re.compile(r" {0,3}-[ \t]*-[ \t]*-[- \t]*")
_NAME = re.compile(r"[^\W\d][\w-]*")

# A snippet's parts for its name, at the offset of the line that asks for it.
SnippetItems = Callable[[Draft, str, int], tuple[Item, ...]]


class Outline:
    """Reads a draft once; `intro`, `sections` and `closing` are there afterwards, and the draft knows the problems."""

    def __init__(self, draft: Draft, snippet: SnippetItems, start: Place, *, sections: bool = True) -> None:
        """sections: False inside a snippet, which holds parts only."""
        self.draft = draft
        self.snippet = snippet
        self.start = start
        self.holds_sections = sections
        self.sections: list[Section] = []
        self.intro = self.closing = Section(start)
        self.left: int | None = None  # offset of `---`
        self.heads: list[int] = []  # offsets of `##` and `---`
        self.stack = [Frame("", 0, section=self.intro)]
        self._read()

    def _read(self) -> None:
        for number, line in enumerate(self.draft.lines):
            frame = self.stack[-1]
            if line.code:
                self._add(frame, line)
            elif colons := _COLONS.fullmatch(line.text):
                self._colons(line, len(colons[1]), colons[2], line.start + colons.start(2))
            elif heading := _HEADING.fullmatch(line.text):
                self._heading(line, heading, number)
            elif _LEAVE.fullmatch(line.text):
                self._leave(line, number)
            else:
                if glued := _GLUED.fullmatch(line.text):
                    hint = f"write a blank behind it: `{glued[1]} …`; as text write `\\##`"
                    self.draft.problem(
                        "C107", f"`{glued[1]}` without a blank is no heading", line.start, hint
                    )
                self._add(frame, line)
        self._close_section()
        self._check_conditions()

    def _add(self, frame: Frame, line: Line) -> None:
        if frame.takes_text:
            frame.run.append(line)
        else:
            read_line(self.draft, frame, line)

    # --- sections

    def _heading(self, line: Line, heading: re.Match[str], number: int) -> None:
        frame = self.stack[-1]
        offset = line.start + heading.start(1)
        if len(heading[1]) > 2:
            self._add(frame, line)
        elif len(heading[1]) == 1:
            hint = "`## Title` begins a section, `### Title` is a heading inside; the title of all is the subject"
            self.draft.problem("C101", "`#` is no heading in a body", offset, hint)
            self.draft.tokenised.used.update(self.draft.tokenised.indices(line.text))
        elif not self.holds_sections:
            hint = "leave sections to the campaign; `### Title` is a heading inside one"
            self.draft.problem("C118", "a snippet holds no sections", offset, hint)
        elif frame.name and self._closes_below(frame, number):
            hint = f"close `{shown(self.draft, frame)}` before it, or write `### Title`"
            message = f"a section inside `{shown(self.draft, frame)}` (line {self._line(frame.offset)})"
            self.draft.problem("C102", message, offset, hint)
            self.draft.tokenised.used.update(self.draft.tokenised.indices(line.text))
        else:
            self._open_section(line, heading, offset)

    def _closes_below(self, frame: Frame, number: int) -> bool:
        """Whether an open block is closed further down before one like it is opened: then it was meant to go on."""
        for line in self.draft.lines[number:]:
            found = None if line.code else _COLONS.fullmatch(line.text)
            if found and len(found[1]) == frame.colons and not found[2].startswith("snippet"):
                return not found[2]
        return False

    def _open_section(self, line: Line, heading: re.Match[str], offset: int) -> None:
        if self.left is not None:
            hint = "move `---` behind the last section, or write `***` for a line in the text"
            message = f"`---` with a section after it (line {self._line(offset)})"
            self.draft.problem("C103", message, self.left, hint)
            self.left = None
        self._close_section()
        title = _without_closing(heading[2] or "")
        kind, kind_place = None, None
        begins = line.start + (heading.start(2) if heading[2] else heading.end(1))
        if braces := _KIND.fullmatch(title):
            at = begins + braces.start(2)
            kind = braces[2].strip().removeprefix(".")
            kind_place = self.draft.place(at + braces[2].index(kind) if kind else at)
            if braces[2].startswith("#"):
                kind = kind_place = None  # an unclosed comment, which has its problem
            elif not braces[2].strip().startswith(".") or not _NAME.fullmatch(kind):
                hint = "a section's kind is one word behind a dot: `## Title {.panel}`; as text write `\\{`"
                message = f"`{{{self.draft.written(braces[2])}}}` is no kind"
                self.draft.problem("C104", message, at - 1, hint)
                self.draft.tokenised.used.update(self.draft.tokenised.indices(braces[2]))
                kind = kind_place = None
            title = braces[1].rstrip(" \t")
        self.heads.append(offset)
        inline = self.draft.markdown.parse_inline(title)
        inline.meta["starts"] = [begins]
        marked = mark_up_inline(self.draft, inline)
        section = Section(self.draft.place(offset), marked.html, marked.text, kind, kind_place)
        self.stack = [Frame("", offset, section=section)]

    def _leave(self, line: Line, number: int) -> None:
        frame = self.stack[-1]
        offset = line.start + line.indent
        hint = "it leaves the last section for the closing; a line in the text is `***`"
        if not self.holds_sections:
            self.draft.problem("C103", "`---` inside a snippet", offset, hint)
        elif frame.name and self._closes_below(frame, number):
            self.draft.problem("C103", f"`---` inside `{shown(self.draft, frame)}`", offset, hint)
        elif frame.section is self.intro:
            self.draft.problem("C103", "`---` before the first section", offset, hint)
        elif self.left is not None:
            message = f"`---` a second time (first in line {self._line(self.left)})"
            self.draft.problem("C103", message, offset, hint)
        else:
            self._close_section()
            self.left = offset
            self.heads.append(offset)
            self.stack = [Frame("", offset, section=Section(self.draft.place(offset)))]

    def _close_section(self) -> None:
        while len(self.stack) > 1:
            self._unclosed(self.stack[-1])
            self._pop()
        frame = self.stack[0]
        self._flush(frame)
        section = frame.section or Section(self.start)
        done = Section(
            section.place,
            section.title_html,
            section.title,
            section.kind,
            section.kind_place,
            tuple(frame.items),
        )
        if section is self.intro:
            self.intro = done
        elif self.left is not None:
            self.closing = done
        else:
            self.sections.append(done)

    def _check_conditions(self) -> None:
        """A section, or the closing, that begins inside a condition or loop."""
        marks = self.draft.tokenised.marks
        for head in self.heads:
            around = [
                group
                for group in dict.fromkeys(self.draft.groups.values())
                if group.whole and marks[group.members[0]].offset < head < marks[group.members[-1]].offset
            ]
            if around:
                opener = marks[around[-1].members[0]]
                self.draft.said.update(around)
                what = "`---`" if self.draft.tokenised.text.startswith("-", head) else "a section"
                message = f"{what} inside `{opener.shown}` (line {opener.place.line})"
                hint = f"put the condition inside the section: `{{% end{opener.word} %}}` before this line"
                self.draft.problem("C102", message, head, hint)

    # --- blocks

    def _colons(self, line: Line, colons: int, rest: str, at: int) -> None:
        offset = line.start + line.indent
        self.draft.tokenised.used.update(self.draft.tokenised.indices(rest))
        if not rest:
            self._close(colons, offset)
            return
        name, *words = rest.split()
        if not _NAME.fullmatch(name) or (self.draft.tokenised.indices(rest) and name != "only"):
            hint = "a block begins `::: name`, its name a word without dot or braces"
            self.draft.problem("C112", f"`{self.draft.written(rest)}` is no block's name", at, hint)
            words = []
        elif name == "snippet":
            self._snippet(words, offset)
            return
        elif words and name != "only":
            behind = " ".join(words)
            hint = f"write `{':' * colons} {name}`, and `field: value` on the lines below"
            self.draft.problem(
                "C112", f"`{behind}` behind the name of a block", at + rest.index(behind[:1], len(name)), hint
            )
        frame = Frame(name, offset, colons)
        frame.said = 0 < self.stack[-1].colons < colons  # the outer block's problem tells of both
        if name == "only":
            self._segment(frame, words)
        outer = self.stack[-1]
        if outer.name and colons >= outer.colons:
            self._too_few_colons(outer, name, offset)
        self._flush(outer)
        self.stack.append(frame)

    def _segment(self, frame: Frame, words: list[str]) -> None:
        frame.negated = len(words) == 2 and words[0] == "not"
        jinja = self.draft.tokenised.indices(" ".join(words))
        if len(words) != 1 + frame.negated or words == ["not"] or jinja:
            hint = "write `::: only SEGMENT` or `::: only not SEGMENT`, one list or segment"
            self.draft.problem("C115", "`::: only` takes one segment", frame.offset, hint)
        frame.segment = words[-1] if words else ""

    def _too_few_colons(self, outer: Frame, name: str, offset: int) -> None:
        if outer.said:
            return
        outer.said = True
        block, fence = shown(self.draft, outer), ":" * outer.colons
        self.draft.problem(
            "C110",
            f"`{block}` is not closed before `::: {name}` (line {self._line(offset)})",
            outer.offset,
            f"close it with `{fence}`; if `{name}` stands inside it, begin and end the outer block with `{fence}:`",
        )

    def _close(self, colons: int, offset: int) -> None:
        frame = self.stack[-1]
        if not frame.name:
            hint = "take it out, or begin a block above it: `::: name`"
            self.draft.problem("C111", f"`{':' * colons}` closes nothing", offset, hint)
            return
        if all(open_.colons != colons for open_ in self.stack[1:]):
            hint = f"close it with `{':' * frame.colons}`"
            message = f"`{':' * colons}` does not close `{shown(self.draft, frame)}` (line {self._line(frame.offset)})"
            self.draft.problem("C111", message, offset, hint)
            colons = frame.colons
        while self.stack[-1].colons != colons:
            self._unclosed(self.stack[-1])
            self._pop()
        self._pop()

    def _unclosed(self, frame: Frame) -> None:
        if not frame.said and not any(problem.code == "C106" for problem in self.draft.problems):
            hint = f"close it with `{':' * frame.colons}` on a line of its own"
            self.draft.problem("C110", f"`{shown(self.draft, frame)}` is not closed", frame.offset, hint)

    def _pop(self) -> None:
        frame = self.stack.pop()
        self._flush(frame)
        close_field(self.draft, frame)
        place = self.draft.place(frame.offset)
        items = tuple(frame.items)
        if frame.name == "only":
            self.stack[-1].items.append(Only(place, frame.segment, frame.negated, items))
        else:
            self.stack[-1].items.append(Block(place, frame.name, frame.fields, items))

    def _flush(self, frame: Frame) -> None:
        """What has been gathered becomes parts."""
        close_field(self.draft, frame)
        if any(not line.is_blank for line in frame.run):
            frame.items += items_of(self.draft, read_run(self.draft, frame.run, frame.offset))
        frame.run = []

    def _snippet(self, words: list[str], offset: int) -> None:
        frame = self.stack[-1]
        self._flush(frame)
        if len(words) != 1:
            hint = "write `::: snippet NAME`; it has no fields and no closing `:::`"
            self.draft.problem("C116", "`::: snippet` takes one name", offset, hint)
            return
        frame.items += self.snippet(self.draft, words[0], offset)

    def _line(self, offset: int) -> int | None:
        return self.draft.place(offset).line


def missing_snippet(name: str, place: Place, hint: str) -> Problem:
    return Problem("C116", f"there is no snippet `{name}`", place, hint)


def _without_closing(title: str) -> str:
    """A heading without the `##` that may stand behind it, too (CommonMark 4.2)."""
    title = title.rstrip(" \t")
    bare = title.rstrip("#")
    return bare.rstrip(" \t") if not bare or bare[-1] in " \t" else title
