"""Where each key and value of a TOML document stands: tomllib tells the values, this scanner their places."""

import re
import tomllib
from bisect import bisect_right
from collections.abc import Callable

KeyPath = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t]|#[^\n]*)*")
_BLANKS = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
# The end of a multi-line string may be glued to one or two quotes that belong to its text.
_TEXT = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}' + r"|'''.*?'{3,5}" + r'|"(?:\\.|[^"\\\n])*"' + r"|'[^'\n]*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\n]*")


class Lost(Exception):
    """The document is no TOML from `offset` on; tomllib says why."""

    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset


class Scanner:
    """Walks over a document that tomllib has taken, and notes the offset of each key and value.

    keys, values: path -> offset in characters. An item of an array has its index as key; a table's value is
    its header's bracket, or its brace; a table that only a dotted key implies stands where its name does.
    open: offsets of the brackets and strings in which the scan stands; those left after Lost are unclosed.
    statements: each header and each pair in the order of the text, also one that stands there twice.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.keys: dict[KeyPath, int] = {}
        self.values: dict[KeyPath, int] = {}
        self.open: list[int] = []
        self.statements: list[tuple[KeyPath, int]] = []
        self._tables: dict[KeyPath, int] = {}  # arrays of tables: path -> how many so far

    def scan(self) -> None:
        table: KeyPath = ()
        while True:
            self._skip(_BLANKS)
            if self.at >= len(self.text):
                return
            if self.text.startswith("[", self.at):
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BLANK)
            if self.at < len(self.text) and self.text[self.at] != "\n":
                raise Lost(self.at)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def _expect(self, sign: str) -> None:
        if not self.text.startswith(sign, self.at):
            raise Lost(self.at)
        self.at += len(sign)

    def _header(self) -> KeyPath:
        start = self.at
        brackets = 2 if self.text.startswith("[[", self.at) else 1
        self.at += brackets
        parts = self._key()
        self._expect("]" * brackets)
        table: KeyPath = ()
        for position, (name, offset) in enumerate(parts):
            last = position == len(parts) - 1
            table = (*table, name)
            if last:
                self.statements.append((table, offset))
                self.keys.setdefault(table, offset)
                # A table written out beats the place where a longer header only implied it.
                self.values[table] = self.values.get(table, start) if table in self._tables else start
                if brackets == 1:
                    self.keys[table] = offset
                    return table
                number = self._tables.get(table, 0)
                self._tables[table] = number + 1
                table = (*table, number)
                self.keys[table], self.values[table] = offset, start
            else:
                self.keys.setdefault(table, offset)
                self.values.setdefault(table, start)
                if table in self._tables:
                    table = (*table, self._tables[table] - 1)
        return table

    def _key(self) -> list[tuple[str, int]]:
        parts = []
        while True:
            self._skip(_BLANK)
            start = self.at
            if found := _BARE_KEY.match(self.text, self.at):
                name = found[0]
            elif (found := _TEXT.match(self.text, self.at)) and not found[0].startswith(('"""', "'''")):
                name = self._unquoted(found[0])
            else:
                raise Lost(start)
            self.at = found.end()
            parts.append((name, start))
            self._skip(_BLANK)
            if not self.text.startswith(".", self.at):
                return parts
            self.at += 1

    def _unquoted(self, name: str) -> str:
        """What a quoted key says, its escapes resolved."""
        try:
            return str(tomllib.loads(f"v = {name}")["v"])
        except tomllib.TOMLDecodeError:
            raise Lost(self.at) from None

    def _pair(self, table: KeyPath) -> None:
        path = table
        parts = self._key()
        for name, offset in parts:
            path = (*path, name)
            self.keys.setdefault(path, offset)
            self.values.setdefault(path, offset)
        self.statements.append((path, parts[-1][1]))
        self._expect("=")
        self._skip(_BLANK)
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        self.values[path] = start = self.at
        sign = self.text[start : start + 1]
        if sign == "[":
            self._inside("]", lambda number: self._item((*path, number)))
        elif sign == "{":
            self._inside("}", lambda _number: self._pair(path))
        elif sign in ("'", '"') and sign:
            found = _TEXT.match(self.text, start)
            many = self.text.startswith((sign * 3), start)
            if not found or (many and len(found[0]) < 6):
                self.open.append(start)
                raise Lost(start)
            self.at = found.end()
        else:
            self._skip(_SCALAR)
            if not self.text[start : self.at].strip():
                raise Lost(start)

    def _item(self, path: KeyPath) -> None:
        self.keys[path] = self.at
        self._value(path)

    def _inside(self, closing: str, element: Callable[[int], None]) -> None:
        self.open.append(self.at)
        self.at += 1
        number = 0
        self._skip(_BLANKS)
        while not self.text.startswith(closing, self.at):
            element(number)
            number += 1
            self._skip(_BLANKS)
            if not self.text.startswith(",", self.at):
                break
            self.at += 1
            self._skip(_BLANKS)
        self._expect(closing)
        self.open.pop()


class Lines:
    """Turns an offset in a text into line and column, both from 1, in characters."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def at(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def offset(self, line: int, column: int) -> int:
        return self._starts[min(line, len(self._starts)) - 1] + column - 1


def written(path: KeyPath) -> str:
    """A path as authors write it: `sender.from`, `step[1].wait`."""
    text = ""
    for step in path:
        text += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text
