"""A row of a list to what the copy keeps of it, and back, exactly."""

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from newsletter.audience.evaluate import day_of
from newsletter.audience.folding import fold
from newsletter.audience.models import AttributeValue, Standing
from newsletter.audience.rows import Row, kinds_of
from newsletter.audience.waterfall import AddressState, Facts, RowFacts
from newsletter.settings.model import Settings

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_REMEMBERED = 8_192  # values of a column: cities, days, organisations
_STANDINGS = {one._value_: one for one in Standing}
_BETWEEN = "\x1f"  # Unicode's unit separator: no cleaned value holds it
_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode

# How a value of a declared type is laid down for comparisons: one column for each of these.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "text": ("text",),
    "number": ("number",),
    "date": ("date",),
    "bool": ("bool",),
    "instant": ("instant", "day"),
}


def microseconds(instant: datetime) -> int:
    """Since 1970 (UTC), exactly."""
    return (instant - _EPOCH) // _MICROSECOND


class Comparable(dict[Any, Any]):
    """By value what a column of the copy holds of it; lists repeat themselves, so answers are remembered.

    "" where there is no value: no text that is there folds to it, and SQL makes NULL of it.
    """

    def __init__(self, made: Callable[[Any], Any]) -> None:
        super().__init__({None: ""})
        self._made = made

    def __missing__(self, value: Any) -> Any:
        if len(self) > _REMEMBERED:  # a column in which nobody has what another has
            self.clear()
            self[None] = ""
        found = self[value] = self._made(value)
        return found


def comparable(column: str, zone: ZoneInfo) -> Comparable:
    """column: one of those in COLUMNS"""
    match column:
        case "text":
            return Comparable(fold)
        case "date":
            return Comparable(date.toordinal)
        case "instant":
            return Comparable(microseconds)
        case "day":
            return Comparable(lambda value: (day_of(value, zone) or date.min).toordinal())
    return Comparable({"bool": int}.get(column, lambda value: value))


def types_of(settings: Settings, columns: Sequence[str]) -> str:
    """How these columns are read: it changes with [attributes] and the zone."""
    kinds = {column: settings.attributes[column] for column in columns if column in settings.attributes}
    return json.dumps([settings.timezone, kinds], sort_keys=True, ensure_ascii=False)


class Layout:
    """How the values of one list's rows are laid down as one text: by the order of its columns."""

    def __init__(
        self, name: str, file: str, kinds: Mapping[str, str], meant: Mapping[str, str] | None = None
    ) -> None:
        """kinds: column -> text, number, date, instant or bool. meant: the same by now; of another kind is missing"""
        self._name, self._file = name, file
        self.columns = tuple(kinds)
        self.retyped = {
            column: meant[column] for column, kind in kinds.items() if meant and meant[column] != kind
        }
        self._back: list[Callable[[str], AttributeValue | None] | None] = [
            _nothing if column in self.retyped else _BACK[kind] for column, kind in kinds.items()
        ]

    @classmethod
    def of(
        cls, name: str, file: str, columns: Sequence[str], types: str, declared: Mapping[str, str]
    ) -> "Layout":
        """Of a list as it was loaded: its row in the table `list`. declared: the types as they are by now

        A list that is held keeps its rows when those change; nothing else does, as the copy's columns know it.
        """
        _, before = json.loads(types)
        return cls(name, file, kinds_of(columns, before), kinds_of(columns, declared))

    def row_of(self, found: Any) -> Row:
        """found: key of `entry`, and line, email, address, standing, data of `said`, in this order"""
        key, line, email, address, standing, data = found
        *texts, tags = data.split(_BETWEEN)
        cells = [
            (text if back is None else back(text)) if text else None
            for back, text in zip(self._back, texts, strict=True)
        ]
        return Row(
            self._name,
            self._file,
            line,
            key,
            key if email is None else email,
            key if address is None else address,
            _STANDINGS[standing],
            self.columns,
            cells,
            tuple(tags.split(",")) if tags else (),
        )


def data_of(
    kinds: Iterable[str],
    columns: Sequence[Sequence[AttributeValue | None]],
    tags: Iterable[tuple[str, ...]],
) -> Iterator[str]:
    """As `Layout.row_of` reads it, row by row. columns: the cells of many rows, column by column of the layout"""
    return map(_BETWEEN.join, zip(*map(_texts, kinds, columns), map(",".join, tags), strict=True))


def _texts(kind: str, cells: Sequence[Any]) -> Sequence[str]:
    if kind == "text":
        return [cell or "" for cell in cells]
    write = repr if kind == "number" else _written
    return ["" if cell is None else write(cell) for cell in cells]


@functools.lru_cache(_REMEMBERED, typed=True)
def _written(value: date | bool) -> str:  # noqa: FBT001 - a value
    if isinstance(value, datetime):
        return str(microseconds(value))
    return str(value.toordinal()) if isinstance(value, date) else str(int(value))


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)


def _nothing(_text: str) -> None:
    """A value of a type that its column has no more."""


_BACK: Mapping[str, Callable[[str], AttributeValue] | None] = {
    "text": None,
    "number": _number,
    "date": lambda text: date.fromordinal(int(text)),
    "instant": lambda text: _EPOCH + int(text) * _MICROSECOND,
    "bool": lambda text: text == "1",
}


def facts_text(facts: Facts) -> str:
    return _dumps([facts.address, [[row.list, row.standing, int(row.has_source)] for row in facts.rows]])


def facts_from(text: str) -> Facts:
    address, rows = json.loads(text)
    return Facts(
        tuple(RowFacts(name, Standing(standing), bool(source)) for name, standing, source in rows),
        AddressState(address),
    )
