"""HTML taken apart as it is written, each tag and attribute with its place; nothing is mended."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

_TAG = re.compile(
    r"<!--.*?-->"
    r"|<(?P<slash>/?)(?P<name>[a-zA-Z][\w:-]*)"
    r"(?P<attributes>(?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(
    r"""(?P<name>[^\s=<>"'/]+)(?:\s*=\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^\s"'<>]+)))?"""
)
_RAW = frozenset({"style", "script", "title", "textarea", "xmp"})  # hold text only

VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)


@dataclass(frozen=True, slots=True)
class Attribute:
    name: str  # in small letters
    written: str  # the value, entities as they stand there
    at: int
    value_at: int  # of the value's first character; of the name where there is no value

    @property
    def value(self) -> str:
        """The value with its entities read."""
        return unescape(self.written)


@dataclass(frozen=True, slots=True)
class Tag:
    """An opening or a closing tag. Offsets count characters of the text."""

    name: str  # in small letters
    at: int
    end: int
    closing: bool = False
    alone: bool = False  # written <name/>
    attributes: tuple[Attribute, ...] = ()

    def get(self, name: str) -> str | None:
        """The value of an attribute."""
        return next((one.value for one in self.attributes if one.name == name), None)


def tags(html: str, begin: int = 0, end: int | None = None) -> Iterator[Tag]:
    """The tags between two offsets, in order; comments, and what conditions hide in them, are passed over."""
    at, end = begin, len(html) if end is None else end
    while found := _TAG.search(html, at, end):
        at = found.end()
        if found["name"] is None:
            continue
        tag = _tag(found)
        yield tag
        if tag.name in _RAW and not tag.closing and not tag.alone:
            closing = re.compile(rf"</{tag.name}\b", re.IGNORECASE).search(html, at, end)
            at = closing.start() if closing else end


def _tag(found: re.Match[str]) -> Tag:
    written = found["attributes"]
    attributes = []
    for one in _ATTRIBUTE.finditer(written):
        group = one.lastgroup if one.lastgroup in ("double", "single", "bare") else None
        base = found.start("attributes")
        attributes.append(
            Attribute(
                one["name"].lower(),
                one[group] if group else "",
                base + one.start(),
                base + one.start(group) if group else base + one.start(),
            )
        )
    name = found["name"].lower()
    alone = written.rstrip().endswith("/")
    return Tag(name, found.start(), found.end(), found["slash"] == "/", alone, tuple(attributes))
