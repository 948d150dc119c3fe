"""SMTP through a relay: kept connections that know how far each message came when something breaks.

smtplib raises the same exception for a connection that broke before anything was taken and for one that broke after
the whole message was stored: so each command is given here, one recipient a message, and its stage is kept.
"""

import base64
import contextlib
import functools
import hashlib
import queue
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from newsletter.errors import ChecksFailed, Place, Problem
from newsletter.files.project import SETTINGS_FILE
from newsletter.mail.mailbox import parse_mailbox
from newsletter.mail.message import check, message
from newsletter.providers.protocol import NO_MARK, Answer, Mark, Outcome, Parcel, Request, never
from newsletter.providers.smtp_answers import TEXT, Meaning, meaning, silence
from newsletter.settings.model import Settings
from newsletter.settings.model import Smtp as SmtpSettings
from newsletter.settings.web import is_loopback

CONNECT_S = 5.0
COMMAND_S = 60.0
TEXT_S = 600.0  # RFC 5321 §4.5.3.2.6: the reply to the dot may take ten minutes; who gives up earlier makes doubles

_FAULTS = (OSError, smtplib.SMTPException, ValueError)


def open_from(settings: Settings, folder: Path) -> "Smtp":  # noqa: ARG001 (every provider's)
    return open_smtp(settings.smtp)


def largest_batch(settings: Settings) -> int:  # noqa: ARG001 (every provider's)
    return Smtp.max_batch


def stays_here(settings: Settings) -> bool:
    return is_loopback(settings.smtp.host)


def count_requests(settings: Settings, parcels: Sequence[Parcel]) -> int:  # noqa: ARG001 (every provider's)
    return 1


def lacks(settings: Settings) -> Sequence[Problem]:
    lacking = []
    if not settings.smtp.host:
        hint = '[smtp] host = "smtp.example.org", or NEWSLETTER_SMTP__HOST'
        lacking.append(Problem("G124", "no relay is named", Place(SETTINGS_FILE), hint))
    if settings.smtp.username and not settings.smtp.password:
        hint = "set NEWSLETTER_SMTP__PASSWORD in the environment or in .env"
        lacking.append(Problem("G164", "the relay's user has no password", hint=hint))
    return lacking


def open_smtp(settings: SmtpSettings) -> "Smtp":
    """An Smtp for the settings' relay. No network."""
    password = settings.password.get_secret_value() if settings.password else ""
    return Smtp(
        settings.host,
        settings.port_in_use,
        tls=settings.tls,
        username=settings.username,
        password=password,
        bounce_address=settings.bounce_address,
        connections=settings.connections,
    )


@dataclass(frozen=True, slots=True)
class _Mail:
    """One message with its envelope, ready for the wire."""

    sid: str
    sender: str  # of the envelope (RFC 5321 §4.1.1.2)
    recipient: str
    data: bytes  # CRLF only, not yet dot-stuffed
    utf8: bool = False  # the recipient's name is not ASCII: only with SMTPUTF8 (RFC 6531)


@dataclass(frozen=True, slots=True)
class _Said:
    """What became of one message, and why."""

    meaning: Meaning
    code: int | None = None
    text: str = ""


