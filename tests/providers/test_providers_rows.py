"""Rows of the tables of answers that only a fault at one certain moment shows, and what the sender makes of a retry."""

import json
import socket
import struct
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from newsletter.delivery.answers import Answers
from newsletter.errors import ChecksFailed
from newsletter.providers.protocol import Answer, Parcel
from newsletter.providers.sendgrid import SendGrid
from newsletter.providers.smtp import COMMAND_S, CONNECT_S, TEXT_S, Smtp
from newsletter.providers.wire import Wire

from .live import go_live, send
from .relay import DROP, Relay

Make = Callable[..., Parcel]
R, X, OK = Answer.RETRY, Answer.REJECTED, Answer.ACCEPTED


@pytest.fixture
def smtp(relay: Relay) -> Iterator[Smtp]:
    provider = Smtp("127.0.0.1", relay.port, tls="none", connections=1, connect_s=2, command_s=2, text_s=2)
    yield provider
    provider.close()


def hand_over(provider: Smtp, parcel: Make) -> Any:
    return provider.hand_over(provider.prepare([parcel("sid0", "p0@example.org")]))


# --- SMTP


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "text"])
def test_a_server_that_closes_has_taken_nothing_whatever_else_it_says(
    relay: Relay, smtp: Smtp, parcel: Make, stage: str
) -> None:
    """421 instead of an answer (RFC 5321 \u00a73.8), also where its enhanced code sounds final."""
    relay.say[stage] = "421 5.7.0 closing"
    outcome = hand_over(smtp, parcel)
    assert (outcome.answer, outcome.gone, relay.mails) == (R, frozenset(), [])
    assert outcome.pause == (stage == "mail"), "of the sender it is told for good"
    relay.say.clear()
    assert hand_over(smtp, parcel).answer is OK
    assert relay.connections == 2, "that connection is not used again"


def test_what_is_said_of_the_text_takes_no_address_out(relay: Relay, smtp: Smtp, parcel: Make) -> None:
    """Only at RCPT it is the address that is judged."""
    relay.say["text"] = "550 5.1.1 no such user behind this gateway"
    outcome = hand_over(smtp, parcel)
    assert (outcome.answer, outcome.gone) == (X, frozenset())


@pytest.mark.parametrize("stage", ["mail", "rcpt", "text"])
def test_a_quota_is_known_by_its_code_alone(relay: Relay, smtp: Smtp, parcel: Make, stage: str) -> None:
    relay.say[stage] = "550 5.4.5 Kom tillbaka i morgon"
    outcome = smtp.hand_over(smtp.prepare([parcel(f"sid{n}", f"p{n}@example.org") for n in range(5)]))
    assert (outcome.answer, outcome.quota, outcome.pause, relay.mails) == (R, True, False, [])
    assert sum(command.startswith("MAIL") for command in relay.commands) == 1, "and nobody else is tried"


def test_a_handshake_that_is_cut_off_is_an_outage_and_nobodys_fault(relay: Relay, parcel: Make) -> None:
    """A relay that restarts: the next tick tries again, and no human has to resume anything."""

    def talk(connection: socket.socket, _closing: object) -> None:
        connection.recv(1)  # of the hello of TLS

    relay._talk = talk  # type: ignore[method-assign]
    for tls in ("implicit", "starttls"):
        outcome = hand_over(Smtp("127.0.0.1", relay.port, tls=tls, connect_s=2, command_s=2), parcel)
        assert (outcome.answer, outcome.pause) == (R, False), outcome.detail


def test_starttls_that_is_promised_and_then_cut_off(relay: Relay, parcel: Make) -> None:
    relay.say["ehlo"] = "250-relay\r\n250 STARTTLS"
    relay.say["starttls"] = "220 go ahead"  # and no TLS comes
    relay.say["mail"] = DROP
    smtp = Smtp("127.0.0.1", relay.port, username="hej", password="hemligt", connect_s=1, command_s=0.3)
    outcome = hand_over(smtp, parcel)
    assert (outcome.answer, relay.mails) == (R, [])
    assert not any(command.startswith(("AUTH", "MAIL")) for command in relay.commands)


