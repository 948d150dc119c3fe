"""One tick of cron: every campaign whose time has come, once; every step that is due. Safe to overlap."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from newsletter.campaigns.due import is_due, is_late
from newsletter.campaigns.models import Campaign, Status
from newsletter.delivery.ledger import restored, unfinished_without_file
from newsletter.delivery.office import Office, SendOrder
from newsletter.delivery.send import send
from newsletter.errors import (
    GuardRefused,
    NewsletterError,
    Place,
    Problem,
    Severity,
    refused_by_system,
)
from newsletter.schedule.sequences import SequenceTick
from newsletter.store.values import Counts, Run

Only = Literal["campaigns", "sequences"]


@dataclass
class TickReport:
    """What a tick did. `problems` are new ones only: a tick a minute must not say the same all day."""

    sent: list[tuple[str, Counts]] = field(default_factory=list)  # campaign or step, as the ledger has it now
    due: list[tuple[str, int]] = field(default_factory=list)  # a dry tick: what would go, to how many
    problems: list[Problem] = field(default_factory=list)
    exit_code: int = 0


@dataclass
class Tick:
    """A tick over everything that is ready."""

    office: Office
    dry_run: bool = False
    report: TickReport = field(default_factory=TickReport)

    def run(self, only: Only | None = None) -> TickReport:
        """Raises Interrupted only; what fails holds itself only; a ledger in doubt holds all."""
        if problem := restored(self.office.store):
            self._say("ledger", [problem])
            self.report.exit_code = GuardRefused.exit_code
            return self.report
        self._broken()
        self._gone()
        if only != "sequences":
            for campaign in self.office.workspace.catalogue.campaigns.values():
                self._campaign(campaign)
        if only != "campaigns":
            for sequence in self.office.workspace.catalogue.sequences.values():
                if sequence.status is Status.READY:
                    steps = SequenceTick(self.office, sequence, dry_run=self.dry_run)
                    self._guarded(sequence.id, lambda steps=steps: self._sequence(steps))  # type: ignore[misc]
        return self.report

    def _broken(self) -> None:
        """What does not load can't be due, but somebody has to know."""
        for name, problems in self.office.workspace.catalogue.problems.items():
            if any(problem.is_error for problem in problems):
                self._say(name, problems)
                self.report.exit_code = self.report.exit_code or 3

    def _gone(self) -> None:
        """Who waits for the rest of a send whose file was taken away or renamed."""
        office = self.office
        environment, there = office.workspace.settings.environment, office.workspace.campaign_ids
        for run in unfinished_without_file(office.store, environment, there):
            counts = office.store.counts(run.id)
            left = counts.total - counts.accepted - counts.rejected - counts.suppressed
            gone = Problem(
                "G151",
                f"`{run.campaign}` was begun and its file is gone: {left} of {run.total} are left",
                hint=f"newsletter send {run.campaign} --resume, or put the file back under the name that it had",
            )
            self._say(run.campaign, [gone])
            self.report.exit_code = self.report.exit_code or 3

    def _campaign(self, campaign: Campaign) -> None:
        workspace = self.office.workspace
        now = workspace.clock.now()
        run = self.office.store.latest_run(workspace.settings.environment, campaign.id)
        # What was begun is finished, also when a hand began it without `send_at` or before: its number was confirmed.
        if campaign.status is not Status.READY or not (run or is_due(campaign, now)):
            return
        if run and run.state != "sending":
            return
        if run is None and is_late(campaign, now, workspace.settings.late_after):
            self._hold(campaign)
            return
        if run and (why := self.office.waits(campaign, self.office.store.counts(run.id))):
            self._say(campaign.id, [why])
            return
        self._guarded(campaign.id, lambda: self._send(campaign, run))

    def _hold(self, campaign: Campaign) -> None:
        due = campaign.send_at.astimezone(self.office.workspace.settings.zone) if campaign.send_at else None
        late = Problem(
            "G150",
            f"`{campaign.id}` was due {due:%Y-%m-%d %H:%M} and is too late now: held, nothing was sent",
            campaign.place("send_at"),
            f"newsletter send {campaign.id}, or a new send_at",
            Severity.WARNING,
        )
        self._say(campaign.id, [late])

    def _send(self, campaign: Campaign, run: Run | None) -> None:
        if self.dry_run:
            from newsletter.delivery.plan import make_plan

            number = (
                self.office.store.counts(run.id).ready
                if run
                else len(make_plan(self.office.workspace, campaign, self.office.opt_outs()).recipients)
            )
            self.report.due.append((campaign.id, number))
            return
        result = send(self.office, campaign, SendOrder(unattended=True))
        if not result.already:
            self.report.sent.append((campaign.id, result.counts))
        if result.waiting:
            self._say(campaign.id, [result.waiting])

    def _sequence(self, steps: SequenceTick) -> None:
        for name, run_step in steps.work():
            self._guarded(name, lambda name=name, run_step=run_step: self._step(name, run_step))  # type: ignore[misc]

    def _step(self, name: str, run_step: Callable[[], Counts | int | None]) -> None:
        done = run_step()
        if isinstance(done, int):
            self.report.due.append((name, done))
        elif done is not None:
            self.report.sent.append((name, done))

    def _guarded(self, subject: str, work: Callable[[], None]) -> None:
        try:
            work()
        except NewsletterError as fault:
            if fault.exit_code == 130:
                raise
            self._say(subject, fault.problems)
            self.report.exit_code = self.report.exit_code or fault.exit_code
        except OSError as fault:
            refused = refused_by_system(fault)
            self._say(subject, refused.problems)
            self.report.exit_code = self.report.exit_code or refused.exit_code
        except Exception as fault:  # noqa: BLE001 - a bug of ours met by one campaign must not hold the others
            told = Problem(
                "U199",
                f"internal error: {type(fault).__name__}: {fault}",
                hint=f"newsletter -v send {subject} shows where",
            )
            self._say(subject, [told])
            self.report.exit_code = self.report.exit_code or 1

    def _say(self, subject: str, problems: Iterable[Problem]) -> None:
        """Once for the same text, so that cron's mail is worth reading."""
        told = [problem if problem.place else _at(problem, subject) for problem in problems]
        text = "\n".join(problem.as_text() for problem in told)
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        environment = self.office.workspace.settings.environment
        if self.dry_run or self.office.store.say_once(
            environment, subject, digest, self.office.workspace.clock.now()
        ):
            self.report.problems += told


def _at(problem: Problem, subject: str) -> Problem:
    return Problem(
        problem.code, problem.message, Place(f"campaigns/{subject}"), problem.hint, problem.severity
    )
