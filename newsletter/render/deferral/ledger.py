"""What one composition has put off: expressions and conditions of templates, and each time they were met."""

import copy
import dataclasses
import datetime as dt
import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jinja2 import Undefined, nodes
from markupsafe import Markup

from newsletter.render.deferral.tokens import Kind, Tokens
from newsletter.render.filling import says_nothing

Plain = str | int | float | bool | None | dt.date | dt.time | list[Any] | tuple[Any, ...] | dict[str, Any]


# Filters in what is left to render: an answer by decree, what `{{ }}` makes of a value, a header's text, parameters of
# the campaign on an address and on those in a text.
FORCE, PRINTED, ONE_LINE, TAGGED, TAGGED_TEXT = (
    "__force",
    "__printed",
    "__one_line",
    "__tagged",
    "__tagged_text",
)

_numbers = itertools.count()  # for all compositions: what was compiled once serves many of them


class Refused(ValueError):
    """Something that can't be put off; the text says what, `hint` what to write instead."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True)
class Site:
    """One expression, condition or loop in a template."""

    kind: Kind
    node: (
        nodes.Node | None
    )  # an expression; a For without body; an If for `unless_empty`; None for else and for ends
    file: str  # as given to Jinja
    line: int
    key: str  # what a proof calls a condition or a loop; else empty
    again: bool = False  # says in another form what was met before


@dataclass(frozen=True)
class Met:
    """A site met while the letter was made, with what the campaign's names were at that moment."""

    site: Site
    names: Mapping[str, str]  # captured name -> name of its value in `Deferred.constants`


