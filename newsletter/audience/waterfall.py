"""From candidates to recipients: who is not mailed, and the one reason that is counted."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from newsletter.audience.leaving import has_left, rows_that_count, scope_of
from newsletter.audience.models import ListFile, Standing, Subscriber
from newsletter.errors import Place, Problem
from newsletter.settings.values import ListSettings

# In this order: the first that holds counts.
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


class AddressState(StrEnum):
    PLAIN = "plain"
    INVALID = "invalid"
    SMTPUTF8 = "smtputf8"  # letters beyond ASCII before the @


@dataclass(frozen=True, slots=True)
class RowFacts:
    list: str
    standing: Standing
    has_source: bool  # the row says where consent was given


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the waterfall needs to know of a person from the files. Few people differ in it."""

    rows: tuple[RowFacts, ...]
    address: AddressState


def facts_of(who: Subscriber) -> Facts:
    rows = tuple(RowFacts(row.list, row.standing, bool(row.consent_source)) for row in who.memberships)
    return Facts(rows, address_state(who.address))


def address_state(address: str) -> AddressState:
    if not address:
        return AddressState.INVALID
    return AddressState.PLAIN if address.isascii() else AddressState.SMTPUTF8


@dataclass(frozen=True)
class Rules:
    """What decides beside the person.

    lists: `[list.NAME]` for a live send; None otherwise, then consent is not asked for.
    smtputf8: whether addresses with a local part outside ASCII may go.
    asked: the lists by which the candidates were chosen; who waits to be confirmed there is not mailed by them
    """

    lists: Mapping[str, ListSettings] | None
    smtputf8: bool = False
    asked: Collection[str] = ()

    def reason(self, facts: Facts, *, excluded: bool, left: Collection[str], capped: bool) -> str | None:
        """Why this person is not mailed, a key of REASONS; None for a recipient."""
        return next(self.reasons(facts, excluded=excluded, left=left, capped=capped), None)

    def reasons(self, facts: Facts, *, excluded: bool, left: Collection[str], capped: bool) -> Iterator[str]:
        """All that holds against mailing this person, in the order of REASONS: the first one counts.

        left: the scopes that they opted out of
        """
        standings = {row.standing for row in facts.rows}
        if excluded:
            yield "excluded"
        if Standing.UNSUBSCRIBED in standings:  # in any file: it holds for the whole project
            yield "unsubscribed"
        if Standing.CLEANED in standings:
            yield "cleaned"
        if has_left(facts.rows, left, self.asked):
            yield "suppressed"
        if self._is_pending(facts, standings):
            yield "pending"
        if self.lists is not None and not self._has_ground(facts, self.lists, left):
            yield "no_consent"
        if facts.address is AddressState.INVALID:
            yield "invalid"
        if facts.address is AddressState.SMTPUTF8 and not self.smtputf8:
            yield "smtputf8"
        if capped:
            yield "capped"

    def _is_pending(self, facts: Facts, standings: set[Standing]) -> bool:
        """Confirmed on none of the lists that count, or a row that can't be read and might say no."""
        if Standing.UNCLEAR in standings:
            return True
        counting = {row.standing for row in rows_that_count(facts.rows, self.asked)}
        return Standing.PENDING in counting and Standing.SUBSCRIBED not in counting

    def _has_ground(self, facts: Facts, lists: Mapping[str, ListSettings], left: Collection[str]) -> bool:
        """Whether a subscribed row gives a ground to mail: another basis than consent, or a consent's source.

        A list that somebody has left gives none any more.
        """
        for row in facts.rows:
            if row.standing is Standing.SUBSCRIBED and scope_of(row.list) not in left:
                ground = lists.get(row.list) or ListSettings()
                if ground.basis != "consent" or row.has_source or ground.consent_source:
                    return True
        return False


@dataclass(frozen=True)
class Waterfall:
    """candidates == len(recipients) + the sum of all excluded, by construction: each person is put once."""

    candidates: int
    recipients: Sequence[Subscriber]  # by address key
    excluded: Mapping[str, Sequence[Subscriber]]  # every reason, also those that met nobody
    lists: frozenset[str] = frozenset()  # on which candidates stand

    @property
    def counts(self) -> dict[str, int]:
        return {reason: len(people) for reason, people in self.excluded.items()}


def waterfall(
    candidates: Iterable[Subscriber],
    rules: Rules,
    *,
    is_excluded: Callable[[Subscriber], bool],
    left: Callable[[Subscriber], Collection[str]],
    capped: Callable[[Subscriber], bool] = lambda _who: False,
) -> Waterfall:
    """Of people who are at hand; the store does the same for a million by the same rules.

    left: the scopes that somebody opted out of
    """
    people = {who.key: who for who in candidates}  # candidates are people: each once
    out: dict[str, list[Subscriber]] = {reason: [] for reason in REASONS}
    recipients: list[Subscriber] = []
    decide = _Deciding(rules)
    for key in sorted(people):
        who = people[key]
        reason = decide(who, excluded=is_excluded(who), left=left(who), capped=capped(who))
        (recipients if reason is None else out[reason]).append(who)
    excluded = {reason: tuple(found) for reason, found in out.items()}
    lists = frozenset(row.list for who in people.values() for row in who.memberships)
    return Waterfall(len(people), tuple(recipients), excluded, lists)


class _Deciding:
    """Rules.reason for people of whom few differ in what counts: each case is decided once."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._known: dict[object, str | None] = {}

    def __call__(self, who: Subscriber, *, excluded: bool, left: Collection[str], capped: bool) -> str | None:
        rows = [(row.list, row.standing._value_, bool(row.consent_source)) for row in who.memberships]
        case = (*rows, address_state(who.address)._value_, excluded, frozenset(left), capped)
        if case not in self._known:
            self._known[case] = self._rules.reason(facts_of(who), excluded=excluded, left=left, capped=capped)
        return self._known[case]


def lists_without_ground(
    names: Iterable[str], files: Mapping[str, ListFile], lists: Mapping[str, ListSettings]
) -> tuple[Problem, ...]:
    """Why a live send has to stop: of these lists those on which nobody can have a consent source.

    One problem (A122) a list whose basis is consent and that has neither the column nor a default.
    """
    found = []
    for name in sorted(names):
        ground, file = lists.get(name) or ListSettings(), files.get(name)
        if file is None or ground.basis != "consent" or ground.consent_source:
            continue
        if "consent_source" not in file.columns:
            message = f"nothing says where the people on the list `{name}` gave their consent"
            hint = f'a column consent_source, or in newsletter.toml: [list.{name}] consent_source = "…"'
            found.append(Problem("A122", message, Place(file.file, 1), hint))
    return tuple(found)
