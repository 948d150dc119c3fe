"""What a letter's programs are compiled from: read and checked once, compiled in as many environments as needed."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from jinja2 import Template

from newsletter.campaigns.models import Campaign
from newsletter.files.project import Project
from newsletter.render import tree
from newsletter.render.compiled import Sources
from newsletter.render.environment import make_environment
from newsletter.render.letter import Form
from newsletter.render.limits import modest
from newsletter.render.pieces import Plan
from newsletter.render.renderer import Renderer
from newsletter.render.source_map import MarkingSandbox, Spot
from newsletter.render.templates import Family, Templates, TemplateSandbox
from newsletter.render.utm import urlencoded
from newsletter.render.values import Data

S = TypeVar("S", bound=TemplateSandbox)


def environment(kind: type[S], campaign: Campaign, templates: Templates, *, autoescape: bool) -> S:
    """An environment of this kind that reads a campaign's templates."""
    made = make_environment(
        kind,
        templates,
        autoescape=autoescape,
        language=campaign.language,
        zone=ZoneInfo(campaign.timezone),
    )
    made.filters["urlencode"] = modest("urlencode", urlencoded)
    return made


class Programs(NamedTuple):
    """An author's own Jinja, compiled."""

    subject: Template
    preheader: Template
    html: Template  # the body
    text: Template  # the body for the text part


@dataclass(frozen=True)
class Script:
    """The sources of one letter."""

    project: Project
    campaign: Campaign
    templates: Templates
    plan: Plan
    body: tree.Body
    main: str  # the template's name
    frame: str  # the name of the one that frames the text part
    blocks: Mapping[str, Family]  # what draws the body's parts, by the part's name
    data: Data

    def environment(self, kind: type[S], *, autoescape: bool) -> S:
        return environment(kind, self.campaign, self.templates, autoescape=autoescape)

    def programs(
        self, html: TemplateSandbox, text: TemplateSandbox, roots: Mapping[str, Any] | None = None
    ) -> tuple[Programs | None, Sources]:
        """The programs, or None, and what was found and remembered of their lines.

        roots: the names that every source may read; None for what was checked before
        """
        sources = Sources(self.project, html, text, roots)
        subject = sources.line("subject", self.campaign.subject, self.campaign.place("subject"))
        preheader = sources.line("preheader", self.campaign.preheader, self.campaign.place("preheader"))
        bodies = sources.body(self.plan, self.body)
        return (Programs(subject, preheader, *bodies) if subject and preheader and bodies else None), sources

    def forms(self, programs: Programs, html: TemplateSandbox, text: TemplateSandbox) -> tuple[Form, Form]:
        """The two forms of the letter."""
        return (
            Form(
                False,
                programs.html,
                html.get_template(self.main),
                self._drawn(html, ".mjml"),
                self.data.html,
            ),
            Form(
                True, programs.text, text.get_template(self.frame), self._drawn(text, ".txt"), self.data.text
            ),
        )

    def _drawn(self, made: TemplateSandbox, suffix: str) -> dict[str, Template]:
        files = {name: f"blocks/{name}{suffix}" for name in self.blocks}
        return {
            name: made.get_template(file) for name, file in files.items() if file in self.blocks[name].trees
        }

    def again(self, renderer: Renderer, html: TemplateSandbox, text: TemplateSandbox) -> Renderer:
        """The same renderer, compiled once more in other environments."""
        programs, _ = self.programs(html, text)
        if programs is None:
            raise AssertionError("what compiled once compiles again")
        in_html, in_text = self.forms(programs, html, text)
        return dataclasses.replace(
            renderer, subject=programs.subject, preheader=programs.preheader, html=in_html, text=in_text
        )

    def marked(self, renderer: Renderer) -> tuple[Renderer, list[Spot]]:
        """The same renderer with marks in what its HTML prints, and what they mean."""
        html = self.environment(MarkingSandbox, autoescape=True)
        text = self.environment(TemplateSandbox, autoescape=False)
        return self.again(renderer, html, text), html.spots