class _Refused(Exception):
    """The dialogue ended with a reply at a stage; the connection may still be good."""

    def __init__(self, stage: str, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.stage, self.code, self.text = stage, code, text


class _Staged(smtplib.SMTP):
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
        if self.stage == "data" and code == 354:
            self.stage = TEXT
        return code, text

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


class _StagedTls(_Staged, smtplib.SMTP_SSL):
    """The same with TLS from the first byte (RFC 8314 §3.3)."""


@dataclass
class Smtp:
    """A relay. Up to `max_batch` messages a request: each has its own answer, and a kill puts all of them in doubt.

    Begins with one connection and doubles them as long as all goes well; who is told to slow down begins anew.
    Timeouts in seconds. bounce_address: `local@domain`, becomes `local+SID@domain` as the envelope's sender (VERP), so
    that a bounce names its message; the sid is signed by itself. Without it the sender's own address.
    """

    host: str
    port: int
    tls: str = "starttls"  # or "implicit"; "none" is refused by the settings for any other machine than this
    username: str = ""
    password: str = field(default="", repr=False)
    bounce_address: str = ""
    connections: int = 4  # kept, a process; Postfix takes 20 of one client
    connect_s: float = CONNECT_S
    command_s: float = COMMAND_S
    text_s: float = TEXT_S
    context: ssl.SSLContext | None = field(
        default=None, repr=False
    )  # other authorities than the system's, in tests
    _kept: "queue.SimpleQueue[_Staged]" = field(default_factory=queue.SimpleQueue, init=False, repr=False)
    _width: int = field(default=1, init=False, repr=False)  # how many of the connections are in use

    name = "smtp"
    live = True
    max_batch = 20

    def prepare(self, parcels: Sequence[Parcel], mark: Mark = NO_MARK) -> Request:  # noqa: ARG002 (the protocol's)
        """See Provider.prepare. Written out as the wire has it; a kill between two messages leaves all in doubt."""
        if (
            not parcels
            or len(parcels) > self.max_batch
            or len({parcel.campaign_id for parcel in parcels}) != 1
        ):
            raise ValueError(f"a request holds 1 to {self.max_batch} messages of one campaign")
        mails = tuple(self._mail(parcel) for parcel in parcels)
        digest = hashlib.sha256()
        for mail in mails:
            digest.update(f"{mail.sender}\0{mail.recipient}\0".encode() + mail.data)
        return Request(tuple(mail.sid for mail in mails), digest.digest(), mails)

    def hand_over(self, request: Request, stop: Callable[[], bool] = never) -> Outcome:
        """Give the messages to the relay over its kept connections. After a doubt or a refusal of us none is begun."""
        mails = request.payload
        if not isinstance(mails, tuple) or not all(isinstance(mail, _Mail) for mail in mails):
            raise TypeError("this request was prepared by another provider")
        waiting: queue.SimpleQueue[_Mail] = queue.SimpleQueue()
        for mail in mails:
            waiting.put(mail)
        said: dict[str, _Said] = {}
        halt = threading.Event()

        def work() -> None:
            while not (halt.is_set() or (said and stop())):
                try:
                    mail = waiting.get_nowait()
                except queue.Empty:
                    return
                said[mail.sid] = one = self._send(mail)
                if (
                    one.meaning.answer is Answer.UNKNOWN
                    or one.meaning.pause
                    or one.meaning.rest_s
                    or one.meaning.quota
                    or _is_down(one)
                ):
                    halt.set()

        number = min(self.connections, self._width, len(mails))
        if number == 1:
            work()
        else:
            with ThreadPoolExecutor(number) as pool:
                for done in [pool.submit(work) for _ in range(number)]:
                    done.result()
        well = len(said) == len(mails) and not any(_is_down(one) for one in said.values())
        if any(one.meaning.rest_s for one in said.values()):
            self._width = 1
        elif well:
            self._width = min(self.connections, self._width * 2)
        return self._outcome(request.sids, said)

    def evidence(self, campaign_id: str, sids: Sequence[str]) -> None:  # noqa: ARG002 (the protocol's)
        """A relay can't be asked; its log and bounces are for a human, or for events."""
        return

    def close(self) -> None:
        """End the kept connections politely."""
        while True:
            try:
                connection = self._kept.get_nowait()
            except queue.Empty:
                return
            _end(connection)

    def _mail(self, parcel: Parcel) -> _Mail:
        letter = parcel.letter or check(parcel.composition, parcel.values, parcel.envelope)
        data = message(parcel.composition, parcel.values, parcel.envelope, letter)
        sender = parse_mailbox(parcel.envelope.sender).address
        if self.bounce_address:
            local, _, domain = self.bounce_address.rpartition("@")
            sender = f"{local}+{parcel.sid}@{domain}"
        recipient = letter.recipient
        for address in (sender, recipient):
            if not address.isprintable() or set(address) & set(" <>"):
                raise ChecksFailed(Problem("D104", "an address cannot stand in an SMTP command"))
        return _Mail(parcel.sid, sender, recipient, data, utf8=not recipient.isascii())

    def _send(self, mail: _Mail) -> _Said:
        """One message. A kept connection that has died meanwhile is replaced once: nothing was taken by it."""
        for fresh in (False, True):
            try:
                connection, kept = self._connection(fresh=fresh)
            except _Refused as refused:
                what = meaning(refused.stage, refused.code, refused.text)
                if what == Meaning(
                    Answer.RETRY
                ):  # the relay is busy: no fault of whoever is next, and no try of theirs
                    return _Said(what, None, f"no connection: {refused}")
                return _Said(what, refused.code, refused.text)
            except ssl.SSLError as fault:
                cut = isinstance(fault, ssl.SSLEOFError | ssl.SSLZeroReturnError)
                return _Said(
                    Meaning(Answer.RETRY, pause=not cut), None, f"no safe connection: {_words(fault)}"
                )
            except smtplib.SMTPNotSupportedError as fault:
                return _Said(Meaning(Answer.RETRY, pause=True), None, str(fault))
            except _FAULTS as fault:
                return _Said(silence("connect"), None, f"no connection: {_words(fault)}")
            try:
                said = self._dialogue(connection, mail)
            except _FAULTS as fault:
                stage = connection.stage
                _ignoring(connection.close)
                if kept and stage in ("mail", "rset"):
                    continue
                return _Said(
                    silence(stage), None, f"the connection broke at {stage.upper()}: {_words(fault)}"
                )
            if (
                kept and said.code == 421 and connection.stage == "mail"
            ):  # it had taken its leave while nobody spoke
                _ignoring(connection.close)
                continue
            self._keep(connection, said)
            return said
        raise AssertionError("a fresh connection is not a kept one")

    def _dialogue(self, connection: _Staged, mail: _Mail) -> _Said:
        """MAIL, RCPT, DATA, the text. Raises what smtplib raises when the connection breaks."""
        connection.wait(self.command_s)
        if mail.utf8 and not connection.has_extn("smtputf8"):
            return _Said(
                Meaning(Answer.REJECTED), None, "the relay takes no letters beyond ASCII before the @"
            )
        if mail.utf8:  # in which smtplib then writes the addresses
            code, text = connection.mail(mail.sender, ["SMTPUTF8"])
        else:
            code, text = connection.docmd(
                "MAIL", f"FROM:<{mail.sender}>"
            )  # without taking it apart once more
        if code == 250:
            code, text = connection.docmd("RCPT", f"TO:<{mail.recipient}>")
        if code in (250, 251):
            connection.putcmd("data")
            code, text = connection.getreply()
        if code == 354:
            connection.wait(self.text_s)
            connection.send(_stuffed(mail.data) + b".\r\n")
            code, text = connection.getreply()
        words = _text(text)
        return _Said(meaning(connection.stage, code, words), code, words)

    @functools.cached_property
    def _tls(self) -> ssl.SSLContext:
        """One for all connections: to make one takes longer than to send a mail."""
        return self.context or ssl.create_default_context()

    def _connection(self, *, fresh: bool) -> tuple[_Staged, bool]:
        """A connection that has said hello, and whether it was kept. Raises _Refused, or what smtplib raises."""
        if not fresh:
            try:
                return self._kept.get_nowait(), True
            except queue.Empty:
                pass
        context = self._tls
        kind: Callable[..., _Staged] = _StagedTls if self.tls == "implicit" else _Staged
        more = {"context": context} if self.tls == "implicit" else {}
        connection = kind(local_hostname=_this_host(), timeout=self.connect_s, **more)
        try:
            connection._host = self.host  # type: ignore[attr-defined]  # the name that STARTTLS verifies
            _expect(connection, connection.connect(self.host, self.port), 220)
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
        except smtplib.SMTPResponseException as error:
            _ignoring(connection.close)
            raise _Refused(connection.stage, error.smtp_code, _text(error.smtp_error)) from None
        except BaseException:
            _ignoring(connection.close)
            raise
        return connection, False

    def _keep(self, connection: _Staged, said: _Said) -> None:
        if said.code == 421 or self._kept.qsize() >= self.connections:
            _end(connection)
            return
        if said.meaning.answer is not Answer.ACCEPTED:
            try:
                connection.rset()
            except _FAULTS:
                _ignoring(connection.close)
                return
        self._kept.put(connection)

    def _outcome(self, sids: Sequence[str], said: Mapping[str, _Said]) -> Outcome:
        """Whoever was not begun goes again, and whoever the relay put off goes again later."""
        worst = max(said.values(), key=_gravity)
        known = {one.meaning.answer for one in said.values()}
        alone = len(said) == len(sids) and len(known) == 1
        answers = (
            {}
            if alone
            else {
                sid: (one.meaning.answer, "" if one.meaning.answer is Answer.ACCEPTED else self._shown(one))
                for sid, one in said.items()
                if one.meaning.answer is not Answer.RETRY
            }
        )
        return Outcome(
            worst.meaning.answer if alone else Answer.RETRY,
            worst.code,
            detail="" if known == {Answer.ACCEPTED} else self._shown(worst),
            retry_after_s=worst.meaning.rest_s,
            exceptions=answers,
            pause=worst.meaning.pause,
            put_off=frozenset(sid for sid, one in said.items() if _is_put_off(one)),
            gone=frozenset(sid for sid, one in said.items() if one.meaning.suppress),
            quota=worst.meaning.quota,
        )

    def _shown(self, said: _Said) -> str:
        """One line for a human; no address, no password."""
        text = f"{said.code or ''} {said.text}".strip()
        if self.password:
            text = text.replace(self.password, "***")
        text = re.sub(r"[^\s<>]+@[^\s<>]+", "…@…", text)
        return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:300]


