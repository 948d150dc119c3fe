"""The official component table: which components there are, what each may hold, and the type of each attribute.

`components.json` is made from npm mjml by `make components` and is not edited by hand.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files

EVERYWHERE = frozenset({"mj-class", "css-class"})  # mjml-validator: allowed on each component
DEFAULTS = ("mj-all", "mj-class")  # stand in <mj-attributes> beside the components' own names

# What the table does not tell: it knows the tags of <mj-html-attributes> only by name.
_UNTOLD = {"mj-selector": {"path": "string"}, "mj-html-attribute": {"name": "string"}}
_UNIT = re.compile(r"(unit|unitWithNegative)\(([^)]*)\)(?:\{([\d,]+)\})?")
_ENUM = re.compile(r"enum\(([^)]*)\)")
_COLOR = re.compile(
    r"#(?:[0-9a-f]{3}|[0-9a-f]{6})"
    r"|rgb\(\d{1,3},\s?\d{1,3},\s?\d{1,3}\)"
    r"|rgba\(\d{1,3},\s?\d{1,3},\s?\d{1,3},\s?\d(?:\.\d{1,3})?\)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Component:
    """One component as MJML's own code describes it."""

    name: str
    ending: bool  # its content is HTML, no components
    attributes: Mapping[str, str] = field(default_factory=dict)  # name -> type
    defaults: Mapping[str, str] = field(default_factory=dict)
    children: tuple[str, ...] | None = None  # None: anything

    @cached_property
    def holds(self) -> frozenset[str]:
        """The components that may stand in this one, by name."""
        return frozenset(components() if self.children is None else self.children)


@cache
def components() -> Mapping[str, Component]:
    """All components by name, `mjml` itself among them."""
    table = _table()["components"]
    return {
        name: Component(
            name,
            bool(known.get("ending")),
            {**known.get("attributes", {}), **_UNTOLD.get(name, {})},
            known.get("defaults", {}),
            tuple(known["children"]) if "children" in known else None,
        )
        for name, known in table.items()
    }


@cache
def places() -> frozenset[tuple[str, str]]:
    """Each component with each that may stand in it, by name."""
    found = {(one.name, name) for one in components().values() for name in one.holds}
    return frozenset(found | {("mj-attributes", name) for name in DEFAULTS})


@cache
def parents_of(name: str) -> tuple[str, ...]:
    """The components in which this one may stand, by name."""
    return tuple(sorted(one.name for one in components().values() if name in (one.children or ())))


@cache
def takes(kind: str) -> Callable[[str], bool]:
    """Whether a value is of an attribute's type, as mjml-validator asks it."""
    if kind == "color":
        colors = frozenset(_table()["colors"])
        return lambda value: bool(_COLOR.fullmatch(value)) or value in colors
    if kind == "boolean":
        return lambda value: value in ("true", "false")
    if kind == "integer":
        return lambda value: value.isascii() and value.isdigit()
    if found := _ENUM.fullmatch(kind):
        words = frozenset(found[1].split(","))
        return lambda value: value in words
    if found := _UNIT.fullmatch(kind):
        return _measure(found[2].split(","), found[3] or "1", negative=found[1] == "unitWithNegative")
    return lambda _value: True


def spoken(kind: str) -> str:
    """A type in words, for a hint."""
    if kind == "color":
        return "a colour: #1f2530, rgb(31, 37, 48) or a CSS name"
    if found := _ENUM.fullmatch(kind):
        return "one of " + ", ".join(word or '""' for word in found[1].split(","))
    if found := _UNIT.fullmatch(kind):
        units = [unit for unit in found[2].split(",") if unit]
        example = f"16{units[0]}" if units and units[0] != "auto" else "16px"
        several = ", one to four of them" if found[3] == "1,4" else ""
        return f"a measure in {' or '.join(units)}{several}: {example}"
    return {"boolean": "true or false", "integer": "a whole number"}.get(kind, "a text")


def _measure(units: list[str], count: str, *, negative: bool) -> Callable[[str], bool]:
    """A number with its unit, or 0; `count` of them with blanks between ("1", "1,4")."""
    sign, auto = ("-?" if negative else ""), ("|auto" if "auto" in units else "")
    suffixes = "|".join(re.escape(unit) for unit in units if unit != "auto")
    one = rf"(?:{sign}\d*\.?\d+(?:{suffixes})|0{auto})"
    least, _, most = count.partition(",")
    pattern = re.compile(rf"{one}(?: {one}){{{int(least) - 1},{int(most or least) - 1}}}")
    return lambda value: bool(pattern.fullmatch(value))


@cache
def _table() -> dict[str, dict[str, dict[str, dict[str, str]]]]:
    text = (files("newsletter.render.mjml") / "components.json").read_text(encoding="utf-8")
    read: dict[str, dict[str, dict[str, dict[str, str]]]] = json.loads(text)
    return read
