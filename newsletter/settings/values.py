"""The keys of newsletter.toml, their types, defaults and rules. What is listed here is what is honoured."""

import re
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from newsletter.errors import nearest
from newsletter.files.duration import parse_duration
from newsletter.files.mistake import Mistake
from newsletter.files.models import Strict
from newsletter.settings.ways import way_out
from newsletter.settings.web import base_url, is_loopback, page_url

AttributeType = Literal["text", "number", "date", "instant", "bool"]
Basis = Literal["consent", "customer", "company", "member"]

# Columns that every list may have; their types are known.
STANDARD_COLUMNS = (
    "email",
    "first_name",
    "last_name",
    "organisation",
    "city",
    "language",
    "timezone",
    "tags",
    "consent_source",
    "consent_at",
    "status",
)


def zone_name(text: str) -> str:
    """The name of a time zone that exists. Raises Mistake with the nearest one."""
    try:
        if text.startswith(("posix/", "right/", "localtime")):  # not the same on every machine
            raise ValueError(text)
        ZoneInfo(text)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        raise Mistake(f'is "{text}", which is no time zone', _zone_hint(text)) from None
    return text


def _zone_hint(text: str) -> str:
    import warnings
    from zoneinfo import available_timezones

    with warnings.catch_warnings():  # CPython 3.11 opens tzdata's list of zones without an encoding
        warnings.simplefilter("ignore", EncodingWarning)
        zones = available_timezones()
    cities = {zone.rpartition("/")[2]: zone for zone in sorted(zones, reverse=True)}
    city = nearest(text.rpartition("/")[2].replace(" ", "_"), cities) if text else None
    guess = nearest(text, zones) or (cities[city] if city else None)
    return (
        f"did you mean `{guess}`?" if guess else '"Europe/Stockholm", a name of the IANA time zone database'
    )


def _language(text: str) -> str:
    if not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", text):
        raise Mistake(f'is "{text}", which is no language tag', '"sv" or "en-GB" (BCP 47)')
    return text


def _duration(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise Mistake("must be a number and a unit, as text", '"6 hours"')
    return parse_duration(value)


def _one_line(text: str) -> str:
    """Goes into a header: a line break there would begin a header of the writer's own (RFC 5322 §2.2)."""
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in text):
        raise Mistake("holds a line break or a control character, which no header takes")
    return text


# Of a sender every server must take: ASCII before the @ (RFC 5322 dot-atom); the domain may be international.
_LOCAL = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)
_DOMAIN = re.compile(r"[^\W_]([\w-]{0,61}[^\W_])?(\.[^\W_]([\w-]{0,61}[^\W_])?)*")


def mailbox(text: str) -> str:
    """`Name <local@domain>` or the address alone, on one line. Raises Mistake."""
    found = re.fullmatch(r"[^<>]*<([^<>]*)>", _one_line(text).strip())
    address = (found[1] if found else text).strip()
    local, _, domain = address.rpartition("@")
    if not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        raise Mistake(f'is "{text}", which is not one address', '"HejDigitalt <hej@example.org>"')
    return text.strip()


def _colours(value: Any) -> Any:
    """A colour without its `#` is no colour, and mail programs then take any."""
    for text in value.values() if isinstance(value, dict) else ():
        if isinstance(text, str) and re.fullmatch(r"[0-9a-fA-F]{3}|[0-9a-fA-F]{6}", text):
            raise Mistake(f'holds "{text}", a colour without `#`', f'"#{text}"')
    return value


Zone = Annotated[str, BeforeValidator(lambda value: zone_name(value) if isinstance(value, str) else value)]
Colours = dict[str, str | dict[str, str]]


class Brand(Strict):
    name: str = ""
    url: str = ""
    address: str = ""  # the postal address that stands in every message
    logo: str = ""  # a file of the project
    colors: Colours = Field(default_factory=dict)
    fonts: dict[str, str] = Field(default_factory=dict)

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        return page_url(value) if value else value

    @field_validator("colors", mode="before")
    @classmethod
    def _hashes(cls, value: Any) -> Any:
        for part in value.values() if isinstance(value, dict) else ():
            _colours(part)
        return _colours(value)


class Sender(Strict):
    from_: str = Field(default="", alias="from")
    reply_to: str = ""

    @field_validator("from_", "reply_to")
    @classmethod
    def _mailbox(cls, value: str) -> str:
        return mailbox(value)


