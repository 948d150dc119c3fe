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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import SimpleNamespace
from typing import Any

from sendgrid import SendGridAPIClient

from newsletter.errors import ConfigurationFault, Problem
from newsletter.mail.mailbox import Mailbox
from newsletter.mail.message import Letter, check
from newsletter.providers.protocol import Answer, Outcome, Parcel, Request
from newsletter.providers.wire import NoAnswerError, NotSentError, Reply, Wire
from newsletter.render.composition import Composition
from newsletter.settings import web
from newsletter.settings.model import SendGrid as SendGridSettings


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
OTHER_4XX = _Meaning(Answer.RETRY, "refused", pause=True)
ANYTHING_ELSE = _Meaning(
    Answer.UNKNOWN, "an answer that proves nothing"
)  # 5xx may follow acceptance; 3xx, odd 2xx

# Parts of `personalizations.N` that are that recipient's own. A fault in another part (headers, custom_args)
# is ours and would meet everybody: it pauses instead of rejecting one after the other.
RECIPIENT_FIELDS = frozenset({"", "to", "substitutions"})

# SendGrid refuses these in `headers` (docs "Mail Send", 2026-11).
RESERVED_HEADERS = frozenset(
    {"x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding"}
    | {"to", "from", "subject", "reply-to", "cc", "bcc"}
)

# Account defaults may be on, so all of it is switched off in every request.
NO_TRACKING = {
    "click_tracking": {"enable": False, "enable_text": False},
    "open_tracking": {"enable": False},
    "subscription_tracking": {"enable": False},
    "ganalytics": {"enable": False},
}
LONGEST_WAIT_S = 3600.0


def open_sendgrid(settings: SendGridSettings) -> "SendGrid":
    """A SendGrid with the settings' key, region or base URL. No network.

    Raises ConfigurationFault (D121).
    """
    if settings.api_key is None:
        hint = "SENDGRID_API_KEY=… or NEWSLETTER_SENDGRID__API_KEY=… in the environment or in .env"
        raise ConfigurationFault(Problem("D121", "SendGrid needs an API key", hint=hint))
    key = settings.api_key.get_secret_value()
    return SendGrid(key, region=settings.region, base_url=settings.base_url)


class SendGrid:
    """One recipient a request: values differ from person to person and are filled in here.

    Several recipients in one request need substitutions; until then `max_batch` is 1, which also
    makes the unit of doubt one person. Timeouts in seconds. base_url: https, or http to this machine
    only, because the key travels with each request; else Mistake (a ValueError).
    """

    name = "sendgrid"
    live = True
    max_batch = 1

    def __init__(
        self,
        api_key: str,
        *,
        region: str = "global",
        base_url: str | None = None,
        connect_s: float = 5.0,
        read_s: float = 60.0,
    ) -> None:
        # At DEBUG the package's transport prints key and payload. It is not used, and stays quiet anyway.
        logging.getLogger("python_http_client").setLevel(logging.WARNING)
        self._key = api_key
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

    def prepare(self, parcels: Sequence[Parcel]) -> Request:
        """See Provider.prepare. The payload is the JSON that will leave, byte for byte."""
        if len(parcels) != 1:
            raise ValueError("a request holds one message")
        parcel = parcels[0]
        letter = parcel.letter or check(parcel.composition, parcel.values, parcel.envelope)
        body = json.dumps(_mail(parcel, letter), ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        return Request((parcel.sid,), hashlib.sha256(body).digest(), body)

    def hand_over(self, request: Request) -> Outcome:
        """Post the bytes once. Never raises for a fault of the network or of SendGrid."""
        if not isinstance(request.payload, bytes):
            raise TypeError("this request was prepared by another provider")
        try:
            reply: Reply = self._api.client.mail.send.post(request_body=request.payload)
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
        return Outcome(Answer.RETRY, status, detail=detail, pause=True)
    wait = _retry_after_s(reply.headers) if status == 429 else None
    return Outcome(meaning.answer, status, detail=detail, retry_after_s=wait, pause=meaning.pause)


def _mail(parcel: Parcel, letter: Letter) -> dict[str, Any]:
    """The request of one recipient. No category and no address in custom_args: SendGrid's staff see them."""
    headers = dict(letter.list_headers)
    if RESERVED_HEADERS & {name.lower() for name in headers}:
        raise ValueError("a header that SendGrid writes itself")
    content = (("text/plain", letter.content.text), ("text/html", letter.content.html))  # in this order
    mail: dict[str, Any] = {
        "personalizations": [
            {"to": [{"email": letter.recipient}], "headers": headers, "custom_args": {"s": parcel.sid}}
        ],
        "from": _address(letter.sender),
        "subject": letter.content.subject,
        "content": [{"type": kind, "value": value} for kind, value in content if value],
        "tracking_settings": NO_TRACKING,
    }
    if letter.reply_to:
        mail["reply_to"] = _address(letter.reply_to)
    if files := [*_files(parcel.composition, letter)]:
        mail["attachments"] = files
    return mail


def _files(composition: Composition, letter: Letter) -> Iterator[dict[str, str]]:
    """What travels with the letter: pictures where the HTML names them, and attachments."""
    for picture in composition.pictures if letter.content.html else ():
        file = _file(picture.data, picture.content_type, picture.filename)
        yield {**file, "disposition": "inline", "content_id": picture.cid}
    for each in composition.attachments:
        yield {**_file(each.data, each.content_type, each.filename), "disposition": "attachment"}


def _file(data: bytes, content_type: str, filename: str) -> dict[str, str]:
    return {"content": base64.b64encode(data).decode("ascii"), "type": content_type, "filename": filename}


def _address(mailbox: Mailbox) -> dict[str, str]:
    return {"email": mailbox.address, "name": mailbox.name} if mailbox.name else {"email": mailbox.address}


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
