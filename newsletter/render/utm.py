"""Campaign parameters on links to one's own sites, so that their statistics know where a visitor comes from."""

import re
from collections.abc import Callable
from html import escape, unescape
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from jinja2.filters import do_urlencode

from newsletter.campaigns.models import Campaign, Utm

OFF = "#utm=off"  # behind an address: this one stays as it is

_HREF = re.compile(r"(<(?:a|area|v:\w+)\b[^<>]*?\shref=)(\"[^\"]*\"|'[^']*')", re.IGNORECASE)
_IN_TEXT = re.compile(r"https?://[^\s<>\"\x00-\x1f]+", re.IGNORECASE)
_BEHIND = ".,;:!?'”’»…"  # ends a sentence, not an address


class Tagger:
    """Adds utm_source, utm_medium and utm_campaign to links to the campaign's own hosts, and takes marks out.

    An author's own utm_… parameter stays. `spared`: addresses that are made for one person, which stay as they are;
    `later`: gives what stands for a tagged address that is not known yet, None for one that is.
    """

    def __init__(
        self,
        campaign: Campaign,
        spared: tuple[str, ...] = (),
        later: Callable[[str], str | None] = lambda _url: None,
    ) -> None:
        self._later = later
        self._utm = campaign.utm
        self._campaign = campaign.id
        self._spared = frozenset(spared)

    def html(self, html: str) -> str:
        """HTML whose links are tagged."""
        if self._utm is None and OFF not in html:
            return html

        def link(found: re.Match[str]) -> str:
            written = found[2][1:-1]
            url = unescape(written)
            tagged = self.url(url)
            return found[0] if tagged == url else f'{found[1]}"{escape(tagged)}"'

        return _HREF.sub(link, html)

    def text(self, text: str) -> str:
        """A plain text whose addresses are tagged."""
        if self._utm is None and OFF not in text:
            return text

        def address(found: re.Match[str]) -> str:
            url, rest = _parted(found[0])
            return self.url(url) + rest

        return _IN_TEXT.sub(address, text)

    def url(self, url: str) -> str:
        """One address, tagged if it leads to one of the hosts."""
        if url.endswith(OFF):
            return url.removesuffix(OFF)
        if self._utm is None or url in self._spared:
            return url
        if (unknown := self._later(url)) is not None:
            return unknown
        try:
            parts = urlsplit(url)
            host = (parts.hostname or "").rstrip(".")
        except ValueError:
            return url
        if parts.scheme.lower() not in ("http", "https") or ascii_host(host) not in self._utm.hosts:
            return url
        given = {pair.partition("=")[0] for pair in parts.query.split("&")}
        added = [
            f"{name}={quote(value, safe='')}"
            for name, value in self._parameters(self._utm)
            if name not in given
        ]
        return urlunsplit(parts._replace(query="&".join([*filter(None, [parts.query]), *added])))

    def _parameters(self, utm: Utm) -> tuple[tuple[str, str], ...]:
        return ("utm_source", utm.source), ("utm_medium", utm.medium), ("utm_campaign", self._campaign)


def urlencoded(value: Any) -> str:
    """Filter: Jinja's `urlencode`; a full stop at the end is encoded, too, since in a text it would end a sentence."""
    encoded = do_urlencode(value)
    return f"{encoded[:-1]}%2E" if encoded.endswith(".") else encoded


def ascii_host(host: str) -> str:
    """A host as it is compared: its A-label, in small letters."""
    try:
        return host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return host.lower()


def _parted(found: str) -> tuple[str, str]:
    """An address, and what stands behind it: the end of a sentence, a bracket that was opened before it."""
    end = len(found)
    while end and (
        found[end - 1] in _BEHIND
        or (found[end - 1] == ")" and found[:end].count(")") > found[:end].count("("))
    ):
        end -= 1
    return found[:end], found[end:]
