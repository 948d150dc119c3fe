"""Parcels, and a SendGrid on loopback that keeps to the API or misbehaves as it is told."""

import contextlib
import os
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from newsletter.audience.models import Subscriber
from newsletter.campaigns.models import Campaign, Status
from newsletter.mail.message import Envelope
from newsletter.providers.protocol import Parcel
from newsletter.providers.sendgrid import SendGrid
from newsletter.render.composition import Attachment, Composition, InlinePicture, Links, Values

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
    headers: dict[HeaderName, Header]
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
    subject: Sign
    content: list[Content] = Field(min_length=1, max_length=2)
    attachments: list[AttachedFile] | None = None
    tracking_settings: NoTracking

    def model_post_init(self, _context: Any) -> None:
        kinds = [part.type for part in self.content]
        assert kinds == sorted(kinds, reverse=True), "text/plain stands before text/html"
        assert len(set(kinds)) == len(kinds)
        people = [one.email.lower() for part in self.personalizations for one in part.to]
        assert len(set(people)) == len(people), "an address once a request"


@pytest.fixture(scope="session")
def mail_send() -> type[MailSend]:
    return MailSend


@pytest.fixture(scope="session")
def openapi() -> Callable[[bytes], None]:
    """Holds a request body against Twilio's own description, which lies beside the project."""
    import json

    from jsonschema import Draft202012Validator

    beside = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    file = Path(os.environ.get("NEWSLETTER_SHARED_DATA", beside)) / "tsg_mail_v3.json"
    if not file.is_file():
        pytest.skip("tsg_mail_v3.json is missing (NEWSLETTER_SHARED_DATA names its folder)")
    spec = json.loads(file.read_text(encoding="utf-8"))
    where = "#/components/requestBodies/PostMailSend/content/application~1json/schema"
    validator = Draft202012Validator({**spec, "$ref": where})
    return lambda body: validator.validate(json.loads(body))


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
    closed: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    end: threading.Event = field(default_factory=threading.Event)  # what hangs, hangs until here

    @property
    def sids(self) -> list[str]:
        """The sids that arrived, in order."""
        import json

        return [json.loads(body)["personalizations"][0]["custom_args"]["s"] for _, _, body in self.requests]


def accept(**headers: str) -> Behaviour:
    return answer(202, {"X-Message-Id": "Tk0-abc_1.filter", **headers})


def answer(status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> Behaviour:
    return lambda exchange: exchange.reply(status, headers or {}, body)


@pytest.fixture
def stub() -> Iterator[Stub]:
    made = Stub("")

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def get_request(self) -> Any:
            made.connections += 1
            return super().get_request()

        def shutdown_request(self, request: Any) -> None:
            super().shutdown_request(request)
            made.closed.release()

        def handle_error(self, *_: object) -> None:
            """A client that hangs up is no error here."""

    class Bound(Exchange):
        stub = made

    server: socketserver.BaseServer = Server(("127.0.0.1", 0), Bound)
    host, port = server.server_address[:2]  # type: ignore[misc]
    made.url = f"http://{host!s}:{port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield made
        for _, _, body in made.requests:
            MailSend.model_validate_json(body)  # every request that any test makes
    finally:
        made.end.set()
        server.shutdown()
        thread.join()
        server.server_close()


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
