"""MJML as a tree of components, each with its place, and bare content put into the frames that MJML wants."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from newsletter.render.mjml.components import components
from newsletter.render.mjml.fault import Fault, Faulty, short
from newsletter.render.mjml.scan import Attribute, Kind, Token, scan

MAX_DEPTH = 64  # a letter has about ten; the engine's recursion ends the process at some thousands
MAX_CHARACTERS = 2_000_000

COLUMN_CONTENT = frozenset(components()["mj-column"].children or ()) - {"mj-raw"}
_LOSE_TEXT = components().keys() - {"mj-html-attribute"}  # in a tag that is unknown, the tag is told of
BLOCKS = frozenset(components()["mj-body"].children or ()) - {"mj-raw"}


@dataclass(slots=True)
class Element:
    """A component. `at`: offset of its tag, None for a frame of ours."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)  # as written, entities kept
    children: "list[Element]" = field(default_factory=list)
    body: str = ""  # of an ending tag: raw
    at: int | None = None
    body_at: int | None = None
    written: Mapping[str, Attribute] = field(default_factory=dict)  # where each attribute stands

    def find(self, name: str) -> "Element | None":
        return next((child for child in self.children if child.name == name), None)

    def walk(self) -> "Iterator[Element]":
        waiting = [self]
        while waiting:
            element = waiting.pop()
            yield element
            waiting += reversed(element.children)

    def again(self, children: "list[Element]") -> "Element":
        """The same component around other content."""
        return Element(self.name, dict(self.attributes), children, at=self.at, written=self.written)

    def place_of(self, attribute: str) -> int | None:
        """Offset of an attribute's value; of the tag if it is not its author's."""
        return self.written[attribute].value_at if attribute in self.written else self.at


def parse(text: str) -> tuple[Element, list[Fault]]:
    """The tree below `<mjml>`, and what stands where nobody would ever see it (T123).

    Comments between components are dropped: they are the template's, not the reader's.
    Raises Faulty for what is no tree: tags that don't meet, more than one root, too deep, too long.
    """
    if len(text) > MAX_CHARACTERS:
        raise Faulty(
            Fault("T128", f"the letter has {len(text):,} characters of MJML", None, "a loop too many?")
        )
    reader = _Reader(text)
    for token in scan(text):
        reader.take(token)
    return reader.root(), reader.lost


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._top = Element("")
        self._stack = [self._top]
        self.lost: list[Fault] = []

    def take(self, token: Token) -> None:
        kind = token.kind
        if kind is Kind.TEXT:
            self._text_between(token)
        elif kind is Kind.OPEN or kind is Kind.ALONE:
            self._open(token)
        elif kind is Kind.CLOSE:
            self._close(token)
        elif kind is Kind.BODY:
            self._stack[-1].body = self._text[token.start : token.end]
            self._stack[-1].body_at = token.start

    def root(self) -> Element:
        if len(self._stack) > 1:
            raise Faulty(self._unclosed(self._stack[-1]))
        roots = [child for child in self._top.children if child.name == "mjml"]
        if len(self._top.children) != 1 or not roots:
            stray = next((child for child in self._top.children if child.name != "mjml"), None)
            message = "the template must yield one <mjml> with <mj-body> in it"
            raise Faulty(
                Fault("T120", message, stray.at if stray else None, "begin it with <mjml><mj-body>"),
                *self.lost,
            )
        if roots[0].find("mj-body") is None:
            hint = "begin it with <mjml><mj-body>"
            raise Faulty(Fault("T120", "the template yields no <mj-body>", roots[0].at, hint))
        return roots[0]

    def _open(self, token: Token) -> None:
        written = {attribute.name: attribute for attribute in token.attributes}
        if len(written) < len(token.attributes):
            names = [attribute.name for attribute in token.attributes]
            twice = next(one for at, one in enumerate(token.attributes) if one.name in names[:at])
            message = f"<{token.name}> has `{twice.name}` twice"
            raise Faulty(Fault("T120", message, twice.at, "keep one of them"))
        values = {name: attribute.value for name, attribute in written.items()}
        element = Element(token.name, values, at=token.start, written=written)
        self._stack[-1].children.append(element)
        if token.kind is Kind.OPEN:
            self._stack.append(element)
            if len(self._stack) > MAX_DEPTH:
                message = f"components stand more than {MAX_DEPTH} deep in each other"
                raise Faulty(Fault("T128", message, token.start, "write it flatter"))

    def _close(self, token: Token) -> None:
        opened = self._stack[-1]
        if opened.name == token.name:
            self._stack.pop()
            return
        inside = len(self._stack) > 1
        raise Faulty(
            Fault(
                "T120",
                f"</{token.name}> closes nothing" + (f"; <{opened.name}> is still open" if inside else ""),
                token.start,
                f"close <{opened.name}> before, or remove it" if inside else "remove it",
            )
        )

    def _text_between(self, token: Token) -> None:
        written = self._text[token.start : token.end]
        here = self._stack[-1].name
        if not written.isspace() and (not here or here in _LOSE_TEXT):
            stray = written.strip()
            at = token.start + written.index(stray[0])
            message = f"the text “{short(stray)}” stands outside of a component"
            self.lost.append(Fault("T123", message, at, "put it into <mj-text>"))

    def _unclosed(self, element: Element) -> Fault:
        hint = f"close it with </{element.name}>"
        return Fault("T120", f"<{element.name}> is never closed", element.at, hint)


