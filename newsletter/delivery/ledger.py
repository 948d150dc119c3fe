"""Where a project keeps its state, and who in it is alive."""

from collections.abc import Callable, Iterable
from datetime import datetime

from newsletter.audience.models import Subscriber
from newsletter.files.project import Project
from newsletter.settings.model import Settings
from newsletter.settings.secret import Secret, ensure_secret, load_secret
from newsletter.store.owner import anybody_lives, is_alive
from newsletter.store.store import Store, open_readonly, open_store
from newsletter.store.values import Person, Run

STATE_FILE = ".newsletter/state.db"
OWNERS_FOLDER = ".newsletter/owners"


def open_ledger(project: Project, settings: Settings) -> tuple[Store, Secret]:
    """The ledger and the secret that keys it, both made when they are missing.

    Raises ConfigurationFault when the secret is not the one that this ledger was keyed by, or is gone:
    a new one beside an old ledger would miss every opt-out, so none is made then.
    """
    if load_secret(project, settings) is None and (keyed := open_readonly(project.path(STATE_FILE))):
        with keyed:
            keyed.require_secret(None)
    secret = ensure_secret(project, settings)
    store = open_store(project.path(STATE_FILE))
    try:
        store.bind_secret(secret.fingerprint)
    except BaseException:
        store.close()
        raise
    return store, secret


def read_ledger(project: Project, settings: Settings) -> tuple[Store | None, Secret | None]:
    """The same for reading only: nothing is made, None stands for what is not there."""
    secret = load_secret(project, settings)
    store = open_readonly(project.path(STATE_FILE))
    if store is not None:
        try:
            store.require_secret(secret.fingerprint if secret else None)
        except BaseException:
            store.close()
            raise
    return store, secret


def owner_is_alive(project: Project) -> Callable[[int], bool]:
    folder = project.path(OWNERS_FOLDER)
    return lambda owner: is_alive(folder, owner)


def is_stuck(project: Project, store: Store, run: Run, now: datetime) -> bool:
    """Whether a begun send has people who should have their mail by now, and nobody is at work on it."""
    if run.state != "sending" or anybody_lives(project.path(OWNERS_FOLDER)):
        return False
    return bool(store.ready_batches(run.id, now, limit=1)) or store.counts(run.id).inflight > 0


def persons(people: Iterable[Subscriber], secret: Secret) -> list[Person]:
    return [Person(secret.person(person.key), person.key, person.email) for person in people]
