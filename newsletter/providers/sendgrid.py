"""SendGrid's v3 mail/send through the sendgrid package, with a transport that knows what it does not know.

The package (6.12.5) gives client, address, region and headers. Its own transport has no timeout, follows
redirects (a POST becomes a GET, and the mail is silently lost), obeys proxies of the environment and
connects anew each time: so `client.client` is replaced, which the package leaves open for that.
"""

import base64
import hashlib
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

from newsletter.errors import ConfigurationFault, Problem
from newsletter.mail import mailbox
from newsletter.mail.message import Letter, check
from newsletter.providers.mail_send import (
    Attachment,
    Content,
    CustomArgs,
    Mailbox,
    MailSend,
    Personalization,
)
from newsletter.providers.protocol import NO_MARK, Answer, Mark, Outcome, Parcel, Request, never
from newsletter.providers.substitutions import Limits, Sheet, plan
from newsletter.providers.wire import NoAnswerError, NotSentError, NotVerifiedError, Reply, Wire
from newsletter.render.composition import Composition
from newsletter.settings import web
from newsletter.settings.model import SendGrid as SendGridSettings
from newsletter.settings.model import Settings
from newsletter.settings.values import SendGridFile


@dataclass(frozen=True, slots=True)
class _Meaning:
    answer: Answer
    says: str
    pause: bool = False


# What SendGrid answers and what it means for us (docs "Mail Send: errors", 2026-11; delivery semantics ours).
# 202 and 400 are looked at more closely below.
ANSWERS: Mapping[int, _Meaning] = {
    200: _Meaning(Answer.UNKNOWN, "validated but not queued: is the sandbox mode on?"),
    202: _Meaning(Answer.ACCEPTED, "queued"),  # only with X-Message-Id, else unknown
    400: _Meaning(
        Answer.RETRY, "the request is wrong", pause=True
    ),  # one that names a recipient rejects that one
    401: _Meaning(Answer.RETRY, "the API key is not valid", pause=True),
    403: _Meaning(Answer.RETRY, "the key may not send, or the sender is not verified", pause=True),
    404: _Meaning(Answer.RETRY, "there is no such address: look at base_url", pause=True),
    405: _Meaning(Answer.RETRY, "the address takes no mail: look at base_url", pause=True),
    406: _Meaning(Answer.RETRY, "the request is not taken in this form", pause=True),
    413: _Meaning(Answer.REJECTED, "the message is too large"),  # SendGrid: 30 MB with attachments
    429: _Meaning(Answer.RETRY, "too many requests"),
    451: _Meaning(Answer.RETRY, "the account's region is another one", pause=True),
}
_OURS = frozenset({401, 403})  # the key, the sender
OTHER_4XX = _Meaning(Answer.RETRY, "refused", pause=True)
ANYTHING_ELSE = _Meaning(
    Answer.UNKNOWN, "an answer that proves nothing"
)  # 5xx may follow acceptance; 3xx, odd 2xx

# Parts of `personalizations.N` that are that recipient's own. A fault in another part (headers, custom_args)
# is ours and would meet everybody: it pauses instead of rejecting one after the other.
RECIPIENT_FIELDS = frozenset({"", "to", "substitutions"})

_QUOTA = re.compile(r"credits exceeded|(sending|daily|monthly) (limit|quota)", re.IGNORECASE)
LONGEST_WAIT_S = 3600.0
NO_OTHERS = Limits()  # than SendGrid's own


def open_from(settings: Settings, folder: Path) -> "SendGrid":  # noqa: ARG001 (every provider's)
    return open_sendgrid(settings.sendgrid)


def largest_batch(settings: Settings) -> int:
    return settings.sendgrid.personalizations


def stays_here(settings: Settings) -> bool:
    return web.is_loopback(urlsplit(settings.sendgrid.base_url or "").hostname or "")


def count_requests(settings: Settings, parcels: Sequence[Parcel]) -> int:
    return len(sheets(parcels, list(map(_letter, parcels)), limits(settings.sendgrid)))


def lacks(settings: Settings) -> Sequence[Problem]:
    if settings.sendgrid.api_key:
        return ()
    return (Problem("G111", "there is no SendGrid key", hint="set SENDGRID_API_KEY"),)


def open_sendgrid(settings: SendGridSettings) -> "SendGrid":
    """A SendGrid with the settings' key, region or base URL. No network.

    Raises ConfigurationFault (D121).
    """
    if settings.api_key is None:
        hint = "SENDGRID_API_KEY=… or NEWSLETTER_SENDGRID__API_KEY=… in the environment or in .env"
        raise ConfigurationFault(Problem("D121", "SendGrid needs an API key", hint=hint))
    key = settings.api_key.get_secret_value()
    return SendGrid(key, region=settings.region, base_url=settings.base_url, limits=limits(settings))


def limits(settings: SendGridFile) -> Limits:
    """What the settings say that one request takes."""
    return Limits(settings.personalizations, settings.substitution_tags, settings.substitution_bytes)


