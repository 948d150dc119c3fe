"""What a provider tells of single messages: before the answer, after a doubt, twice, of strangers, of an older attempt."""

from datetime import timedelta

import pytest

from newsletter.store.values import Counts, Heard, ProviderEvent


@pytest.fixture
def hear(ledger):
    def hear(run, subscriber_id, attempt, *, kind="accepted", whole=False, minutes=0):
        at = ledger.now + timedelta(minutes=minutes)
        event = ProviderEvent(run.id, subscriber_id, attempt, kind, at)
        return ledger.store.take_event(event, whole=whole, now=ledger.now)

    return hear


def finish(ledger, attempt, state, **exceptions):
    return ledger.store.finish(attempt, state=state, exceptions=exceptions, now=ledger.now)


def test_one_message_ends_the_doubt_about_itself(ledger, hear):
    run = ledger.frozen(4)
    attempt = ledger.claimed(run)
    finish(ledger, attempt, "unknown")
    assert hear(run, 2, attempt) is Heard.SETTLED
    assert ledger.states(run) == {1: "unknown", 2: "accepted", 3: "unknown", 4: "unknown"}
    assert hear(run, 2, attempt) is Heard.KNOWN, "told twice"
    assert hear(run, 2, attempt, kind="bounced", minutes=1) is Heard.NOTED
    assert ledger.store.counts(run.id) == Counts(accepted=1, unknown=3)


def test_where_a_request_is_taken_as_a_whole_one_message_proves_it(ledger, hear):
    run = ledger.frozen(4)
    attempt = ledger.claimed(run)
    finish(ledger, attempt, "unknown")
    assert hear(run, 2, attempt, whole=True) is Heard.SETTLED
    assert ledger.store.counts(run.id) == Counts(accepted=4)


@pytest.mark.parametrize("answer", ["unknown", "ready"])
def test_proof_that_comes_before_the_answer_counts(ledger, hear, answer):
    run = ledger.frozen(3)
    attempt = ledger.claimed(run)
    assert hear(run, 1, attempt, whole=True) is Heard.SETTLED
    assert finish(ledger, attempt, answer)
    assert ledger.store.counts(run.id) == Counts(accepted=3)


def test_of_a_group_only_those_are_proven_of_whom_something_was_told(ledger, hear):
    run = ledger.frozen(3)
    attempt = ledger.claimed(run)
    hear(run, 1, attempt)
    assert finish(ledger, attempt, "unknown")
    assert ledger.states(run) == {1: "accepted", 2: "unknown", 3: "unknown"}


def test_proof_outlives_the_sender(ledger, hear):
    run = ledger.frozen(3)
    attempt = ledger.claimed(run)
    hear(run, 1, attempt, whole=True)
    assert ledger.store.sweep(lambda _owner: False, ledger.now) == 1
    assert ledger.store.counts(run.id) == Counts(accepted=3)


def test_who_was_to_go_again_and_has_it_does_not_go_again(ledger, hear):
    run = ledger.frozen(3)
    attempt = ledger.claimed(run)
    finish(ledger, attempt, "ready")
    assert hear(run, 2, attempt) is Heard.SETTLED
    assert [member.id for member in ledger.store.batch_members(run.id, 1)] == [1, 3]
    again = ledger.claimed(run)
    finish(ledger, again, "accepted")
    assert ledger.store.counts(run.id) == Counts(accepted=3)
    assert ledger.store.twice(run.id) == []


def test_the_last_one_of_a_batch_leaves_nothing_ready_for_nobody(ledger, hear):
    run = ledger.frozen(2)
    attempt = ledger.claimed(run)
    finish(ledger, attempt, "ready")
    hear(run, 1, attempt)
    hear(run, 2, attempt)
    assert ledger.store.ready_batches(run.id, ledger.now) == []
    assert ledger.store.set_state(run.id, "done")


def test_a_superseded_attempt_that_was_taken_after_all_means_two(ledger, hear):
    run = ledger.frozen(3)
    first = ledger.claimed(run)
    finish(ledger, first, "unknown")
    ledger.store.settle(run.id, 1, first, accepted=[], ready=[1, 2, 3], source="word", now=ledger.now)
    second = ledger.claimed(run)
    finish(ledger, second, "accepted")
    assert ledger.store.twice(run.id) == []
    assert hear(run, 2, second) is Heard.NOTED
    assert hear(run, 2, first, minutes=1) is Heard.TWICE
    assert [(who.id, who.email) for who in ledger.store.twice(run.id)] == [(2, ledger.people[1].email)]
    assert ledger.store.counts(run.id) == Counts(accepted=3)
    (received,) = ledger.store.history(ledger.people[1].hmac).received
    assert [attempt.id for attempt in received.attempts] == [first, second]
    assert [(event.attempt_id, event.kind) for event in received.events] == [
        (second, "accepted"),
        (first, "accepted"),
    ]


def test_it_is_told_before_the_second_one_ends(ledger, hear):
    run = ledger.frozen(1)
    first = ledger.claimed(run)
    finish(ledger, first, "unknown")
    ledger.store.settle(run.id, 1, first, accepted=[], ready=[1], source="word", now=ledger.now)
    second = ledger.claimed(run)
    assert hear(run, 1, first) is Heard.NOTED
    finish(ledger, second, "accepted")
    assert [who.id for who in ledger.store.twice(run.id)] == [1]


def test_strangers_settle_nothing(ledger, hear):
    run, other = ledger.frozen(3), ledger.frozen(2, campaign="other")
    attempt = ledger.claimed(run)
    finish(ledger, attempt, "unknown")
    assert hear(run, 2, "nobody's") is Heard.FOREIGN
    assert hear(other, 2, attempt) is Heard.FOREIGN
    assert hear(run, 99, attempt) is Heard.FOREIGN
    assert ledger.store.counts(run.id) == Counts(unknown=3)
