"""Where a project keeps its state, and who in it is alive."""

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime

from newsletter.audience.models import Subscriber
from newsletter.errors import ConfigurationFault, GuardRefused, Place, Problem
from newsletter.files.project import Project
from newsletter.providers.open import outbox_in_use
from newsletter.settings.model import Settings
from newsletter.settings.secret import Secret, ensure_secret, load_secret
from newsletter.store.loaded.chosen import Chosen
from newsletter.store.owner import Owner, anybody_lives, is_alive
from newsletter.store.store import Store, open_readonly, open_store
from newsletter.store.values import Person, Run

STATE_FILE = ".newsletter/state.db"
OWNERS_FOLDER = ".newsletter/owners"


def open_ledger(
    project: Project, settings: Settings, *, patience_s: float | None = None
) -> tuple[Store, Secret]:
    """The ledger and the secret that keys it, both made when they are missing. patience_s: as for open_store

    Raises ConfigurationFault when the secret is not the one that this ledger was keyed by, or is gone:
    a new one beside an old ledger would miss every opt-out, so none is made then. Nor is a new ledger
    made beside an outbox with mails in it (R109): it would know of none of them and send them all again.
    """
    _refuse_a_second_life(project, settings)
    if load_secret(project, settings) is None and (keyed := open_readonly(project.path(STATE_FILE))):
        with keyed:
            keyed.require_secret(None)
    secret = ensure_secret(project, settings)
    store = open_store(project.path(STATE_FILE), patience_s=patience_s)
    try:
        store.bind_secret(secret.fingerprint)
    except BaseException:
        store.close()
        raise
    return store, secret


def _refuse_a_second_life(project: Project, settings: Settings) -> None:
    # A live provider wants the ledger's id before each send. The outbox is looked at first: who sends there at this
    # moment has a ledger.
    if not settings.live and outbox_in_use(project) and not project.path(STATE_FILE).exists():
        raise ConfigurationFault(
            Problem(
                "R109",
                "the ledger is gone, and the outbox holds what was sent: a new one would send it again",
                Place(STATE_FILE),
                "restore it from a backup; or move out/outbox/ away to begin anew",
            )
        )


def restored_guard(store: Store) -> None:
    """Raises GuardRefused (G146) for a copy, and for an older ledger that was brought back: a human has to look."""
    if problem := restored(store):
        raise GuardRefused(problem)


def restored(store: Store) -> Problem | None:
    """What is told of a ledger that may not know all that was sent from it."""
    why = store.doubt()
    if why is None:
        return None
    hint = "look at what was sent since, then newsletter resolve --restored"
    return Problem("G146", f"this ledger may not know all that was sent: {why}", Place(STATE_FILE), hint)


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


def owner_guard(project: Project) -> None:
    """Raises OSError where a sender could not prove that it lives: before anything is frozen, and not behind it."""
    Owner.take(project.path(OWNERS_FOLDER)).close()


def is_stuck(project: Project, store: Store, run: Run, now: datetime) -> bool:
    """Whether a begun send has people who should have their mail by now, and nobody is at work on it."""
    if run.state != "sending" or anybody_lives(project.path(OWNERS_FOLDER)):
        return False
    return bool(store.ready_batches(run.id, now, limit=1)) or store.counts(run.id).inflight > 0


def unfinished_without_file(store: Store | None, environment: str, there: Collection[str]) -> list[Run]:
    """Begun sends whose campaign is no longer there: nothing goes on with them. there: ids of campaigns and steps"""
    runs = store.runs(environment) if store else []
    return [run for run in runs if run.state in ("sending", "paused") and run.campaign not in there]


def persons(people: Iterable[Subscriber], secret: Secret) -> Iterator[Person]:
    """Identities for the ledger, one at a time: a million of them are never in memory together."""
    if isinstance(people, Chosen):
        for key, email, hmac in people.identities():
            yield Person(hmac or secret.person(key), key, email)
    else:
        for who in people:
            yield Person(secret.person(who.key), who.key, who.email)
