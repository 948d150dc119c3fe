"""Claim and finish: one sender a batch, late opt-outs win, an answer belongs to its attempt."""

import json
from datetime import timedelta
from typing import Any

import pytest

from newsletter.store.values import Claim, Counts, Delivery, State


def test_a_claim_is_written_before_anything_leaves(ledger: Any) -> None:
    run = ledger.frozen(3)
    attempt = ledger.claimed(run, owner=99)
    assert ledger.store.counts(run.id) == Counts(inflight=3)
    assert ledger.sql("SELECT state, owner, attempt_id, tries FROM batch") == [("inflight", 99, attempt, 1)]
    assert ledger.sql("SELECT id, no, owner, body_sha256, state, ended_at FROM attempt") == [
        (attempt, 1, 99, b"sha", "inflight", None)
    ]


def test_a_batch_is_claimed_once(ledger: Any) -> None:
    run = ledger.frozen(3)
    ids = [1, 2, 3]
    assert [ledger.claim(run, ids=ids)[1] for _ in range(3)] == [Claim.CLAIMED, Claim.LOST, Claim.LOST]
    assert ledger.sql("SELECT count(*) FROM attempt") == [(1,)]


def test_what_was_not_rendered_is_not_taken(ledger: Any) -> None:
    run = ledger.frozen(3)
    for ids in ([1, 2], [1, 2, 3, 4], [1, 2, 4], []):
        assert ledger.claim(run, ids=ids)[1] is Claim.CHANGED
    assert ledger.store.counts(run.id) == Counts(ready=3)
    assert ledger.claim(run, ids=[3, 1, 2])[1] is Claim.CLAIMED


@pytest.mark.parametrize("state", ["paused", "cancelled"])
def test_a_run_that_stands_still_gives_nothing(ledger: Any, state: str) -> None:
    run = ledger.frozen(3)
    ledger.store.set_state(run.id, state)
    assert ledger.claim(run)[1] is Claim.LOST


def test_an_opt_out_between_freeze_and_claim_wins(ledger: Any) -> None:
    run = ledger.frozen(3)
    ledger.store.suppress(ledger.people[1].hmac, "*", "asked", "page", ledger.now)
    assert ledger.claim(run, ids=[1, 2, 3])[1] is Claim.CHANGED
    assert [member.id for member in ledger.store.batch_members(run.id, 1)] == [1, 3]
    assert ledger.store.counts(run.id) == Counts(ready=2, suppressed=1)
    ledger.claimed(run)
    assert ledger.states(run) == {1: "inflight", 2: "suppressed", 3: "inflight"}


def test_an_opt_out_from_one_list_is_the_callers_to_judge(ledger: Any) -> None:
    run = ledger.frozen(2)
    ledger.store.suppress(ledger.people[0].hmac, "partners", "asked", "page", ledger.now)
    assert ledger.store.opt_outs() == {ledger.people[0].hmac: frozenset({"partners"})}
    assert ledger.claim(run)[1] is Claim.CLAIMED


def test_late_ones_who_were_left_out_cost_no_second_round(ledger: Any) -> None:
    run = ledger.frozen(3)
    ledger.claimed(run, ids=[1, 3], late={2: "unsubscribed", 77: "no member"})
    assert list(ledger.store.deliveries(run.id))[1] == Delivery(
        2, "person2@example.org", "Person2@Example.Org", State.SUPPRESSED, "unsubscribed", ledger.now
    )


def test_the_erased_are_suppressed(ledger: Any) -> None:
    run = ledger.frozen(3)
    ledger.sql("DELETE FROM subscriber WHERE id = 1")
    assert ledger.claim(run, ids=[1, 2, 3])[1] is Claim.CHANGED
    ledger.claimed(run)
    first = next(ledger.store.deliveries(run.id))
    assert (first.key, first.email, first.state, first.reason) == (None, None, "suppressed", "erased")


def test_the_loser_of_a_race_suppresses_nobody(ledger: Any) -> None:
    # The trap of a late check before the lock: somebody who is being mailed would stand there as suppressed.
    run = ledger.frozen(3)
    attempt = ledger.claimed(run)
    ledger.store.suppress(ledger.people[1].hmac, "*", "asked", "page", ledger.now)
    assert ledger.claim(run, ids=[1, 3], late={3: "unsubscribed"})[1] is Claim.LOST
    assert ledger.store.counts(run.id) == Counts(inflight=3)
    assert ledger.store.finish(attempt, state="accepted", exceptions={}, now=ledger.now)
    assert ledger.store.counts(run.id) == Counts(accepted=3)


