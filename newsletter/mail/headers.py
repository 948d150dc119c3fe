"""Header fields as bytes: RFC 5322 folding, RFC 2047 encoded words, and nothing that could break out.

Written by hand because Python's `email` (3.11.7) encodes and folds any long word, so that
List-Unsubscribe comes out as `=?utf-8?q?=3Chttps…` and no mail program shows its button (cpython#85725).
"""

import base64
import re

LINE = 76  # characters; RFC 2047 §2 for lines with encoded words, RFC 5322 §2.1.1 recommends 78
WORD = 75  # RFC 2047 §2: an encoded word at its longest

_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")  # RFC 5322 §3.2.3, and blanks
_FORBIDDEN = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")  # Unicode's Cc, Cs, Zl and Zp
_Q_LITERAL = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_Q = tuple(
    chr(byte) if byte in _Q_LITERAL else "_" if byte == 0x20 else f"={byte:02X}" for byte in range(256)
)
_B_START, _Q_START, _END = "=?utf-8?b?", "=?utf-8?q?", "?="
_AROUND = len(_B_START + _END)


def forbidden(text: str) -> str | None:
    """The first character that no header may hold, described for a human; None when there is none.

    Controls (RFC 5322 has none in header text; CR and LF would begin a header of somebody else's),
    the line and paragraph separators, and lone surrogates, which are no text at all.
    """
    found = _FORBIDDEN.search(text)
    if found is None:
        return None
    names = {"\n": "a line break", "\r": "a line break", "\t": "a tab", "\0": "a NUL"}
    return f"{names.get(found[0], 'a control character')} (U+{ord(found[0]):04X})"


def raw(name: str, value: str) -> bytes:
    """A field on one line exactly as given, never encoded or folded.

    For what machines read (Message-ID, List-Unsubscribe and its Post, RFC 8058 §3.1).
    Raises ValueError for anything but printable ASCII, or a line beyond 998 (RFC 5322 §2.1.1).
    """
    line = f"{name}: {value}"
    if not (line.isascii() and line.isprintable()) or len(line) > 998:
        raise ValueError(f"{name} cannot be written as it is")
    return f"{line}\r\n".encode("ascii")


def text(name: str, value: str) -> bytes:
    """Free text, such as Subject: plain when it is short-worded ASCII, else in encoded words.

    Each encoded word is whole UTF-8 by itself (RFC 2047 §5). Reads back to the very same text.
    Raises ValueError for a forbidden character.
    """
    _refuse(name, value)
    room = LINE - len(name) - 2
    tokens = value.split(" ") if _folds_plainly(value, room) else encoded_words(value, first=room)
    return _fold(name, tokens)


def mailbox(name: str, display: str, address: str, *, utf8: bool = False) -> bytes:
    """One mailbox (RFC 5322 §3.4): `Name <local@domain>`, or the bare address without a name.

    address: already checked (see mailbox.py); ASCII, unless the message is one for SMTPUTF8 (RFC 6532 §3.2: such
    addresses stand in headers as they are). Raises ValueError for a forbidden character.
    """
    _refuse(name, display + address)
    if utf8 and not display:
        return f"{name}: {address}\r\n".encode()
    if not address.isascii():
        raise ValueError(f"{name} has an address that is not ASCII")
    if not display:
        return _fold(name, [address])
    return _fold(name, [*_phrase(display, LINE - len(name) - 2), f"<{address}>"])


def _phrase(display: str, room: int) -> list[str]:
    if _folds_plainly(display, room - 2):
        if _ATOMS.fullmatch(display):
            return display.split(" ")
        quoted = display.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}"'.split(" ")
    return encoded_words(display, first=room)


def _folds_plainly(value: str, room: int) -> bool:
    """Whether blanks are the only places to fold at, and enough, and nothing looks like an encoded word."""
    if not (value.isascii() and value.isprintable()) or "=?" in value:
        return False
    words = value.split(" ")
    return all(words) and len(words[0]) <= room and all(len(word) < WORD for word in words)


def encoded_words(value: str, *, first: int = WORD) -> list[str]:
    """RFC 2047 encoded words for a text, in whichever of B and Q is shorter.

    first: room in characters for the first of them. No character is ever cut in two.
    """
    signs = [sign.encode("utf-8") for sign in value]
    written = [_in_q(sign) for sign in signs]
    in_q = sum(map(len, written)) <= _b_size(sum(map(len, signs)))
    words: list[str] = []
    begin, octets, letters, room = 0, 0, 0, min(first, WORD) - _AROUND
    for number, (sign, spelt) in enumerate(zip(signs, written, strict=True)):
        octets, letters = octets + len(sign), letters + len(spelt)
        if number > begin and (letters if in_q else _b_size(octets)) > room:
            words.append(_word(signs[begin:number], in_q=in_q))
            begin, octets, letters, room = number, len(sign), len(spelt), WORD - _AROUND
    return [*words, _word(signs[begin:], in_q=in_q)]


def _in_q(data: bytes) -> str:
    return "".join([_Q[byte] for byte in data])


def _b_size(octets: int) -> int:
    """Letters of base64 for so many bytes."""
    return 4 * -(-octets // 3)


def _word(signs: list[bytes], *, in_q: bool) -> str:
    data = b"".join(signs)
    written = _Q_START + _in_q(data) if in_q else _B_START + base64.b64encode(data).decode("ascii")
    return written + _END


def _fold(name: str, tokens: list[str]) -> bytes:
    """Tokens with one blank between, on as few lines as their length allows (RFC 5322 §2.2.3)."""
    lines = [f"{name}: {tokens[0]}"]
    for token in tokens[1:]:
        if len(lines[-1]) + 1 + len(token) <= LINE:
            lines[-1] += f" {token}"
        else:
            lines.append(f" {token}")
    return ("\r\n".join(lines) + "\r\n").encode("ascii")


def _refuse(name: str, value: str) -> None:
    found = forbidden(value)
    if found:
        raise ValueError(f"{name} holds {found}")
