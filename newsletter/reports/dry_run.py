"""The rehearsal's report as one self-contained page: verdict, who gets it and who not, messages to look at."""

import html
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from newsletter.audience.waterfall import REASONS
from newsletter.delivery.rehearsal import Rehearsal, Sample
from newsletter.errors import Problem
from newsletter.files.atomic import write_atomically
from newsletter.settings.model import Settings


def write_report(result: Rehearsal, settings: Settings) -> Path:
    """Write report.html into the rehearsal's folder: no script, no picture from elsewhere, readable at 390 px."""
    plan = result.plan
    title = f"Dry run: {plan.campaign.id}"
    style = (files("newsletter.reports") / "dry_run.css").read_text(encoding="utf-8")
    verdict = (
        '<p class="ok"><strong>Ready.</strong> Every recipient was rendered; nothing left this machine.</p>'
        if result.passed
        else '<p class="bad"><strong>Not ready.</strong> Nothing left this machine.</p>'
    )
    when = plan.campaign.send_at
    facts = {
        "Environment": f"{plan.environment} ({plan.provider})",
        "From": plan.campaign.sender or settings.sender.from_,
        "Status": str(plan.campaign.status),
        "Goes": f"{when.astimezone(settings.zone):%Y-%m-%d %H:%M} {settings.timezone}" if when else "by hand",
        "Requests": str(result.requests),
        "Size": f"{result.size()['max']} bytes at most, {result.size()['median']} in the middle",
        "Rendered in": f"{result.duration_s:.1f} s",
        "Proof": result.proof or "none",
        "Plan": plan.hash,
    }
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        verdict,
        _rows((name, value) for name, value in facts.items()),
        "<h2>Who gets it</h2>",
        _waterfall(result),
        *_readers(result),
        "<h2>On which ground</h2>",
        _rows(
            (
                str(ground),
                f"{ground.recipients} of {len(plan.recipients)}" + (ground.sources and f", {ground.sources}"),
            )
            for ground in result.grounds
        ),
        "<h2>Findings</h2>",
        _problems(result.problems) or '<p class="soft">None.</p>',
        "<h2>What a live send still needs</h2>",
        _needs(result.needs) or '<p class="soft">Nothing.</p>',
        "<h2>Messages</h2>",
        *(_sample(sample, first=sample is result.samples[0]) for sample in result.samples),
    ]
    page = (
        f'<!doctype html>\n<html lang="en" dir="ltr"><head><meta charset="utf-8"><title>{html.escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{style}</style></head>\n<body><main>\n" + "\n".join(parts) + "\n</main></body></html>\n"
    )
    path = result.folder / "report.html"
    write_atomically(path, page.encode("utf-8"))
    return path


def _rows(pairs: Iterable[tuple[str, str]]) -> str:
    body = "".join(f"<tr><th>{html.escape(n)}</th><td>{html.escape(v)}</td></tr>" for n, v in pairs)
    return f"<table>{body}</table>"


def _waterfall(result: Rehearsal) -> str:
    plan = result.plan
    asked = html.escape(plan.campaign.segment or plan.campaign.id)
    rows = [f'<tr><th>In {asked}</th><td class="number">{plan.waterfall.candidates}</td></tr>']
    for reason, words in REASONS.items():
        number = plan.excluded[reason]
        label = html.escape(words)
        rows.append(f'<tr><th>– {label}</th><td class="number">{-number or 0}</td></tr>')
    rows.append(f'<tr class="total"><th>Recipients</th><td class="number">{len(plan.recipients)}</td></tr>')
    return f"<table>{''.join(rows)}</table>"


def _readers(result: Rehearsal) -> list[str]:
    """How many read what is only for some."""
    total = len(result.plan.recipients)
    if not result.readers:
        return []
    rows = ((f"{one} ({one.place})", f"{number} of {total}") for one, number in result.readers.items())
    return ["<h2>Who reads what</h2>", _rows(rows)]


def _problems(problems: list[Problem]) -> str:
    return "".join(f"<pre>{html.escape(problem.as_text())}</pre>" for problem in problems)


def _needs(needs: Iterable[Problem]) -> str:
    """No errors yet: nobody has asked for a live send."""
    rows = (
        f"<li>{html.escape(need.message)}<br><code>{html.escape(need.hint)}</code></li>" for need in needs
    )
    items = "".join(rows)
    return f"<ul>{items}</ul>" if items else ""


def _sample(sample: Sample, *, first: bool) -> str:
    """A message in a sandboxed frame: no script runs, nothing is sent."""
    page = html.escape(sample.html, quote=True)
    opened = " open" if first else ""
    return (
        f"<details{opened}><summary><strong>{html.escape(sample.subject)}</strong> "
        f'<span class="soft">{html.escape(sample.label)}, {html.escape(sample.masked)}, '
        f"{sample.size} bytes</span></summary>"
        f'<p class="soft">{html.escape(sample.preheader)}</p>'
        f'<iframe sandbox title="{html.escape(sample.subject, quote=True)}" srcdoc="{page}"></iframe>'
        f"<details><summary>Text part</summary><pre>{html.escape(sample.text)}</pre></details></details>"
    )
