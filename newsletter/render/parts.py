"""Markdown tokens become parts: texts, pictures, buttons, statements between them; and what went wrong inside them."""

import re
from collections.abc import Sequence

from markdown_it.token import Token

from newsletter.render.draft import Draft
from newsletter.render.markdown import plain_alt
from newsletter.render.plaintext import block_end
from newsletter.render.remarks import blank_in_name, offset_in, refuse_set, remark
from newsletter.render.tree import Button, Control, Item, Marked, Picture, Text

_ATTRIBUTE = re.compile(r"\s*([^\W\d][\w-]*)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'{}]+))")
_CURLY = re.compile("[“”„‘’»«]")


def items_of(draft: Draft, tokens: Sequence[Token]) -> tuple[Item, ...]:
    """The parts of a run in their order; neighbouring blocks of text are one Text."""
    items: list[Item] = []
    text: list[Token] = []

    def flush() -> None:
        if text:
            place = draft.place(next((token.meta["offset"] for token in text if "offset" in token.meta), 0))
            marked = mark_up(draft, text)
            items.append(Text(place, marked.html, marked.text))
            text.clear()

    at = 0
    while at < len(tokens):
        end = block_end(tokens, at)
        part = _part(draft, tokens[at:end])
        if part is None:
            text += tokens[at:end]
        else:
            flush()
            items.append(part)
        at = end
    flush()
    return tuple(items)


def mark_up(draft: Draft, tokens: Sequence[Token]) -> Marked:
    """HTML and plain text of blocks, both Jinja source; findings go to the draft."""
    for token in tokens:
        _settle(draft, token)
        if token.type == "inline":
            remark(draft, token)
        elif token.type == "heading_open" and token.tag in ("h1", "h2"):
            message, hint = (
                "a heading inside a list or quote",
                "a section's `##` begins its line; use **bold** here",
            )
            draft.problem("C102", message, token.meta.get("offset", 0), hint)
    text = draft.plain.blocks(tokens)
    html = draft.markdown.html(tokens).rstrip("\n")
    return Marked(draft.tokenised.restore(html), draft.tokenised.restore(text))


def mark_up_inline(draft: Draft, inline: Token) -> Marked:
    """The same for one line without a paragraph around it."""
    _settle(draft, inline)
    remark(draft, inline)
    text = draft.plain.inline(inline.children)
    html = draft.markdown.inline_html(inline.children or ())
    return Marked(draft.tokenised.restore(html), draft.tokenised.restore(text))


def _part(draft: Draft, block: Sequence[Token]) -> Item | None:
    if block[0].type == "statement_block":
        index = block[0].meta["index"]
        mark = draft.tokenised.marks[index]
        return Control(mark.place, draft.tokenised.restore(block[0].meta["token"]))
    if len(block) != 3 or block[0].type != "paragraph_open":
        return None
    return picture_of(draft, block[1]) or _button(draft, block[1])


def picture_of(draft: Draft, inline: Token) -> Picture | None:
    """The paragraph as a picture if it holds one with its attributes, perhaps linked, and nothing else."""
    children = [child for child in inline.children or () if child.type != "text" or child.content]
    link = None
    end = 0
    if children and children[0].type == "link_open":
        link = str(children[0].attrs.get("href", ""))
        closer = next(child for child in children if child.type == "link_close")
        end = int(closer.meta.get("end", 0))
        children = children[1 : children.index(closer)]
    if not children or children[0].type != "image":
        return None
    image = children[0]
    spans = (
        [(int(image.meta["end"]), int(closer.meta["at"])), (end, len(inline.content))]
        if link is not None
        else []
    )
    spans = spans or [(int(image.meta["end"]), len(inline.content))]
    attributes: dict[str, str] = {}
    for start, stop in spans:
        rest = inline.content[start:stop]
        if rest.strip() and not rest.lstrip().startswith("{"):
            return None
        attributes |= _attributes(draft, inline, start, rest)
    start = int(image.meta["start"]) if link is None else 0
    draft.settle(inline.content, ("picture", offset_in(inline, 0)))
    restore = draft.tokenised.restore
    source = draft.markdown.addresses.get(str(image.attrs["src"]), str(image.attrs["src"]))
    if re.search(r"\s", source):
        blank_in_name(draft, offset_in(inline, start), source)
    return Picture(
        draft.place(offset_in(inline, start)),
        restore(source),
        restore(" ".join(plain_alt(image.children).split())),
        {name: restore(value) for name, value in attributes.items()},
        restore(link) if link is not None else None,
    )


