"""Every letter of a project for typical and untypical readers; every block, and the kinds of sections, alone."""

import base64
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from newsletter.audience.load import load_audience
from newsletter.audience.models import Subscriber
from newsletter.audience.segments import load_segments
from newsletter.campaigns.load import load_catalogue
from newsletter.files.project import find_project
from newsletter.render.composition import Composition, Links, compose
from newsletter.settings.load import load_settings

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ("newsletter.toml", "campaigns", "templates", "subscribers")
NOW = datetime(2015, 7, 3, 7, 0, tzinfo=UTC)
UNSUBSCRIBE = "https://newsletter.invalid/u/token"
READERS = {  # people of the shipped lists
    "typical": "asa.oberg@example.org",
    "longest": "maximiliana@example.org",
    "empty": "info@smabryggan.test",  # no first name
}

_HEADING = re.compile(r"^## (\w+)$", re.MULTILINE)
_FENCE = re.compile(r"^```(?P<language>\w+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_ALONE = """\
{% extends "base.mjml" %}
{% block top %}{% endblock %}
{% block contents %}{% include "partials/contents.mjml" %}{% endblock %}
"""


@dataclass(frozen=True)
class Letter:
    html: str  # as a reader gets it, pictures named by cid:
    shown: str  # with the pictures in it
    text: str
    pictures_bytes: int


@dataclass(frozen=True)
class Example:
    """A block as docs/blocks.md shows it, or the kinds of sections."""

    name: str
    markdown: str
    text: str  # its form in the text part


def examples() -> dict[str, Example]:
    page = (ROOT / "docs" / "blocks.md").read_text(encoding="utf-8")
    outside = _FENCE.sub(lambda fence: re.sub(r"[^\n]", " ", fence[0]), page)  # a `##` in an example is none
    headings = [(found.start(), found[1].lower()) for found in _HEADING.finditer(outside)]
    fences: dict[str, dict[str, str]] = {}
    for fence in _FENCE.finditer(page):
        name = [name for at, name in headings if at < fence.start()][-1]
        fences.setdefault(name, {})[fence["language"]] = fence["body"]
    return {name: Example(name, some["markdown"], some["text"]) for name, some in fences.items()}


def letters(root: Path = ROOT, readers: Mapping[str, str] = READERS) -> Iterator[tuple[str, str, Letter]]:
    """Id, reader and letter, for each campaign and step of the project at `root`."""
    project = find_project(root)
    settings = load_settings(project)
    catalogue = load_catalogue(project, settings)
    audience = load_audience(project, settings)
    campaigns = [
        *catalogue.campaigns.values(),
        *(step.campaign for sequence in catalogue.sequences.values() for step in sequence.steps),
    ]
    segments = load_segments(project, settings, audience, campaigns={one.id for one in campaigns})

    def is_member(name: str, subscriber: Subscriber) -> bool:
        return segments.matcher(name, segments.world(now=NOW, received=lambda _: ()))(subscriber)

    for campaign in campaigns:
        composition = compose(
            project,
            settings,
            campaign,
            columns=audience.columns | set(settings.attributes),
            is_member=is_member,
            segments={*segments.names, *audience.lists},
        )
        for reader, email in readers.items():
            person = audience.find(email)
            if person is None:
                raise LookupError(f"{email} is on no list of {root}")
            yield campaign.id, reader, _letter(composition, person)


def _letter(composition: Composition, person: Subscriber) -> Letter:
    content = composition.fill(composition.slots(person, Links(unsubscribe=UNSUBSCRIBE)))
    shown = content.html
    for picture in composition.pictures:
        data = base64.b64encode(picture.data).decode()
        shown = shown.replace(f"cid:{picture.cid}", f"data:{picture.content_type};base64,{data}")
    weight = sum(len(picture.data) for picture in composition.pictures)
    return Letter(content.html, shown, content.text, weight)


def block_letters(folder: Path, *, root: Path = ROOT) -> Iterator[tuple[str, str, Letter]]:
    """The same for each block alone: a copy of the project at `root`, its campaigns replaced by the examples.

    folder: where the copy may lie
    """
    for name in SHIPPED:
        if (root / name).is_dir():
            shutil.copytree(root / name, folder / name)
        else:
            shutil.copy(root / name, folder / name)
    campaigns = folder / "campaigns"
    pictures = [*(root / "campaigns").rglob("*.png"), *(ROOT / "docs" / "pictures" / "examples").iterdir()]
    shutil.rmtree(campaigns)
    for example in examples().values():
        beside = campaigns / example.name
        beside.mkdir(parents=True)
        (beside / "letter.mjml").write_text(_ALONE, encoding="utf-8")
        (beside / "campaign.md").write_text(_campaign(example), encoding="utf-8")
        for picture in pictures:
            if picture.name in example.markdown:
                shutil.copy(picture, beside / picture.name)
    yield from letters(folder)


def _campaign(example: Example) -> str:
    return f"""\
+++
subject  = "{example.name}"
template = "./letter.mjml"
segment  = "seminarier"

[data]
headline = "{example.name}"
+++

{example.markdown}"""
