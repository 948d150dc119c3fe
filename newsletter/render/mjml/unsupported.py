"""What MJML has and mrml does not do, or does otherwise: said, not left out in silence."""

from collections.abc import Iterable, Iterator

from newsletter.render.mjml.fault import Fault
from newsletter.render.mjml.tree import Element

_TAKE_OUT = "take it out: the engine drops it"
_ATTRIBUTES = {
    "mj-button": {"title": _TAKE_OUT},
    "mj-image": {"sizes": _TAKE_OUT},
    "mj-hero": {"inner-padding": "give the components in it their padding"},
    "mj-section": {"gutter": "give the columns a padding"},
    "mj-table": {"role": "write the whole <table> into <mj-text>: there it keeps its role"},
    "mj-wrapper": {"gap": "give the sections in it a padding", "gutter": "give the columns a padding"},
}
_SUSPECT = frozenset({"mj-html-attributes", *_ATTRIBUTES})


def unsupported(letter: Iterable[Element]) -> list[Fault]:
    """A finding (T127) for each use of what this engine can't do."""
    return [fault for one in letter if one.name in _SUSPECT for fault in _of(one)]


def _of(element: Element) -> Iterator[Fault]:
    if element.name == "mj-html-attributes":
        hint = "write the attributes where the HTML stands, in <mj-text> or <mj-raw>"
        yield Fault("T127", "<mj-html-attributes> is not supported here", element.at, hint)
    for name, hint in _ATTRIBUTES.get(element.name, {}).items():
        if name in element.attributes:
            message = f"<{element.name}>: `{name}` is not supported here"
            yield Fault(
                "T127", message, element.written[name].at if name in element.written else element.at, hint
            )
    if element.name == "mj-hero":
        yield from _hero(element)


def _hero(element: Element) -> Iterator[Fault]:
    if element.attributes.get("mode") == "fluid-height":
        hint = 'mode="fixed-height" and a height'
        yield Fault(
            "T127", "<mj-hero>: only a fixed height is supported here", element.place_of("mode"), hint
        )
    sides = element.attributes.get("padding", "").split()
    side = sides[1:2] or sides[:1]
    given = [
        *side,
        *sides[3:4],
        *(element.attributes.get(name, "0") for name in ("padding-left", "padding-right")),
    ]
    if any(value not in ("0", "0px", "") for value in given):
        hint = "give the components in it their padding: Outlook would draw them wider than the picture"
        yield Fault(
            "T127",
            "<mj-hero>: a padding at its sides is not supported here",
            element.place_of("padding"),
            hint,
        )
