"""Runs that stand still: how they are stopped and let go, and what a sender does that meets one."""

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from newsletter.errors import GuardRefused, Problem
from newsletter.store.store import Store
from newsletter.store.values import Counts, Run

Act = Literal["pause", "resume", "cancel"]

WAIT_S = 1.0  # for what is in flight, so that the number that went can be told


@dataclass(frozen=True)
class Halted:
    """What a halt did. `changed`: how many runs; none when all stood so already"""

    changed: int
    counts: Counts  # of all runs that it was about, as they are now


def refuse_halted(store: Store, run: Run) -> None:
    """Raises GuardRefused for a run that is paused (G140) or was cancelled (G148), as it is at this moment."""
    state = store.state(run.id)
    if state not in ("paused", "cancelled"):
        return
    halt = store.halt(run.id)
    when = f" since {halt.at:%Y-%m-%d %H:%M} UTC ({halt.reason})" if halt else ""
    counts = store.counts(run.id)
    if state == "paused":
        raise GuardRefused(
            Problem(
                "G140",
                f"`{run.campaign}` is paused{when}: {counts.accepted} of {run.total} went, {counts.open} are left",
                hint=f"newsletter resume {run.campaign}, then send again",
            )
        )
    when = f" on {halt.at:%Y-%m-%d %H:%M} UTC" if halt else ""
    if halt and halt.word == "amended":
        raise GuardRefused(
            Problem(
                "G148",
                f"`{run.campaign}` was amended{when}: whoever was left gets the new text",
                hint=f"newsletter status {run.campaign}",
            )
        )
    raise GuardRefused(
        Problem(
            "G148",
            f"`{run.campaign}` was cancelled{when}: {counts.accepted} of {run.total} had gone",
            hint="a campaign goes out once; under another name it may go again",
        )
    )


def act(store: Store, runs: list[Run], what: Act, reason: str, now: datetime) -> Halted:
    """Pause, resume or cancel these runs. Senders at work hear of it before their next claim.

    A request in flight is not broken off: up to a second is waited for its answer, so that the number is true.
    """
    verbs = {
        "pause": lambda run: store.pause(run.id, reason, now),
        "resume": lambda run: store.resume(run.id),
        "cancel": lambda run: store.cancel(run.id, reason, now),
    }
    changed = sum(verbs[what](run) for run in runs)
    deadline = time.monotonic() + WAIT_S
    while True:
        counts = Counts.summed(store.counts(run.id) for run in runs)
        if what == "resume" or not counts.inflight or time.monotonic() > deadline:
            return Halted(changed, counts)
        time.sleep(0.05)
