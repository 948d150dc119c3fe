"""A folder with sequence.toml and its steps' files becomes a Sequence."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from newsletter.campaigns import keys
from newsletter.campaigns.campaign_file import Surroundings, checked, load_step
from newsletter.campaigns.find import Folder
from newsletter.campaigns.layers import Defaults, merged, only, places, without_refused
from newsletter.campaigns.models import Campaign, Sequence, Status, Step, StepRef
from newsletter.campaigns.values import sensible
from newsletter.errors import ChecksFailed, Place, Problem, Severity, did_you_mean
from newsletter.files.project import Project
from newsletter.files.toml import Document, parse_toml
from newsletter.settings.model import Settings


@dataclass(frozen=True)
class _Entry:
    """A [[step]] as far as it can be read, so that a mistake in one place hides none in another."""

    number: int  # from 0
    id: str
    name: str  # of its file
    place: Place


def load_sequence(
    project: Project, settings: Settings, defaults: Defaults, *, name: str, folder: Folder
) -> tuple[Sequence | None, tuple[Problem, ...]]:
    """The sequence, None if anything is wrong with it or a step; and all problems, which may be warnings."""
    handed = defaults.of(folder.path)
    try:
        document = parse_toml(project.read_text(folder.file), file=folder.file)
    except ChecksFailed as failed:
        return None, (*failed.problems, *handed.problems)
    own, problems = without_refused(document, keys.NOT_IN_SEQUENCE, where=keys.A_SEQUENCE)
    own = _with_steps(own, problems)
    whole = merged([*(only(layer, {"timezone"}) for layer in handed.documents), own], file=folder.file)
    written = checked(
        keys.SequenceKeys, whole, problems, elsewhere=keys.ELSEWHERE_THAN_SEQUENCE, handed=handed
    )
    entries = list(_entries(own))
    problems += _doubled(entries)
    around = Surroundings(
        handed,
        only(own, keys.names_of(keys.StepKeys) - {"exclude"}),
        Status(written.status) if written else Status.DRAFT,
        (written.timezone if written else None) or settings.timezone,
    )
    letters: dict[str, Campaign] = {}
    for entry in entries:
        ref = StepRef(name, entry.id, entry.number + 1, len(entries))
        letter, found = _letter(project, settings, around, ref=ref, entry=entry, folder=folder)
        problems += found
        if letter:
            letters[entry.id] = letter
    problems += [*handed.problems, *_strays(folder, entries)]
    once = tuple(dict.fromkeys(problems))
    if written is None or any(problem.is_error for problem in once):
        return None, once
    return Sequence(
        id=name,
        file=folder.file,
        status=around.status,
        segment=written.segment,
        steps=tuple(Step(entry.id, entry.wait, letters[entry.id]) for entry in written.step),
        exit=written.exit,
        window=written.window.as_window() if written.window else None,
        min_gap=written.min_gap,
        timezone=around.timezone,
        places=places(whole),
        sources=(folder.file, *handed.files),
    ), once


def _with_steps(document: Document, problems: list[Problem]) -> Document:
    """The document if it has steps as tables; else without `step`, and the problem added."""
    steps = document.data.get("step")
    if isinstance(steps, list) and steps:
        return document
    if isinstance(steps, dict):
        message, hint = "`[step]` is one table, and steps are a list", "write [[step]] with two brackets"
    else:
        message, hint = "a sequence without steps", '[[step]], then id = "…" and wait = "0 days" below it'
    problems.append(Problem("S101", message, document.key("step"), hint))
    return replace(document, data={key: value for key, value in document.data.items() if key != "step"})


def _entries(document: Document) -> Iterator[_Entry]:
    for number, entry in enumerate(document.data.get("step", ())):
        step_id = entry.get("id") if isinstance(entry, dict) else None
        if not isinstance(step_id, str) or not sensible(step_id):
            continue
        name, key = entry.get("file", f"{step_id}.md"), "file" if "file" in entry else "id"
        if isinstance(name, str):
            yield _Entry(number, step_id, name, document.value("step", number, key))


def _doubled(entries: list[_Entry]) -> Iterator[Problem]:
    ids: dict[str, _Entry] = {}
    files: dict[str, _Entry] = {}
    for entry in entries:
        first = ids.setdefault(entry.id.casefold(), entry)
        if first is not entry:
            message = f"two steps have the id `{entry.id}`: the first stands in line {first.place.line}"
            hint = "an id names one step for ever: give the new one another"
            yield Problem("S103", message, entry.place, hint)
            continue
        first = files.setdefault(entry.name, entry)
        if first is not entry:
            message = f"`{entry.name}` is already the file of the step `{first.id}`"
            yield Problem("S109", message, entry.place, "each step has a file of its own")


def _letter(
    project: Project,
    settings: Settings,
    around: Surroundings,
    *,
    ref: StepRef,
    entry: _Entry,
    folder: Folder,
) -> tuple[Campaign | None, tuple[Problem, ...]]:
    file = f"{folder.path}/{entry.name}"
    if file in folder.letters:
        return load_step(project, settings, around, ref=ref, file=file)
    if not sensible(entry.name) or not entry.name.endswith(".md"):
        return None, ()  # said of the value itself
    there = [letter.removeprefix(f"{folder.path}/") for letter in folder.letters]
    hint = did_you_mean(entry.name, there) or f"write {file}"
    problem = Problem("S102", f"the step `{entry.id}` has no file {entry.name}", entry.place, hint)
    return None, (problem,)


def _strays(folder: Folder, entries: list[_Entry]) -> Iterator[Problem]:
    named = {f"{folder.path}/{entry.name}" for entry in entries}
    for letter in folder.letters:
        if letter not in named:
            stem = letter.rpartition("/")[2].removesuffix(".md")
            yield Problem(
                "S104",
                "the file is no step of its sequence, and is never sent",
                Place(letter, 1, 1),
                f'name it in sequence.toml ([[step]] id = "{stem}"), or begin its name with `_`',
                Severity.WARNING,
            )
