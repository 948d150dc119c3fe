"""The end of the whole rendering: one person's MJML becomes HTML with its CSS inlined, or a Problem."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from newsletter.campaigns.models import Campaign
from newsletter.errors import ChecksFailed, Place, Problem
from newsletter.render.engine import Engine, MjmlPython, Page, compile_mjml
from newsletter.render.environment import Names, cleaned, shortened
from newsletter.render.inline import inline_css
from newsletter.render.links import refuse_code
from newsletter.render.markup import Fault
from newsletter.render.templates import Templates

_ABSOLUTE = re.compile(r"[A-Za-z][\w+.-]*:|//|#")


@dataclass(frozen=True)
class Finish:
    """MJML to HTML, for one campaign."""

    campaign: Campaign
    templates: Templates
    pictures: Mapping[str, str]  # as a template names them -> address
    engine: Engine = field(default_factory=MjmlPython)

    def __call__(self, mjml: str, campaign: Names) -> str:
        """Raises ChecksFailed: T120 for MJML that means nothing, M107 for a link that would run code."""
        page = Page(campaign["language"], campaign["dir"], campaign["subject"], campaign["preheader"])
        try:
            html, css = compile_mjml(cleaned(mjml), page, self.engine, self._picture)
        except Fault as fault:
            raise ChecksFailed(
                Problem("T120", f"MJML: {fault}", self._place(fault.near), fault.hint)
            ) from None
        except (ValueError, OSError, RuntimeError) as error:
            raise ChecksFailed(
                Problem("T120", f"MJML: {shortened(str(error), 200)}", self._place(""))
            ) from None
        refuse_code(html, Place(self.campaign.file))
        return inline_css(html, css)

    def _picture(self, source: str) -> str:
        if not source or _ABSOLUTE.match(source):
            return source
        if source in self.pictures:
            return self.pictures[source]
        raise ChecksFailed(
            Problem(
                "P101",
                f"there is no picture `{shortened(source)}`",
                self._place(source),
                "write the file's name, counted from templates/, or print a picture that the author gave",
            )
        )

    def _place(self, near: str) -> Place:
        """The one line of a template that holds a piece of MJML; else the campaign's template as a whole."""
        places = []
        if near:
            for source in self.templates.read.values():
                start = source.text.find(near)
                if start >= 0:
                    places.append(source.origin_of(start))
        if places:
            return places[0]
        name = self.campaign.template
        return Place(self.templates.file_of(name if name.startswith("./") else f"{name}.mjml"))
