"""MJML as a tree: read with the position of each fault, put in order, written so that mrml keeps every letter.

mrml (the engine of mjml-python) reads the text of a component as strict XML, mangles attribute values that are
not plain ASCII, and validates nothing. So all such text is exchanged for tokens before, and put back after.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

ENDING = frozenset((
    "mj-text", "mj-button", "mj-table", "mj-raw", "mj-style", "mj-title", "mj-preview", "mj-navbar-link",
    "mj-social-element", "mj-accordion-title", "mj-accordion-text",
))  # fmt: skip
HEAD = frozenset(
    ["mj-attributes", "mj-breakpoint", "mj-font", "mj-preview", "mj-style", "mj-title", "mj-raw"]
)
COLUMN_CONTENT = frozenset((
    "mj-text", "mj-image", "mj-button", "mj-divider", "mj-spacer", "mj-table", "mj-social", "mj-accordion",
    "mj-carousel", "mj-navbar",
))  # fmt: skip
BLOCKS = frozenset({"mj-section", "mj-wrapper", "mj-hero"})
INSIDE = {
    "mjml": frozenset({"mj-head", "mj-body"}),
    "mj-head": HEAD,
    "mj-body": BLOCKS | {"mj-raw"},
    "mj-wrapper": frozenset({"mj-section", "mj-hero", "mj-raw"}),
    "mj-section": frozenset({"mj-column", "mj-group", "mj-raw"}),
    "mj-group": frozenset({"mj-column", "mj-raw"}),
    "mj-column": COLUMN_CONTENT | {"mj-raw"},
    "mj-hero": COLUMN_CONTENT | {"mj-raw"},
    "mj-social": frozenset({"mj-social-element", "mj-raw"}),
    "mj-navbar": frozenset({"mj-navbar-link", "mj-raw"}),
    "mj-carousel": frozenset({"mj-carousel-image"}),
    "mj-accordion": frozenset({"mj-accordion-element", "mj-raw"}),
    "mj-accordion-element": frozenset({"mj-accordion-title", "mj-accordion-text", "mj-raw"}),
}
KNOWN = (
    frozenset(INSIDE) | ENDING | HEAD | COLUMN_CONTENT | BLOCKS | {"mj-carousel-image", "mj-class", "mj-all"}
)

_OPEN = re.compile(r"<([A-Za-z][\w:-]*)((?:[^<>\"']|\"[^\"]*\"|'[^']*')*?)(/?)>")
_ATTRIBUTE = re.compile(r"""\s*([A-Za-z][\w-]*)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_TOKEN = re.compile(
    r"<!--.*?-->|</([A-Za-z][\w:-]*)\s*>|<\?.*?\?>|<!DOCTYPE[^>]*>", re.DOTALL | re.IGNORECASE
)


