"""pause, resume, cancel, the breaker and the canary, with senders that are other processes and a SendGrid on loopback."""

import contextlib
import os
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from email.utils import formatdate

import pytest

KEY = "SG.live-flow-key.never-shown"
LIVE = ("--env", "production")
PEOPLE = 40


@pytest.fixture
def live(small, stub, newsletter, monkeypatch):
    """Forty people, one a request, no canary unless a test wants one; this ledger may send live."""
    monkeypatch.setenv("SENDGRID_API_KEY", KEY)
    monkeypatch.setenv("NEWSLETTER_SENDGRID__BASE_URL", stub.url)
    rows = "".join(f"p{n}@example.org,P,Visby\n" for n in range(PEOPLE))
    (small / "subscribers" / "lista.csv").write_text("email,first_name,city\n" + rows, encoding="utf-8")
    settings = small / "newsletter.toml"
    text = settings.read_text(encoding="utf-8")
    made = '\n[delivery]\nbatch_size = 1\ncanary = 0\n[env.production]\nprovider = "sendgrid"\npublic_url = "https://brev.example.org"\n'
    settings.write_text(text + made, encoding="utf-8")
    told = newsletter("-C", small, "send", "hej", *LIVE, "--confirm", str(PEOPLE))
    line = re.search(r'ledger = "[^"]+"', told.err)
    assert line, told.err
    settings.write_text(text + made + line[0] + "\n", encoding="utf-8")
    return small


@pytest.fixture
def sender(live):
    """Starts the program as another process; whatever is left of it ends with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*command: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", "newsletter", "-C", live, *LIVE, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env=os.environ,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.communicate()


def until(what, seconds: float = 60.0) -> None:
    """Wait until something holds; it is a failure when it never does."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.02)


def status(live, newsletter) -> dict:
    return newsletter("-C", live, "status", "hej", *LIVE, "--json").data


def gate(stub):
    """The first request is answered when the test lets it; all others at once."""
    inside, go = threading.Event(), threading.Event()

    def held(exchange):
        inside.set()
        go.wait(60)
        exchange.reply(202, {"X-Message-Id": "Tk0-abc_1.filter"})

    stub.behaviours = [held]
    return inside, go


def test_pause_reaches_a_sender_inside_a_request_and_the_request_finishes(live, stub, newsletter, sender):
    inside, go = gate(stub)
    process = sender("send", "hej", "--confirm", str(PEOPLE))
    assert inside.wait(60)
    paused = newsletter("-C", live, "pause", "hej", *LIVE, "--reason", "fel datum")
    assert (paused.code, "1 are being handed over" in paused.out) == (0, True), paused.out
    answered = time.monotonic()
    go.set()
    _, err = process.communicate(timeout=60)
    assert time.monotonic() - answered < 5, "it ended on the answer, and did not go on"
    assert (process.returncode, "G140" in err, "fel datum" in err) == (6, True, True)
    assert len(stub.requests) == 1
    told = status(live, newsletter)
    assert (told["state"], told["counts"]["accepted"], told["counts"]["ready"]) == ("paused", 1, PEOPLE - 1)
    assert (told["halt"]["word"], told["halt"]["reason"]) == ("paused", "fel datum")
    assert newsletter("-C", live, "status", "--check", *LIVE).code == 7
    assert newsletter("-C", live, "send", "hej", *LIVE).code == 6
    ticked = newsletter("-C", live, "run", *LIVE)
    assert (ticked.code, len(stub.requests)) == (0, 1)
    resumed = newsletter("-C", live, "resume", "hej", *LIVE)
    assert (resumed.code, f"1 of {PEOPLE} already went" in resumed.out) == (0, True)
    assert newsletter("-C", live, "send", "hej", *LIVE).code == 0
    assert max(Counter(stub.sids).values()) == 1
    assert len(stub.requests) == PEOPLE


