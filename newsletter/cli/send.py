"""`send`: rehearse a campaign, send it, or go on with it."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from newsletter.campaigns.models import Campaign
from newsletter.cli.asking import ask_number
from newsletter.cli.catalogue import ground_line, one_of
from newsletter.cli.output import grouped
from newsletter.cli.segment import waterfall_lines
from newsletter.cli.session import Session, global_options
from newsletter.cli.stopping import Stop
from newsletter.cli.targets import outward
from newsletter.delivery.grounds import kept
from newsletter.errors import ChecksFailed, GuardRefused, Problem, UsageFault

if TYPE_CHECKING:
    from newsletter.delivery.office import SendOrder


def _percent(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    """`2%`, `0.5 %` or `2`: a share of a whole."""
    if value is None:
        return None
    found = re.fullmatch(r"(\d{1,3}(?:[.,]\d{1,3})?) ?%?", value.strip())
    share = float(found[1].replace(",", ".")) if found else 101.0
    if share > 100:
        raise click.BadParameter(f"{value!r} is no share such as 2%, of 100% at most")
    return share


@click.command("send")
@click.argument("name")
@click.option(
    "-n", "--dry-run", is_flag=True, help="Rehearse all of it: every recipient, no socket, no ledger."
)
@click.option(
    "--out", type=click.Path(file_okay=False), help="Where the rehearsal goes (default: out/dry-run/…)."
)
@click.option(
    "--samples", default=6, show_default=True, type=click.IntRange(0, 100), help="Messages to keep."
)
@click.option(
    "--confirm", type=click.IntRange(0), metavar="N", help="The number of recipients, without a terminal."
)
@click.option("--expect-plan", metavar="PLAN", help="Send only what was rehearsed: a plan.json or its hash.")
@click.option(
    "--drift",
    callback=_percent,
    metavar="P%",
    help="By how much the number of recipients may differ from the plan's, such as 2%.",
)
@click.option("--resume", is_flag=True, help="Finish what was begun, whatever the files say by now.")
@click.option("--amend", is_flag=True, help="Close what was begun; the new text goes to those who are left.")
@global_options
@click.pass_obj
def send(
    session: Session,
    name: str,
    *,
    dry_run: bool,
    out: str | None,
    samples: int,
    confirm: int | None,
    expect_plan: str | None,
    drift: float | None,
    resume: bool,
    amend: bool,
) -> int:
    """Rehearse (--dry-run), send, or go on with a send that stopped. A second send sends nothing again."""
    from newsletter.delivery.office import SendOrder

    if resume and amend:
        raise UsageFault(
            Problem(
                "G147",
                "--resume and --amend exclude each other",
                hint="finish the old text, or send the new one",
            )
        )
    if dry_run:
        if confirm is not None or expect_plan or drift is not None or resume or amend:
            raise UsageFault(
                Problem(
                    "G108",
                    "--confirm, --expect-plan, --drift, --resume and --amend belong to a send, not to a rehearsal",
                    hint="leave them out, or --dry-run",
                )
            )
        return _rehearse(session, one_of(session, name), out, samples)
    if out or click.get_current_context().get_parameter_source("samples") is ParameterSource.COMMANDLINE:
        raise UsageFault(Problem("G109", "--out and --samples belong to a rehearsal", hint="add --dry-run"))
    if drift is not None and not expect_plan:
        hint = "add --expect-plan with the plan.json of a rehearsal"
        raise UsageFault(Problem("U103", "--drift needs a plan from which the number may differ", hint=hint))
    question = "Type the number of recipients to send"
    order = SendOrder(
        confirm,
        expect_plan,
        lambda number: ask_number(session, number, question),
        drift=drift or 0.0,
        resume=resume,
        amend=amend,
    )
    try:
        campaign: Campaign | None = one_of(session, name)
    except (ChecksFailed, UsageFault):  # its file is broken or gone, what was begun of it is not
        if amend or not _begun(session, name):
            raise
        campaign = None
    if campaign and campaign.step:
        raise GuardRefused(
            Problem(
                "G106",
                f"`{campaign.id}` is a step: each person gets it when it is due",
                campaign.place(),
                "newsletter run; or --dry-run to rehearse it",
            )
        )
    return _send(session, session.workspace.resolve_name(name), campaign, order)


def _begun(session: Session, name: str) -> bool:
    found = session.workspace.resolve_name(name)
    with session.reading() as (store, _):
        run = store.latest_run(session.environment, found) if store else None
    return (
        run is not None
        and run.state in ("sending", "paused")
        and not session.workspace.catalogue.sequences.get(found.rpartition("/")[0])
    )


def _send(session: Session, name: str, campaign: Campaign | None, order: "SendOrder") -> int:
    """campaign: None for a begun one whose file is gone or broken"""
    from newsletter.delivery.send import finish
    from newsletter.delivery.send import send as deliver

    output = session.output
    with (
        session.office(stop=Stop()) as office,
        output.progress("proving") as proving,
        output.progress("sending") as progress,
    ):
        office.progress, office.proving = progress, proving
        result = deliver(office, campaign, order) if campaign else finish(office, name, order)
    counts = result.counts.by_state()
    if result.already:
        output.line(f"{name} went out on {result.run.created_at:%Y-%m-%d}: nothing was sent again")
    where = f"out/outbox/{name}/" if not session.settings.live else session.settings.provider
    told = ", ".join(f"{grouped(number)} {one}" for one, number in counts.items() if number)
    output.line(f"{name}: {told or 'nobody'} of {grouped(result.run.total)}   ({where})")
    grounds = kept(result.run)
    if grounds:
        output.line(f"  ground  {ground_line(grounds)}")
    waiting = [result.waiting] if result.waiting else []
    output.problems(waiting, err=False)
    data = {
        "campaign": name,
        "occurrence": result.run.occurrence,
        "already": result.already,
        "counts": counts,
        "total": result.run.total,
        "excluded": result.excluded,
        "grounds": [ground.as_json() for ground in grounds],
        "outbox": where if not session.settings.live else None,
    }
    return output.result(data, problems=waiting, next_steps=[f"newsletter status {name}"])


def _rehearse(session: Session, campaign: Campaign, out: str | None, samples: int) -> int:
    from newsletter.delivery.ledger import restored
    from newsletter.delivery.plan import OptOuts, make_plan, segment_of
    from newsletter.delivery.rehearsal import rehearse
    from newsletter.reports.dry_run import write_report

    workspace, output = session.workspace, session.output
    with session.reading() as (store, secret):
        workspace.asking = True  # a rehearsal is of the lists as they are
        plan = make_plan(workspace, campaign, OptOuts.read(store, secret))
        folder = outward(session, "--out", out) if out else _folder(session, campaign)
        with output.progress("rehearsing") as progress:
            result = rehearse(
                workspace,
                plan,
                folder,
                samples=samples,
                ledger=store.name() if store else None,
                in_doubt=restored(store) if store else None,
                progress=progress,
            )
    page = write_report(result, session.settings)
    shown = _shown(folder)
    output.line(
        f"DRY RUN - nothing leaves this machine   {campaign.id}   "
        f"environment {session.environment} ({session.settings.provider})"
    )
    for line in waterfall_lines(segment_of(workspace, campaign), plan.waterfall.candidates, plan.excluded):
        output.line(line)
    for condition, number in result.readers.items():
        output.line(f"{condition}   {grouped(number)} of {grouped(len(plan.recipients))}   {condition.place}")
    size = result.size()
    output.line(f"subject   {result.subjects[0] if result.subjects else ''}")
    output.line(f"size      {grouped(size['max'])} bytes at most, {grouped(size['median'])} in the middle")
    output.line(f"requests  {grouped(result.requests)}   rendered in {result.duration_s:.1f} s")
    if result.grounds:
        output.line(f"ground    {ground_line(result.grounds)}")
    if result.proof:
        output.line(f"proof     {result.proof}")
    output.problems(result.problems, err=False)
    if result.needs:
        output.line("a live send still needs:")
        for need in result.needs:
            output.line(f"  {need.code}  {need.message}" + (f"   try: {need.hint}" if need.hint else ""))
    output.line(f"verdict   {'ready' if result.passed else 'not ready: mend the errors above'}")
    output.line(f"look at   {_shown(page)}")
    data = {
        "campaign": campaign.id,
        "plan": plan.hash,
        "recipients": len(plan.recipients),
        "excluded": plan.excluded,
        "candidates": plan.waterfall.candidates,
        "subject_samples": result.subjects,
        "size": size,
        "problems": [problem.as_json() for problem in result.problems],
        "only": [
            {"segment": one.segment, "not": one.negated, "place": str(one.place), "recipients": number}
            for one, number in result.readers.items()
        ],
        "grounds": [ground.as_json() for ground in result.grounds],
        "requests": result.requests,
        "duration_s": result.duration_s,
        "samples": [f"{shown}/samples/{sample.eml}" for sample in result.samples],
        "needs": [need.as_json() for need in result.needs],
        "out": shown,
        "passed": result.passed,
    }
    steps = [f"newsletter check {campaign.id}"]
    if result.passed and not campaign.step:
        steps = [f"newsletter send {campaign.id} --expect-plan {shown}/plan.json"]
    return output.result(
        data, problems=result.problems, next_steps=steps, exit_code=0 if result.passed else 3
    )


def _folder(session: Session, campaign: Campaign) -> Path:
    """out/dry-run/<stamp>-<slug>, a new one for each rehearsal."""
    stamp = f"{session.workspace.clock.now():%Y%m%dT%H%M%SZ}"
    base = session.project.root / "out" / "dry-run" / f"{stamp}-{campaign.id.replace('/', '-')}"
    folder, number = base, 1
    while folder.exists():
        number += 1
        folder = base.with_name(f"{base.name}-{number}")
    return folder


def _shown(path: Path) -> str:
    """As it can be typed here: relative where it lies below this folder."""
    here, there = Path.cwd(), path.resolve()
    return there.relative_to(here).as_posix() if there.is_relative_to(here) else str(there)
