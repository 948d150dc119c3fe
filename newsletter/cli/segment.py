"""`segment list|count|show|why|load`: who is in a list or segment, who of them would get mail, and why."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from newsletter.audience.address import mask
from newsletter.audience.waterfall import REASONS, Waterfall
from newsletter.cli.output import grouped
from newsletter.cli.session import Session, global_options
from newsletter.errors import Problem, Severity

if TYPE_CHECKING:
    from newsletter.settings.secret import Secret
    from newsletter.store.store import Store


@click.group("segment", context_settings={"help_option_names": ["-h", "--help"]})
def segment() -> None:
    """Who is in a list or segment, and who would get mail."""


@segment.command("list")
@global_options
@click.pass_obj
def list_(session: Session) -> int:
    """All lists and segments with their sizes."""
    with session.reading(keep=True):
        workspace = session.workspace
        rows, data = [], []
        for kind, names in (
            ("list", sorted(workspace.audience.lists)),
            ("segment", workspace.segments.names),
        ):
            for name in names:
                number = workspace.count(name)
                described = workspace.segments.descriptions.get(name, "")
                rows.append((name, kind, grouped(number), described))
                data.append({"name": name, "kind": kind, "count": number, "description": described})
    session.output.table(rows)
    problems = [*workspace.segments.problems, *_unread(session)]
    session.output.problems(problems)
    return session.output.result({"segments": data}, problems=problems)


@segment.command("count")
@click.argument("name")
@global_options
@click.pass_obj
def count(session: Session, name: str) -> int:
    """How many match, and how many would get mail."""
    with session.reading(keep=True) as ledger:
        flow = _flow(session, name, *ledger)
        session.output.line(
            f"{name}: {grouped(flow.candidates)} match, {grouped(len(flow.recipients))} would get mail"
        )
        problems = _unread(session)
        session.output.problems(problems)
        data = {"segment": name, "count": flow.candidates, "recipients": len(flow.recipients)}
        return session.output.result(data, problems=problems)


@segment.command("show")
@click.argument("name")
@click.option(
    "--sample",
    default=10,
    show_default=True,
    type=click.IntRange(0),
    help="How many people of each line to show.",
)
@global_options
@click.pass_obj
def show(session: Session, name: str, sample: int) -> int:
    """The waterfall from candidates to recipients, and some people of each line, masked."""
    with session.reading(keep=True) as ledger:
        flow = _flow(session, name, *ledger)
        left_out = {
            reason: [mask(person.email) for person in people[:sample]]
            for reason, people in flow.excluded.items()
            if people
        }
        shown = [mask(person.email) for person in flow.recipients[:sample]]
        lines = waterfall_lines(name, flow.candidates, flow.counts)
        people = [[], *([f"      {email}" for email in emails] for emails in left_out.values())]
        for line, emails in zip(lines, [*people, [f"  {email}" for email in shown]], strict=True):
            session.output.line(line)
            for email in emails:
                session.output.line(email)
        data = {
            "segment": name,
            "count": flow.candidates,
            "excluded": flow.counts,
            "recipients": len(flow.recipients),
            "sample": shown,
            "excluded_sample": left_out,
        }
        problems = _unread(session)
        session.output.problems(problems)
        return session.output.result(data, problems=problems)


@segment.command("why")
@click.argument("name")
@click.argument("email")
@global_options
@click.pass_obj
def why(session: Session, name: str, email: str) -> int:
    """Why somebody is in a list or segment or not, and what stands against mailing them."""
    from newsletter.delivery.why import why as ask

    with session.reading(keep=True) as (store, secret):
        found = ask(session.workspace, name, email, store, secret)
        problems = _unread(session)
    zone = session.settings.zone
    inside = "is in" if found.member else "is not in"
    session.output.line(f"{found.who.email} {inside} {name}")
    session.output.table(
        [
            ("  yes" if reason.holds else "  no", f"{'  ' * reason.depth}{reason.where}", reason.found)
            for reason in found.conditions
        ]
    )
    rows = [
        (
            f"  - {REASONS[each.reason]}",
            f"{each.at.astimezone(zone):%Y-%m-%d}" if each.at else "",
            each.source,
        )
        for each in found.exclusions
    ]
    session.output.line("gets no mail:" if rows else "nothing stands against mailing them")
    session.output.table(rows)
    data = {
        "segment": name,
        "email": found.who.email,
        "member": found.member,
        "recipient": found.recipient,
        "conditions": [
            {
                "segment": one.segment,
                "depth": one.depth,
                "where": one.where,
                "found": one.found,
                "holds": one.holds,
            }
            for one in found.conditions
        ],
        "exclusions": [
            {"reason": one.reason, "source": one.source, "at": one.at.isoformat() if one.at else None}
            for one in found.exclusions
        ],
    }
    session.output.problems(problems)
    return session.output.result(data, problems=problems)


@segment.command("load")
@click.option(
    "--accept-smaller", metavar="LIST", multiple=True, help="Take what its program prints, however few."
)
@global_options
@click.pass_obj
def load(session: Session, accept_smaller: tuple[str, ...]) -> int:
    """Load the lists that changed, and ask the programs of those that have one."""
    with session.reading(keep=True):
        workspace = session.workspace
        workspace.accept_smaller = accept_smaller
        audience = workspace.audience
        problems = [p for found in audience.problems.values() for p in found if p.is_error]
        lists = [{"list": one.name, "file": one.file, "rows": one.rows} for one in audience.lists.values()]
        session.output.table([(one.name, grouped(one.rows), one.file) for one in audience.lists.values()])
    session.output.problems(problems)
    return session.output.result({"lists": lists}, problems=problems, exit_code=3 if problems else 0)


def _unread(session: Session) -> list[Problem]:
    """Why the answer may be another tomorrow: lists that can't be read, or that are held as they were."""
    return [replace(one, severity=Severity.WARNING) for one in session.workspace.audience.errors]


def _flow(session: Session, name: str, store: "Store | None", secret: "Secret | None") -> Waterfall:
    from newsletter.delivery.plan import OptOuts, sift_segment

    return sift_segment(session.workspace, name, OptOuts.read(store, secret))


def waterfall_lines(name: str, candidates: int, excluded: Mapping[str, int]) -> list[str]:
    """From candidates to recipients, a line for each reason that met somebody; numbers in one column."""
    rows = [(f"In {name}", grouped(candidates))]
    rows += [
        (f"  - {words}", f"-{grouped(excluded[reason])}")
        for reason, words in REASONS.items()
        if excluded[reason]
    ]
    rows.append(("Recipients", grouped(candidates - sum(excluded.values()))))
    width = max(len(label) for label, _ in rows)
    longest = max(len(number) for _, number in rows)
    return [f"{label:<{width}}   {number:>{longest}}" for label, number in rows]
