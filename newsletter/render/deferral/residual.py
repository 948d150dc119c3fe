"""A finished letter with tokens in it becomes static texts and slots: what is left to render for each reader."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jinja2 import Template, nodes

from newsletter.render.deferral.ledger import Deferred, Met, Refused, renamed
from newsletter.render.deferral.rewrite import MEMBER, ROOTS
from newsletter.render.deferral.tokens import Kind
from newsletter.render.environment import Sandbox

Wrap = Callable[[Any, Kind, int], Any]
"""Called with each expression or loop that is left, its kind and the number at which it was met; gives what stands
in its place."""


def as_it_is(node: Any, _kind: Kind, _number: int) -> Any:
    return node


class Torn(ValueError):
    """Tokens that do not come in the order in which they were written; `met` says of what."""

    def __init__(self, message: str, met: Met | None) -> None:
        super().__init__(message)
        self.met = met


@dataclass(frozen=True, slots=True)
class Skeleton:
    """One text: static[0] + value[order[0]] + static[1] + …"""

    static: tuple[str, ...]
    order: tuple[int, ...]  # numbers of slots, of this text alone or of all that share their values

    def pieces(self, values: tuple[str, ...]) -> tuple[str, ...]:
        """What is everybody's and what is this reader's, by turns."""
        parts = [self.static[0]]
        for number, static in zip(self.order, self.static[1:], strict=True):
            parts += (values[number], static)
        return tuple(parts)

    def join(self, values: tuple[str, ...]) -> str:
        return "".join(self.pieces(values))


@dataclass
class Slots:
    """Collects the regions of several texts that depend on the reader; equal ones share a slot."""

    deferred: Deferred
    wrap: Wrap = as_it_is
    regions: list[nodes.Node] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)

    def take(self, text: str) -> Skeleton:
        """Raises Torn for tokens that don't pair up."""
        reading = _Reading(self.deferred, self.wrap)
        static, order = [""], []
        for piece in reading.pieces(text):
            if isinstance(piece, str):
                static[-1] += piece
            else:
                order.append(self._number(piece))
                static.append("")
        return Skeleton(tuple(static), tuple(order))

    def _number(self, region: nodes.Node) -> int:
        key = repr(region)
        if key not in self._numbers:
            self._numbers[key] = len(self.regions)
            self.regions.append(region)
        return self._numbers[key]

    def template(self, environment: Sandbox) -> Template:
        """A Jinja block for each slot, in the order of their numbers. Raises Refused for a name that nobody gives."""
        blocks = [
            nodes.Block(f"s{number}", [region], False, False, lineno=1)
            for number, region in enumerate(self.regions)
        ]
        tree = nodes.Template(blocks, lineno=1)
        tree.set_environment(environment)
        known = {*ROOTS, MEMBER, "loop", *self.deferred.constants, *environment.globals}
        bound = {name.name for name in tree.find_all(nodes.Name) if name.ctx != "load"}
        for name in tree.find_all(nodes.Name):
            if name.name not in known | bound:
                raise Refused(f"`{name.name}` is not known when the reader is", "work it out above")
        code = environment.compile(tree, None, "(slots)")
        return Template.from_code(environment, code, {**environment.globals, **self.deferred.constants})


@dataclass
class _Open:
    """A condition or loop whose end has not come yet."""

    met: Met
    node: nodes.If | nodes.For
    body: list[nodes.Node]  # of the branch that is being read
    before: nodes.Node | None = None  # what its test needs


class _Reading:
    def __init__(self, deferred: Deferred, wrap: Wrap) -> None:
        self._deferred = deferred
        self._wrap = wrap
        self._stack: list[_Open] = []
        self._found: list[str | nodes.Node] = []

    def pieces(self, text: str) -> list[str | nodes.Node]:
        """Static texts and regions, outermost ones."""
        end = 0
        for token in self._deferred.tokens.find(text):
            self._static(text[end : token.start()])
            self._token(Kind(token["kind"]), int(token["number"]))
            end = token.end()
        self._static(text[end:])
        if self._stack:
            raise Torn("it begins here and never ends", self._stack[-1].met)
        return self._found

    def _static(self, text: str) -> None:
        if text and self._stack:
            self._stack[-1].body.append(_written(text))
        elif text:
            self._found.append(text)

    def _region(self, node: nodes.Node) -> None:
        if self._stack:
            self._stack[-1].body.append(node)
        else:
            self._found.append(node)

    def _token(self, kind: Kind, number: int) -> None:
        met = self._deferred.met[number]
        if isinstance(met.site.node, nodes.If):
            self._stack.append(self._unless_empty(met, number))
            return
        node: Any = renamed(met.site.node, met.names)
        node = node and self._wrap(node, kind, number)
        if kind is Kind.VALUE:
            self._region(nodes.Output([node], lineno=1))
        elif kind is Kind.OPEN:
            if isinstance(node, nodes.For):
                self._stack.append(_Open(met, node, node.body))
            else:
                condition = nodes.If(node, [], [], [], lineno=1)
                self._stack.append(_Open(met, condition, condition.body))
        else:
            self._go_on(kind, node, met)

    def _unless_empty(self, met: Met, number: int) -> _Open:
        """A condition that holds if what a text comes to, worked out before, is more than blanks."""
        content = str(getattr(getattr(met.site.node, "test", None), "data", ""))
        name = f"e{number}"
        body = [_written(piece) for piece in _Reading(self._deferred, self._wrap).pieces(content)]
        made = nodes.AssignBlock(nodes.Name(name, "store", lineno=1), None, body, lineno=1)
        said = nodes.Filter(nodes.Name(name, "load", lineno=1), "trim", [], [], None, None, lineno=1)
        condition = nodes.If(said, [], [], [], lineno=1)
        return _Open(met, condition, condition.body, before=made)

    def _go_on(self, kind: Kind, node: Any, met: Met) -> None:
        if not self._stack:
            raise Torn("it ends here and never began", met)
        open_ = self._stack[-1]
        if met.site.file != open_.met.site.file:
            raise Torn("it begins in one template and ends in another", met)
        if kind is Kind.CLOSE:
            self._stack.pop()
            whole: nodes.Node = open_.node
            self._region(nodes.Scope([open_.before, whole], lineno=1) if open_.before else whole)
            return
        if isinstance(open_.node, nodes.For):
            raise Torn("it belongs to a condition", met)
        if node is None:
            open_.body = open_.node.else_
        else:
            branch = nodes.If(node, [], [], [], lineno=1)
            open_.node.elif_.append(branch)
            open_.body = branch.body


def _written(piece: str | nodes.Node) -> nodes.Node:
    return nodes.Output([nodes.TemplateData(piece)], lineno=1) if isinstance(piece, str) else piece


def values(template: Template, context: Mapping[str, Any]) -> tuple[str, ...]:
    """Each slot's text for one reader."""
    # As Template.new_context, but for what `super()`, `self` and imports need, none of which stands in a slot.
    environment = template.environment
    made = environment.context_class(environment, {**template.globals, **context}, template.name, {})
    return tuple(["".join(block(made)) for block in template.blocks.values()])
