"""Runs that stand still, and the next occurrence of one that was amended: nobody is lost on the way."""

import dataclasses
import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from newsletter.store.store import open_store
from newsletter.store.values import Claim, Counts, SameLetter, StillMoving

LETTER = "ab" * 32


def test_a_paused_run_gives_no_batch_and_says_since_when(ledger):
    run = ledger.frozen(4, size=2)
    assert ledger.store.pause(run.id, "by hand", ledger.now)
    assert not ledger.store.pause(run.id, "again", ledger.now)
    assert ledger.claim(run)[1] is Claim.LOST
    halt = ledger.store.halt(run.id)
    assert (halt.word, halt.reason, halt.at) == ("paused", "by hand", ledger.now)
    assert ledger.store.resume(run.id)
    assert not ledger.store.resume(run.id)
    assert ledger.store.halt(run.id) is None
    assert ledger.claim(run)[1] is Claim.CLAIMED


def test_what_is_in_flight_ends_as_it_ends(ledger):
    run = ledger.frozen(4, size=2)
    attempt = ledger.claimed(run)
    ledger.store.pause(run.id, "by hand", ledger.now)
    assert ledger.store.finish(attempt, state="accepted", exceptions={}, now=ledger.now)
    assert ledger.store.counts(run.id) == Counts(accepted=2, ready=2)


@pytest.mark.parametrize("answer", ["accepted", "ready", "unknown"])
def test_cancelled_whoever_is_ready_or_turns_ready_gets_nothing(ledger, answer):
    run = ledger.frozen(5, size=2)
    attempt = ledger.claimed(run)
    assert ledger.store.cancel(run.id, "by hand", ledger.now)
    assert not ledger.store.cancel(run.id, "by hand", ledger.now)
    assert not ledger.store.resume(run.id), "cancelled is final"
    assert ledger.store.finish(attempt, state=answer, exceptions={}, now=ledger.now)
    counts = {"accepted": Counts(accepted=2, suppressed=3), "ready": Counts(suppressed=5)}
    assert ledger.store.counts(run.id) == counts.get(answer, Counts(unknown=2, suppressed=3))
    if answer == "unknown":
        ledger.store.settle(run.id, 1, attempt, accepted=[1], ready=[2], source="word", now=ledger.now)
        assert ledger.store.counts(run.id) == Counts(accepted=1, suppressed=4)
    reasons = {one.subscriber_id: one.reason for one in ledger.store.deliveries(run.id)}
    assert reasons[5] == "cancelled"
    (received,) = ledger.store.history(ledger.people[4].hmac).received
    assert (received.reason, received.at) == ("cancelled", ledger.now)


# --- amended


def next_words(make_run, **more):
    return dataclasses.replace(make_run(occurrence=None), content_hash="new", **more)


def amend(ledger, runs, make_run, *, going, leaving=None):
    return ledger.store.amend(
        [run.id for run in runs],
        next_words(make_run),
        leaving=leaving or {},
        going=going,
        excluded={},
        batch_size=2,
    )


def test_who_is_ready_goes_over_and_the_sum_stays(ledger, make_run):
    run = ledger.frozen(9, size=2)
    done, doubted = ledger.claimed(run, 1), ledger.claimed(run, 2)
    ledger.store.finish(done, state="accepted", exceptions={}, now=ledger.now)
    ledger.store.finish(doubted, state="unknown", exceptions={}, now=ledger.now)
    new = amend(ledger, [run], make_run, going=4, leaving={5: "unsubscribed"})
    assert (new.occurrence, new.total, new.content_hash) == ("2", 4, "new")
    before, after = ledger.store.counts(run.id), ledger.store.counts(new.id)
    assert before == Counts(accepted=2, unknown=2, suppressed=5, amended=4)
    assert after == Counts(ready=4)
    assert Counts.summed([before, after]) == Counts(accepted=2, unknown=2, suppressed=1, ready=4)
    assert sorted(ledger.states(new)) == [6, 7, 8, 9]
    states = {one.subscriber_id: (str(one.state), one.reason) for one in ledger.store.deliveries(run.id)}
    assert states[5] == ("suppressed", "unsubscribed")
    assert states[6] == ("suppressed", "amended")
    assert (ledger.store.state(run.id), ledger.store.halt(run.id).word) == ("cancelled", "amended")


def test_nothing_is_closed_while_somebody_is_being_handed_over_or_was_not_planned_for(ledger, make_run):
    run = ledger.frozen(4, size=2)
    attempt = ledger.claimed(run)
    with pytest.raises(StillMoving):
        amend(ledger, [run], make_run, going=2)
    ledger.store.finish(attempt, state="ready", exceptions={}, now=ledger.now)
    with pytest.raises(StillMoving):
        amend(ledger, [run], make_run, going=3)
    assert ledger.store.state(run.id) == "sending"
    assert ledger.store.counts(run.id) == Counts(ready=4)
    assert amend(ledger, [run], make_run, going=4).total == 4


