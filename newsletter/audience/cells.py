"""What a cell says by its column's type, and how it is cleaned."""

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from newsletter.audience.lexer import LARGEST
from newsletter.audience.models import AttributeValue, Standing

# They go into headers and greetings, where a line break has no business (RFC 5322 2.2).
NAMES = frozenset({"first_name", "last_name", "organisation"})

STATUS_WORDS = {
    "": Standing.SUBSCRIBED,
    "subscribed": Standing.SUBSCRIBED,
    "active": Standing.SUBSCRIBED,
    "unsubscribed": Standing.UNSUBSCRIBED,
    "cleaned": Standing.CLEANED,
    "pending": Standing.PENDING,
}
_REMEMBERED = 8_192  # values of a type
_TRUE = frozenset({"true", "yes", "ja", "1"})
_FALSE = frozenset({"false", "no", "nej", "0"})
_BREAKS = re.compile("[\t\n\x0b\x0c\r\x85\u2028\u2029 ]+")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # C0 but tab and line feed, DEL, C1
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
# What lies between has a date in every zone: 16 hours behind UTC in that far past, 14 ahead in that far future.
_FIRST, _AFTER_LAST = datetime(1, 1, 1, 16, tzinfo=UTC), datetime(9999, 12, 31, 10, tzinfo=UTC)
_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d)?(\.\d{1,6})?\s?(Z|[+-]\d\d:?\d\d)?", re.ASCII | re.IGNORECASE
)


def clean(column: str, cell: str) -> str:
    """The cell without control characters; line breaks and tabs stay, but not in a name."""
    if cell.isprintable():
        return cell
    if column in NAMES:
        cell = _BREAKS.sub(" ", cell)
    return _CONTROLS.sub("", cell).strip()


@functools.lru_cache(32_768)
def tags(cell: str) -> tuple[str, ...]:
    """Tags by comma or semicolon."""
    return tuple(tag for part in re.split("[,;]", cell) if (tag := part.strip()))


def instant(cell: str, zone: ZoneInfo) -> datetime:
    """A day, which begins at midnight in `zone`, or a day and a time with or without offset; aware, UTC.

    Of a doubled hour the first is meant. Raises ValueError, also at the calendar's ends: somewhere it has no date.
    """
    found = _INSTANT.fullmatch(cell)
    if found:
        day, clock, seconds, fraction, offset = found.groups()
        written = f"{day}T{clock}{seconds or ':00'}{(fraction or '').ljust(7, '0') if fraction else ''}"
        value = datetime.fromisoformat(written + (offset or "").upper())
    elif _DAY.fullmatch(cell):
        value = datetime.fromisoformat(cell)
    else:
        raise ValueError(cell)
    if value.tzinfo is None:
        value = value.replace(tzinfo=zone)
    try:
        moment = value.astimezone(UTC)
    except OverflowError:
        raise ValueError(cell) from None
    if not _FIRST <= moment < _AFTER_LAST:
        raise ValueError(cell)
    return moment


def day(cell: str) -> date:
    """Raises ValueError."""
    if not _DAY.fullmatch(cell):
        raise ValueError(cell)
    return date.fromisoformat(cell)


def number(cell: str) -> int | float:
    """Raises ValueError for what is no plain number, and beyond 2**53."""
    found = _NUMBER.fullmatch(cell)
    if not found:
        raise ValueError(cell)
    value = float(cell) if found[1] else int(cell)
    if abs(value) > LARGEST:
        raise ValueError(cell)
    return value


def flag(cell: str) -> bool:
    """Raises ValueError."""
    word = cell.casefold()
    if word not in _TRUE | _FALSE:
        raise ValueError(cell)
    return word in _TRUE


def typed(kind: str, cell: str, zone: ZoneInfo) -> AttributeValue:
    """A further column's cell by its declared type. Raises ValueError."""
    match kind:
        case "number":
            return number(cell)
        case "date":
            return day(cell)
        case "instant":
            return instant(cell, zone)
        case "bool":
            return flag(cell)
    return cell


@functools.cache
def reading(kind: str, zone: ZoneInfo) -> Callable[[str], AttributeValue]:
    """`typed` for one type; it remembers, for days and numbers repeat themselves."""
    if kind == "text":
        return str
    return functools.lru_cache(_REMEMBERED)(functools.partial(typed, kind, zone=zone))


class Columns:
    """The columns of a list that hold values, in its order, and how the texts in them are read."""

    def __init__(self, kinds: Mapping[str, str], zone: ZoneInfo) -> None:
        """kinds: column -> text, number, date, instant or bool; zone: in which days begin"""
        self.kinds, self.zone = kinds, zone
        self.names = tuple(kinds)
        self._reads = [reading(kind, zone) for kind in kinds.values()]
        self.typed = [(place, read) for place, read in enumerate(self._reads) if read is not str]

    @classmethod
    def of(cls, columns: Sequence[str], types: Mapping[str, str], zone: ZoneInfo) -> "Columns":
        """Those of a header that hold values. types: as declared"""
        return cls(kinds_of(columns, types), zone)

    def values(self, texts: Sequence[str]) -> dict[str, AttributeValue]:
        """What a row says, by column; missing = absent."""
        said = zip(self.names, self._reads, texts, strict=True)
        return {name: read(text) for name, read, text in said if text}

    def anywhere(self, texts: Sequence[str]) -> list[str]:
        """The same, as somebody in another zone can read it."""
        return [
            instant(text, self.zone).isoformat() if text and kind == "instant" else text
            for kind, text in zip(self.kinds.values(), texts, strict=True)
        ]


NO_COLUMNS = Columns({}, ZoneInfo("UTC"))


def kinds_of(columns: Sequence[str], types: Mapping[str, str]) -> dict[str, str]:
    """Column -> text, number, date, instant or bool, of all that hold values. types: as declared"""
    return {
        column: "instant" if column == "consent_at" else types.get(column, "text")
        for column in columns
        if column not in ("email", "tags", "status")
    }


def expectation(kind: str, cell: str) -> tuple[str, str]:
    """What a cell of this type should have been, and what to write instead."""
    if kind == "number":
        plain = re.sub(r"[\s\u00a0]", "", cell).replace(",", ".")
        return "no number", f"write {plain}" if _NUMBER.fullmatch(plain) else "write digits, as 12 or 3.5"
    if kind == "bool":
        return "neither true nor false", "write true or false (yes and no, ja and nej will do)"
    if kind == "date":
        return "no day", "write year-month-day, as 2015-06-30"
    return "no date", "write 2015-06-30, 2015-06-30 08:00, or with an offset 2015-06-30T08:00:00+02:00"
