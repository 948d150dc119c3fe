"""Who received what, who opted out, who stands where in a sequence."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from newsletter.store.values import EnrolmentMove, NewRun, Person


def test_received_counts_what_was_accepted(ledger: Any) -> None:
    first = ledger.frozen(6, size=3)
    ledger.store.finish(
        ledger.claimed(first, 1), state="accepted", exceptions={2: ("rejected", "550")}, now=ledger.now
    )
    ledger.store.finish(
        ledger.claimed(first, 2), state="rejected", exceptions={5: ("accepted", "")}, now=ledger.now
    )
    assert ledger.store.received("local", "recap") == {f"person{i}@example.org" for i in (1, 3, 5)}
    second = ledger.store.freeze(
        NewRun("local", "recap", "c", "p", {}, ledger.now, "2"), ledger.people[6:8], excluded={}, batch_size=5
    )
    assert "person7@example.org" not in ledger.store.received("local", "recap")
    ledger.store.finish(ledger.claimed(second), state="accepted", exceptions={}, now=ledger.now)
    assert "person7@example.org" in ledger.store.received("local", "recap")
    assert ledger.store.received("live", "recap") == frozenset()
    assert ledger.store.received("local", "reca") == frozenset()


def test_a_sequence_was_received_when_any_step_was(ledger: Any, make_run: Callable[..., NewRun]) -> None:
    ledger.store.enrol("local", "tips", ledger.people[:2], ledger.now)
    for sequence, people in (("tips/one", 2), ("Tips/one", 3)):
        run = ledger.store.freeze(make_run(sequence), ledger.people[:people], excluded={}, batch_size=5)
        ledger.store.finish(ledger.claimed(run), state="accepted", exceptions={}, now=ledger.now)
    assert len(ledger.store.received("local", "tips/one")) == 2
    assert len(ledger.store.received("local", "tips")) == 2
    assert ledger.store.received("local", "Tips") == frozenset()  # a folder of campaigns, no sequence


def test_the_first_opt_out_holds(ledger: Any) -> None:
    one, two = b"1" * 16, b"2" * 16
    assert ledger.store.suppress(one, "*", "asked", "page", ledger.now)
    assert not ledger.store.suppress(one, "*", "bounced", "event", ledger.now + timedelta(days=1))
    assert ledger.store.suppress(two, "partners", "asked", "page", ledger.now)
    assert ledger.sql("SELECT reason, scope FROM suppression") == [("asked", "*"), ("asked", "partners")]
    held = {one: frozenset({"*"}), two: frozenset({"partners"})}
    assert ledger.store.opt_outs([one, two, b"3" * 16]) == held == ledger.store.opt_outs()
    assert ledger.store.opt_outs([one]) == {one: frozenset({"*"})}
    assert ledger.store.opt_outs([]) == {}


def test_asking_after_many_at_once(ledger: Any, make_person: Callable[[int], Person]) -> None:
    hmacs = [make_person(number).hmac for number in range(1300)]
    for hmac in hmacs[::100]:
        ledger.store.suppress(hmac, "*", "asked", "page", ledger.now)
    assert set(ledger.store.opt_outs(hmacs)) == set(hmacs[::100])


def test_everybody_enters_a_sequence_once_for_ever(ledger: Any) -> None:
    store, people, later = ledger.store, ledger.people, ledger.now + timedelta(days=9)
    assert store.enrol("local", "tips", people[:3], ledger.now) == 3
    assert store.end_enrolments("local", "tips", [2, 3, 99], "exited", later) == 2
    assert store.end_enrolments("local", "tips", [2], "finished", later) == 0
    assert store.enrol("local", "tips", people[:5], later) == 2
    assert store.enrol("local", "other", people[:1], later) == 1
    assert store.enrol("live", "tips", people[:1], later) == 1
    found = store.enrolments("local", "tips")
    assert [(e.subscriber_id, e.state, e.entered_at) for e in found] == [
        (1, "active", ledger.now),
        (2, "exited", ledger.now),
        (3, "exited", ledger.now),
        (4, "active", later),
        (5, "active", later),
    ]
    assert (found[0].key, found[0].email) == (people[0].key, people[0].email)
    assert {(e.step, e.run_id, e.delivery_state, e.last_sent_at) for e in found} == {(None, None, None, None)}


def test_an_enrolment_tells_the_fate_of_its_last_step(ledger: Any, make_run: Callable[..., NewRun]) -> None:
    store, people = ledger.store, ledger.people[:8]
    store.enrol("local", "tips", people, ledger.now)
    move = EnrolmentMove("tips", "one", None)
    run = store.freeze(make_run("tips/one", None), people, excluded={}, batch_size=2, enrolment=move)
    sent = ledger.now + timedelta(seconds=1)
    store.finish(ledger.claimed(run, 1), state="accepted", exceptions={2: ("rejected", "550")}, now=sent)
    store.finish(
        ledger.claimed(run, 2, ids=[3], late={4: "late"}),
        state="ready",
        exceptions={3: ("accepted", "")},
        now=sent,
    )
    ledger.claimed(run, 3)
    store.sweep(lambda _owner: False, sent)
    found = {e.subscriber_id: (e.delivery_state, e.last_sent_at) for e in store.enrolments("local", "tips")}
    assert found == {
        1: ("accepted", sent),
        2: ("rejected", None),
        3: ("accepted", sent),
        4: ("suppressed", None),
        5: ("unknown", None),
        6: ("unknown", None),
        7: ("ready", None),
        8: ("ready", None),
    }
    # A doubt settled days later: the mail left when it was handed over, the next step counts from there.
    (doubt,) = store.unknown_batches(run.id)
    days_later = ledger.now + timedelta(days=3)
    store.settle(run.id, 3, doubt.attempt_id, accepted=[5], ready=[6], source="files", now=days_later)
    after = {e.subscriber_id: (e.delivery_state, e.last_sent_at) for e in store.enrolments("local", "tips")}
    assert after[5] == ("accepted", ledger.now)
    assert after[6] == ("ready", None)

    # The next step's run takes over.
    second = store.freeze(
        make_run("tips/two", None),
        [people[0]],
        excluded={},
        batch_size=2,
        enrolment=EnrolmentMove("tips", "two", "one"),
    )
    first = store.enrolments("local", "tips")[0]
    assert (first.step, first.run_id, first.delivery_state) == ("two", second.id, "ready")
    assert first.last_sent_at is None


def test_the_erased_are_enrolled_nowhere(ledger: Any) -> None:
    ledger.store.enrol("local", "tips", ledger.people[:2], ledger.now)
    ledger.sql("DELETE FROM subscriber WHERE id = 1")
    assert [e.subscriber_id for e in ledger.store.enrolments("local", "tips")] == [2]


def test_a_thing_is_said_once(ledger: Any) -> None:
    said = [
        ledger.store.say_once(env, subject, what, ledger.now)
        for env, subject, what in (
            ("local", "recap", "held"),
            ("local", "recap", "held"),
            ("live", "recap", "held"),
            ("local", "recap", "late"),
        )
    ]
    assert said == [True, False, True, True]


@pytest.mark.parametrize("size", [1, 7, 500])
def test_a_long_list_of_deliveries_keeps_its_order(
    ledger: Any, make_person: Callable[[int], Person], make_run: Any, size: int
) -> None:
    people = [make_person(number) for number in range(60)]
    run = ledger.store.freeze(make_run(), people, excluded={}, batch_size=size)
    listed = list(ledger.store.deliveries(run.id))
    assert [each.key for each in listed] == [person.key for person in people]


def test_no_transaction_is_held_while_deliveries_are_read(ledger: Any) -> None:
    run = ledger.frozen(30, size=1)
    reading = ledger.store.deliveries(run.id)
    next(reading)
    assert ledger.store._engine.pool.checkedout() == 0