class SendGrid:
    """Many recipients a request, whose letters differ by substitutions; so a doubt is about all of a request.

    Timeouts in seconds. base_url: https, or http to this machine only, because the key travels with each request; else
    Mistake (a ValueError).
    """

    name = "sendgrid"
    live = True

    def __init__(
        self,
        api_key: str,
        *,
        region: str = "global",
        base_url: str | None = None,
        connect_s: float = 5.0,
        read_s: float = 60.0,
        limits: Limits = NO_OTHERS,
    ) -> None:
        from sendgrid import SendGridAPIClient  # takes a moment, and a rehearsal does without

        # At DEBUG the package's transport prints key and payload. It is not used, and stays quiet anyway.
        logging.getLogger("python_http_client").setLevel(logging.WARNING)
        self._key, self._limits = api_key, limits
        if base_url:
            api = SendGridAPIClient(api_key, host=web.base_url(base_url))
        else:
            api = SendGridAPIClient(api_key)
            api.set_sendgrid_data_residency(region)  # builds a new client: before ours is put in
        endpoint = api.client.mail.send
        headers = {**endpoint.request_headers, "Content-Type": "application/json"}  # a copy: it is shared
        self._wire = Wire(endpoint._build_url(None), headers, connect_s=connect_s, read_s=read_s)
        api.client = SimpleNamespace(mail=SimpleNamespace(send=SimpleNamespace(post=self._post)))
        self._api = api

    def _post(self, request_body: bytes) -> Reply:
        return self._wire.post(request_body)

    @property
    def max_batch(self) -> int:
        return self._limits.recipients

    def prepare(self, parcels: Sequence[Parcel], mark: Mark = NO_MARK) -> Request:
        """See Provider.prepare. The payload is the JSON that will leave, byte for byte."""
        if not 0 < len(parcels) <= self.max_batch or len({parcel.campaign_id for parcel in parcels}) != 1:
            raise ValueError(f"a request holds 1 to {self.max_batch} messages of one campaign")
        letters = list(map(_letter, parcels))
        first, *others = sheets(parcels, letters, self._limits)
        chosen = [(parcels[number], letters[number]) for number in first.members]
        body = _mail(chosen, first, mark).as_json()
        sids = tuple(parcel.sid for parcel, _ in chosen)
        apart = tuple(tuple(parcels[number].sid for number in sheet.members) for sheet in others)
        return Request(sids, hashlib.sha256(body).digest(), body, apart)

    def hand_over(self, request: Request, stop: Callable[[], bool] = never) -> Outcome:  # noqa: ARG002 (the protocol's)
        """Post the bytes once. Never raises for a fault of the network or of SendGrid."""
        if not isinstance(request.payload, bytes):
            raise TypeError("this request was prepared by another provider")
        try:
            reply: Reply = self._api.client.mail.send.post(request_body=request.payload)
        except NotVerifiedError as fault:
            return Outcome(Answer.RETRY, detail=str(fault), pause=True)
        except NotSentError as fault:
            return Outcome(Answer.RETRY, detail=str(fault))
        except NoAnswerError as fault:
            return Outcome(Answer.UNKNOWN, detail=str(fault))
        return outcome(reply, request.sids, secret=self._key)

    def evidence(self, campaign_id: str, sids: Sequence[str]) -> None:  # noqa: ARG002 (the protocol's)
        """SendGrid cannot be asked: Email Activity is an extra, and shows nothing to EU subusers."""
        return

    def close(self) -> None:
        self._wire.close()


def outcome(reply: Reply, sids: Sequence[str], *, secret: str = "") -> Outcome:
    """What an answer says about these recipients. Pure.

    secret: never part of what the outcome says, should SendGrid repeat it
    """
    status = reply.status
    meaning = ANSWERS.get(status) or (OTHER_4XX if 400 <= status < 500 else ANYTHING_ELSE)
    if status == 202:
        message_id = reply.headers.get("x-message-id", "")
        if re.fullmatch(r"[\w.=+/-]{1,200}", message_id, re.ASCII):
            return Outcome(Answer.ACCEPTED, status, message_id)
        return Outcome(Answer.UNKNOWN, status, detail="202 without X-Message-Id: is this SendGrid?")
    errors = _errors(reply.body)
    said = "; ".join(message for _, message in errors)
    detail = _shown(f"{status}: {meaning.says}" + (f" ({said})" if said else ""), secret)
    if status == 400:
        refused = _refused_recipients(errors, sids, secret)
        if refused:
            return Outcome(Answer.RETRY, status, detail=detail, exceptions=refused)
    if status == 413 and len(sids) > 1:
        return Outcome(Answer.RETRY, status, detail=detail, split=True)
    if status in (401, 403, 429) and _QUOTA.search(said):
        return Outcome(
            Answer.RETRY, status, detail=detail, quota=True, retry_after_s=_retry_after_s(reply.headers)
        )
    wait = _retry_after_s(reply.headers) if status == 429 else None
    return Outcome(
        meaning.answer, status, detail=detail, retry_after_s=wait, pause=meaning.pause, ours=status in _OURS
    )


def _letter(parcel: Parcel) -> Letter:
    return parcel.letter or check(parcel.composition, parcel.values, parcel.envelope)


