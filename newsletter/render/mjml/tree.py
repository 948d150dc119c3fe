"""MJML as a tree of components, each with its place."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from newsletter.errors import nearest
from newsletter.render.deferral.tokens import Kind, Tokens
from newsletter.render.mjml.components import components
from newsletter.render.mjml.fault import Fault, Faulty, short
from newsletter.render.mjml.scan import Attribute, Tag, scan

MAX_DEPTH = 64  # a letter has about ten; the engine's recursion ends the process at some thousands
MAX_CHARACTERS = 2_000_000

_LOSE_TEXT = components().keys() - {"mj-html-attribute"}  # in a tag that is unknown, the tag is told of
CONDITION = "?"  # not a component: branches, of which a reader gets one, or a loop
BRANCH = "|"


@dataclass(slots=True)
class Element:
    """A component. `at`: offset of its tag, None for a frame of ours.

    A CONDITION holds one BRANCH or more; the body of a branch is the token that begins it, that of the condition the
    token that ends it.
    """

    name: str
    attributes: dict[str, str] = field(default_factory=dict)  # as written, entities kept
    children: "list[Element]" = field(default_factory=list)
    body: str = ""  # of an ending tag: raw
    at: int | None = None
    body_at: int | None = None
    tag: Tag | None = None  # as its author wrote it

    @property
    def written(self) -> Mapping[str, Attribute]:
        """Where each attribute stands that its author wrote."""
        if self.tag is None or self.at is None:
            return {}
        return {attribute.name: attribute for attribute in self.tag.attributes(self.at)}

    def find(self, name: str) -> "Element | None":
        return next((child for child in self.children if child.name == name), None)

    def content(self) -> "Element":
        """Of the whole letter: its `<mj-body>`."""
        found = self.find("mj-body")
        if found is None:
            raise AssertionError("parse() yields one")
        return found

    def walk(self) -> "list[Element]":
        """The component and all in it, in the text's order."""
        found, waiting = [], [self]
        while waiting:
            element = waiting.pop()
            found.append(element)
            if element.children:
                waiting += element.children[::-1]
        return found

    def leaves(self) -> "Iterator[Element]":
        """The component itself; of a condition those that stand in it."""
        if self.name in (CONDITION, BRANCH):
            for child in self.children:
                yield from child.leaves()
        else:
            yield self

    def again(self, children: "list[Element]") -> "Element":
        """The same component around other content."""
        return Element(self.name, dict(self.attributes), children, at=self.at, tag=self.tag)

    def place_of(self, attribute: str) -> int | None:
        """Offset of an attribute's value; of the tag if it is not its author's."""
        found = self.written.get(attribute)
        return found.value_at if found else self.at


def parse(text: str, tokens: Tokens | None = None) -> tuple[Element, list[Fault]]:
    """The tree below `<mjml>`, and what stands where nobody would ever see it (T123).

    Comments between components are dropped: they are the template's, not the reader's.
    tokens: those of conditions, which may stand between components
    Raises Faulty for what is no tree: tags that don't meet, more than one root, too deep, too long.
    """
    if len(text) > MAX_CHARACTERS:
        raise Faulty(
            Fault("T128", f"the letter has {len(text):,} characters of MJML", None, "a loop too many?")
        )
    reader = _Reader(text, tokens)
    reader.read()
    return reader.root(), reader.lost


class _Reader:
    def __init__(self, text: str, tokens: Tokens | None) -> None:
        self._text = text
        self._tokens = tokens
        self._top = Element("")
        self._stack = [self._top]
        self.lost: list[Fault] = []

    def read(self) -> None:
        text, stack, at = self._text, self._stack, 0
        for start, end, tag, behind in scan(text):
            if start > at and not text[at:start].isspace():
                self._text_between(at, start)
            at = behind
            if tag is None:
                continue
            if not tag.opens:
                if stack[-1].name != tag.name:
                    raise Faulty(self._unopened(tag.name, start))
                stack.pop()
                continue
            element = Element(tag.name, dict(tag.values), [], "", start, None, tag)
            stack[-1].children.append(element)
            if not tag.closes:
                stack.append(element)
                if len(stack) > MAX_DEPTH:
                    message = f"components stand more than {MAX_DEPTH} deep in each other"
                    raise Faulty(Fault("T128", message, start, "write it flatter"))
            if behind > end:
                element.body, element.body_at = text[end:behind], end
        if text[at:].strip():
            self._text_between(at, len(text))

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

    def _unopened(self, name: str, at: int) -> Fault:
        """A closing tag that is not that of the innermost component."""
        opened = self._stack[-1]
        if opened.name == BRANCH:
            return _torn(opened)
        inside = len(self._stack) > 1
        if inside and opened.name not in components() and (guess := nearest(opened.name, components())):
            message = f"there is no component <{opened.name}>"
            return Fault("T121", message, opened.at, f"did you mean <{guess}>?")
        return Fault(
            "T120",
            f"</{name}> closes nothing" + (f"; <{opened.name}> is still open" if inside else ""),
            at,
            f"close <{opened.name}> before, or remove it" if inside else "remove it",
        )

    def _text_between(self, start: int, end: int) -> None:
        """A text that is more than blanks: the tokens of conditions, or one that nobody would see."""
        written = self._text[start:end]
        if self._tokens and (found := self._tokens.alone(written)):
            for one in found:
                self._condition(one, self._tokens.kind(one), start + written.index(one))
            return
        here = self._stack[-1].name
        if not here or here in _LOSE_TEXT:
            stray = written.strip()
            at = start + written.index(stray[0])
            message = f"the text “{short(stray)}” stands outside of a component"
            self.lost.append(Fault("T123", message, at, "put it into <mj-text>"))

    def _condition(self, token: str, kind: Kind, at: int) -> None:
        if kind is Kind.VALUE:
            message = "what is printed here stands outside of a component"
            self.lost.append(Fault("T123", message, at, "put it into <mj-text>"))
            return
        if kind is Kind.OPEN:
            condition = Element(CONDITION, at=at)
            self._stack[-1].children.append(condition)
            self._stack.append(condition)
        elif self._stack[-1].name != BRANCH:
            raise Faulty(_torn(Element(BRANCH, at=at)))
        else:
            self._stack.pop()
        if kind is Kind.CLOSE:
            self._stack.pop().body = token
        else:
            branch = Element(BRANCH, body=token, at=at)
            self._stack[-1].children.append(branch)
            self._stack.append(branch)

    def _unclosed(self, element: Element) -> Fault:
        if element.name == BRANCH:
            return _torn(element)
        hint = f"close it with </{element.name}>"
        return Fault("T120", f"<{element.name}> is never closed", element.at, hint)


def _torn(branch: Element) -> Fault:
    hint = "begin and end it in the same component"
    return Fault(
        "T134", "a condition on the reader begins in one component and ends in another", branch.at, hint
    )
