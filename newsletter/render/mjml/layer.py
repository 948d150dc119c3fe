"""From MJML to HTML: mjml-python behind a layer that keeps what it would mangle, drop or get wrong."""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from newsletter.errors import Severity
from newsletter.render.mjml.engine import Engine
from newsletter.render.mjml.fault import Fault, Faulty, in_order, short
from newsletter.render.mjml.tree import Element, arrange, parse
from newsletter.render.mjml.unsupported import unsupported
from newsletter.render.mjml.validate import validate

# Attributes that name a picture.
PICTURES = frozenset({
    "src", "background-url", "thumbnails-src", "icon-wrapped-url", "icon-unwrapped-url", "left-icon", "right-icon",
})  # fmt: skip
_ICON_HOSTS = ("www.mailjet.com", "i.imgur.com")
_ICONS = {
    "mj-social-element": ("src",),
    "mj-accordion": ("icon-wrapped-url", "icon-unwrapped-url"),
    "mj-carousel": ("left-icon", "right-icon"),
}

_PADDED = frozenset({"mj-section", "mj-wrapper", "mj-column", "mj-hero"})
_SAFE_VALUE = re.compile(r"[ !#%'()*+,\-./0-9:;=?@A-Z\[\]^_`a-z{|}~]*")
_BARE_AMPERSAND = re.compile(r"&(?!#?\w+;)")
_IMG = re.compile(r"<img\b(?![^>]*\salt=)", re.IGNORECASE)
_IMG_SRC = re.compile(r"""(<img\b[^>]*?\ssrc=)(["'])(.*?)\2""", re.IGNORECASE | re.DOTALL)
_TOKEN = re.compile(r"q([0-9a-f]{12})z(\d+)x")
_TAGS = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True)
class Page:
    """What the HTML says about itself."""

    language: str
    direction: str
    title: str  # plain; used when the template gives none
    preheader: str  # plain; likewise


class Compiled(NamedTuple):
    """HTML, the author's CSS that is to be inlined (`<mj-style inline="inline">`), and findings that stop nothing."""

    html: str
    css: str
    findings: tuple[Fault, ...] = ()


def compile_mjml(
    mjml: str, page: Page, engine: Engine, picture: Callable[[str], str | None] = lambda source: source
) -> Compiled:
    """MJML made into HTML by the engine, with everything kept that it would mangle, drop or get wrong.

    picture: the address for a picture's source as it stands in the template, None if there is no such picture
    Raises Faulty with all that is wrong.
    """
    root, lost = parse(mjml)
    arrange(root)
    findings = in_order([*lost, *validate(root), *unsupported(root)])
    if any(fault.severity is Severity.ERROR for fault in findings):
        raise Faulty(*findings)
    _complete_head(root, page)
    css = _take_css(root)
    start = _take_file_start(root)
    _spell_out_padding(root)
    _address_pictures(root, picture)
    keeper = _Keeper()
    html = engine.to_html(keeper.write(root))
    _refuse_strangers(html, root)
    return Compiled(start + _IMG.sub('<img alt=""', keeper.restore(html)), css, tuple(findings))


def _address_pictures(root: Element, picture: Callable[[str], str | None]) -> None:
    missing: list[Fault] = []

    def address(source: str, at: int | None) -> str:
        found = picture(source)
        if found is None:
            hint = "write the file's name, counted from templates/, or print a picture that the author gave"
            missing.append(Fault("P101", f"there is no picture `{short(source, 60)}`", at, hint))
        return found or source

    for element in root.walk():
        for name in PICTURES & element.attributes.keys():
            element.attributes[name] = address(element.attributes[name], element.place_of(name))
        start = element.body_at
        element.body = _IMG_SRC.sub(
            lambda found, start=start: (  # type: ignore[misc]
                f"{found[1]}{found[2]}"
                f"{address(found[3], None if start is None else start + found.start(3))}{found[2]}"
            ),
            element.body,
        )
    if missing:
        raise Faulty(*missing)


