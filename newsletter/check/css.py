"""CSS that no mail program takes: unknown properties, values that can't be, pictures and sheets from nowhere."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from newsletter.check.markup import Tag
from newsletter.check.pieces import Pieces, StyleSheet
from newsletter.errors import Problem, Severity, did_you_mean
from newsletter.render.css import Declared, Kind, Word, read_colour
from newsletter.render.mjml.fault import short
from newsletter.render.passage import Written

# Beside those of the table: what mail programs alone know, and what was never in a standard's list of properties.
_ALSO = frozenset({"supported-color-schemes", "zoom", "filter", "src", "unicode-range"})
_LENGTHS = frozenset({
    "font-size", "height", "letter-spacing", "max-height", "max-width", "min-height", "min-width", "text-indent",
    "width", "word-spacing", "border-spacing", "border-radius", "left", "right", "top", "bottom",
})  # fmt: skip
_LENGTHS_OF = ("padding", "margin")
_COLOURS = frozenset({
    "color", "background-color", "border-color", "border-top-color", "border-right-color", "border-bottom-color",
    "border-left-color", "outline-color", "text-decoration-color",
})  # fmt: skip
_EVERYWHERE = frozenset({"inherit", "initial", "unset", "revert", "revert-layer", "currentcolor", "auto"})
# CSS Color 4 section 6.2: the colours of the reader's system; the older ones of appendix A are drawn like these.
_SYSTEM = frozenset({
    "accentcolor", "accentcolortext", "activetext", "buttonborder", "buttonface", "buttontext", "canvas", "canvastext",
    "field", "fieldtext", "graytext", "highlight", "highlighttext", "linktext", "mark", "marktext", "selecteditem",
    "selecteditemtext", "visitedtext", "window", "windowtext", "background", "infobackground", "menu", "menutext",
})  # fmt: skip
_HASH_LENGTHS = (3, 4, 6, 8)


@dataclass(frozen=True, slots=True)
class _Names:
    properties: frozenset[str]
    units: frozenset[str]


@cache
def _known() -> _Names:
    table = json.loads((files("newsletter.check") / "css.json").read_text(encoding="utf-8"))
    return _Names(frozenset(table["properties"]) | _ALSO, frozenset(table["units"]))


def css_findings(written: Written, pieces: Pieces) -> Iterator[Problem]:
    """L121 to L124, each at its place."""
    for fault in _faults(pieces):
        yield Problem(fault.code, fault.message, written.place(fault.at), fault.hint, fault.severity)


@dataclass(frozen=True, slots=True)
class _Fault:
    code: str
    message: str
    at: int  # offset in the MJML
    hint: str
    severity: Severity = Severity.ERROR


def _faults(pieces: Pieces) -> Iterator[_Fault]:
    for sheet in pieces.sheets:
        yield from _from_elsewhere(sheet)
        for rule in sheet.sheet.rules:
            if rule.selector != "@font-face":
                yield from (
                    fault for one in rule.declarations for fault in _of(one, sheet.at + one.at, sheet.at)
                )
    for element in pieces.elements:
        if style := element.style:
            base = style.at if style.exact else None
            for one in style.declarations:
                yield from _of(one, style.place(one.at), base)
        yield from _of_tag(element.tag, element.at)


def _of(one: Declared, at: int, base: int | None) -> Iterator[_Fault]:
    """What is wrong with a declaration. base: what the offsets of its words count from; None: they don't count"""
    if not _is_property(one.name):
        hint = did_you_mean(one.name, _known().properties, otherwise="take it out: it would do nothing")
        yield _Fault("L121", f"CSS has no property `{one.name}`", at, hint, Severity.WARNING)
        return
    for word in one.words:
        if found := _of_word(one, word):
            code, message, hint = found
            yield _Fault(code, message, at if base is None else base + word.at, hint)


def _is_property(name: str) -> bool:
    return name.startswith(("-", "mso-")) or name in _known().properties


def _of_word(one: Declared, word: Word) -> tuple[str, str, str] | None:
    if word.kind is Kind.MEASURE and word.unit not in _known().units and "\\" not in word.text:
        hint = did_you_mean(word.unit, ("px", "em", "rem", "pt"), otherwise="px, em, pt or %")
        return "L122", f"`{one.name}: {short(word.text, 30)}`: there is no unit `{word.unit}`", hint
    if word.kind is Kind.HASH and not _is_hex(word.text):
        hint = "three or six of 0 to 9 and a to f: #1f2530"
        return "L122", f"`{one.name}: {short(word.text, 30)}` is no colour", hint
    if word.kind is Kind.NUMBER and word.number and not word.inside and _is_length(one.name):
        return "L122", f"`{one.name}: {word.text}` has no unit", f"{word.text}px"
    if word.kind is Kind.NAME and one.name in _COLOURS and not word.inside and not _is_colour(word.text):
        hint = "a colour: #1f2530, rgb(31, 37, 48) or a CSS name"
        return "L122", f"`{one.name}: {short(word.text, 30)}` is no colour", hint
    if word.kind is Kind.ADDRESS and (reason := _unreachable(word.text)):
        hint = "put the picture into the letter by <mj-image> or `background-url`, or name it by https://…"
        return "L123", f"`url({short(word.text, 40)})` {reason}", hint
    return None


def _is_hex(text: str) -> bool:
    digits = text[1:]
    return len(digits) in _HASH_LENGTHS and all(sign in "0123456789abcdefABCDEF" for sign in digits)


def _is_length(name: str) -> bool:
    return name in _LENGTHS or name.startswith(_LENGTHS_OF)


def _is_colour(text: str) -> bool:
    return text.lower() in _EVERYWHERE | _SYSTEM or read_colour(text) is not None


def _unreachable(address: str) -> str:
    """Why no mail program can show what lies there; empty if it can."""
    lower = address.strip().lower()
    if lower.startswith(("https://", "cid:", "#")):
        return ""
    if lower.startswith("http://"):
        return "is not encrypted: mail programs load https only"
    if lower.startswith("data:"):
        return "travels inside the letter, and most mail programs drop it"
    return "leads nowhere from a mail program"


def _from_elsewhere(sheet: StyleSheet) -> Iterator[_Fault]:
    for one in sheet.sheet.at_rules:
        if one.keyword == "import":
            yield _elsewhere("`@import` loads a style sheet from elsewhere", sheet.at + one.at)
        elif one.keyword == "font-face":
            yield _elsewhere("`@font-face` loads a font from elsewhere", sheet.at + one.at)


def _of_tag(tag: Tag, base: int) -> Iterator[_Fault]:
    if tag.name == "link" and "stylesheet" in (tag.get("rel") or "").lower():
        yield _elsewhere("<link> loads a style sheet from elsewhere", base + tag.at)
    if tag.name == "mj-font":
        yield _elsewhere("<mj-font> loads a font from elsewhere", base + tag.at)
    for one in tag.attributes:
        # A component takes pictures of the project, too; those have had their finding.
        loads = one.name == "background" or (one.name == "background-url" and ":" in one.value)
        if loads and (reason := _unreachable(one.value)):
            hint = "`background-url` of <mj-section> with a picture of the project, or https://…"
            message = f'{one.name}="{short(one.value, 40)}" {reason}'
            yield _Fault("L123", message, base + one.value_at, hint)


def _elsewhere(what: str, at: int) -> _Fault:
    message = f"{what}: most mail programs drop it, the others tell that server who reads"
    hint = "write the rules into <mj-style>, and name fonts that every machine has"
    return _Fault("L124", message, at, hint, Severity.WARNING)
