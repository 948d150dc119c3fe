"""What an opt-out from a list means for somebody who stands on several."""

from collections.abc import Collection

from newsletter.audience.folding import fold
from newsletter.audience.models import Membership, Standing, Subscriber


def scope_of(list_name: str) -> str:
    """How opt-outs name a list: whoever renames `Partners.csv` to `partners.csv` brings nobody back."""
    return fold(list_name)


def rows_that_count(who: Subscriber, asked: Collection[str]) -> list[Membership]:
    """The rows by which somebody was asked for; all of them where the segment names no list."""
    return [row for row in who.memberships if row.list in asked] or [*who.memberships]


def has_left(who: Subscriber, left: Collection[str], asked: Collection[str]) -> bool:
    """Whether every list by which this person would get it is one that they have left.

    left: scopes of single lists; whoever stays on another one of the lists that count still gets it
    """
    rows = [row for row in rows_that_count(who, asked) if row.standing is Standing.SUBSCRIBED]
    return bool(left) and bool(rows) and all(scope_of(row.list) in left for row in rows)
