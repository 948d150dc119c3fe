"""`segment list|count|show`: who is in a list or segment, and who of them would get mail."""

from collections.abc import Mapping

import click

from newsletter.audience.address import mask
from newsletter.audience.waterfall import REASONS, Waterfall
from newsletter.cli.output import grouped
from newsletter.cli.session import Session, global_options
from newsletter.errors import Place


@click.group("segment", context_settings={"help_option_names": ["-h", "--help"]})
def segment() -> None:
    """Who is in a list or segment, and who would get mail."""


@segment.command("list")
@global_options
@click.pass_obj
def list_(session: Session) -> int:
    """All lists and segments with their sizes."""
    with session.reading():
        workspace = session.workspace
        rows, data = [], []
        for kind, names in (
            ("list", sorted(workspace.audience.lists)),
            ("segment", workspace.segments.names),
        ):
            for name in names:
                number = len(workspace.members(name))
                described = workspace.segments.descriptions.get(name, "")
                rows.append((name, kind, grouped(number), described))
                data.append({"name": name, "kind": kind, "count": number, "description": described})
    session.output.table(rows)
    session.output.problems(workspace.segments.problems)
    return session.output.result({"segments": data}, problems=workspace.segments.problems)


@segment.command("count")
@click.argument("name")
@global_options
@click.pass_obj
def count(session: Session, name: str) -> int:
    """How many match, and how many would get mail."""
    flow = _flow(session, name)
    session.output.line(
        f"{name}: {grouped(flow.candidates)} match, {grouped(len(flow.recipients))} would get mail"
    )
    return session.output.result(
        {"segment": name, "count": flow.candidates, "recipients": len(flow.recipients)}
    )


@segment.command("show")
@click.argument("name")
@click.option(
    "--sample", default=10, show_default=True, type=click.IntRange(0), help="How many people to show."
)
@global_options
@click.pass_obj
def show(session: Session, name: str, sample: int) -> int:
    """The waterfall from candidates to recipients, and some of them, masked."""
    flow = _flow(session, name)
    for line in waterfall_lines(name, flow.candidates, flow.counts):
        session.output.line(line)
    shown = [mask(person.email) for person in flow.recipients[:sample]]
    for email in shown:
        session.output.line(f"  {email}")
    data = {
        "segment": name,
        "count": flow.candidates,
        "excluded": flow.counts,
        "recipients": len(flow.recipients),
        "sample": shown,
    }
    return session.output.result(data)


def _flow(session: Session, name: str) -> Waterfall:
    from newsletter.delivery.plan import OptOuts, sift

    with session.reading() as (store, secret):
        session.workspace.segments.require(name, Place("subscribers/segments.toml"))
        members = session.workspace.members(name)
        return sift(session.workspace, (), members, OptOuts.read(store, secret), name)


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
