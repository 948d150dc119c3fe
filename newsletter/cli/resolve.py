"""`resolve`: settle deliveries whose fate is unknown, by evidence or by a human's word."""

import click

from newsletter.cli.asking import ask_number
from newsletter.cli.catalogue import counts_of, runs_named
from newsletter.cli.output import grouped
from newsletter.cli.session import Session, global_options
from newsletter.errors import GuardRefused, Problem, UsageFault
from newsletter.store.store import Store
from newsletter.store.values import Run


@click.command("resolve")
@click.argument("name", required=False)
@click.option("--assume-sent", is_flag=True, help="They have it: count them as accepted.")
@click.option("--resend-unknown", is_flag=True, help="They are to get it, even if some get it twice.")
@click.option(
    "--restored", is_flag=True, help="This ledger was copied or brought back, and is the one from now on."
)
@global_options
@click.pass_obj
def resolve(
    session: Session, name: str | None, *, assume_sent: bool, resend_unknown: bool, restored: bool
) -> int:
    """Settle deliveries whose fate is unknown: by what the provider can prove, else by your word."""
    if restored:
        if name or assume_sent or resend_unknown:
            raise UsageFault(
                Problem(
                    "G160",
                    "--restored is about the whole ledger",
                    hint="newsletter resolve --restored, alone",
                )
            )
        return _take_over(session)
    if name is None:
        raise click.UsageError("Missing argument 'NAME'.", click.get_current_context())
    from newsletter.delivery.going_on import same_provider
    from newsletter.delivery.ledger import owner_is_alive
    from newsletter.delivery.resolve import settle_by_evidence, settle_by_word
    from newsletter.providers.open import open_provider

    if assume_sent and resend_unknown:
        raise UsageFault(
            Problem(
                "G160",
                "--assume-sent and --resend-unknown exclude each other",
                hint="settle them in two calls: what is left is asked for again",
            )
        )
    workspace = session.workspace
    found = workspace.resolve_name(name)
    with session.office() as office:
        store, now = office.store, workspace.clock.now()
        runs = _runs(session, store, found)
        for run in runs:
            same_provider(run, session.settings)
        store.sweep(owner_is_alive(session.project), now)
        provider = open_provider(session.project, session.settings)
        try:
            proved = sum(settle_by_evidence(store, provider, office.secret, run, now) for run in runs)
        finally:
            provider.close()
        left = counts_of(store, runs).unknown
        said = 0
        if left and (assume_sent or resend_unknown):
            _confirm(session, left)
            said = sum(settle_by_word(store, run, "sent" if assume_sent else "resend", now) for run in runs)
        for run in runs:
            if run.state in ("sending", "paused") and store.counts(run.id).open == 0:
                store.set_state(run.id, "done")
        paused = [run.campaign for run in runs if store.state(run.id) == "paused"]
        counts = counts_of(store, runs)
    session.output.line(
        f"{found}: {grouped(proved)} settled by evidence, {grouped(said)} by your word, {grouped(counts.unknown)} left"
    )
    steps = []
    if counts.unknown:
        steps = [f"newsletter resolve {found} --assume-sent", f"newsletter resolve {found} --resend-unknown"]
    elif paused:
        steps = [f"newsletter resume {name}" for name in dict.fromkeys(paused)]
    elif counts.ready:
        sequenced = session.workspace.catalogue.sequences.keys() & {found, found.rpartition("/")[0]}
        steps = ["newsletter run" if sequenced else f"newsletter send {found}"]
    data = {
        "campaign": found,
        "by_evidence": proved,
        "by_word": said,
        "unknown": counts.unknown,
        "ready": counts.ready,
    }
    return session.output.result(data, next_steps=steps, exit_code=7 if counts.unknown else 0)


def _take_over(session: Session) -> int:
    """A human says that this ledger is the one, though it may have missed what was sent."""
    output = session.output
    with session.office() as office:
        store = office.store
        if store.doubt() is None:
            output.line("this ledger is where it was made and knows all that was sent: nothing to settle")
            return output.result({"restored": False, "in_doubt": 0, "epoch": store.epoch})
        number = store.still_to_go()
        given = ask_number(session, number, "Type the number of deliveries that come into doubt")
        if given is not None and given != number:
            raise GuardRefused(Problem("G161", f"the number is {number}, not {given}: nothing was settled"))
        store.take_over(session.workspace.clock.now())
        runs = store.runs(session.environment)
        names = sorted({run.campaign for run in runs if store.counts(run.id).unknown})
        name = store.name()
    output.line(
        f"this is the ledger from now on (epoch {store.epoch}); {grouped(number)} deliveries are in doubt"
    )
    if (named := session.settings.ledger) and named != name:
        output.line(
            f'commit in [env.{session.environment}]: ledger = "{name}", which no other copy may send by'
        )
    steps = [f"newsletter resolve {one}" for one in names]
    data = {"restored": True, "in_doubt": number, "epoch": store.epoch, "ledger": name}
    return output.result(data, next_steps=steps)


def _runs(session: Session, store: Store, found: str) -> list[Run]:
    """All runs of a campaign, or of a sequence's steps; a file that is gone or broken can still be settled."""
    runs = runs_named(session, store, found)
    if not runs and not session.workspace.sequence(found):
        session.workspace.campaign(found)  # raises UsageFault for what nobody knows
    return runs


def _confirm(session: Session, left: int) -> None:
    """On a terminal the number has to be typed; without one the flag is the answer."""
    given = ask_number(session, left, "Type the number of unknown deliveries")
    if given is not None and given != left:
        raise GuardRefused(Problem("G161", f"the number is {left}, not {given}: nothing was settled"))
