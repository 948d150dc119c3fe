"""What a reader reads where a field of theirs is printed that they do not have."""

from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from jinja2 import nodes

from newsletter.audience.models import Subscriber
from newsletter.errors import ChecksFailed, Place
from newsletter.render.composition import TRIAL, Gap
from newsletter.render.deferral.ledger import Deferred
from newsletter.render.deferral.merge import SlotMerge
from newsletter.render.deferral.put_off import Places
from newsletter.render.deferral.tokens import Kind
from newsletter.render.environment import Sandbox, one_line
from newsletter.render.roots import subscriber_view

NOTE = "__note"
_PROVIDING = (nodes.CondExpr, nodes.Or, nodes.And)

_printed: ContextVar[dict[int, str] | None] = ContextVar("printed", default=None)


def note(value: Any, number: int) -> Any:
    """Filter around what is printed: remembers it by the number at which it was met."""
    notes = _printed.get()
    if notes is not None:
        notes[number] = one_line(str(value))
    return value


def noting(environment: Sandbox) -> Sandbox:
    """The environment with the filter that `noted` puts around values."""
    environment.filters[NOTE] = note
    return environment


def noted(node: Any, kind: Kind, number: int) -> Any:
    if kind is not Kind.VALUE:
        return node
    return nodes.Filter(node, NOTE, [nodes.Const(number)], [], None, None, lineno=1)


@dataclass(frozen=True)
class _Print:
    """A place where fields of the reader are printed."""

    number: int  # at which it was met
    fields: tuple[str, ...]
    provided: bool  # the expression says what to do without a field
    literals: frozenset[str] = frozenset()  # its own words

    def told(self, text: str) -> str | None:
        """The text, unless any of it may come from another field of the person: reports are shown around."""
        return text if all(word in self.literals for word in text.split()) else None


class Gaps:
    """Finds what readers read in the place of fields that are empty for them."""

    def __init__(self, merge: SlotMerge, deferred: Deferred, places: Places, columns: frozenset[str]) -> None:
        """merge: its values are `noted`"""
        self._merge = merge
        self._deferred = deferred
        self._places = places
        self._columns = columns
        self._prints = [one for number in range(len(deferred.met)) if (one := self._print(number)).fields]
        self._fields = frozenset(name for one in self._prints for name in one.fields)

    def of(self, reader: Subscriber) -> Iterator[Gap]:
        """One for each field, place and text in this reader's letter; nothing for a letter that can't be made."""
        if not self._fields:
            return
        view = subscriber_view(reader, self._columns)
        empty = {name for name in self._fields if not view.get(name)}
        if not empty:
            return
        token = _printed.set({})
        try:
            self._merge(reader, TRIAL)
            printed = _printed.get() or {}
        except ChecksFailed:
            return
        finally:
            _printed.reset(token)
        met = (one for one in self._prints if one.number in printed)
        yield from dict.fromkeys(
            Gap(name, self._place(one), one.told(printed[one.number]), one.provided)
            for one in met
            for name in one.fields
            if name in empty
        )

    def _place(self, one: _Print) -> Place:
        site = self._deferred.met[one.number].site
        return self._places.of(site.file, site.line)

    def _print(self, number: int) -> _Print:
        met = self._deferred.met[number]
        site = met.site
        if site.kind is not Kind.VALUE or site.node is None or site.again:
            return _Print(number, (), provided=False)
        every = [site.node, *site.node.find_all(nodes.Node)]
        provided = any(isinstance(node, _PROVIDING) or _is_default(node) for node in every)
        constants = (self._deferred.constants[name] for name in met.names.values())
        return _Print(number, tuple(dict.fromkeys(_fields(every))), provided, _literals(every, constants))


def _literals(every: Iterable[nodes.Node], constants: Iterable[Any]) -> frozenset[str]:
    """The words that stand in an expression itself, or in a value that is everybody's."""
    written = [str(node.value) for node in every if isinstance(node, nodes.Const)]
    return frozenset(word for text in (*written, *map(str, constants)) for word in text.split())


def _is_default(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Filter) and node.name in ("default", "d")


def _fields(every: Iterable[nodes.Node]) -> Iterator[str]:
    for node in every:
        if isinstance(node, nodes.Getattr | nodes.Getitem):
            name = node.attr if isinstance(node, nodes.Getattr) else getattr(node.arg, "value", None)
            if isinstance(node.node, nodes.Name) and node.node.name == "subscriber" and isinstance(name, str):
                yield name
