"""Two letters held against each other as what readers' programs make of them; what may differ is a closed list.

Elements, their attributes and texts are compared as they are once read (HTML Living Standard, 13.2.5 Tokenization),
what Outlook reads in its comments included. May differ: how a character is spelled, blanks that no reader sees, percent
signs in addresses where libxml2 sets them, the ends of empty items and cells where it sets none, a preheader that is
empty, Outlook's comments that end where the next begins; and in the head rules for components of which this reader
gets none.
"""

import functools
import re
from collections.abc import Iterator
from html import escape, unescape
from itertools import zip_longest
from urllib.parse import quote

from newsletter.render.composition import Content

_NAME = r"[a-zA-Z][^\s/>]*+"
_VALUE = r"""(?:"(?P<double>[^"]*+)"|'(?P<single>[^']*+)'|(?P<bare>[^\s>]*+))"""
_ATTRIBUTE = rf"[\s/]*+(?P<name>[^\s/>][^\s/>=]*+)(?:\s*+=\s*+{_VALUE})?+"
_ONE = re.compile(_ATTRIBUTE)
_ANY = re.sub(r"\?P<\w+>", "?:", _ATTRIBUTE)
_MARKUP = re.compile(
    rf"(<!--\[if[^>]*>(?:<!-->)?|(?:<!--)?<!\[endif\]-->|<!--.*?-->|-->|<![^>]*>|</?{_NAME}(?:{_ANY})*+[\s/]*+>)",
    re.DOTALL,
)
_TAG = re.compile(rf"<(/?{_NAME})(.*)>", re.DOTALL)
_STYLE = re.compile(r"(<style\b[^>]*>)(.*?)</style\s*>", re.DOTALL | re.IGNORECASE)
_NEIGHBOURS = re.compile(r"<!\[endif\]-->\s*<!--\[if mso \| IE\]>")
_EMPTY = re.compile(
    r'<div style="display: ?none;[^"<>]*">\s*</div>'
)  # no preheader: whole, there is no element
_BLANKS = re.compile(r"[ \t\r\n\f]+")
_ADDRESSES = frozenset({"href", "src", "action", "name"})
_SAID = frozenset({"alt", "title", "aria-label", "class"})
_UNESCAPED = "@/:=?;#%&,+-_.!~*'()"  # by libxml2 in addresses, beside letters and digits
_INLINE = frozenset({
    "a", "abbr", "b", "big", "cite", "code", "del", "em", "font", "i", "ins", "kbd", "label", "mark", "q", "s", "samp",
    "small", "span", "strike", "strong", "sub", "sup", "u", "var",
})  # fmt: skip
_OPEN_ENDED = frozenset(
    {"li", "dt", "dd", "td", "th", "tr", "option"}
)  # empty, libxml2 leaves their ends to the reader
_PRESERVED = re.compile(r"</?(?:pre|textarea)\b", re.IGNORECASE)
_REPLACED = frozenset({"img", "input"})  # stand in a line like a word
SHOWN = 60  # characters of a difference


def difference(one: Content, other: Content) -> str:
    """What differs first, as it reads in both; empty if nothing does."""
    for part in ("subject", "preheader", "text"):
        if (a := getattr(one, part)) != (b := getattr(other, part)):
            return f"{part}: {_apart(a, b)}"
    if one.html == other.html:
        return ""
    html, otherwise = (_pieces(_STYLE.sub("", content.html)) for content in (one, other))
    if not _alike(html, otherwise):
        for a, b in zip_longest(_items(html), _items(otherwise), fillvalue=""):
            if a != b:
                return f"html: {_apart(a, b)}"
    if found := _ruled_otherwise([*_rules(one.html)], [*_rules(other.html)]):
        return f"style sheets: `{found[:SHOWN]}`"
    return ""


def _pieces(html: str) -> list[str]:
    """Texts and, between two of them, a tag or comment each."""
    return _MARKUP.split(_NEIGHBOURS.sub("", _EMPTY.sub("", html)))


def _alike(one: list[str], other: list[str]) -> bool:
    """Whether the items of both are the same, without those that are made of the same pieces before and behind.

    An item depends on what stands before it up to the last tag that ends a line, blanks that are kept excepted.
    """
    if one == other:
        return True
    if any(_PRESERVED.match(piece) for piece in (*one[1::2], *other[1::2])):
        return [*_items(one)] == [*_items(other)]
    shorter = min(len(one), len(other))
    before = next((n for n in range(shorter) if one[n] != other[n]), shorter)
    rest = shorter - before
    behind = next((n for n in range(rest) if one[-1 - n] != other[-1 - n]), rest)
    start = next((n + 1 for n in range(before - 1, 0, -1) if n % 2 and _ends_line(_name(one[n]))), 0)
    end = len(one) - behind
    end = next((n + 1 for n in range(end, len(one)) if n % 2 and _ends_line(_name(one[n]))), len(one))
    opened = _tag(one[start - 1]) if start else ""
    until = end - len(one) + len(other)
    return [*_items(one[start:end], opened)] == [*_items(other[start:until], opened)]


