"""SMTP: what each reply and each silence means, at each stage, and that nothing goes out unprotected."""

import smtplib
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trustme

from newsletter.mail.message import message
from newsletter.providers.protocol import Answer, Parcel
from newsletter.providers.smtp import Smtp

from .relay import DROP, HANG, Relay

Make = Callable[..., Parcel]
R, X, U, OK = Answer.RETRY, Answer.REJECTED, Answer.UNKNOWN, Answer.ACCEPTED


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def server_side(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


@pytest.fixture
def smtp(relay: Relay) -> Iterator[Smtp]:
    provider = Smtp(
        "127.0.0.1", relay.port, tls="none", connections=1, connect_s=2, command_s=0.3, text_s=0.3
    )
    yield provider
    provider.close()


def hand_over(provider: Smtp, parcel: Make, number: int = 1) -> Any:
    parcels = [parcel(f"sid{n}", f"p{n}@example.org") for n in range(number)]
    return provider.hand_over(provider.prepare(parcels))


GARBAGE = "\x00\x01 no reply at all"

# stage, what the server says, the answer, whether sending stops for a human
ROWS = [
    ("connect", GARBAGE, R, False),
    ("connect", "451 4.3.0 later", R, False),
    ("mail", "452 4.3.1 no room", R, False),
    ("mail", "421 4.3.2 shutting down", R, False),
    ("mail", "530 5.7.0 authentication required", R, True),
    ("mail", DROP, R, False),
    ("mail", GARBAGE, R, False),
    ("rcpt", "251 will forward", OK, False),
    ("rcpt", "252 cannot say", R, False),
    ("rcpt", "553 5.1.3 bad address syntax", X, False),
    ("rcpt", "550 5.7.27 SPF", R, True),
    ("rcpt", "550 5.7.30 DKIM", R, True),
    ("rcpt", GARBAGE, R, False),
    ("data", "250 what?", R, False),
    ("data", "421 4.3.2 shutting down", R, False),
    ("data", GARBAGE, R, False),
    ("text", "250 2.0.0 queued", OK, False),
    ("text", "452 4.2.2 mailbox full", R, False),
    ("text", "550 4.3.0 the enhanced code beats the basic one", R, False),
    ("text", "450 5.6.0 likewise", X, False),
    ("text", "251 never heard of here", U, False),
    ("text", "354 go on", U, False),
    ("text", GARBAGE, U, False),
    ("connect", "421 4.3.2 too busy", R, False),
    ("connect", "554 5.7.1 you are blocked", R, True),
    ("connect", DROP, R, False),
    ("connect", HANG, R, False),
    ("ehlo", "421 4.7.0 later", R, False),
    ("ehlo", "550 5.7.1 no", R, True),
    ("ehlo", DROP, R, False),
    ("mail", "451 4.3.0 later", R, False),
    ("mail", "550 5.7.1 this sender not", R, True),
    ("mail", "553 5.1.8 sender's domain is unknown", R, True),
    ("mail", HANG, R, False),
    ("rcpt", "450 4.2.0 greylisted", R, False),
    ("rcpt", "452 4.2.2 mailbox full", R, False),
    ("rcpt", "552 too many recipients", R, False),
    ("rcpt", "552 5.2.2 mailbox full", X, False),
    ("rcpt", "550 5.1.1 no such user", X, False),
    ("rcpt", "550 5.7.1 policy", X, False),
    ("rcpt", "550 4.7.1 the enhanced code beats the basic one", R, False),
    ("rcpt", "450 5.1.1 likewise", X, False),
    ("rcpt", "550 5.7.515 not authenticated", R, True),
    ("rcpt", "421 4.3.2 shutting down", R, False),
    ("rcpt", DROP, R, False),
    ("rcpt", HANG, R, False),
    ("data", "451 4.3.0 later", R, False),
    ("data", "554 5.6.0 not that", X, False),
    ("data", DROP, R, False),
    ("data", HANG, R, False),
    ("text", "451 4.3.0 later", R, False),
    ("text", "421 4.3.2 shutting down", R, False),
    ("text", "554 5.6.0 spam", X, False),
    ("text", "550 5.7.26 not authenticated", R, True),
    ("text", "421 4.7.28 too fast", R, False),
    ("text", DROP, U, False),
    ("text", HANG, U, False),
]


@pytest.mark.parametrize("way", ["pipelining", "pipelining, DATA granted to nobody", "one by one"])
@pytest.mark.parametrize(("stage", "said", "answer", "pause"), ROWS)
def test_each_reply_has_its_meaning(
    relay: Relay, smtp: Smtp, parcel: Make, way: str, stage: str, said: str, answer: Answer, pause: bool
) -> None:
    relay.pipelining, relay.grants = way != "one by one", "granted" in way
    relay.say[stage] = said
    outcome = hand_over(smtp, parcel)
    assert (outcome.answer, outcome.pause) == (answer, pause), outcome.detail
    assert bool(outcome.detail) == (answer is not OK)
    assert "p0@example.org" not in outcome.detail
    if answer in (R, X):
        assert relay.mails == []
    assert not any(relay.for_nobody)
    relay.say.clear()
    assert hand_over(smtp, parcel).answer is OK


@pytest.mark.parametrize(("grants", "texts"), [(False, []), (True, [b""])])
def test_a_refused_recipient_leaves_the_connection_good(
    relay: Relay, smtp: Smtp, parcel: Make, grants: bool, texts: list[bytes]
) -> None:
    relay.grants, relay.say["rcpt"] = grants, ["550 5.1.1 no such user"]
    outcome = hand_over(smtp, parcel, 2)
    assert {sid: answer for sid, (answer, _) in outcome.exceptions.items()} == {"sid0": X, "sid1": OK}
    assert relay.for_nobody == texts
    assert relay.connections == 1


def test_no_text_goes_before_it_is_asked_for(relay: Relay, smtp: Smtp, parcel: Make) -> None:
    relay.say["data"] = ["451 4.3.0 later"]
    assert hand_over(smtp, parcel).answer is R
    assert [command.split(" ")[0] for command in relay.commands] == ["EHLO", "MAIL", "RCPT", "DATA", "RSET"]


@pytest.mark.parametrize(("pipelining", "writes"), [(True, 3), (False, 5)])
def test_what_may_go_together_goes_together(
    relay: Relay, smtp: Smtp, parcel: Make, monkeypatch: pytest.MonkeyPatch, pipelining: bool, writes: int
) -> None:
    relay.pipelining, sent = pipelining, []
    send = smtplib.SMTP.send
    monkeypatch.setattr(smtplib.SMTP, "send", lambda one, data: (sent.append(data), send(one, data)))
    assert hand_over(smtp, parcel).answer is OK
    assert len(sent) == writes


@pytest.mark.parametrize("stage", ["rset", "quit"])
@pytest.mark.parametrize("said", [DROP, HANG, "421 closing", "500 what?", GARBAGE])
def test_what_comes_after_the_answer_changes_nothing(
    relay: Relay, smtp: Smtp, parcel: Make, stage: str, said: str
) -> None:
    relay.say[stage] = said
    relay.say["rcpt"] = ["550 5.1.1 no such user", "250 ok"]
    assert hand_over(smtp, parcel).answer is X
    assert hand_over(smtp, parcel).answer is OK
    smtp.close()


def test_after_what_is_no_reply_the_connection_is_not_used_again(
    relay: Relay, smtp: Smtp, parcel: Make
) -> None:
    """The rest of what it said would be read as the answer to the next command: a text for somebody else."""
    relay.say["rcpt"] = ["hej\r\n250 ok\r\n354 go on\r\n250 taken"]
    assert hand_over(smtp, parcel).answer is R
    assert hand_over(smtp, parcel).answer is OK
    assert (relay.connections, len(relay.mails)) == (2, 1)


@pytest.mark.parametrize(
    ("said", "gone"),
    [
        ("550 5.1.1 no such user", True),
        ("553 5.1.3 syntax", True),
        ("550 5.7.1 policy", False),
        ("550 no", False),
    ],
)
def test_only_an_address_that_does_not_exist_is_told_as_gone(
    relay: Relay, smtp: Smtp, parcel: Make, said: str, gone: bool
) -> None:
    relay.say["rcpt"] = ["250 ok", said]
    outcome = hand_over(smtp, parcel, 2)
    assert outcome.exceptions["sid1"][0] is X
    assert outcome.gone == (frozenset({"sid1"}) if gone else frozenset())


def test_a_group_begins_with_one_connection_and_doubles_them(relay: Relay, parcel: Make) -> None:
    smtp = Smtp("127.0.0.1", relay.port, tls="none", connections=4)
    widths = []
    for _ in range(4):
        widths.append(smtp._width)
        hand_over(smtp, parcel, 20)
    assert widths == [1, 2, 4, 4]
    relay.say["rcpt"] = ["450 4.7.28 too fast"]
    hand_over(smtp, parcel)
    assert smtp._width == 1
    smtp.close()


def test_letters_beyond_ascii_before_the_at_need_smtputf8(relay: Relay, smtp: Smtp, parcel: Make) -> None:
    from dataclasses import replace

    def beyond(address: str) -> Parcel:
        one: Parcel = parcel("sid0", address)
        return replace(one, envelope=replace(one.envelope, utf8=True))

    refused = smtp.hand_over(smtp.prepare([beyond("åsa@räksmörgås.example")]))
    assert (refused.answer, refused.gone, relay.mails) == (X, frozenset(), [])
    relay.utf8 = True
    smtp.close()
    assert smtp.hand_over(smtp.prepare([beyond("åsa@räksmörgås.example")])).answer is OK
    assert any(command.endswith("SMTPUTF8") for command in relay.commands if command.startswith("MAIL"))
    assert relay.mails[0].recipient == "åsa@xn--rksmrgs-5wao1o.example", "the domain goes as its A-label"
    assert "To: åsa@xn--rksmrgs-5wao1o.example\r\n".encode() in relay.mails[0].data
    relay.commands.clear()
    assert smtp.hand_over(smtp.prepare([beyond("asa@räksmörgås.example")])).answer is OK
    assert not any("SMTPUTF8" in command for command in relay.commands), "an IDN alone needs none"


def test_without_the_setting_nobody_beyond_ascii_is_tried(smtp: Smtp, parcel: Make) -> None:
    from newsletter.errors import ChecksFailed

    with pytest.raises(ChecksFailed):
        smtp.prepare([parcel("sid0", "åsa@example.org")])


def test_nobody_listens(parcel: Make, silent_port: int) -> None:
    closed = Smtp("127.0.0.1", 1, tls="none", connect_s=1)
    assert hand_over(closed, parcel, 3).answer is R
    silent = Smtp("127.0.0.1", silent_port, tls="none", connect_s=0.2)
    assert hand_over(silent, parcel).answer is R


def test_what_arrives_is_the_message_dots_and_all(relay: Relay, smtp: Smtp, parcel: Make) -> None:
    one = parcel(text=".\n.. två\nFrom mig\n", html="<p>.</p>\n.\n")
    assert smtp.hand_over(smtp.prepare([one])).answer is OK
    (mail,) = relay.mails
    assert mail.data == message(one.composition, one.values, one.envelope)
    assert (mail.sender, mail.recipient) == ("hej@birgerochblom.example", "asa@example.org")


def test_a_bounce_will_name_its_message(relay: Relay, parcel: Make) -> None:
    smtp = Smtp("127.0.0.1", relay.port, tls="none", bounce_address="studs@bounce.example")
    hand_over(smtp, parcel)
    assert relay.mails[0].sender == "studs+sid0@bounce.example"
    smtp.close()


def test_connections_are_kept_and_replaced_when_they_died(relay: Relay, smtp: Smtp, parcel: Make) -> None:
    for _ in range(3):
        assert hand_over(smtp, parcel, 4).answer is OK
    assert relay.connections == 1
    relay.say["mail"] = [DROP]  # an idle server closed meanwhile
    assert hand_over(smtp, parcel).answer is OK
    assert relay.connections == 2
    assert len(relay.mails) == 13


def test_a_fresh_connection_that_breaks_is_not_tried_again_and_again(
    relay: Relay, smtp: Smtp, parcel: Make
) -> None:
    relay.say["mail"] = DROP
    assert hand_over(smtp, parcel).answer is R
    assert relay.connections == 1


def test_each_of_a_group_has_its_own_answer(relay: Relay, smtp: Smtp, parcel: Make) -> None:
    relay.say["rcpt"] = ["250 ok", "550 5.1.1 no such user", "450 4.2.0 greylisted", "250 ok"]
    outcome = hand_over(smtp, parcel, 4)
    assert outcome.answer is R
    assert outcome.put_off
    assert {sid: answer for sid, (answer, _) in outcome.exceptions.items()} == {
        "sid0": OK,
        "sid1": X,
        "sid3": OK,
    }
    assert [mail.recipient for mail in relay.mails] == ["p0@example.org", "p3@example.org"]


def test_after_a_doubt_nobody_else_is_begun(relay: Relay, smtp: Smtp, parcel: Make) -> None:
    relay.say["text"] = ["250 ok", DROP]
    outcome = hand_over(smtp, parcel, 5)
    assert outcome.answer is R
    assert {sid: answer for sid, (answer, _) in outcome.exceptions.items()} == {"sid0": OK, "sid1": U}
    assert len(relay.mails) == 2


def test_a_relay_that_refuses_us_is_asked_once(relay: Relay, smtp: Smtp, parcel: Make) -> None:
    relay.say["mail"] = "550 5.7.1 not you"
    outcome = hand_over(smtp, parcel, 5)
    assert outcome.pause
    assert sum(command.startswith("MAIL") for command in relay.commands) == 1


def test_too_fast_means_a_rest(relay: Relay, smtp: Smtp, parcel: Make) -> None:
    relay.say["text"] = "421 4.7.28 too fast"
    assert hand_over(smtp, parcel).retry_after_s == 600


@pytest.mark.parametrize("implicit", [False, True])
def test_tls_protects_and_the_password_goes_only_through_it(
    authority: trustme.CA, trusting: ssl.SSLContext, parcel: Make, implicit: bool
) -> None:
    relay = Relay(server_side(authority, "127.0.0.1"), implicit=implicit, user=("hej", "hemligt"))
    tls = "implicit" if implicit else "starttls"
    smtp = Smtp("127.0.0.1", relay.port, tls=tls, username="hej", password="hemligt", context=trusting)
    try:
        assert hand_over(smtp, parcel).answer is OK
        if not implicit:
            verbs = [command.split(" ")[0] for command in relay.commands]
            assert verbs.index("STARTTLS") < verbs.index("AUTH") < verbs.index("MAIL")
    finally:
        smtp.close()
        relay.close()


def test_a_foreign_certificate_or_none_stops_before_anything_is_said(
    authority: trustme.CA, trusting: ssl.SSLContext, parcel: Make, relay: Relay
) -> None:
    other = Relay(server_side(authority, "other.example"))
    for at, context, told in (
        (other, trusting, "certificate"),
        (other, None, "certificate"),
        (relay, trusting, "no STARTTLS"),
    ):
        smtp = Smtp("127.0.0.1", at.port, tls="starttls", username="hej", password="hemligt", context=context)
        outcome = hand_over(smtp, parcel, 3)
        assert (outcome.answer, outcome.pause) == (R, True)
        assert told in outcome.detail
        assert not [command for command in at.commands if command.startswith(("AUTH", "MAIL"))]
        assert at.mails == []
    other.close()


@pytest.mark.parametrize(
    ("said", "pause"),
    [("535 5.7.8 wrong: hemligt", True), ("454 4.7.0 later", False), ("534 5.7.9 stronger", True)],
)
def test_a_wrong_password_pauses_and_is_not_repeated(
    authority: trustme.CA, trusting: ssl.SSLContext, parcel: Make, said: str, pause: bool
) -> None:
    relay = Relay(server_side(authority, "127.0.0.1"), user=("hej", "rätt"), say={"auth": said})
    smtp = Smtp("127.0.0.1", relay.port, username="hej", password="hemligt", context=trusting)
    outcome = hand_over(smtp, parcel)
    relay.close()
    assert (outcome.answer, outcome.pause) == (R, pause)
    assert "hemligt" not in outcome.detail + repr(smtp)


@pytest.mark.parametrize("ways", ["LOGIN", "PLAIN LOGIN"])
@pytest.mark.parametrize(("password", "answer"), [("hemligt", OK), ("fel", R)])
def test_each_way_to_log_in(
    authority: trustme.CA, trusting: ssl.SSLContext, parcel: Make, ways: str, password: str, answer: Answer
) -> None:
    """A password that is wrong is nobody's fault who was to get mail, however it was asked for."""
    relay = Relay(server_side(authority, "127.0.0.1"), user=("hej", "hemligt"), ways=ways)
    smtp = Smtp("127.0.0.1", relay.port, username="hej", password=password, context=trusting)
    outcome = hand_over(smtp, parcel)
    smtp.close()
    relay.close()
    assert (outcome.answer, outcome.pause) == (answer, answer is R)


@pytest.mark.parametrize(("ways", "answer"), [("PLAIN", OK), ("LOGIN", R)])
def test_a_password_beyond_ascii(
    authority: trustme.CA, trusting: ssl.SSLContext, parcel: Make, ways: str, answer: Answer
) -> None:
    relay = Relay(server_side(authority, "127.0.0.1"), user=("hej", "hemlig ö"), ways=ways)
    smtp = Smtp("127.0.0.1", relay.port, username="hej", password="hemlig ö", context=trusting)
    outcome = hand_over(smtp, parcel)
    smtp.close()
    relay.close()
    assert (outcome.answer, outcome.pause) == (answer, answer is R)
    assert "ö" not in outcome.detail


def test_a_relay_without_auth_is_not_told_the_password(
    authority: trustme.CA, trusting: ssl.SSLContext, parcel: Make
) -> None:
    relay = Relay(server_side(authority, "127.0.0.1"))
    smtp = Smtp("127.0.0.1", relay.port, username="hej", password="hemligt", context=trusting)
    outcome = hand_over(smtp, parcel)
    relay.close()
    assert (outcome.answer, outcome.pause, outcome.detail) == (R, True, "the server offers no AUTH")


@pytest.mark.parametrize(
    ("said", "pause"),
    [("454 4.7.0 later", False), ("421 4.3.2 closing", False), ("530 5.7.0 TLS first", True), ("534 5.7.9", True),
     ("535 5.7.8", True), ("538 5.7.11", True)],
)  # fmt: skip
def test_each_refusal_of_auth(
    authority: trustme.CA, trusting: ssl.SSLContext, parcel: Make, said: str, pause: bool
) -> None:
    relay = Relay(server_side(authority, "127.0.0.1"), user=("hej", "x"), say={"auth": said})
    outcome = hand_over(Smtp("127.0.0.1", relay.port, username="hej", password="x", context=trusting), parcel)
    relay.close()
    assert (outcome.answer, outcome.pause) == (R, pause)


def test_starttls_refused(authority: trustme.CA, trusting: ssl.SSLContext, parcel: Make) -> None:
    for said, pause in (("454 4.7.0 later", False), ("501 5.5.4 no", True)):
        relay = Relay(server_side(authority, "127.0.0.1"), say={"starttls": said})
        outcome = hand_over(Smtp("127.0.0.1", relay.port, context=trusting), parcel)
        relay.close()
        assert (outcome.answer, outcome.pause) == (R, pause)
        assert relay.mails == []


def test_several_connections_share_a_group(relay: Relay, parcel: Make) -> None:
    smtp = Smtp("127.0.0.1", relay.port, tls="none", connections=4)
    for _ in range(2):
        assert hand_over(smtp, parcel, 20).answer is OK
    assert sorted(mail.recipient for mail in relay.mails) == sorted(
        [f"p{n}@example.org" for n in range(20)] * 2
    )
    assert 1 <= relay.connections <= 4
    smtp.close()
