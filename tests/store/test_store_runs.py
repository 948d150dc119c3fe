"""Freezing: once, everybody once, all or nothing."""

import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from newsletter.store.store import open_store
from newsletter.store.values import AlreadyFrozen, Counts, EnrolmentMove, NewRun, Person

ROOT = Path(__file__).parents[2]


def test_what_was_frozen_is_read_again(ledger: Any, make_run: Callable[..., NewRun]) -> None:
    run = ledger.store.freeze(
        make_run(), ledger.people[:23], excluded={"invalid": 2, "unsubscribed": 0}, batch_size=10
    )
    assert run == ledger.store.run("local", "recap") == ledger.store.latest_run("local", "recap")
    assert [run] == ledger.store.runs("local")
    assert (run.state, run.total, run.epoch, run.created_at) == ("sending", 23, 1, ledger.now)
    assert (run.content_hash, run.plan_hash, run.inputs) == ("content", "plan", {"files": ["recap.md"]})
    assert ledger.store.excluded(run.id) == {"invalid": 2, "unsubscribed": 0}
    assert ledger.store.counts(run.id) == Counts(ready=23)
    assert ledger.store.ready_batches(run.id, ledger.now) == [1, 2, 3]
    members = [member for no in (1, 2, 3) for member in ledger.store.batch_members(run.id, no)]
    assert [member.id for member in members] == list(range(1, 24))
    assert [(member.key, member.email) for member in members] == [
        (p.key, p.email) for p in ledger.people[:23]
    ]


def test_nothing_is_known_of_what_was_not_frozen(ledger: Any) -> None:
    assert ledger.store.run("local", "recap") is None
    assert ledger.store.latest_run("local", "recap") is None
    assert ledger.store.runs("local") == []


def test_an_occurrence_is_frozen_once_in_an_environment(ledger: Any, make_run: Callable[..., NewRun]) -> None:
    first = ledger.frozen(5)
    with pytest.raises(AlreadyFrozen) as caught:
        ledger.store.freeze(make_run(), ledger.people[:9], excluded={}, batch_size=10)
    assert caught.value.run == first
    assert ledger.sql("SELECT count(*) FROM subscriber") == [(5,)]  # the loser wrote nothing
    elsewhere = ledger.store.freeze(make_run(env="live"), ledger.people[:9], excluded={}, batch_size=10)
    assert elsewhere.total == 9


def test_the_next_occurrence_is_counted(ledger: Any, make_run: Callable[..., NewRun]) -> None:
    for taken in ("1", "3"):
        ledger.store.freeze(make_run(occurrence=taken), ledger.people[:2], excluded={}, batch_size=10)
    later = [
        ledger.store.freeze(make_run(occurrence=None), ledger.people[:2], excluded={}, batch_size=10)
        for _ in range(2)
    ]
    assert [run.occurrence for run in later] == ["4", "5"]
    assert ledger.store.latest_run("local", "recap") == later[-1]


def test_one_address_is_one_delivery(ledger: Any, make_run: Callable[..., NewRun]) -> None:
    twice = [*ledger.people[:3], ledger.people[1]]
    run = ledger.store.freeze(make_run(), twice, excluded={}, batch_size=10)
    assert run.total == 3


def test_an_address_typed_anew_is_the_same_person(ledger: Any, make_run: Callable[..., NewRun]) -> None:
    ledger.frozen(3)
    person = ledger.people[1]
    typed = Person(person.hmac, person.key, "PERSON2@Example.org")
    again = ledger.store.freeze(make_run(occurrence="2"), [typed], excluded={}, batch_size=10)
    (member,) = ledger.store.batch_members(again.id, 1)
    assert (member.id, member.email) == (2, "PERSON2@Example.org")


def test_a_forgotten_persons_number_is_never_given_again(
    ledger: Any, make_run: Callable[..., NewRun]
) -> None:
    run = ledger.frozen(3)
    ledger.sql("DELETE FROM subscriber WHERE id = 3")
    ledger.store.freeze(make_run(occurrence="2"), ledger.people[3:5], excluded={}, batch_size=10)
    assert [member.key for member in ledger.store.batch_members(run.id, 1)][2] is None
    assert ledger.sql("SELECT max(id), min(id) FROM subscriber WHERE id > 2") == [(5, 4)]


def test_a_freeze_that_breaks_leaves_nothing(ledger: Any, make_run: Callable[..., NewRun]) -> None:
    def people() -> Any:
        yield from ledger.people[:3]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ledger.store.freeze(make_run(), people(), excluded={"invalid": 1}, batch_size=2)
    assert ledger.sql("SELECT (SELECT count(*) FROM run), (SELECT count(*) FROM subscriber)") == [(0, 0)]
    assert ledger.frozen(3).total == 3


