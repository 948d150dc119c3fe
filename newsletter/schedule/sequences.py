"""One tick of one sequence: who enters, who leaves, whose next step is due."""

from collections.abc import Callable, Collection, Iterator
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass, field
from functools import cached_property, partial

from newsletter.audience.models import Subscriber
from newsletter.campaigns.models import Campaign, Sequence, Step
from newsletter.campaigns.sequence import is_step_due, next_step
from newsletter.check.findings import broken_lists, check_campaign
from newsletter.delivery.edition import Edition, thaw
from newsletter.delivery.freezing import freeze, prove
from newsletter.delivery.going_on import go_on_guard, unchanged
from newsletter.delivery.guards import ledger_guard, live_guard, size_guard
from newsletter.delivery.ledger import persons
from newsletter.delivery.office import Office
from newsletter.delivery.plan import OptOuts, opted_out, plan_for, sift, sift_segment
from newsletter.delivery.reachable import reachable_guard
from newsletter.errors import ChecksFailed
from newsletter.store.values import Counts, Enrolment, EnrolmentEnd, EnrolmentMove, Run, State

Work = Callable[[], Counts | int | None]
"""Sends and returns the counts; in a dry tick returns how many are due. None: another tick was faster."""

OPEN = (State.READY, State.INFLIGHT, State.UNKNOWN)


