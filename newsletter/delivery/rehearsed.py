"""The rail of `--expect-plan`: what would be sent is what was rehearsed, or it is said what differs."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from newsletter.audience.waterfall import REASONS
from newsletter.check.workspace import Workspace
from newsletter.delivery.plan import Plan, covered
from newsletter.errors import GuardRefused, Place, Problem, UsageFault
from newsletter.files.project import SETTINGS_FILE

SEGMENTS_FILE = "subscribers/segments.toml"
AGAIN = "rehearse again, look, and send that plan"


@dataclass(frozen=True)
class Rehearsed:
    """What a plan.json says of a rehearsal; of a hash that lies nowhere, the hash alone."""

    hash: str
    recipients: int | None = None
    candidates: int = 0
    excluded: Mapping[str, int] = field(default_factory=dict)  # reason -> how many
    sources: Mapping[str, str] = field(default_factory=dict)  # file -> sha256 (hex)
    covers: Mapping[str, Any] = field(default_factory=dict)  # see `covered`


def rehearsed(workspace: Workspace, given: str) -> Rehearsed:
    """What `--expect-plan` names: a plan.json (from here or from the project), or a hash below out/dry-run/.

    Raises UsageFault (G118) for a file that is no plan.
    """
    path = Path(given) if Path(given).exists() else workspace.project.root / given
    if path.is_dir():
        path /= "plan.json"
    if path.suffix == ".json" or path.is_file():
        return _read(path)
    for found in sorted(workspace.project.root.glob("out/dry-run/*/plan.json"), reverse=True):
        known = _read(found)
        if known.hash == given or (len(given) >= 8 and known.hash.startswith(given)):
            return known
    return Rehearsed(given)


def _read(path: Path) -> Rehearsed:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        excluded = {str(reason): int(number) for reason, number in read.get("excluded", {}).items()}
        return Rehearsed(
            str(read["plan"]),
            int(read["recipients"]),
            int(read.get("candidates", 0)),
            excluded,
            dict(read.get("sources", {})),
            dict(read.get("covers", {})),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
        hint = "newsletter send NAME --dry-run writes one"
        raise UsageFault(Problem("G118", f"`{path}` is no plan of a rehearsal", hint=hint)) from fault


def plan_guard(workspace: Workspace, plan: Plan, before: Rehearsed, *, drift: float = 0.0) -> None:
    """Raises GuardRefused with all that differs from what was rehearsed.

    drift: by how many percent the number of recipients may differ, up or down
    """
    differs: list[Problem] = []
    if plan.hash != before.hash:
        differs += _content(workspace, plan, before) or [_somehow(plan)]
    if before.recipients is not None and _beyond(len(plan.recipients), before.recipients, drift):
        differs.append(_number(plan, before, before.recipients, drift))
    if differs:
        raise GuardRefused(*differs, next_steps=[f"newsletter send {plan.campaign.id} --dry-run"])


def _beyond(now: int, before: int, drift: float) -> bool:
    return abs(now - before) * 100 > before * drift


def _content(workspace: Workspace, plan: Plan, before: Rehearsed) -> list[Problem]:
    """What differs in files, rules and settings; nothing where the plan does not tell."""
    now = covered(workspace, plan.campaign, plan.composition)
    if before.covers.get("campaign", plan.campaign.id) != plan.campaign.id:
        other = before.covers["campaign"]
        message = f"that is the plan of `{other}`, not of `{plan.campaign.id}`"
        return [Problem("G119", message, Place(plan.campaign.file), f"newsletter send {other}")]
    found = [*_files(before.sources, plan.composition.sources)]
    if before.covers:
        found += _rules(_texts(before.covers.get("segments")), _texts(now["segments"]))
        found += _settings(plan, before.covers, now)
        if not found and before.covers.get("content") != plan.composition.sha256:
            message = "what letters show of it ([brand], [sender], assets_url) changed since that rehearsal"
            found.append(Problem("G119", message, Place(SETTINGS_FILE), AGAIN))
    return found


def _files(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Problem]:
    for file in sorted({*before, *now} if before else ()):
        if before.get(file) != now.get(file):
            what = "is new" if file not in before else "is gone" if file not in now else "changed"
            yield Problem("G119", f"{what} since that rehearsal", Place(file), AGAIN)


def _rules(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Problem]:
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            said = f": it was {before[name]}" if before.get(name) else ""
            message = f"the rule of `{name}` changed since that rehearsal{said}"
            yield Problem("G119", message, Place(SEGMENTS_FILE), AGAIN)


def _settings(plan: Plan, before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Problem]:
    for key in ("environment", "provider", "public_url", "timezone", "attributes", "segment", "exclude"):
        if before.get(key) != now[key]:
            message = f"`{key}` was {_shown(before.get(key))} in that rehearsal, now it is {_shown(now[key])}"
            place = plan.campaign.place(key) if key in ("segment", "exclude") else Place(SETTINGS_FILE)
            hint = f"--env {before.get(key)}, or {AGAIN}" if key == "environment" else AGAIN
            yield Problem("G119", message, place, hint)


def _somehow(plan: Plan) -> Problem:
    message = "text, templates, definitions or environment changed since that rehearsal"
    return Problem("G119", message, Place(plan.campaign.file), AGAIN)


def _number(plan: Plan, before: Rehearsed, was: int, drift: float) -> Problem:
    now = len(plan.recipients)
    more = f"{now - was} more" if now > was else f"{was - now} fewer"
    share = f", {abs(now - was) * 100 / was:.1f} % where {drift:g} % are allowed" if drift and was else ""
    message = f"the rehearsal had {was} recipients, now there are {now}: {more}{share}"
    moved = [("in all", before.candidates, plan.waterfall.candidates)]
    moved += [
        (REASONS.get(one, one), before.excluded.get(one, 0), plan.excluded[one]) for one in plan.excluded
    ]
    told = [f"{words} {then} -> {here}" for words, then, here in moved if then != here]
    if told and before.excluded:
        message += f" ({', '.join(told)})"
    hint = AGAIN if drift else f"{AGAIN}; --drift 2% allows a few more or fewer"
    return Problem("G120", message, Place(plan.campaign.file), hint)


def _texts(given: object) -> Mapping[str, str]:
    return {str(name): str(text) for name, text in given.items()} if isinstance(given, dict) else {}


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if value else "nothing"
