"""`list` and `status`: what there is, what goes next, what became of it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import click

from newsletter.campaigns.due import is_late
from newsletter.campaigns.models import Campaign, Sequence, Status
from newsletter.cli.output import grouped
from newsletter.cli.session import Session, global_options
from newsletter.delivery.grounds import Ground, summed
from newsletter.delivery.ledger import is_stuck, restored, unfinished_without_file
from newsletter.errors import ChecksFailed, Problem, UsageFault
from newsletter.store.store import Store
from newsletter.store.values import Counts, Halt, Member, Run

COUNTS = ("ready", "inflight", "accepted", "rejected", "suppressed", "unknown")
NAMED_UNKNOWNS = 20
_ENDED = ("done", "cancelled")


@click.command("list")
@global_options
@click.pass_obj
def list_(session: Session) -> int:
    """Campaigns and sequences with their state and when they go next."""
    catalogue = session.workspace.catalogue
    with session.reading() as (store, _):
        rows = [_row(session, store, name) for name in catalogue.names()]
    session.output.table(
        [(row["name"], row["kind"], row["state"], row["when"], row["segment"]) for row in rows]
    )
    if not rows:
        session.output.line("no campaigns yet: a campaign is a file campaigns/NAME.md")
    return session.output.result({"campaigns": rows}, next_steps=["newsletter check"])


@click.command("status")
@click.argument("name", required=False)
@click.option("--check", "checking", is_flag=True, help="Exit 7 while anything is held, stuck or unknown.")
@global_options
@click.pass_obj
def status(session: Session, name: str | None, *, checking: bool) -> int:
    """What became of a campaign: counts, doubts by name. Without NAME: all of them in one line each."""
    with session.reading() as (store, _):
        if name is None:
            return _status_of_all(session, store, checking=checking)
        found = session.workspace.resolve_name(name)
        try:
            if sequence := session.workspace.sequence(found):
                return _status_of_sequence(session, store, sequence, checking=checking)
            campaign = session.workspace.campaign(found)
        except (ChecksFailed, UsageFault) as fault:  # its file is broken or gone, what was sent of it is not
            runs = runs_of(store, session, found)
            if not (store and runs):
                raise
            return _status_of_runs(session, store, runs, fault.problems, checking=checking)
        return _status_of_campaign(session, store, campaign, checking=checking)


def _row(session: Session, store: Store | None, name: str) -> dict[str, str]:
    catalogue = session.workspace.catalogue
    if campaign := catalogue.campaigns.get(name):
        state = state_of(session, store, campaign)
        when = _moment(session, campaign.send_at) if campaign.send_at else "by hand"
        return {"name": name, "kind": "campaign", "state": state, "when": when, "segment": campaign.segment}
    if sequence := catalogue.sequences.get(name):
        when = str(sequence.window) if sequence.window else "any time"
        return {
            "name": name,
            "kind": f"{len(sequence.steps)} steps",
            "state": str(sequence.status),
            "when": when,
            "segment": sequence.segment,
        }
    if name not in catalogue.problems:
        return {"name": name, "kind": "gone", "state": "gone", "when": "its file is gone", "segment": ""}
    number = len(catalogue.problems[name])
    return {"name": name, "kind": "broken", "state": "broken", "when": f"{number} problems", "segment": ""}


def _moment(session: Session, moment: datetime) -> str:
    return f"{moment.astimezone(session.settings.zone):%Y-%m-%d %H:%M}"


def runs_of(store: Store | None, session: Session, name: str) -> list[Run]:
    """All occurrences of a campaign or step in this environment, oldest first."""
    if store is None:
        return []
    return [run for run in store.runs(session.environment) if run.campaign == name]


def runs_named(session: Session, store: Store, name: str) -> list[Run]:
    """All runs of a campaign, or of a sequence's steps, oldest first; also when their files are gone or broken."""
    return [
        run
        for run in store.runs(session.environment)
        if run.campaign == name or run.campaign.startswith(f"{name}/")
    ]


def counts_of(store: Store | None, runs: list[Run]) -> Counts:
    """Of all occurrences together: whoever went over to the next one counts there."""
    return Counts.summed(store.counts(run.id) for run in runs) if store else Counts()


