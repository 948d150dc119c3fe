"""Wall clocks, periods and windows: by table, over all zones, and by property."""

from datetime import UTC, datetime, time, timedelta
from importlib import resources
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.campaigns.clock import (
    Period,
    Window,
    local_to_utc,
    parse_days,
    parse_period,
    parse_time_of_day,
    parse_window,
)

STOCKHOLM = ZoneInfo("Europe/Stockholm")
MORNINGS = parse_window(days="mon-fri", start="08:00", end="10:00")
ODD_ZONES = (
    "Europe/Stockholm",
    "America/New_York",
    "Australia/Lord_Howe",  # half an hour
    "Africa/Cairo",  # the clocks change at midnight
    "America/Santiago",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Africa/Casablanca",  # back for Ramadan
    "Pacific/Apia",
    "UTC",
)
WALL_CLOCKS = st.datetimes(datetime(2009, 1, 1), datetime(2027, 12, 31))  # noqa: DTZ001 - wall clocks have no zone
INSTANTS = WALL_CLOCKS.map(lambda wall: wall.replace(tzinfo=UTC))


def stockholm(text: str) -> datetime:
    """An instant from "2015-07-03 09:00"; a trailing B means the second run of a doubled hour."""
    naive = datetime.fromisoformat(text.removesuffix("B").strip())
    return naive.replace(tzinfo=STOCKHOLM, fold=int(text.endswith("B"))).astimezone(UTC)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class TestLocalToUtc:
    @pytest.mark.parametrize(
        ("wall", "instant"),
        [
            ("2015-07-03 09:00", "2015-07-03 07:00"),  # summer
            ("2015-12-03 09:00", "2015-12-03 08:00"),  # winter
            ("2015-03-29 01:59:59", "2015-03-29 00:59:59"),
            ("2015-03-29 02:00", "2015-03-29 01:00"),  # skipped: 03:00 summer time
            ("2015-03-29 02:30", "2015-03-29 01:00"),
            ("2015-03-29 02:59:59", "2015-03-29 01:00"),
            ("2015-03-29 03:00", "2015-03-29 01:00"),
            ("2015-10-25 01:59:59", "2015-10-24 23:59:59"),
            ("2015-10-25 02:00", "2015-10-25 00:00"),  # doubled: the first, still summer time
            ("2015-10-25 02:30", "2015-10-25 00:30"),
            ("2015-10-25 03:00", "2015-10-25 02:00"),
        ],
    )
    def test_stockholm_both_changes(self, wall: str, instant: str) -> None:
        assert local_to_utc(datetime.fromisoformat(wall), STOCKHOLM) == utc(instant)

    def test_all_zones_with_changes(self) -> None:
        """Every change of every zone in 2024 and 2026: gaps lead behind them, doubles to the first run."""
        gaps = doubles = 0
        # zoneinfo.available_timezones() opens this list without an encoding, which is a warning here.
        names = resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()
        for name in names:
            zone = ZoneInfo(name)
            for year in (2024, 2026):
                for change in _changes(zone, year):
                    old = (change - timedelta(seconds=1)).astimezone(zone)
                    new = change.astimezone(zone)
                    shift = _offset(new) - _offset(old)
                    wall_old = (change + _offset(old)).replace(tzinfo=None)  # what the old clock would show
                    if shift > timedelta(0):
                        gaps += 1
                        for inside in (timedelta(0), shift / 2, shift - timedelta(seconds=1)):
                            assert local_to_utc(wall_old + inside, zone) == change, (name, change)
                    elif shift < timedelta(0):
                        doubles += 1
                        for back in (timedelta(seconds=1), -shift / 2, -shift):
                            assert local_to_utc(wall_old - back, zone) == change - back, (name, change)
        assert gaps > 300
        assert doubles > 300

    @given(
        st.sampled_from(ODD_ZONES),
        WALL_CLOCKS,
        st.timedeltas(timedelta(0), timedelta(days=2)),
    )
    def test_a_later_wall_clock_is_never_an_earlier_instant(
        self, name: str, wall: datetime, step: timedelta
    ) -> None:
        zone = ZoneInfo(name)
        assert local_to_utc(wall, zone) <= local_to_utc(wall + step, zone)


def _offset(instant: datetime) -> timedelta:
    offset = instant.utcoffset()
    assert offset is not None
    return offset


def _changes(zone: ZoneInfo, year: int) -> list[datetime]:
    """The instants at which the zone's offset changes, found without the code under test."""
    found, moment = [], datetime(year, 1, 1, tzinfo=UTC)
    while moment.year == year:
        later = moment + timedelta(days=5)
        if _offset(moment.astimezone(zone)) != _offset(later.astimezone(zone)):
            low, high = moment, later
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) // 2
                middle = middle.replace(microsecond=0)
                if _offset(middle.astimezone(zone)) == _offset(low.astimezone(zone)):
                    low = middle
                else:
                    high = middle
            found.append(high)
        moment = later
    return found