@dataclass
class Deferred:
    """All that one composition puts off."""

    tokens: Tokens = field(init=False)
    sites: dict[str, Site] = field(default_factory=dict)  # by template and number
    met: list[Met] = field(default_factory=list)
    constants: dict[str, Plain] = field(default_factory=dict)
    refused: list[tuple[str, int, Refused]] = field(default_factory=list)  # file and line, as given to Jinja
    _known: dict[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tokens = Tokens(around=self.unless_empty)

    def site(self, kind: Kind, node: nodes.Node | None, file: str, line: int, key: str = "") -> str:
        name = f"{file}#{next(_numbers)}"
        self.sites[name] = Site(kind, node, file, line, key)
        return name

    def meet(self, name: str, values: Mapping[str, Any]) -> str:
        """A token for this site, with the values that hold here. Raises Refused for what is no plain data."""
        site = self.sites[name]
        self.met.append(Met(site, {name: self._constant(value) for name, value in values.items()}))
        return Markup(self.tokens.write(site.kind, len(self.met) - 1))  # noqa: S704  (letters and digits)

    def met_by(self, token: str) -> Met:
        """What a single token stands for."""
        (found,) = self.tokens.find(token)
        return self.met[int(found["number"])]

    def unless_empty(self, content: str) -> tuple[str, str]:
        """The tokens around what stands in the letter only for readers to whom this content says something."""
        found = next(self.tokens.find(content))
        site = self.met[int(found["number"])].site
        asked = nodes.If(nodes.TemplateData(content), [], [], [], lineno=1)
        begin, end = (
            self.site(kind, node, site.file, site.line)
            for kind, node in ((Kind.OPEN, asked), (Kind.CLOSE, None))
        )
        return self.meet(begin, {}), self.meet(end, {})

    def holds(self, value: object) -> bool:
        """Whether a token is in a value, or in what it holds."""
        if isinstance(value, str):
            return self.tokens.stand_in(value)
        if isinstance(value, list | tuple):
            return any(self.holds(item) for item in value)
        if isinstance(value, dict):
            return any(self.holds(item) for item in value.values())
        return False

    def plain(self, value: Any) -> Any:
        """The value, for whatever looks at it now. Raises Refused if it depends on the reader."""
        if self.holds(value):
            raise Refused(
                "this looks at a text that differs from reader to reader",
                "print it as it is, and let a condition on the reader stand around the whole",
            )
        return value

    def owner(self, value: Any) -> Any:
        """Likewise for what is asked for one of its values, which is looked at where it is used."""
        return self.plain(value) if isinstance(value, str) else value

    def is_settled(self, value: Any) -> bool:
        """Whether it is known now if a value is empty."""
        return not isinstance(value, str) or not self.tokens.stand_in(value) or self._always(value)

    def truth(self, value: Any) -> Any:
        """Likewise for a condition, which may know that a text is not empty for anybody."""
        return value if isinstance(value, str) and self.is_settled(value) else self.plain(value)

    def lift(self, name: str, file: str, line: int, text: str, *arguments: Any) -> str:
        """A filter on a text that holds tokens, put off in its turn. Raises Refused for a loop in the text."""
        given = [nodes.Name(self._constant(value), "load", lineno=1) for value in arguments]
        node = nodes.Filter(self._expression(text), name, [*given], [], None, None, lineno=1)
        return self.meet(self.site(Kind.VALUE, node, file, line), {})

    def settle(self, name: str, text: str) -> str:
        """A filter on a text, now or, if the text holds tokens, later; the text as it is if it can't wait."""
        found = next(self.tokens.find(text), None)
        if found is None:
            raise ValueError("nothing in this text waits for the reader")
        site = self.met[int(found["number"])].site
        try:
            token = self.lift(name, site.file, site.line, text)
        except Refused:
            return text
        number = len(self.met) - 1
        self.met[number] = dataclasses.replace(
            self.met[number], site=dataclasses.replace(self.met[number].site, again=True)
        )
        return token

    def _expression(self, text: str) -> nodes.Expr:
        """What a text comes to, as one expression. Raises Refused for a loop."""
        branches: list[list[_Branch]] = [[_Branch(None, [])]]
        end = 0
        for found in self.tokens.find(text):
            self._keep(text[end : found.start()], branches[-1][-1].parts)
            end = found.end()
            met = self.met[int(found["number"])]
            node = renamed(met.site.node, met.names)
            if isinstance(node, nodes.For):
                self.plain(text)
            if met.site.key:
                node = _filtered(node, FORCE, nodes.Const(met.site.key))
            kind = Kind(found["kind"])
            if kind is Kind.VALUE:
                branches[-1][-1].parts.append(_filtered(node, PRINTED))
            elif kind is Kind.OPEN:
                branches.append([_Branch(node, [])])
            elif kind is Kind.MIDDLE:
                branches[-1].append(_Branch(node, []))
            elif len(branches) == 1:
                self.plain(text)
            else:
                chosen = _choice(branches.pop())
                branches[-1][-1].parts.append(chosen)
        self._keep(text[end:], branches[-1][-1].parts)
        if len(branches) > 1:
            self.plain(text)
        return _joined(branches[0][0].parts)

    def _keep(self, text: str, parts: list[nodes.Expr]) -> None:
        if text:
            parts.append(nodes.Name(self._constant(text), "load", lineno=1))

    def _always(self, text: str) -> bool:
        """Whether something of a text is printed for every reader."""
        depth, end = 0, 0
        for found in self.tokens.find(text):
            if depth == 0 and (not says_nothing(text[end : found.start()]) or self._is_never_empty(found)):
                return True
            depth += {Kind.OPEN: 1, Kind.CLOSE: -1}.get(Kind(found["kind"]), 0)
            end = found.end()
        return depth == 0 and not says_nothing(text[end:])

    def _is_never_empty(self, token: re.Match[str]) -> bool:
        met = self.met[int(token["number"])]

        def certain(node: nodes.Node | None) -> bool:
            if (
                isinstance(node, nodes.Name)
                and (name := met.names.get(node.name, node.name)) in self.constants
            ):
                return bool(str(self.constants[name] or "").strip())
            if isinstance(node, nodes.Const):
                return bool(str(node.value or "").strip())
            if isinstance(node, nodes.Or):
                return certain(node.right)
            if isinstance(node, nodes.CondExpr):
                return certain(node.expr1) and certain(node.expr2)
            if isinstance(node, nodes.Concat):
                return any(certain(one) for one in node.nodes)
            if isinstance(node, nodes.Filter) and node.name in (PRINTED, "trim", ONE_LINE):
                return certain(node.node)
            return isinstance(node, nodes.Expr) and is_link(node)

        return token["kind"] == Kind.VALUE and certain(met.site.node)

    def _constant(self, value: Any) -> str:
        if isinstance(value, Undefined):
            str(value)  # raises, in its own words
        if not _is_plain(value):
            kind = type(value).__name__
            raise Refused(f"a {kind} can't be kept for the reader", "print one of its values")
        if self.holds(value):
            self.plain(value)
        key = (type(value).__name__, repr(value))
        if key not in self._known:
            self._known[key] = name = f"k{len(self.constants)}"
            self.constants[name] = copy.deepcopy(value)
        return self._known[key]


@dataclass(frozen=True)
class _Branch:
    """One of a condition's ways; no test for what stands behind `else`, and for what stands in none."""

    test: nodes.Expr | None
    parts: list[nodes.Expr]


def _choice(branches: list[_Branch]) -> nodes.Expr:
    *before, last = branches
    chosen = _joined(last.parts)
    if last.test is not None:
        chosen = nodes.CondExpr(last.test, chosen, nodes.Const("", lineno=1), lineno=1)
    for branch in reversed(before):
        chosen = nodes.CondExpr(branch.test, _joined(branch.parts), chosen, lineno=1)
    return chosen


def _joined(parts: list[nodes.Expr]) -> nodes.Expr:
    if len(parts) == 1:
        return parts[0]
    return nodes.Concat(parts, lineno=1) if parts else nodes.Const("", lineno=1)


def _filtered(node: Any, name: str, *arguments: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(node, name, [*arguments], [], None, None, lineno=1)


def renamed(node: Any, names: Mapping[str, str]) -> Any:
    """A copy in which names of values are others."""
    if isinstance(node, list):
        return [renamed(one, names) for one in node]
    if isinstance(node, nodes.Name) and node.name in names:
        return nodes.Name(names[node.name], node.ctx, lineno=1)
    if not isinstance(node, nodes.Node):
        return node
    return type(node)(*(renamed(getattr(node, one), names) for one in node.fields), lineno=1)


def is_link(node: nodes.Node | None) -> bool:
    """Whether it is an address that the program makes."""
    return isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name) and node.node.name == "links"


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_plain(item) for item in value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    return value is None or isinstance(value, str | int | float | dt.date | dt.time)
