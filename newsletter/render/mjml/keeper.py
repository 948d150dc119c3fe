"""What mrml would mangle goes through it as tokens and comes back behind it, letter by letter."""

import functools
import re
import secrets

from newsletter.render.deferral.tokens import Tokens
from newsletter.render.mjml.tree import BRANCH, CONDITION, Element

_SAFE_VALUE = re.compile(r"[ !#%'()*+,\-./0-9:;=?@A-Z\[\]^_`a-z{|}~]*")
_BARE_AMPERSAND = re.compile(r"&(?!#?\w+;)")
_TEXT_ONLY = ("mj-title", "mj-preview", "mj-style")  # no comment is one there


class Keeper:
    """Exchanges for tokens what mrml would mangle, and puts it back.

    mrml reads the text of a component as strict XML and prints attributes as Rust writes strings. A token is a
    lower-case word that begins with a letter; its nonce is new for each message, so that no text can name one.
    """

    def __init__(self, tokens: Tokens | None = None) -> None:
        self._tokens = tokens
        self._word = f"q{secrets.token_hex(6)}z"
        self._kept: list[str] = []

    def write(self, element: Element) -> str:
        """The element as mrml gets it; a condition's tokens between its components as comments."""
        if element.name == CONDITION:
            return f"{''.join(self.write(branch) for branch in element.children)}<!--{element.body}-->"
        if element.name == BRANCH:
            return f"<!--{element.body}-->{''.join(self.write(child) for child in element.children)}"
        opening = _opening(element.name, tuple(element.attributes.items()))
        if opening is None:
            written = (f' {name}="{self._attribute(value)}"' for name, value in element.attributes.items())
            opening = f"<{element.name}{''.join(written)}>"
        if element.body:
            inner = self._keep(self._body(element))
        else:
            inner = "".join([self.write(child) for child in element.children])
        return f"{opening}{inner}</{element.name}>"

    def restore(self, html: str) -> str:
        """HTML with everything back in its place."""
        before, *pieces = html.split(self._word)
        restored = [before]
        for piece in pieces:
            number, _, behind = piece.partition("x")
            restored += self._kept[int(number)], behind
        return "".join(restored)

    def _body(self, element: Element) -> str:
        if self._tokens and element.name not in _TEXT_ONLY:
            return self._tokens.as_comments(element.body)
        return element.body

    def _attribute(self, value: str) -> str:
        value = " ".join(value.split()) if "\n" in value else value
        return value if _is_safe(value) else self._keep(quotable(value))

    def _keep(self, text: str) -> str:
        self._kept.append(text)
        return f"{self._word}{len(self._kept) - 1}x"


@functools.lru_cache(maxsize=4096)
def _opening(name: str, attributes: tuple[tuple[str, str], ...]) -> str | None:
    """An opening tag in which nothing has to be kept."""
    if not all("\n" not in value and _is_safe(value) for _, value in attributes):
        return None
    written = "".join(f' {one}="{value}"' for one, value in attributes)
    return f"<{name}{written}>"


@functools.lru_cache(maxsize=4096)
def _is_safe(value: str) -> bool:
    """Whether mrml prints an attribute's value as it is."""
    return _SAFE_VALUE.fullmatch(value) is not None


def quotable(value: str) -> str:
    """An attribute's value as it may stand between double quotes."""
    value = _BARE_AMPERSAND.sub("&amp;", value)
    return value.replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
