"""HTML in components: what would be lost of it, or what takes more than a reader's program can."""

import re
import sys
from collections.abc import Iterable, Iterator

from newsletter.render.mjml.fault import Fault, short
from newsletter.render.mjml.tree import Element

DEEPEST = 200  # elements in each other; the inliner's parser loses what is deeper than 255
_CDATA = "<![CDATA["
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)[^<>]*?(/?)>")
_BEGINNING = re.compile(r"<!--|<[a-zA-Z][a-zA-Z0-9]*")
_WHOLE = re.compile(r"<[a-zA-Z](?:[^<>\"']|\"[^\"]*\"|'[^']*')*>")
_SWALLOWING = frozenset({"title", "style", "script", "textarea", "xmp", "iframe", "noframes", "noembed"})
# What is in order at first sight. Of anything else it is looked at piece by piece whether it has an end.
_SOUND = re.compile(
    r"[^<]*+(?:<(?:/|(?![a-zA-Z]|!--)|!--.*?-->"
    rf"|(?!(?i:{'|'.join(sorted(_SWALLOWING))})(?![a-zA-Z0-9]))"
    r"[a-zA-Z][^<>\"']*+(?:(?:\"[^<\"]*+\"|'[^<']*+')[^<>\"']*+)*+>)[^<]*+)*+",
    re.DOTALL,
)
# Before, a possessive group keeps what it read of a piece that does not fit, and everything looks sound (CPython's
# gh-106052). A greedy one would take minutes for a long body.
_SEEN_AT_ONCE = sys.version_info >= (3, 11, 5)
_EMPTY = frozenset({"area", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"})


def in_bodies(letter: Iterable[Element]) -> Iterator[Fault]:
    """A finding for each body that a mail program would not show whole."""
    for element in letter:
        if "<" not in element.body:
            continue
        at = element.body_at
        if _CDATA in element.body:
            offset = None if at is None else at + element.body.index(_CDATA)
            yield Fault("T123", "what stands in `<![CDATA[` is no text in HTML", offset, "write it without")
        if (torn := _torn(element.body)) is not None:
            begins, message, hint = torn
            yield Fault("T120", message, None if at is None else at + begins, hint)
        if element.body.count("<") > DEEPEST and (deep := _too_deep(element.body)) is not None:
            message = f"elements stand more than {DEEPEST} deep in each other"
            yield Fault("T128", message, None if at is None else at + deep, "close them, or write it flatter")


def _torn(html: str) -> tuple[int, str, str] | None:
    """A comment, a tag or a text without end, which would swallow what comes behind: offset, message, hint."""
    if _SEEN_AT_ONCE and _SOUND.fullmatch(html):
        return None
    at = 0
    while found := _BEGINNING.search(html, at):
        begins, name = found.start(), found[0][1:].lower()
        if found[0] == "<!--":
            at = html.find("-->", found.end()) + 3
            if at < 3:
                return begins, "this comment has no end", "close it with -->"
            continue
        tag = _WHOLE.match(html, begins)
        if tag is None or "</" in tag[0]:
            return (
                begins,
                f"the tag {short(html[begins : begins + 30])} has no end",
                "close its quotes, and it with >",
            )
        at = tag.end()
        if name in _SWALLOWING:
            closing = re.compile(rf"</{name}\b", re.IGNORECASE).search(html, at)
            if closing is None:
                return begins, f"<{name}> is never closed", f"close it with </{name}>, or take it out"
            at = closing.end()
    return None


def _too_deep(html: str) -> int | None:
    """The offset of the first element that stands too deep."""
    depth = 0
    for tag in _TAG.finditer(html):
        if tag[2].lower() in _EMPTY or tag[3]:
            continue
        depth += -1 if tag[1] else 1
        if depth > DEEPEST:
            return tag.start()
    return None
