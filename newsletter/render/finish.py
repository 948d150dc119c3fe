"""The end of the whole rendering: one person's MJML becomes HTML with its CSS inlined, or a Problem."""

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from newsletter.campaigns.models import Campaign
from newsletter.errors import ChecksFailed, Place, Problem
from newsletter.render.deferral.tokens import Tokens
from newsletter.render.environment import Names, cleaned, shortened
from newsletter.render.inline import inline_css
from newsletter.render.links import refuse_code
from newsletter.render.mjml.engine import Engine, MjmlPython
from newsletter.render.mjml.fault import Fault, Faulty
from newsletter.render.mjml.layer import Page, compile_mjml
from newsletter.render.templates import Templates


class Located(Protocol):
    """Whose each character of a letter's MJML is."""

    def place(self, offset: int) -> Place | None: ...


Trace = Callable[[], Located | None]
"""Renders the letter once more to find out whose each character is; None when nobody can tell."""

_inlined = functools.lru_cache(maxsize=8)(inline_css)
"""Of the readers whom a proof tries, every other one is told what one just before was."""

_ABSOLUTE = re.compile(r"[A-Za-z][\w+.-]*:|//|#")


@dataclass(frozen=True)
class Finish:
    """MJML to HTML, for one campaign."""

    campaign: Campaign
    templates: Templates
    pictures: Mapping[str, str]  # as a template names them -> address
    engine: Engine = field(default_factory=MjmlPython)
    tokens: Tokens | None = None  # of what depends on the reader, where that is put off

    def __call__(self, mjml: str, campaign: Names, trace: Trace) -> str:
        """Raises ChecksFailed: T12x for what is wrong with the MJML, M107 for a link that would run code."""
        return self.whole(mjml, campaign, trace)[0]

    def whole(self, mjml: str, campaign: Names, trace: Trace) -> tuple[str, tuple[Problem, ...]]:
        """The same, with the findings that stop nothing."""
        page = Page(campaign["language"], campaign["dir"], campaign["subject"], campaign["preheader"])
        try:
            compiled = compile_mjml(cleaned(mjml), page, self.engine, self._picture, self.tokens)
        except Faulty as faulty:
            raise ChecksFailed(*self._problems(faulty.faults, trace)) from None
        except (ValueError, OSError, RuntimeError) as error:
            fault = Fault("T120", f"MJML can't be read: {shortened(str(error), 200)}")
            raise ChecksFailed(*self._problems((fault,), trace)) from None
        refuse_code(compiled.html, Place(self.campaign.file), self.tokens)
        findings = self._problems(compiled.findings, trace)
        return _inlined(compiled.html, compiled.css), tuple(findings)

    def _problems(self, faults: Iterable[Fault], trace: Trace) -> list[Problem]:
        """The faults at their authors' places; those of one place and word once, however often they print."""
        found = [*faults]
        source_map = trace() if found else None
        problems = (
            Problem(fault.code, fault.message, self._place(fault, source_map), fault.hint, fault.severity)
            for fault in found
        )
        return list(dict.fromkeys(problems))

    def _place(self, fault: Fault, source_map: Located | None) -> Place:
        place = source_map.place(fault.offset) if source_map and fault.offset is not None else None
        return place or self._template()

    def _picture(self, source: str) -> str | None:
        return source if not source or _ABSOLUTE.match(source) else self.pictures.get(source)

    def _template(self) -> Place:
        """The campaign's template as a whole."""
        name = self.campaign.template
        return Place(self.templates.file_of(name if name.startswith("./") else f"{name}.mjml"))