def test_nobody_waits_while_people_are_gathered(
    ledger: Any, make_run: Any, identity: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("newsletter.store.people._AT_ONCE", 3)
    with open_store(ledger.path, patience_s=0.2) as other:

        def people() -> Any:
            for number, person in enumerate(ledger.people[:10]):
                assert other.suppress(bytes([number]) * 16, "*", "unsubscribed", "page", ledger.now)
                yield person

        run = ledger.store.freeze(make_run(), people(), excluded={}, batch_size=4)
    assert (run.total, len(ledger.store.opt_outs())) == (10, 10)
    identity(ledger.path)


def test_who_is_forgotten_while_others_are_gathered_is_erased(
    ledger: Any, make_run: Any, identity: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("newsletter.store.people._AT_ONCE", 3)

    def people() -> Any:
        yield from ledger.people[:5]
        for gone in (ledger.people[0], ledger.people[7]):  # one who has passed, and one who is still to come
            ledger.store.suppress(gone.hmac, "*", "erased", "command", ledger.now)
            ledger.store.forget(gone.hmac)
        yield from ledger.people[5:10]

    run = ledger.store.freeze(make_run(), people(), excluded={}, batch_size=10)
    keys = {member.key for member in ledger.store.batch_members(run.id, 1)}
    assert (run.total, keys) == (10, {None} | {who.key for who in ledger.people[1:7] + ledger.people[8:10]})
    identity(ledger.path)
    files = [file.read_bytes() for file in ledger.path.parent.glob(f"{ledger.path.name}*")]
    assert not any(ledger.people[number].key.encode() in held for held in files for number in (0, 7))


@pytest.mark.parametrize(("at_once", "sorted_by_hmac"), [(3, True), (10, False)])
def test_many_get_their_ids_in_the_order_of_the_index_few_as_they_came(
    ledger: Any, make_run: Any, monkeypatch: pytest.MonkeyPatch, at_once: int, *, sorted_by_hmac: bool
) -> None:
    """Else each step of a million would write all pages of the index anew."""
    monkeypatch.setattr("newsletter.store.people._AT_ONCE", at_once)
    people = ledger.people[:10]
    ledger.store.freeze(make_run(), people, excluded={}, batch_size=4)
    wanted = sorted(who.hmac for who in people) if sorted_by_hmac else [who.hmac for who in people]
    assert ledger.sql("SELECT hmac FROM subscriber ORDER BY id") == [(hmac,) for hmac in wanted]


def test_two_freezes_of_the_same_people_at_once_know_each_once(
    ledger: Any, make_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("newsletter.store.people._AT_ONCE", 2)
    with open_store(ledger.path) as other:

        def people() -> Any:
            yield from ledger.people[:3]
            other.freeze(make_run("tips"), ledger.people[2:7], excluded={}, batch_size=2)
            yield from ledger.people[3:7]

        run = ledger.store.freeze(make_run(), people(), excluded={}, batch_size=2)
    assert (run.total, ledger.sql("SELECT count(*) FROM subscriber")) == (7, [(7,)])


KILLED = """
import contextlib, os, signal, sys
from pathlib import Path
from newsletter.store import people
from newsletter.store.ledger import transactions
from newsletter.store.store import open_store
from tests.store.conftest import new_run, person

place, moment, left = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
write = people.writing_on

@contextlib.contextmanager
def deadly(conn):
    global left
    left -= 1
    with write(conn):
        yield conn
        if left == 0 and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

people._AT_ONCE, people.writing_on, transactions.writing_on = 4, deadly, deadly
with open_store(place) as store:
    store.freeze(new_run(), map(person, range(1, 31)), excluded={}, batch_size=7)
"""


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", [1, 3, 8, 9])
def test_a_freeze_that_is_killed_is_whole_or_none_and_the_next_one_is_whole(
    ledger: Any, make_run: Any, identity: Any, moment: str, step: int
) -> None:
    """Eight steps give ids to thirty people; the ninth transaction is the run."""
    command = [sys.executable, "-c", KILLED, str(ledger.path), moment, str(step)]
    killed = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    known = ledger.sql("SELECT count(*) FROM subscriber")[0][0]
    assert known == min(30, 4 * (step if moment == "after" else step - 1))
    run = ledger.store.run("local", "recap")
    assert (run is not None) == ((step, moment) == (9, "after"))
    assert ledger.store.suppress(b"x" * 16, "*", "unsubscribed", "page", ledger.now), "nobody holds the lock"
    if run is None:
        run = ledger.store.freeze(make_run(), ledger.people, excluded={}, batch_size=7)
    assert run.total == 30
    assert ledger.sql("SELECT count(*), count(DISTINCT hmac) FROM subscriber") == [(30, 30)]
    identity(ledger.path)


def test_many_batches(
    ledger: Any, make_person: Callable[[int], Person], make_run: Any, identity: Any
) -> None:
    people = [make_person(number) for number in range(733)]
    run = ledger.store.freeze(make_run(), people, excluded={}, batch_size=3)
    assert len(ledger.store.ready_batches(run.id, ledger.now, limit=1000)) == 245
    assert len(ledger.store.ready_batches(run.id, ledger.now)) == 64
    identity(ledger.path)


def test_an_end_is_final_and_never_early(ledger: Any) -> None:
    run = ledger.frozen(3)
    with pytest.raises(ValueError, match="3 deliveries are open"):
        ledger.store.set_state(run.id, "done")
    assert ledger.store.set_state(run.id, "paused")
    assert ledger.store.set_state(run.id, "sending")
    ledger.store.finish(ledger.claimed(run), state="accepted", exceptions={}, now=ledger.now)
    assert ledger.store.set_state(run.id, "done")
    assert not ledger.store.set_state(run.id, "sending")
    assert ledger.store.run("local", "recap").state == "done"


# --- with enrolments


STEP = EnrolmentMove("tips", "one", None)


def test_a_step_takes_only_those_who_stand_before_it(ledger: Any, make_run: Callable[..., NewRun]) -> None:
    ledger.store.enrol("local", "tips", ledger.people[:6], ledger.now)
    ledger.store.end_enrolments("local", "tips", [6], "exited", ledger.now)
    run = ledger.store.freeze(
        make_run("tips/one", None), ledger.people[:4], excluded={}, batch_size=2, enrolment=STEP
    )
    assert [m.id for no in (1, 2) for m in ledger.store.batch_members(run.id, no)] == [1, 2, 3, 4]
    # The next tick knows 2 to 8: only 5 is enrolled, active and before the step.
    later = ledger.store.freeze(
        make_run("tips/one", None), ledger.people[1:8], excluded={}, batch_size=2, enrolment=STEP
    )
    assert [member.id for member in ledger.store.batch_members(later.id, 1)] == [5]
    assert (later.total, later.occurrence) == (1, "2")
    steps = {
        each.subscriber_id: (each.step, each.run_id) for each in ledger.store.enrolments("local", "tips")
    }
    assert steps == dict.fromkeys((1, 2, 3, 4), ("one", run.id)) | {5: ("one", later.id), 6: (None, None)}


def test_a_step_for_nobody_writes_nothing(ledger: Any, make_run: Callable[..., NewRun]) -> None:
    ledger.store.enrol("local", "tips", ledger.people[:2], ledger.now)
    new = make_run("tips/two", None)
    move = EnrolmentMove("tips", "two", "one")
    assert (
        ledger.store.freeze(new, ledger.people[:9], excluded={"x": 1}, batch_size=2, enrolment=move) is None
    )
    assert ledger.store.runs("local") == []
    assert ledger.sql("SELECT count(*) FROM subscriber") == [(2,)]


def test_two_ticks_at_once_send_a_step_once(
    ledger: Any, make_run: Callable[..., NewRun], make_ledger: Callable[[Path], Any]
) -> None:
    ledger.store.enrol("local", "tips", ledger.people[:5], ledger.now)
    other = make_ledger(ledger.path)
    with other.store:
        both = [
            each.store.freeze(
                make_run("tips/one", None), ledger.people[:5], excluded={}, batch_size=9, enrolment=STEP
            )
            for each in (ledger, other)
        ]
    assert both[0].total == 5
    assert both[1] is None


def test_a_retry_waits_for_its_time(ledger: Any) -> None:
    run = ledger.frozen(4, size=2)
    later = ledger.now + timedelta(seconds=60)
    attempt = ledger.claimed(run, 1)
    assert ledger.store.finish(attempt, state="ready", exceptions={}, now=ledger.now, not_before=later)
    assert ledger.store.ready_batches(run.id, ledger.now) == [2]
    assert ledger.store.ready_batches(run.id, later) == [2, 1]
    assert ledger.store.next_due(run.id) <= ledger.now, (
        "a batch that was never tried is due whatever the clock says"
    )
    ledger.store.finish(ledger.claimed(run, 2), state="accepted", exceptions={}, now=ledger.now)
    assert ledger.store.next_due(run.id) == later
