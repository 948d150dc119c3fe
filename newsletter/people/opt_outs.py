"""What a reader may do by the link in a letter: opt out of everything, or of one list, and take it back for a week."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from newsletter.audience.leaving import EVERYTHING, scope_of
from newsletter.store.optouts import held, opted_out, taken_back
from newsletter.store.values import OptOutEvent

By = Literal["page", "one-click"]  # a button that was pressed, or a mail program's own (RFC 8058)

REASON = "unsubscribed"
UNDO_FOR = timedelta(days=7)
_OURS = frozenset({"page", "one-click"})


def everything(person: bytes, by: By, now: datetime) -> OptOutEvent:
    """The link was used: nothing more goes to this person."""
    return opted_out(person, EVERYTHING, REASON, by, now)


def may_take_back(history: Sequence[OptOutEvent], scope: str, now: datetime) -> bool:
    """Whether what holds in this scope was said by the link alone, and not more than a week ago.

    What an operator, an import or a complaint said is not for a link to undo. False where nothing holds.
    """
    said = held(history, scope)
    return bool(said) and all(e.source in _OURS for e in said) and now - said[0].at <= UNDO_FOR


def undo(
    person: bytes, list_name: str, history: Sequence[OptOutEvent], now: datetime
) -> list[OptOutEvent] | None:
    """Events that take back what the link did; None when something holds that it may not take back."""
    wanted: list[OptOutEvent] = []
    for scope in (EVERYTHING, scope_of(list_name)):
        if may_take_back(history, scope, now):
            wanted.append(taken_back(person, scope, "undone", "page", now))
        elif held(history, scope):
            return None
    return wanted


def only_this_list(
    person: bytes, list_name: str, history: Sequence[OptOutEvent], now: datetime
) -> list[OptOutEvent] | None:
    """Events that narrow an opt-out of everything to one list; None when it may not be narrowed any more.

    The list is left first: between the two, and for whoever reads only the first, she gets less, not more.
    """
    leave = opted_out(person, scope_of(list_name), REASON, "page", now)
    if not held(history, EVERYTHING):
        return [leave]
    if not may_take_back(history, EVERYTHING, now):
        return None
    return [leave, taken_back(person, EVERYTHING, "only one list", "page", now)]
