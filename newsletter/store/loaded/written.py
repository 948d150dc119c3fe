"""A row of a list to what the copy keeps of it, and back, exactly."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from newsletter.audience.cells import Columns, kinds_of, reading
from newsletter.audience.evaluate import day_of
from newsletter.audience.folding import fold
from newsletter.audience.models import Standing
from newsletter.audience.rows import Row
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


class Comparable(dict[str, Any]):
    """By text what a column of the copy holds of it; lists repeat themselves, so answers are remembered.

    "" where there is no value: no text that is there folds to it, and SQL makes NULL of it.
    """

    def __init__(self, made: Callable[[str], Any]) -> None:
        super().__init__({"": ""})
        self._made = made

    def __missing__(self, text: str) -> Any:
        if len(self) > _REMEMBERED:
            self.clear()
            self[""] = ""
        found = self[text] = self._made(text)
        return found

    def of(self, texts: Sequence[str]) -> Iterable[Any]:
        """What the column holds of many rows."""
        return map(self.__getitem__, texts)


class Folded(Comparable):
    """Of texts. Those in which nobody has what another has, such as a number of their own, are mostly ASCII."""

    def __init__(self) -> None:
        super().__init__(fold)

    def of(self, texts: Sequence[str]) -> Iterable[str]:
        whole = _BETWEEN.join(texts)
        return fold(whole).split(_BETWEEN) if whole.isascii() else super().of(texts)


def comparable(column: str, kind: str, zone: ZoneInfo) -> Comparable:
    """column: one of those in COLUMNS for this kind"""
    read: Callable[[str], Any] = reading(kind, zone)
    match column:
        case "text":
            return Folded()
        case "date":
            return Comparable(lambda text: read(text).toordinal())
        case "instant":
            return Comparable(lambda text: microseconds(read(text)))
        case "day":
            return Comparable(lambda text: (day_of(read(text), zone) or date.min).toordinal())
        case "bool":
            return Comparable(lambda text: int(read(text)))
    return Comparable(read)


def types_of(settings: Settings, columns: Sequence[str]) -> str:
    """How these columns are read: it changes with [attributes] and the zone."""
    kinds = {column: settings.attributes[column] for column in columns if column in settings.attributes}
    return json.dumps([settings.timezone, kinds], sort_keys=True, ensure_ascii=False)


class Layout:
    """How what one list's rows say is laid down as one text: by the order of its columns."""

    def __init__(self, name: str, file: str, columns: Columns, meant: Mapping[str, str]) -> None:
        """meant: column -> what its kind is by now; what was read as another is missing"""
        self._name, self._file, self._columns = name, file, columns
        self.names = columns.names
        self.retyped = {name: meant[name] for name, kind in columns.kinds.items() if meant[name] != kind}

    @classmethod
    def of(
        cls, name: str, file: str, columns: Sequence[str], types: str, declared: Mapping[str, str]
    ) -> "Layout":
        """Of a list as it was loaded: its row in the table `list`. declared: the types as they are by now

        A list that is held keeps its rows when those change; nothing else does, as the copy's columns know it.
        """
        zone, before = json.loads(types)
        return cls(name, file, Columns.of(columns, before, ZoneInfo(zone)), kinds_of(columns, declared))

    def row_of(self, found: Any) -> Row:
        """found: key of `entry`, and line, email, address, standing, data of `said`, in this order"""
        key, line, email, address, standing, data = found
        *texts, tags = data.split(_BETWEEN)
        if self.retyped:
            named = zip(self.names, texts, strict=True)
            texts = ["" if name in self.retyped else text for name, text in named]
        return Row(
            self._name,
            self._file,
            line,
            key,
            key if email is None else email,
            key if address is None else address,
            _STANDINGS[standing],
            self._columns,
            texts,
            tuple(tags.split(",")) if tags else (),
        )


def data_of(texts: Iterable[Sequence[str]], tags: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """As `Layout.row_of` reads it, row by row."""
    return (_BETWEEN.join((*each, ",".join(own))) for each, own in zip(texts, tags, strict=True))


def facts_text(facts: Facts) -> str:
    return _dumps([facts.address, [[row.list, row.standing, int(row.has_source)] for row in facts.rows]])


def facts_from(text: str) -> Facts:
    address, rows = json.loads(text)
    return Facts(
        tuple(RowFacts(name, Standing(standing), bool(source)) for name, standing, source in rows),
        AddressState(address),
    )