def _stuck(session: Session, store: Store | None, runs: list[Run]) -> bool:
    """Whether a send was begun, is not finished, and nobody is at work on it, though something may go."""
    now = session.workspace.clock.now()
    return store is not None and any(
        is_stuck(session.project, store, run, now) and not _waits(session, store, [run]) for run in runs
    )


def _waits(session: Session, store: Store | None, runs: list[Run]) -> Problem | None:
    """Why nothing of what is left goes for some time: the day's number is used up, the provider asked for it."""
    from newsletter.delivery.pace import told, waiting

    for run in runs if store else []:
        if not store or run.state != "sending" or not store.counts(run.id).ready:
            continue
        try:
            campaign = session.workspace.campaign(run.campaign)
        except (ChecksFailed, UsageFault):  # its file is broken or gone: that is what stands in the way
            continue
        if found := waiting(store, session.workspace, campaign):
            return told(found, session.workspace, campaign)
    return None


def state_of(session: Session, store: Store | None, campaign: Campaign) -> str:
    """draft, ready, held, sending, paused, resolving, done or cancelled."""
    runs = runs_of(store, session, campaign.id)
    if store and runs:
        counts = counts_of(store, runs)
        if runs[-1].state == "sending" and counts.unknown and not (counts.ready or counts.inflight):
            return "resolving"
        return runs[-1].state
    now = session.workspace.clock.now()
    if campaign.status is Status.READY and is_late(campaign, now, session.settings.late_after):
        return "held"
    return str(campaign.status)


def _status_of_campaign(session: Session, store: Store | None, campaign: Campaign, *, checking: bool) -> int:
    runs = runs_of(store, session, campaign.id)
    state = state_of(session, store, campaign)
    counts = counts_of(store, runs)
    data = _told(session, store, campaign.id, state, runs)
    if not runs and campaign.send_at:
        session.output.line(f"  goes {_moment(session, campaign.send_at)} to {campaign.segment}")
    waiting = data["stuck"] or state in ("held", "resolving", "paused") or counts.unknown
    waiting = bool(waiting or (counts.ready and state in _ENDED))
    steps = _next_of(campaign, state, counts)
    return _end(session, store, data, waiting=waiting, checking=checking, next_steps=steps)


def _end(
    session: Session,
    store: Store | None,
    data: dict[str, object],
    *,
    waiting: bool,
    checking: bool,
    problems: Iterable[Problem] = (),
    next_steps: Iterable[str] = (),
) -> int:
    """The end of `status`, whatever it was asked for: of a ledger in doubt nothing goes until it is settled."""
    doubt = restored(store) if store else None
    told = [*problems, doubt] if doubt else list(problems)
    session.output.problems(told, err=False)
    steps = ["newsletter resolve --restored"] if doubt else next_steps
    exit_code = 7 if checking and (waiting or doubt) else 0
    return session.output.result(data, problems=told, next_steps=steps, exit_code=exit_code)


def _status_of_runs(
    session: Session, store: Store, runs: list[Run], problems: Iterable[Problem], *, checking: bool
) -> int:
    """What the ledger knows of a campaign whose file is gone or can't be read."""
    data = _told(session, store, runs[-1].campaign, runs[-1].state, runs)
    open_ = runs[-1].state not in ("done", "cancelled")
    return _end(session, store, data, waiting=open_, checking=checking, problems=problems)