def arrange(root: Element) -> None:
    """Put column content that stands bare into a section and a column; neighbours share them.

    A whole section that stands in the only column of a section ends that one, and it begins again behind. The
    document of an included file gives its body's content where it stands, and its head to the letter's.
    """
    _merge_documents(root)
    body = root.find("mj-body")
    if body is None:
        raise AssertionError("parse() yields a body")
    body.children = _lifted(body.children)
    wrappers = [element for element in body.walk() if element.name == "mj-wrapper"]
    for wrapper in wrappers:
        wrapper.children = _lifted(wrapper.children)
    for element in (body, *wrappers):
        element.children = _grouped(element.children, COLUMN_CONTENT, ("mj-section", "mj-column"))
        element.children = _grouped(element.children, frozenset({"mj-column", "mj-group"}), ("mj-section",))
    for element in body.walk():
        if element.name == "mj-section":
            element.children = _grouped(element.children, COLUMN_CONTENT, ("mj-column",))


def _merge_documents(root: Element) -> None:
    heads: list[Element] = []

    def spliced(children: Iterable[Element]) -> list[Element]:
        found: list[Element] = []
        for child in children:
            if child.name == "mjml":
                if head := child.find("mj-head"):
                    heads.extend(head.children)
                inner = child.find("mj-body")
                found += spliced(inner.children if inner else ())
            else:
                child.children = spliced(child.children)
                found.append(child)
        return found

    root.children = spliced(root.children)
    if heads:
        if root.find("mj-head") is None:
            root.children.insert(0, Element("mj-head"))
        head = root.find("mj-head")
        if head is not None:
            head.children += heads


def _grouped(children: list[Element], bare: frozenset[str], frames: tuple[str, ...]) -> list[Element]:
    grouped: list[Element] = []
    inner: Element | None = None
    for child in children:
        if child.name not in bare:
            inner = None
            grouped.append(child)
            continue
        if inner is None:
            outer = inner = Element(frames[0])
            for name in frames[1:]:
                inner.children.append(Element(name))
                inner = inner.children[-1]
            grouped.append(outer)
        inner.children.append(child)
    return grouped


def _lifted(children: list[Element]) -> list[Element]:
    lifted: list[Element] = []
    for child in children:
        columns = child.children if child.name == "mj-section" else []
        column = columns[0] if len(columns) == 1 and columns[0].name == "mj-column" else None
        if column is None or not any(inner.name in BLOCKS for inner in column.children):
            lifted.append(child)
            continue
        run: list[Element] = []
        for inner in [*column.children, None]:
            if inner is not None and inner.name not in BLOCKS:
                run.append(inner)
                continue
            if run:
                lifted.append(child.again([column.again(run)]))
                run = []
            if inner is not None:
                lifted.append(inner)
    return lifted
