"""Send a campaign: plan, guard, freeze, deliver; and go on where an earlier send stopped."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from newsletter.campaigns.models import Campaign
from newsletter.check.findings import broken_lists
from newsletter.check.survey import Survey
from newsletter.check.workspace import MORE, Workspace, sample
from newsletter.delivery.guards import (
    clock_guard,
    ledger_guard,
    live_guard,
    number_guard,
    size_guard,
)
from newsletter.delivery.ledger import persons
from newsletter.delivery.pace import most_at_once, pace_of, told, waiting
from newsletter.delivery.parcels import Packer
from newsletter.delivery.plan import OptOuts, Plan, asked_in_text, make_plan, plan_for
from newsletter.delivery.reachable import reachable_guard
from newsletter.delivery.rehearsed import plan_guard, rehearsed
from newsletter.delivery.sender import Progress, Sender
from newsletter.errors import ChecksFailed, GuardRefused, Interrupted, Place, Problem
from newsletter.files.project import SETTINGS_FILE
from newsletter.mail.links import sid
from newsletter.providers.open import max_batch, open_provider
from newsletter.providers.protocol import Provider
from newsletter.render.composition import Composition, Links
from newsletter.settings.model import Settings
from newsletter.settings.secret import Secret, throwaway_secret
from newsletter.store.store import Store
from newsletter.store.values import AlreadyFrozen, Counts, EnrolmentMove, NewRun, Run

Ask = Callable[[int], int | None]


@dataclass
class SendOrder:
    """What was asked for. `ask`: asks for the number on a terminal, None where there is none.

    `drift`: by how many percent the number may differ from that of `expect_plan`
    `unattended`: a scheduled send, for which `status = "ready"` stands instead of the number.
    """

    confirm: int | None = None
    expect_plan: str | None = None
    ask: Ask = lambda _number: None
    unattended: bool = False
    drift: float = 0.0


@dataclass(frozen=True)
class SendResult:
    """What the ledger says at the end. `already`: it was all done before, nothing was sent now.

    `waiting`: why it ended with some still to go, though all is as it should be.
    """

    run: Run
    counts: Counts
    already: bool = False
    excluded: Mapping[str, int] = field(default_factory=dict)
    waiting: Problem | None = None


@dataclass
class Office:
    """What a send needs beside the files: ledger, secret, how to stop and where to report."""

    workspace: Workspace
    store: Store
    secret: Secret
    stop: Callable[[], bool] = lambda: False
    progress: Progress | None = None
    proving: Progress | None = None

    def opt_outs(self) -> OptOuts:
        return OptOuts.read(self.store, self.secret)

    def deliver(self, run: Run, campaign: Campaign, composition: Composition) -> Counts:
        provider = open_provider(self.workspace.project, self.workspace.settings)
        try:
            return self.sender(provider).deliver(run, campaign, composition)
        finally:
            provider.close()
            self.workspace.ask_again()

    def waits(self, campaign: Campaign, counts: Counts) -> Problem | None:
        """Why nothing of what is left of this campaign goes for some time; None when something may, or all is done."""
        found = waiting(self.store, self.workspace, campaign) if counts.ready else None
        return told(found, self.workspace, campaign) if found else None

    def sender(self, provider: Provider) -> Sender:
        return Sender(self.workspace, self.store, self.secret, provider, self.stop, self.progress)


def send(office: Office, campaign: Campaign, order: SendOrder) -> SendResult:
    """Send a campaign once to each, or go on with it. A second call sends nothing again.

    Raises ChecksFailed, GuardRefused (draft, number, plan, ledger, changed files) and what `Sender.deliver` raises.
    """
    environment = office.workspace.settings.environment
    run = office.store.latest_run(environment, campaign.id)
    if run is not None:
        return _go_on(office, campaign, run, order)
    plan = make_plan(office.workspace, campaign, office.opt_outs())
    live_guard(office.workspace, plan)
    ledger_guard(office.workspace, office.store.ledger_id)
    size_guard(office.workspace, plan)
    confirm = order.confirm
    if order.expect_plan:
        before = rehearsed(office.workspace, order.expect_plan)
        plan_guard(office.workspace, plan, before, drift=order.drift)
        if confirm is None and before.recipients is not None:
            confirm = len(plan.recipients)  # it is the rehearsed number, as near as it was asked to be
    if not plan.recipients:
        raise ChecksFailed(_nobody_left(plan))
    prove(office, plan)
    reachable_guard(office.workspace, plan.composition, office.store.ledger_id)
    if not order.unattended:
        number_guard(campaign, len(plan.recipients), confirm, order.ask)
    run = freeze(office, plan)
    if run is None:
        raise AssertionError("only a step of a sequence can be taken by another")
    counts = office.deliver(run, campaign, plan.composition)
    return SendResult(run, counts, excluded=plan.excluded, waiting=office.waits(campaign, counts))


def prove(office: Office, plan: Plan) -> None:
    """Render everybody before the first hand-over: person 500 must not break what 499 already have.

    Raises ChecksFailed with each kind of failure once.
    """
    plan.composition.prove(sample(plan.recipients, plan.campaign.id, MORE))
    packer = Packer.of(office.workspace, plan.composition, throwaway_secret(), plan.opt_outs)
    survey = Survey(plan.composition)
    failures: dict[tuple[str, str], Problem] = {}
    for number, person in enumerate(plan.recipients, 1):
        try:
            parcel = packer.parcel(person, sid(packer.secret, 0, number, "proof", 0))
            survey.add(person, Links(parcel.envelope.unsubscribe), parcel.values)
        except ChecksFailed as failed:
            for problem in failed.problems:
                failures.setdefault((problem.code, str(problem.place)), problem)
        if office.stop():
            raise Interrupted(
                Problem(
                    "G134", "stopped by hand before anything was begun", hint="the same command begins anew"
                )
            )
        if office.proving:
            office.proving(number, len(plan.recipients))
    failures |= {(one.code, str(one.place)): one for one in survey.problems() if one.is_error}
    if failures:
        raise ChecksFailed(*failures.values(), next_steps=[f"newsletter send {plan.campaign.id} --dry-run"])


def freeze(office: Office, plan: Plan, move: EnrolmentMove | None = None) -> Run | None:
    """Write down who gets what, once. Of two that freeze at the same time, the second takes the first's run.

    With `move`: a step of a sequence; None when another tick has taken all of them already.
    """
    campaign, settings = plan.campaign, office.workspace.settings
    new = NewRun(
        env=settings.environment,
        campaign=campaign.id,
        content_hash=plan.composition.sha256,
        plan_hash=plan.hash,
        inputs=inputs(office.workspace, plan.composition),
        created_at=office.workspace.clock.now(),
        occurrence="1"
        if move is None
        else None,  # a campaign goes out once; a step as often as somebody is due
    )
    sizes = [settings.delivery.batch_size, max_batch(settings)]
    if most := most_at_once(pace_of(office.workspace, campaign)):
        sizes.append(most)
    try:
        return office.store.freeze(
            new,
            persons(plan.recipients, office.secret),
            excluded={reason: number for reason, number in plan.excluded.items() if number},
            batch_size=min(sizes),
            enrolment=move,
        )
    except AlreadyFrozen as frozen:
        same_content(frozen.run, campaign, plan.composition)
        return frozen.run


def inputs(workspace: Workspace, composition: Composition) -> dict[str, object]:
    """What a send that goes on is held against: the files' hashes, the rules of its text, the provider, the lists."""
    return {
        "sources": dict(sorted(composition.sources.items())),
        "rules": rules(workspace, composition),
        "provider": workspace.settings.provider,
        "lists": _with_people(workspace),
    }


