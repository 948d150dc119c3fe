"""From candidates to recipients: who is not mailed, and the one reason that is counted."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from newsletter.audience.leaving import rows_that_count, scope_of
from newsletter.audience.models import ListFile, Standing, Subscriber
from newsletter.errors import Place, Problem
from newsletter.settings.values import ListSettings

# In this order: the first that holds counts. `capped` stays empty until there are limits.
REASONS = {
    "excluded": "excluded by the campaign",
    "unsubscribed": "unsubscribed",
    "cleaned": "cleaned: the address bounced before",
    "suppressed": "suppressed",
    "pending": "not confirmed, or a row that can't be read",
    "no_consent": "no consent on record",
    "invalid": "invalid address",
    "smtputf8": "address needs SMTPUTF8",
    "capped": "got enough lately",
}


@dataclass(frozen=True)
class Waterfall:
    """candidates == len(recipients) + the sum of all excluded, by construction: each person is put once."""

    candidates: int
    recipients: tuple[Subscriber, ...]  # by address key
    excluded: Mapping[str, tuple[Subscriber, ...]]  # every reason, also those that met nobody

    @property
    def counts(self) -> dict[str, int]:
        return {reason: len(people) for reason, people in self.excluded.items()}


def waterfall(
    candidates: Iterable[Subscriber],
    *,
    is_excluded: Callable[[Subscriber], bool],
    suppressed: Callable[[Subscriber], bool],
    lists: Mapping[str, ListSettings] | None,
    smtputf8: bool,
    asked: Collection[str] = (),
    left: Callable[[Subscriber], Collection[str]] = lambda _who: (),
) -> Waterfall:
    """Pure. lists: `[list.NAME]` for a live send; None otherwise, then consent is not asked for.

    asked: the lists by which the candidates were chosen; who waits to be confirmed there is not mailed by them
    left: the scopes of single lists that somebody has left: those give no ground any more
    smtputf8: whether addresses with a local part outside ASCII may go.
    """
    questions: dict[str, Callable[[Subscriber], bool]] = {
        "excluded": is_excluded,
        "unsubscribed": lambda who: who.unsubscribed,
        "cleaned": lambda who: _any_row(who, Standing.CLEANED),
        "suppressed": suppressed,
        "pending": lambda who: _is_pending(who, asked),
        "no_consent": lambda who: lists is not None and not _has_ground(who, lists, left(who)),
        "invalid": lambda who: not who.address,
        "smtputf8": lambda who: who.needs_smtputf8 and not smtputf8,
        "capped": lambda _who: False,
    }
    people = {who.key: who for who in candidates}  # candidates are people: each once
    out: dict[str, list[Subscriber]] = {reason: [] for reason in REASONS}
    recipients: list[Subscriber] = []
    for key in sorted(people):
        who = people[key]
        reason = next((reason for reason in REASONS if questions[reason](who)), None)
        (recipients if reason is None else out[reason]).append(who)
    excluded = {reason: tuple(found) for reason, found in out.items()}
    return Waterfall(len(people), tuple(recipients), excluded)


def _any_row(who: Subscriber, standing: Standing) -> bool:
    return any(row.standing is standing for row in who.memberships)


def _is_pending(who: Subscriber, asked: Collection[str]) -> bool:
    """Confirmed on none of the lists that count, or a row that can't be read and might say no."""
    if _any_row(who, Standing.UNCLEAR):
        return True
    standings = {row.standing for row in rows_that_count(who, asked)}
    return Standing.PENDING in standings and Standing.SUBSCRIBED not in standings


def _has_ground(who: Subscriber, lists: Mapping[str, ListSettings], left: Collection[str]) -> bool:
    """Whether a subscribed row gives a ground to mail: another basis than consent, or a consent's source."""
    for row in who.memberships:
        if row.standing is Standing.SUBSCRIBED and scope_of(row.list) not in left:
            ground = lists.get(row.list) or ListSettings()
            if ground.basis != "consent" or row.consent_source or ground.consent_source:
                return True
    return False


def lists_without_ground(
    people: Iterable[Subscriber], files: Mapping[str, ListFile], lists: Mapping[str, ListSettings]
) -> tuple[Problem, ...]:
    """Why a live send has to stop: lists of these people on which nobody can have a consent source.

    One problem (A122) a list whose basis is consent and that has neither the column nor a default.
    """
    found = []
    for name in sorted({row.list for who in people for row in who.memberships}):
        ground, file = lists.get(name) or ListSettings(), files.get(name)
        if file is None or ground.basis != "consent" or ground.consent_source:
            continue
        if "consent_source" not in file.columns:
            message = f"nothing says where the people on the list `{name}` gave their consent"
            hint = f'a column consent_source, or in newsletter.toml: [list.{name}] consent_source = "…"'
            found.append(Problem("A122", message, Place(file.file, 1), hint))
    return tuple(found)
