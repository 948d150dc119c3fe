"""Messages that differ in a few places become one text with tags in it, and each reader's values for the tags.

SendGrid looks for the names of a personalization's substitutions in the parts and puts their values there, as they
are: nothing is escaped and a value is never searched again. So what each reader gets is exactly what was composed, if
no text and no value holds a tag's name, which is seen to here. Subjects have no tags: each personalization has its own.
"""

import functools
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring

from newsletter.render.composition import Content

Cells = tuple[str, ...]

AROUND = len('"":"",')  # of a value and its tag in JSON
TAG = len("-01234567" + "00-")
_NONCE = 8  # hex digits
_HEX = "0123456789abcdef"  # what is empty is in it, too: then its neighbours meet
_LONGEST = 6  # bytes of a character in JSON as it is written here: \\u0001


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request takes."""

    recipients: int = 1000
    tags: int = 100  # different ones a request
    substitutions: int = 9_500  # bytes for one recipient: tags, values and what JSON puts around them


@dataclass(frozen=True, slots=True)
class Sheet:
    """The texts of one request, with tags where its readers differ."""

    members: tuple[int, ...]  # which of the contents, ascending
    text: str  # "" = no such part
    html: str
    substitutions: tuple[Mapping[str, str], ...]  # of each member

    def only(self, positions: Sequence[int]) -> "Sheet":
        """The same texts for some of its members."""
        members = tuple(self.members[at] for at in positions)
        return Sheet(members, self.text, self.html, tuple(self.substitutions[at] for at in positions))


@dataclass(frozen=True, slots=True)
class _Frame:
    """What is everybody's in text and HTML; between two pieces stands one cell."""

    parts: tuple[tuple[str, ...], ...]

    def joined(self, cells: Sequence[str]) -> list[str]:
        """The parts with these cells in their places."""
        rest = iter(cells)
        return ["".join([part[0], *(next(rest) + piece for piece in part[1:])]) for part in self.parts]


def plan(contents: Sequence[Content], anchors: Sequence[str], limits: Limits) -> tuple[Sheet, ...]:
    """As few requests as hold all of these, each reader in exactly one. Pure.

    anchors: what probably stands in everybody's text part, in this order; a wrong one costs bytes, nothing else
    Whoever does not fit beside others, because too much of the letter is their own, gets a request with others of whom
    much of that is the same, or with nobody, and then needs no tags at all.
    """
    sheets: list[Sheet] = []
    for frame, members, cells in _frames(contents, anchors):
        for group in _groups(members, cells, limits):
            starts = range(0, len(group), limits.recipients)
            parts = (group[at : at + limits.recipients] for at in starts)
            sheets += [_sheet(contents, frame, part, cells) for part in parts]
    return tuple(sheets)


def _frames(
    contents: Sequence[Content], anchors: Sequence[str]
) -> Iterable[tuple[_Frame, list[int], Mapping[int, Cells]]]:
    """Readers whose parts can have the same pieces, with their cells."""
    alike: dict[tuple[str, ...], list[int]] = {}
    for number, content in enumerate(contents):
        alike.setdefault((*content.pieces[::2], "text" if content.text else ""), []).append(number)
    for members in alike.values():
        used, gaps = _aligned([contents[number].text for number in members], anchors)
        html = contents[members[0]].pieces[::2]
        cells = {
            number: (*gap, *contents[number].pieces[1::2]) for number, gap in zip(members, gaps, strict=True)
        }
        yield _Frame((("", *used, ""), html)), members, cells


def _aligned(texts: Sequence[str], anchors: Sequence[str]) -> tuple[Sequence[str], list[Cells]]:
    """The anchors that stand in each of the texts in their order, and for each text what lies around them.

    Where an anchor is found too early, inside somebody's value, its neighbours' gaps are longer and still right: a text
    is always its gaps with the anchors between.
    """
    while True:
        missing: set[int] = set()
        rows: list[Cells] = []
        for text in texts:
            row, at = [], 0
            for number, anchor in enumerate(anchors):
                found = text.find(anchor, at)
                if found < 0:
                    missing.add(number)
                    break
                row.append(text[at:found])
                at = found + len(anchor)
            rows.append((*row, text[at:]))
        if not missing:
            return anchors, rows
        anchors = [anchor for number, anchor in enumerate(anchors) if number not in missing]


@dataclass(frozen=True)
class _Column:
    """One cell of several readers, of whom not all have the same in it."""

    values: tuple[str, ...]

    @functools.cached_property
    def sizes(self) -> tuple[int, ...]:
        """Bytes in the request, value by value."""
        return tuple(map(_size, self.values))

    @property
    def most(self) -> int:
        """No value's size is larger, found without writing them."""
        return _LONGEST * max(map(len, self.values)) + TAG + AROUND

    @property
    def gain(self) -> float:
        """How much room a split by this column's values makes, for each request more that it costs."""
        return sum(self.sizes) / len(self.sizes) / (len(set(self.values)) - 1)