def _with_people(workspace: Workspace) -> list[str]:
    """The files of the lists on which somebody is."""
    return sorted(found.file for found in workspace.audience.lists.values() if found.rows)


def rules(workspace: Workspace, composition: Composition) -> dict[str, str]:
    """What decides, beside the files themselves, which words a person reads."""
    definitions = workspace.segments.definitions(asked_in_text(composition))
    return {**definitions, "(timezone)": workspace.settings.timezone}


def go_on_guard(office: Office, run: Run, campaign: Campaign, composition: Composition) -> None:
    """The rails of a run that was begun earlier: the same content and provider, whole lists, a live send's needs.

    Raises GuardRefused, ChecksFailed (a list can't be read: it may hide an opt-out), ConfigurationFault.
    """
    workspace = office.workspace
    same_content(run, campaign, composition)
    if run.inputs.get("rules") != rules(workspace, composition):
        raise GuardRefused(
            Problem(
                "G141",
                f"rules that the text of `{campaign.id}` asks for changed since it was begun",
                Place("subscribers/segments.toml"),
                "put back what they said: those who are left must get what the others got",
            )
        )
    same_provider(run, workspace.settings)
    if broken := broken_lists(workspace):
        raise ChecksFailed(*broken)
    same_lists(run, workspace)
    live_guard(workspace, plan_for(workspace, campaign, composition, (), office.opt_outs()))
    ledger_guard(workspace, office.store.ledger_id)
    reachable_guard(workspace, composition, office.store.ledger_id)


