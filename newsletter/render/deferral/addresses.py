"""Addresses that wait for the reader: which of them may become links, and what of them may depend on whom."""

import dataclasses
import re
from collections.abc import Iterator

from jinja2 import nodes

from newsletter.render.deferral.ledger import Deferred, Met, Refused, is_link
from newsletter.render.deferral.tokens import Kind
from newsletter.render.environment import SAFE_ADDRESS

# What an address begins with that leads to the same host whatever comes behind it.
_HOST_ENDED = re.compile(r"#|(?:mailto|tel):|(?:https?:)?//[^/?#\\\s]+[/?#]", re.IGNORECASE)
_TWO = "'https://example.org/a' if subscriber.city else 'https://example.org/b')"


def as_link(url: str, deferred: Deferred, *, required: bool) -> str:
    """A URL that holds tokens, as it may become a link. Raises Refused.

    A whole one from the reader's data is held against `is_safe_url` when it is filled in; parts of one have to
    be encoded.
    """
    found = [*deferred.tokens.find(url)]
    if len(found) == 1 and found[0][0] == url and found[0]["kind"] == Kind.VALUE:
        number = int(found[0]["number"])
        site = deferred.met[number].site
        if required and isinstance(site.node, nodes.Expr) and not is_link(site.node):
            checked = nodes.Filter(site.node, SAFE_ADDRESS, [], [], None, None, lineno=site.line)
            deferred.met[number] = dataclasses.replace(
                deferred.met[number], site=dataclasses.replace(site, node=checked)
            )
        return url
    for _, refused in refused_in(url, deferred):
        raise refused
    return url


def refused_in(url: str, deferred: Deferred) -> Iterator[tuple[Met, Refused]]:
    """What can't stand where it stands in an address: the host is the same for everybody, all else is encoded.

    `urlencode` leaves slashes, and a host ends at the first: so no value may stand before the host's end.
    """
    found = [*deferred.tokens.find(url)]
    first, met = found[0], deferred.met[int(found[0]["number"])]
    behind = found
    if first.start() == 0:
        if first["kind"] != Kind.VALUE:
            message = "which address this is depends on the reader"
            yield met, Refused(message, f"{{{{ ({_TWO} | safe_url }}}}")
            return
        if not _is_safe_address(met):
            message = "a whole address from a reader's data might run code"
            yield met, Refused(message, "{{ subscriber.site | safe_url('https://…') }}")
            return
        behind = found[1:]
        ended = is_link(met.site.node) or not behind or url[first.end() : behind[0].start()][:1] in [*"/?#"]
    else:
        ended = _HOST_ENDED.match(url[: first.start()]) is not None
    if not ended:
        message = "the host of a link can't depend on the reader: their data might lead anywhere"
        yield (
            deferred.met[int(behind[0]["number"])],
            Refused(message, "https://example.org/{{ … | urlencode }}"),
        )
        return
    for one in behind:
        met = deferred.met[int(one["number"])]
        if one["kind"] == Kind.VALUE and not _is_encoded(met):
            message = "a part of an address that depends on the reader has to be encoded"
            yield met, Refused(message, "{{ subscriber.id | urlencode }}")


def _is_safe_address(met: Met) -> bool:
    """Whether a value that stands for a whole address can run no code."""
    node = met.site.node
    return isinstance(node, nodes.Expr) and (
        is_link(node) or (isinstance(node, nodes.Filter) and node.name in ("safe_url", SAFE_ADDRESS))
    )


def _is_encoded(met: Met) -> bool:
    """Whether a value can stand in an address."""
    node = met.site.node
    return isinstance(node, nodes.Filter) and node.name == "urlencode"
