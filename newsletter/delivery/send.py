"""Send a campaign: plan, guard, freeze, deliver; and go on where an earlier send stopped."""

from newsletter.campaigns.models import Campaign
from newsletter.delivery.amend import amend
from newsletter.delivery.edition import Edition
from newsletter.delivery.freezing import freeze, prove
from newsletter.delivery.going_on import go_on, nobody_left
from newsletter.delivery.guards import ledger_guard, live_guard, number_guard, size_guard
from newsletter.delivery.ledger import restored_guard
from newsletter.delivery.office import Office, SendOrder, SendResult
from newsletter.delivery.plan import make_plan
from newsletter.delivery.reachable import reachable_guard
from newsletter.delivery.rehearsed import plan_guard, rehearsed
from newsletter.errors import ChecksFailed, GuardRefused, Problem

__all__ = ["Office", "SendOrder", "SendResult", "finish", "send"]


def send(office: Office, campaign: Campaign, order: SendOrder) -> SendResult:
    """Send a campaign once to each, or go on with it. A second call sends nothing again.

    Raises ChecksFailed, GuardRefused (draft, number, plan, ledger, changed files) and what `Sender.deliver` raises.
    """
    restored_guard(office.store)
    environment = office.workspace.settings.environment
    run = office.store.latest_run(environment, campaign.id)
    if run is not None:
        return amend(office, campaign, run, order) if order.amend else go_on(office, run, campaign, order)
    if order.resume or order.amend:
        raise GuardRefused(_not_begun(campaign))
    plan = make_plan(office.workspace, campaign, office.opt_outs())
    live_guard(office.workspace, plan)
    ledger_guard(office.workspace, office.store.name())
    size_guard(office.workspace, plan)
    confirm = order.confirm
    if order.expect_plan:
        before = rehearsed(office.workspace, order.expect_plan)
        plan_guard(office.workspace, plan, before, drift=order.drift)
        if confirm is None and before.recipients is not None:
            confirm = len(plan.recipients)  # it is the rehearsed number, as near as it was asked to be
    if not plan.recipients:
        raise ChecksFailed(nobody_left(plan))
    grounds = prove(office, plan)
    reachable_guard(office.workspace, plan.composition, office.store.name())
    if not order.unattended:
        number_guard(campaign, len(plan.recipients), confirm, order.ask)
    run = freeze(office, plan, grounds)
    if run is None:
        raise AssertionError("only a step of a sequence can be taken by another")
    counts = office.deliver(run, Edition.of(office.workspace, plan.composition))
    return SendResult(run, counts, excluded=plan.excluded, waiting=office.waits(campaign, counts))


def finish(office: Office, name: str, order: SendOrder) -> SendResult:
    """Go on with a begun campaign whose file is gone or can't be read.

    Raises GuardRefused without `order.resume`, and when nothing of that name was begun.
    """
    restored_guard(office.store)
    run = office.store.latest_run(office.workspace.settings.environment, name)
    if run is None:
        raise GuardRefused(Problem("G126", f"`{name}` was not begun: there is nothing to finish"))
    return go_on(office, run, None, order)


def _not_begun(campaign: Campaign) -> Problem:
    return Problem(
        "G126",
        f"`{campaign.id}` was not begun: there is nothing to finish",
        campaign.place(),
        f"newsletter send {campaign.id}",
    )
