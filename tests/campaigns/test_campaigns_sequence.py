"""Who gets which step, and when: wait, min_gap, window; and a campaign's own schedule."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.campaigns.clock import parse_period, parse_window
from newsletter.campaigns.due import is_due, is_late
from newsletter.campaigns.models import Campaign, Sequence, Status, Step
from newsletter.campaigns.sequence import due_at, is_step_due, next_step
from newsletter.errors import ChecksFailed

STOCKHOLM = ZoneInfo("Europe/Stockholm")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=STOCKHOLM).astimezone(UTC)


def campaign(
    name: str = "hej",
    *,
    status: Status = Status.READY,
    send_at: datetime | None = None,
    late_after: timedelta | None = None,
) -> Campaign:
    return Campaign(
        id=name, file=f"campaigns/{name}.md", body="Hej!\n", body_line=5, subject="Hej", template="plain", language="sv",
        status=status, segment="alla", send_at=send_at, late_after=late_after,
    )  # fmt: skip


def sequence(
    *steps: tuple[str, str], window: tuple[str, str, str] | None = None, min_gap: str = ""
) -> Sequence:
    return Sequence(
        id="tips",
        file="campaigns/tips/sequence.toml",
        status=Status.READY,
        segment="alla",
        steps=tuple(Step(name, parse_period(wait), campaign(name)) for name, wait in steps),
        window=parse_window(days=window[0], start=window[1], end=window[2]) if window else None,
        min_gap=parse_period(min_gap) if min_gap else None,
    )


class TestNextStep:
    TIPS = sequence(("one", "0 days"), ("two", "2 days"), ("three", "2 days"))

    def test_one_after_the_other_to_the_end(self) -> None:
        seen, last = [], None
        while step := next_step(self.TIPS, last):
            last = step.id
            seen.append(last)
        assert seen == ["one", "two", "three"]

    def test_a_step_that_was_taken_out_is_no_end(self) -> None:
        with pytest.raises(ChecksFailed) as raised:
            next_step(self.TIPS, "tow")
        assert raised.value.problems[0].as_text() == (
            "error    S120  people have come to the step `tow`, which `tips` does not have"
            "   campaigns/tips/sequence.toml:1\n"
            "   try:  ids are stable for ever: put the step `tow` back (did you mean `two`?)"
        )


class TestDueAt:
    @pytest.mark.parametrize(
        ("wait", "min_gap", "window", "last", "due"),
        [
            # the wait alone
            ("2 days", "", None, "2015-07-01 09:00", "2015-07-03 09:00"),
            ("2 days", "", None, "2015-03-28 09:00", "2015-03-30 09:00"),  # over the lost hour
            ("2 days", "", None, "2015-10-24 09:00", "2015-10-26 09:00"),  # over the doubled one
            # the gap holds where the wait is shorter
            ("0 days", "20 hours", None, "2015-07-01 09:00", "2015-07-02 05:00"),
            ("2 days", "20 hours", None, "2015-07-01 09:00", "2015-07-03 09:00"),
            # then into the window, over the weekend
            ("2 days", "", ("mon-fri", "08:00", "10:00"), "2015-07-01 09:00", "2015-07-03 09:00"),
            ("2 days", "", ("mon-fri", "08:00", "10:00"), "2015-07-02 09:00", "2015-07-06 08:00"),
            ("1 day", "", ("mon-fri", "08:00", "10:00"), "2015-07-02 11:00", "2015-07-06 08:00"),
            ("0 days", "20 hours", ("mon-fri", "08:00", "10:00"), "2015-07-03 09:30", "2015-07-06 08:00"),
            # a gap that ends inside the window
            ("0 days", "24 hours", ("mon-fri", "08:00", "10:00"), "2015-07-01 08:30", "2015-07-02 08:30"),
            # Saturday morning, then clocks forward on Sunday: Monday 08:00 is 06:00 UTC
            ("1 day", "", ("mon-fri", "08:00", "10:00"), "2015-03-27 09:00", "2015-03-30 08:00"),
        ],
    )
    def test_table(
        self, wait: str, min_gap: str, window: tuple[str, str, str] | None, last: str, due: str
    ) -> None:
        tips = sequence(("one", "0 days"), ("two", wait), window=window, min_gap=min_gap)
        entered = at("2015-01-01 09:00")
        assert due_at(tips, tips.steps[1], entered_at=entered, last_sent_at=at(last), zone=STOCKHOLM) == at(
            due
        )

    def test_the_first_step_counts_from_entry_and_knows_no_gap(self) -> None:
        tips = sequence(("one", "1 day"), min_gap="1 week")
        due = due_at(
            tips, tips.steps[0], entered_at=at("2015-07-01 09:00"), last_sent_at=None, zone=STOCKHOLM
        )
        assert due == at("2015-07-02 09:00")

    @pytest.mark.parametrize(
        ("now", "goes"),
        [
            ("2015-07-03 08:59", False),
            ("2015-07-03 09:00", True),
            ("2015-07-03 09:59", True),
            ("2015-07-03 10:00", False),  # nobody ticked in time: not in the afternoon,
            ("2015-07-05 09:00", False),  # not on Sunday,
            ("2015-07-06 08:00", True),  # but at the next opening
        ],
    )
    def test_a_step_that_missed_its_window_waits_for_the_next(self, now: str, goes: bool) -> None:
        tips = sequence(("one", "0 days"), ("two", "2 days"), window=("mon-fri", "08:00", "10:00"))
        assert is_step_due(
            tips, tips.steps[1], entered_at=at("2015-06-01 09:00"), last_sent_at=at("2015-07-01 09:00"),
            zone=STOCKHOLM, now=at(now),
        ) is goes  # fmt: skip

    @pytest.mark.parametrize(
        ("hand_over", "days"),
        [
            (timedelta(0), ["06", "08", "10", "13", "15", "17", "20"]),
            # Two days after 09:00:20 is after the tick of 09:00: with one tick a day a wait counts from the real
            # hand-over and slips; with cron's tick a minute it doesn't show.
            (timedelta(seconds=20), ["06", "09", "13", "16", "20", "23"]),
        ],
    )
    def test_seven_steps_at_a_daily_tick(self, hand_over: timedelta, days: list[str]) -> None:
        """One tick each day at 09:00: every second day a tip, weekends left out."""
        waits = [("1", "0 days"), *((str(n), "2 days") for n in range(2, 8))]
        tips = sequence(*waits, window=("mon-fri", "08:00", "10:00"), min_gap="20 hours")
        entered, last_id, last_at, got = at("2015-07-06 09:00"), None, None, []
        for day in range(21):
            now = entered + timedelta(days=day)
            step = next_step(tips, last_id)
            if step and is_step_due(
                tips, step, entered_at=entered, last_sent_at=last_at, zone=STOCKHOLM, now=now
            ):
                last_id, last_at = step.id, now + hand_over
                got.append(f"{now.astimezone(STOCKHOLM):%d}")
        assert got == days

    @given(
        st.datetimes(datetime(2014, 1, 1), datetime(2016, 12, 31)).map(lambda wall: wall.replace(tzinfo=UTC)),  # noqa: DTZ001
        st.integers(0, 90),
        st.integers(0, 90),
    )
    def test_due_keeps_wait_gap_and_window_all_three(self, last: datetime, wait: int, gap: int) -> None:
        tips = sequence(
            ("one", "0 days"), ("two", f"{wait} hours"), window=("mon-fri", "08:00", "10:00"), min_gap=f"{gap} hours"
        )  # fmt: skip
        due = due_at(tips, tips.steps[1], entered_at=last, last_sent_at=last, zone=STOCKHOLM)
        assert due - last >= timedelta(hours=max(wait, gap))
        assert due.astimezone(STOCKHOLM).weekday() < 5
        assert 8 <= due.astimezone(STOCKHOLM).hour < 10


class TestSchedule:
    SEND_AT = at("2015-07-03 09:00")

    @pytest.mark.parametrize(
        ("now", "due", "late"),
        [
            ("2015-07-03 08:59:59", False, False),
            ("2015-07-03 09:00", True, False),
            ("2015-07-03 15:00", True, False),  # six hours are not yet more than six hours
            ("2015-07-03 15:00:01", True, True),
        ],
    )
    def test_due_and_late(self, now: str, due: bool, late: bool) -> None:
        letter = campaign(send_at=self.SEND_AT)
        assert is_due(letter, at(now)) is due
        assert is_late(letter, at(now), timedelta(hours=6)) is late

    def test_its_own_late_after_beats_the_projects(self) -> None:
        letter = campaign(send_at=self.SEND_AT, late_after=timedelta(days=2))
        assert not is_late(letter, at("2015-07-05 09:00"), timedelta(hours=6))
        assert is_late(letter, at("2015-07-05 09:01"), timedelta(hours=6))
        at_once = campaign(send_at=self.SEND_AT, late_after=timedelta(0))
        assert is_late(at_once, at("2015-07-03 09:00:01"), timedelta(hours=6))

    def test_a_draft_and_one_without_time_are_never_due(self) -> None:
        assert not is_due(campaign(status=Status.DRAFT, send_at=self.SEND_AT), at("2015-07-03 09:00"))
        assert not is_due(campaign(), at("2015-07-03 09:00"))
        assert not is_late(campaign(), at("2015-07-03 09:00"), timedelta(0))
