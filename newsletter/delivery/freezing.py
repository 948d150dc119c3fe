"""The last step before a send: everybody rendered once, then written down, once and for all."""

from collections.abc import Iterable, Sequence

from newsletter.campaigns.models import Campaign
from newsletter.check.survey import Survey
from newsletter.check.workspace import MORE, Workspace, sample
from newsletter.delivery.changes import changes
from newsletter.delivery.edition import keep
from newsletter.delivery.going_on import same_provider
from newsletter.delivery.grounds import Ground, Grounds
from newsletter.delivery.ledger import owner_guard, persons
from newsletter.delivery.office import Office
from newsletter.delivery.pace import most_at_once, pace_of
from newsletter.delivery.parcels import Packer
from newsletter.delivery.plan import Plan
from newsletter.errors import ChecksFailed, GuardRefused, Interrupted, Place, Problem
from newsletter.mail.links import sid
from newsletter.providers.open import max_batch
from newsletter.render.composition import Links
from newsletter.settings.secret import throwaway_secret
from newsletter.store.collector import seldom_collecting
from newsletter.store.values import AlreadyFrozen, EnrolmentMove, NewRun, Run, SameLetter


def prove(office: Office, plan: Plan) -> tuple[Ground, ...]:
    """Render everybody before the first hand-over: person 500 must not break what 499 already have.

    Returns on which grounds they are written to. Raises ChecksFailed with each kind of failure once.
    """
    plan.composition.prove(sample(plan.recipients, plan.campaign.id, MORE))
    with seldom_collecting():
        failures, grounds = _looked_at(office, plan)
    if failures:
        raise ChecksFailed(*failures, next_steps=[f"newsletter send {plan.campaign.id} --dry-run"])
    return grounds


def _looked_at(office: Office, plan: Plan) -> tuple[Sequence[Problem], tuple[Ground, ...]]:
    """What stands against the letters of everybody, and on which grounds they are written to."""
    packer = Packer.of(office.workspace, plan.composition, throwaway_secret(), plan.opt_outs)
    survey, grounds = Survey(plan.composition), Grounds(office.workspace.settings)
    failures: dict[tuple[str, str], Problem] = {}
    for number, person in enumerate(plan.recipients, 1):
        try:
            parcel = packer.parcel(person, sid(packer.secret, 0, number, "proof", 0))
            survey.add_for_errors(person, Links(parcel.envelope.unsubscribe), parcel.values)
            grounds.add(person, parcel.envelope.list_id)
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
    return [*failures.values()], grounds.found()


def freeze(
    office: Office, plan: Plan, grounds: Iterable[Ground], move: EnrolmentMove | None = None
) -> Run | None:
    """Write down who gets what, once. Of two that freeze at the same time, the second takes the first's run.

    With `move`: a step of a sequence; None when another tick has taken all of them already.
    """
    owner_guard(office.workspace.project)
    # A campaign goes out once; a step as often as somebody is due.
    new = new_run(office, plan, grounds, occurrence="1" if move is None else None)
    try:
        return office.store.freeze(
            new,
            persons(plan.recipients, office.secret),
            excluded={reason: number for reason, number in plan.excluded.items() if number},
            batch_size=batch_size(office.workspace, plan.campaign),
            enrolment=move,
        )
    except SameLetter as same:
        raise GuardRefused(same_letter(office, plan.campaign, same)) from None
    except AlreadyFrozen as frozen:
        same_provider(frozen.run, office.workspace.settings)
        _, changed = changes(office.workspace, frozen.run, plan.campaign)
        if changed:
            raise GuardRefused(*changed) from None
        return frozen.run


def batch_size(workspace: Workspace, campaign: Campaign) -> int:
    """The most recipients that are written ahead together: as the settings, the provider and limits allow."""
    sizes = [workspace.settings.delivery.batch_size, max_batch(workspace.settings)]
    if most := most_at_once(pace_of(workspace, campaign)):
        sizes.append(most)
    return min(sizes)


def new_run(office: Office, plan: Plan, grounds: Iterable[Ground], *, occurrence: str | None) -> NewRun:
    """What is written down of a plan when it is frozen, and all that it is finished from."""
    workspace, composition = office.workspace, plan.composition
    kept = keep(workspace, composition)
    return NewRun(
        env=workspace.settings.environment,
        campaign=plan.campaign.id,
        content_hash=composition.sha256,
        plan_hash=plan.hash,
        inputs={**kept.inputs, "grounds": [ground.as_json() for ground in grounds]},
        created_at=workspace.clock.now(),
        occurrence=occurrence,
        files=kept.files,
        letter=composition.letter,
        again="G144" in plan.campaign.allow,
        canary=workspace.settings.delivery.canary,
    )


def same_letter(office: Office, campaign: Campaign, same: SameLetter) -> Problem:
    """G144: what to do depends on whether the other one is still under way."""
    other = office.store.latest_run(office.workspace.settings.environment, same.campaign)
    renamed = (
        f"if the file was renamed: newsletter send {same.campaign} --resume"
        if other and other.state in ("sending", "paused")
        else "if the file was renamed: it has gone out, so nothing is left to do"
    )
    return Problem(
        "G144",
        f"`{campaign.id}` is the very letter of `{same.campaign}`, begun on {same.created_at:%Y-%m-%d %H:%M} UTC: "
        f"{same.people} of its people have it, or are still to get it",
        Place(campaign.file),
        f'{renamed}; if it is meant: allow = ["G144"] in the campaign',
    )
