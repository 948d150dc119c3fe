"""What a template may cost: rounds of loops and calls for one letter, characters of one value.

Jinja's sandbox keeps templates away from Python's insides, not from loops in loops or a text that doubles itself. A
letter that costs more than these limits is a mistake in it, and is told as one.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from contextvars import ContextVar
from functools import wraps
from typing import Any

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

ROUNDS = 50_000  # of loops, and calls, for one person's letter
SIZE = 1_000_000  # characters of a text
ITEMS = 2_000  # of a list: whether something is in it may be asked each round
PRINTED = 4_000_000  # characters of a letter
WIDTH = 10_000  # the largest whole number that a filter or method takes: widths, counts, decimals
BITS = 4_096  # of a whole number
MANY = 100_000  # parts of what has no length, at most: those of `range`
COUNTED, SIZED = "__counted", "__sized"  # filters that stand in compiled templates only
FILTERS = (
    "batch",
    "center",
    "format",
    "indent",
    "join",
    "replace",
    "round",
    "slice",
)  # that can make much of little
METHODS = ("center", "expandtabs", "format", "format_map", "join", "ljust", "replace", "rjust", "zfill")
OPERATORS = frozenset({"+", "*", "**", "%"})

_WIDE = re.compile(r"\d{5}")
_spent: ContextVar[list[int] | None] = ContextVar("spent", default=None)


class TooMuch(ValueError):
    """A template that costs more than a letter may; the text says what of."""


class budget:  # noqa: N801 - reads like the generator it would be, at a third of the time for each reader
    """Everything inside counts together, other threads apart."""

    __slots__ = ("_token",)

    def __enter__(self) -> None:
        self._token = _spent.set([0])

    def __exit__(self, *_: object) -> None:
        _spent.reset(self._token)


def spend(rounds: int = 1) -> None:
    spent = _spent.get()
    if spent is None:  # a constant that is worked out while compiling
        return
    spent[0] += rounds
    if spent[0] > ROUNDS:
        raise TooMuch(f"loops and calls come to more than {ROUNDS:,} for one letter")


def counted(items: Iterable[Any]) -> Iterable[Any]:
    """Filter around what a loop goes through; what has a length keeps it, for `loop.length`."""
    if isinstance(items, Sized):
        spend(len(items))
        return items
    return _each(items)


def _each(items: Iterable[Any]) -> Iterator[Any]:
    for item in items:
        spend()
        yield item


def sized(value: Any) -> Any:
    """The value, if it is not too large."""
    if isinstance(value, str) and len(value) > SIZE:
        raise TooMuch(f"a value has more than {SIZE:,} characters")
    if isinstance(value, list | tuple) and len(value) > ITEMS:
        raise TooMuch(f"a list has more than {ITEMS:,} items")
    if isinstance(value, int) and value.bit_length() > BITS:
        raise TooMuch(f"a number has more than {BITS:,} binary digits")
    return value


def printed(pieces: Iterable[str]) -> str:
    """What a template prints, put together."""
    kept: list[str] = []
    length = 0
    for piece in pieces:
        length += len(piece)
        if length > PRINTED:
            raise TooMuch(f"it prints more than {PRINTED:,} characters")
        kept.append(piece)
    return "".join(kept)


def operated(operator: str, left: Any, right: Any, operate: Callable[[], Any]) -> Any:
    """What an operator yields; refused before it is made where one look tells that it is too large."""
    if operator == "*":
        for value, times in ((left, right), (right, left)):
            most = SIZE if isinstance(value, str) else ITEMS
            if isinstance(value, str | list | tuple) and isinstance(times, int) and len(value) * times > most:
                raise TooMuch(f"a value has more than {most:,} characters or items")
    elif operator == "**" and isinstance(left, int) and isinstance(right, int):
        if max(left.bit_length(), 1) * right > BITS:
            raise TooMuch(f"a number has more than {BITS:,} binary digits")
    elif operator == "%" and isinstance(left, str):
        _check_format(left)
    return sized(operate())


def modest(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that refuses what would make its text or list grow out of bounds."""
    begins = 1 if hasattr(function, "jinja_pass_arg") else 0  # behind what Jinja hands in

    @wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        value, *others = arguments[begins:]
        _check(name, value, [*others, *options.values()])
        return sized(function(*arguments, **options))

    return call


def check_call(function: Any, arguments: Iterable[Any], options: Mapping[str, Any]) -> None:
    """Likewise before a method of a text is called, and one call off the budget."""
    spend()
    function = getattr(function, "__wrapped__", function)  # the sandbox wraps `format`
    owner, name = getattr(function, "__self__", None), getattr(function, "__name__", "")
    if isinstance(owner, str) and name in METHODS:
        given = [*arguments, *options.values()]
        if name == "join" and given:  # the text is what comes between
            _check(name, given[0], [owner])
        else:
            _check(name, owner, given)


def _check(name: str, value: Any, given: list[Any]) -> None:
    texts = [text for text in given if isinstance(text, str)]
    starred = (
        name == "format" and isinstance(value, str) and "*" in value
    )  # `%*d` takes its width from a value
    if name in ("format", "format_map"):
        _check_format(value)
    elif name == "replace" and isinstance(value, str) and len(texts) > 1:
        if value.count(texts[0]) * len(texts[1]) > SIZE:
            raise TooMuch(f"a value has more than {SIZE:,} characters")
    elif name == "join" and texts:
        parts = len(value) if isinstance(value, Sized) else MANY
        if parts * len(texts[0]) > SIZE:
            raise TooMuch(f"a value has more than {SIZE:,} characters")
    if name != "format" or starred:
        for number in given:
            if isinstance(number, int) and abs(number) > WIDTH:
                raise TooMuch(f"`{name}` takes numbers up to {WIDTH:,}")


def _check_format(pattern: Any) -> None:
    if isinstance(pattern, str) and _WIDE.search(pattern):
        raise TooMuch(f"a format takes widths up to {WIDTH:,}")


class Limiter(NodeTransformer):
    """Puts the filters into a template's tree, as it is compiled."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - the library's name
        self.generic_visit(node)
        node.iter = _filtered(node.iter, COUNTED)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - likewise
        self.generic_visit(node)
        return _filtered(node, SIZED)

    def visit_AssignBlock(self, node: nodes.AssignBlock) -> nodes.Node:  # noqa: N802 - likewise
        self.generic_visit(node)
        node.filter = _filtered(node.filter, SIZED)
        return node


def _filtered(node: nodes.Node | None, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno if node else None)
