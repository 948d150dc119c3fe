"""MJML in pieces, each with its place: tags, attributes, texts, comments. Their slices add up to the whole text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

from newsletter.render.mjml.components import components
from newsletter.render.mjml.fault import Fault, Faulty, short


class Kind(Enum):
    OPEN = auto()  # <mj-text …>
    ALONE = auto()  # <mj-image … />
    CLOSE = auto()  # </mj-text>
    BODY = auto()  # all that stands in an ending tag: HTML, whatever it is
    TEXT = auto()
    REMARK = auto()  # a comment, a processing instruction, a doctype


@dataclass(frozen=True, slots=True)
class Attribute:
    name: str
    value: str  # as written, entities kept
    at: int  # offset of the name
    value_at: int


@dataclass(frozen=True, slots=True)
class Token:
    kind: Kind
    start: int
    end: int
    name: str = ""
    attributes: tuple[Attribute, ...] = field(default=())


_TAG = re.compile(r"</?([A-Za-z][\w:-]*)")
_REMARK = re.compile(r"<!--.*?-->|<\?.*?\?>|<![A-Za-z][^>]*>|<!\[CDATA\[.*?\]\]>", re.DOTALL)
_NAME = re.compile(r"[^\s\"'<>/=]+")
_BLANK = re.compile(r"\s*")
_VALUE = re.compile(r"\"[^\"]*\"|'[^']*'")
_COMPONENT = re.compile(r"<mj-[a-z-]+")
_LOOSE = re.compile(r"[^\s\"'<>]*")


def scan(text: str) -> Iterator[Token]:
    """The tokens in order, without gaps. Linear in the text's length.

    Raises Faulty: T120 where a tag or a body has no end and for attributes that can't be read, T122 for a component
    where only HTML may stand.
    """
    ending = {component.name for component in components().values() if component.ending}
    at = 0
    while at < len(text):
        start = text.find("<", at)
        start = len(text) if start < 0 else start
        if start > at:
            yield Token(Kind.TEXT, at, start)
        if start == len(text):
            return
        token = _remark(text, start) or _tag(text, start)
        yield token
        at = token.end
        if token.kind is Kind.OPEN and token.name in ending:
            end = _closing(text, token)
            if end > at:
                yield Token(Kind.BODY, at, end)
            at = end


def _remark(text: str, start: int) -> Token | None:
    if not text.startswith(("<!", "<?"), start):
        return None
    found = _REMARK.match(text, start)
    if found is None:
        raise Faulty(
            Fault(
                "T120",
                f"this has no end: {short(text[start : start + 60])}",
                start,
                "close a comment with -->",
            )
        )
    return Token(Kind.REMARK, start, found.end())


def _tag(text: str, start: int) -> Token:
    found = _TAG.match(text, start)
    if found is None:
        raise Faulty(
            Fault(
                "T120",
                f"this is no tag: {short(text[start : start + 60])}",
                start,
                "as a sign, < is written &lt;",
            )
        )
    if text[start + 1] == "/":
        end = _BLANK.match(text, found.end()).end()  # type: ignore[union-attr]  # it matches nothing, too
        if text[end : end + 1] != ">":
            raise Faulty(Fault("T120", f"</{found[1]} has no end", start, f"write </{found[1]}>"))
        return Token(Kind.CLOSE, start, end + 1, found[1])
    return _opening(text, start, found)


def _opening(text: str, start: int, found: re.Match[str]) -> Token:
    name, at = found[1], found.end()
    attributes: list[Attribute] = []
    while True:
        before = at
        at = _BLANK.match(text, at).end()  # type: ignore[union-attr]  # it matches nothing, too
        if text.startswith("/>", at):
            return Token(Kind.ALONE, start, at + 2, name, tuple(attributes))
        if text.startswith(">", at):
            return Token(Kind.OPEN, start, at + 1, name, tuple(attributes))
        named = _NAME.match(text, at)
        if at == len(text) or text[at] == "<":
            raise Faulty(Fault("T120", f"the tag <{name}> has no end", start, "close it with >"))
        if named is None:
            raise Faulty(
                Fault(
                    "T120", f"<{name}>: `{short(text[at : at + 20], 20)}` is no attribute", at, 'name="value"'
                )
            )
        if before == at:
            hint = "put a blank between two attributes"
            raise Faulty(
                Fault("T120", f"<{name}>: nothing parts `{named[0]}` from what is before it", at, hint)
            )
        attribute = _attribute(text, name, named)
        attributes.append(attribute)
        at = attribute.value_at + len(attribute.value) + 1


def _attribute(text: str, tag: str, named: re.Match[str]) -> Attribute:
    equals = _BLANK.match(text, named.end()).end()  # type: ignore[union-attr]
    hint = f'write {named[0]}="value"'
    if text[equals : equals + 1] != "=":
        raise Faulty(Fault("T120", f"<{tag}>: `{named[0]}` has no value", named.start(), hint))
    at = _BLANK.match(text, equals + 1).end()  # type: ignore[union-attr]
    value = _VALUE.match(text, at)
    if value is None:
        bare = _LOOSE.match(text, at)[0]  # type: ignore[index]
        if text[at : at + 1] in ("'", '"'):
            raise Faulty(Fault("T120", f"<{tag}>: the value of `{named[0]}` has no closing quote", at, hint))
        hint = f'write {named[0]}="{short(bare, 20)}"'
        raise Faulty(Fault("T120", f"<{tag}>: the value of `{named[0]}` stands without quotes", at, hint))
    return Attribute(named[0], value[0][1:-1], named.start(), at + 1)


def _closing(text: str, opened: Token) -> int:
    """Where the closing tag of an ending tag begins. Raises Faulty for a component in its body, too."""
    closer = re.compile(rf"</{re.escape(opened.name)}\s*>")
    end = closer.search(text, opened.end)
    inner = _COMPONENT.search(text, opened.end, end.start() if end else len(text))
    # A second opening without a second closing: it is the first one that was never closed.
    same = end and re.compile(rf"<{re.escape(opened.name)}\b").search(text, opened.end, end.start())
    if end is None or (same and not re.compile(rf"\s*{closer.pattern}").match(text, end.end())):
        hint = f"close it with </{opened.name}>"
        raise Faulty(Fault("T120", f"<{opened.name}> is never closed", opened.start, hint))
    if inner:
        message = f"{inner[0]}> stands in <{opened.name}>, which takes HTML only"
        hint = "print parts and bodies outside of it: they bring their own <mj-text>"
        raise Faulty(Fault("T122", message, inner.start(), hint))
    return end.start()
