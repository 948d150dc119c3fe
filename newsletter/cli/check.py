"""`check`: everything knowable before sending."""

from typing import TYPE_CHECKING

import click

from newsletter.cli.output import counted
from newsletter.cli.session import Session, global_options
from newsletter.errors import Severity

if TYPE_CHECKING:
    from newsletter.check.links import LinkBook


@click.command("check")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--format",
    "shape",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    help="How to print findings.",
)
@click.option("--strict", is_flag=True, help="A warning fails, too.")
@click.option("--links", "ask_links", is_flag=True, help="Ask over the network whether links answer.")
@global_options
@click.pass_obj
def check(session: Session, names: tuple[str, ...], shape: str, *, strict: bool, ask_links: bool) -> int:
    """Everything knowable before sending, of the named campaigns or of the whole project."""
    from newsletter.check.findings import check_project
    from newsletter.check.links import LinkBook

    if shape == "json":
        session.json = True
    with session.reading():
        links = LinkBook() if ask_links else None
        problems = check_project(session.workspace, names, links)
    errors = sum(problem.is_error for problem in problems)
    warnings = sum(problem.severity is Severity.WARNING for problem in problems)
    failed = bool(errors or (strict and warnings))
    if shape == "github":
        for problem in problems:
            session.output.line(problem.as_github())
    else:
        session.output.problems(problems, err=False)
    number = len(names) or len(session.workspace.campaign_ids - session.workspace.catalogue.sequences.keys())
    if shape != "github":
        found = f"{counted(errors, 'error')}, {counted(warnings, 'warning')}"
        verdict = found if errors or warnings else "nothing to mend"
        session.output.line(f"checked {counted(number, 'campaign')}: {verdict}")
        session.output.line(_about_links(links))
    data = {
        "problems": [problem.as_json() for problem in problems],
        "errors": errors,
        "warnings": warnings,
        "not_checked": [] if links else ["links"],
        "links": {"asked": len(links.met), "personal": links.personal} if links else None,
    }
    return session.output.result(data, problems=problems, exit_code=3 if failed else 0)


def _about_links(links: "LinkBook | None") -> str:
    if links is None:
        return "not checked: whether links answer (check --links asks them over the network)"
    spared = ", but for those that differ from reader to reader"
    return f"asked {counted(len(links.met), 'link')}{spared * links.personal}"
