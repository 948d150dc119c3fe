"""`suppress add|remove|list|import`: who must not be written to, whatever the lists say."""

import click

from newsletter.audience.address import mask
from newsletter.audience.leaving import EVERYTHING, scope_of
from newsletter.audience.models import Standing
from newsletter.cli.asking import ask_word
from newsletter.cli.output import grouped
from newsletter.cli.session import Session, global_options
from newsletter.errors import ChecksFailed, GuardRefused, Problem, Severity, UsageFault
from newsletter.people.identity import identify, list_names, scope_named

SHOWN = 50


@click.group("suppress", context_settings={"help_option_names": ["-h", "--help"]})
def suppress() -> None:
    """Who must not be written to, whatever the lists say."""


@suppress.command("add")
@click.argument("emails", metavar="EMAIL…", nargs=-1, required=True)
@click.option("--list", "list_name", metavar="L", help="Only on this list.")
@click.option("--reason", default="told to us", show_default=True, help="Why, for the record.")
@global_options
@click.pass_obj
def add(session: Session, emails: tuple[str, ...], list_name: str | None, reason: str) -> int:
    """Suppress one or more addresses; all of them, or none when one is no address."""
    from newsletter.store.optouts import opted_out

    scope, now = scope_named(session.workspace, list_name), session.workspace.clock.now()
    with session.office() as office:
        people = [identify(office.secret, email) for email in emails]
        events = [opted_out(who.hmac, scope, reason, "command", now) for who in people]
        added = office.store.record_opt_outs(events)
    session.output.line(f"{grouped(added)} added, {grouped(len(people) - added)} were suppressed already")
    data = {"added": added, "already": len(people) - added, "scope": scope}
    return session.output.result(data, next_steps=["newsletter suppress list"])


@suppress.command("remove")
@click.argument("email")
@click.option("--list", "list_name", metavar="L", help="Only the opt-out from this list.")
@click.option("--reason", default="asked us to", show_default=True, help="Why, for the record.")
@global_options
@click.pass_obj
def remove(session: Session, email: str, list_name: str | None, reason: str) -> int:
    """Take an opt-out back. Both stay in the person's history; on a terminal the address has to be typed."""
    scope = scope_of(list_name) if list_name else EVERYTHING  # also of a list that is there no more
    with session.office() as office:
        who = identify(office.secret, email)
        if scope not in office.store.opt_outs([who.hmac]).get(who.hmac, frozenset()):
            hint = f"newsletter subscriber show {who.email}"
            raise UsageFault(Problem("S143", f"`{who.email}` has no such opt-out", hint=hint))
        if ask_word(session, who.email, "They will get mail again. Type the address") is False:
            raise GuardRefused(Problem("S145", "that was not the address: nothing was changed"))
        office.store.lift(who.hmac, scope, reason, "command", session.workspace.clock.now())
    session.output.line(f"{who.email}: the opt-out is taken back")
    still = _still_unsubscribed(session, who.key)
    session.output.problems(still)
    data = {"email": who.email, "fingerprint": who.hmac.hex(), "scope": scope}
    return session.output.result(data, problems=still, next_steps=[f"newsletter subscriber show {who.email}"])


def _still_unsubscribed(session: Session, key: str) -> list[Problem]:
    """A file that says no, too, goes on to hold."""
    person = session.workspace.audience.find(key)
    no = (Standing.UNSUBSCRIBED, Standing.CLEANED)
    return [
        Problem(
            "S146",
            f"the list still says `{row.standing}`, which holds for all lists",
            row.place,
            "change the row's status, if that is what the person wants",
            Severity.WARNING,
        )
        for row in (person.memberships if person else ())
        if row.standing in no
    ]


@suppress.command("list")
@click.option("--list", "list_name", metavar="L", help="Only opt-outs from this list.")
@global_options
@click.pass_obj
def list_(session: Session, list_name: str | None) -> int:
    """Who is suppressed: masked where a list knows the address, else by fingerprint."""
    wanted = scope_of(list_name) if list_name else None  # also of a list that is there no more
    with session.reading() as (store, secret):
        people = (
            {secret.person(one.key): one.email for one in session.workspace.audience.people} if secret else {}
        )
        found = [
            {
                "who": mask(people[one.hmac]) if one.hmac in people else one.hmac.hex(),
                "scope": one.scope,
                "reason": one.reason,
                "source": one.source,
                "at": one.at.isoformat(),
            }
            for one in (store.suppressions() if store else ())
            if wanted in (None, one.scope)
        ]
    for row in found[:SHOWN]:
        scope = "everything" if row["scope"] == "*" else row["scope"]
        session.output.line(f"{row['who']}   {scope}   {row['at'][:10]}   {row['reason']} ({row['source']})")
    if len(found) > SHOWN:
        session.output.line(f"… and {grouped(len(found) - SHOWN)} more")
    session.output.line(f"{grouped(len(found))} suppressed")
    return session.output.result({"suppressions": found}, next_steps=["newsletter export suppressions"])


@suppress.command("import")
@click.argument("file", type=click.Path())
@click.option("--list", "list_name", metavar="L", help="Only on this list.")
@click.option("--reason", default="from a file", show_default=True, help="Why, where a row does not say.")
@click.option("--encoding", help="As cp1252; without it the file is looked at.")
@click.option("--delimiter", help="As ; or tab; without it the header line says.")
@global_options
@click.pass_obj
def import_(
    session: Session,
    file: str,
    list_name: str | None,
    reason: str,
    encoding: str | None,
    delimiter: str | None,
) -> int:
    """Suppress everybody in a file: other programs' bounces and unsubscribes, or bare addresses."""
    from pathlib import Path

    from newsletter.people.importing import keep_unheard
    from newsletter.people.opt_out_file import Terms, read_opt_outs

    scope, now = scope_named(session.workspace, list_name), session.workspace.clock.now()
    lists = set(map(scope_of, list_names(session.workspace)))
    with session.office() as office:
        terms = Terms(scope, reason, lists, office.secret, now)
        with read_opt_outs(Path(file), terms, encoding=encoding, delimiter=delimiter) as found:
            rejected = sum(found.reasons.values())
            kept = keep_unheard(session.project, found, now)
            if not found.events:
                message = f"nobody in {file} could be suppressed: {rejected} rows rejected"
                hint = "a column `email` with one address in each row" + (f"; look at {kept}" if kept else "")
                raise ChecksFailed(Problem("I112", message, hint=hint))
            added = office.store.record_opt_outs(found.events)
            already = len(found.events) - added
    session.output.line(
        f"{grouped(added)} added, {grouped(already)} were suppressed already, {grouped(rejected)} rejected"
    )
    for why, number in found.reasons.items():
        session.output.line(f"  rejected {grouped(number)}: {why}")
    if kept:
        session.output.line(f"rejected  {kept}")
    data = {"added": added, "already": already, "rejected": rejected, "reasons": dict(found.reasons)}
    data |= {"rejects_file": kept}
    return session.output.result(data, next_steps=["newsletter suppress list"])