def _columns(members: Sequence[int], cells: Mapping[int, Cells]) -> list[_Column]:
    """Each once: cells that are the same for every reader of the group share a tag, whatever part they stand in."""
    differing = dict.fromkeys(
        column
        for column in zip(*(cells[number] for number in members), strict=True)
        if column.count(column[0]) < len(column)
    )
    return [*map(_Column, differing)]


def _size(value: str) -> int:
    return len(encode_basestring(value).encode("utf-8")) - 2 + TAG + AROUND


def _groups(members: list[int], cells: Mapping[int, Cells], limits: Limits) -> list[list[int]]:
    """The readers in groups that keep to the limits; each split makes smaller ones, and one alone always fits."""
    waiting, done = [members], []
    while waiting:
        group = waiting.pop(0)
        columns = _columns(group, cells)
        if len(columns) <= limits.tags and _fit(columns, limits):
            done.append(group)
            continue
        totals = [sum(sizes) + len("{}") for sizes in zip(*(column.sizes for column in columns), strict=True)]
        over = {number for number, total in zip(group, totals, strict=False) if total > limits.substitutions}
        if not over and len(columns) <= limits.tags:
            done.append(group)
        elif 0 < len(over) < len(group) and len(columns) <= limits.tags:
            waiting[:0] = [[n for n in group if n not in over], [n for n in group if n in over]]
        else:
            best = max(columns, key=lambda column: column.gain)
            parts: dict[str, list[int]] = {}
            for number, value in zip(group, best.values, strict=True):
                parts.setdefault(value, []).append(number)
            waiting[:0] = parts.values()
    return done


def _fit(columns: Sequence[_Column], limits: Limits) -> bool:
    """Whether everybody's have room however they are written; mostly that is so, and bytes need not be counted."""
    return sum(column.most for column in columns) + len("{}") <= limits.substitutions


def _sheet(
    contents: Sequence[Content], frame: _Frame, members: Sequence[int], cells: Mapping[int, Cells]
) -> Sheet:
    """Raises AssertionError when a reader would get another text than was composed: a mistake in this module."""
    rows = [cells[number] for number in members]
    nonce = _nonce(contents[members[0]], frame, rows)
    tags: dict[tuple[str, ...], str] = {}
    filled: list[str] = []
    for column in zip(*rows, strict=True):
        if column.count(column[0]) == len(column):
            filled.append(column[0])
        else:
            filled.append(tags.setdefault(column, f"-{nonce}{len(tags):02d}-"))
    text, html = frame.joined(filled)
    substitutions = tuple(
        dict(zip(tags.values(), values, strict=True)) for values in zip(*tags, strict=True)
    ) or tuple({} for _ in members)
    sheet = Sheet(tuple(members), text, html, substitutions)
    for at in range(0, len(members), 50):  # right by construction; looked at all the same
        _assert_same(sheet, at, contents[members[at]])
    return sheet


def _assert_same(sheet: Sheet, at: int, content: Content) -> None:
    if replaced(sheet, at) != (content.text, content.html):
        raise AssertionError("tags and values do not make the letter that was composed")


def replaced(sheet: Sheet, at: int) -> tuple[str, str]:
    """Text and HTML as SendGrid makes them for the member at this position."""
    text, html = sheet.text, sheet.html
    for tag, value in sheet.substitutions[at].items():
        text, html = text.replace(tag, value), html.replace(tag, value)
    return text, html


def _nonce(first: Content, frame: _Frame, rows: Sequence[Cells]) -> str:
    """Eight hex digits that stand in nobody's message, and so in no value and no static text; the same for the same."""
    drawn = hashlib.sha256(f"{first.text}\0{first.html}".encode()).digest()
    while _stands(drawn.hex()[:_NONCE], frame, rows):
        drawn = hashlib.sha256(drawn).digest()
    return drawn.hex()[:_NONCE]


def _stands(digits: str, frame: _Frame, rows: Sequence[Cells]) -> bool:
    """Whether these hex digits stand in somebody's message."""
    if any(digits in piece for part in frame.parts for piece in part):
        return True
    if any(digits in cell for row in rows for cell in row):
        return True
    if not _meet(frame, rows):
        return False
    near = _Frame(tuple(tuple(map(_edges, part)) for part in frame.parts))
    return any(digits in part for row in rows for part in near.joined(row))


def _meet(frame: _Frame, rows: Sequence[Cells]) -> bool:
    """Whether hex digits may go on from what is everybody's into somebody's cell, or the other way."""
    columns = zip(*rows, strict=True)
    for part in frame.parts:
        for number, cells in zip(range(1, len(part)), columns, strict=False):
            before, after = part[number - 1], part[number]
            if (before or number > 1) and before[-1:] in _HEX and any(cell[:1] in _HEX for cell in cells):
                return True
            last = number == len(part) - 1
            if (after or not last) and after[:1] in _HEX and any(cell[-1:] in _HEX for cell in cells):
                return True
    return False


def _edges(piece: str) -> str:
    """What of a piece can stand in a nonce together with the cells around it."""
    return piece if len(piece) < 2 * _NONCE else f"{piece[: _NONCE - 1]}\0{piece[1 - _NONCE :]}"
