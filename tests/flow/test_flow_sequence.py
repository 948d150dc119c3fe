"""Twenty-one pretended days, one tick each at 09:00: the seven tips arrive one by one."""

import email
import email.policy
from collections import defaultdict
from datetime import date, datetime, timedelta
from pathlib import Path

TIPS = ("budskapet", "lyhordhet", "energi", "utbilda", "beratta", "malgruppen", "natverka")
FIRST = date(2015, 7, 6)


def arrivals(project: Path) -> dict[str, list[tuple[date, str]]]:
    """Recipient -> (day of the Date header, step), in the order of the days."""
    found: dict[str, list[tuple[date, str]]] = defaultdict(list)
    for step in TIPS:
        for path in (project / "out" / "outbox" / "sju-tips" / step).glob("*.eml"):
            message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            found[str(message["To"])].append((message["Date"].datetime.date(), step))
    return {person: sorted(steps) for person, steps in found.items()}


def tick(newsletter, project: Path, day: date, *more: str):
    return newsletter("-C", project, "run", "--now", f"{day.isoformat()}T09:00", "--only", "sequences", *more)


def test_seven_tips_one_by_one(shipped, newsletter):
    enrolled = newsletter("-C", shipped, "segment", "count", "opinionsbildare", "--json").data["recipients"]
    left = newsletter("-C", shipped, "segment", "count", "avslutade", "--json").data["recipients"]
    expected = enrolled - left
    assert left > 0, "the exit must have somebody to hold back"
    for number in range(21):
        called = tick(newsletter, shipped, FIRST + timedelta(days=number))
        assert called.code == 0, called.err
    got = arrivals(shipped)
    assert len(got) >= 30
    full = [steps for steps in got.values() if len(steps) == 7]
    assert len(full) == len(got) == expected
    for steps in full:
        assert [step for _, step in steps] == list(TIPS)
        days = [day for day, _ in steps]
        assert len(set(days)) == 7, "never two in one tick"
        assert all(day.weekday() < 5 for day in days)
    quiet = tick(newsletter, shipped, FIRST + timedelta(days=22))
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
    status = newsletter("-C", shipped, "status", "sju-tips", "--json").data
    assert status["counts"]["accepted"] == 7 * expected == status["total"]


def test_outside_the_window_nothing_goes_and_nothing_is_said(shipped, newsletter):
    for moment in ("2015-07-06T07:59", "2015-07-06T10:00", "2015-07-04T09:00"):
        called = newsletter("-C", shipped, "run", "--now", moment, "--only", "sequences")
        assert (called.code, called.out, called.err) == (0, "", "")
    assert not list(shipped.rglob("*.eml"))


def test_the_same_tick_twice_sends_nothing_twice(shipped, newsletter):
    tick(newsletter, shipped, FIRST)
    first = arrivals(shipped)
    assert tick(newsletter, shipped, FIRST).out == ""
    assert arrivals(shipped) == first


def test_whoever_opts_out_on_the_way_gets_no_more(shipped, newsletter):
    tick(newsletter, shipped, FIRST)
    person = min(arrivals(shipped))
    file = shipped / "subscribers" / "opinionsbildare.csv"
    header, *lines = file.read_text(encoding="utf-8").splitlines()
    at = header.split(",").index("status")
    changed = []
    for line in lines:
        cells = line.split(",")
        if cells[0].casefold() == person.casefold() and '"' not in line:
            cells[at] = "unsubscribed"
        changed.append(",".join(cells))
    assert changed != lines
    file.write_text("\n".join([header, *changed]) + "\n", encoding="utf-8")
    for number in range(1, 8):
        tick(newsletter, shipped, FIRST + timedelta(days=number))
    got = arrivals(shipped)
    assert [step for _, step in got[person]] == ["budskapet"]
    assert max(len(steps) for steps in got.values()) > 1


def test_a_late_step_goes_at_the_next_tick_in_its_window(shipped, newsletter):
    tick(newsletter, shipped, FIRST)
    tick(newsletter, shipped, FIRST + timedelta(days=14))  # nobody ticked for two weeks
    steps = {len(found) for found in arrivals(shipped).values()}
    assert steps == {2}, "one more each, no burst"


def test_dry_tick_says_what_would_go_and_keeps_nothing(shipped, newsletter):
    called = tick(newsletter, shipped, FIRST, "--dry-run")
    assert called.code == 0
    assert "sju-tips/budskapet" in called.out
    assert not (shipped / ".newsletter").exists()
    assert datetime(2015, 7, 6).weekday() == 0  # noqa: DTZ001 - the calendar itself