def test_who_was_in_doubt_and_did_not_get_it_is_taken_by_the_next_one(ledger, make_run):
    run = ledger.frozen(4, size=2)
    doubted = ledger.claimed(run)
    ledger.store.finish(doubted, state="unknown", exceptions={}, now=ledger.now)
    second = amend(ledger, [run], make_run, going=2)
    ledger.store.settle(run.id, 1, doubted, accepted=[], ready=[1, 2], source="looked up", now=ledger.now)
    assert ledger.store.counts(run.id) == Counts(ready=2, suppressed=2, amended=2)
    assert ledger.claim(run)[1] is Claim.LOST, "nobody gets the old words any more"
    third = amend(ledger, [run], make_run, going=2)
    total = Counts.summed(ledger.store.counts(one.id) for one in (run, second, third))
    assert total == Counts(ready=4)
    assert sorted(ledger.states(third)) == [1, 2]


# --- the same letter


def test_the_same_letter_by_another_name_is_refused_for_those_who_have_it(ledger, make_run):
    first = dataclasses.replace(make_run("one"), letter=LETTER)
    run = ledger.store.freeze(first, ledger.people[:3], excluded={}, batch_size=10)
    second = dataclasses.replace(make_run("two"), letter=LETTER)
    with pytest.raises(SameLetter) as refused:
        ledger.store.freeze(second, ledger.people[2:6], excluded={}, batch_size=10)
    assert (refused.value.campaign, refused.value.people) == ("one", 1)
    assert ledger.store.latest_run("local", "two") is None
    ledger.store.freeze(second, ledger.people[3:6], excluded={}, batch_size=10)
    elsewhere = dataclasses.replace(second, env="production", campaign="three")
    ledger.store.freeze(elsewhere, ledger.people[:3], excluded={}, batch_size=10)
    meant = dataclasses.replace(second, campaign="four", again=True)
    ledger.store.freeze(meant, ledger.people[:3], excluded={}, batch_size=10)
    ledger.store.cancel(run.id, "by hand", ledger.now)
    after = dataclasses.replace(second, campaign="five")
    with pytest.raises(SameLetter):
        ledger.store.freeze(after, ledger.people[:3], excluded={}, batch_size=10)  # by `four`
    only = dataclasses.replace(second, campaign="six")
    ledger.store.freeze(only, ledger.people[6:7], excluded={}, batch_size=10)


def test_bytes_are_kept_once_and_come_back(ledger, make_run):
    import hashlib

    body = b"\x00bytes"
    name = hashlib.sha256(body).hexdigest()
    for campaign in "one", "two":
        new = dataclasses.replace(make_run(campaign), files={name: body})
        ledger.store.freeze(new, ledger.people[:1], excluded={}, batch_size=10)
    assert ledger.store.kept([name]) == {name: body}
    assert ledger.sql("SELECT count(*) FROM content") == [(1,)]
    with pytest.raises(KeyError):
        ledger.store.kept(["00" * 32])


# --- the canary


@pytest.fixture
def flying(ledger, make_run):
    new = dataclasses.replace(make_run(), canary=20)
    return ledger.store.freeze(new, ledger.people, excluded={}, batch_size=10)


def test_the_first_go_alone_in_batches_of_the_usual_size(ledger, flying):
    assert ledger.store.ready_batches(flying.id, ledger.now) == [1, 2]
    assert ledger.sql("SELECT no, lane, lo, hi FROM member ORDER BY no") == [
        (1, 0, 1, 10), (2, 0, 11, 20), (3, 1, 21, 30),
    ]  # fmt: skip
    assert ledger.store.judge_canary(flying.id, ledger.now).verdict == "waiting"


def test_a_send_to_fewer_than_the_canary_is_no_canary(ledger, make_run):
    run = ledger.store.freeze(
        dataclasses.replace(make_run(), canary=20), ledger.people[:20], excluded={}, batch_size=10
    )
    assert ledger.store.judge_canary(run.id, ledger.now).verdict == "passed"
    assert ledger.sql("SELECT count(*) FROM canary") == [(0,)]


@pytest.mark.parametrize(
    ("rejected", "unknown", "verdict"),
    [(0, 0, "passed"), (1, 0, "passed"), (1, 1, "failed"), (0, 2, "failed")],
)
def test_more_than_one_in_twenty_is_too_much(ledger, flying, rejected, unknown, verdict):
    for no in 1, 2:
        attempt = ledger.claimed(flying, no)
        bad = dict.fromkeys(range(1, rejected + 1), ("rejected", "no")) if no == 1 else {}
        if no == 2:
            bad |= {10 + i: ("unknown", "?") for i in range(1, unknown + 1)}
        ledger.store.finish(attempt, state="accepted", exceptions=bad, now=ledger.now)
    judged = ledger.store.judge_canary(flying.id, ledger.now)
    assert (judged.verdict, judged.answered, judged.failed) == (verdict, 20, rejected + unknown)
    assert ledger.store.state(flying.id) == ("paused" if verdict == "failed" else "sending")
    if verdict == "failed":
        ledger.store.resume(flying.id)
        assert ledger.store.judge_canary(flying.id, ledger.now).verdict == "passed"
    assert ledger.store.ready_batches(flying.id, ledger.now) == [3]


