"""Authors' own Jinja compiled: subject, preheader and body, their names checked, their lines remembered."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from jinja2 import Template, TemplateSyntaxError

from newsletter.errors import Place, Problem
from newsletter.files.project import Project
from newsletter.render import tree
from newsletter.render.environment import Sandbox
from newsletter.render.names import NameCheck
from newsletter.render.origin import Line, Origin, syntax_problem
from newsletter.render.pieces import Plan
from newsletter.render.program import (
    CALLBACKS,
    PRIVATE,
    Spelling,
    each_source,
    lines_of,
    spelled,
    write_program,
)


class Sources:
    """Compiles authors' sources in the two forms; collects problems, and origins for what fails later."""

    def __init__(
        self, project: Project, html: Sandbox, text: Sandbox, roots: Mapping[str, Any] | None = None
    ) -> None:
        """roots: the names that every source may read; None for what was checked before"""
        self._project = project
        self._html = html
        self._text = text
        self._roots = roots
        self.problems: list[Problem] = []
        self.origins: dict[str, Origin] = {}

    def line(self, key: str, source: str, place: Place) -> Template | None:
        """The value of a front-matter key; None with a problem."""
        origin = Origin([Line(self._behind_quotes(place, source), source)])
        try:
            if self._roots is not None:
                parsed = self._text.parse(source, None, f"({key})")
                self.problems += NameCheck(self._text, self._roots).problems(parsed, origin)
            return self._compiled(self._text, source, f"({key})", origin)
        except TemplateSyntaxError as error:
            self.problems.append(syntax_problem(error, origin, self._text))
            return None

    def body(self, plan: Plan, body: tree.Body) -> tuple[Template, Template] | None:
        """The body as a program for the HTML and one for the text part; None with problems.

        The same expressions stand in both: what is wrong is said once.
        """
        before = len(self.problems)
        for expression in body.expressions:
            for name in self._private(expression.source):
                self.problems.append(
                    Problem("M102", f"there is no `{name}` here", expression.place, "take another name")
                )
        for source in each_source(plan) if self._roots is not None else ():
            if "{%" in source.html:
                self._check_alone(spelled(source, as_text=False), source.place, body)
        if len(self.problems) > before:
            return None
        html = self._program(plan, body, as_text=False)
        text = self._program(plan, body, as_text=True) if html else None
        return (html, text) if html and text else None

    def _private(self, source: str) -> Iterator[str]:
        """Names that only the program itself may use; fields of a person may be called so."""
        try:
            lexed = [one for one in self._html.lex(source) if one[1] != "whitespace"]
        except TemplateSyntaxError:  # told when it is compiled
            return
        for (_, _, before), (_, kind, name) in itertools.pairwise(lexed):
            if kind == "name" and name.startswith(PRIVATE) and before != ".":
                yield name

    def _program(self, plan: Plan, body: tree.Body, *, as_text: bool) -> Template | None:
        environment = self._text if as_text else self._html
        spelling = Spelling(as_text=as_text, whole=environment.marks)
        written, origin = write_program(plan, body.expressions, spelling)
        file = "(body as text)" if as_text else "(body)"
        try:
            if not as_text and self._roots is not None:
                parsed = environment.parse(written, None, file)
                roots = {**self._roots, **dict.fromkeys(CALLBACKS)}
                self.problems += NameCheck(environment, roots).problems(parsed, origin)
            return self._compiled(environment, written, file, origin)
        except TemplateSyntaxError as error:
            self.problems.append(syntax_problem(error, origin, environment))
            return None

    def _check_alone(self, source: str, place: Place, body: tree.Body) -> None:
        """Each text is whole in itself: a condition does not open in one and close in another."""
        origin, written = lines_of(source, place, body.expressions)
        try:
            self._html.parse(written)
        except TemplateSyntaxError as error:
            self.problems.append(syntax_problem(error, origin, self._html))

    def _compiled(self, environment: Sandbox, source: str, file: str, origin: Origin) -> Template:
        self.origins[file] = origin
        code = environment.compile(source, None, file)
        return Template.from_code(environment, code, environment.make_globals(None))

    def _behind_quotes(self, place: Place, value: str) -> Place:
        """Where a value's first character stands, if the file's line holds it as it is."""
        if place.line is None or place.column is None or not value:
            return place
        lines = self._project.read_text(place.file).split("\n")
        line = lines[place.line - 1] if place.line <= len(lines) else ""
        found = line.find(value, place.column - 1)
        return Place(place.file, place.line, found + 1) if found >= 0 else place
