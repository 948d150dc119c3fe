"""What a text template sets on the line of a field: how much narrower the field's lines have to be."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from jinja2 import nodes

from newsletter.render.plaintext import FIELD_OF_A_READER


@dataclass(frozen=True, slots=True)
class Margin:
    """Columns that are taken on a field's line; only its first line has those before it."""

    before: int = 0
    behind: int = 0


def margins(template: nodes.Template | None, fields: Iterable[str]) -> dict[str, Margin]:
    """Each name that a block's text template prints, with the widest that ever stands beside it.

    template: None for a block that has none: its fields stand as `Name: value`
    Whatever else is printed on the line counts as a merge field does: nobody knows yet how long it is.
    """
    if template is None:
        return {name: Margin(len(name) + len(": ")) for name in fields}
    found: dict[str, Margin] = {}
    column = 0
    open_names: list[str] = []  # printed on this line
    for text, name in _printed(template):
        if name is None:
            first, *more = text.split("\n")
            for one in open_names:
                found[one] = Margin(found[one].before, max(found[one].behind, len(first)))
            if more:
                open_names.clear()
            column = len(more[-1]) if more else column + len(first)
        else:
            known = found.get(name, Margin())
            found[name] = Margin(max(known.before, column), known.behind)
            open_names = [name]
            column += FIELD_OF_A_READER
    return found


def _printed(node: nodes.Node) -> Iterator[tuple[str, str | None]]:
    """Literal text, or the name that is printed, in the order of the file."""
    if isinstance(node, nodes.TemplateData):
        yield node.data, None
    elif isinstance(node, nodes.Output):
        for part in node.nodes:
            if isinstance(part, nodes.TemplateData):
                yield part.data, None
            else:
                name = next(
                    (one.name for one in [part, *part.find_all(nodes.Name)] if isinstance(one, nodes.Name)),
                    "",
                )
                yield "", name
    else:
        for child in node.iter_child_nodes():
            yield from _printed(child)