def _attributes(draft: Draft, inline: Token, start: int, rest: str) -> dict[str, str]:
    """`{name="value" …}` behind a picture; one problem at most."""
    text = rest.rstrip()
    opening = len(text) - len(text.lstrip())
    found: dict[str, str] = {}
    if not text:
        return found

    def refuse(message: str, at: int, hint: str) -> dict[str, str]:
        draft.problem("C123", message, offset_in(inline, start + at), hint)
        return found

    if opening:
        return refuse(
            "a blank before `{`", opening, "write the attributes directly behind the picture: `![…](…){…}`"
        )
    outside = re.sub(r"(=\s*)(\"[^\"]*\"|'[^']*')", lambda value: value[1] + "·" * len(value[2]), text)
    if curly := _CURLY.search(outside):
        straight = _CURLY.sub('"', draft.tokenised.written(text))
        return refuse(
            f"curly quote `{curly[0]}` in a picture's attributes", curly.start(), f"write `{straight}`"
        )
    at = 1
    while attribute := _ATTRIBUTE.match(text, at):
        name, *values = attribute.groups()
        if name in found:
            return refuse(f"the attribute `{name}` stands twice", attribute.start(1), "take one of them out")
        found[name] = next(value for value in values if value is not None)
        at = attribute.end()
    if text[at:].strip() != "}":
        return refuse(
            f"cannot read the picture's attributes `{draft.written(text)}`",
            at,
            'write `![…](file.jpg){credit="Photo: …" width="320"}` and nothing behind it',
        )
    return found


def _button(draft: Draft, inline: Token) -> Button | None:
    """The paragraph as a button if it is one bold link and nothing else."""
    children = [child for child in inline.children or () if child.type != "text" or child.content]
    kinds = {child.type for child in (*children[:2], *children[-2:])}
    if kinds != {"strong_open", "link_open", "link_close", "strong_close"} or inline.meta.get("notes"):
        return None
    if sum(child.type == "link_open" for child in children) != 1 or _inner_end(children) != len(children):
        return None
    address = next(child for child in children if child.type == "link_open")
    if not address.attrs.get("href") or any(child.type == "image" for child in children):
        return None
    label = children[2:-2]
    _settle(draft, inline)
    remark(draft, inline)
    restore = draft.tokenised.restore
    text = restore(draft.plain.inline(label))
    html = restore(draft.markdown.inline_html(label))
    place = draft.place(offset_in(inline, 0))
    return Button(place, html, text, restore(str(address.attrs["href"])))


def _inner_end(children: Sequence[Token]) -> int:
    """Where the first element ends, if the second one fills it; else -1."""
    outer, inner = block_end(children, 0), block_end(children, 1)
    return outer if inner == outer - 1 else -1


def _settle(draft: Draft, token: Token) -> None:
    """Where the statements inside a block's text stand: those of one group within the same element or address."""
    home = object()
    if token.type != "inline":
        draft.settle(token.content, home)
        draft.settle(token.info, (home, "info"))
        return
    path: tuple[int, ...] = ()
    for number, child in enumerate(token.children or ()):
        if child.nesting < 0:
            path = path[:-1]
        if child.type == "statement":
            draft.settle(child.meta["token"], (home, path))
            refuse_set(draft, child.meta["token"])
        else:
            draft.settle(child.content if child.type != "image" else "", (home, path, number))
        for name, value in child.attrs.items():
            draft.settle(str(value), (home, path, number, name))
        if child.type == "image":
            draft.settle(plain_alt(child.children), (home, path, number, "alt"))
        if child.nesting > 0:
            path = (*path, number)
