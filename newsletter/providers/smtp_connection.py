"""One connection to a relay: it says how far a message came when something breaks.

smtplib raises the same exception for a connection that broke before anything was taken and for one that broke after
the whole message was stored: so each command is given here, one recipient a message, and its stage is kept.
"""

import base64
import contextlib
import functools
import re
import smtplib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from newsletter.providers.protocol import Answer
from newsletter.providers.smtp_answers import TEXT, Meaning, Said, meaning

FAULTS = (OSError, smtplib.SMTPException, ValueError)

_DOT = re.compile(rb"\n\.")
_TAKEN = {"mail": (250,), "rcpt": (250, 251), "data": (354,)}


@dataclass(frozen=True, slots=True)
class Mail:
    """One message with its envelope, ready for the wire."""

    sid: str
    sender: str  # of the envelope (RFC 5321 §4.1.1.2)
    recipient: str
    text: bytes  # what follows 354: dot-stuffed, with the dot that ends it
    utf8: bool = False  # the recipient's name is not ASCII: only with SMTPUTF8 (RFC 6531)

    def envelope(self) -> dict[str, bytes]:
        """The three commands before the text, by stage."""
        more = " SMTPUTF8" if self.utf8 else ""
        return {
            "mail": f"MAIL FROM:<{self.sender}>{more}\r\n".encode(),
            "rcpt": f"RCPT TO:<{self.recipient}>\r\n".encode(),
            "data": b"DATA\r\n",
        }