class TestPeriod:
    @pytest.mark.parametrize(
        ("period", "start", "end"),
        [
            ("0 days", "2015-07-03 09:00", "2015-07-03 09:00"),
            ("2 days", "2015-07-03 09:00", "2015-07-05 09:00"),
            ("1 week", "2015-07-03 09:00", "2015-07-10 09:00"),
            ("36 hours", "2015-07-03 09:00", "2015-07-04 21:00"),
            ("90 minutes", "2015-07-03 09:00", "2015-07-03 10:30"),
            # over the lost hour: days keep the wall clock, hours don't
            ("1 day", "2015-03-28 09:00", "2015-03-29 09:00"),
            ("24 hours", "2015-03-28 09:00", "2015-03-29 10:00"),
            ("1 day", "2015-03-28 02:30", "2015-03-29 03:00"),
            # over the doubled hour
            ("1 day", "2015-10-24 09:00", "2015-10-25 09:00"),
            ("24 hours", "2015-10-24 09:00", "2015-10-25 08:00"),
            ("1 day", "2015-10-24 02:30", "2015-10-25 02:30"),
            ("24 hours", "2015-10-24 03:00", "2015-10-25 02:00 B"),
            ("0 days", "2015-10-25 02:30 B", "2015-10-25 02:30 B"),
            # months
            ("1 month", "2015-01-31 09:00", "2015-02-28 09:00"),
            ("13 months", "2015-01-31 09:00", "2016-02-29 09:00"),
            ("1 month", "2015-12-31 09:00", "2016-01-31 09:00"),
            ("24 months", "2015-07-03 09:00", "2017-07-03 09:00"),
        ],
    )
    def test_after(self, period: str, start: str, end: str) -> None:
        assert parse_period(period).after(stockholm(start), STOCKHOLM) == stockholm(end)

    @pytest.mark.parametrize(
        "text", ["", "2", "days", "-1 days", "2 fortnights", "2.5 days", "99999 days", "²  days"]
    )
    def test_nonsense_is_refused_with_an_example(self, text: str) -> None:
        with pytest.raises(ValueError, match=r'is no time to wait: .* as in "2 days"'):
            parse_period(text)

    def test_is_shown_as_written(self) -> None:
        assert [str(parse_period(text)) for text in ("1 days", "2day", "24 months")] == [
            "1 day",
            "2 days",
            "24 months",
        ]

    def test_duration(self) -> None:
        assert parse_period("6 hours").duration == timedelta(hours=6)
        assert parse_period("2 weeks").duration == timedelta(days=14)
        assert parse_period("1 month").duration is None

    @given(
        st.sampled_from(ODD_ZONES),
        INSTANTS,
        st.sampled_from(["minute", "hour", "day", "week", "month"]),
        st.integers(0, 400),
        st.integers(0, 400),
    )
    def test_never_goes_back_and_longer_is_never_earlier(
        self, name: str, instant: datetime, unit: str, one: int, other: int
    ) -> None:
        zone = ZoneInfo(name)
        short, long = sorted((one, other))
        assert instant <= Period(short, unit).after(instant, zone) <= Period(long, unit).after(instant, zone)

    @given(
        st.sampled_from(ODD_ZONES),
        INSTANTS,
        st.timedeltas(timedelta(0), timedelta(days=3)),
        st.sampled_from(
            ["minute", "hour", "day", "week"]
        ),  # a month's last day takes in several days: no such law
        st.integers(0, 40),
    )
    def test_who_starts_later_is_due_later(
        self, name: str, instant: datetime, step: timedelta, unit: str, count: int
    ) -> None:
        """By the wall clock, that is: of two readers in a doubled hour the later may have the earlier clock."""
        zone, later, period = ZoneInfo(name), instant + step, Period(count, unit)
        clocks = [moment.astimezone(zone).replace(tzinfo=None, fold=0) for moment in (instant, later)]
        if unit in ("minute", "hour") or clocks[0] <= clocks[1]:
            assert period.after(instant, zone) <= period.after(later, zone)


