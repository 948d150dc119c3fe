"""Pure rules of time: wall clock to instants, periods to wait, and windows in which mail may go."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from newsletter.errors import did_you_mean

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MIDNIGHT = time(0)
# Windows are looked for from the day before (a doubled midnight) to two weeks on (a day that a zone skipped).
_SEARCHED_DAYS = range(-1, 16)


def local_to_utc(naive: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which a wall clock in `zone` shows `naive`, to the second and in UTC.

    A skipped hour yields the first instant after the gap (02:30 -> 03:00), a doubled one its first run.
    Never falls: a later wall clock yields the same or a later instant.
    """
    early = naive.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if early.astimezone(zone).replace(tzinfo=None) == naive:
        return early
    # In a gap fold=0 counts with the offset before it and lands behind it, fold=1 the other way round
    # (PEP 495): the change lies between the two. zoneinfo has no call that names it, so bisect.
    before = naive.replace(tzinfo=zone, fold=1).astimezone(UTC).replace(microsecond=0)
    after = early.replace(microsecond=0)
    new_offset = after.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == new_offset:
            after = middle
        else:
            before = middle
    return after


@dataclass(frozen=True, slots=True)
class Period:
    """A time to wait, as it is written: `20 hours`, `2 days`, `24 months`."""

    count: int
    unit: str  # "minute", "hour", "day", "week" or "month"

    def __str__(self) -> str:
        return f"{self.count} {self.unit}" + ("" if self.count == 1 else "s")

    @property
    def duration(self) -> timedelta | None:
        """The exact length, a day counted as 24 hours; None for months, which have none."""
        return None if self.unit == "month" else timedelta(**{f"{self.unit}s": self.count})

    def after(self, instant: datetime, zone: ZoneInfo) -> datetime:
        """The instant one period later, in UTC; never before `instant`.

        Minutes and hours are exact. Days, weeks and months keep the wall clock of `zone`: two days after
        09:00 is 09:00, also when the clocks change between; the 31st and a month is the month's last day.
        """
        start = instant.astimezone(UTC)
        if self.unit in ("minute", "hour"):
            return start + timedelta(**{f"{self.unit}s": self.count})
        wall = start.astimezone(zone).replace(tzinfo=None, fold=0)
        if self.unit == "month":
            wall = _months_later(wall, self.count)
        else:
            wall += timedelta(days=self.count * (7 if self.unit == "week" else 1))
        # "0 days" in the second run of a doubled hour would lead back into the first.
        return max(start, local_to_utc(wall, zone))


def _months_later(wall: datetime, count: int) -> datetime:
    month = wall.year * 12 + wall.month - 1 + count
    first = wall.replace(year=month // 12, month=month % 12 + 1, day=1)
    next_first = (first + timedelta(days=31)).replace(day=1)
    return first.replace(day=min(wall.day, (next_first - first).days))


_PERIOD = re.compile(r"(\d{1,4})\s*(minute|hour|day|week|month)s?", re.ASCII)


def parse_period(text: str) -> Period:
    """Read `2 days`, `20 hours`, `1 week`; ValueError says in plain words what is wrong."""
    found = _PERIOD.fullmatch(text.strip())
    if not found:
        raise ValueError(
            f'"{text}" is no time to wait: write a number and minutes, hours, days, weeks or months, '
            'as in "2 days"'
        )
    return Period(int(found[1]), found[2])


@dataclass(frozen=True, slots=True)
class Window:
    """The hours in which mail may go, each on its own day; `end` does not belong to it.

    An end of 00:00 is the end of the day. On a day of change the clock is read as `local_to_utc` reads it:
    a window inside the skipped hour does not open that day, one inside the doubled hour opens once.
    """

    days: frozenset[int]  # 0 = Monday
    start: time
    end: time

    def __post_init__(self) -> None:
        if self.end != _MIDNIGHT and self.end <= self.start:
            raise ValueError(
                f"it ends ({self.end:%H:%M}) before it begins ({self.start:%H:%M}): "
                'it lies within one day, whose end is "24:00"'
            )

    def opens(self, instant: datetime, zone: ZoneInfo) -> datetime:
        """`instant` itself (in UTC) when it lies inside, else the next opening."""
        instant = instant.astimezone(UTC)
        today = instant.astimezone(zone).date()
        for ahead in _SEARCHED_DAYS:
            day = today + timedelta(days=ahead)
            if day.weekday() in self.days:
                opening, closing = self._on(day, zone)
                if opening < closing and instant < closing:
                    return max(instant, opening)
        raise ValueError(f"{self} does not open within two weeks of {instant.isoformat()}")

    def contains(self, instant: datetime, zone: ZoneInfo) -> bool:
        return self.opens(instant, zone) == instant

    def _on(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
        last = day + timedelta(days=1) if self.end == _MIDNIGHT else day
        return (
            local_to_utc(datetime.combine(day, self.start), zone),
            local_to_utc(datetime.combine(last, self.end), zone),
        )

    def _spans(self) -> list[tuple[int, int]]:
        """Days in a row as first and last, within the week."""
        spans: list[tuple[int, int]] = []
        for day in sorted(self.days):
            if spans and spans[-1][1] == day - 1:
                spans[-1] = (spans[-1][0], day)
            else:
                spans.append((day, day))
        return spans

    def __str__(self) -> str:
        days = ",".join(
            WEEKDAYS[first] if first == last else f"{WEEKDAYS[first]}-{WEEKDAYS[last]}"
            for first, last in self._spans()
        )
        end = "24:00" if self.end == _MIDNIGHT else f"{self.end:%H:%M}"
        return f"{days} {self.start:%H:%M}-{end}"


def parse_window(*, days: str, start: str, end: str) -> Window:
    """Read `{ days = "mon-fri", from = "08:00", to = "10:00" }`; ValueError says what is wrong."""
    return Window(parse_days(days), parse_time_of_day(start), parse_time_of_day(end, allow_24=True))


def parse_days(text: str) -> frozenset[int]:
    """Read `mon-fri`, `tue,thu` or `sat-mon` into numbers, Monday = 0."""
    days: set[int] = set()
    for part in text.split(","):
        ends = [_weekday(word.strip()) for word in part.split("-")]
        if len(ends) > 2:
            raise ValueError(f'"{part.strip()}" is no span of days: write "mon-fri" or "tue,thu"')
        first, last = ends[0], ends[-1]
        days.update((first + n) % 7 for n in range((last - first) % 7 + 1))
    return frozenset(days)


def _weekday(word: str) -> int:
    lowered = word.casefold()
    if lowered not in WEEKDAYS:
        hint = did_you_mean(word, WEEKDAYS, otherwise='write "mon-fri" or "tue,thu"')
        raise ValueError(f'"{word}" is no day of the week: {hint}')
    return WEEKDAYS.index(lowered)


_TIME = re.compile(r"([01]\d|2[0-4]):([0-5]\d)", re.ASCII)


def parse_time_of_day(text: str, *, allow_24: bool = False) -> time:
    """Read `08:00`. With `allow_24`, `24:00` is the day's end and comes back as 00:00."""
    found = _TIME.fullmatch(text.strip())
    hour, minute = (int(found[1]), int(found[2])) if found else (99, 99)
    if hour == 24 and minute == 0 and allow_24:
        return _MIDNIGHT
    if hour > 23:
        raise ValueError(f'"{text}" is no time of day: write it as "08:00"')
    return time(hour, minute)
