"""Markdown for letters: CommonMark with tables and typographic signs, no raw HTML, blind for Jinja's tokens.

A statement's token is invisible for emphasis and quotes (`{% if x %}"a"{% endif %}` opens and closes a quote), an
expression's token counts as a letter. What the author most likely meant otherwise (HTML, a left-over `:::`, an address
with a blank) is noted on the inline token that holds it: `meta["notes"]` is a list of (what, offset in its content).
"""

import copy
import functools
import re
from collections.abc import Sequence
from typing import Any, cast

import mdurl
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.parser_inline import ParserInline
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline, image, link
from markdown_it.rules_inline.state_inline import Scanned
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from mdit_py_plugins.gfm_autolink import gfm_autolink_plugin

from newsletter.render.tokens import Tokenised
from newsletter.render.utm import OFF

# Opening and closing quote, then the inner pair; English for a language that is not here.
PARAGRAPH = 20_000  # characters that are read for links and emphasis
_QUOTES = {
    **dict.fromkeys(("sv", "fi"), "””’’"),
    **dict.fromkeys(("da", "de"), "„“‚‘"),
    **dict.fromkeys(("nb", "nn", "no"), "«»‘’"),
    "en": "“”‘’",
}
_MONTHS = "januari|februari|mars|april|maj|juni|juli|augusti|september|oktober|november|december"
# Swedish: "29 juni", "1 600", "kl. 09", "plats 17" and "50 %" are not torn apart at the end of a line.
_HARD_SPACES = {
    "sv": re.compile(
        rf"(?<=\d) (?=(?:{_MONTHS})\b|%)|(?:(?<=\bkl\.)|(?<=\bkl)|(?<=\b[Pp]lats)) (?=\d)|(?<=\d) (?=\d{{3}}(?!\d))"
    ),
}
# Nor is "HR-chef" behind its hyphen. What looks like a part of an address stays as it is.
_SHORT_FORM = re.compile(r"(?<![\w./:@?=&%#-])([A-ZÅÄÖ]{2,})-(?=[^\W\d_])")
_NOTES = (
    ("colons", re.compile(r"(?<!:):{3,}")),
    ("kind", re.compile(r"\{\s*\.[^\W\d]")),
    ("attributes", re.compile(r"\{\s*[^\W\d][\w-]*\s*=")),
    ("link", re.compile(r"\]\(")),
    ("html", re.compile(r"</?[A-Za-z][A-Za-z0-9-]*(?=[\s/>])[^<>]*>|<!--")),
)
_UTM_OFF = "{utm=off}"  # directly behind a link
_BAD_SCHEMES = re.compile(r"\s*(?:javascript|vbscript|file|data):", re.IGNORECASE)


_FENCE_OR_REFERENCE = re.compile(r"```|~~~|\]:")
DEEPEST = 100  # lists and quotes in each other; Markdown's own limit of 20 drops what is deeper, unsaid


class Markdown:
    """One tokenised text's Markdown: to tokens, to HTML."""

    def __init__(self, tokenised: Tokenised, language: str) -> None:
        short = re.split(r"[-_]", language.lower(), maxsplit=1)[0]
        self.tokenised = tokenised
        self.hard_spaces = _HARD_SPACES.get(short)
        self.addresses: dict[str, str] = {}  # encoded -> as written
        self.env: dict[str, Any] = {"tokenised": tokenised}
        self._quotes = _QUOTES.get(short, _QUOTES["en"])
        self.md = self._own(_parser(self._quotes))

    def _own(self, parser: MarkdownIt) -> MarkdownIt:
        """The parser with this text's addresses; its rules stay everybody's."""
        own = copy.copy(parser)
        own.normalizeLink = self._normalise  # type: ignore[method-assign]
        return own

    def _normalise(self, url: str) -> str:
        """Percent-encoding and A-labels; a host name that holds a token and other signs keeps its token."""
        from markdown_it.common.normalize_url import normalizeLink

        encoded = normalizeLink(url)
        if self.tokenised.indices(url) and "xn--" in encoded:
            encoded = mdurl.encode(url)
        self.addresses[encoded] = url
        return encoded

    def scan(self, source: str) -> list[Token]:
        """Code fences; link references stay known for all that follows. No more is read than it takes to tell."""
        if not _FENCE_OR_REFERENCE.search(source):
            return []
        return self._own(_parser(self._quotes, only_blocks=True)).parse(source, self.env)

    def parse(self, source: str) -> list[Token]:
        return self.md.parse(source, self.env)

    def parse_inline(self, source: str) -> Token:
        return self.md.parseInline(source, self.env)[0]

    def html(self, tokens: Sequence[Token]) -> str:
        """HTML with tokens in it; changes the text of `tokens` (hard spaces), so make plain text before."""
        for token in tokens:
            for child in [token, *(token.children or [])]:
                if child.type == "text" and self.hard_spaces:
                    held = self.hard_spaces.sub("\N{NO-BREAK SPACE}", child.content)
                    child.content = _SHORT_FORM.sub("\\1\N{NON-BREAKING HYPHEN}", held)
        rendered = self.md.renderer.render(tokens, self.md.options, self.env)
        return cast("str", rendered)

    def inline_html(self, children: Sequence[Token]) -> str:
        wrapper = Token("inline", "", 0, children=list(children))
        return self.html([wrapper])