def test_a_batch_with_everybody_suppressed_is_closed(ledger: Any, identity: Any) -> None:
    run = ledger.frozen(4, size=2)
    for person in ledger.people[:2]:
        ledger.store.suppress(person.hmac, "*", "asked", "page", ledger.now)
    assert ledger.claim(run, 1, ids=[1, 2])[1] is Claim.LOST
    assert ledger.store.ready_batches(run.id, ledger.now) == [2]
    assert ledger.store.batch_members(run.id, 1) == []
    assert ledger.claim(run, 1, ids=[])[1] is Claim.LOST
    assert ledger.store.counts(run.id) == Counts(ready=2, suppressed=2)
    assert ledger.sql("SELECT count(*) FROM attempt") == [(0,)]
    identity(ledger.path)
    ledger.store.finish(ledger.claimed(run, 2), state="accepted", exceptions={}, now=ledger.now)
    assert ledger.store.set_state(run.id, "done")


# --- finish


@pytest.mark.parametrize("state", ["accepted", "rejected", "unknown", "ready"])
def test_one_answer_for_all(ledger: Any, state: str, identity: Any) -> None:
    run = ledger.frozen(3)
    attempt = ledger.claimed(run)
    later = ledger.now + timedelta(milliseconds=250)
    assert ledger.store.finish(
        attempt,
        state=state,
        exceptions={},
        now=later,
        reason="said so",
        status=202,
        provider_id="abc",
        detail={"took_ms": 3},
    )
    assert ledger.store.counts(run.id) == Counts(**{state: 3})
    (row,) = ledger.sql("SELECT state, status, provider_id, detail, ended_at - started_at FROM attempt")
    assert row[:3] == (state, 202, "abc")
    assert json.loads(str(row[3])) == {"took_ms": 3, "reason": "said so"}
    assert row[4] == 250
    first = next(ledger.store.deliveries(run.id))
    assert (first.reason, first.at) == (("", None) if state == "ready" else ("said so", later))
    identity(ledger.path)


def test_an_answer_is_taken_once(ledger: Any) -> None:
    run = ledger.frozen(3)
    attempt = ledger.claimed(run)
    assert ledger.store.finish(attempt, state="accepted", exceptions={}, now=ledger.now)
    assert not ledger.store.finish(attempt, state="ready", exceptions={}, now=ledger.now)
    assert not ledger.store.finish("never heard of", state="accepted", exceptions={}, now=ledger.now)
    assert ledger.store.counts(run.id) == Counts(accepted=3)


def test_the_rejected_get_rows(ledger: Any, identity: Any) -> None:
    run = ledger.frozen(4)
    attempt = ledger.claimed(run)
    exceptions = {2: ("rejected", "550 no such user"), 3: ("accepted", "same as all")}
    assert ledger.store.finish(attempt, state="accepted", exceptions=exceptions, now=ledger.now)
    assert ledger.states(run) == {1: "accepted", 2: "rejected", 3: "accepted", 4: "accepted"}
    assert ledger.sql("SELECT subscriber_id, state, reason, attempt_id FROM outcome") == [
        (2, "rejected", "550 no such user", attempt)
    ]
    identity(ledger.path)


def test_whoever_goes_again_goes_by_the_batch(ledger: Any, identity: Any) -> None:
    run = ledger.frozen(4)
    later = ledger.now + timedelta(seconds=5)
    answer = {2: ("ready", "451 later"), 3: ("rejected", "550"), 4: ("unknown", "the line broke")}
    assert ledger.store.finish(
        ledger.claimed(run), state="accepted", exceptions=answer, now=ledger.now, not_before=later
    )
    assert ledger.states(run) == {1: "accepted", 2: "ready", 3: "rejected", 4: "unknown"}
    assert ledger.store.next_due(run.id) == later
    assert [member.id for member in ledger.store.batch_members(run.id, 1)] == [2]
    identity(ledger.path)
    ledger.now = later
    assert ledger.store.finish(ledger.claimed(run), state="accepted", exceptions={}, now=later)
    assert ledger.store.counts(run.id) == Counts(accepted=2, rejected=1, unknown=1)
    identity(ledger.path)


def test_a_400_that_names_one_sends_the_rest_again(ledger: Any, identity: Any) -> None:
    run = ledger.frozen(3)
    exceptions = {2: ("rejected", "400 personalizations.1")}
    assert ledger.store.finish(ledger.claimed(run), state="ready", exceptions=exceptions, now=ledger.now)
    assert ledger.states(run) == {1: "ready", 2: "rejected", 3: "ready"}
    for person in (ledger.people[0], ledger.people[2]):
        ledger.store.suppress(person.hmac, "*", "asked", "page", ledger.now)
    assert ledger.claim(run)[1] is Claim.LOST
    assert ledger.store.counts(run.id) == Counts(rejected=1, suppressed=2)
    identity(ledger.path)