class Refused(Exception):
    """The relay won't talk to us: the reply that ended the greeting, and its stage."""

    def __init__(self, stage: str, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.stage, self.code, self.text = stage, code, text


class Connection(smtplib.SMTP):
    """smtplib that remembers which command is open."""

    stage = "connect"
    challenged = False  # what comes next is an answer and no command (RFC 4954 §4)

    def putcmd(self, cmd: str, args: str = "") -> None:
        if not self.challenged:
            self.stage = cmd.split(maxsplit=1)[0].lower()
        super().putcmd(cmd, args)

    def getreply(self) -> tuple[int, bytes]:
        """Raises SMTPException for what is no reply: nobody knows to what the next line would be the answer."""
        code, text = super().getreply()
        self.challenged = self.stage == "auth" and code == 334
        if not 200 <= code < 600:
            raise smtplib.SMTPException("an answer that is none of SMTP's")
        return code, text

    def hand_over(self, mail: Mail, *, command_s: float, text_s: float) -> Said:
        """MAIL, RCPT, DATA, the text. Raises FAULTS when the connection breaks; `stage` says where then.

        command_s, text_s: how long a reply to a command, and the one to the text, may take
        """
        if mail.utf8 and not self.has_extn("smtputf8"):
            return Said(
                Meaning(Answer.REJECTED), None, "the relay takes no letters beyond ASCII before the @"
            )
        self.wait(command_s)
        code, text = self._announce(mail.envelope())
        if code == 354:
            self.stage = TEXT
            self.wait(text_s)
            self.send(mail.text)
            code, text = self.getreply()
        words = reply_text(text)
        return Said(meaning(self.stage, code, words), code, words)

    def _announce(self, envelope: dict[str, bytes]) -> tuple[int, bytes]:
        """The reply to DATA, or the first one before it that is no yes.

        In one write where the server says that it can take them so (RFC 2920); else one by one. No byte of the text
        goes along: whether it may be sent is known only when all three are answered.
        """
        together = self.has_extn("pipelining")
        code, text = 0, b""
        for self.stage, command in envelope.items():
            if not together:
                self.send(command)
            elif self.stage == "mail":
                self.send(b"".join(envelope.values()))
            code, text = self.getreply()
            if code not in _TAKEN[self.stage]:
                if together and self.stage != "data":
                    self._hear_out(code)
                break
        return code, text

    def _hear_out(self, code: int) -> None:
        """Read what is said to the commands behind a refused one, so that the connection can be used on; or close it.

        A server may grant DATA although it took no recipient; then a dot ends a text that goes to nobody (RFC 2920
        §3.1). Where it may have taken the recipient, that dot would send them an empty message: no dot then.
        """
        try:
            if code == 421:  # it closes (RFC 5321 §3.8)
                raise smtplib.SMTPServerDisconnected("said good-bye")
            recipient = self.getreply()[0] if self.stage == "mail" else code
            if self.getreply()[0] == 354:
                if not 400 <= recipient < 600:
                    raise smtplib.SMTPException("a text for nobody or for somebody")
                self.send(b".\r\n")
                self.getreply()
        except FAULTS:
            ignoring(self.close)

    def log_in(self, username: str, password: str) -> None:
        """AUTH; PLAIN in UTF-8 (RFC 4616 §2), which smtplib can't write. Raises SMTPResponseException or as `login`."""
        if not self.has_extn("auth"):
            raise smtplib.SMTPNotSupportedError("the server offers no AUTH")
        if "PLAIN" not in self.esmtp_features["auth"].upper().split():
            try:
                self.login(username, password)
            except UnicodeEncodeError:
                raise smtplib.SMTPNotSupportedError(
                    "the server offers no way to log in with letters beyond ASCII"
                ) from None
            return
        said = base64.b64encode(f"\0{username}\0{password}".encode()).decode("ascii")
        code, text = self.docmd("AUTH", f"PLAIN {said}")
        if code != 235:
            raise smtplib.SMTPAuthenticationError(code, text)

    def wait(self, seconds: float) -> None:
        """How long the next replies may take."""
        if self.sock is not None:
            self.sock.settimeout(seconds)


class _ConnectionTls(Connection, smtplib.SMTP_SSL):
    """The same with TLS from the first byte (RFC 8314 §3.3)."""


@dataclass(frozen=True)
class Way:
    """How a relay is reached. Timeouts in seconds."""

    host: str
    port: int
    tls: str  # "starttls", "implicit" or "none"
    username: str
    password: str
    connect_s: float
    command_s: float

    def connect(self, context: ssl.SSLContext) -> Connection:
        """A connection that has said hello and is logged in. Raises Refused, or FAULTS."""
        kind: Callable[..., Connection] = _ConnectionTls if self.tls == "implicit" else Connection
        more = {"context": context} if self.tls == "implicit" else {}
        connection = kind(local_hostname=_this_host(), timeout=self.connect_s, **more)
        try:
            self._greet(connection, context)
        except smtplib.SMTPResponseException as error:
            ignoring(connection.close)
            raise Refused(connection.stage, error.smtp_code, reply_text(error.smtp_error)) from None
        except BaseException:
            ignoring(connection.close)
            raise
        return connection

    def _greet(self, connection: Connection, context: ssl.SSLContext) -> None:
        connection._host = self.host  # type: ignore[attr-defined]  # the name that STARTTLS verifies
        _expect(connection, connection.connect(self.host, self.port), 220)
        assert connection.sock is not None  # noqa: S101 - it has just been connected
        # The end of a text must not wait until its beginning was acknowledged.
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.wait(self.command_s)
        _expect(connection, connection.ehlo(), 250)
        if self.tls == "starttls":
            if not connection.has_extn("starttls"):
                raise smtplib.SMTPNotSupportedError(
                    "the server offers no STARTTLS, and nothing goes out unprotected"
                )
            _expect(connection, connection.starttls(context=context), 220)
            _expect(connection, connection.ehlo(), 250)
        if self.username:
            connection.log_in(self.username, self.password)


@functools.cache
def _this_host() -> str:
    """What EHLO says; asked once, because it may ask the network."""
    return socket.getfqdn()


def _expect(connection: Connection, reply: tuple[int, bytes], code: int) -> None:
    if reply[0] != code:
        raise Refused(connection.stage, reply[0], reply_text(reply[1]))


def reply_text(reply: bytes | str) -> str:
    return reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply


def stuffed(data: bytes) -> bytes:
    """RFC 5321 §4.5.2: a line that begins with a dot gets another one; with the dot at the end.

    data: CRLF only
    """
    if _DOT.search(data):  # our own texts have none, and this is twice as fast as to replace nothing
        data = data.replace(b"\r\n.", b"\r\n..")
    first, end = b"." if data.startswith(b".") else b"", b"" if data.endswith(b"\r\n") else b"\r\n"
    return b"".join((first, data, end, b".\r\n"))


def end(connection: Connection) -> None:
    """Take leave, and let go whatever is said to that."""
    ignoring(connection.quit)
    ignoring(connection.close)


def ignoring(work: Callable[[], object]) -> None:
    """What comes after the answer is known changes nothing."""
    with contextlib.suppress(*FAULTS):
        work()