def sheets(parcels: Sequence[Parcel], letters: Sequence[Letter], limits: Limits) -> tuple[Sheet, ...]:
    """How these letters go together in requests. letters: what `check` made of the parcels"""
    made = plan([letter.content for letter in letters], parcels[0].composition.anchors, limits)
    return tuple(part for sheet in made for part in _apart(sheet, letters))


def _apart(sheet: Sheet, letters: Sequence[Letter]) -> list[Sheet]:
    """Without an address twice in one request, and with one sender; the ledger sees to both, as a rule."""
    parts: dict[tuple[object, int], list[int]] = {}
    met: dict[str, int] = {}
    for at, number in enumerate(sheet.members):
        letter = letters[number]
        times = met[letter.recipient.lower()] = met.get(letter.recipient.lower(), -1) + 1
        parts.setdefault(((letter.sender, letter.reply_to), times), []).append(at)
    return [sheet.only(part) for part in parts.values()]


def _mail(chosen: Sequence[tuple[Parcel, Letter]], sheet: Sheet, mark: Mark) -> MailSend:
    """No category and no address in custom_args: SendGrid's staff see them."""
    parcel, letter = chosen[0]
    subjects = {letter.content.subject for _, letter in chosen}
    shared = subjects.pop() if len(subjects) == 1 else None
    return MailSend(
        personalizations=tuple(
            _personalization(parcel, letter, substitutions, mark, own_subject=shared is None)
            for (parcel, letter), substitutions in zip(chosen, sheet.substitutions, strict=True)
        ),
        sender=_address(letter.sender),
        reply_to=_address(letter.reply_to) if letter.reply_to else None,
        subject=shared,
        content=(
            *([Content(type="text/plain", value=sheet.text)] if sheet.text else []),
            *([Content(type="text/html", value=sheet.html)] if sheet.html else []),
        ),
        attachments=tuple(_files(parcel.composition, letter)) or None,
    )


def _personalization(
    parcel: Parcel, letter: Letter, substitutions: Mapping[str, str], mark: Mark, *, own_subject: bool
) -> Personalization:
    args: CustomArgs = {"s": parcel.sid}
    if mark.attempt:
        args["a"] = mark.attempt
    if mark.epoch:
        args["e"] = mark.epoch
    made: Personalization = {
        "to": ({"email": letter.recipient},),
        "headers": dict(letter.list_headers),
        "custom_args": args,
    }
    if own_subject:
        made["subject"] = letter.content.subject
    if substitutions:
        made["substitutions"] = dict(substitutions)
    return made


def _files(composition: Composition, letter: Letter) -> Iterator[Attachment]:
    """What travels with the letters: pictures where the HTML names them, and attachments."""
    for picture in composition.pictures if letter.content.html else ():
        yield _file(picture.data, picture.content_type, picture.filename, picture.cid)
    for each in composition.attachments:
        yield _file(each.data, each.content_type, each.filename)


def _file(data: bytes, content_type: str, filename: str, cid: str | None = None) -> Attachment:
    return Attachment(
        content=base64.b64encode(data).decode("ascii"),
        type=content_type,
        filename=filename,
        disposition="inline" if cid else "attachment",
        content_id=cid,
    )


def _address(of: mailbox.Mailbox) -> Mailbox:
    return Mailbox(email=of.address, name=of.name or None)


def _errors(body: bytes) -> list[tuple[str, str]]:
    """(field, message) of each error in SendGrid's answer; nothing when it is no such answer."""
    try:
        errors = json.loads(body)["errors"]
        return [(str(error.get("field") or ""), str(error.get("message") or "")) for error in errors]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []


def _refused_recipients(
    errors: Sequence[tuple[str, str]], sids: Sequence[str], secret: str
) -> dict[str, tuple[Answer, str]]:
    """The recipients that a 400 names. Empty unless every error names one: then it is not they alone."""
    refused: dict[str, tuple[Answer, str]] = {}
    for field, message in errors:
        named = re.match(r"personalizations\.(\d{1,4})(?:\.(\w*)|$)", field)
        if not named or (named[2] or "") not in RECIPIENT_FIELDS or int(named[1]) >= len(sids):
            return {}
        refused[sids[int(named[1])]] = (Answer.REJECTED, _shown(message or "refused", secret))
    return refused


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, at most an hour; None when the answer does not say or names the past.

    X-RateLimit-Reset is an instant: taken against the answer's own Date, because our clock may be wrong.
    """
    try:
        wait = float(headers["retry-after"])
    except (KeyError, ValueError):
        try:
            sent = parsedate_to_datetime(headers["date"]).timestamp()
            wait = float(headers["x-ratelimit-reset"]) - sent
        except (KeyError, ValueError, TypeError, OverflowError):
            return None
    return min(wait, LONGEST_WAIT_S) if wait > 0 else None


def _shown(text: str, secret: str) -> str:
    """One line that may be logged: no address, no key, no controls."""
    if secret:
        text = text.replace(secret, "***")
    text = re.sub(r"[^\s<>]+@[^\s<>]+", "…@…", text)
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:300]
