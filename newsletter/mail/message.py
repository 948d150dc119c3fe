"""A composition and one recipient's values become the bytes of a message (RFC 5322, MIME)."""

import base64
import functools
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import quote, urlsplit

from newsletter.campaigns.models import Campaign
from newsletter.errors import ChecksFailed, Place, Problem
from newsletter.mail import headers, quoted_printable
from newsletter.mail.mailbox import Mailbox, parse_mailbox, plain_address
from newsletter.render.composition import Attachment, Composition, Content, InlinePicture, Values
from newsletter.settings.web import is_loopback

HEADER_BYTES = 16 * 1024  # the block; several large receivers refuse more

_PIECE = 60  # characters of a file's name on one line
_SID = re.compile(r"[A-Za-z0-9._-]{1,48}")
_NO_TEXT = re.compile("[\0\ud800-\udfff]")  # NUL and lone surrogates
_PLAIN_LINK = re.compile(r"https://[A-Za-z0-9.-]+(/[A-Za-z0-9._~/-]*)?")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a message says about itself beside its content; all of it is checked when it is written."""

    sid: str  # from links.sid: becomes the Message-ID and the boundary
    sender: str  # "Name <local@domain>" or "local@domain"; one address
    reply_to: str  # the same form; "" = no Reply-To
    recipient: str  # the address as it is sent: domain as A-label
    list_id: str  # the list's name as written ("seminarier"); the sender's domain is added here
    date: datetime  # aware
    unsubscribe: str  # the https address of links.unsubscribe_url
    utf8: bool = False  # whether it may be a message for SMTPUTF8 (RFC 6532), if the recipient needs that


@dataclass(frozen=True, slots=True)
class Letter:
    """One recipient's message, checked, not yet written: what MIME and an API have in common."""

    content: Content
    sender: Mailbox
    reply_to: Mailbox | None
    recipient: str
    list_headers: tuple[tuple[str, str], ...]  # written raw, never encoded or folded


def message(
    composition: Composition, values: Values, envelope: Envelope, letter: Letter | None = None
) -> bytes:
    """One recipient's message, ready for the wire: CRLF only, lines of at most 76 but for raw headers.

    multipart/alternative (text, then HTML) in quoted-printable UTF-8, inside multipart/related with
    the pictures where the HTML names some by `cid:`, inside multipart/mixed with the attachments; levels
    with a single part are left out. The same arguments give the same bytes.

    letter: what `check` made of them, if it was asked before
    Raises ChecksFailed with all that stands in the way (D1xx).
    """
    letter = letter or check(composition, values, envelope)
    block = _header_block(letter, envelope)
    if len(block) > HEADER_BYTES:
        place = composition.campaign.place("subject")
        raise ChecksFailed(
            Problem(
                "D107", f"the headers have {len(block)} bytes, 16384 at most", place, "shorten the subject"
            )
        )
    return block + _part(letter.content, composition, envelope.sid)


def check(composition: Composition, values: Values, envelope: Envelope) -> Letter:
    """Fill the values in and look at everything that becomes a header or a body.

    Raises ChecksFailed with all problems at once, ValueError for a sid or a date that is none of ours.
    """
    if not _SID.fullmatch(envelope.sid):
        raise ValueError(f"{envelope.sid!r} is no sid")
    if envelope.date.tzinfo is None:
        raise ValueError("a message's date needs its offset")
    content = composition.fill(values)
    campaign = composition.campaign
    problems = _content_problems(content, campaign, known=_are_text(values, composition.static))
    sender = _mailbox("from", envelope.sender, campaign, problems)
    reply_to = _mailbox("reply_to", envelope.reply_to, campaign, problems) if envelope.reply_to else None
    recipient = _recipient(envelope.recipient, problems, utf8=envelope.utf8)
    problems += _unsubscribe_problems(envelope.unsubscribe)
    if problems:
        raise ChecksFailed(*problems)
    return Letter(content, sender, reply_to, recipient, _list_headers(envelope, sender, campaign))


def _content_problems(content: Content, campaign: Campaign, *, known: bool) -> list[Problem]:
    """known: whether it was seen already that all of it is text"""
    problems: list[Problem] = []
    if found := headers.forbidden(content.subject):
        hint = "a subject is one line: look for a line break in a field or a value that it uses"
        problems.append(Problem("D101", f"the subject holds {found}", campaign.place("subject"), hint))
    if not content.subject.strip():
        hint = "give a field that can be empty another text: {{ subscriber.first_name or 'Hej' }}"
        problems.append(Problem("D102", "the subject is empty", campaign.place("subject"), hint))
    parts = () if known else (("HTML part", content.html), ("text part", content.text))
    for part, whole in parts:
        if bad := _looked_through(whole):
            text = f"the {part} holds U+{ord(bad[0]):04X}, which is no text"
            hint = "remove it; it often comes from a wrong encoding"
            problems.append(Problem("D105", text, _body(campaign), hint))
    if not content.text and not any(content.pieces):
        hint = "write something below the second +++"
        problems.append(Problem("D106", "the message is empty", _body(campaign), hint))
    return problems


