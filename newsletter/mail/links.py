"""Signed names for people and messages: unsubscribe tokens that outlive the database, and sids."""

import base64
import binascii
import functools
import hmac
from dataclasses import dataclass

from newsletter.settings.secret import Secret

NOWHERE = "https://newsletter.invalid"
"""Stands for `public_url` in the outbox and in rehearsals; RFC 6761 §6.4: `.invalid` never resolves."""

TOKEN_VERSION = 1
PERSON_BYTES = 16
TOKEN_MAC_BYTES = 16
SID_MAC_BYTES = 8
LONGEST = 2048  # characters of anything read here: a longer text is foreign and not worth decoding


@dataclass(frozen=True, slots=True)
class Token:
    """What an unsubscribe link says; it opted nobody out yet."""

    person: bytes  # Secret.person(address key): 16 bytes, the address cannot be read from it
    list: str
    language: str  # of the page that answers


@dataclass(frozen=True, slots=True)
class Sid:
    """Whose message of which run."""

    run_id: int
    subscriber_id: int


def unsubscribe_url(
    public_url: str | None, secret: Secret, subscriber_key: str, list_name: str, language: str
) -> str:
    """`{public_url}/u/<token>`: the same for the same person and list, for ever.

    Everything that an opt-out needs stands in the token, signed; so it works after the person was
    forgotten and with a restored or an empty database. No address in it, not even scrambled
    reversibly. subscriber_key: the address key. Raises ValueError for a list name beyond 255 bytes.
    """
    return f"{(public_url or NOWHERE).rstrip('/')}/u/{_token(secret, subscriber_key, list_name, language)}"


def _token(secret: Secret, subscriber_key: str, list_name: str, language: str) -> str:
    body = _head(secret.id) + secret.person(subscriber_key) + _tail(list_name, language)
    mac = secret.mac("unsubscribe link", body, size=TOKEN_MAC_BYTES)
    return base64.urlsafe_b64encode(body + mac).rstrip(b"=").decode("ascii")


@functools.lru_cache(maxsize=16)
def _head(secret_id: str) -> bytes:
    return bytes([TOKEN_VERSION]) + _sized(secret_id)


@functools.lru_cache(maxsize=256)  # the same for all readers of a list
def _tail(list_name: str, language: str) -> bytes:
    return _sized(list_name) + _sized(language)


def read_token(secret: Secret, token: str) -> Token | None:
    """The meaning of a token that this secret signed, None for anything else: never an exception.

    The signature is compared in constant time and before anything is taken from the text.
    """
    raw = _decode_base64url(token)
    if raw is None or len(raw) < 1 + PERSON_BYTES + TOKEN_MAC_BYTES:
        return None
    body, mac = raw[:-TOKEN_MAC_BYTES], raw[-TOKEN_MAC_BYTES:]
    if not hmac.compare_digest(mac, secret.mac("unsubscribe link", body, size=TOKEN_MAC_BYTES)):
        return None
    if body[0] != TOKEN_VERSION:
        return None
    try:
        key_id, rest = _take_sized(body[1:])
        person, rest = rest[:PERSON_BYTES], rest[PERSON_BYTES:]
        list_name, rest = _take_sized(rest)
        language, rest = _take_sized(rest)
    except ValueError:
        return None
    if rest or len(person) != PERSON_BYTES or key_id != secret.id:
        return None
    return Token(person, list_name, language)


def sid(secret: Secret, run_id: int, subscriber_id: int, ledger_id: str, epoch: int) -> str:
    """The name of one message, the same for every attempt: file name, Message-ID, key of events.

    Lower-case letters and digits only (base32), because file systems and mail servers fold case.
    Holds run and subscriber id; the MAC also covers the ledger and its epoch, so that what an older
    database left behind is no evidence in a newer one. Raises ValueError for a negative id.
    """
    body = _variable(run_id) + _variable(subscriber_id)
    return _base32(body + _sid_mac(secret, body, ledger_id, epoch))


def read_sid(secret: Secret, text: str, ledger_id: str, epoch: int) -> Sid | None:
    """Run and subscriber of a sid of this ledger and epoch, None for anything else."""
    if not text.isascii() or len(text) > LONGEST:
        return None
    try:
        raw = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    except (binascii.Error, ValueError):
        return None
    body, mac = raw[:-SID_MAC_BYTES], raw[-SID_MAC_BYTES:]
    if _base32(raw) != text or not hmac.compare_digest(mac, _sid_mac(secret, body, ledger_id, epoch)):
        return None
    run_id, rest = _take_variable(body)
    subscriber_id, _ = _take_variable(rest)
    return Sid(run_id, subscriber_id)


def _sid_mac(secret: Secret, body: bytes, ledger_id: str, epoch: int) -> bytes:
    return secret.mac("sid", body, ledger_id, str(epoch), size=SID_MAC_BYTES)


_DIGITS = "abcdefghijklmnopqrstuvwxyz234567"  # RFC 4648 section 6, in lower case
_PAIRS = [one + other for one in _DIGITS for other in _DIGITS]


def _base32(raw: bytes) -> str:
    """Without padding; two digits at a time, because each reader's name is written so."""
    digits = -(-len(raw) * 8 // 5)
    pairs = -(-digits // 2)
    number = int.from_bytes(raw, "big") << (pairs * 10 - len(raw) * 8)
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(pairs * 10 - 10, -1, -10)])[:digits]


def _decode_base64url(text: str) -> bytes | None:
    """Only the one spelling that we write: Python's decoder skips foreign signs and spare bits."""
    if not text.isascii() or not 0 < len(text) <= LONGEST:
        return None
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None
    return raw if base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii") == text else None


def _sized(text: str) -> bytes:
    raw = text.encode("utf-8")
    if len(raw) > 255:
        raise ValueError(f"{text[:40]!r}… is longer than 255 bytes")
    return bytes([len(raw)]) + raw


def _take_sized(raw: bytes) -> tuple[str, bytes]:
    if not raw or len(raw) < 1 + raw[0]:
        raise ValueError("cut short")
    return raw[1 : 1 + raw[0]].decode("utf-8"), raw[1 + raw[0] :]


def _variable(number: int) -> bytes:
    """A number in as few bytes as it needs: seven bits each, the highest bit says that more follow."""
    if number < 0:
        raise ValueError(f"{number} is no id")
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _take_variable(raw: bytes) -> tuple[int, bytes]:
    number = 0
    for at, byte in enumerate(raw):
        number |= (byte & 0x7F) << (7 * at)
        if byte < 0x80:
            return number, raw[at + 1 :]
    raise ValueError("cut short")