def _told(session: Session, store: Store | None, name: str, state: str, runs: list[Run]) -> dict[str, object]:
    """One campaign's lines, and the same as data."""
    counts, output = counts_of(store, runs), session.output
    output.line(f"{name}   {state}   environment {session.environment}")
    if runs:
        output.table([(f"  {one}", grouped(number)) for one, number in counts.by_state().items()])
        output.line(f"  of {grouped(counts.total)}, begun {_moment(session, runs[0].created_at)}")
    grounds = _grounds(session, store, runs)
    occurrences = [_occurrence(store, run) for run in runs] if store else []
    for run, told in zip(runs, occurrences, strict=True) if len(runs) > 1 and "/" not in name else ():
        states = ", ".join(f"{grouped(n)} {one}" for one, n in store.counts(run.id).by_state().items() if n)  # type: ignore[union-attr]
        word = "amended" if told["halt"] and told["halt"]["word"] == "amended" else run.state
        output.line(f"  occurrence {run.occurrence}   {word}   {_moment(session, run.created_at)}   {states}")
    halted = _halted(store, runs)
    if halted:
        since = "since" if halted.word == "paused" else "at"
        output.line(f"  {halted.word} {since} {_moment(session, halted.at)}: {halted.reason}")
    if stuck := _stuck(session, store, runs):
        output.line("  stopped before its end: nobody is at work on it")
    if waits := _waits(session, store, runs):
        output.line(f"  {waits.message}")
    unknown = _named(store.in_doubt(run.id) for run in runs) if store else []
    for line in unknown[:NAMED_UNKNOWNS]:
        output.line(f"  unknown  {line}")
    if len(unknown) > NAMED_UNKNOWNS:
        output.line(f"  … and {grouped(len(unknown) - NAMED_UNKNOWNS)} more")
    twice = _named(store.twice(run.id) for run in runs) if store else []
    for line in twice[:NAMED_UNKNOWNS]:
        output.line(f"  got two  {line}")
    if len(twice) > NAMED_UNKNOWNS:
        output.line(f"  … and {grouped(len(twice) - NAMED_UNKNOWNS)} more")
    return {
        "campaign": name,
        "state": state,
        "counts": counts.by_state(),
        "total": counts.total,
        "grounds": grounds,
        "stuck": stuck,
        "halt": _halt(halted),
        "occurrences": occurrences,
        "waiting": waits.message if waits else None,
        "unknown": unknown,
        "twice": twice,
    }


def _grounds(session: Session, store: Store | None, runs: list[Run]) -> list[dict[str, object]]:
    """Its line, and the same as data: of all who were begun with; whoever an amended run goes on with is among them."""
    halts = [store.halt(run.id) for run in runs] if store else []
    amended = [bool(halt and halt.word == "amended") for halt in halts]
    begun = [run for run, goes_on in zip(runs, [False, *amended], strict=False) if not goes_on]
    grounds = summed(begun)
    if grounds:
        session.output.line(f"  ground  {ground_line(grounds)}")
    return [ground.as_json() for ground in grounds]


def ground_line(grounds: Iterable[Ground]) -> str:
    """`kunder (customer) 40; nyhetsbrev (consent) 12, all with a source`"""
    return "; ".join(
        f"{ground} {grouped(ground.recipients)}" + (ground.sources and f", {ground.sources}")
        for ground in grounds
    )


def _occurrence(store: Store, run: Run) -> dict[str, Any]:
    counts = store.counts(run.id)
    return {
        "occurrence": run.occurrence,
        "state": run.state,
        "total": run.total,
        "counts": counts.by_state(),
        "amended": counts.amended,
        "halt": _halt(store.halt(run.id)),
    }


def _halted(store: Store | None, runs: list[Run]) -> Halt | None:
    """Why it stands still: a paused run of several, else how the last one was ended."""
    if not (store and runs):
        return None
    return store.halt(next((run for run in runs if run.state == "paused"), runs[-1]).id)


def _halt(halted: Halt | None) -> dict[str, str] | None:
    if halted is None:
        return None
    return {"word": halted.word, "reason": halted.reason, "since": halted.at.isoformat()}


def _named(found: Iterable[Iterable[Member]]) -> list[str]:
    """By name: whoever settles a doubt has to know about whom."""
    return [who.email or f"(erased, {who.id})" for members in found for who in members]


def _next_of(campaign: Campaign, state: str, counts: Counts) -> list[str]:
    if counts.unknown:
        return [
            f"newsletter resolve {campaign.id} --assume-sent",
            f"newsletter resolve {campaign.id} --resend-unknown",
        ]
    if counts.ready and state in _ENDED:  # in doubt when it was amended, and not reached after all
        return [f"newsletter send {campaign.id} --amend", f"newsletter cancel {campaign.id}"]
    if state == "paused":
        return [f"newsletter resume {campaign.id}", f"newsletter cancel {campaign.id}"]
    if state == "sending" or (state == "held" and not campaign.step):
        return [f"newsletter send {campaign.id}"]
    return [f"newsletter send {campaign.id} --dry-run"] if state in ("draft", "ready") else []


