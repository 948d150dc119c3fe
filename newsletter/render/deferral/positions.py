"""Where in the HTML something may depend on the reader: in texts, and in attributes that only say something."""

import re
from collections.abc import Iterator
from html import unescape

from newsletter.render.deferral.ledger import Deferred, Met, Refused
from newsletter.render.deferral.tokens import Kind

_PIECE = re.compile(
    r"<style\b[^>]*>(?P<css>.*?)</style>|<!--(?!\[if).*?-->|<(?P<tag>[a-zA-Z][\w:-]*)(?P<rest>(?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>",
    re.DOTALL | re.IGNORECASE,
)
_ATTRIBUTE = re.compile(r"""([^\s=<>"'/]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>]+)))?""")
_ADDRESSES = frozenset({"href", "src", "background"})
_SAYING = frozenset({"alt", "title", "aria-label", "class", "lang", "dir", "summary", "content"})


def refusals(html: str, deferred: Deferred) -> Iterator[tuple[Met, Refused]]:
    """What stands where escaping does not hold, or where a value would change how the letter is laid out."""
    for piece in _PIECE.finditer(html):
        if not deferred.tokens.stand_in(piece[0]):
            continue
        if piece["css"] is not None:
            yield from _all(
                piece["css"], deferred, "a style sheet is the same for everybody", "let it pick a class"
            )
        elif piece["tag"]:
            yield from _in_tag(piece["rest"], deferred)


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
            yield from _in_address(unescape(value), deferred)
        elif name not in _SAYING:
            message = f"`{name}` is the same for everybody: it decides how the letter looks"
            yield from _all(value, deferred, message, "let a condition stand around two elements")


def _in_address(url: str, deferred: Deferred) -> Iterator[tuple[Met, Refused]]:
    found = [*deferred.tokens.find(url)]
    first = deferred.met[int(found[0]["number"])]
    if found[0].start() == 0 and not (found[0]["kind"] == Kind.VALUE and deferred.is_safe_address(first)):
        message = "a whole address from a reader's data might run code"
        yield first, Refused(message, "{{ subscriber.site | safe_url('https://…') }}")
        return
    for one in found[found[0].start() == 0 :]:
        met = deferred.met[int(one["number"])]
        if one["kind"] == Kind.VALUE and not deferred.is_encoded(met):
            message = "a part of an address that depends on the reader has to be encoded"
            yield met, Refused(message, "{{ subscriber.id | urlencode }}")


def _all(text: str, deferred: Deferred, message: str, hint: str) -> Iterator[tuple[Met, Refused]]:
    for token in deferred.tokens.find(text):
        yield deferred.met[int(token["number"])], Refused(message, hint)
