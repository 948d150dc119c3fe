"""Where in the HTML something may depend on the reader: in texts, and in attributes that only say something."""

import re
from collections.abc import Iterator
from html import unescape

from newsletter.render.deferral.addresses import refused_in
from newsletter.render.deferral.ledger import Deferred, Met, Refused

_PIECE = re.compile(
    r"<(?P<raw>style|script|xmp|iframe|noembed|noframes)\b[^>]*>(?P<text>.*?)</(?P=raw)\s*>|<!--(?!\[if).*?-->|<(?P<tag>[a-zA-Z][\w:-]*)(?P<rest>(?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>",
    re.DOTALL | re.IGNORECASE,
)
_ATTRIBUTE = re.compile(r"""([^\s=<>"'/]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>]+)))?""")
_ADDRESSES = frozenset({"href", "src", "background"})
_SAYING = frozenset({"alt", "title", "aria-label", "class", "lang", "dir", "summary"})


def refusals(html: str, deferred: Deferred) -> Iterator[tuple[Met, Refused]]:
    """What stands where escaping does not hold, or where a value would change how the letter is laid out."""
    for piece in _PIECE.finditer(html):
        if not deferred.tokens.stand_in(piece[0]):
            continue
        if raw := piece["raw"]:
            what = "a style sheet" if raw.lower() == "style" else f"<{raw.lower()}>"
            yield from _all(
                piece[0],
                deferred,
                f"{what} is the same for everybody",
                "let it pick a class, or print a text",
            )
        elif piece["tag"]:
            yield from _in_tag(piece["rest"], deferred)


def unquoted(mjml: str, deferred: Deferred) -> Iterator[tuple[Met, Refused]]:
    """What stands in attributes without quotes, where a blank in it would begin the next; the inliner adds them."""
    for piece in _PIECE.finditer(mjml):
        for found in _ATTRIBUTE.finditer(piece["rest"] or ""):
            message = "an attribute that depends on the reader stands between quotes"
            yield from _all(found[4] or "", deferred, message, f'{found[1]}="{{{{ … }}}}"')


def _in_tag(rest: str, deferred: Deferred) -> Iterator[tuple[Met, Refused]]:
    outside = _ATTRIBUTE.sub("", rest)
    yield from _all(
        outside, deferred, "a tag is the same for everybody", "let the condition stand around the element"
    )
    for found in _ATTRIBUTE.finditer(rest):
        name, value = found[1].lower(), next((one for one in found.groups()[1:] if one is not None), "")
        yield from _all(
            name, deferred, "an attribute is there for everybody", "let the condition stand around it"
        )
        if not deferred.tokens.stand_in(value):
            continue
        if name in _ADDRESSES:
            yield from refused_in(unescape(value), deferred)
        elif name not in _SAYING:
            message = f"`{name}` is the same for everybody: it decides how the letter looks"
            yield from _all(value, deferred, message, "let a condition stand around two elements")


def _all(text: str, deferred: Deferred, message: str, hint: str) -> Iterator[tuple[Met, Refused]]:
    for token in deferred.tokens.find(text):
        yield deferred.met[int(token["number"])], Refused(message, hint)
