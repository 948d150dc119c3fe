"""Which way out the settings name: a file of this room, named as in `provider`, with these functions beside it."""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, cast

from newsletter.errors import Problem
from newsletter.files.project import Project
from newsletter.providers.protocol import Parcel, Provider
from newsletter.settings.model import Settings

OUTBOX = "out/outbox"
TESTS = f"{OUTBOX}/_test"  # no campaign is called like this


class Door(Protocol):
    """What each provider's file has beside the provider itself. None of it uses the network or asks for a key."""

    def open_from(self, settings: Settings, folder: Path) -> Provider:
        """folder: for one that writes files. Raises ConfigurationFault when its key is missing or cannot be one."""
        ...

    def largest_batch(self, settings: Settings) -> int:
        """The most recipients that one request takes."""
        ...

    def stays_here(self, settings: Settings) -> bool:
        """Whether what it is handed reaches nobody: files, or a server on a loopback address."""
        ...

    def count_requests(self, settings: Settings, parcels: Sequence[Parcel]) -> int:
        """How many requests these take, of one campaign and not more than `largest_batch`."""
        ...

    def lacks(self, settings: Settings) -> Sequence[Problem]:
        """What the settings still lack for a send through it, all at once: a host, a key."""
        ...


def _door(settings: Settings) -> Door:
    return cast("Door", importlib.import_module(f"newsletter.providers.{settings.provider}"))


def open_provider(project: Project, settings: Settings, *, outbox: str = OUTBOX) -> Provider:
    """The provider that `settings.provider` names. No network, writes nothing.

    outbox: the folder for files where that is the provider
    Raises ConfigurationFault when its key is missing or cannot be one.
    """
    return _door(settings).open_from(settings, project.root / outbox)


def max_batch(settings: Settings) -> int:
    """The most recipients that one request of that provider takes; asks for no key."""
    return _door(settings).largest_batch(settings)


def count_requests(settings: Settings, parcels: Sequence[Parcel]) -> int:
    """How many requests a batch of letters takes; asks for no key."""
    return _door(settings).count_requests(settings, parcels)


def lacks(settings: Settings) -> tuple[Problem, ...]:
    """What the settings still lack for a send through the provider that they name."""
    return tuple(_door(settings).lacks(settings))


def stays_on_this_machine(settings: Settings) -> bool:
    """Whether what this provider is handed reaches nobody: files, or a server on a loopback address."""
    return _door(settings).stays_here(settings)


def outbox_in_use(project: Project) -> bool:
    """Whether a mail of a send lies in the outbox."""
    tests = project.root / TESTS
    return any(tests not in path.parents for path in (project.root / OUTBOX).rglob("*.eml"))
