"""Durations as people write them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.files.duration import UNITS, parse_duration, write_duration
from newsletter.files.mistake import Mistake


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("6 hours", timedelta(hours=6)),
        ("1 hour", timedelta(hours=1)),
        ("0 days", timedelta()),
        (" 90  Seconds ", timedelta(seconds=90)),
        ("2 weeks", timedelta(days=14)),
    ],
)
def test_a_number_and_a_unit(text: str, value: timedelta) -> None:
    assert parse_duration(text) == value


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("6", "must be a number and a unit", '"6 hours"; also seconds, minutes, days, weeks'),
        ("", "must be a number and a unit", '"6 hours"; also seconds, minutes, days, weeks'),
        ("-6 hours", "must be a number and a unit", '"6 hours"; also seconds, minutes, days, weeks'),
        ("1.5 hours", "must be a number and a unit", '"6 hours"; also seconds, minutes, days, weeks'),
        ("9999999 weeks", "must be a number and a unit", '"6 hours"; also seconds, minutes, days, weeks'),
        ("٦ hours", "must be a number and a unit", '"6 hours"; also seconds, minutes, days, weeks'),
        ("6 hourz", "has an unknown unit `hourz`", "did you mean `hours`?"),
        ("6 timmar", "has an unknown unit `timmar`", "known: days, hours, minutes, seconds, weeks"),
    ],
)
def test_anything_else_is_told(text: str, message: str, hint: str) -> None:
    with pytest.raises(Mistake) as caught:
        parse_duration(text)
    assert (caught.value.message, caught.value.hint) == (message, hint)


@given(st.integers(0, 999_999), st.sampled_from(sorted(UNITS)))
def test_what_is_written_reads_the_same(count: int, unit: str) -> None:
    value = count * UNITS[unit]
    assert parse_duration(write_duration(value)) == value


def test_the_largest_unit_that_fits_is_written() -> None:
    assert write_duration(timedelta(hours=6)) == "6 hours"
    assert write_duration(timedelta(days=7)) == "1 week"
    assert write_duration(timedelta()) == "0 seconds"