def same_lists(run: Run, workspace: Workspace) -> None:
    """Raises GuardRefused: whoever stood on a list that is gone or empty would count as one who left."""
    before = run.inputs.get("lists")
    gone = sorted({*(before if isinstance(before, list) else ())} - {*_with_people(workspace)})
    if gone:
        hint = "put it back; whoever is to get nothing more is marked unsubscribed in it"
        message = f"the list is gone or empty since `{run.campaign}` was begun"
        raise GuardRefused(*(Problem("G143", message, Place(file), hint) for file in gone))


def same_provider(run: Run, settings: Settings) -> None:
    """Raises GuardRefused: what one provider took, another one knows nothing of."""
    begun = run.inputs.get("provider")
    if begun != settings.provider:
        raise GuardRefused(
            Problem(
                "G142",
                f"`{run.campaign}` was begun with {begun}, not with {settings.provider}",
                Place(SETTINGS_FILE),
                f'go on with provider = "{begun}"',
            )
        )


def _go_on(office: Office, campaign: Campaign, run: Run, order: SendOrder) -> SendResult:
    composition = office.workspace.compose(campaign)
    clock_guard(office.workspace)
    same_content(run, campaign, composition)
    counts = office.store.counts(run.id)
    if run.state in ("done", "cancelled"):
        return SendResult(run, counts, already=True, excluded=office.store.excluded(run.id))
    go_on_guard(office, run, campaign, composition)
    if run.state == "paused":
        raise GuardRefused(
            Problem("G140", f"`{campaign.id}` is paused", hint=f"newsletter status {campaign.id}")
        )
    if order.expect_plan and run.plan_hash != rehearsed(office.workspace, order.expect_plan).hash:
        raise GuardRefused(
            Problem("G119", "this send was begun with another plan", hint=f"newsletter status {campaign.id}")
        )
    if order.confirm is not None:
        number_guard(campaign, run.total, order.confirm, order.ask)
    counts = office.deliver(run, campaign, composition)
    excluded = office.store.excluded(run.id)
    return SendResult(run, counts, excluded=excluded, waiting=office.waits(campaign, counts))


def same_content(run: Run, campaign: Campaign, composition: Composition) -> None:
    """Raises GuardRefused, naming the files, when they say something else than what was begun."""
    if composition.sha256 == run.content_hash:
        return
    frozen = run.inputs.get("sources")
    before = frozen if isinstance(frozen, Mapping) else {}
    now = composition.sources
    changed = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    named = changed or ["newsletter.toml"]
    raise GuardRefused(
        *(
            Problem(
                "G141",
                f"changed since `{campaign.id}` was begun on {run.created_at:%Y-%m-%d %H:%M} UTC",
                Place(name),
                "put back what it said: those who are left must get what the others got",
            )
            for name in named
        ),
        next_steps=[f"newsletter status {campaign.id}"],
    )


def _nobody_left(plan: Plan) -> Problem:
    reasons = ", ".join(f"{reason} {number}" for reason, number in plan.excluded.items() if number)
    return Problem(
        "G103",
        f"of {plan.waterfall.candidates} in `{plan.campaign.segment}` nobody may be written to: {reasons}",
        plan.campaign.place("segment"),
        f"newsletter segment show {plan.campaign.segment}",
    )
