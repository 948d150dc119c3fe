"""`publish`: the pictures to where readers' mail programs find them."""

from pathlib import Path

import click

from newsletter.cli.output import counted, grouped
from newsletter.cli.session import Session, global_options


@click.command("publish")
@click.option(
    "--dir", "target", type=click.Path(file_okay=False), help="The folder for them (default: out/assets)."
)
@global_options
@click.pass_obj
def publish(session: Session, target: str | None) -> int:
    """Pictures out: all letters' pictures into a folder, then `[assets] publish` takes it where `assets_url` leads."""
    from newsletter.delivery.publish import hand_on
    from newsletter.delivery.publish import publish as write

    workspace, output = session.workspace, session.output
    folder = Path(target) if target else session.project.root / "out" / "assets"
    catalogue = workspace.catalogue
    steps = [step.campaign for sequence in catalogue.sequences.values() for step in sequence.steps]
    result = write(workspace, [*catalogue.campaigns.values(), *steps], folder)
    broken = [problem for problems in catalogue.problems.values() for problem in problems]
    problems = [problem for problem in (*broken, *result.problems) if problem.is_error]
    output.problems(problems)
    number = len(result.written) + len(result.unchanged)
    output.line(
        f"{counted(number, 'picture')} in {folder}/: {grouped(len(result.written))} written, "
        f"{grouped(len(result.unchanged))} unchanged, {grouped(result.bytes)} bytes"
    )
    command = session.settings.assets.publish
    if command:
        hand_on(command, folder, session.project.root)
        output.line(f"handed on by {command[0]}")
    data = {
        "dir": str(folder),
        "written": result.written,
        "unchanged": result.unchanged,
        "bytes": result.bytes,
        "handed_on": bool(command),
        "assets_url": session.settings.assets_url,
    }
    return output.result(data, problems=problems, exit_code=3 if problems else 0)