def test_pause_reaches_a_sender_that_waits_for_the_provider(live, stub, newsletter, sender):
    headers = {"Date": formatdate(usegmt=True), "X-RateLimit-Reset": str(int(time.time()) + 200)}
    stub.behaviours = [lambda exchange: exchange.reply(429, headers)]
    process = sender("send", "hej", "--confirm", str(PEOPLE))
    until(lambda: stub.requests)
    until(lambda: status(live, newsletter)["counts"]["inflight"] == 0)
    began = time.monotonic()
    assert newsletter("-C", live, "pause", "hej", *LIVE).code == 0
    process.communicate(timeout=60)
    assert time.monotonic() - began < 20, "it did not wait for the provider's 200 s"
    assert (process.returncode, len(stub.requests)) == (6, 1)


def test_of_two_senders_none_goes_on_and_none_spins(live, stub, newsletter, sender):
    slow = threading.Event()

    def slowly(exchange):
        slow.wait(0.2)
        exchange.reply(202, {"X-Message-Id": "Tk0-abc_1.filter"})

    stub.behaviours = [slowly] * PEOPLE
    first = sender("send", "hej", "--confirm", str(PEOPLE))
    until(lambda: stub.requests)
    second = sender("send", "hej")
    until(lambda: len(stub.requests) >= 4)
    assert newsletter("-C", live, "pause", "hej", *LIVE).code == 0
    number = len(stub.requests)
    for process in first, second:
        process.communicate(timeout=60)
        assert process.returncode == 6
    assert len(stub.requests) <= number + 1
    counts = status(live, newsletter)["counts"]
    assert (counts["inflight"], counts["unknown"]) == (0, 0)
    assert counts["accepted"] == len(stub.requests) == len(set(stub.sids))


def test_cancel_settles_whoever_was_not_reached(live, stub, newsletter, sender):
    inside, go = gate(stub)
    process = sender("send", "hej", "--confirm", str(PEOPLE))
    assert inside.wait(60)
    cancelled = newsletter("-C", live, "cancel", "hej", *LIVE, "--json")
    assert (cancelled.code, cancelled.data["counts"]["suppressed"]) == (0, PEOPLE - 1)
    go.set()
    _, err = process.communicate(timeout=60)
    assert (process.returncode, "G148" in err) == (6, True), err
    told = status(live, newsletter)
    assert (told["state"], told["counts"]["accepted"], told["counts"]["suppressed"]) == (
        "cancelled",
        1,
        PEOPLE - 1,
    )
    assert sum(told["counts"].values()) == told["total"] == PEOPLE
    assert newsletter("-C", live, "send", "hej", *LIVE).code == 6
    assert newsletter("-C", live, "resume", "hej", *LIVE).code == 6
    shown = newsletter("-C", live, "subscriber", "show", "p39@example.org", *LIVE, "--json").data["received"]
    assert [(one["state"], one["reason"]) for one in shown] in (
        [("suppressed", "cancelled")],
        [("accepted", "")],
    )


def test_what_was_in_flight_and_comes_back_after_a_cancel_is_not_sent_again(live, stub, newsletter, sender):
    inside, go = threading.Event(), threading.Event()

    def later_no(exchange):
        inside.set()
        go.wait(60)
        exchange.reply(429, {})

    stub.behaviours = [later_no]
    process = sender("send", "hej", "--confirm", str(PEOPLE))
    assert inside.wait(60)
    assert newsletter("-C", live, "cancel", "hej", *LIVE).code == 0
    go.set()
    process.communicate(timeout=60)
    counts = status(live, newsletter)["counts"]
    assert (counts["ready"], counts["suppressed"], len(stub.requests)) == (0, PEOPLE, 1)


def test_what_is_not_under_way_can_be_neither_paused_nor_cancelled(live, stub, newsletter):
    for verb in "pause", "resume", "cancel":
        refused = newsletter("-C", live, verb, "hej", *LIVE)
        assert (refused.code, "G149" in refused.err) == (6, True)
        assert newsletter("-C", live, verb, "hejsan", *LIVE).code == 2


# --- what pauses by itself


def test_a_provider_that_refuses_pauses_and_cron_asks_no_more(live, stub, newsletter):
    stub.behaviours = [lambda exchange: exchange.reply(401, {}, b'{"errors":[{"message":"bad key"}]}')]
    assert newsletter("-C", live, "send", "hej", *LIVE, "--confirm", str(PEOPLE)).code == 4
    for _ in range(2):
        assert newsletter("-C", live, "run", *LIVE).code == 0
    assert len(stub.requests) == 1
    told = newsletter("-C", live, "status", "hej", *LIVE)
    assert "paused since" in told.out
    assert "bad key" in told.out
    assert newsletter("-C", live, "resume", "hej", *LIVE).code == 0
    assert newsletter("-C", live, "send", "hej", *LIVE).code == 0
    assert len(stub.requests) == PEOPLE + 1