@dataclass
class SequenceTick:
    """A tick of a ready sequence; `dry_run` changes nothing."""

    office: Office
    sequence: Sequence
    dry_run: bool = False
    _ends: dict[EnrolmentEnd, list[int]] = field(default_factory=dict, init=False)
    _lost: dict[str, list[int]] = field(
        default_factory=dict, init=False
    )  # a step that is gone -> who stands there

    def work(self) -> Iterator[tuple[str, Work]]:
        """What there is to do, named by step: unfinished runs first, then a new run for each due step.

        All due steps are found before the first one is sent: nobody gets two in one tick.
        Raises ChecksFailed when the lists can't be trusted.
        """
        broken = broken_lists(self.office.workspace)
        if broken:
            raise ChecksFailed(*broken)
        unfinished = self._unfinished()
        due = self._due()
        for step_id in self._lost:
            yield f"{self.sequence.id}/{step_id}", partial(self._held, step_id)
        for run, step in unfinished:
            if self.office.waits(step.campaign, self.office.store.counts(run.id)):
                continue  # the day's number is used up: a later tick goes on
            yield step.campaign.id, partial(self._go_on, run, step.campaign)
        for step in self.sequence.steps:
            if people := due.get(step.id):
                yield step.campaign.id, partial(self._send_step, step, people)

    def _environment(self) -> str:
        return self.office.workspace.settings.environment

    def _unfinished(self) -> list[tuple[Run, Step]]:
        steps = {step.campaign.id: step for step in self.sequence.steps}
        runs = self.office.store.runs(self._environment())
        return [
            (run, steps[run.campaign]) for run in runs if run.campaign in steps and run.state == "sending"
        ]

    def _paused(self, step: Step) -> bool:
        return step.campaign.id in self.office.store.paused(self._environment())

    def _due(self) -> dict[str, list[tuple[str | None, Subscriber]]]:
        """Step id -> (the step before, the person), after enrolling and ending whoever is to."""
        self._enrol()
        now = self.office.workspace.clock.now()
        due: dict[str, list[tuple[str | None, Subscriber]]] = {}
        for enrolment in self._enrolments():
            person = self._still_on_the_way(enrolment)
            if enrolment.step and not self.sequence.step(enrolment.step):
                self._lost.setdefault(enrolment.step, []).append(enrolment.subscriber_id)
                continue
            if person is None or enrolment.delivery_state in OPEN:
                continue
            step = self._next(enrolment)
            if step is None:
                self._end(enrolment, "finished")
            elif self._may_get(person, step) and is_step_due(
                self.sequence,
                step,
                entered_at=enrolment.entered_at,
                last_sent_at=enrolment.last_sent_at,
                zone=self.sequence.zone,
                now=now,
            ):
                due.setdefault(step.id, []).append((enrolment.step, person))
        if not self.dry_run:
            for state, ids in self._ends.items():
                self.office.store.end_enrolments(self._environment(), self.sequence.id, ids, state, now)
        return due

    def _next(self, enrolment: Enrolment) -> Step | None:
        """The next step that this person has not had: steps may have been put in another order since."""
        step = next_step(self.sequence, enrolment.step)
        while step and enrolment.key in self._had[step.id]:
            step = next_step(self.sequence, step.id)
        return step

    @cached_property
    def _had(self) -> dict[str, frozenset[str]]:
        """Step id -> the address keys that it was sent to before this tick."""
        store, environment = self.office.store, self._environment()
        return {step.id: store.received(environment, step.campaign.id) for step in self.sequence.steps}

    def _enrol(self) -> None:
        if not self.dry_run:
            people = persons(self._entering(), self.office.secret)
            now = self.office.workspace.clock.now()
            self.office.store.enrol(self._environment(), self.sequence.id, people, now)

    def _entering(self) -> SequenceOf[Subscriber]:
        return sift_segment(self.office.workspace, self.sequence.segment, self._opt_outs).recipients

    def _enrolments(self) -> list[Enrolment]:
        """Those on the way; in a dry tick also those whom a real one would enrol."""
        known = self.office.store.enrolments(self._environment(), self.sequence.id)
        active = [enrolment for enrolment in known if enrolment.state == "active"]
        if self.dry_run:
            now, keys = self.office.workspace.clock.now(), {enrolment.key for enrolment in known}
            active += [
                Enrolment(0, person.key, person.email, None, None, now, "active")
                for person in self._entering()
                if person.key not in keys
            ]
        return active

    def _still_on_the_way(self, enrolment: Enrolment) -> Subscriber | None:
        """The person, or None when it is over for them; then the enrolment is marked to end."""
        workspace = self.office.workspace
        person = workspace.audience.find(enrolment.key)
        end: EnrolmentEnd | None = None
        if enrolment.delivery_state is State.REJECTED:
            end = "rejected"
        elif person is None:
            return None  # perhaps a slip in a file: they go on where they stand once they are back
        elif any(workspace.is_member(name, person) for name in self.sequence.exit):
            end = "exited"
        elif opted_out(sift(workspace, (), (person,), self._opt_outs, self.sequence.segment)):
            end = "opted_out"
        if end:
            self._end(enrolment, end)
            return None
        return person

    def _end(self, enrolment: Enrolment, state: EnrolmentEnd) -> None:
        self._ends.setdefault(state, []).append(enrolment.subscriber_id)

    def _may_get(self, person: Subscriber, step: Step) -> bool:
        """Whoever may not be written to just now stays where they are."""
        return bool(
            sift(
                self.office.workspace,
                step.campaign.exclude,
                (person,),
                self._opt_outs,
                self.sequence.segment,
                self._capped,
            ).recipients
        )

    @cached_property
    def _capped(self) -> Collection[str]:
        """Who got enough lately, by whatever: they get this step later."""
        return frozenset(self.office.workspace.capped())

    @cached_property
    def _opt_outs(self) -> OptOuts:
        return self.office.opt_outs()

    def _held(self, step_id: str) -> None:
        """Raises ChecksFailed: those who stand at a step that is gone are held, everybody else goes on."""
        next_step(self.sequence, step_id)

    def _go_on(self, run: Run, campaign: Campaign) -> Counts | int:
        if self.dry_run:
            return self.office.store.counts(run.id).ready
        # Whoever was due when it was begun gets what the others got; an edited step is for those who come next.
        edition = thaw(self.office.workspace, self.office.store, run)
        if edition is None:
            edition = unchanged(self.office.workspace, run, campaign)
        go_on_guard(self.office, run, edition, campaign)
        return self.office.deliver(run, edition)

    def _send_step(self, step: Step, due: list[tuple[str | None, Subscriber]]) -> Counts | int | None:
        """Freeze in the transaction that moves the enrolments on: that keeps a step to once each."""
        if self.dry_run:
            return len(due)
        if self._paused(step):
            return None  # what stopped those before these would stop these, too
        workspace = self.office.workspace
        composition, findings = check_campaign(workspace, step.campaign)
        if composition is None or any(problem.is_error for problem in findings):
            raise ChecksFailed(*findings)
        counts: Counts | None = None
        for before in sorted({last for last, _ in due}, key=lambda last: last or ""):
            people = tuple(person for last, person in due if last == before)
            plan = plan_for(workspace, step.campaign, composition, people, self.office.opt_outs())
            live_guard(workspace, plan)
            ledger_guard(workspace, self.office.store.name())
            size_guard(workspace, plan)
            reachable_guard(workspace, composition, self.office.store.name())
            grounds = prove(self.office, plan)
            move = EnrolmentMove(self.sequence.id, step.id, before)
            if run := freeze(self.office, plan, grounds, move):
                counts = _sum(counts, self.office.deliver(run, Edition.of(workspace, composition)))
        return counts


def _sum(one: Counts | None, other: Counts) -> Counts:
    if one is None:
        return other
    return Counts.summed([one, other])
