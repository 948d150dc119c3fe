"""Jinja in an author's text becomes tokens that Markdown leaves alone, and comes back behind it.

A token is `q` + 8 hex + `z` + index + `x`: lower case, a letter first, the nonce absent from the text. Comments are
taken out (a line that holds nothing else goes with them), `{% raw %}` gives its text without the marks. Braces that
are text come back as `{{ '{{' }}`, so what `restore` yields is Jinja source in which nothing runs but what the author
wrote as an expression.
"""

import hashlib
import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from newsletter.errors import Place, Problem

ENOUGH = (
    20  # braces that nothing closes: each is looked for to the end of the text, and nothing is sent anyway
)

_OPEN = re.compile(r"\{%(?P<sign>[-+]?)\s*raw\s*(?P<end>-?)%\}|\{#|\{%|\{\{")
_ENDRAW = re.compile(r"\{%(?P<sign>[-+]?)\s*endraw\s*(?P<end>[-+]?)%\}")
_COMMENT = re.compile(r"\{#(?P<sign>[-+]?).*?(?P<end>[-+]?)#\}", re.DOTALL)
_COMMENT_LINE = re.compile(r"(?:\{#(?>.*?#\})[ \t]*+)++(?:\n|\Z)", re.DOTALL)  # each in one way only
# Jinja's own string (jinja2.lexer.string_re): it may hold the closing braces and line breaks.
_STRING = re.compile(r"'[^'\\]*(?:\\.[^'\\]*)*'|\"[^\"\\]*(?:\\.[^\"\\]*)*\"", re.DOTALL)
_ENDS = {"{{": re.compile(r"-?\}\}"), "{%": re.compile(r"[-+]?%\}")}
_PAIRS = {")": "(", "]": "[", "}": "{"}
_BRACES = re.compile(r"\{(?:\{+[%#]?|[%#]|\Z)")


class Origin:
    """Where the characters of a text stand in the author's file."""

    def __init__(self, text: str, lines: Sequence[Place]) -> None:
        """lines: the place of each line's first character; the last one counts on for further lines."""
        self._starts = [0, *(m.end() for m in re.finditer("\n", text))]
        self._lines = lines

    def place(self, offset: int) -> Place:
        index = bisect_right(self._starts, offset) - 1
        known = self._lines[min(index, len(self._lines) - 1)]
        beyond = max(0, index - len(self._lines) + 1)
        column = 1 if beyond else known.column or 1
        return Place(known.file, (known.line or 1) + beyond, column + offset - self._starts[index])


@dataclass(frozen=True, slots=True)
class Mark:
    """One `{{ … }}` or `{% … %}`: as written, and as it goes into Jinja (blank control is done, so without it)."""

    written: str
    source: str
    place: Place
    offset: int  # of its token in the tokenised text

    @property
    def is_statement(self) -> bool:
        return self.written.startswith("{%")

    @property
    def shown(self) -> str:
        """As written, on one line and short enough for a message."""
        line = " ".join(self.written.split())
        return line if len(line) <= 60 else line[:59] + "…"

    @property
    def word(self) -> str:
        """The statement's keyword."""
        words = self.source[2:-2].split(None, 1)
        return words[0] if words else ""


@dataclass(slots=True)
class Tokenised:
    """A text with tokens in place of Jinja."""

    text: str
    marks: tuple[Mark, ...]
    problems: tuple[Problem, ...]
    pattern: re.Pattern[str]  # one token; group 1 is the mark's index
    place: Callable[[int], Place]  # of an offset in `text`
    slice: Callable[[int, int], str]  # the author's own text between two offsets in `text`
    used: set[int] = field(default_factory=set)  # marks that have come back by `restore`

    def restore(self, text: str) -> str:
        """Jinja source: tokens become the author's expressions, braces that are text become harmless."""
        parts = self.pattern.split(text)
        for at, part in enumerate(parts):
            if at % 2:
                self.used.add(int(part))
                parts[at] = self.marks[int(part)].source
            else:
                parts[at] = _BRACES.sub(lambda found: "{{ '" + found[0] + "' }}", part)
        return "".join(parts)

    def written(self, text: str) -> str:
        """The author's own spelling, for messages and comparisons."""
        return self.pattern.sub(lambda found: self.marks[int(found[1])].written, text)

    def indices(self, text: str) -> list[int]:
        return [int(index) for index in self.pattern.findall(text)]

    def statements(self, text: str) -> list[int]:
        return [index for index in self.indices(text) if self.marks[index].is_statement]


