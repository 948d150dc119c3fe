"""The keys that authors write in front matter, sequence.toml and _defaults.toml."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from newsletter.campaigns import values
from newsletter.campaigns.clock import Period, Window, parse_window
from newsletter.files.mistake import Mistake
from newsletter.files.models import Strict
from newsletter.settings.values import mailbox, zone_name

Name = Annotated[str, AfterValidator(values.one_name)]
Wait = Annotated[Period, BeforeValidator(values.period)]


class UtmKeys(Strict):
    """`utm = { hosts = […], source = "…", medium = "…" }`."""

    hosts: Annotated[tuple[Annotated[str, AfterValidator(values.host)], ...], AfterValidator(values.some)]
    source: Annotated[str, AfterValidator(values.one_name)] = "newsletter"
    medium: Annotated[str, AfterValidator(values.one_name)] = "email"


class Letter(Strict):
    """What campaigns, steps and the files of defaults have in common."""

    preheader: str = ""
    language: Annotated[str, AfterValidator(values.language)] | None = None
    sender: Annotated[str, AfterValidator(mailbox)] = Field("", alias="from")
    reply_to: Annotated[str, AfterValidator(mailbox)] = ""
    tags: tuple[Name, ...] = ()
    attachments: tuple[Annotated[str, AfterValidator(values.file_name)], ...] = ()
    allow: frozenset[Annotated[str, AfterValidator(values.finding_code)]] = frozenset()
    utm: Annotated[UtmKeys, BeforeValidator(values.utm_table)] | None = None
    per_second: Annotated[int, Field(ge=1)] | None = None
    per_day: Annotated[int, Field(ge=1)] | None = None
    data: dict[str, Any] = Field(default_factory=dict)


class Scheduled(Letter):
    """What only one-off campaigns obey, and may come from a folder's defaults."""

    exclude: tuple[Name, ...] = ()
    timezone: Annotated[str, AfterValidator(zone_name)] | None = None
    late_after: Annotated[timedelta, BeforeValidator(values.late_after)] | None = None


class CampaignKeys(Scheduled):
    """The front matter of a campaign, its folders' defaults filled in."""

    subject: Annotated[str, AfterValidator(values.subject)]
    template: Annotated[str, AfterValidator(values.template)]
    segment: Name
    status: Literal["draft", "ready"] = "draft"
    send_at: Annotated[datetime, BeforeValidator(values.send_at)] | None = None


class StepKeys(Letter):
    """The front matter of a step, the sequence's and its folders' defaults filled in."""

    subject: Annotated[str, AfterValidator(values.subject)]
    template: Annotated[str, AfterValidator(values.template)]
    exclude: tuple[Name, ...] = ()  # from a folder's defaults only


class DefaultsKeys(Scheduled):
    """A `_defaults.toml`."""

    template: Annotated[str, AfterValidator(values.shared_template)] | None = None


class WindowKeys(Strict):
    days: Annotated[str, AfterValidator(values.days)]
    start: Annotated[str, AfterValidator(values.time_of_day)] = Field(alias="from")
    end: Annotated[str, AfterValidator(values.end_of_window)] = Field(alias="to")

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        try:
            self.as_window()
        except ValueError as error:
            message, _, hint = str(error).rpartition(": ")
            raise Mistake(f"is none: {message}", hint) from None
        return self

    def as_window(self) -> Window:
        return parse_window(days=self.days, start=self.start, end=self.end)


class StepEntry(Strict):
    """One [[step]] of a sequence."""

    id: Annotated[str, AfterValidator(values.step_id)]
    wait: Wait
    file: Annotated[str, AfterValidator(values.step_file)] | None = None


class SequenceKeys(Letter):
    """A `sequence.toml`: who, when and in which order, and defaults for the steps."""

    segment: Name
    status: Literal["draft", "ready", "paused"] = "draft"
    exit: tuple[Name, ...] = ()
    window: Annotated[WindowKeys, BeforeValidator(values.window_table)] | None = None
    min_gap: Wait | None = None
    timezone: Annotated[str, AfterValidator(zone_name)] | None = None
    template: Annotated[str, AfterValidator(values.template)] | None = None
    step: tuple[StepEntry, ...] = ()


def names_of(model: type[Strict]) -> frozenset[str]:
    """The keys as they are written."""
    return frozenset(field.alias or name for name, field in model.model_fields.items())


SHARED = names_of(DefaultsKeys)  # what a folder's _defaults.toml hands down

# Known keys in a wrong file. First those that have a home elsewhere: key -> "belongs …".
_SEQUENCES_OWN = dict.fromkeys(("exit", "window", "min_gap"), "in a sequence's sequence.toml")
_STEP_ENTRYS = dict.fromkeys(("id", "wait", "file"), "under [[step]] in sequence.toml")
ELSEWHERE_THAN_CAMPAIGN = _SEQUENCES_OWN | _STEP_ENTRYS
ELSEWHERE_THAN_SEQUENCE = dict.fromkeys(names_of(SequenceKeys), "above the first [[step]]") | {
    "subject": "in the step's own file",
    **dict.fromkeys(("id", "wait", "file"), "under [[step]]"),
}

A_CAMPAIGN, A_STEP, A_SEQUENCE = "a campaign", "a step", "a sequence"

# Then those that are refused, with the reason as the way out.
NOT_IN_DEFAULTS = dict.fromkeys(
    ("subject", "segment", "status", "send_at"),
    "write it in each campaign, where a reader of the file sees it",
)
NOT_IN_STEP = {
    "segment": "`segment` in sequence.toml says who is enrolled",
    "exclude": "`exit` in sequence.toml names the segments that end it early",
    "status": "`status` in sequence.toml holds for all steps",
    "send_at": "`wait` under [[step]] in sequence.toml says when it goes",
    "timezone": "`timezone` in sequence.toml holds for all steps",
    "late_after": "a late step goes at the next tick inside the window",
}
NOT_IN_SEQUENCE = {
    "subject": "each step's file has its own subject",
    "exclude": "`exit` names the segments that end it early",
    "send_at": "`wait` under [[step]] says when a step goes",
    "late_after": "a late step goes at the next tick inside the window",
}
