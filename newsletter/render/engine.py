"""From MJML to HTML: mjml-python behind a layer that keeps what it would mangle, drop or get wrong."""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Protocol

from newsletter.render.markup import Element, Fault, arrange, parse

# Attributes that name a picture.
PICTURES = frozenset({
    "src", "background-url", "thumbnails-src", "icon-wrapped-url", "icon-unwrapped-url", "left-icon", "right-icon",
})  # fmt: skip
_ICON_HOSTS = ("www.mailjet.com", "i.imgur.com")

_PADDED = frozenset({"mj-section", "mj-wrapper", "mj-column", "mj-hero"})
_SAFE_VALUE = re.compile(r"[ !#%'()*+,\-./0-9:;=?@A-Z\[\]^_`a-z{|}~]*")
_BARE_AMPERSAND = re.compile(r"&(?!#?\w+;)")
_IMG = re.compile(r"<img\b(?![^>]*\salt=)", re.IGNORECASE)
_IMG_SRC = re.compile(r"""(<img\b[^>]*?\ssrc=)(["'])(.*?)\2""", re.IGNORECASE | re.DOTALL)
_TOKEN = re.compile(r"q([0-9a-f]{12})z(\d+)x")
_TAGS = re.compile(r"<[^>]*>")


class Engine(Protocol):
    """Something that turns MJML into HTML; our tests hold other engines against the one we use."""

    def to_html(self, mjml: str) -> str: ...


class MjmlPython:
    """mrml, by mjml-python: quick, opens no socket, without remote fonts. Validates nothing."""

    def to_html(self, mjml: str) -> str:
        from mjml import mjml2html

        return str(mjml2html(mjml, fonts={}))


@dataclass(frozen=True, slots=True)
class Page:
    """What the HTML says about itself."""

    language: str
    direction: str
    title: str  # plain; used when the template gives none
    preheader: str  # plain; likewise


def compile_mjml(
    mjml: str, page: Page, engine: Engine, picture: Callable[[str], str] = lambda source: source
) -> tuple[str, str]:
    """HTML, and the author's CSS that is to be inlined (`<mj-style inline="inline">`).

    picture: the address for a picture's source as it stands in the template
    Raises Fault for MJML that means nothing.
    """
    root = parse(mjml)
    arrange(root)
    _complete_head(root, page)
    css = _take_css(root)
    _spell_out_padding(root)
    for element in root.walk():
        for name in PICTURES & element.attributes.keys():
            element.attributes[name] = picture(element.attributes[name])
        if element.body:
            element.body = _IMG_SRC.sub(
                lambda found: f"{found[1]}{found[2]}{picture(found[3])}{found[2]}", element.body
            )
    keeper = _Keeper()
    html = engine.to_html(keeper.write(root))
    _refuse_strangers(html, mjml)
    return _IMG.sub('<img alt=""', keeper.restore(html)), css


def _refuse_strangers(html: str, mjml: str) -> None:
    """MJML's default icons lie on other people's servers, which would see who opens the letter."""
    for host in _ICON_HOSTS:
        if host in html and host not in mjml:
            raise Fault(
                f"a component takes its icons from {host}",
                hint="give icons of your own: `src` of <mj-social-element>, `icon-wrapped-url` and"
                " `icon-unwrapped-url` of <mj-accordion>, `left-icon` and `right-icon` of <mj-carousel>",
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
