"""A send that goes on: under the rails it was begun under, with the words that the others got."""

import dataclasses

from newsletter.campaigns.models import Campaign
from newsletter.check.findings import broken_lists
from newsletter.check.workspace import Workspace
from newsletter.delivery.changes import changes
from newsletter.delivery.edition import Edition, thaw, with_people
from newsletter.delivery.guards import clock_guard, ledger_guard, live_guard, number_guard
from newsletter.delivery.halting import refuse_halted
from newsletter.delivery.office import Office, SendOrder, SendResult
from newsletter.delivery.plan import Plan, plan_for
from newsletter.delivery.reachable import reachable_guard
from newsletter.delivery.rehearsed import rehearsed
from newsletter.errors import ChecksFailed, GuardRefused, Place, Problem
from newsletter.files.project import SETTINGS_FILE
from newsletter.settings.model import Settings
from newsletter.store.values import Run


def go_on(office: Office, run: Run, campaign: Campaign | None, order: SendOrder) -> SendResult:
    """Finish a begun send; what is done already is only told.

    campaign: as its file is now, None when that is gone or can't be read
    Raises GuardRefused (changed files without `order.resume`, paused, cancelled, number, plan), ChecksFailed, and
    what `Sender.deliver` raises.
    """
    clock_guard(office.workspace)
    same_provider(run, office.workspace.settings)
    live, changed = changes(office.workspace, run, campaign)
    if changed and not order.resume:
        raise GuardRefused(*changed, next_steps=_ways_out(run, campaign))
    refuse_halted(office.store, run)
    if run.state == "done":
        _refuse_leftover(office, run)
        excluded = office.store.excluded(run.id)
        return SendResult(run, office.store.counts(run.id), already=True, excluded=excluded)
    edition = thaw(office.workspace, office.store, run)
    if edition is None:  # begun by a program that kept nothing: only the files can finish it
        if changed or live is None:
            raise GuardRefused(_nothing_kept(run))
        edition = Edition.of(office.workspace, live)
    go_on_guard(office, run, edition, campaign if not order.resume else None)
    if order.expect_plan and run.plan_hash != rehearsed(office.workspace, order.expect_plan).hash:
        raise GuardRefused(
            Problem("G119", "this send was begun with another plan", hint=f"newsletter status {run.campaign}")
        )
    if order.confirm is not None:
        command = "send --resume" if order.resume else "send"
        number_guard(edition.campaign, run.total, order.confirm, order.ask, command=command)
    counts = office.deliver(run, edition)
    excluded = office.store.excluded(run.id)
    return SendResult(run, counts, excluded=excluded, waiting=office.waits(edition.campaign, counts))


def _ways_out(run: Run, campaign: Campaign | None) -> list[str]:
    if run.state in ("done", "cancelled"):
        return [f"newsletter status {run.campaign}"]
    ways = [f"newsletter send {run.campaign} --resume"]
    return [*ways, f"newsletter send {run.campaign} --amend"] if campaign else ways


def go_on_guard(office: Office, run: Run, edition: Edition, campaign: Campaign | None) -> None:
    """The rails of a run that was begun earlier: the same provider, whole lists, a live send's needs.

    campaign: as its file is now, where it has a say: a draft is not gone on with
    Raises GuardRefused, ChecksFailed (a list can't be read: it may hide an opt-out), ConfigurationFault.
    """
    workspace = office.workspace
    same_provider(run, workspace.settings)
    if broken := broken_lists(workspace):
        raise ChecksFailed(*broken)
    same_lists(run, workspace)
    asked = campaign or edition.campaign
    live_guard(workspace, plan_for(workspace, asked, edition.composition, (), office.opt_outs()))
    ledger_guard(workspace, office.store.name())
    # The links of these letters lead to where they led when it was begun.
    then = dataclasses.replace(workspace, settings=edition.settings)
    reachable_guard(then, edition.composition, office.store.name())


def same_lists(run: Run, workspace: Workspace) -> None:
    """Raises GuardRefused: whoever stood on a list that is gone or empty would count as one who left."""
    before = run.inputs.get("lists")
    gone = sorted({*(before if isinstance(before, list) else ())} - {*with_people(workspace)})
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


def unchanged(workspace: Workspace, run: Run, campaign: Campaign) -> Edition:
    """The files' own edition, for a run of which nothing was kept. Raises GuardRefused when they changed."""
    live, changed = changes(workspace, run, campaign)
    if changed or live is None:
        raise GuardRefused(*changed)
    return Edition.of(workspace, live)


def _nothing_kept(run: Run) -> Problem:
    return Problem(
        "G145",
        f"an older program began `{run.campaign}` and kept nothing to finish it from",
        hint="put the files back as they were and send again; or newsletter cancel " + run.campaign,
    )


def _refuse_leftover(office: Office, run: Run) -> None:
    """Raises GuardRefused: who was in doubt when a run was amended, and did not get it, is still to come."""
    runs = [one for one in office.store.runs(run.env) if one.campaign == run.campaign and one.id != run.id]
    left = sum(office.store.counts(one.id).ready for one in runs)
    if left:
        raise GuardRefused(
            Problem(
                "G128",
                f"{left} of `{run.campaign}` were in doubt when it was amended, and are still to get it",
                hint=f"newsletter send {run.campaign} --amend --confirm {left}, or newsletter cancel {run.campaign}",
            )
        )


def nobody_left(plan: Plan) -> Problem:
    """The problem of a plan without recipients: who was there, and what stands against each."""
    reasons = ", ".join(f"{reason} {number}" for reason, number in plan.excluded.items() if number)
    return Problem(
        "G103",
        f"of {plan.waterfall.candidates} in `{plan.campaign.segment}` nobody may be written to: {reasons}",
        plan.campaign.place("segment"),
        f"newsletter segment show {plan.campaign.segment}",
    )
