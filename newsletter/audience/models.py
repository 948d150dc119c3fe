"""Subscriber, list and audience as values: what the files in subscribers/ say about people."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from newsletter.audience.folding import fold
from newsletter.errors import Place, Problem


class Standing(StrEnum):
    """What a row's `status` says; the empty cell and `active` mean subscribed."""

    SUBSCRIBED = "subscribed"
    UNSUBSCRIBED = "unsubscribed"
    CLEANED = "cleaned"
    PENDING = "pending"
    UNCLEAR = (
        "unclear"  # the row can't be read: it might say no, so the person gets nothing till it is mended
    )


AttributeValue = str | int | float | bool | date | datetime

# Columns with a meaning of their own; all others become attributes.
TEXT_COLUMNS = (
    "email",
    "first_name",
    "last_name",
    "organisation",
    "city",
    "language",
    "timezone",
    "consent_source",
)


@dataclass(frozen=True, slots=True)
class Membership:
    """One row: a person on one list."""

    list: str
    place: Place
    standing: Standing = Standing.SUBSCRIBED
    consent_source: str = ""
    consent_at: datetime | None = None  # aware, UTC


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A person with address and fields, made of all rows with the same address key.

    Lists are taken by file name; the first non-empty value of a field holds.
    """

    key: str  # the address key: local part case-folded, domain as lower-case A-label
    email: str  # as typed, for showing
    address: str  # as sent: domain as A-label; "" when the address is invalid
    memberships: tuple[Membership, ...]
    first_name: str = ""
    last_name: str = ""
    organisation: str = ""
    city: str = ""
    language: str = ""
    timezone: str = ""
    tags: tuple[str, ...] = ()
    consent_source: str = ""
    consent_at: datetime | None = None
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)  # declared type; missing = absent

    @property
    def lists(self) -> tuple[str, ...]:
        """Each list once, also when the person stands on it in several rows."""
        return tuple(dict.fromkeys(membership.list for membership in self.memberships))

    def value(self, column: str) -> AttributeValue | None:
        """What a column says of this person, by its declared type; None for an empty or absent cell."""
        if column in TEXT_COLUMNS:
            text: str = getattr(self, column)
            return text or None
        return self.consent_at if column == "consent_at" else self.attributes.get(column)

    @property
    def needs_smtputf8(self) -> bool:
        return bool(self.address) and not self.address.isascii()

    @property
    def unsubscribed(self) -> bool:
        """`unsubscribed` in any file holds for the whole project."""
        return any(m.standing is Standing.UNSUBSCRIBED for m in self.memberships)


@dataclass(frozen=True)
class ListFile:
    name: str
    file: str  # relative to the project
    columns: tuple[str, ...]  # folded header names
    rows: int
    outside: int = 0  # line of the first address outside the reserved domains; 0: none


@dataclass(frozen=True)
class Audience:
    """Everybody in subscribers/*.csv, with the findings of loading.

    A list that can't be read at all is in `problems` under its name with an error and not in `lists`.
    """

    people: Sequence[Subscriber]  # ordered by address key
    lists: Mapping[str, ListFile]
    problems: Mapping[str, tuple[Problem, ...]]  # list name -> findings
    columns: frozenset[str]  # all that any list has, the standard ones included

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Of all lists; one that can't be read may hide an opt-out, which holds for the whole project."""
        return tuple(p for problems in self.problems.values() for p in problems if p.is_error)

    @property
    def tags(self) -> Mapping[str, str]:
        """Every tag that somebody has, folded -> as somebody wrote it."""
        found: dict[str, str] = {}
        for person in self.people:
            for tag in person.tags:
                found.setdefault(fold(tag), tag)
        return found

    def find(self, key: str) -> Subscriber | None:
        """The person of this address key."""
        return self.find_all((key,)).get(key)

    def find_all(self, keys: Iterable[str]) -> Mapping[str, Subscriber]:
        """The people of these address keys, by key; whoever is on no list is not in it."""
        people = self.by_key
        return {key: people[key] for key in keys if key in people}

    @property
    def by_key(self) -> Mapping[str, Subscriber]:
        cached: Mapping[str, Subscriber] | None = self.__dict__.get("_by_key")
        if cached is None:
            cached = {person.key: person for person in self.people}
            self.__dict__["_by_key"] = cached
        return cached
