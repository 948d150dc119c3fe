"""`explain`: what a finding means, an example that has it, and what to do."""

import re
from importlib.resources import files
from pathlib import Path

import click

import newsletter
from newsletter.cli.session import Session, global_options
from newsletter.errors import Problem, UsageFault, did_you_mean

_HEADING = re.compile(r"^## ([A-Z]\d{3}) (.+)$", re.MULTILINE)


@click.command("explain")
@click.argument("code")
@global_options
@click.pass_obj
def explain(session: Session, code: str) -> int:
    """What a finding means, an example, and what to do. CODE stands in front of each finding."""
    known = explanations()
    wanted = code.strip().upper()
    if wanted not in known:
        hint = did_you_mean(wanted, known, otherwise="a code is a letter and three digits, as F102")
        raise UsageFault(Problem("U102", f"there is no finding `{code}`", hint=hint))
    title, text = known[wanted]
    session.output.line(f"{wanted}  {title}\n\n{text}")
    return session.output.result({"code": wanted, "title": title, "text": text})


def explanations() -> dict[str, tuple[str, str]]:
    """Code -> title and text of each finding, as docs/problems.md has them."""
    page = files("newsletter.cli") / "problems.md"  # in a wheel; in a checkout the page itself
    if not page.is_file():
        page = Path(newsletter.__file__).parent.parent / "docs" / "problems.md"
    parts = _HEADING.split(page.read_text(encoding="utf-8"))[1:]
    return {
        code: (title, re.split(r"^# ", text, maxsplit=1, flags=re.MULTILINE)[0].replace("**", "").strip())
        for code, title, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    }
