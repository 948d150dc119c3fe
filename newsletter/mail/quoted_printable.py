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
    lines = encoded.split(b"\n")
    last = lines.pop()
    if last:
        lines.append(last + b"=")
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
