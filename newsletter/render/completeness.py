"""What a letter must not lose: what the author wrote or may write."""

import re
from collections.abc import Iterable, Iterator, Mapping

from jinja2 import nodes

from newsletter.errors import Place, Problem, Severity, did_you_mean
from newsletter.render import tree
from newsletter.render.declarations import Declaration, Type
from newsletter.render.names import mentions
from newsletter.render.templates import Family, relative_name

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_READ = (Type.TEXT, Type.MARKDOWN)  # a text part without them is not the whole letter


def lost_parts(body: tree.Body, frames: Mapping[str, Family]) -> Iterator[Problem]:
    """What a template does not print of what the author wrote would be gone without a word.

    frames: the templates of the HTML and of the text part, by file
    """
    written = {"intro": _parts(body.intro), "sections": body.sections, "closing": _parts(body.closing)}
    for file, family in frames.items():
        for name, parts in written.items():
            if parts and not mentions(family.trees.values(), name):
                hint = (
                    "let it print `sections`" if name == "sections" else f"print {{{{ {name}.body }}}} in it"
                )
                yield Problem("T113", f"`{file}` prints no {name}: this would be lost", parts[0].place, hint)


def unprinted(
    declaration: Declaration, frames: Iterable[Family], blocks: Mapping[str, Family]
) -> Iterator[Problem]:
    """A warning for each declared value that nothing prints: what an author writes there would be gone.

    declaration: of the letter; its attributes are those that pictures may have
    frames: the templates of the HTML; blocks: by name, with their text templates
    """
    everything = [read for family in (*frames, *blocks.values()) for read in family.trees.values()]
    values = {name: want.place for name, want in declaration.data.items()} | dict(declaration.attributes)
    for name, place in values.items():
        if not mentions(everything, name):
            yield _unprinted(f"no template prints `{name}`", name, place)
    for block in blocks.values():
        for name, want in block.sources[0].declaration.fields.items():
            for suffix in (".mjml", ".txt") if want.type in _READ else (".mjml",):
                printing = [read for file, read in block.trees.items() if file.endswith(suffix)]
                if printing and not (mentions(printing, name) or mentions(printing, "fields")):
                    file = block.sources[0].file.removesuffix(".mjml") + suffix
                    yield _unprinted(f"`{file}` does not print `{name}`", name, want.place)


def _unprinted(message: str, name: str, place: Place) -> Problem:
    hint = f"print {{{{ {name} }}}} there, or take the line out"
    return Problem("T115", f"{message}: what is written there would be lost", place, hint, Severity.WARNING)


def _parts(section: tree.Section) -> list[tree.Item]:
    return [item for item in section.items if not isinstance(item, tree.Control)]


def outside_of_blocks(family: Family) -> Iterator[Problem]:
    """What stands in a template that extends another one, and not in one of that one's blocks: it is never printed."""
    for source in family.sources:
        above = _blocks_above(source.name, family)
        if above is None:
            continue
        for node in family.trees[source.name].body:
            if isinstance(node, nodes.Block) and node.name not in above:
                place = source.origin.find(node.lineno, rf"\b{re.escape(node.name)}\b")
                hint = did_you_mean(node.name, above, otherwise=f"its blocks: {', '.join(sorted(above))}")
                yield Problem(
                    "T116", f"no template above has a block `{node.name}`: this would be lost", place, hint
                )
            elif lost := _printing(node):
                data = lost.data if isinstance(lost, nodes.TemplateData) else ""
                blank = len(data) - len(data.lstrip())
                place = source.origin.find(lost.lineno + data.count("\n", 0, blank), r"\S")
                yield Problem(
                    "T117",
                    "this stands outside of a block and would be lost",
                    place,
                    "{% block … %} around it",
                )


def _blocks_above(name: str, family: Family) -> set[str] | None:
    """The blocks of all that a template extends; None if it extends nothing."""
    above: set[str] = set()
    extends = next(family.trees[name].find_all(nodes.Extends), None)
    if extends is None:
        return None
    while extends is not None and isinstance(extends.template, nodes.Const):
        name = relative_name(str(extends.template.value), name)
        if name not in family.trees:
            break
        above |= {block.name for block in family.trees[name].find_all(nodes.Block)}
        extends = next(family.trees[name].find_all(nodes.Extends), None)
    return above


def _printing(node: nodes.Node) -> nodes.Node | None:
    """The part of a statement that would print something."""
    if isinstance(node, nodes.Output):
        for one in node.nodes:
            if not isinstance(one, nodes.TemplateData) or _COMMENT.sub("", one.data).strip():
                return one
        return None
    return (
        node
        if isinstance(node, nodes.Include | nodes.For | nodes.If | nodes.CallBlock | nodes.FilterBlock)
        else None
    )
