"""Opt-outs and consent in the ledger: what holds, how it came to that, and what waits in the spool."""

import contextlib
import dataclasses
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from newsletter.errors import ConfigurationFault, ProviderUnavailable
from newsletter.store.optouts import opted_out, taken_back
from newsletter.store.spool import Spool
from newsletter.store.store import open_readonly, open_store
from newsletter.store.values import Claim, Consent, Counts

ONE, TWO = b"1" * 16, b"2" * 16
NOW = datetime(2015, 7, 3, 7, 0, tzinfo=UTC)


def acts(ledger: Any, hmac: bytes = ONE) -> list[tuple[str, str, str]]:
    return [(event.act, event.scope, event.source) for event in ledger.store.opt_out_history(hmac)]


def test_taking_an_opt_out_back_keeps_both_in_the_history(ledger):
    store = ledger.store
    assert store.suppress(ONE, "*", "asked", "page", NOW)
    assert store.lift(ONE, "*", "a slip", "command", NOW + timedelta(hours=1))
    assert not store.lift(ONE, "*", "a slip", "command", NOW + timedelta(hours=2)), "there is none any more"
    assert store.opt_outs() == {}
    assert acts(ledger) == [("suppress", "*", "page"), ("lift", "*", "command")]


def test_the_same_word_by_the_same_way_is_written_down_once(ledger):
    for number, source in enumerate(("page", "page", "one-click", "page", "one-click")):
        ledger.store.suppress(ONE, "*", "asked", source, NOW + timedelta(minutes=number))
    # Another way of saying it is worth knowing, a link clicked a million times is not.
    assert acts(ledger) == [("suppress", "*", "page"), ("suppress", "*", "one-click")]


