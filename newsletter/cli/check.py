"""`check`: everything knowable before sending."""

import click

from newsletter.cli.output import counted
from newsletter.cli.session import Session, global_options
from newsletter.errors import Severity


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
@global_options
@click.pass_obj
def check(session: Session, names: tuple[str, ...], shape: str, *, strict: bool) -> int:
    """Everything knowable before sending, of the named campaigns or of the whole project."""
    from newsletter.check.findings import check_project

    if shape == "json":
        session.json = True
    with session.reading():
        problems = check_project(session.workspace, names)
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
        session.output.line("not checked: whether links answer (that needs the network)")
    data = {
        "problems": [problem.as_json() for problem in problems],
        "errors": errors,
        "warnings": warnings,
        "not_checked": ["links"],
    }
    return session.output.result(data, problems=problems, exit_code=3 if failed else 0)
