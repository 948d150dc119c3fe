"""On which lawful ground people are written to, list by list: told before a send, kept with it, told after it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from newsletter.audience.models import Subscriber
from newsletter.settings.model import ListSettings, Settings
from newsletter.store.values import Run


@dataclass(frozen=True)
class Ground:
    """recipients: how many get it by this list. sourced: of how many it is known where they agreed; None: not asked."""

    list: str
    basis: str
    recipients: int
    sourced: int | None

    def __str__(self) -> str:
        return f"{self.list} ({self.basis})"

    @property
    def sources(self) -> str:
        """In words, how far the consent is on record; "" where it rests on something else."""
        if self.sourced is None:
            return ""
        return "all with a source" if self.sourced == self.recipients else f"{self.sourced} with a source"

    def as_json(self) -> dict[str, object]:
        return {
            "list": self.list,
            "basis": self.basis,
            "recipients": self.recipients,
            "with_source": self.sourced,
        }


class Grounds:
    """Counts recipients, one at a time."""

    def __init__(self, settings: Settings) -> None:
        self._lists = settings.list
        self._people: Counter[str] = Counter()
        self._sourced: Counter[str] = Counter()

    def add(self, person: Subscriber, list_name: str) -> None:
        """list_name: by which they get it"""
        self._people[list_name] += 1
        if self._of(list_name).consent_source or any(
            row.consent_source for row in person.memberships if row.list == list_name
        ):
            self._sourced[list_name] += 1

    def found(self) -> tuple[Ground, ...]:
        """By the name of the list."""
        return tuple(
            Ground(name, basis, number, self._sourced[name] if basis == "consent" else None)
            for name, number in sorted(self._people.items())
            for basis in (self._of(name).basis,)
        )

    def _of(self, list_name: str) -> ListSettings:
        return self._lists.get(list_name) or ListSettings()


def kept(run: Run) -> tuple[Ground, ...]:
    """As they were when it was frozen; nothing of a run that is older than this record."""
    found = run.inputs.get("grounds")
    return tuple(
        Ground(one["list"], one["basis"], one["recipients"], one["with_source"])
        for one in (found if isinstance(found, list) else ())
        if isinstance(one, Mapping)
    )


def summed(runs: Iterable[Run]) -> tuple[Ground, ...]:
    """Of runs that went to different people."""
    found: dict[tuple[str, str], Ground] = {}
    for one in (ground for run in runs for ground in kept(run)):
        before = found.get((one.list, one.basis), Ground(one.list, one.basis, 0, None))
        sourced = None if one.sourced is None else one.sourced + (before.sourced or 0)
        found[one.list, one.basis] = Ground(one.list, one.basis, one.recipients + before.recipients, sourced)
    return tuple(found[key] for key in sorted(found))
