"""SendGrid, against a real server on loopback that keeps to the API or misbehaves."""

import base64
import hashlib
import json
import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from newsletter.errors import ConfigurationFault
from newsletter.providers.protocol import Answer, Parcel
from newsletter.providers.sendgrid import ANSWERS, SendGrid, open_sendgrid, outcome
from newsletter.providers.wire import Reply
from newsletter.render.composition import Attachment, InlinePicture
from newsletter.settings.model import SendGrid as SendGridSettings

Make = Callable[..., Parcel]
KEY = "SG.a-key-of-the-tests.never-shown"


def answer(status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> Any:
    return lambda exchange: exchange.reply(status, headers or {}, body)


def errors(*pairs: tuple[str | None, str]) -> bytes:
    return json.dumps({"errors": [{"field": field, "message": text} for field, text in pairs]}).encode()


# --- the request ---------------------------------------------------------------------------------------


def test_a_request_in_full(sendgrid: SendGrid, stub: Any, parcel: Make) -> None:
    sendgrid.hand_over(sendgrid.prepare([parcel(reply_to="Svar <svar@birgerochblom.example>")]))
    ((path, headers, body),) = stub.requests
    assert path == "/v3/mail/send"
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"].startswith("sendgrid/")
    assert json.loads(body) == {
        "personalizations": [
            {
                "to": [{"email": "asa@example.org"}],
                "headers": {
                    "List-Id": "<partners.birgerochblom.example>",
                    "List-Unsubscribe": "<https://news.example.org/u/AQhrZXk>",
                    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
                    "Feedback-ID": "almedalen-recap:partners:campaign:birgerochblom",
                },
                "custom_args": {"s": "aeaq6kz2sdfg4"},
            }
        ],
        "from": {"email": "hej@birgerochblom.example", "name": "Birger & Blom"},
        "reply_to": {"email": "svar@birgerochblom.example", "name": "Svar"},
        "subject": "Välkommen, Birger & Blom!",
        "content": [
            {"type": "text/plain", "value": "Hej Birger & Blom!\n"},
            {"type": "text/html", "value": "<p>Hej Birger &amp; Blom!</p>\n"},
        ],
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
            "subscription_tracking": {"enable": False},
            "ganalytics": {"enable": False},
        },
    }


def test_attachments_go_along_as_they_are(sendgrid: SendGrid, stub: Any, parcel: Make) -> None:
    picture = InlinePicture("logo.1", "logo.png", "image/png", b"\x89PNG")
    file = Attachment("campaigns/tider.pdf", "tider på ön.pdf", "application/pdf", b"%PDF-1.7")
    html = '<img src="cid:logo.1">\n'
    sendgrid.hand_over(sendgrid.prepare([parcel(html=html, pictures=(picture,), attachments=(file,))]))
    inline, attached = json.loads(stub.requests[0][2])["attachments"]
    assert (inline["disposition"], inline["content_id"]) == ("inline", "logo.1")
    assert attached == {
        "content": base64.b64encode(b"%PDF-1.7").decode(),
        "type": "application/pdf",
        "filename": "tider på ön.pdf",
        "disposition": "attachment",
    }


def test_what_was_hashed_is_what_leaves(sendgrid: SendGrid, stub: Any, parcel: Make) -> None:
    request = sendgrid.prepare([parcel()])
    sendgrid.hand_over(request)
    assert hashlib.sha256(stub.requests[0][2]).digest() == request.sha256


@pytest.mark.parametrize(
    "what",
    [
        {},
        {"sender": "hej@hejdigitalt.example", "reply_to": "svar@hejdigitalt.example"},
        {"subject": "שלום 🎉 " * 40, "html": "<p>\u2028å</p>", "text": ""},
        {"pictures": (InlinePicture("logo.1", "på kajen.png", "image/png", bytes(range(256))),)},
        {"attachments": (Attachment("a", "tider på ön.pdf", "application/pdf", b"%PDF-1.7"),)},
    ],
)
def test_requests_fit_twilios_own_description(
    sendgrid: SendGrid, parcel: Make, published: Callable[[Any], None], mail_send: Any, what: dict[str, Any]
) -> None:
    body = sendgrid.prepare([parcel(**what)]).payload
    assert isinstance(body, bytes)
    published(json.loads(body))
    mail_send.model_validate_json(body)


