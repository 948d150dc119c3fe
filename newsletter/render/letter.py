"""The parts of one letter, collected while the body's program runs, and printed when a template asks for them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import Template
from markupsafe import Markup

from newsletter.errors import ChecksFailed, Place, Problem
from newsletter.render.deferral.addresses import as_link
from newsletter.render.deferral.ledger import Deferred, Met
from newsletter.render.deferral.rewrite import CONTROL
from newsletter.render.environment import Names, is_safe_url, shortened
from newsletter.render.filling import says_nothing
from newsletter.render.limits import printed
from newsletter.render.links import refuse_code
from newsletter.render.origin import Origin
from newsletter.render.pieces import Piece, Plan, Shape, Source
from newsletter.render.program import spelled
from newsletter.render.source_map import unmarked
from newsletter.render.text_part import plain_block
from newsletter.render.views import Image, Part, Section, TextPart

_EACH = "let it print the `body` of intro, sections and closing, or each of their parts"

Caller = Callable[[], str]  # what a {% call %} hands over: its body, to be worked out


@dataclass(frozen=True)
class Form:
    """The compiled programs of one form of the letter: the HTML, or the text part."""

    as_text: bool
    body: Template
    frame: Template
    blocks: Mapping[str, Template]  # by name, with text, picture and button; missing ones list their fields
    data: Names
    deferred: Deferred | None = None  # where what depends on the reader is put off


def run(template: Template, context: Mapping[str, Any]) -> str:
    """The template's output. Unlike `Template.render`, leaves the traceback as it is: `failure` reads it."""
    return printed(template.root_render_func(template.new_context(dict(context))))


