"""Bare content put into the frames that MJML wants; what templates print is seldom a whole document."""

from collections.abc import Iterable

from newsletter.render.deferral.tokens import Tokens
from newsletter.render.mjml.components import components, places
from newsletter.render.mjml.tree import BRANCH, CONDITION, Element

COLUMN_CONTENT = frozenset(components()["mj-column"].children or ()) - {"mj-raw"}
BLOCKS = frozenset(components()["mj-body"].children or ()) - {"mj-raw"}


def arrange(root: Element, tokens: Tokens | None = None) -> None:
    """Put column content that stands bare into a section and a column; neighbours share them.

    A whole section that stands in the only column of a section ends that one, and it begins again behind. The
    document of an included file gives its body's content where it stands, and its head to the letter's.

    tokens: those of conditions between components
    """
    if {(one.name, child.name) for one in root.walk() for child in one.children} <= places():
        return  # as the official compiler takes it
    _merge_documents(root)
    body = root.content()
    body.children = _lifted(body.children)
    wrappers = [element for element in body.walk() if element.name == "mj-wrapper"]
    for wrapper in wrappers:
        wrapper.children = _lifted(wrapper.children)
    for element in (body, *wrappers):
        element.children = _grouped(element.children, COLUMN_CONTENT, ("mj-section", "mj-column"), tokens)
        element.children = _grouped(
            element.children, frozenset({"mj-column", "mj-group"}), ("mj-section",), tokens
        )
    for element in body.walk():
        if element.name == "mj-section":
            element.children = _grouped(element.children, COLUMN_CONTENT, ("mj-column",), tokens)


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


def _grouped(
    children: list[Element], bare: frozenset[str], frames: tuple[str, ...], tokens: Tokens | None
) -> list[Element]:
    grouped: list[Element] = []
    run: list[Element] = []

    def end() -> None:
        grouped.extend(_framed(run, frames, tokens))
        run.clear()

    for child in children:
        if all(leaf.name in bare for leaf in child.leaves()):
            run.append(child)
            continue
        end()
        if child.name == CONDITION:
            for branch in child.children:
                branch.children = _grouped(branch.children, bare, frames, tokens)
        grouped.append(child)
    end()
    return grouped


def _framed(children: list[Element], frames: tuple[str, ...], tokens: Tokens | None) -> list[Element]:
    """Bare components within the frames that they want.

    Whoever gets nothing of conditions alone gets no frame either: that of several, or of a loop's rounds, stands in a
    condition of its own; that of one with an `else` in each of its branches.
    """
    if not all(child.name == CONDITION for child in children):
        return _within(children, frames)
    if len(children) == 1 and len(children[0].children) > 1:
        for branch in children[0].children:
            branch.children = _framed(branch.children, frames, tokens)
        return children
    if not children or tokens is None or tokens.around is None:
        return children
    begin, end = tokens.around("".join(map(_outlined, children)))
    branch = Element(BRANCH, body=begin, children=_within(children, frames))
    return [Element(CONDITION, body=end, children=[branch])]


def _within(children: list[Element], frames: tuple[str, ...]) -> list[Element]:
    for name in reversed(frames):
        children = [Element(name, children=list(children))]
    return children


def _outlined(element: Element) -> str:
    """A condition with a sign in place of each component: empty for whoever gets none of them."""
    if element.name == BRANCH:
        return element.body + "".join(map(_outlined, element.children))
    return "".join(map(_outlined, element.children)) + element.body if element.name == CONDITION else "x"


def _lifted(children: list[Element]) -> list[Element]:
    lifted: list[Element] = []
    for child in children:
        columns = child.children if child.name == "mj-section" else []
        column = columns[0] if len(columns) == 1 and columns[0].name == "mj-column" else None
        if child.name == CONDITION:
            for branch in child.children:
                branch.children = _lifted(branch.children)
            lifted.append(child)
        elif column is None or not any(_is_block(inner) for inner in column.children):
            lifted.append(child)
        else:
            lifted += _parted(child, column)
    return lifted


def _parted(section: Element, column: Element) -> list[Element]:
    """The whole sections of a column, and between them the section again around what else is in it."""
    parts: list[Element] = []
    run: list[Element] = []
    for inner in [*column.children, None]:
        if inner is not None and not _is_block(inner):
            run.append(inner)
            continue
        if run:
            parts.append(section.again([column.again(run)]))
            run = []
        if inner is not None and inner.name == CONDITION:
            for branch in inner.children:
                branch.children = _lifted([section.again([column.again(branch.children)])])
        if inner is not None:
            parts.append(inner)
    return parts


def _is_block(element: Element) -> bool:
    return any(leaf.name in BLOCKS for leaf in element.leaves())
