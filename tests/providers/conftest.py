"""Parcels, and a SendGrid on loopback that keeps to the API or misbehaves as it is told."""

import contextlib
import json
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from newsletter.audience.models import Subscriber
from newsletter.campaigns.models import Campaign, Status
from newsletter.mail.message import Envelope
from newsletter.providers.protocol import Parcel
from newsletter.providers.sendgrid import SendGrid
from newsletter.render.composition import Attachment, Composition, InlinePicture, Links, Values

from .published import description, refusals
from .relay import Relay

KEY = "SG.a-key-of-the-tests.never-shown"


# --- parcels -----------------------------------------------------------------------------------------


@pytest.fixture
def parcel() -> Callable[..., Parcel]:
    """Makes a parcel of which a test names only what it is about."""

    def make(
        sid: str = "aeaq6kz2sdfg4",
        recipient: str = "asa@example.org",
        *,
        campaign_id: str = "almedalen-recap",
        subject: str = "Välkommen, Birger & Blom!",
        html: str = "<p>Hej Birger &amp; Blom!</p>\n",
        text: str = "Hej Birger & Blom!\n",
        pictures: tuple[InlinePicture, ...] = (),
        attachments: tuple[Attachment, ...] = (),
        sender: str = "Birger & Blom <hej@birgerochblom.example>",
        reply_to: str = "",
    ) -> Parcel:
        values: Values = (subject, "", html, text)
        campaign = Campaign(
            id=campaign_id,
            file=f"campaigns/{campaign_id}.md",
            body="Hej!\n",
            body_line=5,
            subject=subject,
            template="recap",
            language="sv",
            status=Status.READY,
        )

        def merge(_subscriber: Subscriber, _links: Links, /) -> Values:
            return values

        envelope = Envelope(
            sid=sid,
            sender=sender,
            reply_to=reply_to,
            recipient=recipient,
            list_id="partners",
            date=datetime(2015, 7, 3, 7, 0, tzinfo=UTC),
            unsubscribe="https://news.example.org/u/AQhrZXk",
        )
        composition = Composition(campaign, "0" * 64, merge, pictures=pictures, attachments=attachments)
        return Parcel(composition, values, envelope)

    return make


# --- the request, by the documented facts --------------------------------------------------------------

Address = Annotated[str, StringConstraints(pattern=r"^[!-?A-~]+@[a-zA-Z0-9.-]+$")]
Sign = Annotated[str, StringConstraints(min_length=1)]
Header = Annotated[str, StringConstraints(pattern=r"^[ -~]+$")]
HeaderName = Annotated[
    str,
    StringConstraints(
        pattern=r"^(?!(?i:x-sg-id|x-sg-eid|received|dkim-signature|content-type|content-transfer-encoding"
        r"|to|from|subject|reply-to|cc|bcc)$)[A-Za-z0-9-]+$",
    ),
]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, regex_engine="python-re")


class Mailbox(Strict):
    email: Address
    name: Sign | None = None


class Personalization(Strict):
    to: list[Mailbox] = Field(min_length=1, max_length=1)
    subject: Sign | None = None
    headers: dict[HeaderName, Header]
    substitutions: dict[Sign, str] | None = None
    custom_args: dict[Literal["s", "a", "e"], Sign]  # opaque: seen by SendGrid's staff


class Content(Strict):
    type: Literal["text/plain", "text/html"]
    value: Sign


class AttachedFile(Strict):
    content: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]+=*$")]
    type: Sign
    filename: Sign
    disposition: Literal["inline", "attachment"]
    content_id: Sign | None = None

    def model_post_init(self, _context: Any) -> None:
        assert (self.content_id is None) == (self.disposition == "attachment")


class Off(Strict):
    enable: Literal[False]


class ClicksOff(Off):
    enable_text: Literal[False]


class NoTracking(Strict):
    click_tracking: ClicksOff
    open_tracking: Off
    subscription_tracking: Off
    ganalytics: Off


class MailSend(Strict):
    """POST /v3/mail/send as we use it; what the documentation forbids cannot be said in it."""

    personalizations: list[Personalization] = Field(min_length=1, max_length=1000)
    sender: Mailbox = Field(alias="from")
    reply_to: Mailbox | None = None
    subject: Sign | None = None
    content: list[Content] = Field(min_length=1, max_length=2)
    attachments: list[AttachedFile] | None = None
    tracking_settings: NoTracking

    def model_post_init(self, _context: Any) -> None:
        kinds = [part.type for part in self.content]
        assert kinds == sorted(kinds, reverse=True), "text/plain stands before text/html"
        assert len(set(kinds)) == len(kinds)
        people = [one.email.lower() for part in self.personalizations for one in part.to]
        assert len(set(people)) == len(people), "an address once a request"
        assert self.subject or all(part.subject for part in self.personalizations), "somebody has no subject"
        written = "".join(part.value for part in self.content)
        for part in self.personalizations:
            assert len(part.custom_args.get("s", "")) > 0
            assert len(json.dumps(part.custom_args)) <= 10_000
            tags = part.substitutions or {}
            assert len(tags) <= 100
            assert len(json.dumps(tags, ensure_ascii=False).encode()) <= 9_500
            assert all(tag in written for tag in tags), "a value for nothing"
            assert not [tag for tag in tags for value in tags.values() if tag in value], (
                "a tag inside a value"
            )
            assert tags.keys() == (self.personalizations[0].substitutions or {}).keys(), (
                "a tag without a value"
            )


