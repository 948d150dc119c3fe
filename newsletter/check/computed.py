"""How a finished letter is drawn: colours, sizes and what is hidden, for each text, as a browser works it out.

Only what it takes to judge texts: the cascade of CSS (Cascade 4 section 6) over `style` attributes, style elements and
the older attributes, and inheritance. Conditional comments stay comments: that is everybody but Outlook for Windows.
"""

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from newsletter.render.css import Colour, Declared, Kind, Rule, Word, read_colour, read_sheet, read_style

WHITE, BLACK, LINK = Colour(1, 1, 1, 1), Colour(0, 0, 0, 1), Colour(0, 0, 238 / 255, 1)
_BOLD = frozenset({"b", "strong", "h1", "h2", "h3", "h4", "h5", "h6", "th"})
_SIZES = {"h1": 2.0, "h2": 1.5, "h3": 1.17, "h4": 1.0, "h5": 0.83, "h6": 0.67, "small": 5 / 6, "big": 1.2}
_KEYWORDS = {
    "xx-small": 9.0, "x-small": 10.0, "small": 13.0, "medium": 16.0, "large": 18.0, "x-large": 24.0, "xx-large": 32.0,
}  # fmt: skip
_PX = {"px": 1.0, "pt": 4 / 3, "pc": 16.0, "in": 96.0, "cm": 96 / 2.54, "mm": 96 / 25.4, "rem": 16.0}
_UNSHOWN = frozenset({"head", "style", "script", "title", "template", "option"})
_JUDGED = frozenset({
    "color", "background", "background-color", "background-image", "font", "font-size", "font-weight", "display",
    "visibility", "opacity", "max-height", "overflow",
})  # fmt: skip
_PLAIN = frozenset({"div", "table", "tbody", "tr", "td", "p", "span", "ul", "ol", "li", "em", "br", "center"})
_OLDER = ("bgcolor", "background", "hidden")
_READABLE = re.compile(r"[^\W_]|…")
_SHORTHANDS = {
    "background": ("background-color", "background-image"),
    "font": ("font-size", "font-weight"),
}
_GLOBAL = frozenset({"inherit", "initial", "unset", "revert", "currentcolor"})
_COLOUR_FUNCTION = re.compile(r"\b(?:rgb|hsl)a?\([^()]*\)", re.IGNORECASE)
_DARK = re.compile(r"prefers-color-scheme\s*:\s*dark")


@dataclass(frozen=True, slots=True)
class Look:
    """What an element's texts look like. A colour is None where nobody can tell: over a picture, in a reader's own."""

    colour: Colour | None = BLACK
    ground: Colour | None = WHITE
    size: float = 16.0  # px
    bold: bool = False
    hidden: str = ""  # by what
    colour_as: str = ""  # as it is written; empty if nobody says it
    ground_as: str = ""


class Text(NamedTuple):
    text: str  # blanks made one
    look: Look


class _Weighed(NamedTuple):
    """A declaration's value and its place in the cascade; the greatest wins."""

    weight: tuple[bool, bool, tuple[int, ...], int]  # important, in the element itself, specificity, order
    value: Declared


