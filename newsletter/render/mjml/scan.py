"""MJML in pieces, each with its place: tags, attributes, texts, comments. Their slices add up to the whole text."""

import re
from collections.abc import Iterator
from enum import Enum, auto
from functools import cache, lru_cache
from typing import NamedTuple

from newsletter.render.mjml.components import components
from newsletter.render.mjml.fault import Fault, Faulty, short


class Kind(Enum):
    OPEN = auto()  # <mj-text …>
    ALONE = auto()  # <mj-image … />
    CLOSE = auto()  # </mj-text>
    BODY = auto()  # all that stands in an ending tag: HTML, whatever it is
    TEXT = auto()
    REMARK = auto()  # a comment, a processing instruction, a doctype


class Attribute(NamedTuple):
    name: str
    value: str  # as written, entities kept
    at: int  # offset of the name
    value_at: int


class Token(NamedTuple):
    kind: Kind
    start: int
    end: int
    name: str = ""
    written: tuple[
        tuple[str, str, int, int], ...
    ] = ()  # attributes: name, value, and their offsets in the tag

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        return tuple(
            Attribute(name, value, self.start + at, self.start + value_at)
            for name, value, at, value_at in self.written
        )


# A whole tag; what is no such thing is looked at once more, to say why. Linear: nothing is tried in two ways.
_ATTRIBUTE = re.compile(r"\s+([^\s\"'<>/=]+)\s*=\s*(\"[^\"]*\"|'[^']*')")
_TAG = re.compile(rf"<(/?)([A-Za-z][\w:-]*+)((?:{_ATTRIBUTE.pattern.replace('(', '(?:')})*+)\s*+(/?)>")
_BEGINNING = re.compile(r"</?([A-Za-z][\w:-]*)")
_REMARK = re.compile(r"<!--.*?-->|<\?.*?\?>|<![A-Za-z][^>]*>|<!\[CDATA\[.*?\]\]>", re.DOTALL)
_NAME = re.compile(r"[^\s\"'<>/=]+")
_LONG = 500  # characters of a tag that is not kept
_BLANK = re.compile(r"\s*")
_COMPONENT = re.compile(r"<mj-[a-z-]+")
_LOOSE = re.compile(r"[^\s\"'<>]*")


def scan(text: str) -> Iterator[Token]:
    """The tokens in order, without gaps. Linear in the text's length.

    Raises Faulty: T120 where a tag or a body has no end and for attributes that can't be read, T122 for a component
    where only HTML may stand.
    """
    ending = _ending()
    at = 0
    while at < len(text):
        start = text.find("<", at)
        start = len(text) if start < 0 else start
        if start > at:
            yield Token(Kind.TEXT, at, start)
        if start == len(text):
            return
        found = _TAG.match(text, start)
        token = _tag(text, found) if found else _remark(text, start)
        yield token
        at = token.end
        if token.kind is Kind.OPEN and token.name in ending:
            end = _closing(text, token)
            if end > at:
                yield Token(Kind.BODY, at, end)
            at = end


@cache
def _ending() -> frozenset[str]:
    """The components whose content is HTML."""
    return frozenset(component.name for component in components().values() if component.ending)


def _tag(text: str, found: re.Match[str]) -> Token:
    kind, name, written = (_read if found.end() - found.start() < _LONG else _read.__wrapped__)(found[0])
    if kind is Kind.CLOSE and (written or found[0].endswith("/>")):
        raise Faulty(_no_tag(text, found.start()))
    return Token(kind, found.start(), found.end(), name, written)


@lru_cache(maxsize=4096)  # letters of one house have most of their tags in common
def _read(tag: str) -> tuple[Kind, str, tuple[tuple[str, str, int, int], ...]]:
    """A whole tag: what it is, its name, its attributes as in a token."""
    found = _TAG.fullmatch(tag)
    if found is None:
        raise AssertionError(tag)
    kind = Kind.CLOSE if found[1] else Kind.ALONE if found[4] else Kind.OPEN
    attributes = _ATTRIBUTE.finditer(tag, *found.span(3)) if found[3] else ()
    return kind, found[2], tuple((one[1], one[2][1:-1], one.start(1), one.start(2) + 1) for one in attributes)


def _remark(text: str, start: int) -> Token:
    if not text.startswith(("<!", "<?"), start):
        raise Faulty(_no_tag(text, start))
    found = _REMARK.match(text, start)
    if found is None:
        message = f"this has no end: {short(text[start : start + 60])}"
        raise Faulty(Fault("T120", message, start, "close a comment with -->"))
    return Token(Kind.REMARK, start, found.end())


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


def _closing(text: str, opened: Token) -> int:
    """Where the closing tag of an ending tag begins. Raises Faulty for a component in its body, too."""
    opener, closer = _ends_of(opened.name)
    end = closer.search(text, opened.end)
    inner = _COMPONENT.search(text, opened.end, end.start() if end else len(text))
    # A second opening without a second closing: it is the first one that was never closed.
    same = end and opener.search(text, opened.end, end.start())
    if end is None or (same and not closer.match(text, _blanks(text, end.end()))):
        hint = f"close it with </{opened.name}>"
        raise Faulty(Fault("T120", f"<{opened.name}> is never closed", opened.start, hint))
    if inner:
        message = f"{inner[0]}> stands in <{opened.name}>, which takes HTML only"
        hint = "print parts and bodies outside of it: they bring their own <mj-text>"
        raise Faulty(Fault("T122", message, inner.start(), hint))
    return end.start()


@cache
def _ends_of(name: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What opens and what closes a component."""
    return re.compile(rf"<{re.escape(name)}\b"), re.compile(rf"</{re.escape(name)}\s*>")
