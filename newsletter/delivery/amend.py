"""`send --amend`: close what was begun, and send what the files say now to those who are left."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from newsletter.audience.models import Subscriber
from newsletter.audience.waterfall import REASONS, Waterfall
from newsletter.campaigns.models import Campaign
from newsletter.check.findings import broken_lists, check_campaign
from newsletter.check.workspace import Workspace
from newsletter.delivery.changes import changes
from newsletter.delivery.edition import Edition
from newsletter.delivery.freezing import batch_size, new_run, prove, same_letter
from newsletter.delivery.going_on import nobody_left, same_lists, same_provider
from newsletter.delivery.guards import (
    clock_guard,
    ledger_guard,
    live_guard,
    number_guard,
    size_guard,
)
from newsletter.delivery.ledger import owner_guard, owner_is_alive
from newsletter.delivery.office import Office, SendOrder, SendResult
from newsletter.delivery.plan import Plan, left_out, plan_of, refuse_renamed, segment_of, sift
from newsletter.delivery.reachable import reachable_guard
from newsletter.delivery.rehearsed import plan_guard, rehearsed
from newsletter.delivery.resolve import settle_by_evidence
from newsletter.errors import ChecksFailed, GuardRefused, Problem
from newsletter.providers.open import open_provider
from newsletter.render.composition import Composition
from newsletter.store.values import Counts, Member, Run, SameLetter, StillMoving

_PAGE = 500  # people looked at together


def amend(office: Office, campaign: Campaign, run: Run, order: SendOrder) -> SendResult:
    """Freeze whoever is still ready, after opt-outs, as the next occurrence with the new words, and send it.

    Whoever is in doubt stays so, in the run that is closed. Raises GuardRefused (nothing changed G129, somebody is
    at work on it G127, number, plan, ledger), ChecksFailed, and what `Sender.deliver` raises.
    """
    workspace, store = office.workspace, office.store
    clock_guard(workspace)
    same_provider(run, workspace.settings)
    if broken := broken_lists(workspace):
        raise ChecksFailed(*broken)
    same_lists(run, workspace)
    open_runs = _settled(office, campaign, run)
    composition = _new_words(workspace, campaign, run, unfinished=run.state != "done")
    left = _whoever_is_left(office, campaign, composition, open_runs)
    plan = left.plan
    live_guard(workspace, plan)
    ledger_guard(workspace, store.name())
    size_guard(workspace, plan)
    if order.expect_plan:  # its number is that of the whole list, and no matter here
        plan_guard(
            workspace, plan, dataclasses.replace(rehearsed(workspace, order.expect_plan), recipients=None)
        )
    if not plan.recipients:
        raise ChecksFailed(nobody_left(plan))
    grounds = prove(office, plan)
    reachable_guard(workspace, composition, store.name())
    number_guard(campaign, len(plan.recipients), order.confirm, order.ask, command="send --amend")
    owner_guard(workspace.project)
    try:
        new = store.amend(
            [one.id for one in open_runs],
            new_run(office, plan, grounds, occurrence=None),
            leaving=left.leaving,
            going=len(plan.recipients),
            excluded={reason: number for reason, number in plan.excluded.items() if number},
            batch_size=batch_size(workspace, campaign),
        )
    except SameLetter as same:
        raise GuardRefused(same_letter(office, campaign, same)) from None
    except StillMoving:
        raise GuardRefused(
            _moving(campaign, Counts.summed(store.counts(one.id) for one in open_runs))
        ) from None
    counts = office.deliver(new, Edition.of(workspace, composition))
    return SendResult(new, counts, excluded=plan.excluded, waiting=office.waits(campaign, counts))


def _settled(office: Office, campaign: Campaign, run: Run) -> list[Run]:
    """The campaign's runs in which somebody may be ready, when dead senders' doubts are settled by evidence."""
    workspace, store, now = office.workspace, office.store, office.workspace.clock.now()
    store.sweep(owner_is_alive(workspace.project), now)
    runs = [one for one in store.runs(run.env) if one.campaign == campaign.id]
    provider = open_provider(workspace.project, workspace.settings)
    try:
        for one in runs:
            settle_by_evidence(store, provider, office.secret, one, now)
    finally:
        provider.close()
    counts = {one.id: store.counts(one.id) for one in runs}
    if any(found.inflight for found in counts.values()):
        raise GuardRefused(_moving(campaign, Counts.summed(counts.values())))
    ready = [one for one in runs if counts[one.id].ready]
    if not ready:
        total = Counts.summed(counts.values())
        raise GuardRefused(
            Problem(
                "G129",
                f"nobody of `{campaign.id}` is left: {total.accepted} have it, {total.unknown} are in doubt",
                hint=f"newsletter status {campaign.id}",
            )
        )
    return ready


def _moving(campaign: Campaign, counts: Counts) -> Problem:
    return Problem(
        "G127",
        f"`{campaign.id}` is being sent at this moment: {counts.accepted} went, {counts.inflight} are on the way",
        hint=f"newsletter pause {campaign.id}, then amend it",
    )


def _new_words(workspace: Workspace, campaign: Campaign, run: Run, *, unfinished: bool) -> Composition:
    composition, findings = check_campaign(workspace, campaign)
    if composition is None or any(problem.is_error for problem in findings):
        raise ChecksFailed(*findings)
    if unfinished and not changes(workspace, run, campaign)[1]:
        raise GuardRefused(
            Problem(
                "G129",
                f"nothing changed since `{campaign.id}` was begun: there is nothing to amend",
                campaign.place(),
                f"newsletter send {campaign.id} goes on",
            )
        )
    return composition


@dataclass(frozen=True)
class _Left:
    plan: Plan
    leaving: dict[int, str]  # id -> why somebody who was ready gets nothing


def _whoever_is_left(
    office: Office, campaign: Campaign, composition: Composition, runs: Sequence[Run]
) -> _Left:
    """Looked at as a claim would look at them; what the campaign excludes by now is heeded, too."""
    workspace, opt_outs = office.workspace, office.opt_outs()
    segment, exclude = segment_of(workspace, campaign), left_out(workspace, campaign)
    capped = frozenset(workspace.capped())
    keys: list[str] = []
    leaving: dict[int, str] = {}
    out: dict[str, list[Subscriber]] = {reason: [] for reason in REASONS}
    lists: set[str] = set()
    ready = [member for run in runs for member in office.store.still_ready(run.id)]
    for start in range(0, len(ready), _PAGE):
        for member, person in _known(workspace, ready[start : start + _PAGE]):
            if person is None:
                leaving[member.id] = "left the lists" if member.key else "erased"
                continue
            lists.update(person.lists)
            flow = sift(workspace, exclude, (person,), opt_outs, segment, capped)
            reason = next((reason for reason, people in flow.excluded.items() if people), None)
            if reason is None:
                keys.append(person.key)
            else:
                leaving[member.id] = reason
                out[reason].append(person)
    people = _Keyed(sorted(keys), workspace.audience.find)
    flow = Waterfall(len(people) + sum(map(len, out.values())), people, out, frozenset(lists))
    refuse_renamed(workspace, flow, opt_outs)
    return _Left(plan_of(workspace, campaign, composition, flow, opt_outs), leaving)


def _known(workspace: Workspace, members: Sequence[Member]) -> Iterator[tuple[Member, Subscriber | None]]:
    people = workspace.audience.find_all(member.key for member in members if member.key is not None)
    for member in members:
        yield member, people.get(member.key) if member.key is not None else None


@dataclass(frozen=True)
class _Keyed(Sequence[Subscriber]):
    """People by address key, each read when it is asked for; nobody is held in memory."""

    keys: list[str]
    find: Callable[[str], Subscriber | None]

    def __len__(self) -> int:
        return len(self.keys)

    @overload
    def __getitem__(self, asked: int) -> Subscriber: ...
    @overload
    def __getitem__(self, asked: slice) -> Sequence[Subscriber]: ...
    def __getitem__(self, asked: int | slice) -> Subscriber | Sequence[Subscriber]:
        if isinstance(asked, slice):
            return dataclasses.replace(self, keys=self.keys[asked])
        found = self.find(self.keys[asked])
        if found is None:
            raise AssertionError("who was found a moment ago, in lists that are read once")
        return found