def _body(campaign: Campaign) -> Place:
    return Place(campaign.file, campaign.body_line)


def _are_text(values: Values, static: tuple[str, ...]) -> bool:
    """Whether a letter that is made of these alone is text; without `static` nobody knows what it is made of."""
    return bool(static) and _all_text(static) and not any(map(_looked_through, values))


@functools.lru_cache(maxsize=64)  # what is everybody's is looked through once
def _all_text(static: tuple[str, ...]) -> bool:
    return not any(map(_looked_through, static))


def _looked_through(text: str) -> re.Match[str] | None:
    """What the pattern finds; it is asked only when there is something, because encoding takes a tenth of its time."""
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            return _NO_TEXT.search(text)
    return _NO_TEXT.search(text) if "\0" in text else None


def _mailbox(key: str, text: str, campaign: Campaign, problems: list[Problem]) -> Mailbox:
    """from, or reply_to: the campaign's own, else that of the settings"""
    found = _known_mailbox(text)
    if isinstance(found, Mailbox):
        return found
    own = campaign.sender if key == "from" else campaign.reply_to
    place = campaign.place(key) if own else None
    if forbidden := headers.forbidden(text):
        problems.append(Problem("D101", f"`{key}` holds {forbidden}", place, "write it on one line"))
    else:
        hint = f'{key} = "HejDigitalt <hej@example.org>"'
        problems.append(Problem("D103", f"`{key}`: {found}", place, hint))
    return Mailbox("", "")


@functools.lru_cache(maxsize=64)  # the same in all messages of a campaign
def _known_mailbox(text: str) -> Mailbox | str:
    """What a text names, or why it names none."""
    try:
        return "" if headers.forbidden(text) else parse_mailbox(text)
    except ValueError as reason:
        return str(reason)


def _recipient(address: str, problems: list[Problem], *, utf8: bool) -> str:
    try:
        return plain_address(address, utf8=utf8)
    except ValueError:
        # The address itself stays out: problems are logged and shown.
        text = "a recipient's address cannot stand in a header"
        problems.append(Problem("D104", text, None, "`newsletter check` lists the invalid addresses"))
        return ""


def _unsubscribe_problems(address: str) -> list[Problem]:
    if _is_link(address):
        return []
    text = "the unsubscribe link is no https address that a header can hold (RFC 8058)"
    return [Problem("D108", text, None, 'public_url = "https://news.example.org" in newsletter.toml')]


def _is_link(address: str) -> bool:
    """https, or http to this machine; ASCII without anything that would end the header's `<…>`."""
    if _PLAIN_LINK.fullmatch(address):  # nearly always
        return True
    if not (address.isascii() and address.isprintable()) or set(address) & set(' <>,"'):
        return False
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    host = parts.hostname or ""
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))


