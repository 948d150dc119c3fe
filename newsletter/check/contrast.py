"""Texts that many can't read, and texts that nobody is to see."""

import math
import re
from collections.abc import Iterator

from newsletter.check.computed import Letter, Look, Text, over
from newsletter.errors import Place, Problem, Severity
from newsletter.render.css import Colour
from newsletter.render.mjml.fault import short
from newsletter.render.passage import Language, Written

# WCAG 2.2, success criterion 1.4.3: https://www.w3.org/TR/WCAG22/#contrast-minimum
ENOUGH, ENOUGH_FOR_LARGE = 4.5, 3.0
LARGE, LARGE_IF_BOLD = 24.0, 18.66  # px; 18 and 14 points
SAME = 1.1  # below that nobody is meant to read it
_TAG = re.compile(r"<!--.*?-->|<[^>]*>", re.DOTALL)
_RUN = re.compile(r"[^&<>…\"'\u00a0]+")


def contrast(one: Colour, other: Colour) -> float:
    """The ratio of two colours' brightness, from 1 to 21 (WCAG 2.2, contrast ratio)."""
    bright, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(colour: Colour) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour[:3]
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast_findings(written: Written) -> Iterator[Problem]:
    """L125 for each pair of colours with too little contrast, L126 for each text that is hidden."""
    letter = Letter(written.html)
    finder = _Finder(written)
    for dark in (False, True) if letter.has_dark else (False,):
        yield from _of(letter, finder, dark=dark)


def _of(letter: Letter, finder: "_Finder", *, dark: bool) -> Iterator[Problem]:
    told: set[tuple[Colour, Colour, float]] = set()
    seen: list[str] = []
    visible = False  # what is hidden before the first text that is not is the preheader
    for text in letter.texts(dark=dark):
        by = text.look.hidden or ("font-size: 0" if text.look.size < 1 else "")
        if by and visible and not dark:
            yield _unseen(text, by, finder.of_text(text.text, seen))
        elif not by:
            visible = True
            colour, ground, needed = _pair(text.look)
            if (
                colour
                and ground
                and contrast(colour, ground) < needed
                and (colour, ground, needed) not in told
            ):
                told.add((colour, ground, needed))
                place = finder.of_colour(text.look, text.text, seen)
                yield _pale(text, colour, ground, needed, _in(dark), place)
        seen.append(text.text)


def _pair(look: Look) -> tuple[Colour | None, Colour | None, float]:
    """The two colours, and how much contrast they need."""
    colour = over(look.colour, look.ground) if look.colour else None
    large = look.size >= LARGE or (look.bold and look.size >= LARGE_IF_BOLD)
    return colour, look.ground, ENOUGH_FOR_LARGE if large else ENOUGH


def _pale(text: Text, colour: Colour, ground: Colour, needed: float, where: str, place: Place) -> Problem:
    found = contrast(colour, ground)
    if found < SAME:
        return _unseen(text, f"its colour is that of its ground, {_hex(ground)}{where}", place)
    message = (
        f"`{short(text.text, 40)}` is hard to read{where}: "
        f"{_hex(colour)} on {_hex(ground)} is a contrast of {math.floor(found * 10) / 10}:1"
    )
    return Problem("L125", message, place, f"colours further apart, at least {needed:g}:1", Severity.WARNING)


def _unseen(text: Text, by: str, place: Place) -> Problem:
    message = f"`{short(text.text, 40)}` is hidden: {by}"
    hint = "show it, or take it out: filters take hidden text for a trick"
    return Problem("L126", message, place, hint, Severity.WARNING)


def _in(dark: bool) -> str:  # noqa: FBT001  (of two)
    return " in dark colours" if dark else ""


def _hex(colour: Colour) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in colour[:3])


class _Finder:
    """Finds a letter's texts, and their colours, in what their authors wrote."""

    def __init__(self, written: Written) -> None:
        self._written = written
        html = [one for one in written.passages if one.language is Language.HTML]
        self._texts = [(one.at, _TAG.sub(lambda tag: " " * len(tag[0]), one.text)) for one in html]

    def of_text(self, text: str, before: list[str]) -> Place:
        at = self._offset(text, before)
        return self._written.place(at) if at is not None else self._written.template

    def of_colour(self, look: Look, text: str, before: list[str]) -> Place:
        """Where the text's colour was last named before it, or a ground of its own behind it; else the text itself."""
        at = self._offset(text, before)
        mjml = self._written.mjml
        colour = mjml.rfind(look.colour_as, 0, at) if look.colour_as else -1
        body = mjml.find("<mj-body")
        page = mjml[body : mjml.find(">", body)]  # the letter's own ground is nobody's mistake here
        own = bool(look.ground_as) and look.ground_as not in page
        ground = mjml.rfind(look.ground_as, 0, at) if own else -1
        found = max(colour, ground)
        return self._written.place(found) if found >= 0 else self.of_text(text, before)

    def _offset(self, text: str, before: list[str]) -> int | None:
        """Where a text stands in the MJML. before: the letter's texts before it, in which it may stand, too"""
        run = max(_RUN.findall(text), key=len, default="").strip()
        if not run:
            return None
        pattern = re.compile(r"(?:\s|&nbsp;|&#160;)+".join(map(re.escape, run.split())))
        nth = sum(run in one for one in before)
        found = [at + one.start() for at, html in self._texts for one in pattern.finditer(html)]
        return found[min(nth, len(found) - 1)] if found else None
