"""Doubts: listed by name, ended by evidence or a human's word, never by themselves."""

import json
from typing import Any

import pytest

from newsletter.store.values import Counts, UnknownBatch


def doubtful(ledger: Any, people: int = 4, size: int = 10) -> tuple[Any, str]:
    run = ledger.frozen(people, size)
    attempt = ledger.claimed(run)
    ledger.store.sweep(lambda _owner: False, ledger.now)
    return run, attempt


def settle(ledger: Any, run: Any, attempt: str, accepted: list[int], ready: list[int], no: int = 1) -> int:
    ended = ledger.store.settle(
        run.id, no, attempt, accepted=accepted, ready=ready, source="outbox file", now=ledger.now
    )
    return int(ended)


def test_all_files_are_there(ledger: Any, identity: Any) -> None:
    run, attempt = doubtful(ledger)
    assert settle(ledger, run, attempt, [1, 2, 3, 4], []) == 4
    assert ledger.store.counts(run.id) == Counts(accepted=4)
    assert ledger.store.unknown_batches(run.id) == []
    assert ledger.sql("SELECT count(*) FROM outcome") == [(0,)]
    assert {each.reason for each in ledger.store.deliveries(run.id)} == {"outbox file"}
    identity(ledger.path)


def test_no_file_is_there(ledger: Any, identity: Any) -> None:
    run, attempt = doubtful(ledger)
    assert settle(ledger, run, attempt, [], [1, 2, 3, 4]) == 4
    assert ledger.store.counts(run.id) == Counts(ready=4)
    assert [member.id for member in ledger.store.batch_members(run.id, 1)] == [1, 2, 3, 4]
    identity(ledger.path)


def test_some_files_are_there(ledger: Any, identity: Any) -> None:
    run, attempt = doubtful(ledger)
    assert settle(ledger, run, attempt, [1, 4], [2, 3]) == 4
    assert ledger.states(run) == {1: "accepted", 2: "ready", 3: "ready", 4: "accepted"}
    again = ledger.claimed(run)
    assert ledger.store.finish(again, state="accepted", exceptions={}, now=ledger.now)
    assert ledger.store.counts(run.id) == Counts(accepted=4)
    identity(ledger.path)


def test_what_nobody_knows_stays_unknown(ledger: Any, identity: Any) -> None:
    run, attempt = doubtful(ledger)
    assert settle(ledger, run, attempt, [], []) == 0
    assert settle(ledger, run, attempt, [1], [3]) == 2
    assert ledger.states(run) == {1: "accepted", 2: "unknown", 3: "ready", 4: "unknown"}
    assert ledger.store.unknown_batches(run.id) == [UnknownBatch(1, attempt, [2, 4])]
    # Whoever goes again goes in a batch of its own: the old one still waits for its proof.
    assert ledger.store.ready_batches(run.id, ledger.now) == [2]
    assert [member.id for member in ledger.store.batch_members(run.id, 2)] == [3]
    identity(ledger.path)
    assert ledger.store.finish(ledger.claimed(run, 2), state="accepted", exceptions={}, now=ledger.now)
    assert ledger.store.finish(attempt, state="accepted", exceptions={}, now=ledger.now)
    assert ledger.store.counts(run.id) == Counts(accepted=4)
    identity(ledger.path)


def test_a_proof_that_names_people_who_went_again_is_about_the_others(ledger: Any, identity: Any) -> None:
    run, attempt = doubtful(ledger)
    settle(ledger, run, attempt, [], [3])
    late = {3: ("rejected", "550"), 4: ("rejected", "550")}
    assert ledger.store.finish(attempt, state="accepted", exceptions=late, now=ledger.now)
    assert ledger.states(run) == {1: "accepted", 2: "accepted", 3: "ready", 4: "rejected"}
    identity(ledger.path)


def test_settling_twice_or_about_others_does_nothing(ledger: Any) -> None:
    run, attempt = doubtful(ledger, 6, size=4)
    assert settle(ledger, run, attempt, [1, 5, 99], []) == 1
    assert settle(ledger, run, attempt, [], [1, 5, 99]) == 0
    assert settle(ledger, run, "another attempt", [2], []) == 0
    assert settle(ledger, run, attempt, [2], [], no=77) == 0
    assert ledger.store.counts(run.id) == Counts(ready=2, accepted=1, unknown=3)
    with pytest.raises(ValueError, match="at once"):
        settle(ledger, run, attempt, [2], [2])


def test_the_suppressed_are_in_no_doubt(ledger: Any, identity: Any) -> None:
    run = ledger.frozen(3)
    attempt = ledger.claimed(run, ids=[1, 3], late={2: "unsubscribed"})
    ledger.store.sweep(lambda _owner: False, ledger.now)
    assert ledger.store.unknown_batches(run.id) == [UnknownBatch(1, attempt, [1, 3])]
    assert settle(ledger, run, attempt, [], [1, 2, 3]) == 2
    assert ledger.states(run) == {1: "ready", 2: "suppressed", 3: "ready"}
    identity(ledger.path)


@pytest.mark.parametrize("then", ["accepted", "ready", "inflight"])
def test_single_doubts_outlive_their_batch(ledger: Any, then: str, identity: Any) -> None:
    run = ledger.frozen(4)
    first = ledger.claimed(run)
    answer = {1: ("unknown", "the line broke"), 2: ("unknown", "the line broke")}
    if then == "accepted":
        ledger.store.finish(first, state="accepted", exceptions=answer, now=ledger.now)
    else:
        ledger.store.finish(first, state="ready", exceptions=answer, now=ledger.now)
    if then == "inflight":
        second = ledger.claimed(run)
    assert ledger.store.unknown_batches(run.id) == [UnknownBatch(1, first, [1, 2])]
    identity(ledger.path)

    assert settle(ledger, run, first, [1], [2]) == 2
    assert ledger.states(run) == {1: "accepted", 2: "ready", 3: then, 4: then}
    assert ledger.store.unknown_batches(run.id) == []
    assert ledger.store.ready_batches(run.id, ledger.now) == ([1] if then == "ready" else [2])
    identity(ledger.path)
    if then == "inflight":
        assert ledger.store.finish(second, state="accepted", exceptions={}, now=ledger.now)
        assert ledger.states(run) == {1: "accepted", 2: "ready", 3: "accepted", 4: "accepted"}
        identity(ledger.path)


def test_doubts_about_everybody_in_rows_of_their_own(ledger: Any, identity: Any) -> None:
    run = ledger.frozen(2)
    attempt = ledger.claimed(run)
    answer = {1: ("unknown", ""), 2: ("unknown", "")}
    ledger.store.finish(attempt, state="accepted", exceptions=answer, now=ledger.now)
    assert settle(ledger, run, attempt, [], [1, 2]) == 2
    assert ledger.store.counts(run.id) == Counts(ready=2)
    assert ledger.store.ready_batches(run.id, ledger.now) == [1]
    identity(ledger.path)


def test_an_attempt_remembers_who_settled_it(ledger: Any) -> None:
    run, attempt = doubtful(ledger)
    settle(ledger, run, attempt, [1], [])
    settle(ledger, run, attempt, [2], [3, 4])
    ((state, detail),) = ledger.sql("SELECT state, detail FROM attempt")
    assert state == "ready"
    said = json.loads(str(detail))
    assert said["owner_found_dead"] == ledger.now.isoformat()
    assert [(each["source"], each["accepted"], each["ready"]) for each in said["settled"]] == [
        ("outbox file", 1, 0),
        ("outbox file", 1, 2),
    ]
