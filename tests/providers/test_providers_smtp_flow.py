"""A live send from the command line through a relay on loopback: each one once, whatever the relay says."""

import re
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from .relay import DROP, Relay

LIVE = ("--env", "production")


@pytest.fixture
def live(small: Path, relay: Relay, newsletter: Any) -> Path:
    """The small project with an environment `production`, whose ledger is committed."""
    with (small / "newsletter.toml").open("a", encoding="utf-8") as file:
        file.write(
            '\n[env.production]\nprovider = "smtp"\npublic_url = "https://brev.example.org"\n'
            '[env.production.delivery]\nretry_first = "1s"\n'
            f'[env.production.smtp]\nhost = "127.0.0.1"\nport = {relay.port}\ntls = "none"\n'
        )
    told = newsletter("-C", small, "send", "hej", *LIVE, "--confirm", "3")
    found = re.search(r'ledger = "[^"]+"', told.err)
    assert told.code == 6
    assert found, told.err
    settings = small / "newsletter.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(
        text.replace("[env.production]\n", f"[env.production]\n{found[0]}\n"), encoding="utf-8"
    )
    return small


def send(project: Path, newsletter: Any) -> Any:
    return newsletter("-C", project, "send", "hej", *LIVE, "--confirm", "3", "--json")


def status(project: Path, newsletter: Any) -> Any:
    return newsletter("-C", project, "status", "hej", *LIVE, "--json").data


def recipients(relay: Relay) -> Counter[str]:
    return Counter(mail.recipient for mail in relay.mails)


def test_everybody_gets_it_once(live: Path, relay: Relay, newsletter: Any) -> None:
    sent = send(live, newsletter)
    assert (sent.code, sent.data["counts"]["accepted"]) == (0, 3)
    assert recipients(relay) == {"asa@example.org": 1, "bo@example.org": 1, "eva@example.org": 1}
    assert send(live, newsletter).data["already"]
    assert len(relay.mails) == 3


def test_who_is_put_off_goes_again_and_the_others_do_not(live: Path, relay: Relay, newsletter: Any) -> None:
    relay.say["rcpt"] = ["450 4.2.0 greylisted", "250 ok", "450 4.2.0 greylisted"]
    sent = send(live, newsletter)
    assert (sent.code, sent.data["counts"]["accepted"]) == (0, 3)
    assert set(recipients(relay).values()) == {1}


def test_who_does_not_exist_is_rejected_and_the_others_go(live: Path, relay: Relay, newsletter: Any) -> None:
    relay.say["rcpt"] = ["550 5.1.1 no such user"]
    counts = send(live, newsletter).data["counts"]
    assert (counts["accepted"], counts["rejected"]) == (2, 1)
    assert len(relay.mails) == 2


def test_a_relay_that_takes_the_text_and_falls_silent_leaves_one_in_doubt(
    live: Path, relay: Relay, newsletter: Any
) -> None:
    relay.say["text"] = [DROP]
    assert send(live, newsletter).code == 7
    counts = status(live, newsletter)["counts"]
    assert (counts["accepted"] + counts["unknown"], counts["unknown"]) == (3, 1)
    assert set(recipients(relay).values()) == {1}
    assert newsletter("-C", live, "resolve", "hej", *LIVE, "--assume-sent").code == 0
    assert status(live, newsletter)["state"] == "done"
    assert len(relay.mails) == 3


def test_a_sender_that_is_refused_stops_it_with_nobody_lost(
    live: Path, relay: Relay, newsletter: Any
) -> None:
    relay.say["mail"] = "550 5.7.1 this sender may not"
    called = newsletter("-C", live, "send", "hej", *LIVE, "--confirm", "3")
    assert called.code == 4, "it is the settings that have to be mended"
    assert "this sender may not" in called.err
    assert status(live, newsletter)["counts"]["ready"] == 3
    relay.say.clear()
    assert send(live, newsletter).code == 6, "it is paused until somebody has looked"
    assert newsletter("-C", live, "resume", "hej", *LIVE).code == 0
    assert send(live, newsletter).code == 0
    assert set(recipients(relay).values()) == {1}