@pytest.mark.parametrize("stage", ["rcpt", "data", "text"])
def test_whoever_is_refused_is_cleared_away_before_the_next_begins(
    relay: Relay, smtp: Smtp, parcel: Make, stage: str
) -> None:
    """A second MAIL in one dialogue is a 503 (RFC 5321 \u00a74.1.4), which would be taken for a refusal of the sender."""
    relay.say[stage] = ["550 5.6.0 not that one"]
    parcels = [parcel(f"sid{n}", f"p{n}@example.org") for n in range(3)]
    outcome = smtp.hand_over(smtp.prepare(parcels))
    assert (outcome.exceptions["sid0"][0], len(relay.mails)) == (X, 2)
    verbs = [command.split(" ")[0].split(":")[0] for command in relay.commands]
    first, second, third = [at for at, verb in enumerate(verbs) if verb == "MAIL"]
    assert verbs[first:second].count("RSET") == 1
    assert "RSET" not in verbs[second:third], "nothing is to be cleared away behind one that was taken"


def test_a_kept_connection_whose_server_took_its_leave_puts_nobody_off(
    relay: Relay, smtp: Smtp, parcel: Make
) -> None:
    """Nobody spoke for five minutes: what comes as the answer to MAIL was said long before."""
    assert hand_over(smtp, parcel).answer is OK
    relay.say["mail"] = ["421 4.4.2 timeout exceeded"]
    again = hand_over(smtp, parcel)
    assert (again.answer, again.put_off, relay.connections, len(relay.mails)) == (OK, frozenset(), 2, 2)
    relay.say["mail"] = "421 4.3.2 shutting down"
    third = hand_over(smtp, parcel)
    assert (third.answer, relay.connections, len(relay.mails)) == (R, 3, 2), "a fresh one is believed"


@pytest.mark.parametrize("said", [DROP, "421 4.3.2 too busy"])
def test_a_relay_that_is_away_is_tried_once_a_group(
    relay: Relay, smtp: Smtp, parcel: Make, said: str
) -> None:
    relay.say["connect"] = said
    parcels = [parcel(f"sid{n}", f"p{n}@example.org") for n in range(8)]
    outcome = smtp.hand_over(smtp.prepare(parcels))
    assert (outcome.answer, outcome.exceptions, relay.connections) == (R, {}, 1)


@pytest.mark.parametrize("sign", ["\0", "\r", "\n", "\r\nRCPT TO:<all@example.org>", " ", "<", ">"])
@pytest.mark.parametrize("whose", ["recipient", "bounce"])
def test_nothing_in_an_address_ends_a_command(relay: Relay, parcel: Make, sign: str, whose: str) -> None:
    bounce, recipient = "studs@bounce.example", f"a{sign}b@example.org"
    if whose == "bounce":
        bounce, recipient = f"st{sign}uds@bounce.example", "a@example.org"
    smtp = Smtp("127.0.0.1", relay.port, tls="none", bounce_address=bounce)
    with pytest.raises(ChecksFailed):
        smtp.prepare([parcel("sid0", recipient)])
    assert relay.commands == []


def test_how_long_each_stage_may_take() -> None:
    """RFC 5321 \u00a74.5.3.2.6: ten minutes for the dot; who gives up earlier makes doubles."""
    assert (CONNECT_S, COMMAND_S, TEXT_S) == (5, 60, 600)
    smtp = Smtp("relay.example.org", 587)
    assert (smtp.connect_s, smtp.command_s, smtp.text_s) == (CONNECT_S, COMMAND_S, TEXT_S)


def test_whoever_asks_for_a_stop_gets_it_between_two_messages(relay: Relay, smtp: Smtp, parcel: Make) -> None:
    asked: list[int] = []

    def stop() -> bool:
        asked.append(len(relay.mails))
        return len(relay.mails) >= 3

    parcels = [parcel(f"sid{n}", f"p{n}@example.org") for n in range(9)]
    outcome = smtp.hand_over(smtp.prepare(parcels), stop)
    assert len(relay.mails) == 3
    assert outcome.answer is R
    assert outcome.exceptions == {f"sid{n}": (OK, "") for n in range(3)}
    assert (outcome.put_off, outcome.pause, outcome.retry_after_s) == (frozenset(), False, None)
    assert 0 not in asked, "the first was claimed to go"


