"""Words that stand in a letter for what depends on the reader, from the template to the finished HTML.

`q`, eight hex digits that are new for each composition, a letter for the kind, a number, `x`. Of the spellings that
were tried only this one comes through Markdown, MJML, the engine and the inliner in every position.
"""

import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    VALUE = "z"  # a value is printed here
    OPEN = "o"  # a condition or a loop begins
    MIDDLE = "m"  # its next branch
    CLOSE = "e"


@dataclass(frozen=True)
class Tokens:
    """The tokens of one composition."""

    nonce: str = field(default_factory=lambda: secrets.token_hex(4))
    around: Callable[[str], tuple[str, str]] | None = (
        None  # those around what stands there unless a text is empty
    )

    def write(self, kind: Kind, number: int) -> str:
        return f"q{self.nonce}{kind}{number}x"

    def stand_in(self, text: str) -> bool:
        """Whether a text holds any of them."""
        return f"q{self.nonce}" in text

    def find(self, text: str) -> Iterator[re.Match[str]]:
        """Each token, with the comment or the empty attribute value around it; groups `kind` and `number`."""
        return re.finditer(rf'(<!--)?q{self.nonce}(?P<kind>[zome])(?P<number>\d+)x(?(1)-->|(?:="")?)', text)

    def kind(self, token: str) -> Kind:
        return Kind(token[1 + len(self.nonce)])

    def alone(self, text: str) -> list[str] | None:
        """The tokens of a text that holds nothing but tokens and blanks; else None."""
        found = text.split()
        whole = re.compile(rf"(?:q{self.nonce}[zome]\d+x)+")
        if not found or not all(whole.fullmatch(word) for word in found):
            return None
        return re.findall(rf"q{self.nonce}[zome]\d+x", text)

    def as_comments(self, html: str) -> str:
        """HTML in which a condition's tokens are comments wherever one may stand: a table moves bare words out."""
        if not self.stand_in(html):
            return html
        pattern = re.compile(
            rf"<!--.*?-->|<[A-Za-z/!](?:[^<>\"']|\"[^\"]*\"|'[^']*')*>|q{self.nonce}[ome]\d+x", re.DOTALL
        )
        return pattern.sub(lambda found: f"<!--{found[0]}-->" if found[0][0] == "q" else found[0], html)
