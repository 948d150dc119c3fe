"""MJML in pieces, each with its place: tags with their attributes and bodies, comments, and texts between them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

from newsletter.render.mjml.components import components
from newsletter.render.mjml.fault import Fault, Faulty, short


class Attribute(NamedTuple):
    name: str
    value: str  # as written, entities kept
    at: int  # offset of the name
    value_at: int


@dataclass(frozen=True, slots=True, eq=False)
class Tag:
    """What a tag says by itself, wherever it stands. Never changed: equal tags are one and the same."""

    name: str
    opens: bool
    closes: bool  # <mj-image … /> does both
    has_body: bool  # what follows is HTML, whatever it is, up to the closing tag
    values: Mapping[str, str]  # of the attributes by name, as written
    written: tuple[tuple[str, str, int, int], ...]  # attributes: name, value, and their offsets in the tag

    def attributes(self, start: int) -> tuple[Attribute, ...]:
        """The attributes of such a tag at an offset in a text."""
        return tuple(
            Attribute(name, value, start + at, start + ends) for name, value, at, ends in self.written
        )


# A tag with its body, or a remark (a comment, a processing instruction, a doctype), for which the tag is None: where it
# starts, where the tag ends, what the tag says, where its body ends. A plain tuple: making objects would take longer.
Token = tuple[int, int, Tag | None, int]


# A whole tag; what is no such thing is looked at once more, to say why. Linear: nothing can be tried in two ways.
_ATTRIBUTE = re.compile(r"\s+([^\s\"'<>/=]+)\s*=\s*(\"[^\"]*\"|'[^']*')")
_TAG = re.compile(rf"<(/?)([A-Za-z][\w:-]*+)((?:{_ATTRIBUTE.pattern.replace('(', '(?:')})*)\s*+(/?)>")
_BEGINNING = re.compile(r"</?([A-Za-z][\w:-]*)")
_REMARK = re.compile(r"<!--.*?-->|<\?.*?\?>|<![A-Za-z][^>]*>|<!\[CDATA\[.*?\]\]>", re.DOTALL)
_NAME = re.compile(r"[^\s\"'<>/=]+")
_LONG = 500  # characters of a tag that is not kept
_BLANK = re.compile(r"\s*")
_COMPONENT = re.compile(r"<mj-[a-z-]+")
_LOOSE = re.compile(r"[^\s\"'<>]*")


def scan(text: str) -> Iterator[Token]:
    """The tags and remarks in order. What stands between two of them is text. Linear in the text's length.

    Raises Faulty: T120 where a tag or a body has no end and for attributes that can't be read, T122 for a component
    where only HTML may stand.
    """
    at = 0
    while (start := text.find("<", at)) >= 0:
        end = text.find(">", start) + 1
        tag = _read(text[start:end]) if end - start < _LONG else None
        if tag is None:
            tag, end = _read_far(text, start)
        at = end if tag is None or not tag.has_body else _closing(text, tag.name, start, end)
        yield start, end, tag, at


@cache
def _ending() -> frozenset[str]:
    """The components whose content is HTML."""
    return frozenset(component.name for component in components().values() if component.ending)


def _read_far(text: str, start: int) -> tuple[Tag | None, int]:
    """What begins here and does not end at the first `>`, and where it does: a tag, or None for a remark."""
    if text.startswith(("<!", "<?"), start):
        return None, _remark(text, start)
    found = _TAG.match(text, start)
    tag = (_read if found.end() - start < _LONG else _read.__wrapped__)(found[0]) if found else None
    if found is None or tag is None:
        raise Faulty(_twice(found) if found and not found[1] else _no_tag(text, start))
    return tag, found.end()


@lru_cache(maxsize=4096)  # letters of one house have most of their tags in common
def _read(text: str) -> Tag | None:
    """A text that is a whole tag."""
    found = _TAG.fullmatch(text)
    if found is None or (found[1] and (found[3] or found[4])):
        return None
    opens, closes = not found[1], bool(found[1] or found[4])
    attributes = _ATTRIBUTE.finditer(text, *found.span(3)) if found[3] else ()
    written = tuple((one[1], one[2][1:-1], one.start(1), one.start(2) + 1) for one in attributes)
    has_body = not closes and found[2] in _ending()
    values = {name: value for name, value, _, _ in written}
    return Tag(found[2], opens, closes, has_body, values, written) if len(values) == len(written) else None


def _remark(text: str, start: int) -> int:
    """Where a remark ends."""
    found = _REMARK.match(text, start)
    if found is None:
        message = f"this has no end: {short(text[start : start + 60])}"
        raise Faulty(Fault("T120", message, start, "close a comment with -->"))
    return found.end()


def _twice(tag: re.Match[str]) -> Fault:
    seen: set[str] = set()
    for one in _ATTRIBUTE.finditer(tag.string, *tag.span(3)):
        if one[1] in seen:
            return Fault("T120", f"<{tag[2]}> has `{one[1]}` twice", one.start(1), "keep one of them")
        seen.add(one[1])
    raise AssertionError(tag[0])


def _no_tag(text: str, start: int) -> Fault:
    """Why what begins here is no tag."""
    found = _BEGINNING.match(text, start)
    if found is None:
        message = f"this is no tag: {short(text[start : start + 60])}"
        return Fault("T120", message, start, "as a sign, < is written &lt;")
    if text[start + 1] == "/":
        return Fault("T120", f"</{found[1]} has no end", start, f"write </{found[1]}>")
    at = found.end()
    while one := _ATTRIBUTE.match(text, at):
        at = one.end()
    return _unfinished(text, start, at, found[1])


def _unfinished(text: str, start: int, before: int, tag: str) -> Fault:
    """Why a tag goes on neither with an attribute nor with its end."""
    at = _blanks(text, before)
    if at == len(text) or text[at] == "<":
        return Fault("T120", f"the tag <{tag}> has no end", start, "close it with >")
    named = _NAME.match(text, at)
    if named is None:
        message = f"<{tag}>: `{short(text[at : at + 20], 20)}` is no attribute"
        return Fault("T120", message, at, 'name="value"')
    if before == at:
        message = f"<{tag}>: nothing parts `{named[0]}` from what is before it"
        return Fault("T120", message, at, "put a blank between two attributes")
    equals = _blanks(text, named.end())
    hint = f'write {named[0]}="value"'
    if text[equals : equals + 1] != "=":
        return Fault("T120", f"<{tag}>: `{named[0]}` has no value", named.start(), hint)
    at = _blanks(text, equals + 1)
    if text[at : at + 1] in ("'", '"'):
        return Fault("T120", f"<{tag}>: the value of `{named[0]}` has no closing quote", at, hint)
    bare = _LOOSE.match(text, at)[0]  # type: ignore[index]  # it matches nothing, too
    hint = f'write {named[0]}="{short(bare, 20)}"'
    return Fault("T120", f"<{tag}>: the value of `{named[0]}` stands without quotes", at, hint)


def _blanks(text: str, at: int) -> int:
    """Where the blanks from `at` on end."""
    return _BLANK.match(text, at).end()  # type: ignore[union-attr]  # it matches nothing, too


def _closing(text: str, name: str, start: int, at: int) -> int:
    """Where the closing tag of the ending tag at `start` begins, its body being from `at`.

    Raises Faulty for a component in it, too.
    """
    soon = text.find(f"</{name}>", at)
    if soon >= 0 and text.find("mj-", at, soon) < 0:
        return soon
    opener, closer = _ends_of(name)
    end = closer.search(text, at)
    inner = _COMPONENT.search(text, at, end.start() if end else len(text))
    # A second opening without a second closing: it is the first one that was never closed.
    same = end and opener.search(text, at, end.start())
    if end is None or (same and not closer.match(text, _blanks(text, end.end()))):
        hint = f"close it with </{name}>"
        raise Faulty(Fault("T120", f"<{name}> is never closed", start, hint))
    if inner:
        message = f"{inner[0]}> stands in <{name}>, which takes HTML only"
        hint = "print parts and bodies outside of it: they bring their own <mj-text>"
        raise Faulty(Fault("T122", message, inner.start(), hint))
    return end.start()


@cache
def _ends_of(name: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What opens and what closes a component."""
    return re.compile(rf"<{re.escape(name)}\b"), re.compile(rf"</{re.escape(name)}\s*>")
