"""Templates whose parts that depend on the reader print tokens: Jinja's syntax tree is rewritten as it is parsed.

What reads a root (`subscriber`, `links`) or asks for a segment is put off; everything else is worked out now, once for
all. Values are captured where they are met, never names: a name may mean something else a line later. What is not
provably the same later is refused.
"""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from jinja2 import nodes

from newsletter.render.deferral.guards import HOLDS, LIFT, OWNER, PLAIN, TRUTH, Guards, copied, names_in
from newsletter.render.deferral.ledger import Deferred, Refused, Site
from newsletter.render.deferral.tokens import Kind
from newsletter.render.templates import TemplateSandbox

ROOTS = frozenset({"subscriber", "links"})
MEMBER, MEET, CONTROL = "__member", "__meet", "__control"
_STATEFUL = frozenset({"namespace", "joiner", "cycler"})
_LOOP = "ask the loop: {% if not loop.first %}, {% endif %}, loop.cycle('a', 'b')"
_COUNTING = frozenset({"joiner", "cycler"})
_INSTEAD = "work it out in the list, or print both and let {% if … %} stand around each"


_MOST_TEMPLATES = 512  # kept compiled
_rewritten: dict[Any, tuple[Any, dict[str, Site], list[tuple[str, int, Refused]]]] = {}


@dataclass(frozen=True)
class Scope:
    """What names mean at a place of a template."""

    aliases: dict[str, nodes.Expr] = field(default_factory=dict)  # by {% set %}
    looped: frozenset[str] = frozenset()  # targets of loops over the reader's values, and `loop`
    reader: bool = False  # within a condition or loop on the reader
    nested: bool = False  # where {% set %} would not hold for what follows
    inside: bool = False  # within a {% call %}: of the body's program, what is printed there is text


class DeferringSandbox(TemplateSandbox):
    """The sandbox in which what depends on the reader prints a token."""

    repeatable = False

    def begin(self, deferred: Deferred) -> None:
        """To be called before anything is compiled."""
        self.deferred = deferred
        self.globals[MEET] = deferred.meet
        self.globals[HOLDS] = lambda value: isinstance(value, str) and deferred.holds(value)
        self.globals[LIFT] = deferred.lift
        self.filters[PLAIN] = deferred.plain
        self.filters[OWNER] = deferred.owner
        self.filters[TRUTH] = deferred.truth

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        return Rewriter(self, self.deferred, filename or "").template(tree)

    def compile(self, source: Any, name: str | None = None, filename: str | None = None, *_: Any) -> Any:
        """Template files are rewritten and compiled once in a process; what was found in them comes along."""
        if not isinstance(source, str):
            return super().compile(source, name, filename)
        key = (source, name, filename, self.autoescape, self.options)
        if key not in _rewritten:
            before, refused = {*self.deferred.sites}, len(self.deferred.refused)
            code = super().compile(source, name, filename)
            sites = {one: site for one, site in self.deferred.sites.items() if one not in before}
            if len(_rewritten) >= _MOST_TEMPLATES:
                _rewritten.clear()
            _rewritten[key] = code, sites, self.deferred.refused[refused:]
            return code
        code, sites, refusals = _rewritten[key]
        self.deferred.sites.update(sites)
        self.deferred.refused.extend(refusals)
        return code


