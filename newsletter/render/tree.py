"""The author's body as a tree: sections, and the parts that stand in them in the author's order.

"Jinja source" means text that is ready for Jinja (with `trim_blocks` and `lstrip_blocks` off): Markdown is done, the
author's own expressions stand in it as written, and everything else is literal. In an `html` field literal text is
HTML-escaped and the source is to be run with autoescape on; in a `text` field, a `title`, `label`, `alt` or `href`
it is plain and is to be run with autoescape off. Strip blank lines at both ends of what a `text` yields.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from newsletter.errors import Place, Problem


@dataclass(frozen=True, slots=True)
class Part:
    """Something with a place; inside a snippet the place names the snippet's file."""

    place: Place

    @property
    def file(self) -> str:
        return self.place.file

    @property
    def line(self) -> int:
        return self.place.line or 1

    @property
    def column(self) -> int:
        return self.place.column or 1


@dataclass(frozen=True, slots=True)
class Text(Part):
    """Paragraphs, lists, quotes, tables, `###` headings between other parts."""

    html: str
    text: str


@dataclass(frozen=True, slots=True)
class Picture(Part):
    """A picture alone in its paragraph, or the value of an `image` field."""

    source: str  # as written
    alt: str  # Jinja source, plain
    attributes: Mapping[str, str] = field(default_factory=dict)  # Jinja source, plain
    link: str | None = None  # Jinja source, plain

    @property
    def lacks_words(self) -> bool:
        """Whether it says nothing to whoever does not see it, and nobody said that it only decorates."""
        return not self.alt.strip() and "decorative" not in self.attributes


@dataclass(frozen=True, slots=True)
class Button(Part):
    """A bold link alone in its paragraph."""

    label_html: str
    label: str
    href: str  # Jinja source, plain


@dataclass(frozen=True, slots=True)
class Field(Part):
    """`name: value` in a block; the place is the value's first character."""

    value: str  # the author's text: Jinja in it, Markdown not done, continuation lines dedented
    lines: tuple[Place, ...] = ()  # where each line of the value begins in the file


@dataclass(frozen=True, slots=True)
class Block(Part):
    """`::: name` with its fields; an outer block holds inner ones."""

    name: str
    fields: Mapping[str, Field]
    children: "tuple[Item, ...]" = ()


@dataclass(frozen=True, slots=True)
class Only(Part):
    """`::: only SEGMENT`: parts for whoever is in the segment, or with `not` for everybody else."""

    segment: str
    negated: bool
    items: "tuple[Item, ...]" = ()


@dataclass(frozen=True, slots=True)
class Control(Part):
    """One Jinja statement alone on its line between parts; openers and closers balance within each tuple of items."""

    source: str  # "{% if … %}"


Item: TypeAlias = Text | Picture | Button | Block | Only | Control


@dataclass(frozen=True, slots=True)
class Section(Part):
    """`## Title {.kind}` and what follows; the intro and the closing have neither title nor kind."""

    title_html: str = ""
    title: str = ""
    kind: str | None = None
    kind_place: Place | None = None
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Expression(Part):
    """One `{{ … }}` or `{% … %}` as written, at its first brace."""

    source: str


@dataclass(frozen=True, slots=True)
class Body:
    intro: Section
    sections: tuple[Section, ...]
    closing: Section
    expressions: tuple[Expression, ...] = ()  # all of them, those in fields and snippets included
    snippets: tuple[str, ...] = ()  # files of the snippets used, each once, in order


@dataclass(frozen=True, slots=True)
class Marked:
    """Markdown made of one text, for a block's `markdown` fields."""

    html: str
    text: str
    expressions: tuple[Expression, ...] = ()
    problems: tuple[Problem, ...] = ()
