"""Paddings as mrml reads them: it works out widths for Outlook, and misses most spellings of a padding.

It overlooks shorthands of three and four values, those that begin with a bare 0, and a side that stands beside a
shorthand. So both sides are written out, and what that adds to the finished styles is taken out again.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from newsletter.render.mjml.components import components
from newsletter.render.mjml.tree import Element

_SIDES = {
    1: (0, 0),
    2: (1, 1),
    3: (1, 1),
    4: (1, 3),
}  # number of values -> those of right and left (CSS 2.2 §8.4)
_AS_WIDE_AS_THEY_ARE = frozenset(
    {"mj-text", "mj-spacer", "mj-table"}
)  # nothing is worked out by their padding
_SHORTHAND = re.compile(r"padding:([^;\"]+);")
_STYLE = 'style="'
_SIDE = re.compile(r"padding-(right|left):([^;\"]+);")


@dataclass
class Defaults:
    """What <mj-attributes> gives to components that say nothing themselves."""

    everything: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    components: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Element) -> "Defaults":
        everything: dict[str, str] = {}
        classes: dict[str, dict[str, str]] = {}
        named: dict[str, dict[str, str]] = {}
        head = root.find("mj-head")
        for given in head.children if head else ():
            for child in given.children if given.name == "mj-attributes" else ():
                if child.name == "mj-all":
                    everything.update(child.attributes)
                elif child.name == "mj-class":
                    classes.setdefault(child.attributes["name"], {}).update(child.attributes)
                else:
                    named.setdefault(child.name, {}).update(child.attributes)
        return cls(everything, classes, named)

    def get(self, element: Element, name: str) -> str | None:
        """The attribute that holds: the component's own, its classes', its kind's, that of all; MJML's order."""
        if name in element.attributes:
            return element.attributes[name]
        for one in reversed(element.attributes.get("mj-class", "").split()):
            if name in self.classes.get(one, {}):
                return self.classes[one][name]
        return self.components.get(element.name, {}).get(name, self.everything.get(name))


def spell_out(root: Element) -> None:
    """Give each component in the body its left and right padding by name, where a shorthand or a side is given."""
    defaults, body = Defaults.of(root), root.find("mj-body")
    for element in body.walk() if body else ():
        if element.name not in _padded():
            continue
        shorthand = defaults.get(element, "padding")
        right, left = defaults.get(element, "padding-right"), defaults.get(element, "padding-left")
        values = (shorthand or _padded()[element.name]).split()
        if len(values) not in _SIDES or (shorthand is None and right is None and left is None):
            continue
        of_right, of_left = _SIDES[len(values)]
        element.attributes["padding-right"] = right or _with_unit(values[of_right])
        element.attributes["padding-left"] = left or _with_unit(values[of_left])


@cache
def _padded() -> Mapping[str, str]:
    """The components whose padding is in a width, with what it is where nothing is said."""
    sides = {"padding", "padding-left", "padding-right"}
    return {
        name: known.defaults.get("padding", "")
        for name, known in components().items()
        if sides <= known.attributes.keys() and name not in _AS_WIDE_AS_THEY_ARE
    }


def _with_unit(value: str) -> str:
    return "0px" if value == "0" else value


def take_out(html: str) -> str:
    """Styles without the sides that only repeat what their shorthand says."""

    before, *pieces = html.split(_STYLE)
    return _STYLE.join((before, *(_without_repeats(piece) for piece in pieces)))


def _without_repeats(piece: str) -> str:
    """HTML that begins in a style."""
    style, quote, rest = piece.partition('"')
    shorthand = _SHORTHAND.search(style) if "padding-" in style else None
    values = shorthand[1].split() if shorthand else []
    if len(values) not in _SIDES:
        return piece
    right, left = (_with_unit(values[at]) for at in _SIDES[len(values)])
    said = {"right": right, "left": left}
    kept = _SIDE.sub(lambda side: "" if said[side[1]] == side[2].strip() else side[0], style)
    return f"{kept}{quote}{rest}"