def _status_of_sequence(session: Session, store: Store | None, sequence: Sequence, *, checking: bool) -> int:
    enrolments = store.enrolments(session.environment, sequence.id) if store else []
    steps = []
    rows: list[tuple[str, ...]] = [("  step", "accepted", "open", "unknown")]
    for step in sequence.steps:
        counts = counts_of(store, runs_of(store, session, step.campaign.id))
        steps.append({"step": step.id, "counts": {name: getattr(counts, name) for name in COUNTS}})
        waiting = counts.ready + counts.inflight
        rows.append((f"  {step.id}", grouped(counts.accepted), grouped(waiting), grouped(counts.unknown)))
    by_state: dict[str, int] = {}
    for enrolment in enrolments:
        by_state[enrolment.state] = by_state.get(enrolment.state, 0) + 1
    people = (
        ", ".join(f"{grouped(n)} {state}" for state, n in sorted(by_state.items())) or "nobody enrolled yet"
    )
    session.output.line(f"{sequence.id}   {sequence.status}   environment {session.environment}   {people}")
    session.output.table(rows)
    runs = [run for step in sequence.steps for run in runs_of(store, session, step.campaign.id)]
    total, stuck = counts_of(store, runs), _stuck(session, store, runs)
    if stuck:
        session.output.line("  a step stopped before its end: the next `newsletter run` goes on")
    paused = [run for run in runs if run.state == "paused"]
    for run in paused:
        halted = store.halt(run.id) if store else None
        why = f" since {_moment(session, halted.at)}: {halted.reason}" if halted else ""
        session.output.line(f"  {run.campaign} paused{why}")
    data = {
        "campaign": sequence.id,
        "state": str(sequence.status),
        "counts": {name: getattr(total, name) for name in COUNTS},
        "total": total.total,
        "grounds": _grounds(session, store, runs),
        "stuck": stuck,
        "enrolments": by_state,
        "steps": steps,
        "paused": sorted({run.campaign for run in paused}),
    }
    waits = bool(stuck or total.unknown or paused)
    return _end(session, store, data, waiting=waits, checking=checking)


def _status_of_all(session: Session, store: Store | None, *, checking: bool) -> int:
    catalogue = session.workspace.catalogue
    rows, data, waiting = [], [], False
    gone = unfinished_without_file(store, session.environment, session.workspace.campaign_ids)
    for name in (*catalogue.names(), *sorted({run.campaign for run in gone})):
        row = _row(session, store, name)
        sequence = catalogue.sequences.get(name)
        names = [step.campaign.id for step in sequence.steps] if sequence else [name]
        runs = [run for one in names for run in runs_of(store, session, one)]
        counts, stuck = counts_of(store, runs), _stuck(session, store, runs)
        waiting = waiting or stuck or row["state"] in ("held", "resolving", "paused", "broken", "gone")
        waiting = waiting or counts.unknown > 0 or any(run.state == "paused" for run in runs)
        sent = f"{grouped(counts.accepted)} of {grouped(counts.total)}" if counts.total else "-"
        doubts = f"{grouped(counts.unknown)} unknown" if counts.unknown else "stopped" if stuck else ""
        rows.append((name, row["state"], row["when"], sent, doubts))
        counted = {one: getattr(counts, one) for one in COUNTS}
        data.append(
            {
                "campaign": name,
                "state": row["state"],
                "counts": counted,
                "total": counts.total,
                "stuck": stuck,
            }
        )
    session.output.table(rows)
    return _end(session, store, {"campaigns": data}, waiting=waiting, checking=checking)


def one_of(session: Session, name: str) -> Campaign:
    """The campaign that an argument names. Raises UsageFault for a whole sequence."""
    found = session.workspace.resolve_name(name)
    if sequence := session.workspace.sequence(found):
        steps = ", ".join(step.campaign.id for step in sequence.steps[:3])
        raise UsageFault(
            Problem(
                "G104", f"`{found}` is a sequence", sequence.place(), f"name one of its steps: {steps}, …"
            )
        )
    return session.workspace.campaign(found)
