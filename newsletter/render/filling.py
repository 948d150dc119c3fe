"""Paragraphs of the text part: marked as the body is read, broken into lines once all that stands in them is known.

A mark is made of controls that no message holds: `OPEN`, what further lines begin with, `SEPARATOR`, the paragraph on
one line, `SEPARATOR`. None of them is a blank, so that trimming leaves them; what a template sets before and behind a
mark is seen where the paragraph is filled, and counts. What is the same for everybody is filled once.
"""

import re

WIDTH = 72  # columns
OPEN, SEPARATOR = "\x03", "\x04"
HELD = "\x05"  # a blank at which no line may end
UNDERLINE = "\x1e"  # the line above is a heading
MARKS = f"{OPEN}{SEPARATOR}{HELD}{UNDERLINE}"


def marked(paragraph: str) -> str:
    """A line of text that is broken later. paragraph: with `HELD` for blanks that hold words together"""
    return f"{OPEN}{SEPARATOR}{paragraph}{SEPARATOR}"


def unread(marked_line: str) -> tuple[str, str] | None:
    """What further lines begin with, and the rest of a line that begins with a mark; None for any other."""
    if not marked_line.startswith(OPEN):
        return None
    further, _, rest = marked_line[len(OPEN) :].partition(SEPARATOR)
    return further, rest


def says_nothing(text: str) -> bool:
    """Whether there are only marks and blanks in it."""
    return not text.strip(f"{MARKS} \t\r\n\f\v")


def whole_marks(text: str) -> bool:
    """Whether each mark in a text is all there, and no separator belongs to none."""
    before, *parts = text.split(OPEN)
    return SEPARATOR not in before and all(part.count(SEPARATOR) == 2 for part in parts)


PARAGRAPHS = re.compile(rf"^(?:[^\n]*{OPEN}(?:[^{SEPARATOR}]*{SEPARATOR}){{2}})+[^\n]*", re.MULTILINE)
"""Lines that are filled together."""


def filled(text: str) -> str:
    """All marked paragraphs in lines of `WIDTH` columns at most, but for a word that is longer; no marks are left.

    What stands behind a mark on its line belongs to the paragraph. Line ends inside stay; an empty line stays empty.
    """
    before, *parts = text.split(OPEN)
    done = [before]
    line = before[before.rfind("\n") + 1 :]  # on which the next mark stands, as far as it is written
    for part in parts:
        further, _, rest = part.partition(SEPARATOR)
        paragraph, end, behind = rest.partition(SEPARATOR)
        if end:
            stuck, line_end, behind = behind.partition("\n")
        else:  # a filter cut it off
            (paragraph, line_end, behind), stuck = rest.partition("\n"), ""
        made = _lines(paragraph + stuck, len(line), further).replace(HELD, " ")
        done += (made, line_end, behind)
        written = line_end + behind or line + made
        line = written[written.rfind("\n") + 1 :]
    return "".join(done).replace(SEPARATOR, "")


def _lines(text: str, column: int, further: str) -> str:
    """A text with line ends; column: at which its first line begins."""
    if "\n" not in text:
        return _broken(text, column, further)
    first, *others = text.split("\n")
    lines = [_broken(first, column, further)]
    lines += (further + _broken(one, len(further), further) if one.strip() else "" for one in others)
    return "\n".join(lines)


def _broken(text: str, column: int, further: str) -> str:
    """One line as several; of more blanks than one where it is broken none is left."""
    room = WIDTH - column
    if len(text) <= room:
        return text
    lines: list[str] = []
    start = 0
    while len(text) - start > room:
        word = start
        while text[word : word + 1] == " ":  # what begins with blanks keeps them
            word += 1
        end = text.rfind(" ", word, max(start + room + 1, 0))
        if end < 0:
            end = text.find(" ", max(word, start + room))
        if end < 0:
            break
        lines.append(text[start:end].rstrip(" "))
        start = end + 1
        while text[start : start + 1] == " ":
            start += 1
        room = WIDTH - len(further)
    if start < len(text):
        lines.append(text[start:])
    return f"\n{further}".join(lines)
