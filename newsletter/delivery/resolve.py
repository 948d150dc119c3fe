"""Settle deliveries of unknown fate: by what the provider can prove, or by a human's word."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from newsletter.mail.links import read_sid, sid
from newsletter.providers.protocol import Provider
from newsletter.settings.secret import Secret
from newsletter.store.store import Store
from newsletter.store.values import EventKind, Heard, ProviderEvent, Run

Word = Literal["sent", "resend"]
"""What a human says of the unknown: they have it, or they are to get it (again)."""


def settle_by_evidence(store: Store, provider: Provider, secret: Secret, run: Run, now: datetime) -> int:
    """Ask the provider about each unknown delivery; returns how many were settled.

    Where it answers, absence is proof too: an unknown batch has no living sender that could still write.
    """
    settled = 0
    for batch in store.unknown_batches(run.id):
        names = {sid(secret, run.id, one, store.ledger_id, run.epoch): one for one in batch.ids}
        found = provider.evidence(run.campaign, list(names))
        if found is None:
            return settled
        accepted = [names[name] for name, there in found.items() if there]
        ready = [names[name] for name, there in found.items() if not there]
        source = f"{provider.name}: looked up"
        if store.settle(
            run.id, batch.no, batch.attempt_id, accepted=accepted, ready=ready, source=source, now=now
        ):
            settled += len(accepted) + len(ready)
    return settled


@dataclass(frozen=True)
class Told:
    """What a provider says of one message, in its own time: it has it, or had it and it came back."""

    sid: str
    attempt_id: str
    kind: EventKind
    at: datetime  # aware
    detail: str = ""  # one line, without addresses


def settle_by_event(store: Store, secret: Secret, told: Told, now: datetime, *, whole: bool = False) -> Heard:
    """Take what a provider told through the same door as all other evidence; safe in any order, any number of times.

    whole: its requests are taken as a whole or not at all, so that one message proves its request
    FOREIGN for what no run of this ledger sent (another secret, ledger, epoch or attempt): nothing is kept of it here,
    for it may be of somebody whom this ledger does not know. The caller keeps what it was told, and says how many of
    them there were: many of them mean that a ledger was set back, or that two send.
    """
    for epoch in range(store.epoch, 0, -1):
        if name := read_sid(secret, told.sid, store.ledger_id, epoch):
            run = store.numbered(name.run_id)
            if run is None or run.epoch != epoch:
                return Heard.FOREIGN
            event = ProviderEvent(
                run.id, name.subscriber_id, told.attempt_id, told.kind, told.at, told.detail
            )
            return store.take_event(event, whole=whole, now=now)
    return Heard.FOREIGN


def settle_by_word(store: Store, run: Run, word: Word, now: datetime) -> int:
    """A human takes the unknown upon them; returns how many."""
    settled = 0
    for batch in store.unknown_batches(run.id):
        ids = list(batch.ids)
        done = store.settle(
            run.id,
            batch.no,
            batch.attempt_id,
            accepted=ids if word == "sent" else [],
            ready=ids if word == "resend" else [],
            source=f"a human's word: {word}",
            now=now,
        )
        settled += len(ids) if done else 0
    return settled
