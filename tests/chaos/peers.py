"""Providers on loopback that misbehave by the dice, and write down in a journal of their own whom they took mail for.

The journal is the truth that the ledger is held against: a line is written when a message is taken, before it is
answered, and it lies outside of every process that is killed.
"""

import contextlib
import json
import random
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

from tests.providers.relay import DROP, Mail, Relay

SLOW_S = 1.2  # the longest that a peer says nothing; then it hangs up


@dataclass(frozen=True)
class Taken:
    """A message that a provider has."""

    sid: str
    recipient: str
    campaign: str  # "" where the provider is not told
    at: float  # unix seconds


class Journal:
    """One line a message, appended; read by whoever checks."""

    def __init__(self, path: Path, hesitate: Callable[[], None]) -> None:
        self._path, self._hesitate = path, hesitate
        self._lock = threading.Lock()
        self.number = 0
        self.gate = threading.Event()
        self.gate.set()
        path.touch()

    def note(self, sid: str, recipient: str) -> None:
        line = json.dumps([sid, recipient, time.time()]) + "\n"
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(line)
        self.number += 1
        self._hesitate()
        self.gate.wait()

    def read(self) -> list[Taken]:
        with self._lock:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        return [Taken(sid, recipient, "", at) for sid, recipient, at in map(json.loads, lines)]


class Peer(Protocol):
    """What a campaign is sent to. `calm`: from now on it keeps to the rules.

    `gate`: while it is closed, what is taken is written down, and the answer waits
    """

    calm: bool
    gate: threading.Event

    def taken(self) -> list[Taken]: ...

    def number(self) -> int:
        """Grows with each message that is taken; quick."""
        ...

    def environment(self) -> dict[str, str]:
        """What a sender has to be told to find it."""
        ...

    def rest(self) -> None:
        """Returns when nobody's message is on its way any more."""
        ...

    def close(self) -> None: ...


class Doors:
    """The open connections of a server, counted where they are accepted: in the order in which they came."""

    def __init__(self, server: socketserver.TCPServer) -> None:
        self._address = server.server_address
        self._open, self._lock = 0, threading.Lock()
        accept_one, let_go = server.get_request, server.shutdown_request

        def counted() -> Any:
            found = accept_one()
            self._add(1)
            return found

        def uncounted(request: Any) -> None:
            let_go(request)
            self._add(-1)

        server.get_request, server.shutdown_request = counted, uncounted  # type: ignore[method-assign]

    def _add(self, number: int) -> None:
        with self._lock:
            self._open += number

    def wait_closed(self) -> None:
        """Everybody who ever knocked was let in and has gone: nothing of theirs lies unread."""
        with contextlib.suppress(OSError), socket.create_connection(self._address[:2], timeout=30) as last:
            last.sendall(b"GET / HTTP/1.0\r\n\r\n")
            last.recv(1)
        wait_until(lambda: self._open == 0)


def hesitate(peer: Peer, dice: random.Random) -> None:
    """Between taking a message and saying so: the moment that a kill must not make a mail lost or doubled."""
    if not peer.calm and dice.random() < 0.4:
        time.sleep(dice.uniform(0, 0.04))


# --- the outbox ------------------------------------------------------------------------------------------


class Files:
    """The outbox is its own journal: a file that ends in .eml was handed over."""

    calm = False

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[Path, Taken] = {}
        self.gate = threading.Event()  # nobody waits for an answer here

    def taken(self) -> list[Taken]:
        for path in self._root.rglob("*.eml"):
            if path not in self._known:  # a file that has its name never changes
                self._known[path] = self._read(path)
        return list(self._known.values())

    def _read(self, path: Path) -> Taken:
        data = path.read_bytes()
        assert data.endswith(b"--\r\n"), f"{path.name} is not whole"
        to = next(line for line in data.split(b"\r\n") if line.startswith(b"To: "))
        campaign = path.parent.relative_to(self._root).as_posix()
        return Taken(path.stem, to[4:].decode("ascii").strip("<>"), campaign, path.stat().st_mtime)

    def number(self) -> int:
        return sum(1 for _ in self._root.rglob("*.eml"))

    def environment(self) -> dict[str, str]:
        return {}

    def rest(self) -> None:
        """Whoever wrote here is dead."""

    def close(self) -> None:
        """Nothing is held."""


