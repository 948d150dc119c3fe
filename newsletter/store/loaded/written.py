"""A row of a list to what the copy keeps of it, and back, exactly."""

import functools
import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from newsletter.audience.evaluate import day_of
from newsletter.audience.folding import fold
from newsletter.audience.models import AttributeValue, Standing
from newsletter.audience.rows import Row
from newsletter.audience.waterfall import AddressState, Facts, RowFacts

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_REMEMBERED = 32_768  # values of a column: cities, days, organisations
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


def comparable(column: str, zone: ZoneInfo) -> Callable[[Any], Any]:
    """What a column of the copy holds of a value; lists repeat themselves, so answers are remembered.

    column: one of those in COLUMNS
    """
    match column:
        case "text":
            return functools.lru_cache(_REMEMBERED)(fold)
        case "date":
            return date.toordinal
        case "bool":
            return int
        case "instant":
            return functools.lru_cache(_REMEMBERED)(microseconds)
        case "day":
            return functools.lru_cache(_REMEMBERED)(
                lambda value: (day_of(value, zone) or date.min).toordinal()
            )
    return lambda value: value


def data_of(values: Mapping[str, AttributeValue], tags: tuple[str, ...]) -> str:
    """As `row_of` reads it: JSON, put together from pieces that are remembered."""
    pieces = ",".join([_piece(name, value) for name, value in values.items()])
    return f"[{{{pieces}}},{_dumps(tags)}]" if tags else f"[{{{pieces}}}]"


@functools.lru_cache(_REMEMBERED, typed=True)  # 1 and 1.0 are two values
def _piece(name: str, value: AttributeValue) -> str:
    return f"{_dumps(name)}:{_dumps(value if isinstance(value, str | int | float) else _marked(value))}"


def _marked(value: date) -> list[str | int]:
    if isinstance(value, datetime):
        return ["instant", microseconds(value)]
    return ["date", value.toordinal()]


def row_of(name: str, file: str, found: Any) -> Row:
    """found: key of `entry`, and line, email, address, standing, data of `said`, in this order"""
    key, line, email, address, standing, data = found
    values, *tags = json.loads(data)
    for column, value in values.items():
        if isinstance(value, list):
            values[column] = _unmarked(*value)
    return Row(
        name, file, line, key, email, address, Standing(standing), values, tuple(tags[0]) if tags else ()
    )


def _unmarked(kind: str, number: int) -> date:
    return _EPOCH + number * _MICROSECOND if kind == "instant" else date.fromordinal(number)


def facts_text(facts: Facts) -> str:
    return _dumps([facts.address, [[row.list, row.standing, int(row.has_source)] for row in facts.rows]])


def facts_from(text: str) -> Facts:
    address, rows = json.loads(text)
    return Facts(
        tuple(RowFacts(name, Standing(standing), bool(source)) for name, standing, source in rows),
        AddressState(address),
    )