def test_whoever_is_put_off_for_a_day_is_rejected_as_expired(
    live: Path, relay: Relay, newsletter: Any
) -> None:
    settings = live / "newsletter.toml"
    settings.write_text(
        settings.read_text(encoding="utf-8").replace('retry_first = "1s"', 'retry_first = "10 minutes"'),
        encoding="utf-8",
    )
    relay.say["rcpt"] = ["450 4.2.0 greylisted"]
    assert send(live, newsletter).code == 5, "too long to wait for"
    assert status(live, newsletter)["counts"]["ready"] == 1
    ledger = live / ".newsletter" / "state.db"

    def a_day_passes(tries: int) -> None:
        with sqlite3.connect(ledger) as raw:
            raw.execute("UPDATE attempt SET started_at = started_at - 25 * 3600000")
            raw.execute("UPDATE batch SET not_before = 0, tries = ?", [tries])

    a_day_passes(2)
    relay.say["rcpt"] = ["450 4.2.0 greylisted"]
    assert send(live, newsletter).code == 5, "a day in which nobody tried is no day"
    a_day_passes(9)
    relay.say["rcpt"] = ["450 4.2.0 greylisted"]
    sent = send(live, newsletter)
    assert (sent.code, sent.data["counts"]["rejected"], sent.data["counts"]["accepted"]) == (0, 1, 2)
    with sqlite3.connect(ledger) as raw:
        ((reason,),) = raw.execute(
            "SELECT coalesce((SELECT reason FROM outcome WHERE state = 'rejected'), (SELECT detail FROM attempt "
            "WHERE state = 'rejected'))"
        )
    assert "expired: 450 4.2.0 greylisted" in reason


def test_an_address_that_does_not_exist_is_not_written_to_by_the_next_campaign(
    live: Path, relay: Relay, newsletter: Any
) -> None:
    relay.say["rcpt"] = ["550 5.1.1 no such user", "550 5.7.1 not from you"]
    assert send(live, newsletter).data["counts"]["rejected"] == 2
    rehearsed = newsletter("-C", live, "send", "hej", "--dry-run", *LIVE, "--json")
    assert (rehearsed.data["recipients"], rehearsed.data["excluded"]["suppressed"]) == (2, 1)


def test_people_beyond_ascii_get_mail_where_the_relay_takes_it(
    live: Path, relay: Relay, newsletter: Any
) -> None:
    (live / "subscribers" / "lista.csv").write_text(
        "email,first_name,city\nåsa@example.org,Åsa,Visby\nbo@räksmörgås.example,Bo,Lund\n", encoding="utf-8"
    )
    without = newsletter("-C", live, "send", "hej", "--dry-run", *LIVE, "--json").data
    assert (without["recipients"], without["excluded"]["smtputf8"]) == (1, 1)
    settings = live / "newsletter.toml"
    settings.write_text(
        settings.read_text(encoding="utf-8").replace(
            "[env.production.smtp]\n", "[env.production.smtp]\nsmtputf8 = true\n"
        ),
        encoding="utf-8",
    )
    relay.utf8 = True
    sent = newsletter("-C", live, "send", "hej", *LIVE, "--confirm", "2", "--json")
    assert (sent.code, sent.data["counts"]["accepted"]) == (0, 2)
    assert set(recipients(relay)) == {"åsa@example.org", "bo@xn--rksmrgs-5wao1o.example"}


