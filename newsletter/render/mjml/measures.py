"""Paddings as mrml reads them: it works out widths for Outlook, and misses most spellings of a padding.

It overlooks shorthands of three and four values, those that begin with a bare 0, and a side that stands beside a
shorthand. So both sides are written out, and what that adds to the finished styles is taken out again.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache

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
_STYLE = re.compile(r'style="[^"]*padding-(?:left|right):[^"]*"')
_SIDE = re.compile(r"padding-(right|left):([^;\"]+);")


@dataclass
class Defaults:
    """What <mj-attributes> gives to components that say nothing themselves."""

    everything: dict[str, str] = field(default_factory=dict)
    classes: dict[str, dict[str, str]] = field(default_factory=dict)
    components: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Element) -> "Defaults":
        found = cls()
        head = root.find("mj-head")
        for given in head.children if head else ():
            for child in given.children if given.name == "mj-attributes" else ():
                if child.name == "mj-all":
                    found.everything.update(child.attributes)
                elif child.name == "mj-class":
                    found.classes.setdefault(child.attributes["name"], {}).update(child.attributes)
                else:
                    found.components.setdefault(child.name, {}).update(child.attributes)
        return found

    def attributes(self, element: Element) -> Mapping[str, str]:
        """Those that hold: the component's own, over its classes', its kind's, and that of all; MJML's order."""
        of_kind = self.components.get(element.name, {})
        if "mj-class" in element.attributes:
            for one in element.attributes["mj-class"].split():
                of_kind = of_kind | self.classes.get(one, {})
        return {**self.everything, **of_kind, **element.attributes}


def spell_out(content: Iterable[Element], defaults: Defaults) -> None:
    """Give each component of the body its left and right padding by name, where a shorthand or a side is given."""
    padded = _padded()
    for element in content:
        if element.name not in padded:
            continue
        given = defaults.attributes(element)
        right, left = given.get("padding-right"), given.get("padding-left")
        if "padding" not in given and right is None and left is None:
            continue
        values = (given.get("padding") or padded[element.name]).split()
        if len(values) in _SIDES:
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
    return _STYLE.sub(lambda style: _without_repeats(style[0]), html)


@lru_cache(maxsize=4096)  # a letter repeats its few styles
def _without_repeats(style: str) -> str:
    shorthand = _SHORTHAND.search(style)
    values = shorthand[1].split() if shorthand else []
    if len(values) not in _SIDES:
        return style
    right, left = (_with_unit(values[at]) for at in _SIDES[len(values)])
    said = {"right": right, "left": left}
    return _SIDE.sub(lambda side: "" if said[side[1]] == side[2].strip() else side[0], style)
