"""Markdown tokens become parts: texts, pictures, buttons, statements between them; and what went wrong inside them."""

import re
from collections.abc import Sequence

from markdown_it.token import Token

from newsletter.errors import Problem, Severity
from newsletter.render.draft import Draft
from newsletter.render.markdown import plain_alt
from newsletter.render.plaintext import block_end
from newsletter.render.tree import Button, Control, Item, Marked, Picture, Text

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|#|\Z")
_TARGET = re.compile(r"\]\(([^)\n]*)(\)?)")
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
            _find(draft, token)
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
    _find(draft, inline)
    text = draft.plain.inline(inline.children)
    html = draft.markdown.inline_html(inline.children or ())
    return Marked(draft.tokenised.restore(html), draft.tokenised.restore(text))


def offset_in(inline: Token, position: int) -> int:
    """Where a position of an inline token's content stands in the tokenised text."""
    starts = inline.meta.get("starts") or [inline.meta.get("offset", 0)]
    before = inline.content[:position]
    line = min(before.count("\n"), len(starts) - 1)
    return int(starts[line]) + position - (before.rfind("\n") + 1)


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
        _blank_in_name(draft, offset_in(inline, start), source)
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
    _find(draft, inline)
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
            _refuse_set(draft, child.meta["token"])
        else:
            draft.settle(child.content if child.type != "image" else "", (home, path, number))
        for name, value in child.attrs.items():
            draft.settle(str(value), (home, path, number, name))
        if child.type == "image":
            draft.settle(plain_alt(child.children), (home, path, number, "alt"))
        if child.nesting > 0:
            path = (*path, number)


def _refuse_set(draft: Draft, token: str) -> None:
    """A name set inside a text would be gone behind it."""
    mark = draft.tokenised.marks[draft.tokenised.statements(token)[0]]
    if mark.word == "set":
        hint = "put it on a line of its own"
        draft.problems.append(Problem("M132", f"`{mark.shown}` inside a text", mark.place, hint))


def _find(draft: Draft, inline: Token) -> None:
    """What the author most likely meant otherwise."""
    html = False
    for what, position in inline.meta.get("notes", ()):
        rest = inline.content[position:]
        if what == "html" and html and rest.startswith("</"):
            continue  # the end of what has been told of
        html = html or what == "html"
        offset = offset_in(inline, position)
        if what == "link":
            _broken_link(draft, inline, position)
        elif what == "html":
            _raw_html(draft, rest, offset)
        else:
            code, message, hint = _LEFT_OVER[what]
            shown = re.match(r":{3,}|\{[^}\n]*\}?", rest)
            draft.problem(code, message.format(draft.written(shown[0] if shown else rest[:10])), offset, hint)
    if (underline := re.search(r"\n=+[ \t]*(?:\n|\Z)", inline.content)) and inline.content:
        hint = "`## Title` begins a section, `### Title` is a heading inside"
        offset = offset_in(inline, underline.start() + 1)
        draft.problem("C105", "underlined headings are not known", offset, hint, Severity.WARNING)
    _check_links(draft, inline)


_LEFT_OVER = {
    "colons": (
        "C120",
        "`{}` inside a text",
        r"a block begins and ends with `:::` on lines of their own; as text write `\:::`",
    ),
    "kind": (
        "C120",
        "`{}` inside a text",
        r"a kind stands behind the title of a `##` section; as text write `\{`",
    ),
    "attributes": (
        "C126",
        "attributes `{}` inside a text",
        r"only a picture alone in its paragraph takes attributes; as text write `\{`",
    ),
}


def _raw_html(draft: Draft, rest: str, offset: int) -> None:
    shown = re.match(r"<[^<>]*>?", rest)
    hint = "write Markdown: `**bold**`, `*italic*`; a backslash at a line's end is a line break"
    if rest.startswith("<!--"):
        hint = "comments are written `{# … #}`"
    message = f"HTML is shown as text: `{draft.written(shown[0] if shown else rest[:10])}`"
    draft.problem("C121", message, offset, hint, Severity.WARNING)


def _broken_link(draft: Draft, inline: Token, position: int) -> None:
    found = _TARGET.match(inline.content, position)
    target = found[1] if found else ""
    shown = draft.written(target)
    opening = inline.content.rfind("[", 0, position)
    picture = inline.content[max(0, opening - 1) : opening] == "!"
    start = offset_in(inline, max(0, opening - picture))
    if scheme := re.match(r"\s*<?((?:javascript|vbscript|file|data):)", target, re.IGNORECASE):
        hint = "link to https://…, mailto: or tel:"
        draft.problem("C125", f"`{scheme[1]}` is no address for a mail", start, hint)
    elif picture and re.search(r"\S\s+\S", target):
        _blank_in_name(draft, start, target.strip())
    elif re.search(r"\S\s+\S", target):
        straight = "%20".join(shown.split())
        hint = 'write `[text](https://… "title")`' if '"' in shown else f"write `{straight}`"
        draft.problem("C125", f"a blank in the address `{shown}`", start, hint)
    else:
        hint = "a link is written `[text](https://…)`; as text write `\\]`"
        draft.problem("C125", "this link or picture cannot be read", start, hint)


def _blank_in_name(draft: Draft, offset: int, source: str) -> None:
    name = draft.tokenised.written(source)
    better = "-".join(name.split())
    hint = f"rename the file, for example to `{better}`"
    draft.problem("C124", f"a blank in the file name `{name}`", offset, hint)


def _check_links(draft: Draft, inline: Token) -> None:
    openers: list[Token] = []
    for child in inline.children or ():
        if child.type == "image":
            hint = "put it into a paragraph of its own, with a blank line before and behind"
            offset = offset_in(inline, int(child.meta.get("start", 0)))
            draft.problem("C122", "a picture inside a text", offset, hint)
        elif child.type == "link_open":
            openers.append(child)
        elif child.type == "link_close":
            address = str(openers.pop().attrs.get("href", ""))
            offset = offset_in(inline, int(child.meta.get("start", 0)))
            if not address:
                draft.problem("C125", "a link without an address", offset, "write `[text](https://…)`")
            elif not draft.tokenised.pattern.match(address) and not _SCHEME.match(address):
                hint = f"write the whole address: `https://{draft.tokenised.written(address).lstrip('/')}`"
                message = f"`{draft.written(address)}` leads nowhere in a mail"
                draft.problem("C127", message, offset, hint, Severity.WARNING)