@pytest.mark.parametrize("table", ["opt_out", "consent"])
@pytest.mark.parametrize("change", ["UPDATE {} SET source = 'x'", "DELETE FROM {}"])
def test_history_can_only_grow(ledger, table, change):
    ledger.store.suppress(ONE, "*", "asked", "page", NOW)
    ledger.store.record_consents([Consent(ONE, "partners", "a form")], NOW)
    with (
        contextlib.closing(sqlite3.connect(ledger.path)) as raw,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        raw.execute(change.format(table))


def test_consent_stands_once_with_all_its_words(ledger):
    yes = Consent(ONE, "partners", "Anmälan", "2015-05", "203.0.113.7", NOW - timedelta(days=9))
    later = Consent(ONE, "partners", "Anmälan", "2015-06", "203.0.113.7", NOW - timedelta(days=9))
    assert ledger.store.record_consents([yes, yes, later], NOW) == 2
    assert ledger.store.record_consents([yes], NOW + timedelta(days=1)) == 0
    first, second = ledger.store.consents(ONE)
    assert {first.text_version, second.text_version} == {"2015-05", "2015-06"}
    assert (first.given_at, first.recorded_at, first.proof) == (yes.given_at, NOW, "203.0.113.7")
    assert len(list(ledger.store.all_consents())) == 2


@pytest.mark.parametrize("field", ["hmac", "list", "source", "text_version", "proof", "given_at"])
def test_a_consent_that_differs_in_anything_is_another_one(ledger, field):
    one = Consent(ONE, "lista", "Mässan", "v1", "optin_ip 192.0.2.1", NOW)
    other = dataclasses.replace(
        one, **{field: {"hmac": TWO, "given_at": NOW + timedelta(days=1)}.get(field, "x")}
    )
    assert ledger.store.record_consents([one, one], NOW) == 1
    assert ledger.store.record_consents([other], NOW) == 1
    assert len(list(ledger.store.all_consents())) == 2


def test_an_older_ledger_keeps_its_opt_outs(tmp_path):
    """As step 1 left it: rows in `suppression` and no history."""
    path = tmp_path / "state.db"
    with open_store(path) as store:
        store.suppress(ONE, "*", "asked", "letter", NOW)
    with contextlib.closing(sqlite3.connect(path)) as raw:
        raw.executescript(
            "DROP TABLE opt_out; DROP TABLE consent; DROP TABLE debit; DROP TABLE rest; DROP TABLE event;"
            "DROP TABLE canary; DROP TABLE halt; DROP TABLE letter; DROP TABLE content; PRAGMA user_version = 1;"
        )
    with open_store(path) as store:
        (event,) = store.opt_out_history(ONE)
        assert (event.act, event.scope, event.reason, event.source, event.at) == (
            "suppress", "*", "asked", "letter", NOW,
        )  # fmt: skip
        assert store.opt_outs([ONE])


# --- at the claim


def test_whoever_leaves_the_list_by_which_they_would_get_it_is_looked_at_again(ledger):
    run = ledger.frozen(3)
    ledger.store.suppress(ledger.people[1].hmac, "partners", "asked", "page", ledger.now)

    def claim(**more):
        return ledger.store.claim(
            run.id, 1, owner=7, attempt_id="a", body_sha256=b"sha", now=ledger.now, **more
        )

    assert (
        claim(ids=[1, 2, 3], late={}, through={1: "members", 2: "partners", 3: "partners"}) is Claim.CHANGED
    )
    assert ledger.store.counts(run.id) == Counts(ready=3), "nothing was taken, nobody silenced"
    assert claim(ids=[1, 3], late={2: "suppressed"}, through={1: "members", 3: "partners"}) is Claim.CLAIMED
    assert ledger.states(run) == {1: "inflight", 2: "suppressed", 3: "inflight"}


def test_by_another_list_they_still_get_it(ledger):
    run = ledger.frozen(2)
    ledger.store.suppress(ledger.people[1].hmac, "partners", "asked", "page", ledger.now)
    answer = ledger.store.claim(
        run.id, 1, ids=[1, 2], late={}, owner=7, attempt_id="a", body_sha256=b"", now=ledger.now,
        through={1: "partners", 2: "members"},
    )  # fmt: skip
    assert answer is Claim.CLAIMED


# --- the spool


def test_what_is_spooled_holds_at_once_and_is_taken_in_by_the_next_claim(ledger, identity):
    run = ledger.frozen(3)
    ledger.store.spool_opt_outs([opted_out(ledger.people[1].hmac, "*", "asked", "page", NOW)])
    assert ledger.store.opt_outs([ledger.people[1].hmac])
    assert ledger.sql("SELECT count(*) FROM suppression") == [(0,)]
    _, answer = ledger.claim(run, ids=[1, 2, 3])
    assert answer is Claim.CHANGED
    assert ledger.sql("SELECT count(*) FROM suppression") == [(1,)]
    assert list((ledger.path.parent / "spool").iterdir()) == []
    assert ledger.states(run)[2] == "suppressed"
    identity(ledger.path)


def test_the_spool_is_heard_in_the_order_in_which_it_was_said(ledger):
    store = ledger.store
    store.spool_opt_outs(
        [opted_out(ONE, "*", "asked", "page", NOW), opted_out(TWO, "*", "asked", "page", NOW)]
    )
    store.spool_opt_outs([taken_back(ONE, "*", "undone", "page", NOW)])
    assert store.opt_outs() == {TWO: frozenset({"*"})}
    store.take_in_spooled()
    assert store.opt_outs() == {TWO: frozenset({"*"})}
    assert [act for act, _, _ in acts(ledger)] == ["suppress", "lift"]


def test_taken_in_twice_counts_once(ledger):
    """Killed after the commit and before the file was deleted."""
    store, folder = ledger.store, ledger.path.parent / "spool"
    store.spool_opt_outs([opted_out(ONE, "*", "asked", "page", NOW)])
    (file,) = folder.iterdir()
    again = file.read_bytes()
    store.take_in_spooled()
    store.lift(ONE, "*", "a slip", "command", NOW)
    file.write_bytes(again)
    assert store.opt_outs() == {}
    store.take_in_spooled()
    assert store.opt_outs() == {}
    assert len(acts(ledger)) == 2


def test_all_that_holds_counts_the_spool(ledger):
    ledger.store.suppress(TWO, "*", "asked", "command", NOW)
    ledger.store.suppress(TWO, "lista", "asked", "command", NOW)
    ledger.store.spool_opt_outs([opted_out(ONE, "*", "unsubscribed", "page", NOW)])
    ledger.store.spool_opt_outs([opted_out(TWO, "*", "again", "page", NOW)])
    ledger.store.spool_opt_outs([taken_back(TWO, "lista", "undone", "page", NOW)])
    held = [(one.hmac, one.scope, one.reason) for one in ledger.store.suppressions()]
    assert held == [(ONE, "*", "unsubscribed"), (TWO, "*", "asked")]
    ledger.store.take_in_spooled()
    assert [(one.hmac, one.scope, one.reason) for one in ledger.store.suppressions()] == held


def test_looking_counts_the_spool_and_leaves_it(ledger):
    ledger.store.spool_opt_outs([opted_out(ONE, "*", "asked", "page", NOW)])
    before = {path.name for path in (ledger.path.parent / "spool").iterdir()}
    looking = open_readonly(ledger.path)
    assert looking is not None
    with looking:
        assert set(looking.opt_outs()) == {ONE}
        assert [event.act for event in looking.opt_out_history(ONE)] == ["suppress"]
    assert {path.name for path in (ledger.path.parent / "spool").iterdir()} == before


def test_a_transaction_that_fails_leaves_the_spool(ledger):
    ledger.store.spool_opt_outs([opted_out(ONE, "*", "asked", "page", NOW)])
    with pytest.raises(ZeroDivisionError), ledger.store._heeding():
        raise ZeroDivisionError
    assert ledger.sql("SELECT count(*) FROM suppression") == [(0,)]
    assert ledger.store.opt_outs([ONE])


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[[1,2]]", b'[["a","zz","*","suppress","","",0]]', b"7", b"\xff"]
)
def test_a_damaged_file_stops_all_that_might_write_to_somebody(ledger, damage):
    run = ledger.frozen(1)
    folder = ledger.path.parent / "spool"
    Spool(folder).write([opted_out(ONE, "*", "asked", "page", NOW)])
    (file,) = folder.iterdir()
    file.write_bytes(damage)
    for ask in (ledger.store.opt_outs, lambda: ledger.claim(run), ledger.store.take_in_spooled):
        with pytest.raises(ConfigurationFault, match="S140") as caught:
            ask()
        assert file.name in str(caught.value)
    assert file.exists()


