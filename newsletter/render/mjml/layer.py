"""From MJML to HTML: mjml-python behind a layer that keeps what it would mangle, drop or get wrong."""

import dataclasses
import functools
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from newsletter.errors import Severity
from newsletter.render.deferral.tokens import Tokens
from newsletter.render.mjml.arrange import arrange
from newsletter.render.mjml.bodies import in_bodies
from newsletter.render.mjml.corrections import corrected
from newsletter.render.mjml.engine import Engine
from newsletter.render.mjml.fault import Fault, Faulty, in_order, short
from newsletter.render.mjml.keeper import Keeper
from newsletter.render.mjml.measures import Defaults, spell_out
from newsletter.render.mjml.tree import Element, parse
from newsletter.render.mjml.unsupported import unsupported
from newsletter.render.mjml.validate import validate
from newsletter.render.mjml.words import wordless
from newsletter.render.stylesheet import split_sheet, unreadable

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

_IMG = re.compile(r"<img\b[^<>]*", re.IGNORECASE)
_ALT = re.compile(r"\salt=", re.IGNORECASE)
_SRC = re.compile(r"""\ssrc=(["'])([^"']*)\1""", re.IGNORECASE)
_BLANKS = re.compile(r"[ \t\n]+")  # a hard space stays one
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
    mjml: str,
    page: Page,
    engine: Engine,
    picture: Callable[[str], str | None] = lambda source: source,
    tokens: Tokens | None = None,
) -> Compiled:
    """MJML made into HTML by the engine, with everything kept that it would mangle, drop or get wrong.

    picture: the address for a picture's source as it stands in the template, None if there is no such picture
    tokens: of what depends on the reader; they stand in the HTML where they stood in the MJML
    Raises Faulty with all that is wrong.
    """
    root, lost = parse(mjml, tokens)
    arrange(root, tokens)
    letter, content = root.walk(), root.content().walk()
    findings = in_order(
        [
            *lost,
            *validate(letter, tokens),
            *unsupported(letter),
            *wordless(content),
            *in_bodies(letter),
            *_style_faults(letter),
        ]
    )
    if any(fault.severity is Severity.ERROR for fault in findings):
        raise Faulty(*findings)
    _complete_head(root, page)
    css = _take_css(root)
    start = _take_file_start(letter)
    spell_out(content, Defaults.of(root))
    letter = root.walk()
    for element in letter:
        if element.name == "mj-style":  # `</style>` in a string would end the element
            element.body = element.body.replace("</", "<\\/")
    _address_pictures(letter, picture)
    keeper = Keeper(tokens)
    html = engine.to_html(keeper.write(root))
    _refuse_strangers(html, letter)
    return Compiled(start + keeper.restore(corrected(html, letter)), css, tuple(findings))


def _address_pictures(letter: Iterable[Element], picture: Callable[[str], str | None]) -> None:
    missing: list[Fault] = []

    def address(source: str, at: int | None) -> str:
        found = picture(source)
        if found is None:
            hint = "write the file's name, counted from templates/, or print a picture that the author gave"
            missing.append(Fault("P101", f"there is no picture `{short(source, 60)}`", at, hint))
        return found or source

    for element in letter:
        if not PICTURES.isdisjoint(element.attributes):
            for name in PICTURES & element.attributes.keys():
                element.attributes[name] = address(element.attributes[name], element.place_of(name))
        if "<" in element.body:
            element.body = _IMG.sub(functools.partial(_mended, element.body_at, address), element.body)
    if missing:
        raise Faulty(*missing)


def _mended(start: int | None, address: Callable[[str, int | None], str], image: re.Match[str]) -> str:
    """A picture in a body that begins at `start`: at its address, and with an `alt`."""
    tag = image[0]
    if found := _SRC.search(tag):
        at = None if start is None else start + image.start() + found.start(2)
        tag = f"{tag[: found.start(2)]}{address(found[2], at)}{tag[found.end(2) :]}"
    return tag if _ALT.search(tag) else f'<img alt=""{tag[4:]}'


def _refuse_strangers(html: str, letter: Iterable[Element]) -> None:
    """MJML's default icons lie on other people's servers, which would see who opens the letter."""
    for element in [element for element in letter if element.name in _ICONS]:
        missing = [name for name in _ICONS[element.name] if not element.attributes.get(name)]
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
            child.body = _BLANKS.sub(" ", _TAGS.sub("", child.body).replace('"', "&quot;")).strip(" ")
    head.children = [child for child in head.children if child.name != "mj-preview" or child.body.strip()]


def _take_css(root: Element) -> str:
    """The CSS for inlining, out of the tree; mrml would leave it in a style element."""
    head = root.find("mj-head")
    taken = [child for child in head.children if _is_inline(child)] if head else []
    if head:
        head.children = [child for child in head.children if child not in taken]
    return "\n".join(child.body for child in taken)


def _is_inline(element: Element) -> bool:
    return element.name == "mj-style" and element.attributes.get("inline") == "inline"


def _style_faults(letter: Iterable[Element]) -> Iterator[Fault]:
    """What is wrong with the letter's own style sheets."""
    for element in letter:
        if element.name == "mj-style":
            found = split_sheet(element.body).faults if _is_inline(element) else unreadable(element.body)
            for fault in found:
                yield dataclasses.replace(fault, offset=(element.body_at or 0) + (fault.offset or 0))


def _take_file_start(letter: Iterable[Element]) -> str:
    """What is to stand before the doctype; mrml would leave it where it is."""
    taken = [one for one in letter if one.attributes.get("position") == "file-start"]
    for element in letter if taken else ():
        element.children = [one for one in element.children if one not in taken]
    return "".join(f"{one.body.strip()}\n" for one in taken)