def test_a_pause_before_the_canary_is_judged_lets_nobody_past_it(ledger, flying):
    """By hand, or by a provider that refuses the key: nobody has seen how the first ones fare."""
    ledger.store.finish(ledger.claimed(flying, 1), state="accepted", exceptions={}, now=ledger.now)
    ledger.store.pause(flying.id, "401: the API key is not valid", ledger.now)
    assert ledger.store.resume(flying.id)
    assert ledger.store.ready_batches(flying.id, ledger.now) == [2], "the others still wait"
    bad = {11: ("rejected", "no"), 12: ("rejected", "no")}
    ledger.store.finish(ledger.claimed(flying, 2), state="accepted", exceptions=bad, now=ledger.now)
    assert ledger.store.judge_canary(flying.id, ledger.now).verdict == "failed"


def test_what_was_put_off_is_neither_but_somebody_has_to_have_answered(ledger, flying):
    later = ledger.now + timedelta(minutes=20)
    for no in 1, 2:
        attempt = ledger.claimed(flying, no)
        ledger.store.finish(attempt, state="ready", exceptions={}, now=ledger.now, not_before=later)
    assert ledger.store.judge_canary(flying.id, ledger.now).verdict == "waiting"
    assert ledger.store.next_due(flying.id) == later, "not that of those who wait behind it"
    ledger.now = later
    attempt = ledger.claimed(flying, 1)
    ledger.store.finish(attempt, state="accepted", exceptions={}, now=ledger.now)
    assert ledger.store.judge_canary(flying.id, ledger.now).verdict == "passed"


# --- a copy, and an older ledger brought back


def copied(ledger, to):
    """As SQLite itself copies it."""
    with closing(sqlite3.connect(ledger.path)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


def test_the_ledger_that_sent_last_has_no_doubt(ledger):
    run = ledger.frozen(2, size=1)
    assert ledger.store.doubt() is None
    ledger.claimed(run)
    assert ledger.store.doubt() is None
    with open_store(ledger.path) as again:
        assert again.doubt() is None


def test_a_copy_elsewhere_is_told_as_one(ledger, tmp_path):
    ledger.frozen(2)
    folder = tmp_path / "copy" / ".newsletter"
    folder.mkdir(parents=True)
    copied(ledger, folder / "state.db")
    with open_store(folder / "state.db") as copy:
        assert "copy" in copy.doubt()


def test_an_older_one_in_the_same_place_has_missed_claims(ledger, tmp_path):
    run = ledger.frozen(4, size=2)
    ledger.claimed(run, 1)
    copied(ledger, tmp_path / "backup.db")
    ledger.claimed(run, 2)
    ledger.store.close()
    shutil.copyfile(tmp_path / "backup.db", ledger.path)  # the same file by its number, other bytes
    for name in ("state.db-wal", "state.db-shm"):
        ledger.path.with_name(name).unlink(missing_ok=True)
    with open_store(ledger.path) as back:
        assert "knows nothing" in back.doubt()
        assert back.still_to_go() == 2
        assert back.take_over(ledger.now) == 1
        assert (back.doubt(), back.epoch) == (None, 2)
        assert back.counts(run.id) == Counts(inflight=2, unknown=2)
        assert back.sweep(lambda _owner: False, ledger.now) == 1
        assert back.counts(run.id) == Counts(unknown=4)
        assert back.runs("local")[0].epoch == 1, "its messages keep their names"
        (batch, _) = back.unknown_batches(run.id)
        back.settle(
            run.id, batch.no, batch.attempt_id, accepted=[], ready=batch.ids, source="word", now=ledger.now
        )
        assert back.counts(run.id) == Counts(unknown=2, ready=2)


def test_whoever_is_ready_again_in_an_amended_run_comes_into_doubt_too(ledger, make_run):
    """The next amendment took them, perhaps; the ledger that was brought back has not heard of it."""
    run = ledger.frozen(4, size=2)
    doubted = ledger.claimed(run)
    ledger.store.finish(doubted, state="unknown", exceptions={}, now=ledger.now)
    amend(ledger, [run], make_run, going=2)
    ledger.store.settle(run.id, 1, doubted, accepted=[], ready=[1, 2], source="word", now=ledger.now)
    assert ledger.store.still_to_go() == 4
    ledger.store.take_over(ledger.now)
    assert ledger.store.counts(run.id) == Counts(unknown=2, suppressed=2, amended=2)


def test_the_number_that_comes_into_doubt_is_of_those_who_are_still_to_go(ledger):
    run = ledger.frozen(3)
    attempt = ledger.claimed(run)
    told = {1: ("accepted", ""), 2: ("rejected", "no")}
    ledger.store.finish(attempt, state="ready", exceptions=told, now=ledger.now)
    assert ledger.store.still_to_go() == 1
    ledger.store.take_over(ledger.now)
    assert ledger.store.counts(run.id) == Counts(accepted=1, rejected=1, unknown=1)
