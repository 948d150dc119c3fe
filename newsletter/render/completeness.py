"""What a letter must not lose: what the author wrote, and the way to unsubscribe."""

from collections.abc import Iterable, Iterator, Mapping

from newsletter.errors import Place, Problem, Severity
from newsletter.render import tree
from newsletter.render.names import mentions
from newsletter.render.templates import Family


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


def _parts(section: tree.Section) -> list[tree.Item]:
    return [item for item in section.items if not isinstance(item, tree.Control)]