@functools.cache
def _parser(quotes: str, *, only_blocks: bool = False) -> MarkdownIt:
    """A parser with our rules. Making one takes longer than a field; nothing changes it, so threads may share it."""
    options = {"html": False, "typographer": True, "quotes": quotes, "maxNesting": DEEPEST + 1}
    md = MarkdownIt("commonmark", options, renderer_cls=_Renderer)
    md.enable(["replacements", "smartquotes", "table"]).disable(["lheading", "html_block", "html_inline"])
    inline = _Inline()
    inline.ruler, inline.ruler2 = md.inline.ruler, md.inline.ruler2
    inline.ruler.at("link", _link)
    inline.ruler.at("image", _image)
    inline.ruler.after("autolink", "expression_link", _expression_link)
    inline.ruler.push("notes", _note)
    md.inline = inline
    gfm_autolink_plugin(md)  # a bare address is a link, as mail programs would make it one anyway
    md.core.ruler.at("inline", _parse_inlines)
    md.core.ruler.after("inline", "statements", _hide_statements)
    md.validateLink = lambda url: not _BAD_SCHEMES.match(url)  # type: ignore[method-assign]
    if only_blocks:
        md.core.ruler.enableOnly(["normalize", "block"])
    for ruler in (md.core.ruler, md.block.ruler, inline.ruler, inline.ruler2):
        ruler.getRules("")  # worked out when first asked for, which is not safe in threads
    return md


def plain_alt(tokens: Sequence[Token] | None) -> str:
    """The words of a picture's alternative text."""
    words = []
    for token in tokens or ():
        if token.type == "image":
            words.append(plain_alt(token.children))
        elif token.type in ("softbreak", "hardbreak"):
            words.append(" ")
        else:
            words.append(token.content)
    return "".join(words)


class _State(StateInline):
    """Looks through statements' tokens when it asks whether a star opens or closes, and remembers positions."""

    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:  # noqa: N802, N803, FBT001 - their names
        tokenised: Tokenised = self.env["tokenised"]
        end = start
        while end < self.posMax and self.src[end] == self.src[start]:
            end += 1
        left, right = start, end
        while found := _token_at(tokenised, self.src, left, before=True):
            left -= found
        while found := _token_at(tokenised, self.src, right, before=False):
            right += found
        if (left, right) == (start, end):
            return super().scanDelims(start, canSplitWord)
        src, maximum = self.src, self.posMax
        before, after = src[:left][-1:], src[right:maximum][:1]
        self.src = before + src[start:end] + after
        self.posMax = len(self.src)
        try:
            return super().scanDelims(len(before), canSplitWord)
        finally:
            self.src, self.posMax = src, maximum

    def push(self, ttype: str, tag: str, nesting: Any) -> Token:
        token = super().push(ttype, tag, nesting)
        if ttype == "link_close":
            token.meta["at"] = self.pos
        return token


