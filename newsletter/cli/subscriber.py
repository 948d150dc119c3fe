"""`subscriber show|unsubscribe|export|forget`: what one person asks of us."""

import json
from pathlib import Path

import click

from newsletter.cli.asking import ask_word
from newsletter.cli.output import counted
from newsletter.cli.session import Session, global_options
from newsletter.cli.targets import outward
from newsletter.errors import GuardRefused, Problem
from newsletter.people.dossier import Dossier, dossier
from newsletter.people.identity import identify, scope_named
from newsletter.people.places import PEOPLE
from newsletter.settings.secret import throwaway_secret

ASKED = "asked us to"


@click.group("subscriber", context_settings={"help_option_names": ["-h", "--help"]})
def subscriber() -> None:
    """What one person asks of us: to see, to be left alone, to be forgotten."""


@subscriber.command("show")
@click.argument("email")
@global_options
@click.pass_obj
def show(session: Session, email: str) -> int:
    """Everything that is held on a person: rows, ground, consent, opt-outs, what was sent."""
    held = _dossier(session, email)
    output = session.output
    output.line(f"{held.email}   {held.standing}   {held.hmac}")
    for row in held.rows:
        source = row.consent_source or _default_source(session, row.list)
        told = ", ".join(f"{k} {v}" for k, v in row.cells.items() if k not in ("email", "consent_source"))
        output.line(f"  on {row.list}   basis {row.basis}   {row.file}:{row.line}")
        output.line(f"      consent source: {source or 'none'}")
        output.line(f"      {told}" if told else "      nothing but the address")
    for consent in held.consents:
        when = _day(session, consent.given_at)
        output.line(f"  consent   {consent.list}   {consent.source}   {when}   {consent.proof}".rstrip())
    for event in held.opt_outs:
        act = "opted out" if event.act == "suppress" else "taken back"
        output.line(
            f"  {act}   {_scope(event.scope)}   {_day(session, event.at)}   {event.reason} ({event.source})"
        )
    for received in held.history.received:
        again = f" #{received.occurrence}" if received.occurrence != "1" else ""
        when = _day(session, received.at) if received.at else "not yet"
        output.line(f"  {received.state}   {received.campaign}{again}   {when}   {received.reason}".rstrip())
        for attempt in received.attempts if len(received.attempts) > 1 or received.events else ():
            output.line(
                f"      handed over {_day(session, attempt.started_at)}   {attempt.state}   {attempt.id[:8]}"
            )
        for heard in received.events:
            told = f"{heard.kind}   {heard.attempt_id[:8]}   {heard.detail}".rstrip()
            output.line(f"      the provider told {_day(session, heard.at)}   {told}")
    for standing in held.history.sequences:
        output.line(f"  in {standing.sequence}   {standing.state}   last step {standing.step or 'none yet'}")
    for file, _ in held.copies:
        output.line(f"  in a copy   {file}")
    for file in held.files:
        output.line(f"  named in   {file}")
    if held.is_empty:
        output.line("  nothing is held")
    output.problems(held.unread)
    steps = [f"newsletter subscriber export {held.email}"] if not held.is_empty else []
    return output.result(held.as_json(), problems=held.unread, next_steps=steps)


def _dossier(session: Session, email: str) -> Dossier:
    with session.reading() as (store, secret):
        return dossier(session.workspace, store, identify(secret or throwaway_secret(), email))


def _default_source(session: Session, name: str) -> str:
    ground = session.settings.list.get(name)
    return ground.consent_source if ground else ""


def _scope(scope: str) -> str:
    return "everything" if scope == "*" else scope


def _day(session: Session, moment: object) -> str:
    from datetime import datetime

    if not isinstance(moment, datetime):
        return "not noted when"
    return f"{moment.astimezone(session.settings.zone):%Y-%m-%d %H:%M}"