@pytest.mark.parametrize("command", ["pause", "cancel"])
def test_a_slow_relay_is_left_within_a_second(
    live: Path, relay: Relay, newsletter: Any, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Twenty go in a group over one connection: at half a second each the rest of it is ten seconds."""
    rows = "".join(f"p{n:02}@example.org,P,Visby\n" for n in range(20))
    (live / "subscribers" / "lista.csv").write_text("email,first_name,city\n" + rows, encoding="utf-8")
    real, taken, third = relay._word, [], threading.Event()

    def slow(stage: str, otherwise: str) -> str:
        if stage == "text":
            time.sleep(0.5)
            taken.append(time.monotonic())
            if len(taken) == 3:
                third.set()
        return real(stage, otherwise)

    monkeypatch.setattr(relay, "_word", slow)
    sending = subprocess.Popen(
        [sys.executable, "-m", "newsletter", "-C", live, *LIVE, "send", "hej", "--confirm", "20"],
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert third.wait(60)
    assert newsletter("-C", live, command, "hej", *LIVE).code == 0
    halted = time.monotonic()
    _, err = sending.communicate(timeout=60)
    assert (sending.returncode, taken[-1] - halted < 1) == (6, True), err
    counts = status(live, newsletter)["counts"]
    assert (counts["accepted"], counts["unknown"], counts["inflight"]) == (len(taken), 0, 0)
    assert counts["ready" if command == "pause" else "suppressed"] == 20 - len(taken)
    assert len(taken) < 20
    monkeypatch.undo()
    if command == "pause":
        assert newsletter("-C", live, "resume", "hej", *LIVE).code == 0
        assert newsletter("-C", live, "send", "hej", *LIVE).code == 0
        assert set(recipients(relay).values()) == {1}
        assert len(relay.mails) == 20


def test_a_relay_that_is_busy_for_a_day_expires_nobody(
    live: Path, relay: Relay, newsletter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It greets nobody: that is an outage of the relay, and not somebody whose mail it put off."""
    monkeypatch.setattr("newsletter.delivery.answers.RETRY_FIRST_S", 0.0)
    relay.say["connect"] = "421 4.3.2 too busy"
    called = newsletter("-C", live, "send", "hej", *LIVE, "--confirm", "3")
    assert (called.code, "G131" in called.err, "too busy" in called.err) == (5, True, True), called.err
    with sqlite3.connect(live / ".newsletter" / "state.db") as raw:
        raw.execute("UPDATE attempt SET started_at = started_at - 25 * 3600000")
        raw.execute("UPDATE batch SET not_before = 0, tries = 9")
    assert newsletter("-C", live, "send", "hej", *LIVE).code == 5
    assert status(live, newsletter)["counts"]["ready"] == 3
    relay.say.clear()
    assert send(live, newsletter).data["counts"]["accepted"] == 3


def test_whoever_is_put_off_waits_longer_each_time_half_an_hour_at_most_and_a_day_in_all(
    live: Path, relay: Relay, newsletter: Any
) -> None:
    settings = live / "newsletter.toml"
    settings.write_text(
        settings.read_text(encoding="utf-8").replace('retry_first = "1s"', 'retry_first = "10 minutes"'),
        encoding="utf-8",
    )
    ledger, relay.say["rcpt"] = live / ".newsletter" / "state.db", "450 4.2.0 greylisted"

    def waits() -> float:
        """Minutes that all of them wait after one more try."""
        with sqlite3.connect(ledger) as raw:
            if raw.execute("SELECT count(*) FROM batch").fetchone()[0]:
                raw.execute("UPDATE batch SET not_before = 0")
        called = newsletter("-C", live, "send", "hej", *LIVE, "--confirm", "3")
        now = time.time()
        assert (called.code, "G133" in called.err) == (5, True), called.err
        with sqlite3.connect(ledger) as raw:
            ((due,),) = raw.execute("SELECT DISTINCT not_before FROM batch WHERE state = 'ready'")
        return float(due / 1000 - now) / 60

    for plain in (10, 20, 30, 30, 30):
        assert 0.9 * plain - 1 < waits() <= 1.1 * plain
    with sqlite3.connect(ledger) as raw:
        raw.execute("UPDATE attempt SET started_at = started_at - 23 * 3600000")
    waits()
    assert status(live, newsletter)["counts"]["ready"] == 3, "not before the day is over"
    with sqlite3.connect(ledger) as raw:
        raw.execute("UPDATE attempt SET started_at = started_at - 3600000")
        raw.execute("UPDATE batch SET not_before = 0")
    sent = send(live, newsletter)
    assert (sent.code, sent.data["counts"]["rejected"]) == (0, 3)
