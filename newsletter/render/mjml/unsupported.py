"""What MJML has and mrml does not do, or does otherwise: said, not left out in silence."""

from collections.abc import Iterator

from newsletter.render.mjml.fault import Fault
from newsletter.render.mjml.tree import Element


def unsupported(root: Element) -> list[Fault]:
    """A finding (T127) for each use of what this engine can't do."""
    return [fault for element in root.walk() for fault in _of(element)]


def _of(element: Element) -> Iterator[Fault]:
    if element.name == "mj-html-attributes":
        hint = "write the attributes where the HTML stands, in <mj-text> or <mj-raw>"
        yield Fault("T127", "<mj-html-attributes> is not supported here", element.at, hint)