class Letter:
    """A finished letter, read once and drawn in light and in dark colours."""

    def __init__(self, html: str) -> None:
        from lxml import etree  # what premailer reads with, too

        parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
        self._root: Any = etree.fromstring(html.encode("utf-8", "replace"), parser)
        self._plain: list[Rule] = []
        self._dark: list[Rule] = []
        self._sometimes: list[Rule] = []
        for one in self._root.iter("style") if self._root is not None else ():
            self._sort(read_sheet(one.text or "").rules, one.get("media", ""))

    def _sort(self, rules: Iterable[Rule], media: str) -> None:
        for rule in rules:
            if not any(one.name in _JUDGED for one in rule.declarations):
                continue
            around = " ".join(
                [media, *(one.prelude for one in rule.within if one.keyword == "media")]
            ).strip()
            if any(one.keyword != "media" for one in rule.within) or (around and not _DARK.search(around)):
                self._sometimes.append(rule)
            else:
                (self._dark if around else self._plain).append(rule)

    @property
    def has_dark(self) -> bool:
        """Whether the letter brings dark colours of its own."""
        return bool(self._dark)

    def texts(self, *, dark: bool = False) -> Iterator[Text]:
        """The texts in their order."""
        if self._root is None:
            return
        own = self._in_dark if dark else self._in_light
        # Where a letter has dark colours, what it leaves open is the reader's program's to choose.
        start = Look(colour=None, ground=None) if dark else Look()
        yield from self._walk(self._root, start, own)

    @functools.cached_property
    def _in_light(self) -> dict[Any, dict[str, _Weighed]]:
        return self._declared(self._plain, {}, 0)

    @functools.cached_property
    def _in_dark(self) -> dict[Any, dict[str, _Weighed]]:
        return self._declared(self._dark, self._in_light, len(self._plain))

    @functools.cached_property
    def _changing(self) -> set[Any]:
        """What looks otherwise on some screens."""
        return {*self._declared(self._sometimes, {}, 0)}

    def _declared(
        self, rules: list[Rule], before: Mapping[Any, dict[str, _Weighed]], first: int
    ) -> dict[Any, dict[str, _Weighed]]:
        """What style elements say of each element; the rules come behind those of `before`."""
        found = {element: dict(said) for element, said in before.items()}
        for order, rule in enumerate(rules, start=first):
            for specificity, select in _selectors(rule.selector):
                for element in _found(select, self._root):
                    one = found.setdefault(element, {})
                    for declared in rule.declarations:
                        weight = (declared.important, False, specificity, order)
                        _add(one, declared, weight)
        return found

    def _walk(self, element: Any, above: Look, own: Mapping[Any, dict[str, _Weighed]]) -> Iterator[Text]:
        waiting: list[tuple[Any, Look, bool]] = [(element, above, False)]  # its tail; else itself
        while waiting:
            one, look, is_tail = waiting.pop()
            if is_tail:
                yield from _text(one.tail, look)
                continue
            drawn = _drawn(one, look, own.get(one, {}))
            if one in self._changing or (one.get("class") or "").startswith("mj-"):
                drawn = replace(drawn, hidden=look.hidden)  # shown on some screens, or when it is asked for
            if one.tag not in _UNSHOWN:
                yield from _text(one.text, drawn)
                for child in reversed(one):
                    waiting += ((child, drawn, True), (child, drawn, False))


def _text(text: str | None, look: Look) -> Iterator[Text]:
    if text and _READABLE.search(text):
        yield Text(" ".join(text.split()), look)


@functools.lru_cache(maxsize=1024)
def _selectors(selector: str) -> tuple[tuple[tuple[int, ...], Callable[[Any], Any]], ...]:
    """The parts of a selector list; those that need a state (`:hover`) or that nobody knows find nothing."""
    from cssselect import HTMLTranslator, SelectorError, parse
    from lxml import etree

    try:
        parts = parse(selector)
        translated = [(part, HTMLTranslator().selector_to_xpath(part)) for part in parts]
    except SelectorError:
        return ()
    return tuple(
        (part.specificity(), etree.XPath(xpath)) for part, xpath in translated if not part.pseudo_element
    )


def _found(select: Callable[[Any], Any], root: Any) -> list[Any]:
    from lxml import etree

    try:
        return list(select(root))
    except etree.XPathError:  # a namespace that nobody has declared
        return []


def _add(
    to: dict[str, _Weighed], declared: Declared, weight: tuple[bool, bool, tuple[int, ...], int]
) -> None:
    if declared.name in ("color", "background-color") and not _may_be_colour(declared.value):
        return  # dropped, as by a browser
    for name in _SHORTHANDS.get(declared.name, (declared.name,)):
        if name in _JUDGED and (name not in to or to[name].weight <= weight):
            to[name] = _Weighed(weight, declared)


def _may_be_colour(value: str) -> bool:
    return "(" in value or value.lower() in _GLOBAL or read_colour(value) is not None


def _drawn(element: Any, above: Look, sheets: Mapping[str, _Weighed]) -> Look:
    """An element's look: what is inherited, the older attributes, style sheets, its own style."""
    style = element.get("style")
    if (
        not sheets
        and not style
        and element.tag in _PLAIN
        and not any(element.get(name) is not None for name in _OLDER)
    ):
        return above
    says = dict(sheets)
    for order, declared in enumerate(read_style(style or "")):
        _add(says, declared, (declared.important, True, (), order))
    size = _size(says, element, above)
    colour, colour_as = _colour(says, element, above)
    ground, ground_as = _ground(says, element, above)
    weight = says.get("font-weight")
    bold = element.tag in _BOLD or above.bold
    if weight:
        bold = any(_is_bold(word) for word in weight.value.words)
    return Look(colour, ground, size, bold, above.hidden or _hidden(says, element), colour_as, ground_as)


