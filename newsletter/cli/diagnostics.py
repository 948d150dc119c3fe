"""A problem as a terminal shows it: what and where, the line with a mark below the spot, and the way out."""

import itertools
import re
import unicodedata
from pathlib import Path

from newsletter.errors import NewsletterError, Place, Problem
from newsletter.files.project import read_lines

_LONGEST = 2**20  # bytes; of a longer line nothing is shown
GUTTER = 5  # cells for the line's number
_SPOT = re.compile(
    r"!?\[[^\]]*\]\([^)]*\)|\{\{.*?\}\}|\{%.*?%\}|\"[^\"]*\"|'[^']*'|<[^<>]*>|:{3,}\s*\w*|[\w@.:/#&=+-]+|\S"
)
_SECRET_FILES = frozenset({".env", ".newsletter/secret"})
_SECRET_LINE = re.compile(r"key|secret|password|token", re.IGNORECASE)


def described(problem: Problem, root: Path | None, width: int) -> str:
    """`error  F102  …   file:line:col`, the author's line with the spot marked, `try:` and `more:`.

    root: the project's folder, None where there is none. width: cells that a line may take.
    """
    where = f"   {problem.place}" if problem.place else ""
    lines = [f"{problem.severity:<7}  {problem.code}  {problem.message}{where}"]
    if root is not None and problem.place:
        lines += excerpt(root, problem.place, width)
    if problem.hint:
        lines.append(f"   try:  {problem.hint}")
    lines.append(f"   more: newsletter explain {problem.code}")
    return "\n".join(lines)


def excerpt(root: Path, place: Place, width: int) -> list[str]:
    """The line, and below it marks under the spot; nothing where there is no such line, or a secret may stand in it."""
    line = _line(root, place)
    if line is None:
        return []
    number = f"{place.line:>{GUTTER}} │ "
    column = min(place.column or 1, len(line) + 1)
    spot = _SPOT.match(line, column - 1)
    end = spot.end() if spot else column
    start, stop = _window(line, column - 1, end, width - len(number))
    before, marked = "…" * (start > 0) + line[start : column - 1], line[column - 1 : min(end, stop)]
    shown = f"{number}{before}{line[column - 1 : stop]}{'…' * (stop < len(line))}".rstrip()
    if place.column is None:
        return [shown]
    return [shown, f"{'':{GUTTER}} │ {' ' * _cells(before)}{'^' * max(1, _cells(marked))}"]


def _line(root: Path, place: Place) -> str | None:
    if place.line is None or place.file in _SECRET_FILES:
        return None
    try:
        lines = read_lines(root / place.file, file=place.file, longest=_LONGEST)
        if place.line < 1:
            return None
        above = list(itertools.islice(lines, place.line - 2, place.line - 1)) if place.line > 1 else ["\n"]
        line = next(lines, "" if above and above[0].endswith("\n") else None)
    except (OSError, ValueError, NewsletterError):
        return None
    if line is None or len(line) >= _LONGEST:
        return None
    line = line.removesuffix("\n")
    if place.file.endswith(".toml") and _SECRET_LINE.search(line.partition("=")[0]):
        return None
    # One cell for each control: a tab would move the mark, an escape would move the cursor.
    return "".join(" " if unicodedata.category(sign) in ("Cc", "Zl", "Zp") else sign for sign in line)


def _window(line: str, start: int, end: int, room: int) -> tuple[int, int]:
    """The part of a long line that is shown, in characters: the spot and what stands around it."""
    room = max(20, room - 2)
    if _cells(line) <= room:
        return 0, len(line)
    first = max(0, min(start - room // 3, len(line) - room))
    last = min(len(line), first + room)
    while last > end and _cells(line[first:last]) > room:
        last -= 1
    return first, last


def _cells(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)
