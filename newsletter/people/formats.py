"""What other programs call things: columns, statuses and times of Mailchimp, SendGrid, listmonk and spreadsheets."""

import csv
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from newsletter.audience.folding import fold
from newsletter.audience.saying_no import said_no
from newsletter.audience.table import sounds_like_an_address

Format = Literal["mailchimp", "sendgrid", "listmonk", "csv"]

# Folded header -> our column. A program's own name for a thing is a fact of that program (2026-11).
SYNONYMS: Mapping[str, str] = {
    **dict.fromkeys(
        ("email", "e-mail", "email_address", "e-mail_address", "mail", "epost", "e-post", "epostadress",
         "e-postadress", "mejl", "mejladress", "mail_address"), "email"),
    **dict.fromkeys(("first_name", "firstname", "fname", "förnamn", "tilltalsnamn", "given_name"), "first_name"),
    **dict.fromkeys(("last_name", "lastname", "lname", "efternamn", "surname", "family_name"), "last_name"),
    **dict.fromkeys(("organisation", "organization", "company", "företag", "firma", "bolag"), "organisation"),
    **dict.fromkeys(("city", "town", "ort", "stad", "postort"), "city"),
    **dict.fromkeys(("language", "lang", "språk"), "language"),
    **dict.fromkeys(("timezone", "time_zone", "tidszon"), "timezone"),
    **dict.fromkeys(("tags", "taggar", "etiketter"), "tags"),
    **dict.fromkeys(("consent_source", "samtycke", "samtyckeskälla"), "consent_source"),
    **dict.fromkeys(("consent_at", "samtyckesdatum"), "consent_at"),
    **dict.fromkeys(("status", "subscription_status"), "status"),
    **dict.fromkeys(("name", "namn", "full_name"), "name"),
}  # fmt: skip

_SEPARATOR = re.compile(r"\s*[,;]\s*")  # of tags in a list's cell
_TECHNICAL: Mapping[Format, frozenset[str]] = {
    "mailchimp": frozenset(
        (
            "member_rating",
            "latitude",
            "longitude",
            "gmtoff",
            "dstoff",
            "last_changed",
            "leid",
            "euid",
            "cc",
            "region",
            "optin_time",
            "optin_ip",
            "confirm_time",
            "confirm_ip",
            "unsub_time",
            "unsub_campaign_title",
            "unsub_campaign_id",
            "unsub_reason",
            "unsub_reason_other",
            "clean_time",
            "clean_campaign_title",
            "clean_campaign_id",
        )
    ),
    "sendgrid": frozenset(("contact_id", "created_at", "updated_at", "alternate_emails")),
    "listmonk": frozenset(("uuid", "id", "created_at", "updated_at", "attributes")),
    "csv": frozenset(),
}

SUBSCRIBED = frozenset(("", "subscribed", "active", "enabled", "confirmed", "prenumererar", "aktiv"))
PENDING = frozenset(("pending", "unconfirmed", "obekräftad"))
UNSUBSCRIBED = frozenset(
    (
        "unsubscribed",
        "blocklisted",
        "blacklisted",
        "disabled",
        "opted_out",
        "opted-out",
        "avregistrerad",
        "avslutad",
    )
)
CLEANED = frozenset(("cleaned", "bounced", "bounce", "invalid", "studsad"))

Verdict = Literal["subscribed", "pending", "unsubscribed", "cleaned"]


def verdict(word: str) -> Verdict | None:
    """What a status means; None for a word that nobody knows: it might say no.

    >>> verdict("Active"), verdict("in*active*")
    ('subscribed', None)
    """
    if not word:
        return "subscribed"
    folded = fold(word.strip())
    for known, meant in (
        (SUBSCRIBED, "subscribed"),
        (PENDING, "pending"),
        (UNSUBSCRIBED, "unsubscribed"),
        (CLEANED, "cleaned"),
    ):
        if folded in known:
            return meant  # type: ignore[return-value]
    return None


def detect(columns: Sequence[str], file_name: str) -> Format:
    """Whose export it is, by columns that no other program writes."""
    names = set(columns)
    if {"leid", "euid"} & names or is_of_mailchimp(file_name):
        return "mailchimp"
    if "contact_id" in names and "alternate_emails" in names:
        return "sendgrid"
    if {"uuid", "attributes"} <= names:
        return "listmonk"
    return "csv"


_MAILCHIMP = "subscribed|unsubscribed|cleaned|nonsubscribed"


def is_of_mailchimp(name: str) -> bool:
    """Whether a file is called as Mailchimp calls its lists."""
    return re.match(f"({_MAILCHIMP})_", name.rpartition("/")[2].lower()) is not None


