"""`pause|resume|cancel`: stop a send that is under way, let it go on, or end it."""

from typing import TYPE_CHECKING

import click

from newsletter.cli.catalogue import runs_named
from newsletter.cli.output import grouped
from newsletter.cli.session import Session, global_options
from newsletter.errors import GuardRefused, Problem
from newsletter.store.values import Run

if TYPE_CHECKING:
    from newsletter.delivery.halting import Act
    from newsletter.store.store import Store

BY_HAND = "by hand"
_OPEN = ("sending", "paused")
_DONE = {"pause": "paused", "resume": "resumed", "cancel": "cancelled"}


@click.command("pause")
@click.argument("name")
@click.option("--reason", default=BY_HAND, show_default=True, help="Why, for `status`.")
@global_options
@click.pass_obj
def pause(session: Session, name: str, *, reason: str) -> int:
    """Stop a send, in all processes and within a second. The request in flight finishes; the rest waits."""
    return _steer(session, name, "pause", reason)


@click.command("resume")
@click.argument("name")
@global_options
@click.pass_obj
def resume(session: Session, name: str) -> int:
    """Let a paused send go on: by the next `run`, or by `send`."""
    return _steer(session, name, "resume", "")


@click.command("cancel")
@click.argument("name")
@click.option("--reason", default=BY_HAND, show_default=True, help="Why, for the record.")
@global_options
@click.pass_obj
def cancel(session: Session, name: str, *, reason: str) -> int:
    """End a send for good: whoever was not reached gets nothing of it."""
    return _steer(session, name, "cancel", reason)


def _steer(session: Session, name: str, what: "Act", reason: str) -> int:
    from newsletter.delivery.halting import act

    found = session.workspace.resolve_name(name)
    output, sequence = session.output, session.workspace.catalogue.sequences.get(found)
    with session.office() as office:
        every = runs_named(session, office.store, found)
        runs = [run for run in every if run.state in _OPEN or (what == "cancel" and _left(office.store, run))]
        if not runs and not sequence:
            raise GuardRefused(
                _nothing_open(session, office.store.latest_run(session.environment, found), found)
            )
        halted = act(office.store, runs, what, reason, session.workspace.clock.now())
        told = {run.campaign: office.store.state(run.id) for run in runs}
    counts = halted.counts
    word = _DONE[what] if halted.changed or not runs else f"{_DONE[what]} already"
    word = word if runs else f"nothing to {what} at this moment"
    went = f"{grouped(counts.accepted)} of {grouped(counts.total)} already went"
    flight = f", {grouped(counts.inflight)} are being handed over" if counts.inflight else ""
    rest = (
        f", {grouped(counts.ready)} wait"
        if what != "cancel"
        else f", {grouped(counts.suppressed)} get nothing"
    )
    output.line(f"{found}: {word}" + (f"; {went}{flight}{rest}" if runs else ""))
    if sequence:
        status = "ready" if what == "resume" else "paused"
        output.line(f'who comes next is steered by status = "{status}" in {sequence.file}')
    steps = [f"newsletter status {found}"]
    if what == "pause":
        steps.insert(0, f"newsletter resume {found}")
    if what == "resume":
        steps.insert(0, "newsletter run" if sequence or "/" in found else f"newsletter send {found}")
    data = {
        "campaign": found,
        "changed": halted.changed,
        "states": told,
        "counts": counts.by_state(),
        "total": counts.total,
    }
    return output.result(data, next_steps=steps)


def _left(store: "Store", run: Run) -> bool:
    """Whether somebody of an ended run is still to get the letter: in doubt when it was amended, and not reached."""
    return run.state == "cancelled" and store.counts(run.id).ready > 0


def _nothing_open(session: Session, run: Run | None, found: str) -> Problem:
    if run is None:
        session.workspace.campaign(found)  # raises UsageFault for what nobody knows
        return Problem("G149", f"`{found}` was not begun", hint=f"newsletter status {found}")
    word = "is done" if run.state == "done" else "was cancelled"
    return Problem("G149", f"`{found}` {word}: nothing of it is under way", hint=f"newsletter status {found}")
