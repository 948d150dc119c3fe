"""CSS taken apart for the checks: rules, at-rules, declarations and the words of their values, each with its place."""

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

import tinycss2
from tinycss2.color4 import parse_color


class Kind(StrEnum):
    """What a word of a value is (CSS Syntax 3 section 4)."""

    NAME = "ident"
    MEASURE = "dimension"  # a number with its unit
    PERCENTAGE = "percentage"
    NUMBER = "number"
    HASH = "hash"
    ADDRESS = "url"
    STRING = "string"
    FUNCTION = "function"  # its name, without what is in the brackets


@dataclass(frozen=True, slots=True)
class Word:
    kind: Kind
    text: str  # as it stands there; of an address and a string without quotes
    at: int
    number: float = 0.0  # of a measure, a percentage, a number
    unit: str = ""  # of a measure, in small letters
    inside: str = ""  # the function in whose brackets it stands, in small letters


@dataclass(frozen=True, slots=True)
class Declared:
    """One declaration. Offsets count characters of the text that was read."""

    name: str  # in small letters
    value: str
    words: tuple[Word, ...]
    at: int
    important: bool = False


@dataclass(frozen=True, slots=True)
class At:
    """An at-rule: `media` and `(max-width: 480px)`."""

    keyword: str  # in small letters
    prelude: str
    at: int


@dataclass(frozen=True, slots=True)
class Rule:
    selector: str
    declarations: tuple[Declared, ...]
    at: int
    within: tuple[At, ...] = ()  # the at-rules around it, outermost first


@dataclass
class Sheet:
    rules: list[Rule] = field(default_factory=list)
    at_rules: list[At] = field(default_factory=list)


class Colour(NamedTuple):
    """In sRGB, each part from 0 to 1."""

    red: float
    green: float
    blue: float
    alpha: float


_RULES = frozenset(
    {"media", "supports", "layer", "container", "document", "scope"}
)  # at-rules that hold rules


@functools.lru_cache(maxsize=64)
def read_sheet(css: str) -> Sheet:
    """A style sheet; what can't be read is left out: it has its finding (T132). Pure."""
    reader = _Reader(css)
    try:
        reader.rules(tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True), ())
    except RecursionError:  # brackets in brackets by the thousand: no mail program reads that either
        return Sheet()
    return reader.sheet


@functools.lru_cache(maxsize=1024)
def read_style(style: str) -> tuple[Declared, ...]:
    """The declarations of a `style` attribute. Pure."""
    try:
        return _Reader(style).declarations(style)
    except RecursionError:  # likewise
        return ()


@functools.lru_cache(maxsize=1024)
def read_colour(text: str) -> Colour | str | None:
    """A colour; its words where it depends on something else (`currentcolor`, a newer colour space); None for none."""
    found = parse_color(text)
    if found is None or isinstance(found, str):
        return found
    if found.space not in ("srgb", "hsl", "hwb") or None in found.coordinates:
        return text
    red, green, blue, alpha = found.to("srgb")
    return Colour(red, green, blue, alpha)


class _Reader:
    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self.sheet = Sheet()

    def rules(self, found: Sequence[Any], within: tuple[At, ...]) -> None:
        for one in found:
            if one.type == "at-rule":
                self._at_rule(one, within)
            elif one.type == "qualified-rule":
                selector = tinycss2.serialize(one.prelude).strip()
                declarations = self.declarations(one.content)
                self.sheet.rules.append(Rule(selector, declarations, self._at(one), within))

    def declarations(self, content: Any) -> tuple[Declared, ...]:
        parsed = tinycss2.parse_blocks_contents(content, skip_comments=True, skip_whitespace=True)
        return tuple(
            Declared(
                one.name if one.name.startswith("--") else one.lower_name,
                tinycss2.serialize(one.value).strip(),
                tuple(self._words(one.value, "")),
                self._at(one),
                one.important,
            )
            for one in parsed
            if one.type == "declaration"
        )

    def _at_rule(self, rule: Any, within: tuple[At, ...]) -> None:
        at = At(rule.lower_at_keyword, tinycss2.serialize(rule.prelude).strip(), self._at(rule))
        self.sheet.at_rules.append(at)
        if rule.content is None:
            return
        if at.keyword in _RULES:
            inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
            self.rules(inner, (*within, at))
        elif at.keyword == "font-face":
            declarations = self.declarations(rule.content)
            self.sheet.rules.append(Rule("@font-face", declarations, at.at, (*within, at)))

    def _words(self, tokens: Sequence[Any], inside: str) -> Iterator[Word]:
        for token in tokens:
            at = self._at(token)
            if token.type == "function":
                name = token.lower_name
                strings = [one for one in token.arguments if one.type == "string"]
                if name == "url" and strings:
                    yield Word(Kind.ADDRESS, strings[0].value, at, inside=inside)
                else:
                    yield Word(Kind.FUNCTION, name, at, inside=inside)
                    yield from self._words(token.arguments, name)
            elif token.type in ("() block", "[] block"):
                yield from self._words(token.content, inside)
            elif token.type == "url":
                yield Word(Kind.ADDRESS, token.value, at, inside=inside)
            elif token.type == "dimension":
                yield Word(Kind.MEASURE, token.serialize(), at, token.value, token.lower_unit, inside)
            elif token.type == "hash":
                yield Word(Kind.HASH, f"#{token.value}", at, inside=inside)
            elif token.type in ("ident", "string"):
                yield Word(Kind(token.type), token.value, at, inside=inside)
            elif token.type in ("number", "percentage"):
                yield Word(Kind(token.type), token.representation, at, token.value, inside=inside)

    def _at(self, node: Any) -> int:
        line = min(node.source_line, len(self._starts))
        return int(self._starts[line - 1] + node.source_column - 1)
