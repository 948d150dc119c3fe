"""Stable random samples: who is in one depends on the address key and the seed alone."""

import hashlib
from fractions import Fraction

PRIME = 2**31 - 1  # so that hash * a + b stays within 64 bits, in Python and in every database


_H31 = hashlib.blake2b(digest_size=16, person=b"newsletter-h31")


def h31(key: str) -> int:
    """The person's number, from 0 to PRIME - 1: first four bytes of a hash of the address key."""
    digest = _H31.copy()  # begun once: a list may have a million people
    digest.update(key.encode("utf-8", "surrogatepass"))
    return int.from_bytes(digest.digest()[:4], "big") % PRIME


def line(seed: str) -> tuple[int, int]:
    """a and b of `(h31 * a + b) % PRIME`: two seeds give samples that know nothing of each other."""
    digest = hashlib.blake2b(
        seed.encode("utf-8", "surrogatepass"), digest_size=16, person=b"newsletter-seed"
    ).digest()
    return int.from_bytes(digest[:8], "big") % (PRIME - 1) + 1, int.from_bytes(digest[8:], "big") % PRIME


def limit(share: Fraction) -> int:
    """In the sample is whose number lies below: a larger share of the same seed holds the smaller one."""
    return int(PRIME * share)
