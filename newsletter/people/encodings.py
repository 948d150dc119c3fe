"""Which encoding a foreign file is in: its mark, strict UTF-8, else the one in which Swedish names look like names.

Nothing is guessed quietly: what is taken is shown with three names, and what stays unclear stops the import.
"""

import codecs
from dataclasses import dataclass
from typing import IO

from newsletter.errors import ChecksFailed, Place, Problem

REPAIR = "double-utf-8"  # UTF-8 that somebody read as Windows-1252 and saved again
_CANDIDATES = ("cp1252", "mac_roman", "cp850")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NAMES = frozenset("åäöÅÄÖéÉüÜøæØÆèÈáóíñçëôâß")
_TWICE = ("Ã¥", "Ã¤", "Ã¶", "Ã…", "Ã„", "Ã–", "Ã©")
_CHUNK = 2**20
_LOOKED_AT = 2**16  # bytes with high letters from which an 8-bit encoding is weighed


@dataclass(frozen=True)
class Encoding:
    """name: as Python has it, or REPAIR; names: up to three cells by which a human can tell whether it is right"""

    name: str
    names: tuple[str, ...] = ()


def find_encoding(file: IO[bytes], shown: str) -> Encoding:
    """Reads all of the file, in constant memory, and goes back to its beginning.

    Raises ChecksFailed: I105 no text, I108 unclear.
    """
    head = file.read(_CHUNK)
    file.seek(0)
    for mark, name in _MARKS:
        if head.startswith(mark):
            return Encoding(name, _names_in(head.decode(name, errors="ignore")))
    if b"\0" in head:
        return _without_mark(head, shown)
    decoder = codecs.getincrementaldecoder("utf-8")()
    high = bytearray()
    clean = True
    while chunk := file.read(_CHUNK):
        if b"\0" in chunk:
            raise _no_text(shown, "it holds NUL characters")
        if len(high) < _LOOKED_AT and not chunk.isascii():
            high += b"\n".join(line for line in chunk.splitlines() if not line.isascii())[:_LOOKED_AT]
        if clean:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                clean = False
    if clean:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            clean = False
    file.seek(0)
    if clean:
        text = high.decode("utf-8", errors="ignore")
        if any(pair in text for pair in _TWICE):
            raise _twice(shown, text)
        return Encoding("utf-8", _names_in(text))
    return _eight_bits(bytes(high), shown)


def _without_mark(head: bytes, shown: str) -> Encoding:
    """UTF-16 whose mark was lost: in Western text every other byte is zero."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    half = max(1, len(head) // 2)
    for zeros, others, name in ((odd, even, "utf-16-le"), (even, odd, "utf-16-be")):
        if zeros > 0.6 * half and others < 0.01 * half:
            return Encoding(name, _names_in(head.decode(name, errors="ignore")))
    raise _no_text(shown, "it holds NUL characters")


def _eight_bits(high: bytes, shown: str) -> Encoding:
    scores = {}
    for name in _CANDIDATES:
        try:
            text = high.decode(name)
        except UnicodeDecodeError:
            continue
        letters = [sign for sign in text if not sign.isascii()]
        good = sum(sign in _NAMES for sign in letters)
        scores[name] = (good - 2 * (len(letters) - good), text)
    ranked = sorted(scores.items(), key=lambda item: -item[1][0])
    clear = ranked and ranked[0][1][0] > 0 and (len(ranked) == 1 or ranked[0][1][0] > ranked[1][1][0])
    if not clear:
        tries = "; ".join(f"{name}: {', '.join(_names_in(text)) or '…'}" for name, (_, text) in ranked)
        raise ChecksFailed(
            Problem(
                "I108",
                f"the file is no UTF-8, and which other encoding it is in is unclear ({tries})",
                Place(shown),
                "say it: --encoding cp1252, or save the file as UTF-8 (Excel: “CSV UTF-8”)",
            )
        )
    return Encoding(ranked[0][0], _names_in(ranked[0][1][1]))


def _twice(shown: str, text: str) -> ChecksFailed:
    names = ", ".join(_names_in(text))
    return ChecksFailed(
        Problem(
            "I108",
            f"names look as if UTF-8 had been read as Windows-1252 and saved again: {names}",
            Place(shown),
            f"--encoding {REPAIR} repairs them; --encoding utf-8 takes them as they are",
        )
    )


def _no_text(shown: str, why: str) -> ChecksFailed:
    return ChecksFailed(
        Problem("I105", f"this is no text file: {why}", Place(shown), "export the list as CSV, in UTF-8")
    )


def _names_in(text: str) -> tuple[str, ...]:
    """Three different words with letters beyond ASCII."""
    found: dict[str, None] = {}
    for word in text.replace(";", " ").replace(",", " ").replace('"', " ").split():
        if not word.isascii() and word.isprintable() and len(word) < 40:
            found.setdefault(word)
        if len(found) == 3:
            break
    return tuple(found)
