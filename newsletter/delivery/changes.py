"""What says something else since a send was begun: files, settings, rules; each named."""

from collections.abc import Mapping

from newsletter.audience.segments import FILE as SEGMENTS_FILE
from newsletter.campaigns.models import Campaign
from newsletter.check.workspace import Workspace
from newsletter.delivery.edition import rules, words
from newsletter.errors import ChecksFailed, NewsletterError, Place, Problem
from newsletter.files.project import SETTINGS_FILE
from newsletter.render.composition import Composition
from newsletter.render.fingerprint import file_hashes
from newsletter.store.values import Run


def changes(
    workspace: Workspace, run: Run, campaign: Campaign | None
) -> tuple[Composition | None, tuple[Problem, ...]]:
    """The campaign as its files are now, None when that is no letter; and a problem for each change (G141), or for
    what can't be read.

    campaign: None when its file is gone, or can't be read
    """
    composition = None
    own = f"campaigns/{run.campaign}.md"
    why: tuple[Problem, ...] = (_changed(run, own, exists=_exists(workspace, own)),)
    try:
        composition = workspace.compose(campaign) if campaign else None
    except ChecksFailed as failed:
        why = failed.problems or why
    if composition is None:
        told = tuple(
            _unreadable(workspace, file) or _changed(run, file, exists=_exists(workspace, file))
            for file in _files(workspace, run, {})
        )
        return None, told or why
    problems: list[Problem] = []
    if composition.sha256 != run.content_hash:
        problems += [
            _changed(run, file, exists=_exists(workspace, file))
            for file in _files(workspace, run, composition.sources)
        ]
    problems += _settings(workspace, run, told=bool(problems))
    if composition.sha256 != run.content_hash and not problems:
        problems.append(_changed(run, SETTINGS_FILE, exists=True))
    if run.inputs.get("rules") != rules(workspace, composition) and not problems:
        problems.append(_changed(run, SEGMENTS_FILE, exists=True))
    return composition, tuple(problems)


def _files(workspace: Workspace, run: Run, now: Mapping[str, str]) -> list[str]:
    """Files that were read then or are read now, and say something else."""
    frozen = run.inputs.get("sources")
    before = {str(k): str(v) for k, v in frozen.items()} if isinstance(frozen, Mapping) else {}
    there = {file: _hash(workspace, file) for file in before.keys() - now.keys()} if not now else {}
    hashes = dict(now) or there
    return sorted(file for file in {*before, *hashes} if before.get(file) != hashes.get(file))


def _hash(workspace: Workspace, file: str) -> str | None:
    try:
        return file_hashes(workspace.project, [file])[file]
    except NewsletterError:
        return None


def _unreadable(workspace: Workspace, file: str) -> Problem | None:
    """What is told of a file that is there and can't be read: whether it changed, nobody knows."""
    try:
        if _exists(workspace, file):
            workspace.project.read_bytes(file)
    except NewsletterError as fault:
        return fault.problems[0]
    return None


def _exists(workspace: Workspace, file: str) -> bool:
    return (workspace.project.root / file).is_file()


def _settings(workspace: Workspace, run: Run, *, told: bool) -> list[Problem]:
    """Settings that decide the words, by their names."""
    before = run.inputs.get("settings")
    if not isinstance(before, Mapping):
        return []
    now = words(workspace.settings)
    names = [name for name in now if now[name] != before.get(name)]
    if told and not names:
        return []
    return [_changed(run, SETTINGS_FILE, exists=True, what=f"`{name}` ") for name in sorted(names)]


def _changed(run: Run, file: str, *, exists: bool, what: str = "") -> Problem:
    word = "changed" if exists else "is gone"
    if run.state in ("done", "cancelled"):
        hint = "it went out and does not go again; a new letter is a new campaign"
    elif exists:
        hint = "finish what was begun (--resume), or send the new text to those who are left (--amend)"
    else:
        hint = "finish what was begun (--resume), or put the file back"
    message = f"{what}{word} since `{run.campaign}` was begun on {run.created_at:%Y-%m-%d %H:%M} UTC"
    return Problem("G141", message, Place(file), hint)