def _token_at(tokenised: Tokenised, source: str, at: int, *, before: bool) -> int:
    """The length of the statement's token that ends or begins at an offset, else 0."""
    if not tokenised.marks:
        return 0
    if before:
        start = source.rfind("q", max(0, at - 30), at)
        found = tokenised.pattern.fullmatch(source, start, at) if start >= 0 else None
    else:
        found = tokenised.pattern.match(source, at)
    return len(found[0]) if found and tokenised.marks[int(found[1])].is_statement else 0


class _Inline(ParserInline):
    def parse(self, src: str, md: MarkdownIt, env: EnvType, tokens: list[Token]) -> list[Token]:
        state = _State(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


def _parse_inlines(state: StateCore) -> None:
    for token in state.tokens:
        if token.type == "inline":
            token.children = []
            if len(token.content) > PARAGRAPH:  # told by who asked; its links alone would take minutes
                continue
            state.env["inline"] = token
            state.md.inline.parse(token.content, state.md, state.env, token.children)
            del state.env["inline"]


def _hide_statements(state: StateCore) -> None:
    """Statements become tokens of their own without content: quotes look at what stands before and behind them."""
    tokenised: Tokenised = state.env["tokenised"]
    for inline in state.tokens:
        if inline.type == "inline" and tokenised.statements(inline.content):
            inline.children = [part for child in inline.children or () for part in _parted(child, tokenised)]


def _parted(child: Token, tokenised: Tokenised) -> list[Token]:
    if child.type != "text":
        return [child]
    parts: list[Token] = []
    end = 0
    for found in tokenised.pattern.finditer(child.content):
        if tokenised.marks[int(found[1])].is_statement:
            if found.start() > end:
                parts.append(child.copy(content=child.content[end : found.start()]))
            parts.append(Token("statement", "", 0, level=child.level, meta={"token": found[0]}))
            end = found.end()
    return [*parts, child.copy(content=child.content[end:])] if end < len(child.content) else parts


def _link(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - markdown-it's signature
    start = state.pos
    found = link(state, silent)
    if found and state.src.startswith(_UTM_OFF, state.pos):
        state.pos += len(_UTM_OFF)
        if not silent:
            opener = next(token for token in reversed(state.tokens) if token.type == "link_open")
            opener.attrs["href"] = f"{opener.attrs['href']}{OFF}"
    if found and not silent:
        state.tokens[-1].meta |= {"start": start, "end": state.pos}
    return found


def _image(state: StateInline, silent: bool) -> bool:  # noqa: FBT001
    start = state.pos
    found = image(state, silent)
    if found and not silent:
        state.tokens[-1].meta |= {"start": start, "end": state.pos}
    return found


def _expression_link(state: StateInline, silent: bool) -> bool:  # noqa: FBT001
    """`<{{ url }}>` is a link like `<https://…>`."""
    tokenised: Tokenised = state.env["tokenised"]
    found = tokenised.pattern.match(state.src, state.pos + 1) if state.src[state.pos] == "<" else None
    if not found or state.src[found.end() : found.end() + 1] != ">" or tokenised.statements(found[0]):
        return False
    if not silent:
        state.push("link_open", "a", 1).attrs = {"href": found[0]}
        state.push("text", "", 0).content = found[0]
        state.push("link_close", "a", -1)
    state.pos = found.end() + 1
    return True


def _note(state: StateInline, silent: bool) -> bool:  # noqa: FBT001
    inline: Token | None = state.env.get("inline")
    if inline is not None and not silent and state.src is inline.content:
        for what, pattern in _NOTES:
            if pattern.match(state.src, state.pos):
                inline.meta.setdefault("notes", []).append((what, state.pos))
    return False


class _Renderer(RendererHTML):
    """Statements are printed as their tokens; a picture inside a text as its words."""

    def statement(self, tokens: Sequence[Token], idx: int, *_: object) -> str:
        return str(tokens[idx].meta["token"])

    def statement_block(self, tokens: Sequence[Token], idx: int, *_: object) -> str:
        return f"{tokens[idx].meta['token']}\n"

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:  # noqa: ARG002
        return str(escapeHtml(plain_alt(tokens[idx].children)))
