"""`run`: one cron tick."""

import contextlib
import fcntl
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from newsletter.cli.catalogue import COUNTS
from newsletter.cli.output import grouped
from newsletter.cli.session import Session, global_options
from newsletter.cli.stopping import Stop
from newsletter.errors import Interrupted

if TYPE_CHECKING:
    from newsletter.schedule.tick import Only


@click.command("run")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would go; change nothing.")
@click.option("--only", type=click.Choice(["campaigns", "sequences"]), help="Only one kind.")
@click.option(
    "--max-runtime",
    type=click.FloatRange(min=0, min_open=True),
    metavar="S",
    help="Stop cleanly after S seconds.",
)
@click.option(
    "--fail-if-locked", is_flag=True, help="Exit 8 when another run is at work (overlap is harmless)."
)
@global_options
@click.pass_obj
def run(
    session: Session,
    *,
    dry_run: bool,
    only: "Only | None",
    max_runtime: float | None,
    fail_if_locked: bool,
) -> int:
    """One cron tick: every ready campaign and step that is due, each once. Silent when nothing is due."""
    from newsletter.delivery.guards import clock_guard
    from newsletter.schedule.heartbeat import beat
    from newsletter.schedule.tick import Tick

    if not dry_run:
        clock_guard(session.workspace)
    stop = Stop(max_runtime)
    with contextlib.nullcontext(True) if dry_run else _alone(session) as alone:
        if fail_if_locked and not alone:
            session.output.note("another run is at work")
            return session.output.result({"locked": True}, exit_code=8)
        with session.trying(stop) if dry_run else session.office(stop=stop) as office:
            tick = Tick(office, dry_run=dry_run)
            try:
                report = tick.run(only)
            except Interrupted:
                if stop.by_hand:
                    raise
                report = tick.report  # the time is over: the next tick goes on
    if session.settings.healthcheck_url and not (dry_run or report.exit_code):
        missed = beat(session.settings.healthcheck_url)
        report.problems += [missed] if missed else []
    output = session.output
    for name, number in report.due:
        output.line(f"would send  {name}   to {grouped(number)}")
    for name, counts in report.sent:
        told = ", ".join(f"{grouped(getattr(counts, c))} {c}" for c in COUNTS if getattr(counts, c))
        output.line(f"{name}: {told or 'nobody'}")
    output.problems(report.problems, always=True)  # cron runs quietly, and a held campaign must be heard
    data = {
        "sent": [
            {"campaign": name, "counts": {c: getattr(counts, c) for c in COUNTS}}
            for name, counts in report.sent
        ],
        "due": [{"campaign": name, "recipients": number} for name, number in report.due],
    }
    return output.result(data, problems=report.problems, exit_code=report.exit_code)


@contextlib.contextmanager
def _alone(session: Session) -> Iterator[bool]:
    """Whether no other tick is at work; the lock only informs, the ledger keeps overlapping ticks apart."""
    folder = session.project.path(".newsletter")
    folder.mkdir(exist_ok=True)
    with (folder / "run.lock").open("a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
