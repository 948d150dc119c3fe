"""Pure rules of a sequence: which step comes next for a person, and when it may go.

Nothing here is stored: due is computed at the tick, so that an edited wait holds for everybody on the way.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from newsletter.campaigns.models import Sequence, Step
from newsletter.errors import ChecksFailed, Problem, did_you_mean


def next_step(sequence: Sequence, last_step_id: str | None) -> Step | None:
    """The step after the one that a person got last; None when there is none left.

    Raises ChecksFailed when the sequence has no such step any more: where the person stood can't be known,
    and neither "finished" nor "from the beginning" would be right. A caller holds that person.
    """
    if last_step_id is None:
        return sequence.steps[0] if sequence.steps else None
    ids = [step.id for step in sequence.steps]
    if last_step_id not in ids:
        hint = did_you_mean(last_step_id, ids)
        raise ChecksFailed(
            Problem(
                "S120",
                f"people have come to the step `{last_step_id}`, which `{sequence.id}` does not have",
                sequence.place("step"),
                f"ids are stable for ever: put the step `{last_step_id}` back"
                + (f" ({hint})" if hint else ""),
            )
        )
    following = ids.index(last_step_id) + 1
    return sequence.steps[following] if following < len(ids) else None


def due_at(
    sequence: Sequence, step: Step, *, entered_at: datetime, last_sent_at: datetime | None, zone: ZoneInfo
) -> datetime:
    """When `step` is due for one person, in UTC: the wait, then `min_gap`, then into the window.

    last_sent_at: when the provider really took the person's previous step; None before the first one.
    """
    due = step.wait.after(last_sent_at or entered_at, zone)
    if sequence.min_gap and last_sent_at:
        due = max(due, sequence.min_gap.after(last_sent_at, zone))
    return sequence.window.opens(due, zone) if sequence.window else due


def is_step_due(
    sequence: Sequence,
    step: Step,
    *,
    entered_at: datetime,
    last_sent_at: datetime | None,
    zone: ZoneInfo,
    now: datetime,
) -> bool:
    """Whether the step may go at this tick: its time has come, and the window is open now.

    A step that missed its window (no tick came) waits for the next opening. That a person gets one step
    a tick at most is the caller's rule.
    """
    if sequence.window and not sequence.window.contains(now, zone):
        return False
    return due_at(sequence, step, entered_at=entered_at, last_sent_at=last_sent_at, zone=zone) <= now
