"""`explain`: what a finding means, an example that has it, and what to do."""

import click

from newsletter.cli.session import Session, global_options
from newsletter.errors import Problem, UsageFault, did_you_mean


@click.command("explain")
@click.argument("code")
@global_options
@click.pass_obj
def explain(session: Session, code: str) -> int:
    """What a finding means, an example, and what to do. CODE stands in front of each finding."""
    from newsletter.check.codes import explanations

    known = explanations()
    wanted = code.strip().upper()
    if wanted not in known:
        hint = did_you_mean(wanted, known, otherwise="a code is a letter and three digits, as F102")
        raise UsageFault(Problem("U102", f"there is no finding `{code}`", hint=hint))
    title, text = known[wanted]
    session.output.line(f"{wanted}  {title}\n\n{text}")
    return session.output.result({"code": wanted, "title": title, "text": text})
