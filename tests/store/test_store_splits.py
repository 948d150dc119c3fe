"""A batch becomes several: everybody stays in exactly one, and nothing that was decided is lost."""

from datetime import timedelta
from typing import Any

import pytest

from newsletter.store.values import Claim, Counts


def batches(ledger: Any) -> dict[int, tuple[str, int, str]]:
    rows = ledger.sql("SELECT no, state, lane, ids FROM batch JOIN member USING (run_id, no) ORDER BY no")
    return {no: (state, lane, ids) for no, state, lane, ids in rows}


def test_the_upper_half_keeps_its_lane(ledger: Any, identity: Any) -> None:
    run = ledger.frozen(5)
    assert ledger.store.split(run.id, 1, [[4, 5]])
    assert batches(ledger) == {1: ("ready", 0, "[1,2,3]"), 2: ("ready", 0, "[4,5]")}
    identity(ledger.path)


def test_who_is_taken_from_the_middle_gets_a_lane_of_their_own(ledger: Any, identity: Any) -> None:
    run = ledger.frozen(10, size=5)
    assert ledger.store.split(run.id, 1, [[2, 4], [3]])
    found = batches(ledger)
    assert found[1] == ("ready", 0, "[1,5]")
    assert {ids for _, _, ids in found.values()} == {"[1,5]", "[6,7,8,9,10]", "[2,4]", "[3]"}
    assert len({lane for no, (_, lane, _) in found.items() if no > 2}) == 2
    identity(ledger.path)
    for no in found:
        ledger.store.finish(ledger.claimed(run, no), state="accepted", exceptions={}, now=ledger.now)
    assert ledger.store.counts(run.id) == Counts(accepted=10)
    identity(ledger.path)


def test_when_they_go_and_how_often_they_were_tried_stays(ledger: Any) -> None:
    run = ledger.frozen(4)
    later = ledger.now + timedelta(hours=1)
    ledger.store.finish(ledger.claimed(run), state="ready", exceptions={}, now=ledger.now, not_before=later)
    assert ledger.store.split(run.id, 1, [[3, 4]])
    assert ledger.store.ready_batches(run.id, ledger.now) == []
    assert ledger.store.ready_batches(run.id, later) == [1, 2]
    assert ledger.store.tries(run.id, 2) == 1


def test_what_was_decided_stays_where_it_is(ledger: Any, identity: Any) -> None:
    run = ledger.frozen(4)
    said = {1: ("accepted", ""), 3: ("rejected", "550")}
    ledger.store.finish(ledger.claimed(run), state="ready", exceptions=said, now=ledger.now)
    assert ledger.store.split(run.id, 1, [[4]])
    assert ledger.states(run) == {1: "accepted", 2: "ready", 3: "rejected", 4: "ready"}
    identity(ledger.path)


@pytest.mark.parametrize("apart", [[[1, 2, 3]], [[4]], [[1], [9]]])
def test_nobody_leaves_who_is_not_there_and_somebody_stays(ledger: Any, apart: list[list[int]]) -> None:
    run = ledger.frozen(3)
    assert not ledger.store.split(run.id, 1, apart)
    assert batches(ledger) == {1: ("ready", 0, "[1,2,3]")}


def test_a_batch_that_is_taken_is_not_split(ledger: Any) -> None:
    run = ledger.frozen(3)
    attempt = ledger.claimed(run)
    assert not ledger.store.split(run.id, 1, [[3]])
    ledger.store.finish(attempt, state="unknown", exceptions={}, now=ledger.now)
    assert not ledger.store.split(run.id, 1, [[3]])


def test_who_rendered_the_whole_batch_meanwhile_renders_again(ledger: Any) -> None:
    run = ledger.frozen(3)
    assert ledger.store.split(run.id, 1, [[3]])
    assert ledger.claim(run, ids=[1, 2, 3])[1] is Claim.CHANGED


def test_an_address_that_does_not_exist_is_not_written_to_again(ledger: Any) -> None:
    run = ledger.frozen(2)
    ledger.store.finish(
        ledger.claimed(run),
        state="accepted",
        exceptions={2: ("rejected", "550 5.1.1")},
        now=ledger.now,
        bounced=[2],
    )
    (event,) = ledger.store.opt_out_history(ledger.people[1].hmac)
    assert (event.scope, event.source, event.reason) == ("*", "bounce", "the address does not exist")
    assert not ledger.store.opt_outs([ledger.people[0].hmac])
