"""What an opt-out from a list means for somebody who stands on several."""

from collections.abc import Collection, Sequence
from typing import Protocol, TypeVar

from newsletter.audience.folding import fold
from newsletter.audience.models import Standing

EVERYTHING = "*"
"""The scope of who wants nothing at all; any other scope is a single list."""


class OnList(Protocol):
    """Somebody's row on a list, whole or as the waterfall knows it."""

    @property
    def list(self) -> str: ...
    @property
    def standing(self) -> Standing: ...


R = TypeVar("R", bound=OnList)


def scope_of(list_name: str) -> str:
    """How opt-outs name a list: whoever renames `Partners.csv` to `partners.csv` brings nobody back."""
    return fold(list_name)


def rows_that_count(rows: Sequence[R], asked: Collection[str]) -> Sequence[R]:
    """The rows by which somebody was asked for; all of them where the segment names no list."""
    return [row for row in rows if row.list in asked] or rows


def has_left(rows: Sequence[OnList], left: Collection[str], asked: Collection[str]) -> bool:
    """Whether somebody opted out of everything, or of every list by which they would get it.

    left: the scopes that they opted out of; whoever stays on another one of the lists that count still gets it
    """
    if EVERYTHING in left or not left:
        return bool(left)
    counting = [row for row in rows_that_count(rows, asked) if row.standing is Standing.SUBSCRIBED]
    return bool(counting) and all(scope_of(row.list) in left for row in counting)