@subscriber.command("unsubscribe")
@click.argument("email")
@click.option("--list", "list_name", metavar="L", help="Only from this list.")
@click.option("--reason", default=ASKED, show_default=True, help="Why, for the record.")
@global_options
@click.pass_obj
def unsubscribe(session: Session, email: str, list_name: str | None, reason: str) -> int:
    """Nothing more goes to this address, in any spelling, known to us or not. No file can undo it."""
    scope = scope_named(session.workspace, list_name)
    with session.office() as office:
        who = identify(office.secret, email)
        changed = office.store.suppress(who.hmac, scope, reason, "command", session.workspace.clock.now())
    word = "gets nothing more" if changed else "was opted out already"
    session.output.line(f"{who.email} {word}   ({_scope(scope)})")
    data = {"email": who.email, "fingerprint": who.hmac.hex(), "scope": scope, "changed": changed}
    return session.output.result(data, next_steps=[f"newsletter subscriber show {who.email}"])


@subscriber.command("export")
@click.argument("email")
@click.option("-o", "--output", "given", type=click.Path(file_okay=False), help="The folder to write to.")
@global_options
@click.pass_obj
def export(session: Session, email: str, given: str | None) -> int:
    """All that is held on a person as person.json and as a page to read, person.html."""
    from newsletter.files.atomic import write_atomically
    from newsletter.people.dossier_page import language_of, page

    held = _dossier(session, email)
    settings = session.settings
    tongue = next((row.cells["language"] for row in held.rows if "language" in row.cells), "")
    brand = settings.brand
    shown = page(
        held,
        language=language_of(tongue, settings.language),
        zone=settings.zone,
        sender=", ".join(part for part in (brand.name, brand.address, settings.sender.from_) if part),
    )
    target = outward(session, "--output", given) if given else session.project.root / PEOPLE / held.hmac[:12]
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    data = held.as_json()
    written = (json.dumps(data, ensure_ascii=False, indent=2) + "\n").encode()
    write_atomically(target / "person.json", written, mode=0o600)
    write_atomically(target / "person.html", shown.encode(), mode=0o600)
    session.output.line(f"{held.email}: {target}/person.json and person.html")
    session.output.problems(held.unread)
    files = {"json": str(target / "person.json"), "html": str(target / "person.html")}
    exit_code = 3 if held.unread else 0  # what can't be read may hold more: it is not all
    return session.output.result({**data, "files": files}, problems=held.unread, exit_code=exit_code)


@subscriber.command("forget")
@click.argument("email")
@click.option("--dry-run", is_flag=True, help="Say what would be deleted; change nothing.")
@global_options
@click.pass_obj
def forget(session: Session, email: str, *, dry_run: bool) -> int:
    """Delete a person from every list, from copies of lists and from the ledger. Their opt-out stays."""
    from newsletter.people.forget import forget as erase
    from newsletter.people.turns import turn

    now = session.workspace.clock.now()
    printed = [name for name, ground in session.settings.list.items() if ground.source]
    if dry_run:
        with session.reading() as (store, secret):
            who = identify(secret or throwaway_secret(), email)
            result = erase(session.project, store, who, now, dry_run=True, printed=printed)
    else:
        with turn(session.project, session.waiting), session.office() as office:
            who = identify(office.secret, email)
            if ask_word(session, who.email, "This can't be undone. Type the address") is False:
                raise GuardRefused(Problem("S145", "that was not the address: nothing was deleted"))
            result = erase(session.project, office.store, who, now, dry_run=False, printed=printed)
    output = session.output
    word = "would be deleted" if dry_run else "deleted"
    for file in result.removed:
        for number, noun in ((file.rows, "row"), (file.mentions, "mention")):
            if number:
                output.line(f"{word}   {counted(number, noun)}   {Path(file.file).as_posix()}")
    if result.in_ledger:
        output.line(f"{word}   the address   .newsletter/state.db")
    if not result.removed and not result.in_ledger:
        output.line(f"{who.email} stands in no list and not in the ledger")
    for what, why in result.remains:
        output.line(f"{'would remain' if dry_run else 'remains'}   {what}: {why}")
    data = {
        "email": who.email,
        "fingerprint": who.hmac.hex(),
        "deleted": not dry_run,
        "removed": [{"file": one.file, "rows": one.rows, "mentions": one.mentions} for one in result.removed],
        "in_ledger": result.in_ledger,
        "remains": [{"what": what, "why": why} for what, why in result.remains],
    }
    return output.result(data)