class Fault(ValueError):
    """MJML that means nothing; `near` is a piece of source by which the template's line may be found."""

    def __init__(self, message: str, *, near: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.near = near
        self.hint = hint


@dataclass
class Element:
    name: str
    attributes: dict[str, str] = field(default_factory=dict)  # as written, entities kept
    children: "list[Element]" = field(default_factory=list)
    body: str = ""  # of an ending tag: raw
    tag: str = ""  # the opening tag as written

    def find(self, name: str) -> "Element | None":
        return next((child for child in self.children if child.name == name), None)

    def walk(self) -> "Iterator[Element]":
        yield self
        for child in self.children:
            yield from child.walk()


def parse(text: str) -> Element:
    """The tree below `<mjml>`. Comments between components are dropped: they are the template's, not the reader's.

    Raises Fault.
    """
    top = Element("")
    stack = [top]
    position = 0
    while position < len(text):
        start = text.find("<", position)
        if start < 0:
            start = len(text)
        if stray := text[position:start].strip():
            raise Fault(
                f"the text “{_short(stray)}” stands outside of a component",
                near=stray.partition("\n")[0],
                hint="put it into <mj-text>",
            )
        if start == len(text):
            break
        position = _step(text, start, stack)
    if len(stack) > 1:
        raise _unclosed(stack[-1])
    roots = [child for child in top.children if child.name == "mjml"]
    if len(top.children) != 1 or not roots:
        raise Fault(
            "the template must yield one <mjml> with <mj-body> in it", hint="begin it with <mjml><mj-body>"
        )
    return roots[0]


def _step(text: str, start: int, stack: list[Element]) -> int:
    if match := _TOKEN.match(text, start):
        if name := match[1]:
            if stack[-1].name != name:
                opened = f"; <{stack[-1].name}> is still open" if len(stack) > 1 else ""
                hint = f"close <{stack[-1].name}> before, or remove it" if opened else "remove it"
                raise Fault(f"</{name}> closes nothing{opened}", near=f"</{name}", hint=hint)
            stack.pop()
        return match.end()
    match = _OPEN.match(text, start)
    if match is None:
        raise Fault(
            f"this is no tag: {_short(text[start : start + 60])}",
            near=text[start : start + 20].split("\n", maxsplit=1)[0],
        )
    element = Element(match[1], _attributes(match), tag=match[0])
    if element.name not in KNOWN and stack[-1].name != "mj-attributes":
        raise _unknown(element)
    stack[-1].children.append(element)
    if match[3]:
        return match.end()
    if element.name in ENDING and not any(parent.name == "mj-attributes" for parent in stack):
        closing = re.compile(rf"</{re.escape(element.name)}\s*>").search(text, match.end())
        if closing is None:
            raise _unclosed(element)
        element.body = text[match.end() : closing.start()]
        if inner := re.search(r"<mj-[\w-]+", element.body):
            raise Fault(
                f"{inner[0]}> stands in <{element.name}>, which takes HTML only",
                near=match[0].partition("\n")[0],
                hint="print parts and bodies outside of it: they bring their own <mj-text>",
            )
        return closing.end()
    stack.append(element)
    return match.end()


def _attributes(match: re.Match[str]) -> dict[str, str]:
    attributes: dict[str, str] = {}
    position = 0
    written = match[2]
    while written[position:].strip():
        found = _ATTRIBUTE.match(written, position)
        if found is None:
            rest = written[position:].strip()
            raise Fault(
                f"<{match[1]}>: `{_short(rest)}` is no attribute",
                near=match[0].split("\n")[0],
                hint='write name="value"',
            )
        if found[1] in attributes:
            raise Fault(
                f"<{match[1]}> has `{found[1]}` twice",
                near=match[0].partition("\n")[0],
                hint="keep one of them",
            )
        attributes[found[1]] = found[2] if found[2] is not None else found[3]
        position = found.end()
    return attributes


def _unclosed(element: Element) -> Fault:
    return Fault(
        f"<{element.name}> is never closed",
        near=element.tag.partition("\n")[0],
        hint=f"close it with </{element.name}>",
    )


def _unknown(element: Element) -> Fault:
    from newsletter.errors import did_you_mean

    if element.name in ("mj-html-attributes", "mj-include"):
        return Fault(f"<{element.name}> is not supported here", near=f"<{element.name}")
    if not element.name.startswith("mj"):
        return Fault(
            f"<{element.name}> stands outside of a component",
            near=f"<{element.name}",
            hint="HTML goes into <mj-text>, or <mj-raw>",
        )
    return Fault(
        f"there is no component <{element.name}>",
        near=f"<{element.name}",
        hint=did_you_mean(element.name, KNOWN),
    )


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 50 else flat[:49] + "…"


def arrange(root: Element) -> None:
    """Put column content that stands bare into a section and a column; neighbours share them.

    A whole section that stands in the only column of a section ends that one, and it begins again behind.
    Raises Fault for what then still stands where MJML does not take it.
    """
    body = root.find("mj-body")
    if body is None:
        raise Fault("the template yields no <mj-body>", hint="begin it with <mjml><mj-body>")
    body.children = _lifted(body.children)
    for element in body.walk():
        if element.name == "mj-wrapper":
            element.children = _lifted(element.children)
    for element in (body, *(child for child in body.walk() if child.name == "mj-wrapper")):
        element.children = _grouped(element.children, COLUMN_CONTENT, ("mj-section", "mj-column"))
        element.children = _grouped(element.children, frozenset({"mj-column", "mj-group"}), ("mj-section",))
    for element in body.walk():
        if element.name == "mj-section":
            element.children = _grouped(element.children, COLUMN_CONTENT, ("mj-column",))
    _check(root)


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
                again = Element("mj-column", column.attributes, run, tag=column.tag)
                lifted.append(Element("mj-section", child.attributes, [again], tag=child.tag))
                run = []
            if inner is not None:
                lifted.append(inner)
    return lifted


def _check(root: Element) -> None:
    for element in root.walk():
        allowed = INSIDE.get(element.name)
        if allowed is None:
            continue
        for child in element.children:
            if child.name not in allowed:
                raise Fault(
                    f"<{child.name}> can't stand in <{element.name}>",
                    near=child.tag.partition("\n")[0] or f"<{child.name}",
                    hint=f"<{element.name}> takes {', '.join(f'<{name}>' for name in sorted(allowed))}",
                )