class TestWindow:
    @pytest.mark.parametrize(
        ("instant", "opens"),
        [
            ("2015-07-02 07:59:59", "2015-07-02 08:00"),  # Thursday
            ("2015-07-02 08:00", "2015-07-02 08:00"),
            ("2015-07-02 09:59:59", "2015-07-02 09:59:59"),
            ("2015-07-02 10:00", "2015-07-03 08:00"),  # the end does not belong to it
            ("2015-07-03 10:00", "2015-07-06 08:00"),  # over the weekend
            ("2015-07-04 09:00", "2015-07-06 08:00"),
            ("2015-07-05 23:59", "2015-07-06 08:00"),
            ("2015-03-27 10:00", "2015-03-30 08:00"),  # over the lost hour
            ("2015-10-23 10:00", "2015-10-26 08:00"),  # over the doubled one
        ],
    )
    def test_weekday_mornings(self, instant: str, opens: str) -> None:
        assert MORNINGS.opens(stockholm(instant), STOCKHOLM) == stockholm(opens)
        assert MORNINGS.contains(stockholm(instant), STOCKHOLM) is (instant == opens)

    @pytest.mark.parametrize(
        ("start", "end", "instant", "opens"),
        [
            # Sunday 29 March 2015, 02:00 becomes 03:00
            ("02:00", "03:00", "2015-03-29 00:00", "2015-03-30 02:00"),  # does not exist that day
            ("02:30", "03:30", "2015-03-29 00:00", "2015-03-29 03:00"),
            ("01:30", "02:30", "2015-03-29 03:00", "2015-03-30 01:30"),
            # Sunday 25 October 2015, 03:00 becomes 02:00
            ("02:00", "02:30", "2015-10-25 00:00", "2015-10-25 02:00"),
            ("02:00", "02:30", "2015-10-25 02:45", "2015-10-26 02:00"),  # once, not in the second run
            ("02:00", "02:30", "2015-10-25 02:10 B", "2015-10-26 02:00"),
            ("02:00", "04:00", "2015-10-25 02:10 B", "2015-10-25 02:10 B"),
        ],
    )
    def test_days_of_change(self, start: str, end: str, instant: str, opens: str) -> None:
        window = parse_window(days="mon-sun", start=start, end=end)
        assert window.opens(stockholm(instant), STOCKHOLM) == stockholm(opens)

    def test_a_day_to_its_end(self) -> None:
        window = parse_window(days="sat", start="00:00", end="24:00")
        assert window.opens(stockholm("2015-07-03 12:00"), STOCKHOLM) == stockholm("2015-07-04 00:00")
        assert window.contains(stockholm("2015-07-04 23:59:59"), STOCKHOLM)
        assert not window.contains(stockholm("2015-07-05 00:00"), STOCKHOLM)
        assert str(window) == "sat 00:00-24:00"

    @settings(deadline=None)
    @given(
        st.sampled_from(ODD_ZONES),
        INSTANTS,
        st.timedeltas(timedelta(0), timedelta(days=9)),
        st.frozensets(st.integers(0, 6), min_size=1),
        st.times(),
        st.times(),
    )
    def test_opens_is_inside_the_same_again_and_monotone(
        self, name: str, instant: datetime, step: timedelta, days: frozenset[int], one: time, other: time
    ) -> None:
        zone, (start, end) = ZoneInfo(name), sorted((one, other))
        window = Window(days, start, end if end > start else time(0))
        opening = window.opens(instant, zone)
        assert opening >= instant
        assert window.contains(opening, zone)
        assert window.opens(opening, zone) == opening
        assert opening <= window.opens(instant + step, zone)

    @given(
        INSTANTS,
        st.frozensets(st.integers(0, 6), min_size=1),
        st.integers(0, 22),
        st.integers(1, 23),
    )
    def test_inside_is_what_the_clock_on_the_wall_says(
        self, instant: datetime, days: frozenset[int], start: int, hours: int
    ) -> None:
        """In a zone without changes the definition by wall clock is the whole truth."""
        zone = ZoneInfo("Asia/Kathmandu")
        end = min(start + hours, 24)
        wall = instant.astimezone(zone)
        expected = wall.weekday() in days and start <= wall.hour < end
        assert Window(days, time(start), time(end % 24)).contains(instant, zone) is expected


class TestWritten:
    @pytest.mark.parametrize(
        ("text", "days"),
        [
            ("mon-fri", {0, 1, 2, 3, 4}),
            ("Tue, thu", {1, 3}),
            ("sat-mon", {5, 6, 0}),
            ("mon-wed,sun", {0, 1, 2, 6}),
            ("sun", {6}),
        ],
    )
    def test_days(self, text: str, days: set[int]) -> None:
        assert parse_days(text) == days

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("mon-fry", '"fry" is no day of the week: did you mean `fri`?'),
            ("", '"" is no day of the week: write "mon-fri" or "tue,thu"'),
            ("mon-wed-fri", '"mon-wed-fri" is no span of days: write "mon-fri" or "tue,thu"'),
        ],
    )
    def test_days_that_are_none(self, text: str, message: str) -> None:
        with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole text is compared
            parse_days(text)
        assert str(raised.value) == message

    @pytest.mark.parametrize("text", ["8:00", "08.00", "25:00", "24:00", "24:30", "08:60", "8", ""])
    def test_times_that_are_none(self, text: str) -> None:
        with pytest.raises(ValueError, match='is no time of day: write it as "08:00"'):
            parse_time_of_day(text)

    def test_a_window_lies_within_one_day(self) -> None:
        with pytest.raises(ValueError, match=r"it ends \(02:00\) before it begins \(22:00\)"):
            parse_window(days="mon-fri", start="22:00", end="02:00")