def _refuse_strangers(html: str, root: Element) -> None:
    """MJML's default icons lie on other people's servers, which would see who opens the letter."""
    for element in root.walk():
        missing = [name for name in _ICONS.get(element.name, ()) if not element.attributes.get(name)]
        if missing and any(host in html for host in _ICON_HOSTS):
            wanted = " and ".join(f"`{name}`" for name in missing)
            raise Faulty(
                Fault(
                    "T129",
                    f"<{element.name}> would take its icons from somebody else's server",
                    element.at,
                    f"give icons of your own: {wanted}",
                )
            )


def _complete_head(root: Element, page: Page) -> None:
    root.attributes.setdefault("lang", page.language)
    root.attributes.setdefault("dir", page.direction)
    head = root.find("mj-head")
    if head is None:
        head = Element("mj-head")
        root.children.insert(0, head)
    if root.attributes["dir"] == "rtl":  # MJML writes its own left-to-right into every cell
        reading = [Element(name, {"direction": "rtl"}) for name in ("mj-section", "mj-column", "mj-group")]
        reading.append(Element("mj-text", {"align": "right"}))
        head.children.insert(0, Element("mj-attributes", children=reading))
    for name, value in (("mj-title", page.title), ("mj-preview", page.preheader)):
        given = head.find(name)
        if given is None:
            if value:
                head.children.append(Element(name, body=escape(value)))
        elif not given.body.strip():
            given.body = escape(value)
    for child in head.children:
        if child.name == "mj-title":  # stands in an attribute, too: no tags, no quotes
            child.body = " ".join(_TAGS.sub("", child.body).replace('"', "&quot;").split())
    head.children = [child for child in head.children if child.name != "mj-preview" or child.body.strip()]


def _take_css(root: Element) -> str:
    """The CSS for inlining, out of the tree; mrml would leave it in a style element."""
    head = root.find("mj-head")
    if head is None:
        return ""
    taken = [child for child in head.children if child.attributes.get("inline") == "inline"]
    taken = [child for child in taken if child.name == "mj-style"]
    head.children = [child for child in head.children if child not in taken]
    return "\n".join(child.body for child in taken)


def _take_file_start(root: Element) -> str:
    """What is to stand before the doctype; mrml would leave it where it is."""
    taken: list[str] = []
    for element in root.walk():
        starts = [
            one
            for one in element.children
            if one.name == "mj-raw" and one.attributes.get("position") == "file-start"
        ]
        taken += [one.body for one in starts]
        element.children = [one for one in element.children if one not in starts]
    return "".join(f"{body.strip()}\n" for body in taken)


def _spell_out_padding(root: Element) -> None:
    """mrml ignores a padding of three or four values when it works out widths for Outlook."""
    for element in root.walk():
        sides = element.attributes.get("padding", "").split()
        if element.name in _PADDED and len(sides) in (3, 4):
            element.attributes.setdefault("padding-right", sides[1])
            element.attributes.setdefault("padding-left", sides[3] if len(sides) == 4 else sides[1])


class _Keeper:
    """Exchanges for tokens what mrml would mangle, and puts it back.

    A token is a lower-case word that begins with a letter; its nonce is new for each message, so that no
    text can name one.
    """

    def __init__(self) -> None:
        self._nonce = secrets.token_hex(6)
        self._kept: list[str] = []

    def write(self, element: Element) -> str:
        attributes = "".join(
            f' {name}="{self._attribute(value)}"' for name, value in element.attributes.items()
        )
        if not element.body and not element.children:
            return f"<{element.name}{attributes}></{element.name}>"
        inner = (
            self._keep(element.body)
            if element.body
            else "".join(self.write(child) for child in element.children)
        )
        return f"<{element.name}{attributes}>{inner}</{element.name}>"

    def restore(self, html: str) -> str:
        return _TOKEN.sub(
            lambda match: self._kept[int(match[2])] if match[1] == self._nonce else match[0], html
        )

    def _attribute(self, value: str) -> str:
        value = " ".join(value.split()) if "\n" in value else value
        return value if _SAFE_VALUE.fullmatch(value) else self._keep(_quotable(value))

    def _keep(self, text: str) -> str:
        self._kept.append(text)
        return f"q{self._nonce}z{len(self._kept) - 1}x"


def _quotable(value: str) -> str:
    """An attribute's value as it may stand between double quotes."""
    value = _BARE_AMPERSAND.sub("&amp;", value)
    return value.replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