class Letter:
    """Collects the parts that live for one person while the body's program runs, in one form."""

    def __init__(self, form: Form, plan: Plan, context: Mapping[str, Any]) -> None:
        self._form = form
        self._plan = plan
        self._context = context
        self._make = TextPart if form.as_text else Part
        self._open: list[tuple[Piece, dict[str, Any], Part]] = []
        self._places: dict[int, Place] = {}  # of parts, by id
        self._conditions: dict[int, Met] = {}  # on the reader, by the id of their part
        self.sections: list[Section] = []

    def callbacks(self) -> dict[str, Callable[..., Any]]:
        return {
            "__section": self._section,
            "__title": self._title,
            "__piece": self._piece,
            "__text": self._text,
            "__open": self._begin,
            "__field": self._field,
            "__close": self._close,
            CONTROL: self._condition,
        }

    def refuse_unused(self, origins: Mapping[str, Origin]) -> None:
        """Raises ChecksFailed for what a template neither prints nor looks at.

        T113 for a part, which would be lost; M120 for a condition, without which everybody would read what it is
        about.
        """
        problems = [
            Problem(
                "T113",
                f"{self._who} does not print this: it would be lost",
                self._places.get(id(part)),
                _EACH,
            )
            for section in self.sections
            for part in section.parts
            if not part.used and part.kind != "condition"
        ]
        problems += [
            Problem("M120", f"{self._who} prints what stands here without asking this", place, _EACH)
            for place in self._unasked(origins)
        ]
        if problems:
            raise ChecksFailed(*dict.fromkeys(problems))

    @property
    def _who(self) -> str:
        return "the text part's template" if self._form.as_text else "the template"

    def _unasked(self, origins: Mapping[str, Origin]) -> Iterator[Place]:
        """Where the conditions on the reader stand that are not printed, though parts beside them are."""
        for parts in self._siblings():
            if not any(part.used for part in parts if part.kind != "condition"):
                continue
            for part in parts:
                met = self._conditions.get(id(part))
                if met and not part.used and met.site.file in origins:
                    yield origins[met.site.file].find(met.site.line, r"\{%")

    def _siblings(self) -> Iterator[list[Part]]:
        waiting = [section.parts for section in self.sections]
        while waiting:
            parts = waiting.pop()
            yield parts
            waiting += [part.children for part in parts if part.children]

    def _section(self, number: int) -> str:
        self.sections.append(Section("", self._plan.sections[number].kind))
        return ""

    def _content(self, source: Source, caller: Caller | None) -> str:
        """What a source comes to; what is the same for everybody, the program does not hand over."""
        if caller:
            return caller()
        still = spelled(source, as_text=self._form.as_text)
        return still if self._form.as_text else Markup(still)  # noqa: S704  (escaped as it was read)

    def _title(self, number: int, caller: Caller | None = None) -> str:
        source = self._plan.sections[number].title
        self.sections[-1].title = self._stripped(self._content(source, caller))
        return ""

    def _text(self, number: int, caller: Caller | None = None) -> str:
        piece = self._plan.pieces[number]
        content = self._stripped(self._content(piece.sources["html"], caller))
        if content:
            if not self._form.as_text:
                self._refuse_code(content, piece.place)
            name = "text" if self._form.as_text else "html"
            self._add_if_any(self._part(piece, {name: content}), content)
        return ""

    def _refuse_code(self, content: str, place: Place) -> None:
        refuse_code(content, place, self._form.deferred.tokens if self._form.deferred else None)

    def _add_if_any(self, part: Part, content: str) -> None:
        """A text that is empty for some readers: they have no part there, as they would not in a whole letter."""
        deferred = self._form.deferred
        if deferred is None or self._form.as_text or deferred.is_settled(content):
            self._add(part)
            return
        begin, end = deferred.unless_empty(content)
        self._condition(begin)
        self._add(part)
        self._condition(end)

    def _piece(self, number: int) -> str:
        """A piece with all in it, where nothing has to be worked out."""
        piece = self._plan.pieces[number]
        if piece.kind == "text":
            return self._text(number)
        self._begin(number)
        for name in piece.sources:
            self._field(name)
        for child in piece.children:
            if isinstance(child, Piece):
                self._piece(child.number)
        return self._close()

    def _begin(self, number: int) -> str:
        piece = self._plan.pieces[number]
        fields = dict(piece.values)
        self._open.append((piece, fields, self._part(piece, fields)))
        return ""

    def _part(self, piece: Piece, fields: Mapping[str, Any]) -> Part:
        section = self.sections[-1]
        part = self._make(piece.kind, piece.name, fields, section, self._print, first=piece.first)
        self._places[id(part)] = piece.place
        return part

    def _field(self, name: str, caller: Caller | None = None) -> str:
        piece, fields, _ = self._open[-1]
        source = piece.sources[name]
        fields[name] = self._value(source, self._content(source, caller), name)
        return ""

    def _close(self) -> str:
        self._add(self._open.pop()[2])
        return ""

    def _condition(self, token: str) -> str:
        """A condition on the reader that is put off stands between the parts like one of them."""
        met = self._form.deferred.met_by(token) if self._form.deferred else None
        name = met.site.kind.name.lower() if met else "condition"
        part = self._make("condition", name, {}, self.sections[-1], lambda _part: token)
        if met:
            self._conditions[id(part)] = met
        self._add(part)
        return ""

    def _add(self, part: Part) -> None:
        (self._open[-1][2].children if self._open else self.sections[-1].parts).append(part)

    def _refuse_doubt(self, part: Part) -> None:
        """A block without a text template leaves out its empty fields: so it has to be known now which are empty."""
        for name, value in part.fields.items() if self._form.deferred else ():
            if self._form.deferred and not self._form.deferred.is_settled(value):
                message = (
                    f"`{name}` may be empty for some readers, and `{part.name}` leaves out what is empty"
                )
                hint = f"write templates/blocks/{part.name}.txt, or {{{{ … or 'another word' }}}}"
                raise ChecksFailed(Problem("M120", message, self._places.get(id(part)), hint))

    def _stripped(self, content: str) -> str:
        if self._form.as_text:
            return "" if says_nothing(content) else content.strip("\n")
        return Markup(content.strip(" \t\r\n\f"))  # noqa: S704  (rendered with autoescape)

    def _value(self, source: Source, content: str, name: str) -> Any:
        if source.shape is Shape.HTML:
            if not self._form.as_text:
                self._refuse_code(content, source.place)
            return self._stripped(content)
        # Escaped here like everything in the HTML's program; templates get the text itself and escape it again.
        content = unmarked(content)
        plain = content.strip() if self._form.as_text else Markup(content).unescape().strip()  # noqa: S704
        deferred = self._form.deferred
        if source.shape is Shape.URL and deferred and deferred.holds(plain):
            return as_link(plain, deferred, required=source.required)
        if deferred and deferred.holds(plain):
            plain = deferred.settle("trim", plain)
        if source.shape is Shape.IMAGE and source.picture:
            return Image(source.picture, plain, as_text=self._form.as_text)
        merged = "{" in source.html and (plain or source.required)
        if source.shape is Shape.URL and merged and not is_safe_url(plain):
            raise ChecksFailed(
                Problem(
                    "M107",
                    f"`{name}` becomes `{shortened(plain)}`, no address for a link",
                    source.place,
                    "let it begin with https://, or give a filter what to use instead: | safe_url('https://…')",
                )
            )
        return plain

    def _print(self, part: Part) -> str:
        template = self._form.blocks.get(part.name)
        if template is None:
            self._refuse_doubt(part)
            return plain_block(part)
        own = {"part": part, "first": part.first, "children": part.children, "body": part.body}
        printed = run(template, {**self._context, "section": part.section, **own, **part.fields})
        return printed.strip("\n") if self._form.as_text else Markup(printed)  # noqa: S704  (autoescape)
