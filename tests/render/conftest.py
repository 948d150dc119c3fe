"""A workshop for rendering: a small project in a folder of its own, changed file by file."""

import io
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from newsletter.audience.models import Membership, Subscriber
from newsletter.campaigns.load import load_catalogue
from newsletter.errors import ChecksFailed, Place, Problem
from newsletter.files.project import Project
from newsletter.render.composition import Composition, Content, Links, compose
from newsletter.settings.load import load_settings

SETTINGS = """\
timezone = "Europe/Stockholm"
language = "sv"
[brand]
name = "Birger & Blom"
url = "https://example.org"
address = "Exempelgatan 1, Visby"
logo = "templates/logo.png"
[brand.colors.light]
ink = "#222222"
[sender]
from = "Hej & hå <hej@example.org>"
"""
TEMPLATE = """\
+++
sections = ["article", "panel"]
[data]
album = "url"
+++
<mjml>
  <mj-body>
    <mj-section><mj-column><mj-text>{{ campaign.subject }}</mj-text></mj-column></mj-section>
    {{ intro.body }}
    {% for section in sections %}
    <mj-text><h2 class="{{ section.kind }}">{{ section.title }}</h2></mj-text>
    {{ section.body }}
    {% endfor %}
    {{ closing.body }}
    <mj-text><a href="{{ links.unsubscribe }}">Avsluta</a>{% if data.album %} <a href="{{ data.album }}">Album</a>{% endif %}</mj-text>
  </mj-body>
</mjml>
"""
LINKS = Links("https://example.org/u/token")


def person(first_name: str = "Ada", email: str = "ada@example.org", **more: Any) -> Subscriber:
    row = Membership("kunder", Place("subscribers/kunder.csv", 2))
    return Subscriber(
        key=email, email=email, address=email, memberships=(row,), first_name=first_name, **more
    )


def picture(width: int = 600, height: int = 400, kind: str = "PNG") -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.new("RGB", (width, height), "#a3203c").save(stream, kind)
    return stream.getvalue()


@dataclass
class Workshop:
    folder: Path
    columns: Collection[str] = ("email", "first_name", "city")
    segments: Collection[str] = ("kunder", "i-visby")
    members: Callable[[str, Subscriber], bool] = field(default=lambda _name, _person: False)

    def write(self, file: str, content: str | bytes) -> None:
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def body(
        self, text: str, *, head: str = "", subject: str = "Hej", file: str = "campaigns/brev.md"
    ) -> None:
        """The campaign; its body begins on line 8 plus the lines of `head`."""
        extra = head if not head or head.endswith("\n") else head + "\n"
        self.write(
            file,
            f'+++\nsubject = "{subject}"\ntemplate = "brev"\nsegment = "kunder"\nlanguage = "sv"\n{extra}+++\n\n{text}',
        )

    def compose(self, name: str = "brev") -> Composition:
        project = Project(self.folder)
        settings = load_settings(project)
        catalogue = load_catalogue(project, settings)
        if name in catalogue.problems:
            raise ChecksFailed(*catalogue.problems[name])
        return compose(
            project,
            settings,
            catalogue.campaigns[name],
            columns=self.columns,
            is_member=self.members,
            segments=self.segments,
        )

    def content(self, who: Subscriber | None = None) -> Content:
        composition = self.compose()
        return composition.fill(composition.slots(who or person(), LINKS))

    def problems(self, who: Subscriber | None = None) -> list[Problem]:
        """What composing, or rendering for this person, refuses."""
        with pytest.raises(ChecksFailed) as failed:
            self.content(who)
        return list(failed.value.problems)

    def problem(self, who: Subscriber | None = None) -> Problem:
        (only,) = self.problems(who)
        return only


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    """A project with a template `brev`, a logo, and one campaign `brev` that uses it."""
    shop = Workshop(tmp_path)
    shop.write("newsletter.toml", SETTINGS)
    shop.write("templates/brev.mjml", TEMPLATE)
    shop.write("templates/logo.png", picture(80, 80))
    shop.write("subscribers/kunder.csv", "email,first_name\n")
    shop.body("Hej {{ subscriber.first_name }}!")
    return shop


@pytest.fixture
def make_person() -> Callable[..., Subscriber]:
    return person
