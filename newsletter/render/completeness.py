"""What a letter must not lose: what the author wrote or may write, and the way to unsubscribe."""

from collections.abc import Iterable, Iterator, Mapping

from newsletter.errors import Place, Problem, Severity
from newsletter.render import tree
from newsletter.render.declarations import Declaration, Type
from newsletter.render.names import mentions
from newsletter.render.templates import Family

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


def no_way_out(body: tree.Body, families: Iterable[Family], place: Place) -> Iterator[Problem]:
    """A warning if neither templates nor author print the link to unsubscribe."""
    by_author = any("unsubscribe" in expression.source for expression in body.expressions)
    if not by_author and not any(mentions(family.trees.values(), "unsubscribe") for family in families):
        yield Problem(
            "T114",
            "the letter shows no way to unsubscribe",
            place,
            'print <a href="{{ links.unsubscribe }}">…</a> in the template',
            Severity.WARNING,
        )


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
