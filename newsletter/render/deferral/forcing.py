"""Conditions and loops on the reader answered by decree: so a proof goes through every branch."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from jinja2 import nodes

from newsletter.render.deferral.ledger import FORCE, Deferred
from newsletter.render.deferral.rewrite import Rewriter, Scope
from newsletter.render.deferral.tokens import Kind
from newsletter.render.templates import TemplateSandbox

Answers = Mapping[str, bool | int]

_answers: ContextVar[Answers | None] = ContextVar("answers", default=None)


@contextmanager
def answered(answers: Answers) -> Iterator[None]:
    """Conditions have these values, loops these numbers of rounds; what is not named is asked as always."""
    token = _answers.set(answers)
    try:
        yield
    finally:
        _answers.reset(token)


def force(value: Any, key: str) -> Any:
    """Filter around a condition, or around what a loop goes through."""
    answer = (_answers.get() or {}).get(key)
    if answer is None:
        return value
    if isinstance(answer, bool):
        return answer
    items = [*value] or ["ett", "två"]  # in a list, nothing is empty
    return [*itertools.islice(itertools.cycle(items), answer)]


def forced(node: Any, key: str) -> Any:
    return nodes.Filter(node, FORCE, [nodes.Const(key)], [], None, None, lineno=node.lineno)


def by_decree(node: Any, _kind: Kind, number: int, *, deferred: Deferred) -> Any:
    """What is left of a condition or a loop, so that it can be answered by decree."""
    key = deferred.met[number].site.key
    if key and isinstance(node, nodes.For):
        node.iter = forced(node.iter, key)
        return node
    return forced(node, key) if key else node


class ForcingSandbox(TemplateSandbox):
    """Templates as authors wrote them, whose conditions on the reader can be answered by decree."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.filters[FORCE] = force

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        return Forcer(self, Deferred(), filename or "").template(tree)


class Forcer(Rewriter):
    """Walks as a rewriter does, counts as it does, and changes nothing but conditions and loops."""

    def _if(self, node: nodes.If, scope: Scope) -> Iterable[nodes.Node]:
        parts = (node, *node.elif_)
        reader = any(self._depends(one.test, scope) for one in parts)
        branch = replace(scope, nested=True, reader=scope.reader or reader)
        for one in parts:
            if reader:
                one.test = forced(one.test, self._key())
            one.body = self._body(one.body, branch)
        node.else_ = self._body(node.else_, branch)
        return [node]

    def _for(self, node: nodes.For, scope: Scope) -> Iterable[nodes.Node]:
        own, looped = self._scopes(node, scope)
        if not self._loops_on_reader(node, scope, own):
            node.body = self._body(node.body, own)
            node.else_ = self._body(node.else_, replace(scope, nested=True))
            return [node]
        node.iter = forced(node.iter, self._key(rounds=True))
        node.body = self._body(node.body, looped)
        return [node]

    def _assign(self, node: nodes.Assign, scope: Scope) -> Iterable[nodes.Node]:
        if self._depends(node.node, scope) and isinstance(node.target, nodes.Name):
            scope.aliases[node.target.name] = nodes.Name(
                node.target.name, "load"
            )  # it depends; no more is asked
        return [node]

    def _printed(self, node: Any, scope: Scope) -> Any:  # noqa: ARG002
        return node

    def _argument(self, node: Any, scope: Scope) -> Any:  # noqa: ARG002
        return node

    def _substituted(self, node: Any, scope: Scope) -> Any:  # noqa: ARG002
        return node

    def _now(self, node: Any) -> Any:
        return node

    def _asked(self, node: Any, by: str) -> Any:  # noqa: ARG002
        return node