def tokenise(text: str, lines: Sequence[Place]) -> Tokenised:
    """Never raises; what is not closed stays text, with a problem. After `ENOUGH` of them the rest is text.

    lines: see `Origin`
    """
    scanner = _Scanner(text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd"), lines)
    scanner.scan()
    return scanner.result()


def _nonce(text: str) -> str:
    nonce = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:8]
    while f"q{nonce}z" in text.lower():
        nonce = hashlib.sha256(nonce.encode("ascii")).hexdigest()[:8]
    return nonce


class _Scanner:
    def __init__(self, text: str, lines: Sequence[Place]) -> None:
        self.text = text
        self.origin = Origin(text, lines)
        self.nonce = _nonce(text)
        self.pieces: list[
            tuple[str, int]
        ] = []  # text, offset in the author's text; a token's piece is a Mark
        self.marks: list[tuple[str, str, int, int]] = []  # written, source, author's offset, piece
        self.problems: list[Problem] = []

    def scan(self) -> None:
        at = 0
        while len(self.problems) < ENOUGH and (opener := _OPEN.search(self.text, at)):
            self.data(at, opener.start())
            at = self.construct(opener)
        self.data(at, len(self.text))

    def construct(self, opener: re.Match[str]) -> int:
        """Read what begins here; the offset behind it."""
        if opener["end"] is not None:
            return self.raw(opener)
        if opener[0] == "{#":
            return self.comment(opener.start())
        start, kind = opener.start(), opener[0]
        end = _end(self.text, start, kind)
        if end is None:
            return self.unclosed(start, kind)
        written = self.text[start:end]
        inner = written[2:-2]
        before, after = (
            inner[:1] in ("-", "+"),
            inner[1:][-1:] == "-" or (kind == "{%" and inner[1:][-1:] == "+"),
        )
        source = _unsigned(kind, inner[before : len(inner) - after], written[-2:])
        alone = kind == "{%" and self.alone(start, end)
        if inner[:1] == "-" and not alone:
            self.strip()
        self.marks.append((written, source, start, len(self.pieces)))
        self.pieces.append((f"q{self.nonce}z{len(self.marks) - 1}x", start))
        if after and inner[-1] == "-" and not alone:
            end = self.skip(end)
        return end

    def alone(self, start: int, end: int) -> bool:
        """Whether the statement has its line to itself, so that its blank control has nothing to do."""
        before = self.text[self.text.rfind("\n", 0, start) + 1 : start]
        stop = self.text.find("\n", end)
        after = self.text[end : stop if stop >= 0 else len(self.text)]
        return not before.strip(" \t>") and not after.strip()

    def comment(self, start: int) -> int:
        found = _COMMENT.match(self.text, start)
        if found is None:
            return self.unclosed(start, "{#")
        line = _COMMENT_LINE.match(self.text, start)
        if line is not None and not self.text[self.text.rfind("\n", 0, start) + 1 : start].strip(" \t"):
            self.strip(" \t")
            return line.end()
        if found["sign"] == "-":
            self.strip()
        return self.skip(found.end()) if found["end"] == "-" else found.end()

    def raw(self, opener: re.Match[str]) -> int:
        closer = _ENDRAW.search(self.text, opener.end())
        if closer is None:
            self.problem(
                "M130",
                "`{% raw %}` is not closed",
                opener.start(),
                "write `{% endraw %}` behind the raw text",
            )
            return opener.end()
        if opener["sign"] == "-":
            self.strip()
        start, end = opener.end(), closer.start()
        if opener["end"] == "-":
            start = min(end, self.skip(start))
        self.data(start, end)
        if closer["sign"] == "-":
            self.strip()
        return self.skip(closer.end()) if closer["end"] == "-" else closer.end()

    def unclosed(self, start: int, kind: str) -> int:
        hints = {
            "{{": "close it with `}}`; for braces as text write `{% raw %}{{{% endraw %}`",
            "{%": "close it with `%}`",
            "{#": "`{# … #}` is a comment and ends with `#}`; anchors `{#name}` are not known",
        }
        self.problem("M130", f"`{kind}` is not closed", start, hints[kind])
        self.data(start, start + 2)
        return start + 2

    def problem(self, code: str, message: str, offset: int, hint: str) -> None:
        self.problems.append(Problem(code, message, self.origin.place(offset), hint))

    def data(self, start: int, end: int) -> None:
        if end > start:
            self.pieces.append((self.text[start:end], start))

    def strip(self, signs: str | None = None) -> None:
        """Blank control to the left: blanks and one line break, never a blank line, which parts paragraphs."""
        if not self.pieces or (self.marks and self.marks[-1][3] == len(self.pieces) - 1):
            return
        text, offset = self.pieces[-1]
        kept = text.rstrip(signs)
        if signs is not None or text[len(kept) :].count("\n") < 2:
            self.pieces[-1] = (kept, offset)

    def skip(self, at: int) -> int:
        blanks = re.compile(r"\s*").match(self.text, at)
        return blanks.end() if blanks and blanks[0].count("\n") < 2 else at

    def result(self) -> Tokenised:
        offsets = [0]
        for piece, _ in self.pieces:
            offsets.append(offsets[-1] + len(piece))
        tokens = {piece for *_, piece in self.marks}

        def origin(offset: int) -> int:
            if offset >= offsets[-1] and offset > 0:
                return len(self.text)
            at = bisect_right(offsets, offset, hi=len(self.pieces)) - 1
            return self.pieces[at][1] + (0 if at in tokens else offset - offsets[at]) if self.pieces else 0

        def place(offset: int) -> Place:
            return self.origin.place(origin(offset))

        def written(start: int, end: int) -> str:
            return self.text[origin(start) : origin(end)]

        marks = tuple(
            Mark(written, source, self.origin.place(start), offsets[piece])
            for written, source, start, piece in self.marks
        )
        pattern = re.compile(f"q{self.nonce}z([0-9]+)x")
        text = "".join(piece for piece, _ in self.pieces)
        return Tokenised(text, marks, tuple(self.problems), pattern, place, written)


