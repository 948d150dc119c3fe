"""One mailbox as people write it, `Name <local@domain>`, taken apart for headers and APIs."""

import re
from dataclasses import dataclass

_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>")
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")  # dot-atom
_DOMAIN = re.compile(r"[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A name for people and an address for machines."""

    name: str  # "" = none
    address: str  # ASCII, the domain as A-label

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


def parse_mailbox(text: str) -> Mailbox:
    """Exactly one mailbox.

    A name may stand in quotes and hold anything but `<` and `>`, also a comma. A domain in national
    letters becomes its A-label; a local part in them is refused, because without SMTPUTF8 (RFC 6531)
    no server takes it. Raises ValueError with a sentence for the user.
    """
    named = _NAMED.fullmatch(text.strip())
    name, address = (named["name"].strip(), named["address"].strip()) if named else ("", text.strip())
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1]).strip()
    return Mailbox(name, plain_address(address))


def plain_address(address: str, *, utf8: bool = False) -> str:
    """The address as a server is given it. Raises ValueError with a sentence for the user.

    utf8: whether the server may be asked for SMTPUTF8
    """
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        raise ValueError(f"`{address}` is not one address like hej@example.org")
    if not local.isascii() and utf8:
        from newsletter.audience.address import parse_address

        if parse_address(address).problem is None:
            return parse_address(address).address
    if not local.isascii():
        raise ValueError(f"`{address}` has letters beyond ASCII before the @, which need SMTPUTF8")
    if not domain.isascii():
        from newsletter.audience.address import parse_address

        domain = parse_address(address).address.rpartition("@")[2] or domain
    if not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain) or len(local) > 64 or len(address) > 254:
        raise ValueError(f"`{address}` is not one address like hej@example.org")
    return f"{local}@{domain}"