@pytest.fixture(scope="session")
def mail_send() -> type[MailSend]:
    return MailSend


def assert_sendgrid_takes(body: bytes) -> None:
    """Hold a request body against the model above, the errors page, and the published description if it is at hand."""
    MailSend.model_validate_json(body)
    mail = json.loads(body)
    assert refusals(mail) == []
    if validate := description():
        validate(mail)


@pytest.fixture(scope="session")
def published() -> Callable[[Any], None]:
    """Twilio's own description, which lies beside the project."""
    validate = description()
    if validate is None:
        pytest.skip("tsg_mail_v3.json is missing (NEWSLETTER_SHARED_DATA names its folder)")
    return validate


# --- the server ----------------------------------------------------------------------------------------

Behaviour = Callable[["Exchange"], None]


class Exchange(BaseHTTPRequestHandler):
    """One connection. `stub` is the server that it belongs to."""

    protocol_version = "HTTP/1.1"
    stub: "Stub"

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        behaviour = self.stub.behaviours.pop(0) if self.stub.behaviours else accept()
        if not getattr(behaviour, "reads_nothing", False):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.stub.requests.append((self.path, dict(self.headers), body))
        behaviour(self)

    def do_GET(self) -> None:
        self.stub.gets.append(self.path)
        self.reply(200, {}, b"{}")

    def reply(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response_only(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def raw(self, data: bytes) -> None:
        self.wfile.write(data)
        self.wfile.flush()

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()


@dataclass
class Stub:
    """What the server is told to do, one behaviour a request, and what it saw."""

    url: str
    behaviours: list[Behaviour] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    gets: list[str] = field(default_factory=list)
    connections: int = 0
    failed: int = 0  # of them, because TLS did not come about
    closed: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    end: threading.Event = field(default_factory=threading.Event)  # what hangs, hangs until here

    @property
    def sids(self) -> list[str]:
        """The sids that arrived, in order."""
        return [
            one["custom_args"]["s"]
            for _, _, body in self.requests
            for one in json.loads(body)["personalizations"]
        ]


def accept(**headers: str) -> Behaviour:
    return answer(202, {"X-Message-Id": "Tk0-abc_1.filter", **headers})


def answer(status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> Behaviour:
    return lambda exchange: exchange.reply(status, headers or {}, body)


@contextlib.contextmanager
def serving(made: Stub, tls: ssl.SSLContext | None = None) -> Iterator[Stub]:
    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def get_request(self) -> Any:
            made.connections += 1
            connection, address = super().get_request()
            if tls is None:
                return connection, address
            try:
                return tls.wrap_socket(connection, server_side=True), address
            except OSError:
                made.failed += 1
                connection.close()
                raise

        def shutdown_request(self, request: Any) -> None:
            super().shutdown_request(request)
            made.closed.release()

        def handle_error(self, *_: object) -> None:
            """A client that hangs up is no error here."""

    class Bound(Exchange):
        stub = made

    server: socketserver.BaseServer = Server(("127.0.0.1", 0), Bound)
    host, port = server.server_address[:2]  # type: ignore[misc]
    made.url = f"{'https' if tls else 'http'}://{host!s}:{port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield made
        for _, _, body in made.requests:
            assert_sendgrid_takes(body)  # every request that any test makes
    finally:
        made.end.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def stub() -> Iterator[Stub]:
    with serving(Stub("")) as made:
        yield made


@pytest.fixture
def tls_stub() -> Iterator[Callable[[ssl.SSLContext], Stub]]:
    """Makes one that speaks TLS."""
    with contextlib.ExitStack() as open_:
        yield lambda context: open_.enter_context(serving(Stub(""), context))


@pytest.fixture
def sendgrid(stub: Stub) -> Iterator[SendGrid]:
    provider = SendGrid(KEY, base_url=stub.url, connect_s=1.0, read_s=1.0)
    yield provider
    provider.close()


@pytest.fixture
def relay() -> Iterator[Relay]:
    """A mail server on loopback."""
    relay = Relay()
    yield relay
    relay.close()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]
