"""Settle deliveries of unknown fate: by what the provider can prove, or by a human's word."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from newsletter.mail.links import sid
from newsletter.providers.protocol import Provider
from newsletter.settings.secret import Secret
from newsletter.store.store import Store
from newsletter.store.values import Run

Word = Literal["sent", "resend"]
"""What a human says of the unknown: they have it, or they are to get it (again)."""


def settle_by_evidence(
    store: Store, provider: Provider, secret: Secret, run: Run, campaign_id: str, now: datetime
) -> int:
    """Ask the provider about each unknown delivery; returns how many were settled.

    Where it answers, absence is proof too: an unknown batch has no living sender that could still write.
    """
    settled = 0
    for batch in store.unknown_batches(run.id):
        names = {sid(secret, run.id, one, store.ledger_id, store.epoch): one for one in batch.ids}
        found = provider.evidence(campaign_id, list(names))
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
class Settled:
    """How many deliveries became what."""

    by_evidence: int
    by_word: int
    left: int


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
