"""Markdown's tokens as plain text: every block ends its own line, so that conditions and loops leave no gaps behind.

Links stand as `text (url)`, or as the bare address where the text is the address or its host; emphasis is dropped,
lists, quotes and tables stay readable without it, and headings have a line below them. Paragraphs are one line each,
marked for `filling`; the text still holds Jinja's tokens.
"""

import re
from collections.abc import Sequence
from urllib.parse import unquote

from markdown_it.token import Token

from newsletter.render.filling import HELD, MARKS, OPEN, SEPARATOR, marked, unread
from newsletter.render.markdown import plain_alt
from newsletter.render.tokens import Tokenised
from newsletter.render.utm import OFF

FIELD_OF_A_READER = 12  # columns of the line under a heading
_SCHEME = re.compile(r"^(?:https?://(?:www\.)?|mailto:|tel:)", re.IGNORECASE)


class PlainText:
    def __init__(self, tokenised: Tokenised, together: re.Pattern[str] | None = None) -> None:
        """together: blanks at which no line may be broken ("29 juni")"""
        self.tokenised = tokenised
        self.together = together

    def blocks(self, tokens: Sequence[Token]) -> str:
        """All blocks, each with a line break behind it and a blank line between them; none at the end."""
        return self._blocks(tokens, tight=False).rstrip("\n")

    def inline(self, tokens: Sequence[Token] | None) -> str:
        """One line; hard breaks are line breaks."""
        words: list[str] = []
        addresses: list[tuple[str, int]] = []
        for token in tokens or ():
            if token.type == "link_open":
                addresses.append((str(token.attrs.get("href", "")), len(words)))
            elif token.type == "link_close" and addresses:
                address, start = addresses.pop()
                words[start:] = [self.link("".join(words[start:]), address)]
            elif token.type == "softbreak":
                words.append(" ")
            elif token.type == "hardbreak":
                words.append("\n")
            elif token.type == "image":
                words.append(f"[{plain_alt(token.children)}]")
            elif token.type == "statement":
                words.append(str(token.meta["token"]))
            else:
                words.append(token.content)
        return "".join(words)

    def link(self, words: str, address: str) -> str:
        shown = address[len("mailto:") :] if address.lower().startswith("mailto:") else address
        shown = shown[len("tel:") :] if shown.lower().startswith("tel:") else shown
        if not words.strip():
            return shown
        if not shown or shown.startswith("#"):
            return words
        if self._bare(words) in (self._bare(address), self._bare(address).split("/", 1)[0]):
            # The same expression twice would be evaluated twice; a host stands for its whole address.
            return shown
        return f"{words} ({shown})"

    def _bare(self, address: str) -> str:
        written = self.tokenised.written(address.removesuffix(OFF)).strip()
        return unquote(_SCHEME.sub("", written)).rstrip("/").casefold()

    def _blocks(self, tokens: Sequence[Token], *, tight: bool) -> str:
        out: list[str] = []
        at = 0
        while at < len(tokens):
            token, end = tokens[at], block_end(tokens, at)
            inside = tokens[at + 1 : end - 1]
            gap = "" if tight or token.hidden else "\n"
            if token.type == "statement_block":
                out.append(str(token.meta["token"]))
            elif token.type == "paragraph_open":
                words = self.inline(inside[0].children if inside else None)
                out.append(self._lines(words) + "\n" + gap)
            elif token.type == "heading_open":
                words = self.inline(inside[0].children if inside else None)
                out.append(f"{words}\n{'~' * min(self._columns(words), 60)}\n{gap}")
            elif token.type in ("bullet_list_open", "ordered_list_open"):
                out.append(self._list(token, inside) + gap)
            elif token.type == "blockquote_open":
                quoted = self._blocks(inside, tight=False).rstrip("\n")
                out.append(self._prefixed(quoted, "> ", "> ") + "\n" + gap)
            elif token.type in ("fence", "code_block"):
                out.append(self._prefixed(token.content.rstrip("\n"), "    ", "    ") + "\n" + gap)
            elif token.type == "table_open":
                out.append(self._table(inside) + gap)
            elif token.type == "hr":
                out.append("* * *\n" + gap)
            elif token.type == "inline":
                out.append(self._lines(self.inline(token.children)) + "\n")
            at = end
        return "".join(out)

    def _lines(self, text: str) -> str:
        """A paragraph, marked: what stands beside it and in the place of its tokens is not known yet."""
        held = self.together.sub(HELD, text) if self.together else text
        return "\n".join(map(marked, held.split("\n")))

    def _columns(self, text: str) -> int:
        """How wide a heading is; a merge field counts as if it were a name, a condition as nothing."""
        values = len(self.tokenised.indices(text)) - len(self.tokenised.statements(text))
        return len(self.tokenised.pattern.sub("", text)) + values * FIELD_OF_A_READER

    def _list(self, opener: Token, tokens: Sequence[Token]) -> str:
        """Items under their marks; numbers count on in the order of the file, whatever conditions leave out."""
        out: list[str] = []
        number = int(opener.attrs.get("start", 1))
        tight = all(
            token.hidden
            for token in tokens
            if token.type == "paragraph_open" and token.level == 2 + opener.level
        )
        at = 0
        while at < len(tokens):
            token, end = tokens[at], block_end(tokens, at)
            if token.type == "statement_block":
                out.append(str(token.meta["token"]))
            else:
                mark = f"{number}. " if opener.type == "ordered_list_open" else "- "
                number += 1
                inside = tokens[at + 1 : end - 1]
                item = self._blocks(inside, tight=tight).rstrip("\n")
                # Behind a condition at its end the item has ended its line already, whichever way it went.
                gap = "" if self._ends_in_statement(item) else "\n" if tight else "\n\n"
                out.append(self._prefixed(item, mark, " " * len(mark)) + gap)
            at = end
        return "".join(out) if tight else "".join(out).removesuffix("\n")

    def _ends_in_statement(self, text: str) -> bool:
        last = text[text.rfind("\n") + 1 :]
        return bool(self.tokenised.statements(last)) and not self.tokenised.pattern.sub("", last).strip(MARKS)

    def _table(self, tokens: Sequence[Token]) -> str:
        """Cells in columns; where a cell holds an expression nobody knows its width, so bars alone part them."""
        rows: list[list[str] | Token] = []
        head = 0
        for at, token in enumerate(tokens):
            if token.type == "tr_open":
                cells = tokens[at + 1 : block_end(tokens, at) - 1]
                rows.append([self.inline(cell.children) for cell in cells if cell.type == "inline"])
                head = head or len(rows)
            elif token.type == "statement_block":
                rows.append(token)
        plain = [row for row in rows if not isinstance(row, Token)]
        known = not any(self.tokenised.indices(cell) for row in plain for cell in row)
        count = len(plain[0]) if plain else 0
        widths = [max(len(row[column]) for row in plain) if known else 0 for column in range(count)]
        out = []
        for number, row in enumerate(rows, 1):
            if isinstance(row, Token):
                out.append(str(row.meta["token"]))
                continue
            out.append(" | ".join(map(str.ljust, row, widths)).rstrip() + "\n")
            if number == head:
                out.append(("-+-" if known else " | ").join("-" * (width or 3) for width in widths) + "\n")
        return "".join(out)

    def _prefixed(self, text: str, first: str, further: str) -> str:
        """Each line behind its mark; a statement at a line's start stays in front of it."""
        lines = []
        prefix = first
        for line in text.split("\n"):
            at = self._behind_statements(line)
            rest = line[at:]
            if later := unread(rest):
                begun, body = later
                inner = self._behind_statements(body)
                held = prefix.replace(" ", HELD) if body[inner:] != SEPARATOR else ""
                head = f"{line[:at]}{OPEN}{further}{begun}{SEPARATOR}{body[:inner]}"
                lines.append(f"{head}{held}{body[inner:]}")
                prefix = further
            elif rest or not at:
                lines.append(line[:at] + (prefix + rest).rstrip(" " if not rest else ""))
                prefix = further
            else:
                lines.append(line)
        return "\n".join(lines)

    def _behind_statements(self, line: str) -> int:
        """The offset of what stands behind those that a line begins with."""
        at = 0
        while (found := self.tokenised.pattern.match(line, at)) and self.tokenised.statements(found[0]):
            at = found.end()
        return at


def block_end(tokens: Sequence[Token], at: int) -> int:
    """The index behind the block that begins at `at`."""
    depth = 0
    for index in range(at, len(tokens)):
        depth += tokens[index].nesting
        if depth <= 0:
            return index + 1
    return len(tokens)