def _list_headers(envelope: Envelope, sender: Mailbox, campaign: Campaign) -> tuple[tuple[str, str], ...]:
    kind = "step" if campaign.step else "campaign"
    return (
        _list_id(envelope.list_id, sender.domain),
        ("List-Unsubscribe", f"<{envelope.unsubscribe}>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        _feedback_id(envelope.list_id, sender.domain, campaign.id, kind),
    )


@functools.lru_cache(maxsize=256)
def _list_id(name: str, domain: str) -> tuple[str, str]:
    return "List-Id", f"<{list_label(name)}.{domain}>"


@functools.lru_cache(maxsize=256)
def _feedback_id(list_name: str, domain: str, campaign_id: str, kind: str) -> tuple[str, str]:
    """By what Gmail counts complaints: campaign, list, kind, and a sender that is the same in all mails.

    Google, "Feedback loop" in Postmaster Tools: four fields, the last one of 5 to 15 characters. None says who reads.
    """
    whose = re.sub(r"[^a-z0-9]", "", domain.lower().rpartition(".")[0])[:15].ljust(5, "0")
    return "Feedback-ID", f"{list_label(campaign_id)}:{list_label(list_name)}:{kind}:{whose}"


@functools.lru_cache(maxsize=256)
def list_label(name: str) -> str:
    """A list's name as one label of a List-Id (RFC 2919 §3): ASCII and lower case.

    >>> list_label("Seminarier 2015"), list_label("föreningar")
    ('seminarier-2015', 'xn--freningar-07a')
    """
    folded = re.sub(r"[\s./\\]+", "-", unicodedata.normalize("NFC", name).casefold()).strip("-")
    label = folded if folded.isascii() else "xn--" + folded.encode("punycode").decode("ascii")
    return re.sub(r"[^a-z0-9_-]", "", label) or "list"


def _header_block(letter: Letter, envelope: Envelope) -> bytes:
    reply_to = letter.reply_to
    fields = [
        _known_field("From", letter.sender),
        headers.mailbox("To", "", letter.recipient, utf8=not letter.recipient.isascii()),
        _known_field("Reply-To", reply_to) if reply_to else b"",
        _known_subject("Subject", letter.content.subject),
        headers.raw("Date", format_datetime(envelope.date.astimezone(UTC))),
        headers.raw("Message-ID", f"<{envelope.sid}@{letter.sender.domain}>"),
        *(headers.raw(name, value) for name, value in letter.list_headers),
        headers.raw("MIME-Version", "1.0"),
    ]
    return b"".join(fields)


@functools.lru_cache(maxsize=16)  # the same in all messages of a campaign
def _known_field(name: str, box: Mailbox) -> bytes:
    return headers.mailbox(name, box.name, box.address)


_known_subject = functools.lru_cache(maxsize=512)(headers.text)  # readers share first names


def _part(content: Content, composition: Composition, sid: str) -> bytes:
    """The MIME tree from its root header on."""
    leaves = [_leaf("plain", quoted_printable.encode_paragraphs(content.text))] if content.text else []
    has_html = any(content.pieces)
    if has_html:
        leaves.append(_leaf("html", quoted_printable.encode_pieces(content.pieces)))
    body = leaves[0] if len(leaves) == 1 else _multipart("alternative", leaves, sid)
    if composition.pictures and has_html:
        root = "multipart/alternative" if len(leaves) > 1 else "text/html"
        body = _multipart("related", [body, *map(_picture, composition.pictures)], sid, f'; type="{root}"')
    if composition.attachments:
        body = _multipart("mixed", [body, *map(_attachment, composition.attachments)], sid)
    return body


def _multipart(kind: str, parts: list[bytes], sid: str, more: str = "") -> bytes:
    # `=_` occurs in no quoted-printable and in no base64 text, so the boundary is in no part.
    boundary = f"=_{kind[:3]}_{sid}"
    head = f'Content-Type: multipart/{kind}{more};\r\n boundary="{boundary}"\r\n\r\n'
    between = f"--{boundary}\r\n".encode("ascii")
    inside = b"".join(between + part + b"\r\n" for part in parts)
    return head.encode("ascii") + inside + f"--{boundary}--\r\n".encode("ascii")


def _leaf(kind: str, encoded: bytes) -> bytes:
    head = f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    return head.encode("ascii") + encoded


@functools.lru_cache(maxsize=64)  # it is the same in every message
def _picture(picture: InlinePicture) -> bytes:
    """An inline part (RFC 2392 for the Content-ID)."""
    fields = (headers.raw("Content-ID", f"<{picture.cid}>"), _disposition("inline", picture.filename))
    return _file(picture.content_type, picture.data, *fields)


@functools.lru_cache(maxsize=16)
def _attachment(attachment: Attachment) -> bytes:
    return _file(attachment.content_type, attachment.data, _disposition("attachment", attachment.filename))


def _file(content_type: str, data: bytes, *fields: bytes) -> bytes:
    head = (
        headers.raw("Content-Type", content_type),
        headers.raw("Content-Transfer-Encoding", "base64"),
        *fields,
        b"\r\n",
    )
    return b"".join(head) + base64.encodebytes(data).replace(b"\n", b"\r\n")


def _disposition(kind: str, filename: str) -> bytes:
    """RFC 2183; a name beyond plain ASCII by RFC 2231, in pieces that fit a line and are whole signs each."""
    if re.fullmatch(r"[A-Za-z0-9._ -]{1,60}", filename):
        named = [f'filename="{filename}"']
    else:
        pieces = ["utf-8''"]
        for sign in filename:
            written = quote(sign, safe="")
            if len(pieces[-1]) + len(written) > _PIECE:
                pieces.append("")
            pieces[-1] += written
        alone = len(pieces) == 1
        named = [f"filename{'' if alone else f'*{number}'}*={piece}" for number, piece in enumerate(pieces)]
    return (f"Content-Disposition: {kind};\r\n " + ";\r\n ".join(named) + "\r\n").encode("ascii")