def test_half_written_files_are_no_opt_outs(ledger):
    folder = ledger.path.parent / "spool"
    folder.mkdir()
    (folder / ".0123.tmp").write_bytes(b"[[")
    ledger.store.take_in_spooled()
    assert ledger.store.opt_outs() == {}


def test_names_sort_as_things_were_said(tmp_path, monkeypatch):
    spool = Spool(tmp_path / "spool")
    monkeypatch.setattr("newsletter.store.spool.time.time_ns", lambda: 1_000)  # a clock that stands still
    for number in range(20):
        spool.write([opted_out(bytes([number]) * 16, "*", "asked", "page", NOW)])
    assert [event.hmac[0] for event in spool.read().events] == list(range(20))


# --- one person


def test_all_that_was_sent_to_one_person(ledger):
    run = ledger.frozen(5, size=2)
    attempt = ledger.claimed(run, 2)
    ledger.store.finish(attempt, state="accepted", exceptions={4: ("rejected", "no such mailbox")}, now=NOW)
    ledger.store.enrol("local", "tips", ledger.people[3:4], NOW)
    history = ledger.store.history(ledger.people[3].hmac)
    assert history.email == ledger.people[3].email
    (received,) = history.received
    assert (received.campaign, received.state, received.reason, received.at) == (
        "recap", "rejected", "no such mailbox", NOW,
    )  # fmt: skip
    assert [(one.sequence, one.step, one.state) for one in history.sequences] == [("tips", None, "active")]
    assert ledger.store.history(ledger.people[2].hmac).received[0].state == "accepted"
    assert ledger.store.history(ledger.people[4].hmac).received[0].state == "ready"
    assert ledger.store.history(b"9" * 16).email is None


def test_forgetting_is_not_done_while_somebody_reads_what_was(ledger):
    """The journal keeps the page for them, and the address with it: that is said, and the next call ends it."""
    ledger.frozen(3)
    who = ledger.people[1]
    with contextlib.closing(sqlite3.connect(ledger.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM subscriber").fetchone()
        with open_store(ledger.path, patience_s=0.05) as store, pytest.raises(ProviderUnavailable) as locked:
            store.forget(who.hmac)
    assert [one.code for one in locked.value.problems] == ["R105"]
    ledger.store.forget(who.hmac)
    assert not any(who.email.encode() in path.read_bytes() for path in ledger.path.parent.glob("state.db*"))


def test_forgetting_leaves_no_byte_of_the_address(ledger, identity):
    run = ledger.frozen(5)
    who = ledger.people[1]
    ledger.store.suppress(who.hmac, "*", "asked", "page", NOW)
    copy = ledger.path.with_name("state.db.before-9")
    copy.write_bytes(b"")
    with (
        contextlib.closing(sqlite3.connect(ledger.path)) as raw,
        contextlib.closing(sqlite3.connect(copy)) as to,
    ):
        raw.backup(to)
    assert ledger.store.forget(who.hmac) == 2
    assert ledger.store.forget(who.hmac) == 0
    for path in ledger.path.parent.iterdir():
        if path.is_file():
            assert who.email.encode() not in path.read_bytes(), path.name
            assert who.key.encode() not in path.read_bytes(), path.name
    assert ledger.store.opt_outs([who.hmac])
    _, answer = ledger.claim(run, ids=[1, 3, 4, 5])
    assert answer is Claim.CLAIMED
    assert ledger.states(run)[2] == "suppressed"
    identity(ledger.path)
