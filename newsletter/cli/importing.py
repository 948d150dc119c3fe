"""`import`: a foreign list, shown first and then taken in."""

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from newsletter.cli.asking import ask_number
from newsletter.cli.output import grouped
from newsletter.cli.session import Session, global_options
from newsletter.errors import ChecksFailed, GuardRefused, NewsletterError, Problem, Severity, UsageFault

if TYPE_CHECKING:
    from newsletter.people.formats import Format
    from newsletter.people.intake import Intake


@click.command("import")
@click.argument("file", type=click.Path())
@click.option("--list", "list_name", required=True, metavar="L", help="The list: subscribers/L.csv.")
@click.option(
    "--format",
    "kind",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "mailchimp", "sendgrid", "listmonk", "csv"]),
    help="Whose export it is.",
)
@click.option(
    "--map", "pairs", multiple=True, metavar="THEIRS=OURS", help="What one of their columns is; repeatable."
)
@click.option("--encoding", help="As cp1252; without it the file is looked at.")
@click.option("--delimiter", help="As ; or tab; without it the header line says.")
@click.option("--consent-source", default="", metavar="TEXT", help="Where these people said yes.")
@click.option("--consent-text", default="", metavar="VERSION", help="To which wording they said it.")
@click.option("--dry-run", is_flag=True, help="Show what would come in; write nothing but the rejected rows.")
@global_options
@click.pass_obj
def import_(
    session: Session, file: str, list_name: str, kind: str, pairs: tuple[str, ...], encoding: str | None,
    delimiter: str | None, consent_source: str, consent_text: str, *, dry_run: bool,
) -> int:  # fmt: skip
    """Take a foreign list in. Nobody who said no comes back by it, and nobody is enrolled by it."""
    from newsletter.people.importing import intake, keep_rejects, write
    from newsletter.people.intake import Order
    from newsletter.people.turns import glance, turn

    order = Order(
        Path(file), list_name, None if kind == "auto" else cast("Format", kind), _columns(pairs), encoding,
        delimiter, consent_source.strip(), consent_text.strip(),
    )  # fmt: skip
    now = session.workspace.clock.now()
    with contextlib.ExitStack() as opened:
        if dry_run:
            from newsletter.settings.secret import throwaway_secret

            looking, key = opened.enter_context(session.reading())
            secret, suppressed = key or throwaway_secret(), looking.opt_outs() if looking else {}
            scratch = opened.enter_context(glance())
        else:
            scratch = opened.enter_context(turn(session.project, session.waiting))
            office = opened.enter_context(session.office())
            secret, suppressed = office.secret, office.store.opt_outs()
        found = opened.enter_context(
            intake(session.project, session.settings, secret, suppressed, now, order, scratch)
        )
        _show(session, found)
        if not found.counts.came_in and not found.opt_outs:
            rejects = keep_rejects(session.project, found, f"{now:%Y%m%dT%H%M%SZ}")
            raise ChecksFailed(_nobody(found, rejects), *found.problems)
        if dry_run:
            rejects, target, backup = (
                keep_rejects(session.project, found, f"{now:%Y%m%dT%H%M%SZ}"),
                None,
                None,
            )
        else:
            _confirm(session, found)
            done = write(session.project, office.store, secret, found, now)
            rejects, target, backup = done.rejects, done.list, done.backup
    if not dry_run:
        _load(session, found)
    output = session.output
    if rejects:
        output.line(f"rejected  {rejects}")
    if target:
        output.line(f"written   {target}" + (f"   (as it was: {backup})" if backup else ""))
    output.problems(found.problems)
    data = _data(found) | {"rejects_file": rejects, "list_file": target, "backup": backup, "dry_run": dry_run}
    again = f"newsletter import {file} --list {list_name}"
    steps = [again] if dry_run else [f"newsletter segment show {found.order.list}"]
    exit_code = 0 if found.counts.came_in else 3
    return output.result(data, problems=found.problems, next_steps=steps, exit_code=exit_code)


def _columns(pairs: tuple[str, ...]) -> dict[str, str]:
    wrong = next((pair for pair in pairs if not all(part.strip() for part in pair.partition("=")[::2])), None)
    if wrong is not None:
        raise UsageFault(Problem("I113", f"--map {wrong} says nothing", hint="--map 'E-post=email'"))
    return {theirs.strip(): ours.strip() for theirs, _, ours in (pair.rpartition("=") for pair in pairs)}


def _show(session: Session, found: "Intake") -> None:
    output, counts = session.output, found.counts
    names = f"   as in: {', '.join(found.encoding.names)}" if found.encoding.names else ""
    delimiter = {"\t": "tab"}.get(found.delimiter, found.delimiter)
    output.line(f"format    {found.format}   encoding {found.encoding.name}   delimiter {delimiter}{names}")
    output.line("columns   " + ", ".join(t if t == o else f"{t} → {o}" for t, o in found.mapping.items()))
    words = ("new", "updated", "unchanged", "suppressed", "duplicates", "rejected")
    output.line("rows      " + ", ".join(f"{grouped(getattr(counts, word))} {word}" for word in words))
    for reason, number in found.reasons.most_common(10):
        output.line(f"  rejected {grouped(number)}: {reason}")
    if found.opt_outs:
        output.line(f"opt-outs  {grouped(len(found.opt_outs))}, which hold from now on")


def _confirm(session: Session, found: "Intake") -> None:
    """On a terminal a human has seen names and numbers; without one the command is the answer."""
    number = found.counts.came_in
    given = ask_number(session, number, "Are names and columns right? Type the number of people who come in")
    if given is not None and given != number:
        raise GuardRefused(Problem("I116", f"the number is {number}, not {given}: nothing was written"))


def _load(session: Session, found: "Intake") -> None:
    """Bring the store's copy up to the list at once, so that the next command need not.

    Where that fails, all is written nevertheless: it is said, and the next command loads it.
    """
    session.workspace.asking = False  # lists that programs print stay as they were printed last
    try:
        session.workspace.lists  # noqa: B018 - read once, and loaded by that
    except NewsletterError as fault:
        found.problems.extend(replace(one, severity=Severity.WARNING) for one in fault.problems)


def _nobody(found: "Intake", rejects: str | None) -> Problem:
    counts = found.counts
    message = (
        f"of {counts.rows} rows nobody comes in: {counts.rejected} rejected, {counts.suppressed} said no"
    )
    hint = f"look at {rejects}" if rejects else "there is nothing to do"
    return Problem("I112", message, hint=hint)


def _data(found: "Intake") -> dict[str, object]:
    counts = found.counts
    return {
        "list": found.order.list,
        "format": found.format,
        "encoding": found.encoding.name,
        "names": list(found.encoding.names),
        "delimiter": found.delimiter,
        "columns": found.mapping,
        "new": counts.new,
        "updated": counts.updated,
        "unchanged": counts.unchanged,
        "rejected": counts.rejected,
        "suppressed": counts.suppressed,
        "duplicates": counts.duplicates,
        "opt_outs": len(found.opt_outs),
        "reasons": dict(found.reasons),
    }
