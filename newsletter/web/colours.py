"""The brand's colours on our pages, as far as they can be read: contrast by WCAG 2.2 (1.4.3: 4.5 to 1)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

READABLE = 4.5
_HEX = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")


@dataclass(frozen=True)
class Scheme:
    """paper: the page; ink: its text; muted: small print; line: borders; accent: the button; on_accent: its text"""

    paper: str
    ink: str
    muted: str
    line: str
    accent: str
    on_accent: str


LIGHT = Scheme("#ffffff", "#1f2530", "#565b66", "#d9d9d9", "#1d4ed8", "#ffffff")
DARK = Scheme("#171a20", "#ece8e1", "#b7b3ac", "#3b414b", "#93b4ff", "#101318")


def scheme(colors: Mapping[str, Any], name: str, standard: Scheme) -> Scheme:
    """What `[brand.colors.NAME]` says, each colour where it can be read on what lies below it.

    A brand that has `button` and `on_button` means them; otherwise its buttons have the accent.

    >>> scheme({"light": {"accent": "#a3203c"}}, "light", LIGHT).accent
    '#a3203c'
    >>> scheme({"light": {"ink": "#eeeeee"}}, "light", LIGHT).ink
    '#1f2530'
    """
    given = colors.get(name)
    words = given if isinstance(given, Mapping) else {}

    def pick(key: str, fallback: str) -> str:
        value = words.get(key)
        return value.lower() if isinstance(value, str) and _HEX.fullmatch(value) else fallback

    paper, ink = pick("paper", standard.paper), pick("ink", standard.ink)
    if contrast(ink, paper) < READABLE:
        paper, ink = standard.paper, standard.ink
    muted, accent = pick("muted", ink), pick("button", pick("accent", standard.accent))
    if contrast(muted, paper) < READABLE:
        muted = ink
    if contrast(accent, paper) < 3:  # a button that nobody can make out (WCAG 1.4.11)
        accent = ink
    on_accent = pick("on_button", pick("on_accent", paper))
    if contrast(on_accent, accent) < READABLE:
        on_accent = max(("#ffffff", "#000000"), key=lambda colour: contrast(colour, accent))
    return Scheme(paper, ink, muted, pick("line", standard.line), accent, on_accent)


def contrast(one: str, other: str) -> float:
    """From 1 to 21 (WCAG 2.2, "contrast ratio").

    >>> round(contrast("#000", "#ffffff"))
    21
    """
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    parts = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
