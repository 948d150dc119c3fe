"""Exact stretches of time as people write them: "6 hours", "90 seconds"."""

import re
from datetime import timedelta

from newsletter.errors import did_you_mean
from newsletter.files.mistake import Mistake

UNITS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
_SHORT = {"s": "second", "min": "minute", "h": "hour", "d": "day"}
_WRITTEN = re.compile(r"\s*([0-9]{1,6})(\s*)([^\W\d_]+)\s*")


def parse_duration(text: str) -> timedelta:
    """A number and a unit, singular or plural; a day is 24 hours here, whatever the clocks do.

    Raises Mistake, a ValueError, for anything else: no signs, no fractions, no two units.

    >>> parse_duration("6 hours")
    datetime.timedelta(seconds=21600)
    >>> parse_duration("60s")
    datetime.timedelta(seconds=60)
    """
    found = _WRITTEN.fullmatch(text)
    if not found or not (found[2] or found[3] in _SHORT):
        raise Mistake("must be a number and a unit", '"6 hours"; also seconds, minutes, days, weeks')
    word = _SHORT.get(found[3], found[3].lower())
    unit = UNITS.get(word) or UNITS.get(word.removesuffix("s"))
    if unit is None:
        raise Mistake(f"has an unknown unit `{word}`", did_you_mean(word, [f"{name}s" for name in UNITS]))
    return int(found[1]) * unit


def write_duration(value: timedelta) -> str:
    """The same with the largest unit that fits, so that reading it again gives the same."""
    for name, unit in reversed(UNITS.items()):
        count, rest = divmod(value, unit)
        if not rest and (count or name == "second"):
            return f"{count} {name}{'' if count == 1 else 's'}"
    return f"{value.total_seconds():g} seconds"
