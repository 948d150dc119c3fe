"""Body text as quoted-printable (RFC 2045 §6.7) that no relay needs to touch."""

import binascii
import functools
from collections.abc import Sequence

LINE = 76  # characters with the `=` of a soft line break, RFC 2045 §6.7 rule 5


def encode(text: str) -> bytes:
    r"""UTF-8 in lines of at most 76, CRLF only, ending in CRLF.

    All line ends (CRLF, CR, LF) are line breaks of the text. No line begins with `.` (SMTP's dot,
    RFC 5321 §4.5.2) or with `From ` (mailboxes), none ends in a blank: relays change such lines,
    and a signature breaks. A text that does not end in a line break is closed by a soft one, so that
    decoding gives exactly the text.

    >>> encode("Hej å\n.slut")
    b'Hej =C3=A5\r\n=2Eslut=\r\n'
    """
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    encoded = binascii.b2a_qp(plain.encode("utf-8"), quotetabs=False, istext=True)
    whole, end, last = encoded.rpartition(b"\n")
    return _lines(whole + end) + (_guarded([last + b"="]) if last else b"")


def _lines(encoded: bytes) -> bytes:
    """Whole lines as `b2a_qp` makes them: a change needs only what begins badly, or became too long by its end."""
    begun = b"\n" + encoded
    if any(bad in begun for bad in (b"\n.", b"\nFrom ", b"=20\n", b"=09\n")):
        return _guarded(encoded.split(b"\n")[:-1])
    return encoded.replace(b"\n", b"\r\n")


def _guarded(lines: Sequence[bytes]) -> bytes:
    out: list[bytes] = []
    for line in lines:
        if len(line) <= LINE and not line.startswith((b".", b"From ")):  # nearly always
            out.append(line)
        else:
            _guard(line, out)
    return b"\r\n".join([*out, b""])


def encode_pieces(pieces: Sequence[str]) -> bytes:
    """The same of a text in pieces, of which every second one, the first included, is everybody's: encoded once.

    Each piece ends at the end of a line, by a soft break where the text goes on: so what stands behind it begins anew.
    """
    encoded = (encode(piece) if number % 2 else _kept(piece) for number, piece in enumerate(pieces))
    return b"".join(encoded)


def encode_paragraphs(text: str) -> bytes:
    """The same as `encode`, of a text of which most paragraphs are everybody's: those are encoded once."""
    *paragraphs, last = text.split("\n\n")
    return b"".join([*(_kept(f"{paragraph}\n\n") for paragraph in paragraphs), encode(last) if last else b""])


@functools.lru_cache(maxsize=512)
def _kept(piece: str) -> bytes:
    return encode(piece) if piece else b""


def _guard(line: bytes, out: list[bytes]) -> None:
    """Append a line in pieces that begin harmlessly and are short enough."""
    while True:
        if line.startswith(b"."):
            line = b"=2E" + line[1:]
        elif line.startswith(b"From "):
            line = b"=46rom" + line[4:]
        if len(line) <= LINE:
            out.append(line)
            return
        cut = LINE - 1
        if line[cut - 1 : cut] == b"=":
            cut -= 1
        elif line[cut - 2 : cut - 1] == b"=":
            cut -= 2
        out.append(line[:cut] + b"=")
        line = line[cut:]
