"""What the author most likely meant otherwise: HTML, left-over `:::` and `{…}`, links and pictures that are none."""

import re

from markdown_it.token import Token

from newsletter.errors import Problem, Severity
from newsletter.render.draft import Draft

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|#|\Z")
_TARGET = re.compile(r"\]\(([^)\n]*)(\)?)")


def offset_in(inline: Token, position: int) -> int:
    """Where a position of an inline token's content stands in the tokenised text."""
    starts = inline.meta.get("starts") or [inline.meta.get("offset", 0)]
    before = inline.content[:position]
    line = min(before.count("\n"), len(starts) - 1)
    return int(starts[line]) + position - (before.rfind("\n") + 1)


def refuse_set(draft: Draft, token: str) -> None:
    """A name set inside a text would be gone behind it."""
    mark = draft.tokenised.marks[draft.tokenised.statements(token)[0]]
    if mark.word == "set":
        hint = "put it on a line of its own"
        draft.problems.append(Problem("M132", f"`{mark.shown}` inside a text", mark.place, hint))


def remark(draft: Draft, inline: Token) -> None:
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
        blank_in_name(draft, start, target.strip())
    elif re.search(r"\S\s+\S", target):
        straight = "%20".join(shown.split())
        hint = 'write `[text](https://… "title")`' if '"' in shown else f"write `{straight}`"
        draft.problem("C125", f"a blank in the address `{shown}`", start, hint)
    else:
        hint = "a link is written `[text](https://…)`; as text write `\\]`"
        draft.problem("C125", "this link or picture cannot be read", start, hint)


def blank_in_name(draft: Draft, offset: int, source: str) -> None:
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