def test_an_answer_about_a_stranger_is_a_mistake_and_written_nowhere(ledger: Any) -> None:
    run = ledger.frozen(4, size=2)
    attempt = ledger.claimed(run, 1)
    with pytest.raises(ValueError, match=r"was not for \[3\]"):
        ledger.store.finish(attempt, state="accepted", exceptions={3: ("rejected", "")}, now=ledger.now)
    assert ledger.store.counts(run.id) == Counts(ready=2, inflight=2)


def test_the_suppressed_keep_their_row_whatever_comes(ledger: Any) -> None:
    run = ledger.frozen(3)
    attempt = ledger.claimed(run, ids=[1, 3], late={2: "unsubscribed"})
    assert ledger.store.finish(attempt, state="accepted", exceptions={}, now=ledger.now)
    assert ledger.states(run) == {1: "accepted", 2: "suppressed", 3: "accepted"}
    assert ledger.store.received("local", "recap") == {"person1@example.org", "person3@example.org"}


# --- dead owners


def test_a_dead_owners_batch_is_unknown_and_never_ready(ledger: Any, identity: Any) -> None:
    run = ledger.frozen(6, size=2)
    dead = ledger.claimed(run, 1, owner=1)
    ledger.claimed(run, 2, owner=2)
    asked: list[int] = []

    def alive(owner: int) -> bool:
        asked.append(owner)
        return owner == 2

    assert ledger.store.sweep(alive, ledger.now) == 1
    assert sorted(asked) == [1, 2]
    assert ledger.store.counts(run.id) == Counts(ready=2, inflight=2, unknown=2)
    assert ledger.store.ready_batches(run.id, ledger.now) == [3]
    assert [(u.no, u.attempt_id, u.ids) for u in ledger.store.unknown_batches(run.id)] == [(1, dead, [1, 2])]
    assert ledger.store.sweep(alive, ledger.now) == 0
    identity(ledger.path)


def test_proof_of_acceptance_may_come_late(ledger: Any, identity: Any) -> None:
    run = ledger.frozen(3)
    attempt = ledger.claimed(run)
    ledger.store.sweep(lambda _owner: False, ledger.now)
    for state in ("ready", "rejected", "unknown"):
        assert not ledger.store.finish(attempt, state=state, exceptions={}, now=ledger.now)
    mixed = {1: ("ready", "again")}
    assert not ledger.store.finish(attempt, state="accepted", exceptions=mixed, now=ledger.now)
    assert ledger.store.counts(run.id) == Counts(unknown=3)
    assert ledger.store.finish(attempt, state="accepted", exceptions={}, now=ledger.now)
    assert ledger.store.counts(run.id) == Counts(accepted=3)
    identity(ledger.path)


def test_late_proof_does_not_reach_a_batch_that_went_again(ledger: Any) -> None:
    run = ledger.frozen(3)
    old = ledger.claimed(run)
    ledger.store.sweep(lambda _owner: False, ledger.now)
    ledger.store.settle(run.id, 1, old, accepted=[], ready=[1, 2, 3], source="a human", now=ledger.now)
    assert not ledger.store.finish(old, state="accepted", exceptions={}, now=ledger.now)
    new = ledger.claimed(run)
    assert not ledger.store.finish(old, state="accepted", exceptions={}, now=ledger.now)
    assert ledger.store.counts(run.id) == Counts(inflight=3)
    assert ledger.store.finish(new, state="accepted", exceptions={}, now=ledger.now)


@pytest.mark.parametrize("said", ["ready", "unknown", "accepted"])
def test_an_answer_that_holds_for_nobody_leaves_no_empty_batch(ledger: Any, said: str, identity: Any) -> None:
    run = ledger.frozen(2)
    exceptions = {1: ("rejected", "550"), 2: ("rejected", "550")}
    assert ledger.store.finish(ledger.claimed(run), state=said, exceptions=exceptions, now=ledger.now)
    assert ledger.store.counts(run.id) == Counts(rejected=2)
    assert ledger.store.ready_batches(run.id, ledger.now) == []
    assert ledger.store.unknown_batches(run.id) == []
    assert ledger.store.set_state(run.id, "done")
    identity(ledger.path)


@pytest.mark.parametrize(("ahead", "due"), [(timedelta(minutes=59), False), (timedelta(days=1), True)])
def test_a_clock_that_was_wrong_parks_nobody(ledger: Any, ahead: timedelta, due: bool) -> None:
    """Put off by a sender whose clock had jumped to tomorrow: nothing is put off for more than an hour."""
    run = ledger.frozen(3, size=3)
    ledger.store.finish(
        ledger.claimed(run), state="ready", exceptions={}, now=ledger.now, not_before=ledger.now + ahead
    )
    assert ledger.store.ready_batches(run.id, ledger.now) == ([1] if due else [])
    assert ledger.claim(run)[1] is (Claim.CLAIMED if due else Claim.LOST)
