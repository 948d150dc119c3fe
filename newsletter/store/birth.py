"""Which file a file is: its number on the disk, and when it was born, because numbers are given again.

`rm -r` and `cp` from a backup often yield the very number that was just freed. The birth of a file can't be set, and
no copy has it; Python's `os.stat` does not tell it on Linux.
"""

import ctypes
import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path

# statx(2), as Linux has it since 4.11 and its C libraries since glibc 2.28 and musl 1.2.
_AT_FDCWD, _AT_EMPTY_PATH = -100, 0x1000
_STATX_BTIME = 0x800
_SIZE, _BIRTH = (
    256,
    80,
)  # of `struct statx`, and where in it stx_btime lies: seconds (64 bits), nanoseconds (32)


def identity(of: Path | int) -> str:
    """Of a path or an open descriptor: `NUMBER.BIRTH`, or `NUMBER` where nobody knows its birth. Raises OSError."""
    number = os.stat(of).st_ino  # noqa: PTH116 - a descriptor as well
    born = _birth(of)
    return str(number) if born is None else f"{number}.{born}"


def is_same(one: str, other: str) -> bool:
    """Whether these are one file, as far as both say."""
    known = zip(one.split("."), other.split("."), strict=False)
    return all(a == b for a, b in known)


def _birth(of: Path | int) -> int | None:
    """Nanoseconds since 1970."""
    statx = _statx()
    if statx is None:
        return None
    at, name, flags = (of, b"", _AT_EMPTY_PATH) if isinstance(of, int) else (_AT_FDCWD, os.fsencode(of), 0)
    found = ctypes.create_string_buffer(_SIZE)
    if statx(at, name, flags, _STATX_BTIME, found) != 0 or not _number(found.raw, 0, 4) & _STATX_BTIME:
        return None
    return _number(found.raw, _BIRTH, 8) * 1_000_000_000 + _number(found.raw, _BIRTH + 8, 4)


def _number(raw: bytes, at: int, size: int) -> int:
    return int.from_bytes(raw[at : at + size], sys.byteorder)


@functools.cache
def _statx() -> Callable[..., int] | None:
    try:
        found: Callable[..., int] = ctypes.CDLL(None).statx
    except (OSError, AttributeError):  # another system, or a C library of before
        return None
    return found