class ListSettings(Strict):
    """On which ground a list may be written to, and where consent was given when a row does not say."""

    basis: Basis = "consent"
    consent_source: str = ""
    source: tuple[str, ...] = ()  # a program and its arguments that print the list as CSV, instead of a file
    gone: bool = False  # the list is no more, and somebody looked after those who had left it

    @field_validator("source")
    @classmethod
    def _command(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if value and not value[0].strip():
            raise Mistake("names no program", '["python3", "tools/crm.py", "--active"]')
        return value


def how_often(text: str) -> tuple[int, timedelta]:
    """`2 in 7 days`: how many at most, and within which time. Raises Mistake."""
    found = re.fullmatch(r"(\d{1,6}) in (\S.*)", text.strip())
    if not found or not int(found[1]):
        raise Mistake(f'is "{text}", which says no number within a time', '"2 in 7 days"')
    return int(found[1]), parse_duration(found[2])


class Limits(Strict):
    """How many at most; None: as many as there are.

    per_person: letters that one person gets, all campaigns and steps together
    max_recipients: people that one campaign goes to, or one step at one time
    per_second, per_day: recipients that are handed over for one sender; days are those of `timezone`
    """

    per_person: str | None = None
    max_recipients: int | None = Field(default=None, ge=1)
    per_second: Annotated[int, Field(ge=1)] | None = None
    per_day: Annotated[int, Field(ge=1)] | None = None

    @field_validator("per_person")
    @classmethod
    def _often(cls, value: str | None) -> str | None:
        if value is not None:
            how_often(value)
        return value


def _one_address(text: str) -> str:
    """The address alone, without a name. Raises Mistake."""
    if "<" in text:
        raise Mistake(f'is "{text}", which is more than an address', '"hej@example.org"')
    return mailbox(text)


def _address_or_domain(text: str) -> str:
    name = text.strip().lstrip("@")
    if "@" in name:
        return _one_address(text)
    if not _DOMAIN.fullmatch(name) or "." not in name:
        raise Mistake(f'is "{text}", which is no address and no domain', '"hej@example.org" or "example.org"')
    return name


class TestMail(Strict):
    """Whom `test` may write to, beside the groups of [testers]: addresses, and domains with all that is at them."""

    allow: tuple[Annotated[str, AfterValidator(_address_or_domain)], ...] = ()


class Delivery(Strict):
    batch_size: int = Field(default=500, ge=1, le=1000)  # SendGrid takes at most 1000 recipients a request
    canary: int = Field(
        default=50, ge=0
    )  # so many go first, and the others if few of them fail; 0: all at once
    breaker: int = Field(default=3, ge=1)  # failures in a row after which sending pauses
    retry_first: Annotated[timedelta, BeforeValidator(_duration)] = timedelta(
        seconds=60
    )  # of what a relay puts off


class Assets(Strict):
    """How the pictures get to `assets_url`: a program and its arguments, `{dir}` for their folder."""

    publish: tuple[str, ...] = ()

    @field_validator("publish")
    @classmethod
    def _command(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if value and (not value[0].strip() or not any("{dir}" in part for part in value)):
            raise Mistake(
                "names no folder to publish", '["rsync", "-a", "{dir}/", "web@example.org:bilder/"]'
            )
        return value


class Clients(Strict):
    """How much each family of mail programs counts when `check` judges what they drop; only the ratio matters.

    The defaults are a choice, not a measurement: whoever knows their readers' programs writes their own.
    """

    apple_mail: int = Field(default=3, ge=0)
    gmail: int = Field(default=3, ge=0)
    outlook_windows: int = Field(default=2, ge=0)  # the one that draws with Word
    outlook: int = Field(default=2, ge=0)  # on the web, for macOS, iOS, Android; the new one for Windows
    yahoo: int = Field(default=1, ge=0)
    samsung: int = Field(default=1, ge=0)
    thunderbird: int = Field(default=1, ge=0)
    others: int = Field(default=1, ge=0)


class SendGridFile(Strict):
    """What may stand in a file: the key may not."""

    base_url: str | None = None
    region: Literal["global", "eu"] = "global"
    personalizations: int = Field(default=1000, ge=1, le=1000)  # recipients a request
    substitution_tags: int = Field(default=100, ge=1, le=100)  # that differ, a request
    substitution_bytes: int = Field(default=9_500, ge=1_000, le=50_000)  # of one recipient's

    @field_validator("base_url")
    @classmethod
    def _base_url(cls, value: str | None) -> str | None:
        return base_url(value) if value else None


class SmtpFile(Strict):
    """What may stand in a file of a relay: the password may not."""

    host: str = ""
    port: int = Field(default=0, ge=0, le=65535)  # 0: the one that belongs to `tls`
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    username: str = ""
    bounce_address: str = ""  # bounces go to LOCAL+SID@DOMAIN
    connections: int = Field(default=4, ge=1, le=8)  # at once, a process
    smtputf8: bool = False  # whether people get mail whose address has letters beyond ASCII before the @

    @field_validator("host")
    @classmethod
    def _host(cls, value: str) -> str:
        if value and (not value.isprintable() or set(value) & set(" /@:")) and not is_loopback(value):
            raise Mistake(f'is "{value}", which is no host', '"smtp.example.org"')
        return value

    @field_validator("bounce_address")
    @classmethod
    def _bounces(cls, value: str) -> str:
        if value and ("<" in value or "+" in value):
            raise Mistake("is the address alone, without `+`", '"bounces@example.org"')
        return mailbox(value) if value else value

    @model_validator(mode="after")
    def _protected(self) -> "SmtpFile":
        if self.tls == "none" and self.host and not is_loopback(self.host):
            raise Mistake('sends unprotected: tls = "none" only reaches this machine', 'tls = "starttls"')
        return self

    @property
    def port_in_use(self) -> int:
        """RFC 6409 §3.1, RFC 8314 §3.3, RFC 5321 §4.5.4.2."""
        return self.port or {"starttls": 587, "implicit": 465, "none": 25}[self.tls]


class Values(Strict):
    """All that newsletter.toml may say, at its top and again in [env.NAME]."""

    provider: Annotated[str, AfterValidator(way_out)] = "outbox"
    timezone: Zone = "UTC"
    language: str = "en"
    public_url: str | None = None
    assets_url: str | None = None
    late_after: Annotated[timedelta, BeforeValidator(_duration)] = timedelta(hours=6)
    healthcheck_url: str | None = None
    brand: Brand = Field(default_factory=Brand)
    sender: Sender = Field(default_factory=Sender)
    attributes: dict[str, AttributeType] = Field(default_factory=dict)
    list: dict[str, ListSettings] = Field(default_factory=dict)
    limits: Limits = Field(default_factory=Limits)
    test: TestMail = Field(default_factory=TestMail)
    testers: dict[str, tuple[Annotated[str, AfterValidator(_one_address)], ...]] = Field(default_factory=dict)
    assets: Assets = Field(default_factory=Assets)
    clients: Clients = Field(default_factory=Clients)
    delivery: Delivery = Field(default_factory=Delivery)
    smtp: SmtpFile = Field(default_factory=SmtpFile)
    sendgrid: SendGridFile = Field(default_factory=SendGridFile)

    @field_validator("language")
    @classmethod
    def _tag(cls, value: str) -> str:
        return _language(value)

    @field_validator("public_url", "assets_url")
    @classmethod
    def _base(cls, value: str | None) -> str | None:
        return base_url(value) if value else None

    @field_validator("healthcheck_url")
    @classmethod
    def _page(cls, value: str | None) -> str | None:
        return page_url(value) if value else None

    @field_validator("attributes")
    @classmethod
    def _columns(cls, value: dict[str, AttributeType]) -> dict[str, AttributeType]:
        for name in value:
            if name in STANDARD_COLUMNS:
                raise Mistake(
                    f"can't change the type of `{name}`, a column that every list has", "take it out"
                )
            if not name.isidentifier() or name != name.casefold():
                folded = re.sub(r"\W+", "_", name.strip().casefold())
                raise Mistake(f"names `{name}`; columns are folded when they are read", f"`{folded}`")
        return value

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def live(self) -> bool:
        """Real people get mail."""
        return self.provider != "outbox"

    @property
    def takes_utf8(self) -> bool:
        """Whether addresses with letters beyond ASCII before the @ may be written to (RFC 6531)."""
        return self.smtp.smtputf8 and self.provider != "sendgrid"


class Overrides(Values):
    """What differs in one environment, and which ledger may send live there."""

    ledger: str | None = None


class SettingsFile(Values):
    """newsletter.toml as a whole."""

    env: dict[str, Overrides] = Field(default_factory=dict)