# --- a relay ---------------------------------------------------------------------------------------------

# What is said at a stage instead of yes, and how often in a thousand dialogues: the rows of the answer table.
SMTP_FAULTS: dict[str, list[tuple[int, str]]] = {
    "connect": [(15, DROP), (10, "421 4.3.2 too busy"), (3, "554 5.3.2 not today")],
    "ehlo": [(10, DROP), (5, "421 4.3.2 closing")],
    "mail": [(5, "451 4.3.0 later"), (3, "550 5.7.1 this sender may not"), (5, DROP)],
    "rcpt": [(10, "450 4.2.0 greylisted"), (5, "452 4.2.2 full"), (5, "552 too many"), (10, "550 5.1.1 unknown"),
             (3, "554 5.7.1 blocked"), (8, DROP)],
    "data": [(5, "451 4.3.0 later"), (3, "554 5.6.0 no"), (8, DROP)],
    "text": [(8, "451 4.3.0 later"), (5, "554 5.7.1 looks like spam"), (3, "552 5.3.4 too big"), (25, DROP)],
    "rset": [(20, DROP)],
}  # fmt: skip


class _Noted(list[Mail]):
    """The relay's mails, each written down at the moment when it is stored."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self.journal = journal

    def append(self, mail: Mail) -> None:
        self.journal.note(mail.sid, mail.recipient)


class MoodyRelay(Relay):
    """A mail server that refuses, stalls and hangs up as the dice say."""

    def __init__(self, journal: Path, dice: random.Random) -> None:
        self.dice, self.calm = dice, False
        self.journal = Journal(journal, lambda: hesitate(self, dice))
        self.gate = self.journal.gate
        super().__init__(mails=_Noted(self.journal))
        self._doors = Doors(self._server)

    def taken(self) -> list[Taken]:
        return self.journal.read()

    def number(self) -> int:
        return self.journal.number

    def environment(self) -> dict[str, str]:
        return {"NEWSLETTER_SMTP__PORT": str(self.port)}

    def rest(self) -> None:
        self._doors.wait_closed()

    def _word(self, stage: str, otherwise: str) -> str:
        self.commands.clear()
        if self.calm:
            return otherwise
        if self.dice.random() < 0.003:
            time.sleep(SLOW_S)
            return DROP
        draw = self.dice.uniform(0, 1000)
        for share, word in SMTP_FAULTS.get(stage, ()):
            draw -= share
            if draw < 0:
                return word
        return otherwise

    def _take(self, file: Any, answer: Any, sender: str, recipient: str) -> bool:
        if not self.calm and self.dice.random() < 0.015:
            file.readline()
            return False  # hangs up in the middle of the text: it stored nothing
        return super()._take(file, answer, sender, recipient)


# --- SendGrid's API --------------------------------------------------------------------------------------

Behaviour = Callable[["Exchange"], None]


class Exchange(BaseHTTPRequestHandler):
    """One connection to the API."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet an answer
    api: "MoodyApi"

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if len(body) < int(self.headers["Content-Length"]):
            self.close_connection = True
            return  # whoever wrote it was killed: half a request is none
        people = json.loads(body)["personalizations"]
        self.people = [(one["custom_args"]["s"], one["to"][0]["email"]) for one in people]
        self.api.behaviour()(self)

    def take(self) -> None:
        for sid, recipient in self.people:
            self.api.journal.note(sid, recipient)

    def reply(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response_only(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def reset(self) -> None:
        """RST instead of an answer."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()


def accept(exchange: Exchange) -> None:
    exchange.take()
    exchange.reply(202, X_Message_Id="Tk0-abc_1.filter")


def answers(status: int, body: bytes = b"", *, takes: bool = False, **headers: str) -> Behaviour:
    def behave(exchange: Exchange) -> None:
        if takes:
            exchange.take()
        exchange.reply(status, body, **headers)

    return behave


def _reset(*, takes: bool) -> Behaviour:
    def behave(exchange: Exchange) -> None:
        if takes:
            exchange.take()
        exchange.reset()

    return behave


def _cut(exchange: Exchange) -> None:
    """Takes it, and says so by halves."""
    exchange.take()
    exchange.wfile.write(b"HTTP/1.1 202 Accepted\r\nX-Mess")
    exchange.close_connection = True


def _drips(exchange: Exchange) -> None:
    exchange.take()
    for byte in b"HTTP/1.1 202 Accepted\r\nX-Message-Id: drip\r\nContent-Length: 0\r\n\r\n":
        exchange.wfile.write(bytes([byte]))
        exchange.wfile.flush()
        time.sleep(0.004)


def _hangs(exchange: Exchange) -> None:
    exchange.take()
    time.sleep(SLOW_S)
    exchange.reset()


def _idle_close(exchange: Exchange) -> None:
    """Takes it, says so, and closes without having said that it would."""
    accept(exchange)
    exchange.close_connection = True


def _too_many(exchange: Exchange, reset: str, date: str | None = None) -> None:
    exchange.reply(429, Date=date or formatdate(usegmt=True), X_RateLimit_Reset=reset)


def _error(field: str) -> bytes:
    return json.dumps({"errors": [{"message": "no", "field": field}]}).encode()


# How often in a thousand requests; the rest is taken and said so.
API_FAULTS: list[tuple[int, Behaviour]] = [
    (15, _reset(takes=True)),
    (10, _reset(takes=False)),
    (12, answers(500, takes=True)),
    (8, answers(500)),
    (4, answers(503)),
    (4, answers(504, takes=True)),
    (5, answers(202, takes=True)),  # without X-Message-Id
    (5, answers(302, Location="/elsewhere")),
    (8, _cut),
    (5, _drips),
    (3, _hangs),
    (30, _idle_close),
    (10, answers(429)),
    (4, lambda exchange: _too_many(exchange, "12")),  # long past
    (4, lambda exchange: _too_many(exchange, str(int(time.time()) + 1))),
    (4, lambda exchange: _too_many(exchange, "86401", "Fri, 02 Jan 1970 00:00:00 GMT")),  # a skewed clock
    (6, answers(400, _error("personalizations.0.to"))),
    (3, answers(400, _error("personalizations.0.headers"))),
    (3, answers(400, b"{}")),
    (3, answers(401)),
    (3, answers(403)),
    (4, answers(413)),
]


class MoodyApi:
    """SendGrid's mail/send as it answers on a bad day."""

    def __init__(self, journal: Path, dice: random.Random) -> None:
        self.dice, self.calm = dice, False
        self.journal = Journal(journal, lambda: hesitate(self, dice))
        self.gate = self.journal.gate
        self.script: list[Behaviour] = []  # what it does before it is left to the dice
        self.asked = 0

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """A client that hangs up is no error here."""

        class Bound(Exchange):
            api = self

        self._server = Server(("127.0.0.1", 0), Bound)
        self._doors = Doors(self._server)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def behaviour(self) -> Behaviour:
        self.asked += 1
        if self.script:
            return self.script.pop(0)
        if self.calm:
            return accept
        draw = self.dice.uniform(0, 1000)
        for share, behaviour in API_FAULTS:
            draw -= share
            if draw < 0:
                return behaviour
        return accept

    def taken(self) -> list[Taken]:
        return self.journal.read()

    def number(self) -> int:
        return self.journal.number

    def environment(self) -> dict[str, str]:
        return {
            "SENDGRID_API_KEY": "SG.a-key-of-the-chaos.never-shown",
            "NEWSLETTER_SENDGRID__BASE_URL": f"http://127.0.0.1:{self._server.server_address[1]}",
        }

    def rest(self) -> None:
        self._doors.wait_closed()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def wait_until(holds: Callable[[], bool], limit_s: float = 60.0) -> None:
    until = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < until, "it takes too long"
        time.sleep(0.005)  # polls; the clock only bounds a failure


def peer(provider: str, project: Path, journal: Path, dice: random.Random) -> Peer:
    if provider == "outbox":
        return Files(project / "out" / "outbox")
    return MoodyRelay(journal, dice) if provider == "smtp" else MoodyApi(journal, dice)