def _ends_line(name: str) -> bool:
    return bool(name) and name not in _INLINE and name not in _REPLACED


def _items(pieces: list[str], opened: str = "") -> Iterator[str]:
    """Tags in one spelling, and the texts between them; blanks as a line of text has them.

    opened: the tag before, which ended a line
    """
    line = _Line()
    for number, piece in enumerate(pieces):
        if not number % 2:
            line.add(piece)
            continue
        name = _name(piece)
        if name and name not in _INLINE:
            line.meet(name)
        if said := line.take():
            yield said
        tag = _tag(piece)
        if name[1:] not in _OPEN_ENDED or not opened.startswith(f"<{name[1:]}") or said:
            yield tag
        opened = tag
        if _ends_line(name):
            line.begin()
    if said := line.take():
        yield said


class _Line:
    """The text between two tags: blanks count once, and none where a line begins or ends."""

    def __init__(self) -> None:
        self._words: list[str] = []
        self._blank = False  # one waits for the next word
        self._begun = False
        self._kept = 0  # depth of elements that keep their blanks

    def add(self, text: str) -> None:
        text = unescape(text)
        if self._kept:
            self._words.append(text)
            return
        text = _BLANKS.sub(" ", text)
        if text in ("", " "):
            self._blank = self._blank or bool(text)
            return
        inner = text.strip(" ")
        self._words.append(" " * (self._begun and (self._blank or text[0] == " ")) + inner)
        self._begun, self._blank = True, text[-1] == " "

    def meet(self, name: str) -> None:
        """A tag that ends the line, or stands in it like a word."""
        if name in ("pre", "/pre", "textarea", "/textarea"):
            self._kept = max(0, self._kept + (-1 if name[0] == "/" else 1))
        if name in _REPLACED:
            if self._blank and self._begun:
                self._words.append(" ")
            self._begun, self._blank = True, False

    def begin(self) -> None:
        self._begun = self._blank = False

    def take(self) -> str:
        said = "".join(self._words)
        self._words.clear()
        return escape(said, quote=False)


@functools.lru_cache(maxsize=8_192)
def _name(piece: str) -> str:
    """A tag's name with the slash of its end, an inline one's alone; empty for comments."""
    found = _TAG.match(piece)
    name = found[1].lower() if found else ""
    return name[1:] if name[1:] in _INLINE else name


@functools.lru_cache(maxsize=8_192)
def _tag(piece: str) -> str:
    """A tag or a comment in one spelling."""
    found = _TAG.match(piece)
    if found is None:
        return _BLANKS.sub(" ", piece)
    if found[1][0] == "/":
        return f"<{found[1].lower()}>"
    given: dict[str, str] = {}
    for one in _ONE.finditer(found[2].rstrip(" \t\r\n\f/")):
        name = one["name"].lower()
        value = unescape(one["double"] or one["single"] or one["bare"] or "")
        given.setdefault(name, _spelled(name, value))  # of two the first holds
    return f"<{found[1].lower()}{''.join(f' {name}={given[name]!r}' for name in sorted(given))}>"


def _spelled(name: str, value: str) -> str:
    if name in _ADDRESSES:
        return quote(value.strip(" \t\r\n\f"), safe=_UNESCAPED)
    return _BLANKS.sub(" ", value).strip(" ") if name in _SAID else value


def _rules(html: str) -> Iterator[str]:
    """The rules of all style sheets in their order, each behind what it stands in."""
    for opening, css in _STYLE.findall(html):
        within = [_tag(opening)]
        for text, brace in re.findall(r"([^{}]*)([{}]|\Z)", css):
            *whole, begun = _BLANKS.sub(" ", text).split(";") if brace != "}" else (_BLANKS.sub(" ", text),)
            yield from (f"{' '.join(within)} {one.strip()}" for one in whole)
            if brace == "{":
                within.append(begun.strip())
            elif brace == "}" and len(within) > 1:
                if begun.strip():
                    yield f"{' '.join(within)} {begun.strip()}"
                within.pop()


def _ruled_otherwise(rules: list[str], others: list[str]) -> str:
    """The first rule that is missing, in another order, or too many and no component's; else empty."""
    waiting = iter(rules)
    rule = next(waiting, "")
    for other in others:
        if other == rule:
            rule = next(waiting, "")
        elif "mj-" not in other and "@import" not in other:
            return other
    return rule


def _apart(one: str, other: str) -> str:
    at = next(
        (n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    start = max(0, at - SHOWN // 2)
    return f"`{one[start : at + SHOWN // 2]}` or `{other[start : at + SHOWN // 2]}`"
