"""Limits: never above in any second or day, nearly all of it used, by several real processes on one clock of the test."""

import os
import signal
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.store.limits import Day
from newsletter.store.store import Store, open_store
from newsletter.store.values import Claim, Limit, NewRun, Pace, Person
from tests.forks import context

from .claimer import claimer

BEGIN = datetime(2015, 7, 3, 7, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


# --- several processes -----------------------------------------------------------------------------------


class Time:
    """Stands still while anybody works, and moves on to the next moment for which somebody sleeps."""

    def __init__(self) -> None:
        self.now = BEGIN
        self.claims: list[tuple[datetime, int]] = []
        self._asleep: dict[Connection, datetime] = {}

    def run(self, lines: dict[Connection, Any], *, kill_at: int = 0) -> None:
        while lines:
            for line in wait([*lines]):
                assert isinstance(line, Connection)
                try:
                    word, *said = line.recv()
                except (EOFError, OSError):
                    word, said = "done", []
                if word == "now":
                    line.send(self.now)
                elif word == "sleep":
                    self._asleep[line] = max(said[0], self.now)
                elif word == "claimed":
                    self.claims.append((self.now, said[0]))
                    if kill_at and len(self.claims) == kill_at:
                        os.kill(lines[line].pid, signal.SIGKILL)
                    else:
                        line.send(None)
                else:
                    self._asleep.pop(line, None)
                    lines.pop(line).join()
            if lines and len(self._asleep) == len(lines):
                self.now = min(self._asleep.values())
                for line in [line for line, when in self._asleep.items() if when <= self.now]:
                    del self._asleep[line]
                    line.send(None)


def frozen(store: Store, people: int, size: int) -> None:
    new = NewRun("local", "recap", "c", "p", {}, BEGIN)
    who = (
        Person(n.to_bytes(16, "big"), f"p{n}@example.org", f"p{n}@example.org") for n in range(1, people + 1)
    )
    assert store.freeze(new, who, excluded={}, batch_size=size) is not None


def play(path: Path, time: Time, *limits: Limit, processes: int, kill_at: int = 0, zone: str = "UTC") -> None:
    forks = context()
    lines: dict[Connection, Any] = {}
    for _ in range(processes):
        ours, theirs = forks.Pipe()
        process = forks.Process(target=claimer, args=(str(path), limits, zone, theirs))
        process.start()
        theirs.close()
        lines[ours] = process
    time.run(lines, kill_at=kill_at)


def most_in_a_second(claims: list[tuple[datetime, int]]) -> int:
    """The largest number within any second, whenever it begins."""
    return max(sum(n for at, n in claims if start <= at < start + SECOND) for start, _ in claims)


@pytest.mark.parametrize(("per_second", "size"), [(10, 4), (7, 20), (50, 20), (100, 500)])
def test_several_processes_use_up_each_second_and_never_more(
    tmp_path: Path, per_second: int, size: int
) -> None:
    path = tmp_path / "state.db"
    people = per_second * 12
    with open_store(path) as store:
        frozen(store, people, size)
    time = Time()
    play(path, time, Limit("sender", per_second), processes=3)
    assert sum(n for _, n in time.claims) == people
    assert most_in_a_second(time.claims) <= per_second
    took = (time.claims[-1][0] - BEGIN) / SECOND
    assert people >= 0.97 * per_second * (took + 1), f"{people} in {took} s"


def test_it_holds_when_a_process_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with open_store(path) as store:
        frozen(store, 60, 5)
    time = Time()
    play(path, time, Limit("sender", 10), processes=2, kill_at=3)
    with open_store(path) as store:
        assert store.counts(1).ready == 0
    assert sum(n for _, n in time.claims) == 60
    assert most_in_a_second(time.claims) <= 10


def test_days_hold_across_processes(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with open_store(path) as store:
        frozen(store, 50, 8)
    time, stockholm = Time(), "Europe/Stockholm"
    play(path, time, Limit("sender", None, 20), Limit("campaign", None, 15), processes=3, zone=stockholm)
    by_day: dict[str, int] = {}
    for at, n in time.claims:
        day = f"{at.astimezone(ZoneInfo(stockholm)):%m-%d}"
        by_day[day] = by_day.get(day, 0) + n
    assert by_day == {"07-03": 15, "07-04": 15, "07-05": 15, "07-06": 5}


# --- one process -----------------------------------------------------------------------------------------


class Watch:
    def __init__(self, ledger: Any) -> None:
        self.now, self.store, self.claims = BEGIN, ledger.store, 0

    def claim(self, pace: Pace, run: Any, no: int) -> Claim:
        self.claims += 1
        ids = [one.id for one in self.store.batch_members(run.id, no)]
        answer: Claim = self.store.claim(
            run.id, no, ids=ids, late={}, owner=7, attempt_id=f"a{self.claims}", body_sha256=b"",
            now=self.now, pace=pace,
        )  # fmt: skip
        return answer


@pytest.fixture
def watch(ledger: Any) -> Watch:
    return Watch(ledger)


def test_what_is_too_much_stays_ready(watch: Watch, ledger: Any) -> None:
    run = ledger.frozen(10, size=5)
    pace = Pace((Limit("s", 6),), clock=lambda: watch.now)
    assert watch.claim(pace, run, 1) is Claim.CLAIMED
    assert watch.claim(pace, run, 2) is Claim.LIMITED
    assert ledger.store.counts(run.id).ready == 5
    assert ledger.store.allowance(pace, 5).number == 1
    assert ledger.store.allowance(pace, 5).until == BEGIN + timedelta(milliseconds=1001)
    watch.now = BEGIN + SECOND
    assert watch.claim(pace, run, 2) is Claim.LIMITED, "a second is not over yet, in whole milliseconds"
    watch.now = BEGIN + timedelta(milliseconds=1001)
    assert watch.claim(pace, run, 2) is Claim.CLAIMED


def test_a_clock_that_is_set_back_holds_nobody_up(watch: Watch, ledger: Any) -> None:
    run = ledger.frozen(15, size=5)
    pace = Pace((Limit("s", 5),), provider="p", clock=lambda: watch.now)
    assert watch.claim(pace, run, 1) is Claim.CLAIMED
    watch.now = BEGIN - timedelta(days=1)
    assert watch.claim(pace, run, 2) is Claim.LIMITED, "the last claim counts as of now"
    assert ledger.store.allowance(pace, 5).until - watch.now <= timedelta(seconds=1.1)
    watch.now += timedelta(seconds=2)
    ledger.store.leave_alone("p", BEGIN, BEGIN + timedelta(minutes=10), "pause")
    assert ledger.store.allowance(pace, 5).until - watch.now == timedelta(minutes=10)


def test_what_lay_ahead_counts_once_and_then_no_more(watch: Watch, ledger: Any) -> None:
    run = ledger.frozen(15, size=5)
    pace = Pace((Limit("s", 10),), clock=lambda: watch.now)
    assert watch.claim(pace, run, 1) is Claim.CLAIMED
    watch.now = BEGIN - timedelta(days=1)
    assert watch.claim(pace, run, 2) is Claim.CLAIMED
    assert ledger.store.allowance(pace, 5).number == 0
    watch.now += timedelta(milliseconds=1001)
    assert watch.claim(pace, run, 3) is Claim.CLAIMED


def test_a_provider_is_left_alone_by_all_until_it_said(watch: Watch, ledger: Any) -> None:
    run = ledger.frozen(5)
    pace = Pace(provider="production:smtp", clock=lambda: watch.now)
    ledger.store.leave_alone("production:smtp", BEGIN, BEGIN + timedelta(minutes=10), "pause")
    assert watch.claim(pace, run, 1) is Claim.LIMITED
    assert watch.claim(Pace(provider="production:sendgrid", clock=lambda: watch.now), run, 1) is Claim.CLAIMED
    assert ledger.store.allowance(pace, 1).reason == "pause"
    watch.now = BEGIN + timedelta(minutes=10)
    assert ledger.store.allowance(pace, 1).number == 1


def test_what_was_not_taken_is_not_counted(watch: Watch, ledger: Any) -> None:
    run = ledger.frozen(10, size=5)
    pace = Pace((Limit("s", None, 5),), clock=lambda: watch.now)
    assert watch.claim(pace, run, 1) is Claim.CLAIMED
    assert ledger.store.allowance(pace, 1).number == 0
    ledger.store.finish("a1", state="ready", exceptions={1: ("rejected", "no")}, now=watch.now, pace=pace)
    assert ledger.store.allowance(pace, 9).number == 4, "who was refused was tried"


@given(
    at=st.datetimes(datetime(1990, 1, 1), datetime(2037, 12, 31)),  # noqa: DTZ001 - made aware below
    zone=st.sampled_from(["Europe/Stockholm", "America/Santiago", "Asia/Kathmandu", "Pacific/Apia", "UTC"]),
)
def test_a_day_is_one_of_the_zone_whatever_its_clocks_do(at: datetime, zone: str) -> None:
    now, where = at.replace(tzinfo=UTC), ZoneInfo(zone)
    day = Day.of(now, where)
    assert day.begin <= now < day.end
    assert Day.of(day.begin, where) == day
    assert Day.of(day.end, where).begin == day.end
    assert timedelta(hours=22) <= day.end - day.begin <= timedelta(hours=26)
