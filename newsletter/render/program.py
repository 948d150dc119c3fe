"""A body becomes one Jinja program: statements reach across parts, and running it collects the parts that live."""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from newsletter.errors import Place
from newsletter.render import tree
from newsletter.render.origin import Line, Origin
from newsletter.render.pieces import Choice, Node, Piece, Plan, Shape, Source

# A tag with the strings in it: `}}` within quotes does not end it.
_STRING = r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'"""
_INNER = rf"(?:{_STRING}|[^\"'])*?"
TAG = re.compile(rf"\{{\{{{_INNER}\}}\}}|\{{%{_INNER}%\}}|\{{#.*?#\}}", re.DOTALL)
_OPENING = re.compile(r"\{[{%][-+]?")

# The names by which the program calls back; authors' names never begin like that.
PRIVATE = "__"
CALLBACKS = ("__section", "__title", "__piece", "__text", "__open", "__field", "__close", "__member")


def escape_literals(source: str) -> str:
    """A plain Jinja source for use with autoescape: literal text is escaped, tags stay as written."""
    parts: list[str] = []
    end = 0
    for match in TAG.finditer(source):
        parts += [escape(source[end : match.start()]), match[0]]
        end = match.end()
    return "".join((*parts, escape(source[end:])))


class _Writer:
    """A Jinja source, and whose each of its lines is.

    Each tag of an author's begins on a line of its own: the line break goes inside of the tag, where Jinja
    does not see it. So a line number of Jinja's names one tag.
    """

    def __init__(self, expressions: Iterable[tree.Expression]) -> None:
        self._text: list[str] = []
        self._lines = [Line(Place(""), "")]
        self._places: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
        for expression in expressions:
            self._places[expression.file, expression.source].append((expression.line, expression.column))
        for places in self._places.values():
            places.sort()

    @property
    def source(self) -> str:
        return "".join(self._text)

    @property
    def origin(self) -> Origin:
        return Origin(self._lines)

    def own(self, code: str, place: Place) -> None:
        """The program's own code, on a line of its own inside of its tag."""
        self._tag(code, place, "")

    def author(self, source: str, place: Place) -> None:
        """An author's source that begins at a place or below."""
        after = (place.line or 1, 0)
        end = 0
        for match in TAG.finditer(source):
            self._literal(source[end : match.start()], place)
            end = match.end()
            found = self._find(match[0], place.file, after)
            if found:
                after = found
            self._tag(match[0], Place(place.file, *found) if found else place, match[0])
        self._literal(source[end:], place)

    def _find(self, tag: str, file: str, after: tuple[int, int]) -> tuple[int, int] | None:
        places = self._places.get((file, tag), [])
        index = bisect_right(places, after)
        return places[index] if index < len(places) else None

    def _literal(self, text: str, place: Place) -> None:
        self._text.append(text)
        self._lines += [Line(place, "")] * text.count("\n")

    def _tag(self, tag: str, place: Place, shown: str) -> None:
        opening = _OPENING.match(tag)
        if opening is None:  # a comment
            self._literal(tag, place)
            return
        self._text += [opening[0], "\n", tag[opening.end() :]]
        first, *rest = shown.split("\n")
        self._lines.append(Line(place, first))
        self._lines += [
            Line(Place(place.file, (place.line or 1) + n, 1), line) for n, line in enumerate(rest, 1)
        ]
        if not shown:
            self._lines += [Line(place, "")] * tag.count("\n")


@dataclass(frozen=True)
class Spelling:
    """How a program is written. `whole`: with texts in it that hold no Jinja, which take long to compile."""

    as_text: bool
    whole: bool = False


def write_program(
    plan: Plan, expressions: Iterable[tree.Expression], spelling: Spelling
) -> tuple[str, Origin]:
    """The program for the HTML, or for the text part, and whose its lines are."""
    writer = _Writer(expressions)
    for number, section in enumerate(plan.sections):
        writer.own(f"{{{{ __section({number}) }}}}", section.place)
        _call(writer, f"__title({number})", section.title, spelling)
        _nodes(writer, section.nodes, spelling)
    return writer.source, writer.origin


def _nodes(writer: _Writer, nodes: list[Node], spelling: Spelling) -> None:
    for node in nodes:
        if isinstance(node, tree.Control):
            writer.author(node.source, node.place)
        elif isinstance(node, Choice):
            test = f"{'not ' if node.negated else ''}__member({node.segment!r})"
            writer.own(f"{{% if {test} %}}", node.place)
            _nodes(writer, node.children, spelling)
            writer.own("{% endif %}", node.place)
        elif not spelling.whole and _is_still(node):
            writer.own(f"{{{{ __piece({node.number}) }}}}", node.place)
        elif node.kind == "text":
            _call(writer, f"__text({node.number})", node.sources["html"], spelling)
        else:
            writer.own(f"{{{{ __open({node.number}) }}}}", node.place)
            for name, source in node.sources.items():
                _call(writer, f"__field({name!r})", source, spelling)
            _nodes(writer, node.children, spelling)
            writer.own("{{ __close() }}", node.place)


def _call(writer: _Writer, call: str, source: Source, spelling: Spelling) -> None:
    if not spelling.whole and source.is_still:
        writer.own(f"{{{{ {call} }}}}", source.place)
        return
    writer.own(f"{{% call {call} %}}", source.place)
    writer.author(spelled(source, as_text=spelling.as_text), source.place)
    writer.own("{% endcall %}", source.place)


def _is_still(node: Node) -> bool:
    """Whether nothing in a node has to be worked out."""
    return (
        isinstance(node, Piece)
        and all(source.is_still for source in node.sources.values())
        and all(map(_is_still, node.children))
    )


def spelled(source: Source, *, as_text: bool) -> str:
    """The source in one of the two forms, as Jinja gets it."""
    if as_text:
        return source.text
    return source.html if source.shape is Shape.HTML else escape_literals(source.html)


def lines_of(source: str, place: Place, expressions: Iterable[tree.Expression]) -> tuple[Origin, str]:
    """One author's source alone, each tag on a line of its own, and whose the lines are."""
    writer = _Writer(expressions)
    writer.author(source, place)
    return writer.origin, writer.source


def each_source(plan: Plan) -> Iterable[Source]:
    """All authors' sources of a plan; none of them may leave a statement open."""
    for section in plan.sections:
        yield section.title
    for piece in plan.pieces:
        yield from piece.sources.values()
