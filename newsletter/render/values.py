"""Declared values: what a campaign's [data] and a block's fields must be, made into what templates print."""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from newsletter.campaigns.models import Campaign
from newsletter.errors import ChecksFailed, Place, Problem, did_you_mean
from newsletter.render.declarations import CAMPAIGN_KEYS, Type, Want
from newsletter.render.environment import Names, is_safe_url, shortened
from newsletter.render.images import ReadImage

_NUMBER = re.compile(r"[-+]?\d{1,18}(\.\d{1,18})?", re.ASCII)
JINJA = re.compile(r"\{\{|\{%|\{#")
EXAMPLES = {
    Type.TEXT: '"a text"',
    Type.MARKDOWN: '"a *text*"',
    Type.URL: '"https://example.org/"',
    Type.IMAGE: '"![what it shows](file.jpg)"',
    Type.NUMBER: "7",
    Type.DATE: "2015-06-28",
    Type.TIME: "09:00",
    Type.BOOL: "true",
}
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)
_WORDS = {"true": True, "yes": True, "ja": True, "false": False, "no": False, "nej": False}


@dataclass(frozen=True)
class Data:
    """A campaign's data as its HTML and its text see it."""

    html: Names
    text: Names
    problems: tuple[Problem, ...] = ()


class Wrong(ValueError):
    """A value that is not what was declared; the text says what it should be."""


def read_data(campaign: Campaign, wants: Mapping[str, Want], read_image: ReadImage) -> Data:
    """The values under [data], checked against what the template declares; all problems at once."""
    html, text = Names("data", {}), Names("data", {})
    problems = [_undeclared(name, wants, campaign) for name in campaign.data if name not in wants]
    for name, want in wants.items():
        html[name] = text[name] = ""
        place = campaign.place("data", name)
        if campaign.data.get(name, "") == "":
            if want.required:
                problems.append(_missing(name, want, campaign))
            continue
        try:
            html[name], text[name] = _from_toml(
                want, campaign.data[name], place, campaign.language, read_image
            )
        except Wrong as wrong:
            problems.append(Problem("T110", f"`{name}` {wrong}", place, f"{name} = {EXAMPLES[want.type]}"))
        except ChecksFailed as failed:
            problems.extend(failed.problems)
    return Data(html, text, tuple(problems))


def _undeclared(name: str, wants: Mapping[str, Want], campaign: Campaign) -> Problem:
    place = campaign.place("data", name)
    if name in CAMPAIGN_KEYS:
        return Problem("T109", f"`{name}` stands under [data]", place, f"`{name}` belongs above [data]")
    hint = did_you_mean(
        name,
        wants,
        otherwise=f"it takes {', '.join(sorted(wants))}"
        if wants
        else "the template takes no data: remove the line",
    )
    return Problem("T109", f"the template `{campaign.template}` takes no data `{name}`", place, hint)


def _missing(name: str, want: Want, campaign: Campaign) -> Problem:
    place = (
        campaign.places.get(("data", name)) or campaign.places.get(("data",)) or campaign.place("template")
    )
    return Problem(
        "T111",
        f"the template `{campaign.template}` needs the data `{name}`",
        place,
        f"write under [data]: {name} = {EXAMPLES[want.type]}",
    )


def _from_toml(
    want: Want, value: object, place: Place, language: str, read_image: ReadImage
) -> tuple[Any, Any]:
    """The value for HTML and for text."""
    if isinstance(value, str) and JINJA.search(value):
        raise ChecksFailed(
            Problem(
                "M108",
                "merge fields are not filled in under [data]",
                place,
                "write it in the text, the subject or the preheader",
            )
        )
    if want.type is Type.NUMBER and isinstance(value, int | float) and not isinstance(value, bool):
        return value, value
    if want.type is Type.BOOL and isinstance(value, bool):
        return value, value
    if want.type is Type.DATE and isinstance(value, dt.date):
        day = value.date() if isinstance(value, dt.datetime) else value
        return day, day
    if want.type is Type.TIME and isinstance(value, dt.time):
        return value, value
    if not isinstance(value, str) or want.type in (Type.NUMBER, Type.BOOL):
        raise Wrong(f"is no {want.type}")
    if want.type is Type.MARKDOWN:
        from newsletter.render.body import field_markdown
        from newsletter.render.filling import filled
        from newsletter.render.tree import Field

        marked = field_markdown(Field(place, value), language=language)
        if marked.problems:
            raise ChecksFailed(*marked.problems)
        return Markup(marked.html), filled(marked.text)  # noqa: S704  (our own Markdown, raw HTML escaped, no Jinja in it)
    if want.type is Type.IMAGE:
        return read_image(value, want, place)
    plain = plain_value(want, value)
    return plain, plain


def plain_value(want: Want, written: str) -> Any:
    """A value of one line from a block's field. Raises Wrong."""
    text = written.strip()
    if want.type is Type.URL and not is_safe_url(text):
        raise Wrong(f"is `{shortened(text)}`, no address for a link (http, https, mailto, tel)")
    if want.type is Type.NUMBER:
        if not _NUMBER.fullmatch(text):
            raise Wrong(f"is `{shortened(text)}`, no number")
        return float(text) if "." in text else int(text)
    if want.type is Type.DATE:
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            raise Wrong(f"is `{shortened(text)}`, no date (year-month-day)") from None
    if want.type is Type.TIME:
        if not _TIME.fullmatch(text):
            raise Wrong(f"is `{shortened(text)}`, no time of day (hours:minutes)")
        return dt.time.fromisoformat(text)
    if want.type is Type.BOOL:
        if text.lower() not in _WORDS:
            raise Wrong(f"is `{shortened(text)}`, neither true nor false")
        return _WORDS[text.lower()]
    return text
