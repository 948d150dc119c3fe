"""A tree of MJML held against the component table: unknown components, wrong nesting, attributes, values."""

import functools
from collections.abc import Iterator, Mapping, Sequence

from newsletter.errors import did_you_mean, nearest
from newsletter.render.deferral.tokens import Tokens
from newsletter.render.mjml.components import DEFAULTS, EVERYWHERE, components, parents_of, spoken, takes
from newsletter.render.mjml.fault import Fault, short
from newsletter.render.mjml.scan import Tag
from newsletter.render.mjml.tree import CONDITION, Element

_COUNTS = ("mj-section", "mj-group", "mj-social", "mj-carousel")  # divide their width among their children
_COUNTED = ("mj-column", "mj-group", "mj-social-element", "mj-carousel-image")
_SAYING = frozenset(
    {"href", "src", "alt", "title", "css-class", "lang", "dir"}
)  # held against positions later


def validate(letter: Sequence[Element], tokens: Tokens | None = None) -> list[Fault]:
    """All that the official validator would say of an arranged tree, and what mrml would drop besides.

    letter: the elements of the tree, their attributes still as their author wrote them
    tokens: of what depends on the reader, which MJML can't work with
    Each finding once, though a frame of ours may hold a component again.
    """
    faults = [fault for one in letter if not _is_fine(one, tokens) for fault in _of(one, tokens)]
    return list(dict.fromkeys([*faults, *_class_faults(letter), *_inline_faults(letter)]))


def _class_faults(letter: Sequence[Element]) -> Iterator[Fault]:
    """Classes of attributes that nothing defines."""
    asking = [one for one in letter if "mj-class" in one.attributes]
    defined = {one.attributes.get("name", "") for one in letter if one.name == "mj-class"} if asking else ()
    for element in asking:
        for name in element.attributes["mj-class"].split():
            if name not in defined:
                hint = did_you_mean(name, defined, otherwise='<mj-class name="…" /> in <mj-attributes>')
                yield Fault("T125", f"there is no mj-class `{name}`", element.place_of("mj-class"), hint)


def _inline_faults(letter: Sequence[Element]) -> Iterator[Fault]:
    for element in letter:
        if element.name == "mj-style" and element.attributes.get("inline", "inline") != "inline":
            yield Fault(
                "T125",
                "only `inline` makes it a sheet for inlining",
                element.place_of("inline"),
                'inline="inline"',
            )


def _is_fine(element: Element, tokens: Tokens | None) -> bool:
    """Whether there is nothing to say about a component, as about nearly all; quick, and no when in doubt."""
    known = components().get(element.name)
    if known is None or element.name == "mj-attributes":
        return False
    for child in element.children:
        if child.name not in known.holds:
            return False
    if tokens and tokens.stand_in(" ".join(element.attributes.values())):
        return False
    return element.tag is None or _is_fine_tag(element.tag)


def _of(element: Element, tokens: Tokens | None) -> Iterator[Fault]:
    known = components().get(element.name)
    if element.name == "mj-attributes":
        yield from _names(element, {})
        for child in element.children:
            yield from _defaults(child)
        return
    if known is None:
        return  # said by its parent
    yield from _attributes(element, known.attributes, tokens)
    yield from _conditional(element)
    for child in (leaf for one in element.children for leaf in one.leaves()):
        if child.name not in components():
            yield _unknown(child)
        elif child.name not in known.holds:
            yield _misplaced(child, element)


@functools.lru_cache(maxsize=4096)
def _is_fine_tag(tag: Tag) -> bool:
    """Whether nothing is wrong with a known component's attributes, wherever it stands."""
    element = Element(tag.name, dict(tag.values))
    return next(_attributes(element, components()[tag.name].attributes), None) is None


def _conditional(element: Element) -> Iterator[Fault]:
    """What can't depend on the reader, because what stands beside it is worked out by it."""
    for condition in element.children if element.name in _COUNTS else ():
        for leaf in condition.leaves() if condition.name == CONDITION else ():
            if leaf.name in _COUNTED and "width" not in leaf.attributes:
                hint = (
                    "give the columns a width" if leaf.name == "mj-column" else "let it stand in every letter"
                )
                message = (
                    f"<{leaf.name}> can't depend on the reader: what stands beside it is as wide as it leaves"
                )
                yield Fault("T134", message, leaf.at, hint)


def _defaults(element: Element) -> Iterator[Fault]:
    """Default attributes of a component, of a class or of all."""
    if element.name in DEFAULTS:
        yield from _names(element, _every_attribute())
        if element.name == "mj-class" and "name" not in element.attributes:
            yield Fault("T124", "<mj-class> has no name", element.at, 'name="…", which mj-class="…" asks for')
        for child in element.children:
            yield Fault(
                "T127",
                f"<mj-class> with <{child.name}> in it is not supported here",
                child.at,
                "write the attributes into <mj-class> itself, one class for each component",
            )
        return
    known = components().get(element.name)
    if known is None:
        yield _unknown(element)
        return
    if element.tag is None or not _is_fine_tag(element.tag):
        yield from _attributes(element, known.attributes)
    for child in element.children:
        yield _misplaced(child, element)


@functools.cache
def _every_attribute() -> Mapping[str, str]:
    """What any component has, and the name of a class."""
    every = {name: kind for one in components().values() for name, kind in one.attributes.items()}
    return {**every, "name": "string"}


def _attributes(element: Element, kinds: Mapping[str, str], tokens: Tokens | None = None) -> Iterator[Fault]:
    yield from _names(element, kinds)
    for name, value in element.attributes.items():
        kind = kinds.get(name, "string")
        if tokens and name not in _SAYING and tokens.stand_in(value):
            message = (
                f"`{name}` of <{element.name}> can't depend on the reader: it decides how the letter looks"
            )
            yield Fault(
                "T134", message, element.place_of(name), "let a condition stand around two components"
            )
        elif kind != "string" and not takes(kind)(value):
            message = f'<{element.name}>: {name}="{short(value, 30)}" is no value for it'
            yield Fault("T125", message, element.place_of(name), spoken(kind))


def _names(element: Element, kinds: Mapping[str, str]) -> Iterator[Fault]:
    for name in element.attributes:
        if name not in kinds and name not in EVERYWHERE:
            attribute = element.written.get(name)
            hint = did_you_mean(name, kinds, otherwise="take it out: it would do nothing")
            message = f"<{element.name}> has no attribute `{name}`"
            yield Fault("T124", message, attribute.at if attribute else element.at, hint)


def _unknown(element: Element) -> Fault:
    message = f"there is no component <{element.name}>"
    if element.name == "mj-include":
        hint = "write <mj-include> into a template's file; it is not worked out while rendering"
    elif element.name.startswith("mj"):
        guess = nearest(element.name, components())
        hint = f"did you mean <{guess}>?" if guess else "https://documentation.mjml.io has all of them"
    else:
        message = f"<{element.name}> stands outside of a component"
        hint = "HTML goes into <mj-text>, or <mj-raw>"
    return Fault("T121", message, element.at, hint)


def _misplaced(child: Element, parent: Element) -> Fault:
    allowed = components()[parent.name].children if parent.name in components() else ()
    homes = ", ".join(f"<{name}>" for name in parents_of(child.name))
    inside = ", ".join(f"<{name}>" for name in allowed or ())
    hint = f"it stands in {homes}" if homes else f"<{parent.name}> takes {inside or 'nothing'}"
    at = child.at if child.at is not None else parent.at
    return Fault("T122", f"<{child.name}> can't stand in <{parent.name}>", at, hint)
