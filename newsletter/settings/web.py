"""Web addresses in settings: https, and plain http only to this very machine."""

import ipaddress
from urllib.parse import SplitResult, quote, urlsplit

from newsletter.files.mistake import Mistake


def is_loopback(host: str) -> bool:
    """The host is this machine by its name alone, without asking anybody."""
    if host.lower() == "localhost" or host.lower().endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def base_url(text: str) -> str:
    """An address to which paths are appended; without the slash at its end.

    Raises Mistake: not https (http is taken for loopback hosts), no host, a user, a query or a fragment.
    """
    address = _split(text)
    if address.query or "?" in text or address.fragment or "#" in text:
        raise Mistake(
            "must be an address without `?` and `#`: paths are put behind it", '"https://example.org"'
        )
    if not text.isascii():
        raise Mistake("has letters beyond ASCII, which links in mail can't have", _ascii(address))
    return text.rstrip("/")


def _ascii(address: SplitResult) -> str:
    try:
        host = (address.hostname or "").encode("idna").decode()
    except UnicodeError:
        return ""
    path = quote(address.path, safe="/%~")
    return f'"{address.scheme}://{host}{f":{address.port}" if address.port else ""}{path}"'


def page_url(text: str) -> str:
    """An address as it is, with a query if there is one; the same demands otherwise. Raises Mistake."""
    _split(text)
    return text


def _split(text: str) -> SplitResult:
    if any(sign.isspace() or not sign.isprintable() for sign in text):
        raise Mistake("holds a blank or a control character", '"https://example.org"')
    try:
        address = urlsplit(text)
        host, _ = address.hostname or "", address.port
    except ValueError:
        raise Mistake("is no web address", '"https://example.org"') from None
    if address.scheme.lower() not in ("https", "http") or not host:
        guess = f'"https://{text}"' if "." in text and "/" not in text.rstrip("/") and ":" not in text else ""
        raise Mistake("is no web address", guess or '"https://example.org"')
    if "@" in address.netloc:
        raise Mistake("holds a user or password, which everybody would see", '"https://example.org"')
    if address.scheme.lower() == "http" and not is_loopback(host):
        raise Mistake("must be https; http only reaches this machine (localhost, 127.0.0.1)", '"https://…"')
    return address
