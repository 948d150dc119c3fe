"""Pictures that say nothing to those who don't see them."""

import re
from collections.abc import Iterable, Iterator

from newsletter.errors import Severity
from newsletter.render.mjml.fault import Fault, short
from newsletter.render.mjml.tree import Element

_PICTURES = frozenset({"mj-image", "mj-carousel-image", "mj-social-element"})
_IMG = re.compile(r"<img\b[^<>]*>", re.IGNORECASE)
_ALT = re.compile(r"\salt\s*(?==)", re.IGNORECASE)
_SRC = re.compile(r"""\ssrc\s*=\s*["']?([^"'\s>]*)""", re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


def wordless(content: Iterable[Element]) -> Iterator[Fault]:
    """A finding (T130) for each picture without `alt`; an empty one says that it is an ornament."""
    for element in content:
        if element.name in _PICTURES and _is_wordless(element):
            yield _fault(element.attributes.get("src", ""), element.at)
        for tag in _IMG.finditer(_shown(element.body)) if "<" in element.body else ():
            if not _ALT.search(tag[0]):
                source = _SRC.search(tag[0])
                at = None if element.body_at is None else element.body_at + tag.start()
                yield _fault(source[1] if source else "", at)


def _shown(html: str) -> str:
    """The same with blanks for comments."""
    return _COMMENT.sub(lambda comment: " " * len(comment[0]), html) if "<!--" in html else html


def _is_wordless(element: Element) -> bool:
    if element.name == "mj-social-element":  # its name may stand beside the icon
        return not (element.attributes.get("alt") or element.body.strip())
    return "alt" not in element.attributes


def _fault(source: str, at: int | None) -> Fault:
    message = f"the picture `{short(source, 60)}` has no words for those who don't see it"
    return Fault("T130", message, at, 'alt="what it shows"; alt="" for an ornament', Severity.WARNING)
