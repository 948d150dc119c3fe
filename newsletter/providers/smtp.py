"""SMTP through a relay: messages by groups over kept connections, each with its own answer."""

import functools
import hashlib
import queue
import re
import smtplib
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from newsletter.errors import ChecksFailed, Place, Problem
from newsletter.files.project import SETTINGS_FILE
from newsletter.mail.message import check, message
from newsletter.providers.protocol import NO_MARK, Answer, Mark, Outcome, Parcel, Request, never
from newsletter.providers.smtp_answers import Meaning, Said, meaning, silence
from newsletter.providers.smtp_connection import (
    FAULTS,
    Connection,
    Mail,
    Refused,
    Way,
    end,
    ignoring,
    stuffed,
)
from newsletter.settings.model import Settings
from newsletter.settings.model import Smtp as SmtpSettings
from newsletter.settings.web import is_loopback

CONNECT_S = 5.0
COMMAND_S = 60.0
TEXT_S = 600.0  # RFC 5321 §4.5.3.2.6: the reply to the dot may take ten minutes; who gives up earlier makes doubles


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
    _kept: "queue.SimpleQueue[Connection]" = field(default_factory=queue.SimpleQueue, init=False, repr=False)
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
            digest.update(f"{mail.sender}\0{mail.recipient}\0".encode())
            digest.update(mail.text)
        return Request(tuple(mail.sid for mail in mails), digest.digest(), mails)

    def hand_over(self, request: Request, stop: Callable[[], bool] = never) -> Outcome:
        """Give the messages to the relay over its kept connections. After a doubt or a refusal of us none is begun."""
        mails = request.payload
        if not isinstance(mails, tuple) or not all(isinstance(mail, Mail) for mail in mails):
            raise TypeError("this request was prepared by another provider")
        waiting: queue.SimpleQueue[Mail] = queue.SimpleQueue()
        for mail in mails:
            waiting.put(mail)
        said: dict[str, Said] = {}
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
            end(connection)

    def _mail(self, parcel: Parcel) -> Mail:
        letter = parcel.letter or check(parcel.composition, parcel.values, parcel.envelope)
        data = message(parcel.composition, parcel.values, parcel.envelope, letter)
        sender = letter.sender.address
        if self.bounce_address:
            local, _, domain = self.bounce_address.rpartition("@")
            sender = f"{local}+{parcel.sid}@{domain}"
        recipient = letter.recipient
        for address in (sender, recipient):
            if not address.isprintable() or set(address) & set(" <>"):
                raise ChecksFailed(Problem("D104", "an address cannot stand in an SMTP command"))
        return Mail(parcel.sid, sender, recipient, stuffed(data), utf8=not recipient.isascii())

    def _send(self, mail: Mail) -> Said:
        """One message. A kept connection that has died meanwhile is replaced once: nothing was taken by it."""
        for fresh in (False, True):
            try:
                connection, kept = self._connection(fresh=fresh)
            except Refused as refused:
                what = meaning(refused.stage, refused.code, refused.text)
                # A relay that is busy: no fault of whoever is next, and no try of theirs.
                busy = what == Meaning(Answer.RETRY)
                return (
                    Said(what, None, f"no connection: {refused}")
                    if busy
                    else Said(what, refused.code, refused.text)
                )
            except ssl.SSLError as fault:
                cut = isinstance(fault, ssl.SSLEOFError | ssl.SSLZeroReturnError)
                return Said(
                    Meaning(Answer.RETRY, pause=not cut), None, f"no safe connection: {_words(fault)}"
                )
            except smtplib.SMTPNotSupportedError as fault:
                return Said(Meaning(Answer.RETRY, pause=True), None, str(fault))
            except FAULTS as fault:
                return Said(silence("connect"), None, f"no connection: {_words(fault)}")
            try:
                said = connection.hand_over(mail, command_s=self.command_s, text_s=self.text_s)
            except FAULTS as fault:
                stage = connection.stage
                ignoring(connection.close)
                if kept and stage in ("mail", "rset"):
                    continue
                return Said(silence(stage), None, f"the connection broke at {stage.upper()}: {_words(fault)}")
            if (
                kept and said.code == 421 and connection.stage == "mail"
            ):  # it took its leave while nobody spoke
                ignoring(connection.close)
                continue
            self._keep(connection, said)
            return said
        raise AssertionError("a fresh connection is not a kept one")

    @functools.cached_property
    def _tls(self) -> ssl.SSLContext:
        """One for all connections: to make one takes longer than to send a mail."""
        return self.context or ssl.create_default_context()

    def _connection(self, *, fresh: bool) -> tuple[Connection, bool]:
        """A connection that has said hello, and whether it was kept. Raises Refused or FAULTS."""
        if not fresh:
            try:
                return self._kept.get_nowait(), True
            except queue.Empty:
                pass
        way = Way(
            self.host, self.port, self.tls, self.username, self.password, self.connect_s, self.command_s
        )
        return way.connect(self._tls), False

    def _keep(self, connection: Connection, said: Said) -> None:
        if said.code == 421 or self._kept.qsize() >= self.connections:
            end(connection)
            return
        if said.meaning.answer is not Answer.ACCEPTED:
            try:
                connection.rset()
            except FAULTS:
                ignoring(connection.close)
                return
        self._kept.put(connection)

    def _outcome(self, sids: Sequence[str], said: Mapping[str, Said]) -> Outcome:
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
            ours=worst.meaning.ours,
            put_off=frozenset(sid for sid, one in said.items() if _is_put_off(one)),
            gone=frozenset(sid for sid, one in said.items() if one.meaning.suppress),
            quota=worst.meaning.quota,
        )

    def _shown(self, said: Said) -> str:
        """One line for a human; no address, no password."""
        text = f"{said.code or ''} {said.text}".strip()
        if self.password:
            text = text.replace(self.password, "***")
        text = re.sub(r"[^\s<>]+@[^\s<>]+", "…@…", text)
        return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:300]


def _is_down(said: Said) -> bool:
    """No dialogue took place: the next message would fare no better."""
    return said.code is None and said.meaning.answer is Answer.RETRY


def _is_put_off(said: Said) -> bool:
    """The relay took the dialogue and wants this message later: a full mailbox, greylisting."""
    plain = not said.meaning.pause and not said.meaning.quota and said.meaning.rest_s is None
    return said.meaning.answer is Answer.RETRY and said.code is not None and plain


def _gravity(said: Said) -> tuple[bool, bool, bool, bool, bool, bool]:
    answer, rests = said.meaning.answer, said.meaning.rest_s is not None
    return (
        said.meaning.pause,
        said.meaning.quota,
        rests,
        answer is Answer.UNKNOWN,
        answer is Answer.RETRY,
        answer is Answer.REJECTED,
    )


def _words(fault: BaseException) -> str:
    if isinstance(fault, TimeoutError):
        return "no answer in time"
    return str(getattr(fault, "strerror", None) or str(fault) or type(fault).__name__)
