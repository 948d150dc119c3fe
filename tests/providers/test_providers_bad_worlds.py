"""Keys, senders, hosts and certificates that are wrong, from the command line: told, stopped, and nobody is lost."""

import re
import ssl
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from .relay import Relay

KEY = "SG.bad-worlds-key.never-shown"
PASSWORD = "hemligt-losenord-aldrig-visat"
LIVE = ("--env", "production")


@pytest.fixture
def live(small: Path, newsletter: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Makes the small project live by these lines below [env.production], its ledger committed."""
    monkeypatch.setenv("SENDGRID_API_KEY", KEY)
    monkeypatch.setattr("newsletter.delivery.answers.RETRY_CAP_S", 0.01)  # as many tries, without the minute

    def make(lines: str) -> Path:
        settings = small / "newsletter.toml"
        head = '\n[env.production]\npublic_url = "https://brev.example.org"\n'
        settings.write_text(settings.read_text("utf-8") + head + lines, encoding="utf-8")
        told = newsletter("-C", small, "send", "hej", *LIVE, "--confirm", "3")
        line = re.search(r'ledger = "[^"]+"', told.err)
        assert line, told.err
        text = settings.read_text("utf-8").replace("[env.production]\n", f"[env.production]\n{line[0]}\n")
        settings.write_text(text, encoding="utf-8")
        return small

    return make


def by_sendgrid(url: str) -> str:
    return f'provider = "sendgrid"\n[env.production.sendgrid]\nbase_url = "{url}"\n'


def by_smtp(port: int, tls: str = "none", user: str = "") -> str:
    named = f'username = "{user}"\n' if user else ""
    return (
        f'provider = "smtp"\n[env.production.smtp]\nhost = "localhost"\nport = {port}\ntls = "{tls}"\n{named}'
    )


def send(project: Path, newsletter: Any) -> Any:
    called = newsletter("-C", project, "send", "hej", *LIVE, "--confirm", "3")
    assert KEY not in called.out + called.err
    assert PASSWORD not in called.out + called.err
    assert "try:" in called.err or called.code == 0
    return called


def all_ready(project: Path, newsletter: Any) -> bool:
    counts = newsletter("-C", project, "status", "hej", *LIVE, "--json").data["counts"]
    return (counts.pop("ready"), set(counts.values())) == (3, {0})


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (
            401,
            b'{"errors":[{"message":"The provided authorization grant is invalid"}]}',
            "authorization grant",
        ),
        (
            403,
            b'{"errors":[{"message":"The from address does not match a verified Sender Identity"}]}',
            "verified",
        ),
    ],
)
def test_sendgrid_refuses_key_or_sender(live, stub, newsletter, status, body, told) -> None:
    project = live(by_sendgrid(stub.url))
    stub.behaviours = [lambda exchange: exchange.reply(status, {}, body)]
    called = send(project, newsletter)
    assert (called.code, "G130" in called.err, told in called.err) == (4, True, True), called.err
    assert (len(stub.requests), all_ready(project, newsletter)) == (1, True), (
        "it is not tried again and again"
    )
    stub.behaviours = []
    stub.requests.clear()
    assert newsletter("-C", project, "resume", "hej", *LIVE).code == 0, "whoever mended it says so"
    assert send(project, newsletter).code == 0
    assert list(Counter(stub.sids).values()) == [1, 1, 1]


def test_a_relay_refuses_the_password(live, authority, newsletter, monkeypatch, tmp_path) -> None:
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    monkeypatch.setenv("NEWSLETTER_SMTP__PASSWORD", PASSWORD)
    relay = Relay(server_side(authority, "localhost"), user=("hej", "ett annat"))
    project = live(by_smtp(relay.port, "starttls", "hej"))
    called = send(project, newsletter)
    relay.close()
    assert (called.code, "G130" in called.err) == (4, True), called.err
    assert (relay.mails, all_ready(project, newsletter)) == ([], True)


def test_a_relay_refuses_the_sender(live, relay, newsletter) -> None:
    relay.say["mail"] = "553 5.7.1 sender not verified"
    project = live(by_smtp(relay.port))
    called = send(project, newsletter)
    assert (called.code in (4, 5), "not verified" in called.err) == (True, True), called.err
    assert (relay.mails, all_ready(project, newsletter)) == ([], True)


def test_nobody_is_at_home(live, newsletter, free_port) -> None:
    project = live(by_sendgrid(f"http://127.0.0.1:{free_port}"))
    called = send(project, newsletter)
    assert (called.code, "G131" in called.err, all_ready(project, newsletter)) == (5, True, True), called.err


def test_no_relay_is_at_home(live, newsletter, free_port) -> None:
    project = live(by_smtp(free_port))
    called = send(project, newsletter)
    assert (called.code, "G131" in called.err, all_ready(project, newsletter)) == (5, True, True), called.err


def test_a_host_that_does_not_exist(live, newsletter) -> None:
    """A name below .localhost is this machine by its name alone, and no resolver has to know it."""
    project = live(by_sendgrid("http://finns-inte.localhost:1"))
    called = send(project, newsletter)
    assert (called.code, "G131" in called.err, all_ready(project, newsletter)) == (5, True, True), called.err


def test_a_sendgrid_with_another_certificate(live, authority, newsletter, monkeypatch, tmp_path) -> None:
    asked: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(b"the key has left")

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = server_side(authority, "other.example").wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that turns away is none of its faults
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    project = live(by_sendgrid(f"https://localhost:{server.server_port}"))
    called = send(project, newsletter)
    server.shutdown()
    server.server_close()
    thread.join()
    assert (called.code, "G130" in called.err, "no safe connection" in called.err) == (5, True, True), (
        called.err
    )
    assert (asked, all_ready(project, newsletter)) == ([], True)


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_relay_with_another_certificate(live, authority, newsletter, monkeypatch, tmp_path, tls) -> None:
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    monkeypatch.setenv("NEWSLETTER_SMTP__PASSWORD", PASSWORD)
    relay = Relay(server_side(authority, "other.example"), implicit=tls == "implicit", user=("hej", PASSWORD))
    project = live(by_smtp(relay.port, tls, "hej"))
    called = send(project, newsletter)
    relay.close()
    assert (called.code, "G130" in called.err, "certificate" in called.err) == (5, True, True), called.err
    assert not [command for command in relay.commands if command.startswith(("AUTH", "MAIL"))]
    assert all_ready(project, newsletter)


def test_a_relay_without_protection(live, relay, newsletter) -> None:
    project = live(by_smtp(relay.port, "starttls"))
    called = send(project, newsletter)
    assert (called.code, "STARTTLS" in called.err) == (5, True), called.err
    assert (relay.mails, all_ready(project, newsletter)) == ([], True)


# --- what it takes ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def server_side(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.fixture
def free_port() -> int:
    """A port on which nobody listens."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