@pytest.mark.parametrize(
    "change",
    [
        lambda mail: mail["personalizations"][0]["headers"].update({"Subject": "x"}),
        lambda mail: mail["personalizations"][0]["headers"].update({"X-A": "a\r\nBcc: b@example.org"}),
        lambda mail: mail["personalizations"][0].update(to=[]),
        lambda mail: mail["personalizations"].append(mail["personalizations"][0]),
        lambda mail: mail["content"].reverse(),
        lambda mail: mail["content"].clear(),
        lambda mail: mail.update(subject=""),
        lambda mail: mail.update(reply_to_list=[]),
        lambda mail: mail["tracking_settings"]["open_tracking"].update(enable=True),
        lambda mail: mail["personalizations"][0]["custom_args"].update(email="asa@example.org"),
    ],
)
def test_the_model_of_a_request_refuses_what_sendgrid_refuses(
    sendgrid: SendGrid, parcel: Make, mail_send: Any, change: Callable[[Any], None]
) -> None:
    body = sendgrid.prepare([parcel()]).payload
    assert isinstance(body, bytes)
    mail = json.loads(body)
    change(mail)
    with pytest.raises((ValidationError, AssertionError)):
        mail_send.model_validate_json(json.dumps(mail))


# --- answers -------------------------------------------------------------------------------------------


def test_accepted_is_202_with_its_id(sendgrid: SendGrid, stub: Any, parcel: Make) -> None:
    stub.behaviours = [answer(202, {"X-Message-Id": "Tk0-abc_1"})]
    got = sendgrid.hand_over(sendgrid.prepare([parcel()]))
    assert (got.answer, got.status, got.provider_id) == (Answer.ACCEPTED, 202, "Tk0-abc_1")


@pytest.mark.parametrize(
    ("behaviour", "wanted", "pause"),
    [
        (answer(202), Answer.UNKNOWN, False),
        (answer(202, {"X-Message-Id": ""}), Answer.UNKNOWN, False),
        (answer(200), Answer.UNKNOWN, False),
        (answer(204), Answer.UNKNOWN, False),
        (answer(302, {"Location": "/v3/elsewhere"}), Answer.UNKNOWN, False),
        (answer(307, {"Location": "/v3/elsewhere"}), Answer.UNKNOWN, False),
        (answer(400, {}, b"<html>no</html>"), Answer.RETRY, True),
        (answer(400, {}, errors((None, "Bad Request"))), Answer.RETRY, True),
        (answer(401, {}, errors((None, "authorization required"))), Answer.RETRY, True),
        (answer(403), Answer.RETRY, True),
        (answer(404), Answer.RETRY, True),
        (answer(405), Answer.RETRY, True),
        (answer(406), Answer.RETRY, True),
        (answer(413), Answer.REJECTED, False),
        (answer(418), Answer.RETRY, True),
        (answer(429), Answer.RETRY, False),
        (answer(451), Answer.RETRY, True),
        (answer(500), Answer.UNKNOWN, False),
        (answer(503, {"Retry-After": "5"}), Answer.UNKNOWN, False),
    ],
)
def test_each_answer_means_what_the_table_says(
    sendgrid: SendGrid, stub: Any, parcel: Make, behaviour: Any, wanted: Answer, pause: bool
) -> None:
    stub.behaviours = [behaviour]
    got = sendgrid.hand_over(sendgrid.prepare([parcel()]))
    assert (got.answer, got.pause) == (wanted, pause)
    assert got.detail
    assert (len(stub.requests), stub.gets) == (1, []), "one POST, and no redirect followed"


def test_a_400_that_names_the_recipient_rejects_the_recipient(
    sendgrid: SendGrid, stub: Any, parcel: Make
) -> None:
    said = errors(("personalizations.0.to.0.email", "asa@example.org does not contain a valid address."))
    stub.behaviours = [answer(400, {}, said)]
    got = sendgrid.hand_over(sendgrid.prepare([parcel()]))
    assert got.exceptions == {"aeaq6kz2sdfg4": (Answer.REJECTED, "…@… does not contain a valid address.")}
    assert (got.answer, got.pause) == (Answer.RETRY, False)