def verdict_of_file(name: str) -> Verdict | None:
    """Mailchimp says in the file's name what its people are, also when it is a copy.

    >>> (
    ...     verdict_of_file("unsubscribed_members_export_1a2b.csv"),
    ...     verdict_of_file("a/Kopia av nonsubscribed_1.csv"),
    ... )
    ('unsubscribed', 'unsubscribed')
    """
    found = re.findall(f"(?<![a-z])({_MAILCHIMP})(?![a-z])", name.rpartition("/")[2].lower())
    if "unsubscribed" in found or "nonsubscribed" in found:
        return "unsubscribed"
    return found[0] if found else None


@dataclass(slots=True)
class Incoming:
    """One row in our words. problem: why it can't be taken"""

    line: int
    cells: dict[str, str]
    verdict: Verdict | None
    proof: str = ""
    times_without_zone: bool = False
    tags_changed: bool = False  # a sign in them would have made two of one
    problem: str | None = None


def translate(kind: Format, line: int, cells: dict[str, str], file_name: str) -> Incoming:
    """A row as its program means it. `cells` are by our column names, the program's own ones by theirs."""
    if "name" in cells:
        first, _, last = cells.pop("name").partition(" ")
        cells.setdefault("first_name", first)
        if last.strip():
            cells.setdefault("last_name", last.strip())
    row = Incoming(line, cells, verdict(cells.get("status", "")))
    if kind == "mailchimp":
        of_file = verdict_of_file(file_name) or "subscribed"
        if of_file != "subscribed" or not cells.get("status"):
            row.verdict = of_file
    row.verdict = said_no(cells) or row.verdict  # whatever else the row says
    if kind == "csv":
        return row
    if kind == "mailchimp":
        _mailchimp(row)
    elif kind == "listmonk":
        _listmonk(row)
    for name in _TECHNICAL[kind]:
        cells.pop(name, None)
    return row


def _mailchimp(row: Incoming) -> None:
    cells = row.cells
    if "tags" in cells:
        cells["tags"] = _joined(row, _inner_list(cells["tags"]))
    given = cells.get("confirm_time") or cells.get("optin_time")
    if given:
        cells.setdefault("consent_source", "Mailchimp")
        cells.setdefault(
            "consent_at", given.replace(" ", "T") + "Z" if re.fullmatch(r"[\d-]+ [\d:]+", given) else given
        )
        row.times_without_zone = True
    parts = (
        f"{key} {cells[key]}"
        for key in ("optin_time", "optin_ip", "confirm_time", "confirm_ip")
        if key in cells
    )
    row.proof = ", ".join(parts)


def _joined(row: Incoming, tags: Iterable[str]) -> str:
    """As lists write tags; one that holds what separates them would become two."""
    given = [tag.strip() for tag in tags]
    plain = [_SEPARATOR.sub(" ", tag) for tag in given]
    row.tags_changed = plain != given
    return ",".join(plain)


def _inner_list(cell: str) -> list[str]:
    """Mailchimp's tags: a line of quoted CSV inside a cell.

    >>> _inner_list('"Press, radio", "Visby"')
    ['Press, radio', 'Visby']
    """
    return [tag for tag in next(csv.reader([cell], skipinitialspace=True), []) if tag.strip()]


def _attribute(name: str) -> str:
    """A column for a listmonk attribute of any name; one that sounds like an address is not where mail goes.

    >>> _attribute("Ort"), _attribute("E-post"), _attribute("Antal (kr)"), _attribute("!")
    ('city', 'other_email', 'antal_kr', 'attribute')
    """
    folded = fold(name).strip()
    key = re.sub(r"\W+", "_", folded).strip("_") or "attribute"
    known = SYNONYMS.get(folded, SYNONYMS.get(key, key))
    return "other_email" if known == "email" or sounds_like_an_address(key) else known


def _listmonk(row: Incoming) -> None:
    raw = row.cells.get("attributes") or "{}"
    try:
        found = json.loads(raw)
    except ValueError:
        row.problem = "its attributes are no JSON"
        return
    for name, value in found.items() if isinstance(found, dict) else ():
        key = _attribute(str(name))
        if key == "tags" and isinstance(value, list):
            value = _joined(row, map(str, value))
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if text and text != "null":
            row.cells.setdefault(key, text)
    made = row.cells.get("created_at", "")
    if re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? \+0000 UTC", made):
        at = datetime.fromisoformat(made[:19]).replace(tzinfo=UTC)
        row.proof = f"listmonk created_at {at.isoformat()}"


ROLES = frozenset(
    (
        "info",
        "kontakt",
        "contact",
        "admin",
        "office",
        "support",
        "hello",
        "hej",
        "noreply",
        "no-reply",
        "postmaster",
        "abuse",
        "sales",
    )
)
TYPOS: Mapping[str, str] = {
    "hotmial.com": "hotmail.com", "hotmal.com": "hotmail.com", "hotmail.con": "hotmail.com",
    "gmial.com": "gmail.com", "gmai.com": "gmail.com", "gmail.con": "gmail.com", "gamil.com": "gmail.com",
    "outlok.com": "outlook.com", "outlook.con": "outlook.com", "yaho.com": "yahoo.com", "telia.con": "telia.com",
}  # fmt: skip
