"""SendGrid's POST /v3/mail/send as far as it is used here, as types: what the API refuses can't be said in them.

Sources: "Mail Send" and "Errors for Mail Send" of SendGrid's v3 API reference (2026-11).
"""

from typing import Annotated, Literal, NotRequired, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator, with_config
from typing_extensions import TypedDict  # pydantic checks Python's own from 3.12 on

RESERVED_HEADERS = frozenset(
    {"x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding"}
    | {"to", "from", "subject", "reply-to", "cc", "bcc"}
)

Address = Annotated[str, StringConstraints(pattern=r"^[!-?A-~]+@[A-Za-z0-9.-]+$")]
Text = Annotated[str, StringConstraints(min_length=1)]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+$")]
HeaderValue = Annotated[str, StringConstraints(pattern=r"^[ -~]+$")]
Base64 = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]+=*$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class Mailbox(_Part):
    email: Address
    name: Text | None = None


# What there is a thousand times in a request is a dictionary: checked as strictly, in half the time.
_STRICT = ConfigDict(extra="forbid", strict=True)


@with_config(_STRICT)
class Recipient(TypedDict):
    """An address alone."""

    email: Address


@with_config(_STRICT)
class CustomArgs(TypedDict):
    """Opaque: SendGrid's staff see them, and events bring them back."""

    s: Text  # sid
    a: NotRequired[Text]  # attempt
    e: NotRequired[Text]  # the ledger and its epoch


@with_config(_STRICT)
class Personalization(TypedDict):
    """One recipient."""

    to: tuple[Recipient]
    subject: NotRequired[Text]
    headers: dict[HeaderName, HeaderValue]
    substitutions: NotRequired[Annotated[dict[Text, str], Field(max_length=100)]]
    custom_args: CustomArgs


class Content(_Part):
    type: Literal["text/plain", "text/html"]
    value: Text


class Attachment(_Part):
    content: Base64
    type: Text
    filename: Text
    disposition: Literal["inline", "attachment"]
    content_id: Text | None = None  # by which the HTML names what is inline


class _Off(_Part):
    enable: Literal[False] = False


class _ClicksOff(_Off):
    enable_text: Literal[False] = False


class NoTracking(_Part):
    """Account defaults may be on, so all of it is switched off in every request."""

    click_tracking: _ClicksOff = _ClicksOff()
    open_tracking: _Off = _Off()
    subscription_tracking: _Off = _Off()
    ganalytics: _Off = _Off()


class MailSend(_Part):
    """One request. Without template_id and categories, and without sandbox mode."""

    personalizations: tuple[Personalization, ...] = Field(min_length=1, max_length=1000)
    sender: Mailbox = Field(serialization_alias="from")
    reply_to: Mailbox | None = None
    subject: Text | None = None  # None where every personalization has its own
    content: tuple[Content, ...] = Field(min_length=1, max_length=2)
    attachments: tuple[Attachment, ...] | None = None
    tracking_settings: NoTracking = NoTracking()

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if [part.type for part in self.content] not in (
            ["text/plain", "text/html"],
            ["text/plain"],
            ["text/html"],
        ):
            raise ValueError("text/plain comes before text/html, each once")
        people = {recipient["to"][0]["email"].lower() for recipient in self.personalizations}
        if len(people) < len(self.personalizations):
            raise ValueError("an address stands twice in one request")
        if self.subject is None and any("subject" not in recipient for recipient in self.personalizations):
            raise ValueError("somebody has no subject")
        headers = {tuple(recipient["headers"]) for recipient in self.personalizations}
        if RESERVED_HEADERS & {name.lower() for names in headers for name in names}:
            raise ValueError("a header that SendGrid writes itself")
        return self

    def as_json(self) -> bytes:
        """The body, UTF-8; the same for the same request."""
        return self.model_dump_json(by_alias=True, exclude_none=True).encode("utf-8")