def reply(status: int, body: bytes = b"", **headers: str) -> Reply:
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def test_of_several_only_those_who_are_named_are_rejected() -> None:
    said = errors(("personalizations.2.to.0.email", "bad"), ("personalizations.0.substitutions", "too long"))
    got = outcome(reply(400, said), ["a", "b", "c"])
    assert got.exceptions == {"c": (Answer.REJECTED, "bad"), "a": (Answer.REJECTED, "too long")}
    assert (got.answer, got.pause) == (Answer.RETRY, False)


@pytest.mark.parametrize(
    "fields",
    [
        ["personalizations.0.headers"],  # our own fault: it would reject everybody, one by one
        ["personalizations.0.to.0.email", "from.email"],
        ["personalizations.7.to"],
        ["personalizations"],
        ["content.0.value"],
    ],
)
def test_a_400_for_more_than_recipients_pauses_and_rejects_nobody(fields: list[str]) -> None:
    got = outcome(reply(400, errors(*((field, "bad") for field in fields))), ["a", "b"])
    assert (got.answer, got.exceptions, got.pause) == (Answer.RETRY, {}, True)


def test_too_large_for_several_is_no_rejection() -> None:
    got = outcome(reply(413), ["a", "b"])
    assert (got.answer, got.exceptions, got.pause, got.split) == (Answer.RETRY, {}, False, True)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "nan"}, None),
        ({"retry_after": "99999"}, 3600.0),
        ({"x_ratelimit_reset": "1435906830", "date": "Fri, 03 Jul 2015 07:00:00 GMT"}, 30.0),
        ({"x_ratelimit_reset": "1435906000", "date": "Fri, 03 Jul 2015 07:00:00 GMT"}, None),
        ({"x_ratelimit_reset": "1435996830", "date": "Fri, 03 Jul 2015 07:00:00 GMT"}, 3600.0),
        ({"x_ratelimit_reset": "1435906830"}, None),
        ({"x_ratelimit_reset": "1435906830", "date": "yesterday"}, None),
    ],
)
def test_how_long_to_wait_is_read_against_the_answers_own_clock(
    headers: dict[str, str], wait: float | None
) -> None:
    assert outcome(reply(429, **headers), ["a"]).retry_after_s == wait


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b'{"errors": [1]}', b'{"errors": 5}', b"\xff", b"[" * 100_000]
)
def test_any_body_of_a_refusal_is_read_without_an_exception(body: bytes) -> None:
    assert outcome(reply(400, body), ["a"]).answer is Answer.RETRY


def test_the_table_knows_each_answer_of_the_documentation() -> None:
    assert sorted(ANSWERS) == [200, 202, 400, 401, 403, 404, 405, 406, 413, 429, 451]


# --- faults of the network -----------------------------------------------------------------------------


def hang(exchange: Any) -> None:
    exchange.stub.end.wait(10)


def drip(exchange: Any) -> None:
    exchange.raw(b"HTTP/1.1 202 Accepted\r\nX-Message-Id: abc\r\n")
    while not exchange.stub.end.wait(0.05):
        exchange.raw(b"X-Drip: 1\r\n")


def hang_up(exchange: Any) -> None:
    exchange.close_connection = True
    exchange.connection.shutdown(socket.SHUT_RDWR)


def hang_up_unread(exchange: Any) -> None:
    hang_up(exchange)


hang_up_unread.reads_nothing = True  # type: ignore[attr-defined]


def say(data: bytes) -> Any:
    def behaviour(exchange: Any) -> None:
        exchange.raw(data)
        hang_up(exchange)

    return behaviour


