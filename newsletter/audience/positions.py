"""Where in the file each character of a TOML text stands, escapes and line joins included."""

from newsletter.errors import Place
from newsletter.files.places import Lines

_ESCAPED = {"u": 5, "U": 9}  # length of an escape without its backslash; all others are one character


class Positions:
    """Offsets within a text's value -> places in the file, columns in characters."""

    def __init__(self, text: str, lines: Lines, place: Place) -> None:
        """text: the whole file, LF line ends, and its lines; place: where the value's opening quote stands."""
        self.file = place.file
        self._lines = lines
        self._offsets = _offsets(text, lines.offset(place.line or 1, place.column or 1))

    def place(self, at: int) -> Place:
        """The place of the value's character `at`; its end is where the closing quote stands."""
        line, column = self._lines.at(self._offsets[min(at, len(self._offsets) - 1)])
        return Place(self.file, line, column)


def _offsets(text: str, opening: int) -> list[int]:
    """For each character of the value, and its end, the offset in the file (TOML 1.0, "String")."""
    quote = text[opening : opening + 1]
    if quote not in ("'", '"') or not quote:
        return [opening]
    many = text.startswith(quote * 3, opening)
    at = opening + (3 if many else 1)
    if many and text.startswith("\n", at):
        at += 1  # a line break right behind the opening quotes is no part of the value
    found: list[int] = []
    while at < len(text) and not _closes(text, at, quote, many=many):
        if quote == '"' and text[at] == "\\":
            joined = _after_line_join(text, at + 1) if many else None
            if joined is not None:
                at = joined
                continue
            found.append(at)
            at += 1 + _ESCAPED.get(text[at + 1 : at + 2], 1)
        else:
            found.append(at)
            at += 1
    return [*found, at]


def _closes(text: str, at: int, quote: str, *, many: bool) -> bool:
    if not many:
        return text[at] == quote
    # Up to two quotes may stand right before the three that close.
    return text.startswith(quote * 3, at) and not text.startswith(quote * 4, at)


def _after_line_join(text: str, at: int) -> int | None:
    """A backslash before a line break swallows all blank space up to the next sign."""
    behind = at
    while behind < len(text) and text[behind] in " \t\n":
        behind += 1
    return behind if "\n" in text[at:behind] else None
