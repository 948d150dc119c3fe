"""An email address as typed becomes a verdict, the form that is sent, and the key of one mailbox."""

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from newsletter.audience.folding import fold

# RFC 5322 3.2.3: a dot-atom in ASCII, which is what nearly every mailbox is called.
_DOT_ATOM = re.compile(r"[a-zA-Z0-9_!#$%&'*+\-/=?^`{|}~]+(?:\.[a-zA-Z0-9_!#$%&'*+\-/=?^`{|}~]+)*")
_LONGEST_BYTES = 254  # RFC 5321 4.5.3.1.3 with RFC 3696 erratum 1690
AROUND = " \t\u00a0\u200b\u200c\u200d\u2060\ufeff"  # slips of copying; a line break is none


class Address(NamedTuple):
    """`problem` is None for an address that mail can be sent to, else what is wrong, in plain words."""

    key: str  # equal for all spellings of one mailbox
    email: str  # as typed, without blanks around it
    address: str  # as sent: local part as typed, domain as A-label; "" when there is a problem
    problem: str | None = None

    @property
    def needs_smtputf8(self) -> bool:
        """The local part is not ASCII: few servers take that yet (RFC 6531)."""
        return not self.address.isascii()


def parse_address(text: str) -> Address:
    """Never raises. The verdict is email-validator's, without DNS and with `.test` allowed; no network.

    The key folds the local part too: RFC 5321 2.4 lets a server tell Asa@ from asa@, no real one does,
    and one person must not get two mails. An invalid address is keyed by its folded text.

    >>> parse_address("Åsa@Exempel.example.org").key, parse_address("a@räksmörgås.test").address
    ('åsa@exempel.example.org', 'a@xn--rksmrgs-5wao1o.test')
    """
    email = text.strip(AROUND)
    local, _, typed_domain = email.partition("@")
    # Letters and digits alone need no pattern.
    simple = local.isascii() and (local.isalnum() or _DOT_ATOM.fullmatch(local))
    if not simple or not typed_domain or "@" in typed_domain:
        return _whole(email)
    domain = _domain(typed_domain)
    if domain.problem is not None:
        return Address(key=fold(email), email=email, address="", problem=domain.problem)
    if len(local) + 1 + domain.longest_bytes > _LONGEST_BYTES:
        return _whole(email)  # it knows how to say by how much
    address = email if domain.ascii == typed_domain else f"{local}@{domain.ascii}"
    return Address(address.lower(), email, address, None)


_IN_BRACKETS = re.compile(r"<([^<>]+@[^<>]+)>")


def address_in(cell: str) -> Address:
    """The address that a cell names, be it written `Eva <eva@example.org>` (RFC 5322 3.4) or alone.

    >>> address_in("Eva <eva@example.org>").key
    'eva@example.org'
    """
    found = _IN_BRACKETS.search(cell)
    return parse_address(found[1] if found else cell)


def addresses_in(cells: Iterable[str]) -> list[Address]:
    """All that mail could be sent to, of cells whose columns nobody can tell."""
    found = [address_in(cell) for cell in cells if "@" in cell]
    return [each for each in found if each.email and each.problem is None]


_RESERVED = ("test", "example", "invalid", "localhost", "example.com", "example.net", "example.org")


def reserved(address: str) -> bool:
    """Whether the domain is one that never belongs to anybody (RFC 2606, RFC 6761): no real person is meant.

    >>> reserved("asa@mail.example.org"), reserved("asa@exempel.example"), reserved("asa@anexample.org")
    (True, True, False)
    """
    return _reserved(address.rpartition("@")[2])


@functools.lru_cache(maxsize=65_536)
def _reserved(domain: str) -> bool:
    folded = f".{domain.lower()}"
    return any(folded.endswith(f".{name}") for name in _RESERVED)


def mask(email: str) -> str:
    """The address for files and screens that others may see.

    >>> mask("åsa@example.com")
    'å***@example.com'
    """
    local, at, domain = email.rpartition("@")
    return f"{local[:1]}***{at}{domain}" if at else f"{email[:1]}***"


_IN_A_TEXT = re.compile(r"""[^\s<>@,;:"'()\[\]{}=]+@[^\s<>@,;:"'()\[\]{}=]+""")


def without_addresses(text: str) -> str:
    """The text with each address in it masked: what is kept for ever must not say whom it was about.

    >>> without_addresses("550 5.1.1 <asa@example.org>: unknown")
    '550 5.1.1 <a***@example.org>: unknown'
    """
    return _IN_A_TEXT.sub(lambda found: mask(found[0]), text)


@dataclass(frozen=True, slots=True)
class _Domain:
    ascii: str
    longest_bytes: int  # of the forms in which the validator measures an address
    problem: str | None


@functools.lru_cache(maxsize=65_536)
def _domain(typed: str) -> _Domain:
    """A list of a million has a few thousand domains: this is what makes it ten times as fast."""
    from email_validator import validate_email

    try:
        found = validate_email(f"a@{typed}", check_deliverability=False, test_environment=True)
    except ValueError as why:  # EmailNotValidError, and whatever Unicode has in store
        return _Domain("", 0, str(why))
    forms = (typed, found.domain, found.ascii_domain)
    return _Domain(found.ascii_domain.lower(), max(len(form.encode()) for form in forms), None)


def _whole(email: str) -> Address:
    from email_validator import validate_email

    try:
        found = validate_email(email, check_deliverability=False, test_environment=True)
    except ValueError as why:
        return Address(key=fold(email), email=email, address="", problem=str(why))
    domain = found.ascii_domain.lower()
    return Address(
        key=f"{fold(found.local_part)}@{domain}", email=email, address=f"{found.local_part}@{domain}"
    )
