"""What of a template is worked out now must not look at a token: each look asks whether it depends on the reader."""

from collections.abc import Iterator
from typing import Any

from jinja2 import nodes

PLAIN, OWNER, TRUTH = "__plain", "__owner", "__truth"  # filters, see Deferred
HOLDS, LIFT = "__holds", "__lift"  # functions, likewise
_PASSING = frozenset(
    {"e", "escape", "forceescape", "underlined"}
)  # filters that leave a text as it is, and more
_LIFTED = 3  # filters behind each other


class Guards:
    """Puts the questions into the expressions of one template. `file`: as given to Jinja"""

    def __init__(self, file: str) -> None:
        self._file = file
        self._macros: frozenset[str] = frozenset()  # names by which macros are called

    def _is_macro_call(self, node: nodes.Expr) -> bool:
        if not isinstance(node, nodes.Call):
            return False
        function = node.node.node if isinstance(node.node, nodes.Getattr) else node.node
        return isinstance(function, nodes.Name) and function.name in self._macros | {"caller"}

    def _now(self, node: Any) -> Any:
        """An expression of the campaign's; whatever it looks into is asked whether it depends on the reader."""
        match node:
            case nodes.Getattr() | nodes.Getitem():
                node.node = self._asked(node.node, OWNER)
            case nodes.Filter(name=name) if name in _PASSING:
                node.node = self._now(node.node)
                node.args = [self._plain(one) for one in node.args]
            case nodes.Filter() if node.node is not None and not node.kwargs and _depth(node) <= _LIFTED:
                return self._perhaps_lifted(node)
            case nodes.Filter() | nodes.Test():
                if node.name not in ("defined", "undefined") and node.node is not None:
                    node.node = self._plain(node.node)
                node.args = [self._plain(one) for one in node.args]
            case nodes.And() | nodes.Or():
                node.left, node.right = self._truth(node.left), self._now(node.right)
            case nodes.Not():
                node.node = self._truth(node.node)
            case nodes.CondExpr():
                node.test, node.expr1 = self._truth(node.test), self._now(node.expr1)
                node.expr2 = self._now(node.expr2) if node.expr2 is not None else None
            case nodes.Compare():
                node.expr = self._plain(node.expr)
                for operand in node.ops:
                    operand.expr = self._plain(operand.expr)
            case nodes.BinExpr():
                node.left, node.right = self._plain(node.left), self._plain(node.right)
            case nodes.UnaryExpr():
                node.node = self._plain(node.node)
            case nodes.Concat():
                node.nodes = [self._now(one) for one in node.nodes]
            case nodes.Call():
                hand_on = self._now if self._is_macro_call(node) else self._plain
                node.node = self._now(node.node)
                node.args = [hand_on(one) for one in node.args]
                for keyword in node.kwargs:
                    keyword.value = hand_on(keyword.value)
            case nodes.List() | nodes.Tuple():
                node.items = [self._now(one) for one in node.items]
            case nodes.Dict():
                for pair in node.items:
                    pair.value = self._now(pair.value)
        return node

    def _perhaps_lifted(self, node: nodes.Filter) -> nodes.Expr:
        """A filter on a text, which waits for the reader if the text does."""
        arguments = [self._plain(one) for one in node.args]
        value, line = self._now(node.node), node.lineno
        held = nodes.Call(nodes.Name(HOLDS, "load"), [copied(value)], [], None, None, lineno=line)
        place = [nodes.Const(node.name), nodes.Const(self._file), nodes.Const(line)]
        what: list[nodes.Expr] = [*place, copied(value), *map(copied, arguments)]
        later = nodes.Call(nodes.Name(LIFT, "load"), what, [], None, None, lineno=line)
        now = nodes.Filter(value, node.name, arguments, [], None, None, lineno=line)
        return nodes.CondExpr(held, later, now, lineno=line)

    def _plain(self, node: Any) -> Any:
        return self._asked(node, PLAIN)

    def _truth(self, node: Any) -> Any:
        return self._asked(node, TRUTH)

    def _asked(self, node: Any, by: str) -> Any:
        if isinstance(node, nodes.Const | nodes.Slice) or node is None:
            return node
        return nodes.Filter(self._now(node), by, [], [], None, None, lineno=node.lineno)


def _depth(node: nodes.Filter) -> int:
    return 1 + sum(1 for _ in node.find_all(nodes.Filter))


def names_in(node: nodes.Node) -> Iterator[nodes.Name]:
    if isinstance(node, nodes.Name):
        yield node
    yield from node.find_all(nodes.Name)


def copied(node: Any) -> Any:
    """A copy of its own: `copy.deepcopy` would copy the environment, too."""
    if isinstance(node, list):
        return [copied(one) for one in node]
    if not isinstance(node, nodes.Node):
        return node
    return type(node)(*(copied(getattr(node, one)) for one in node.fields), lineno=node.lineno)
