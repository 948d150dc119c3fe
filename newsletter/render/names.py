"""Names checked before anybody is rendered: a merge field that nobody has is found at compile time."""

import functools
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from jinja2 import nodes

from newsletter.errors import Place, Problem, did_you_mean
from newsletter.render.environment import Sandbox
from newsletter.render.origin import Origin, no_such

_JINJA_OWN = frozenset({"loop", "self", "super", "caller", "varargs", "kwargs", "true", "false", "none"})
_MAPPING_METHODS = frozenset({"items", "keys", "values", "get"})


def bound_names(trees: Iterable[nodes.Node]) -> set[str]:
    """All names that some template sets: by set, for, with, macro, import or call.

    Deliberately blind to scopes: what a parent sets is visible in a child's block, what an including
    template sets in the included one. A name that is set elsewhere fails at rendering, by StrictUndefined.
    """
    names: set[str] = set()
    for tree in trees:
        names |= _set_in(tree)
    return names


@functools.lru_cache(maxsize=256)  # a node's hash is its identity
def _set_in(tree: nodes.Node) -> frozenset[str]:
    names: set[str] = set()
    for node in tree.find_all((nodes.Name, nodes.Macro, nodes.Import, nodes.FromImport)):
        if isinstance(node, nodes.Macro) or (isinstance(node, nodes.Name) and node.ctx != "load"):
            names.add(node.name)
        elif isinstance(node, nodes.Import):
            names.add(node.target)
        elif isinstance(node, nodes.FromImport):
            names.update(alias[1] if isinstance(alias, tuple) else alias for alias in node.names)
    return frozenset(names)


@functools.lru_cache(maxsize=256)
def _all_in(tree: nodes.Node) -> tuple[nodes.Node, ...]:
    return tuple(tree.find_all(nodes.Node))


def mentions(trees: Iterable[nodes.Node], name: str) -> bool:
    """Whether a name or an attribute of this name is read anywhere."""
    return any(name in _read_in(tree) for tree in trees)


@functools.lru_cache(maxsize=256)
def _read_in(tree: nodes.Node) -> frozenset[str | None]:
    """The names, attributes and items that a template reads."""
    return frozenset(
        node.name if isinstance(node, nodes.Name) else _key(node)
        for node in tree.find_all((nodes.Name, nodes.Getattr, nodes.Getitem))
    )


class NameCheck:
    """The names one source may read.

    roots: name -> what is known of it: a mapping (of mappings) or a collection of its keys; None = anything
    """

    def __init__(
        self, environment: Sandbox, roots: Mapping[str, Any], *, bound: Collection[str] = ()
    ) -> None:
        self._globals = frozenset(environment.globals)
        self._known = {nodes.Filter: environment.filters, nodes.Test: environment.tests}
        self._roots = roots
        self._bound = frozenset(bound)

    def problems(self, tree: nodes.Node, origin: Origin) -> list[Problem]:
        """Every unknown name in a parsed template, at its place, each place once."""
        local = bound_names([tree])
        bound = self._bound | local
        every = _all_in(tree)
        tests = (node for node in every if isinstance(node, nodes.Test))
        asked = {id(test.node) for test in tests if test.name in ("defined", "undefined")}
        found: dict[tuple[str, Place], Problem] = {}
        for node in every:
            if not isinstance(node, nodes.Name):
                continue
            known = node.name in bound or node.name in self._roots or node.name in self._globals
            if node.ctx == "load" and not known and node.name not in _JINJA_OWN and id(node) not in asked:
                problem = self._unknown_name(node, bound, origin)
                found.setdefault((problem.message, problem.place or Place("")), problem)
        for problem in (*self._attributes(every, local, origin), *self._filters(every, origin)):
            found.setdefault((problem.message, problem.place or Place("")), problem)
        return list(found.values())

    def _filters(self, every: Iterable[nodes.Node], origin: Origin) -> Iterator[Problem]:
        """Unknown filters and tests: inside a condition Jinja itself would find them only when it gets there."""
        for node in every:
            if isinstance(node, nodes.Filter | nodes.Test) and node.name not in (
                known := self._known[type(node)]
            ):
                yield no_such(type(node).__name__.lower(), node.name, known, origin, node.lineno)

    def _unknown_name(self, node: nodes.Name, bound: Collection[str], origin: Origin) -> Problem:
        place = origin.find(node.lineno, rf"\b{re.escape(node.name)}\b")
        subscriber = self._roots.get("subscriber")
        if subscriber is not None and node.name in subscriber:
            hint = f"write `subscriber.{node.name}`"
        else:
            readable = [name for name in (*self._roots, *bound) if not name.startswith("__")]
            hint = did_you_mean(node.name, readable, otherwise="")
            hint = hint or "set it before: {% set … = … %}"
        return Problem("M102", f"there is no `{node.name}` here", place, hint)

    def _attributes(
        self, every: Iterable[nodes.Node], bound: Collection[str], origin: Origin
    ) -> Iterator[Problem]:
        for node in every:
            name = _key(node)
            owner = self._resolve(node, bound) if name is not None else None
            if owner is None or name is None or name in owner[1] or name in _MAPPING_METHODS:
                continue
            label, known = owner
            last = re.escape(label.split(".")[-1])
            place = origin.find(node.lineno, rf"\b{last}\s*(?:\.\s*|\[\s*['\"]){re.escape(name)}\b")
            hint = did_you_mean(name, known, otherwise="known: " + ", ".join(sorted(known)) if known else "")
            hint = hint or "there is nothing that could be written here"
            if label == "subscriber":
                yield Problem(
                    "M101", f"nobody has the field `{name}`: no list has such a column", place, hint
                )
            elif label == "data":
                yield Problem(
                    "M102",
                    f"`data` has no `{name}`",
                    place,
                    hint if known else f'declare it at the top of the template: [data] {name} = "text"',
                )
            else:
                yield Problem("M102", f"`{label}` has no `{name}`", place, hint)

    def _resolve(self, node: nodes.Node, bound: Collection[str]) -> tuple[str, Collection[str]] | None:
        """Label and known keys of what an access asks, if it begins at a root; None if nothing is known of it."""
        path: list[str] = []
        if isinstance(node, nodes.Getattr | nodes.Getitem):
            node = node.node
        while isinstance(node, nodes.Getattr | nodes.Getitem):
            name = _key(node)
            if name is None:
                return None
            path.insert(0, name)
            node = node.node
        if not isinstance(node, nodes.Name) or node.name in bound or node.name not in self._roots:
            return None
        value = self._roots[node.name]
        for name in path:
            if not isinstance(value, Mapping) or name not in value:
                return None
            value = value[name]
        if isinstance(value, str) or not isinstance(value, Collection):
            return None
        if path and not isinstance(value, Mapping):
            return None
        return ".".join((node.name, *path)), value


def _key(node: nodes.Node) -> str | None:
    if isinstance(node, nodes.Getattr):
        return node.attr
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        return node.arg.value if isinstance(node.arg.value, str) else None
    return None