@pytest.mark.parametrize(
    "behaviour",
    [
        hang,
        drip,
        hang_up,
        hang_up_unread,
        say(b"SSH-2.0-OpenSSH\r\n"),
        say(b"\0\xff" * 5000),
        say(b"HTTP/1.1 202 Accepted\r\nX-Message-Id: abc\r\n"),
        say(b"HTTP/1.1 202 Accepted\r\nX-Message-Id: abc\r\nContent-Length: 10\r\n\r\nhalf"),
        say(b"HTTP/1.1 202 Accepted\r\nX-Message-Id: abc\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha"),
        say(b"HTTP/1.1 202 Accepted\r\nX-Message-Id: abc\r\nContent-Length: 99999999\r\n\r\n"),
        say(b"HTTP/1.1 202 Accepted\r\n" + b"X-A: " + b"a" * 70_000 + b"\r\n\r\n"),
        say(b"HTTP/1.1 999999 Odd\r\n\r\n"),
    ],
)
def test_without_a_whole_answer_nobody_knows(stub: Any, parcel: Make, behaviour: Any) -> None:
    provider = SendGrid(KEY, base_url=stub.url, connect_s=1.0, read_s=0.4)
    stub.behaviours = [behaviour]
    began = time.monotonic()
    got = provider.hand_over(provider.prepare([parcel()]))
    assert (got.answer, got.status) == (Answer.UNKNOWN, None)
    assert time.monotonic() - began < 5, "however slowly it drips"
    assert len(stub.requests) <= 1, "never sent again by itself"
    assert provider.hand_over(provider.prepare([parcel("next")])).answer is Answer.ACCEPTED
    provider.close()


def test_a_large_request_cut_off_in_the_middle_is_unknown(
    sendgrid: SendGrid, stub: Any, parcel: Make
) -> None:
    stub.behaviours = [hang_up_unread]
    got = sendgrid.hand_over(sendgrid.prepare([parcel(html="x" * 8_000_000)]))
    assert got.answer is Answer.UNKNOWN


def test_a_success_before_the_request_was_whole_proves_nothing(stub: Any, parcel: Make) -> None:
    def accept_unread(exchange: Any) -> None:
        exchange.reply(202, {"X-Message-Id": "abc"})
        exchange.connection.shutdown(socket.SHUT_WR)
        exchange.connection.recv(1000)  # then closed with most of the request unread
        exchange.close_connection = True

    accept_unread.reads_nothing = True  # type: ignore[attr-defined]
    provider = SendGrid(KEY, base_url=stub.url, connect_s=1.0, read_s=2.0)
    stub.behaviours = [accept_unread]
    assert provider.hand_over(provider.prepare([parcel(html="x" * 20_000_000)])).answer is Answer.UNKNOWN
    provider.close()


def test_an_interim_answer_is_not_the_answer(sendgrid: SendGrid, stub: Any, parcel: Make) -> None:
    whole = b"HTTP/1.1 202 Accepted\r\nX-Message-Id: abc\r\nContent-Length: 0\r\n\r\n"
    stub.behaviours = [say(b"HTTP/1.1 100 Continue\r\n\r\n" + whole)]
    assert sendgrid.hand_over(sendgrid.prepare([parcel()])).answer is Answer.ACCEPTED