def _is_bold(word: Word) -> bool:
    if word.kind is Kind.NUMBER:
        return word.number >= 600
    return word.kind is Kind.NAME and word.text.lower() in ("bold", "bolder")


def _colour(says: Mapping[str, _Weighed], element: Any, above: Look) -> tuple[Colour | None, str]:
    """The colour of an element's texts, and how it is written."""
    older = {"font": "color", "body": "text"}.get(element.tag, "")
    written = says["color"].value.value if "color" in says else element.get(older) if older else None
    if written is None and element.tag == "a" and element.get("href"):
        return (LINK if above.colour else None), ""
    if written is None or written.lower() in ("inherit", "currentcolor", "unset"):
        return above.colour, above.colour_as
    found = read_colour(written)
    return (found if isinstance(found, Colour) else None), written


def _ground(says: Mapping[str, _Weighed], element: Any, above: Look) -> tuple[Colour | None, str]:
    """The colour behind an element's texts, and how it is written."""
    picture = says.get("background-image")
    if element.get("background") or (picture and _is_picture(picture.value)):
        return None, ""
    given = says.get("background-color")
    written = _colour_of(given.value) if given else element.get("bgcolor") or "transparent"
    if written.lower() in ("transparent", "inherit", "unset", "initial", "none"):
        return above.ground, above.ground_as
    found = read_colour(written)
    return (over(found, above.ground) if isinstance(found, Colour) else None), written


def _is_picture(declared: Declared) -> bool:
    return any(
        word.kind is Kind.ADDRESS or (word.kind is Kind.FUNCTION and word.text.endswith("gradient"))
        for word in declared.words
    )


def _colour_of(declared: Declared) -> str:
    """The colour in a `background` shorthand."""
    if declared.name == "background-color":
        return declared.value
    if read_colour(declared.value):
        return declared.value
    words = [word.text for word in declared.words if word.kind in (Kind.HASH, Kind.NAME) and not word.inside]
    functions = _COLOUR_FUNCTION.findall(declared.value)
    return next((word for word in (*words, *functions) if read_colour(word)), "transparent")


def over(colour: Colour, ground: Colour | None) -> Colour | None:
    """A colour on a ground, which shows through by what the colour lacks."""
    if colour.alpha >= 1:
        return colour
    if ground is None:
        return None
    red, green, blue = (
        front * colour.alpha + back * (1 - colour.alpha)
        for front, back in zip(colour[:3], ground[:3], strict=True)
    )
    return Colour(red, green, blue, 1.0)


def _size(says: Mapping[str, _Weighed], element: Any, above: Look) -> float:
    given = says.get("font-size")
    if given is None:
        return above.size * _SIZES.get(element.tag, 1.0)
    for word in given.value.words:
        if word.kind is Kind.MEASURE:
            return word.number * (above.size if word.unit == "em" else _PX.get(word.unit, above.size))
        if word.kind is Kind.PERCENTAGE:
            return above.size * word.number / 100
        if word.kind is Kind.NUMBER and given.value.name == "font-size":
            return above.size if word.number else 0.0
        if word.kind is Kind.NAME and word.text.lower() in _KEYWORDS:
            return _KEYWORDS[word.text.lower()]
    return above.size


def _hidden(says: Mapping[str, _Weighed], element: Any) -> str:
    """By what an element's texts are kept from sight; empty if they are not."""
    said = {name: weighed.value.value.lower() for name, weighed in says.items()}
    if said.get("display") == "none":
        return "display: none"
    if said.get("visibility") in ("hidden", "collapse"):
        return f"visibility: {said['visibility']}"
    if said.get("opacity") in ("0", "0%", "0.0"):
        return "opacity: 0"
    if said.get("overflow") == "hidden" and said.get("max-height") in ("0", "0px"):
        return "max-height: 0"
    return "hidden" if element.get("hidden") is not None else ""
