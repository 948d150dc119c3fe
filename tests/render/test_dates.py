"""Days and times as a letter's readers write them."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from newsletter.render.dates import date_filter, time_filter

DAY = dt.date(2015, 6, 28)


@pytest.mark.parametrize(
    ("language", "plain", "named"),
    [
        ("sv", "28 juni 2015", "söndag 28 juni 2015"),
        ("nb-NO", "28. juni 2015", "søndag 28. juni 2015"),
        ("nn", "28. juni 2015", "søndag 28. juni 2015"),
        ("de", "28. Juni 2015", "Sonntag 28. Juni 2015"),
        ("en-GB", "28 June 2015", "Sunday 28 June 2015"),
        ("xx", "28 June 2015", "Sunday 28 June 2015"),
    ],
)
def test_a_day_with_and_without_its_name(language: str, plain: str, named: str) -> None:
    date = date_filter(language, ZoneInfo("Europe/Stockholm"))
    assert date(DAY) == plain.replace(" ", "\N{NO-BREAK SPACE}")
    assert date(DAY, weekday=True).replace("\N{NO-BREAK SPACE}", " ") == named
    assert date(DAY, year=False) == date(DAY).rpartition("\N{NO-BREAK SPACE}")[0]


def test_an_instant_is_the_day_that_it_is_for_the_campaign() -> None:
    late = dt.datetime(2015, 6, 27, 23, 30, tzinfo=dt.UTC)
    assert date_filter("sv", ZoneInfo("Europe/Stockholm"))(late, year=False) == "28\N{NO-BREAK SPACE}juni"


@pytest.mark.parametrize(
    ("language", "written"), [("sv", "09.05"), ("fi", "09.05"), ("en", "09:05"), ("de", "09:05")]
)
def test_a_time_of_day(language: str, written: str) -> None:
    assert time_filter(language)(dt.time(9, 5)) == written
    assert time_filter(language)("09:05") == written
    assert time_filter(language)("") == ""


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(TypeError, match="no time of day"):
        time_filter("sv")(9)