def test_nobody_at_home_is_a_retry(parcel: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    provider = SendGrid(KEY, base_url=f"http://127.0.0.1:{port}")
    got = provider.hand_over(provider.prepare([parcel()]))
    assert (got.answer, got.pause) == (Answer.RETRY, False)
    assert got.detail == "no connection to 127.0.0.1: Connection refused"


def test_a_name_that_nobody_has_is_a_retry(parcel: Make) -> None:
    provider = SendGrid(KEY, base_url="https://sendgrid.invalid", connect_s=1.0)
    assert provider.hand_over(provider.prepare([parcel()])).answer is Answer.RETRY


def test_tls_that_never_begins_is_a_retry(silent_port: int, parcel: Make) -> None:
    provider = SendGrid(KEY, base_url=f"https://127.0.0.1:{silent_port}", connect_s=0.2)
    assert provider.hand_over(provider.prepare([parcel()])).answer is Answer.RETRY


def test_no_tls_where_tls_is_wanted_is_a_retry(stub: Any, parcel: Make) -> None:
    provider = SendGrid(KEY, base_url=stub.url.replace("http:", "https:"), connect_s=1.0)
    assert provider.hand_over(provider.prepare([parcel()])).answer is Answer.RETRY
    assert stub.requests == []


def test_requests_share_a_connection(sendgrid: SendGrid, stub: Any, parcel: Make) -> None:
    for n in range(5):
        assert sendgrid.hand_over(sendgrid.prepare([parcel(f"sid{n}")])).answer is Answer.ACCEPTED
    assert stub.sids == ["sid0", "sid1", "sid2", "sid3", "sid4"]
    assert stub.connections == 1


def test_a_connection_that_the_server_closed_meanwhile_is_no_doubt(
    sendgrid: SendGrid, stub: Any, parcel: Make
) -> None:
    """A server ends an idle connection without saying so: the next request takes a new one."""

    def accept_and_leave(exchange: Any) -> None:
        exchange.reply(202, {"X-Message-Id": "abc"})
        exchange.close_connection = True

    stub.behaviours = [accept_and_leave]
    assert sendgrid.hand_over(sendgrid.prepare([parcel("sid1")])).answer is Answer.ACCEPTED
    assert stub.closed.acquire(timeout=5)
    assert sendgrid.hand_over(sendgrid.prepare([parcel("sid2")])).answer is Answer.ACCEPTED
    assert (stub.sids, stub.connections) == (["sid1", "sid2"], 2)


def test_proxies_of_the_environment_are_not_obeyed(
    stub: Any, parcel: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    provider = SendGrid(KEY, base_url=stub.url)
    assert provider.hand_over(provider.prepare([parcel()])).answer is Answer.ACCEPTED
    provider.close()


# --- key and address -----------------------------------------------------------------------------------


def test_a_missing_key_is_a_fault_of_configuration() -> None:
    with pytest.raises(ConfigurationFault) as caught:
        open_sendgrid(SendGridSettings())
    assert str(caught.value) == (
        "error    D121  SendGrid needs an API key\n"
        "   try:  SENDGRID_API_KEY=… or NEWSLETTER_SENDGRID__API_KEY=… in the environment or in .env"
    )


def test_a_key_with_a_line_break_behind_it_is_that_key(stub: Any, parcel: Make) -> None:
    provider = open_sendgrid(SendGridSettings(api_key=SecretStr(f"{KEY}\n"), base_url=stub.url))
    assert provider.hand_over(provider.prepare([parcel()])).answer is Answer.ACCEPTED
    assert stub.requests[0][1]["Authorization"] == f"Bearer {KEY}"
    provider.close()


@pytest.mark.parametrize(
    ("region", "url"),
    [("global", "https://api.sendgrid.com/v3/mail/send"), ("eu", "https://api.eu.sendgrid.com/v3/mail/send")],
)
def test_a_region_has_its_own_address(region: Any, url: str) -> None:
    provider = open_sendgrid(SendGridSettings(api_key=SecretStr(KEY), region=region))
    wire = provider._wire
    assert f"https://{wire.host}{wire.path}" == url
    assert wire.headers["Authorization"] == f"Bearer {KEY}"


def test_the_key_does_not_travel_in_the_clear() -> None:
    with pytest.raises(ValueError, match="must be https"):
        SendGrid(KEY, base_url="http://mail.example.org")


def test_key_and_address_are_in_no_log_and_no_answer(
    sendgrid: SendGrid,
    stub: Any,
    parcel: Make,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    said = errors((None, f"key {KEY} of asa@example.org is bad\r\n\x1b[31m"))
    stub.behaviours = [answer(401, {}, said), answer(500, {}, KEY.encode()), hang_up]
    with caplog.at_level(logging.DEBUG):
        details = [sendgrid.hand_over(sendgrid.prepare([parcel()])).detail for _ in range(3)]
    assert details[0] == "401: the API key is not valid (key *** of …@… is bad [31m)"
    shown = "".join([*details, caplog.text, *capfd.readouterr()])
    assert KEY not in shown
    assert "asa@example.org" not in shown
    assert logging.getLogger("python_http_client").level == logging.WARNING


def test_the_package_is_loaded_only_when_it_is_used(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "import newsletter.providers.open, newsletter.providers.outbox, newsletter.mail.message\n"
        "print([name for name in ('sendgrid', 'python_http_client', 'http.client') if name in sys.modules])\n"
    )
    clean = {name: value for name, value in os.environ.items() if name != "COVERAGE_PROCESS_START"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        encoding="utf-8",
        env=clean,
        cwd=tmp_path,
    )
    assert done.stdout == "[]\n"