# --- SendGrid


def test_a_body_that_nobody_reads_is_a_doubt(stub: Any, parcel: Make) -> None:
    """A part of it is at the other side already, however long the rest of it waits to be written."""

    def reads_nothing(exchange: Any) -> None:
        exchange.stub.end.wait(10)

    reads_nothing.reads_nothing = True  # type: ignore[attr-defined]
    stub.behaviours = [reads_nothing]
    provider = SendGrid("SG.x", base_url=stub.url, connect_s=1.0, read_s=0.3)
    outcome = provider.hand_over(provider.prepare([parcel(html="x" * 20_000_000)]))
    assert (outcome.answer, "in the middle of the request" in outcome.detail) == (Answer.UNKNOWN, True)
    provider.close()


def test_a_kept_connection_that_is_reset_before_the_body_is_a_retry(
    stub: Any, parcel: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look whether it is still open and the first byte: the body had not begun."""

    def accept_and_reset(exchange: Any) -> None:
        exchange.reply(202, {"X-Message-Id": "abc"})
        exchange.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        exchange.close_connection = True

    stub.behaviours = [accept_and_reset]
    provider = SendGrid("SG.x", base_url=stub.url, connect_s=1.0, read_s=1.0)
    assert provider.hand_over(provider.prepare([parcel("one")])).answer is OK
    assert stub.closed.acquire(timeout=5)
    monkeypatch.setattr(Wire, "_fresh", lambda wire: wire._kept)  # it has not seen it yet
    outcome = provider.hand_over(provider.prepare([parcel("two")]))
    assert (outcome.answer, outcome.pause) == (R, False), outcome.detail
    assert stub.sids == ["one"]
    monkeypatch.undo()
    assert provider.hand_over(provider.prepare([parcel("two")])).answer is OK
    provider.close()


@pytest.mark.parametrize("status", [301, 303, 308])
def test_no_kind_of_redirect_is_followed(sendgrid: SendGrid, stub: Any, parcel: Make, status: int) -> None:
    stub.behaviours = [lambda exchange: exchange.reply(status, {"Location": "/v3/elsewhere"}, b"")]
    outcome = sendgrid.hand_over(sendgrid.prepare([parcel()]))
    assert (outcome.answer, len(stub.requests), stub.gets) == (Answer.UNKNOWN, 1, [])


# --- what the sender makes of it


@pytest.mark.parametrize("retries", range(1, 16))
def test_a_backoff_doubles_up_to_its_cap_with_a_little_jitter(retries: int) -> None:
    plain = min(30.0, 0.1 * 2 ** (retries - 1))
    several = {Answers._backoff(SimpleNamespace(_retries=retries)).total_seconds() for _ in range(40)}  # type: ignore[arg-type]
    assert 0.9 * plain <= min(several) < max(several) <= 1.1 * plain


def test_a_429_that_names_no_time_is_met_with_longer_and_longer_pauses(
    small: Path, stub: Any, newsletter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.x")
    monkeypatch.setenv("NEWSLETTER_SENDGRID__BASE_URL", stub.url)
    go_live(small, newsletter, 3, 'provider = "sendgrid"\n')
    asked: list[float] = []

    def busy(exchange: Any) -> None:
        asked.append(time.monotonic())
        past = {"X-RateLimit-Reset": "1435906000", "Date": "Fri, 03 Jul 2015 07:00:00 GMT"}
        exchange.reply(429, past if len(asked) % 2 else {}, json.dumps({"errors": []}).encode())

    stub.behaviours = [busy] * 4
    sent = send(small, newsletter, 3)
    assert (sent.code, sent.data["counts"]["accepted"], len(asked)) == (0, 3, 4)
    gaps = [later - earlier for earlier, later in pairwise(asked)]
    assert all(gap >= 0.9 * 0.1 * 2**n for n, gap in enumerate(gaps)), gaps