class Rewriter(Guards):
    """Rewrites one template. `program`: an author's body, whose statements stand between parts."""

    def __init__(self, environment: TemplateSandbox, deferred: Deferred, file: str) -> None:
        self._environment = environment
        self._deferred = deferred
        self._keys = 0
        super().__init__(file)
        self._program = file.startswith("(body")
        self._stateful: frozenset[str] = frozenset()
        self._counting: frozenset[str] = frozenset()  # those that change whenever they are called
        self._assigned: dict[str, int] = {}

    def template(self, tree: nodes.Template) -> nodes.Template:
        self._look_around(tree)
        tree.body = self._body(tree.body, Scope())
        tree.set_environment(self._environment)
        return tree

    def _look_around(self, tree: nodes.Template) -> None:
        macros = {node.name for node in tree.find_all(nodes.Macro)}
        macros |= {node.target for node in tree.find_all(nodes.Import)}
        for imported in tree.find_all(nodes.FromImport):
            macros.update(name if isinstance(name, str) else name[1] for name in imported.names)
        self._macros = frozenset(macros)
        stateful: set[str] = set()
        counting: set[str] = set()
        for node in tree.find_all(nodes.Assign):
            for target in node.find_all(nodes.Name):
                if target.ctx == "store":
                    self._assigned[target.name] = self._assigned.get(target.name, 0) + 1
                    made_by = {name.name for name in node.node.find_all(nodes.Name)}
                    if made_by & _STATEFUL:
                        stateful.add(target.name)
                    if made_by & _COUNTING:
                        counting.add(target.name)
        self._stateful, self._counting = frozenset(stateful), frozenset(counting)
        for name in tree.find_all(nodes.Name):
            if name.ctx != "load" and name.name in ROOTS:
                self._refuse(name, f"`{name.name}` is the reader's here", "take another name")

    def _refuse(self, node: nodes.Node, message: str, hint: str) -> None:
        self._deferred.refused.append((self._file, node.lineno, Refused(message, hint)))

    def _refuse_counting(self, node: nodes.Node, scope: Scope) -> None:
        """What counts its calls would be called once, however often a reader's letter has this."""
        for name in names_in(node) if scope.reader else ():
            if name.name in self._counting:
                self._refuse(name, f"`{name.name}` changes while the letter is made", _LOOP)

    def _body(self, body: Iterable[nodes.Node], scope: Scope) -> list[nodes.Node]:
        """Statements in order; an alias holds for those behind it."""
        return [new for node in body for new in self._statement(node, scope)]

    def _statement(self, node: nodes.Node, scope: Scope) -> Iterable[nodes.Node]:
        handle: Callable[[Any, Scope], Iterable[nodes.Node]] | None = getattr(
            self, f"_{type(node).__name__.lower()}", None
        )
        return handle(node, scope) if handle else self._other(node, scope)

    def _other(self, node: nodes.Node, scope: Scope) -> Iterable[nodes.Node]:
        """Includes, imports, extends: nothing in them but further statements."""
        for name in ("body", "else_"):
            if isinstance(body := getattr(node, name, None), list):
                setattr(node, name, self._body(body, scope))
        return [node]

    def _block(self, node: nodes.Block, scope: Scope) -> Iterable[nodes.Node]:
        """What gets a name in a block has it there only."""
        node.body = self._body(node.body, replace(scope, aliases={**scope.aliases}))
        return [node]

    def _output(self, node: nodes.Output, scope: Scope) -> Iterable[nodes.Node]:
        node.nodes = [
            one if isinstance(one, nodes.TemplateData) else self._printed(one, scope) for one in node.nodes
        ]
        return [node]

    def _if(self, node: nodes.If, scope: Scope) -> Iterable[nodes.Node]:
        tests = [node.test, *(one.test for one in node.elif_)]
        for test in tests:
            self._refuse_counting(test, scope)
        if not any(self._depends(test, scope) for test in tests):
            branch = replace(scope, nested=True)
            for one in (node, *node.elif_):
                one.test = self._truth(one.test)
                one.body = self._body(one.body, branch)
            node.else_ = self._body(node.else_, branch)
            return [node]
        inner = replace(scope, reader=True, nested=True)
        written: list[nodes.Node] = []
        kinds = itertools.chain([Kind.OPEN], itertools.repeat(Kind.MIDDLE))
        for kind, one in zip(kinds, (node, *node.elif_), strict=False):
            test = self._substituted(one.test, scope)
            written += [
                self._control(self._meet(kind, test, scope, one.lineno, self._key()), scope),
                *self._body(one.body, inner),
            ]
        if node.else_:
            otherwise = self._meet(Kind.MIDDLE, None, scope, node.lineno)
            written += [self._control(otherwise, scope), *self._body(node.else_, inner)]
        return [*written, self._control(self._meet(Kind.CLOSE, None, scope, node.lineno), scope)]

    def _for(self, node: nodes.For, scope: Scope) -> Iterable[nodes.Node]:
        self._refuse_counting(node.iter, scope)
        own, looped = self._scopes(node, scope)
        if not self._loops_on_reader(node, scope, own):
            node.iter = self._plain(node.iter)
            node.test = self._truth(node.test) if node.test is not None else None
            node.body = self._body(node.body, own)
            node.else_ = self._body(node.else_, replace(scope, nested=True))
            return [node]
        if node.else_ or node.recursive:
            what = "`else` behind" if node.else_ else "`recursive` in"
            self._refuse(node, f"{what} a loop over the reader's values", _INSTEAD)
        loop = nodes.For(
            copied(node.target),
            self._substituted(node.iter, scope),
            [],
            [],
            self._substituted(node.test, looped) if node.test is not None else None,
            False,
            lineno=node.lineno,
        )
        key = self._key(rounds=True)
        return [
            self._control(self._meet(Kind.OPEN, loop, looped, node.lineno, key), scope),
            *self._body(node.body, looped),
            self._control(self._meet(Kind.CLOSE, None, scope, node.lineno), scope),
        ]

    def _scopes(self, node: nodes.For, scope: Scope) -> tuple[Scope, Scope]:
        """Inside a loop over the campaign's values, and inside one over the reader's."""
        targets = frozenset(name.name for name in names_in(node.target))
        aliases = {name: value for name, value in scope.aliases.items() if name not in targets}
        inside = replace(scope, aliases=aliases, nested=True)
        own = replace(inside, looped=scope.looped - targets - {"loop"})
        return own, replace(inside, looped=scope.looped | targets | {"loop"}, reader=True)

    def _loops_on_reader(self, node: nodes.For, scope: Scope, own: Scope) -> bool:
        return self._depends(node.iter, scope) or (node.test is not None and self._depends(node.test, own))

    def _key(self, *, rounds: bool = False) -> str:
        """What a proof calls the next condition or loop of this template."""
        self._keys += 1
        return f"{self._file}:{self._keys}{':rounds' * rounds}"

    def _macro(self, node: nodes.Macro, scope: Scope) -> Iterable[nodes.Node]:
        for default in node.defaults:
            if self._depends(default, scope):
                self._refuse(node, "a macro's default can't depend on the reader", "pass it in the call")
        node.body = self._body(node.body, self._called(node.args, scope))
        return [node]

    def _callblock(self, node: nodes.CallBlock, scope: Scope) -> Iterable[nodes.Node]:
        call = self._substituted(node.call, scope)
        node.call = self._handed_on(call, scope) if self._depends(call, scope) else self._now(call)
        node.body = self._body(node.body, self._called(node.args, scope))
        return [node]

    def _called(self, arguments: Iterable[nodes.Name], scope: Scope) -> Scope:
        names = {argument.name for argument in arguments}
        aliases = {name: value for name, value in scope.aliases.items() if name not in names}
        return replace(scope, aliases=aliases, looped=scope.looped - names, nested=True, inside=True)

    def _filterblock(self, node: nodes.FilterBlock, scope: Scope) -> Iterable[nodes.Node]:
        before = len(self._deferred.sites)
        node.body = self._body(node.body, replace(scope, nested=True))
        if len(self._deferred.sites) > before:
            self._refuse(
                node, "a filter around what differs from reader to reader", "filter the value itself"
            )
        return [node]

    def _with(self, node: nodes.With, scope: Scope) -> Iterable[nodes.Node]:
        if any(self._depends(value, scope) for value in node.values):
            self._refuse(node, "`with` can't name what depends on the reader", "{% set … %}, above")
        names = {name.name for target in node.targets for name in (target, *target.find_all(nodes.Name))
                 if isinstance(name, nodes.Name)}  # fmt: skip
        node.values = [self._now(value) for value in node.values]
        aliases = {name: value for name, value in scope.aliases.items() if name not in names}
        node.body = self._body(
            node.body, replace(scope, aliases=aliases, looped=scope.looped - names, nested=True)
        )
        return [node]

    def _assign(self, node: nodes.Assign, scope: Scope) -> Iterable[nodes.Node]:
        value = self._substituted(node.node, scope)
        if scope.reader:
            self._refuse(node, "`set` within a condition or loop on the reader", _INSTEAD)
        if not self._depends(value, scope):
            node.node = self._now(value)
            return [node]
        name = node.target.name if isinstance(node.target, nodes.Name) else ""
        if scope.nested or not name or self._assigned.get(name, 0) != 1:
            message = "what depends on the reader gets its name once, and outside of loops and conditions"
            self._refuse(node, message, "{% set … %} at the top")
        else:
            scope.aliases[name] = value
        return []

    def _assignblock(self, node: nodes.AssignBlock, scope: Scope) -> Iterable[nodes.Node]:
        if scope.reader:
            self._refuse(node, "`set` within a condition or loop on the reader", _INSTEAD)
        before = len(self._deferred.sites)
        node.body = self._body(node.body, replace(scope, nested=True, inside=True))
        if node.filter is not None and len(self._deferred.sites) > before:
            self._refuse(
                node, "a filter around what differs from reader to reader", "filter the value itself"
            )
        return [node]

    # What is printed, asked, handed on.

    def _printed(self, node: Any, scope: Scope) -> Any:
        node = self._substituted(node, scope)
        if not self._depends(node, scope):
            self._refuse_counting(node, scope)
            return self._now(node)
        if self._is_macro_call(node):
            return self._handed_on(node, scope)
        return self._meet(Kind.VALUE, node, scope, node.lineno)

    def _handed_on(self, call: nodes.Expr, scope: Scope) -> Any:
        """A macro that gets a token in place of what depends on the reader."""
        if not isinstance(call, nodes.Call) or not self._is_macro_call(call):
            self._refuse(call, "only macros can be handed what depends on the reader", _INSTEAD)
            return self._now(call)
        call.args = [self._argument(one, scope) for one in call.args]
        for keyword in call.kwargs:
            keyword.value = self._argument(keyword.value, scope)
        return call

    def _argument(self, node: Any, scope: Scope) -> Any:
        if not self._depends(node, scope):
            return self._now(node)
        return self._meet(Kind.VALUE, node, scope, node.lineno)

    def _meet(
        self, kind: Kind, node: nodes.Node | None, scope: Scope, line: int, key: str = ""
    ) -> nodes.Expr:
        """The call that prints the token, and captures what is the campaign's in the expression."""
        captured: dict[str, nodes.Expr] = {}
        kept = self._captured(node, scope, captured) if node is not None else None
        for name in node.find_all(nodes.Name) if node is not None else ():
            if name.name in self._stateful and scope.reader:
                self._refuse(name, f"`{name.name}` changes while the letter is made", _INSTEAD)
        for call in node.find_all(nodes.Call) if node is not None else ():
            if self._is_macro_call(call):
                self._refuse(
                    call, "a macro in the middle of an expression on the reader", "call it alone: {{ m(…) }}"
                )
        site = self._deferred.site(kind, kept, self._file, line, key)
        pairs = [nodes.Pair(nodes.Const(name), value) for name, value in captured.items()]
        arguments: list[nodes.Expr] = [nodes.Const(site), nodes.Dict(pairs)]
        return nodes.Call(nodes.Name(MEET, "load"), arguments, [], None, None, lineno=line)

    def _control(self, token: nodes.Expr, scope: Scope) -> nodes.Output:
        """A condition's token: printed, or, between the parts of a body, handed to who collects them."""
        if self._program and not scope.inside:
            token = nodes.Call(nodes.Name(CONTROL, "load"), [token], [], None, None, lineno=token.lineno)
        return nodes.Output([token], lineno=token.lineno)

    def _captured(self, node: Any, scope: Scope, captured: dict[str, nodes.Expr]) -> Any:
        """A copy in which each largest part that is the campaign's is a name of its own."""
        if isinstance(node, list):
            return [self._captured(one, scope, captured) for one in node]
        if not isinstance(node, nodes.Node):
            return node
        if self._is_campaigns(node, scope):
            name = f"c{len(captured)}"
            captured[name] = self._now(node)
            return nodes.Name(name, "load", lineno=node.lineno)
        values = [self._captured(getattr(node, one), scope, captured) for one in node.fields]
        return type(node)(*values, lineno=node.lineno)

    def _is_campaigns(self, node: nodes.Node, scope: Scope) -> bool:
        if not isinstance(node, nodes.Expr) or isinstance(node, nodes.Keyword | nodes.Pair | nodes.Operand):
            return False
        names = [name for name in names_in(node) if name.ctx == "load"]
        if not names or self._depends(node, scope):
            return False
        if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name):
            return node.node.name not in self._environment.globals
        return not all(name.name in self._environment.globals for name in names)

    def _depends(self, node: nodes.Node, scope: Scope) -> bool:
        return any(
            name.name in ROOTS
            or name.name == MEMBER
            or name.name in scope.looped
            or name.name in scope.aliases
            for name in names_in(node)
        )

    def _substituted(self, node: Any, scope: Scope) -> Any:
        """With what each alias stands for in its place."""
        if not scope.aliases:
            return node
        if isinstance(node, nodes.Name) and node.name in scope.aliases and node.ctx == "load":
            return copied(scope.aliases[node.name])
        for name, value in node.iter_fields() if isinstance(node, nodes.Node) else ():
            if isinstance(value, nodes.Node):
                setattr(node, name, self._substituted(value, scope))
            elif isinstance(value, list):
                setattr(node, name, [self._substituted(one, scope) for one in value])
        return node