def _unsigned(kind: str, inner: str, closer: str) -> str:
    """The construct without blank control; a sign of arithmetic must not become one."""
    before, after = " " * inner.startswith(("-", "+")), " " * inner.endswith(("-", "+"))
    return f"{kind}{before}{inner}{after}{closer}"


def _end(text: str, start: int, kind: str) -> int | None:
    """The offset behind the closing braces as Jinja's lexer finds them, None when they are missing.

    Where the brackets inside do not fit, the nearest closing braces of the same paragraph end it all the same: the
    syntax check says what is wrong.
    """
    open_: list[str] = []
    at = start + 2
    if text[at : at + 1] in ("-", "+") and not _ENDS[kind].match(text, at):
        at += 1
    while at < len(text):
        if not open_ and (end := _ENDS[kind].match(text, at)):
            return end.end()
        if string := _STRING.match(text, at):
            at = string.end()
            continue
        sign = text[at]
        if sign in "([{":
            open_.append(sign)
        elif sign in ")]}" and (not open_ or open_.pop() != _PAIRS[sign]):
            break
        at += 1
    near = re.compile(
        r"(?P<end>[-+]?" + re.escape(kind.replace("{", "}")[::-1]) + r")|\{\{|\{%|\n[ \t]*\n"
    ).search(text, start + 2)
    return near.end() if near and near["end"] else None