@functools.cache
def _this_host() -> str:
    """What EHLO says; asked once, because it may ask the network."""
    return socket.getfqdn()


def _expect(connection: _Staged, reply: tuple[int, bytes], code: int) -> None:
    if reply[0] != code:
        raise _Refused(connection.stage, reply[0], _text(reply[1]))


def _text(reply: bytes | str) -> str:
    return reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply


def _is_down(said: _Said) -> bool:
    """No dialogue took place: the next message would fare no better."""
    return said.code is None and said.meaning.answer is Answer.RETRY


def _is_put_off(said: _Said) -> bool:
    """The relay took the dialogue and wants this message later: a full mailbox, greylisting."""
    plain = not said.meaning.pause and not said.meaning.quota and said.meaning.rest_s is None
    return said.meaning.answer is Answer.RETRY and said.code is not None and plain


def _gravity(said: _Said) -> tuple[bool, bool, bool, bool, bool, bool]:
    answer, rests = said.meaning.answer, said.meaning.rest_s is not None
    return (
        said.meaning.pause,
        said.meaning.quota,
        rests,
        answer is Answer.UNKNOWN,
        answer is Answer.RETRY,
        answer is Answer.REJECTED,
    )


def _stuffed(data: bytes) -> bytes:
    """RFC 5321 §4.5.2: a line that begins with a dot gets another one; ends in CRLF."""
    stuffed = data.replace(b"\r\n.", b"\r\n..")
    stuffed = b"." + stuffed if stuffed.startswith(b".") else stuffed
    return stuffed if stuffed.endswith(b"\r\n") else stuffed + b"\r\n"


def _words(fault: BaseException) -> str:
    if isinstance(fault, TimeoutError):
        return "no answer in time"
    return str(getattr(fault, "strerror", None) or str(fault) or type(fault).__name__)


def _end(connection: _Staged) -> None:
    """Take leave, and let go whatever is said to that."""
    _ignoring(connection.quit)
    _ignoring(connection.close)


def _ignoring(work: Callable[[], object]) -> None:
    """What comes after the answer is known changes nothing."""
    with contextlib.suppress(*_FAULTS):
        work()