def test_an_outage_without_answers_pauses(live, stub, newsletter):
    stub.behaviours = [lambda exchange: exchange.reply(500, {}, b"")] * PEOPLE
    assert newsletter("-C", live, "send", "hej", *LIVE, "--confirm", str(PEOPLE)).code == 7
    told = status(live, newsletter)
    assert (told["state"], told["counts"]["unknown"], told["counts"]["ready"]) == ("paused", 3, PEOPLE - 3)
    assert "without an answer" in told["halt"]["reason"]
    assert newsletter("-C", live, "run", *LIVE).code == 0
    assert newsletter("-C", live, "resolve", "hej", *LIVE, "--assume-sent").code == 0
    assert newsletter("-C", live, "send", "hej", *LIVE).code == 6, "it is still paused"
    stub.behaviours = []
    assert newsletter("-C", live, "resume", "hej", *LIVE).code == 0
    assert newsletter("-C", live, "send", "hej", *LIVE).code == 0
    assert len(stub.requests) == PEOPLE


# --- the canary


def canary(live, number: int) -> None:
    file = live / "newsletter.toml"
    file.write_text(
        file.read_text(encoding="utf-8").replace("canary = 0", f"canary = {number}\nbreaker = 99"),
        encoding="utf-8",
    )


def refused(exchange):
    exchange.reply(400, {}, b'{"errors":[{"message":"no","field":"personalizations.0.to.0.email"}]}')


@pytest.mark.parametrize(("bad", "goes_on"), [(0, True), (1, True), (2, False)])
def test_a_canary_that_fails_spares_the_others(live, stub, newsletter, bad, goes_on):
    """Of twenty one may fail, two may not: above 5 %."""
    canary(live, 20)
    stub.behaviours = [refused] * bad
    sent = newsletter("-C", live, "send", "hej", *LIVE, "--confirm", str(PEOPLE))
    assert sent.code == (0 if goes_on else 6), sent.err
    assert len(stub.requests) == (PEOPLE if goes_on else 20)
    told = status(live, newsletter)
    if goes_on:
        assert (told["state"], told["counts"]["rejected"]) == ("done", bad)
        return
    assert "G125" in sent.err
    assert (told["state"], told["counts"]["ready"]) == ("paused", PEOPLE - 20)
    assert "canary" in told["halt"]["reason"]
    assert newsletter("-C", live, "run", *LIVE).code == 0
    assert len(stub.requests) == 20
    stub.behaviours = [refused] * 10
    assert newsletter("-C", live, "resume", "hej", *LIVE).code == 0
    assert newsletter("-C", live, "send", "hej", *LIVE).code == 0, "somebody has looked: it is not repeated"
    assert len(stub.requests) == PEOPLE


def test_the_unknown_count_as_failed_and_what_was_put_off_does_not(live, stub, newsletter):
    canary(live, 10)
    later = [lambda exchange: exchange.reply(429, {"X-RateLimit-Reset": "1"})] * 3
    stub.behaviours = [*later, lambda exchange: exchange.reply(500, {})]
    sent = newsletter("-C", live, "send", "hej", *LIVE, "--confirm", str(PEOPLE))
    assert (sent.code, "1 of the first 10 failed" in sent.err) == (6, True), sent.err
    assert status(live, newsletter)["counts"]["unknown"] == 1
    assert len(stub.requests) == 13


def test_while_the_canary_flies_nobody_else_is_sent_to(live, stub, newsletter, sender):
    canary(live, 2)
    inside, go = gate(stub)
    first = sender("send", "hej", "--confirm", str(PEOPLE))
    assert inside.wait(60)
    second = sender("send", "hej")
    until(lambda: len(stub.requests) == 2)
    time.sleep(0.5)  # time enough to do wrong
    assert len(stub.requests) == 2
    go.set()
    for process in first, second:
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert len(stub.requests) == len(set(stub.sids)) == PEOPLE
