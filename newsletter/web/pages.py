"""The pages as HTML: one template, the brand's colours, no script, nothing from elsewhere."""

import base64
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Any

import jinja2
from markupsafe import Markup

from newsletter.errors import NewsletterError
from newsletter.files.project import Project
from newsletter.settings.model import Settings
from newsletter.web.catalogue import LANGUAGES, language_of, messages
from newsletter.web.colours import DARK, LIGHT, scheme

_LOGO_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif"}
_LARGEST_LOGO = 100_000  # bytes; it stands in every page


@dataclass(frozen=True)
class Pages:
    """All pages of one project. `csp`: the policy under which they work, and nothing else does."""

    csp: str
    language: str  # of pages that belong to no letter
    _templates: dict[str, jinja2.Template]

    def render(self, name: str, language: str, **values: Any) -> str:
        """name: of the state that the page tells, as in `page.html`; language: as the letter's, any tag"""
        tongue = language_of(language, self.language)
        return self._templates[tongue].render(state=name, lang=tongue, **values)


def make_pages(project: Project, settings: Settings) -> Pages:
    """Read the brand once. A logo that can't be shown is left out: the page has to come up."""
    folder = files("newsletter.web") / "templates"
    colors = settings.brand.colors
    css = (folder / "page.css").read_text(encoding="utf-8")
    variables = "".join(
        f"{head}{{{''.join(f'--{k}:{v};' for k, v in vars(colours).items())}}}{tail}"
        for head, colours, tail in (
            (":root", scheme(colors, "light", LIGHT), ""),
            ("@media (prefers-color-scheme:dark){:root", scheme(colors, "dark", DARK), "}"),
        )
    )
    style = f"{variables}\n{css}"
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    csp = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    source = (folder / "page.html").read_text(encoding="utf-8")
    templates = {}
    for language in LANGUAGES:
        environment = jinja2.Environment(
            autoescape=True,
            extensions=["jinja2.ext.i18n"],
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.install_gettext_callables(  # type: ignore[attr-defined]
            messages(language).__getitem__, _no_plurals, newstyle=True
        )
        environment.globals.update(
            style=Markup(style),  # noqa: S704 - ours, and colours that were checked
            brand=settings.brand.name or settings.sender.from_ or project.root.name,
            sender=settings.sender.reply_to or settings.sender.from_,
            address=settings.brand.address,
            logo=_logo(project, settings.brand.logo),
        )
        templates[language] = environment.from_string(source)
    return Pages(csp, language_of(settings.language), templates)


def _no_plurals(one: str, _many: str, _number: int) -> str:
    raise LookupError(one)  # no page counts anything; whoever begins to needs forms for each language


def _logo(project: Project, name: str) -> str:
    kind = _LOGO_TYPES.get(PurePosixPath(name).suffix.lower())
    if not kind:
        return ""
    try:
        data = project.read_bytes(name)
    except NewsletterError:
        return ""
    if len(data) > _LARGEST_LOGO:
        return ""
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
