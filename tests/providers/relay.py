"""A mail server on loopback that keeps to RFC 5321, or misbehaves at the stage it is told."""

import base64
import contextlib
import re
import select
import socket
import socketserver
import ssl
import threading
from dataclasses import dataclass, field
from typing import Any

DROP = "drop"  # closes without a word; at the text after the message was stored
HANG = "hang"  # says nothing until the test is over


@dataclass
class Mail:
    sender: str
    recipient: str
    data: bytes  # as it was given, without the stuffed dots

    @property
    def sid(self) -> str:
        """What its Message-ID says before the @."""
        found = re.search(rb"^Message-ID: <([^@>]+)@", self.data, re.MULTILINE)
        assert found is not None
        return found[1].decode()


@dataclass
class Relay:
    """`say` has what is answered at a stage instead of yes: one reply for ever, or a list of them, one a time.

    Stages: connect, ehlo, starttls, auth, mail, rcpt, data, text, rset, quit.
    """

    tls: ssl.SSLContext | None = None
    implicit: bool = False
    user: tuple[str, str] | None = None
    ways: str = "PLAIN LOGIN"  # of AUTH
    utf8: bool = False  # whether it offers SMTPUTF8
    pipelining: bool = True  # whether it offers it; without, what comes before its turn ends the connection
    grants: bool = False  # whether it says yes to DATA when it took no recipient (RFC 2920 §3.1)
    say: dict[str, str | list[str]] = field(default_factory=dict)
    mails: list[Mail] = field(default_factory=list)
    connections: int = 0
    commands: list[str] = field(default_factory=list)
    for_nobody: list[bytes] = field(default_factory=list)  # texts that came when it had taken no recipient

    def __post_init__(self) -> None:
        self.over = threading.Event()
        relay = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError, ssl.SSLError):
                    relay._serve(self)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _word(self, stage: str, otherwise: str) -> str:
        said = self.say.get(stage, otherwise)
        if isinstance(said, list):
            return said.pop(0) if said else otherwise
        return said

    def _serve(self, handler: Any) -> None:
        self.connections += 1
        with contextlib.ExitStack() as closing:
            self._talk(handler.request, closing)

    def _protected(self, connection: socket.socket, closing: contextlib.ExitStack) -> socket.socket:
        assert self.tls is not None
        return closing.enter_context(self.tls.wrap_socket(connection, server_side=True))

    def _talk(self, connection: socket.socket, closing: contextlib.ExitStack) -> None:
        if self.implicit:
            connection = self._protected(connection, closing)
        file = connection.makefile("rb")
        sender = recipient = ""
        safe = self.implicit

        def answer(text: str) -> bool:
            """False when nothing more is to be said."""
            if text == HANG:
                self.over.wait()
            if text in (DROP, HANG):
                connection.close()
                return False
            if not self.pipelining and not self.over.is_set() and hurried():
                connection.close()
                return False
            connection.sendall(text.encode() + b"\r\n")
            return not text.startswith("421")

        def hurried() -> bool:
            return bool(select.select([connection], [], [], 0)[0])

        if not answer(self._word("connect", "220 relay ready")):
            return
        while line := file.readline():
            command = line.decode("utf-8").strip()
            verb = command.split(" ")[0].upper()
            self.commands.append(verb + command[len(verb) :])
            if verb == "EHLO":
                extra = ["250-relay.example"] + ["250-PIPELINING"] * self.pipelining
                extra += ["250-STARTTLS"] * bool(self.tls and not safe)
                extra += [f"250-AUTH {self.ways}"] * bool(self.user)
                extra += ["250-SMTPUTF8", "250-8BITMIME"] * self.utf8
                ok = answer(self._word("ehlo", "\r\n".join([*extra, "250 ENHANCEDSTATUSCODES"])))
            elif verb == "STARTTLS":
                ok = answer(word := self._word("starttls", "220 go ahead"))
                if ok and word.startswith("220") and self.tls:
                    connection = self._protected(connection, closing)
                    file, safe = connection.makefile("rb"), True
            elif verb == "AUTH":
                right = self._log_in(command, file, answer) == self.user
                ok = answer(self._word("auth", "235 2.7.0 welcome" if right else "535 5.7.8 no"))
            elif verb == "MAIL":
                sender, recipient = command[command.index("<") + 1 : command.index(">")], ""
                ok = answer(word := self._word("mail", "250 2.1.0 ok"))
                sender = sender if word.startswith("250") else ""
            elif verb == "RCPT":
                word = self._word("rcpt", "250 2.1.5 ok") if sender else "503 5.5.1 MAIL first"
                ok = answer(word)
                if word.startswith("25"):
                    recipient = command[command.index("<") + 1 : command.index(">")]
            elif verb == "DATA":
                nobody = "354 go on" if self.grants else "503 5.5.1 RCPT first"
                ok = answer(word := self._word("data", "354 go on") if recipient else nobody)
                if ok and word.startswith("354"):
                    ok = self._take(file, answer, sender, recipient)
                sender = recipient = ""
            elif verb == "RSET":
                ok = answer(self._word("rset", "250 2.0.0 ok"))
            elif verb == "QUIT":
                answer(self._word("quit", "221 2.0.0 bye"))
                return
            else:
                ok = answer("500 what?")
            if not ok:
                return

    def _log_in(self, command: str, file: Any, answer: Any) -> tuple[str, ...]:
        """User and password as they were given (RFC 4616; LOGIN as everybody does it)."""
        given = base64.b64decode(command.rsplit(" ", maxsplit=1)[-1]).decode()
        if " PLAIN " in command:
            return tuple(given.split("\0")[1:])
        if not given or command.endswith(" LOGIN"):
            answer("334 VXNlcm5hbWU6")
            given = base64.b64decode(file.readline()).decode()
        answer("334 UGFzc3dvcmQ6")
        return given, base64.b64decode(file.readline()).decode()

    def _take(self, file: Any, answer: Any, sender: str, recipient: str) -> bool:
        lines = []
        while (line := file.readline()) != b".\r\n":
            if not line:
                return False
            lines.append(line[1:] if line.startswith(b".") else line)
        if not recipient:
            self.for_nobody.append(b"".join(lines))
            return bool(answer("554 5.5.1 no valid recipients"))
        word = self._word("text", "250 2.0.0 queued as X1")
        if word.startswith("250") or word in (DROP, HANG):
            self.mails.append(Mail(sender, recipient, b"".join(lines)))
        return bool(answer(word))
