"""A folder with sequence.toml and its steps' files becomes a Sequence."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from newsletter.campaigns import keys
from newsletter.campaigns.campaign_file import Surroundings, checked, in_order, load_step
from newsletter.campaigns.find import Folder
from newsletter.campaigns.layers import Defaults, merged, only, places, without_refused
from newsletter.campaigns.models import Campaign, Sequence, Status, Step, StepRef
from newsletter.campaigns.values import sensible
from newsletter.errors import ChecksFailed, Place, Problem, Severity, nearest
from newsletter.files.project import Project
from newsletter.files.toml import Document, parse_toml
from newsletter.settings.model import Settings

NO_STEPS, NO_FILE = "S101", "S102"


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
    letters, of_letters = _letters(project, settings, around, name=name, folder=folder, entries=entries)
    problems += of_letters
    if written and not any(problem.code in (NO_STEPS, NO_FILE) for problem in problems):
        problems += _strays(folder, _unclaimed(folder, entries))
    found = in_order([*problems, *handed.problems], folder.file)
    if written is None or any(problem.is_error for problem in found):
        return None, found
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
    ), found


def _with_steps(document: Document, problems: list[Problem]) -> Document:
    """The document if it has steps as tables; else without `step`, and the problem added."""
    steps = document.data.get("step")
    if isinstance(steps, list) and steps:
        return document
    if isinstance(steps, dict):
        message, hint = "`[step]` is one table, and steps are a list", "write [[step]] with two brackets"
    else:
        message, hint = "a sequence without steps", '[[step]], then id = "…" and wait = "0 days" below it'
    problems.append(Problem(NO_STEPS, message, document.key("step"), hint))
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


def _letters(
    project: Project,
    settings: Settings,
    around: Surroundings,
    *,
    name: str,
    folder: Folder,
    entries: Collection[_Entry],
) -> tuple[dict[str, Campaign], list[Problem]]:
    """The steps' mails by step id, as far as they load, and what is wrong with the others."""
    letters: dict[str, Campaign] = {}
    problems: list[Problem] = []
    unclaimed = _unclaimed(folder, entries)
    for entry in entries:
        file = f"{folder.path}/{entry.name}"
        if file not in folder.letters:
            problems += _no_file(entry, unclaimed, folder)
            continue
        ref = StepRef(name, entry.id, entry.number + 1, len(entries))
        letter, found = load_step(project, settings, around, ref=ref, file=file)
        problems += found
        if letter:
            letters[entry.id] = letter
    return letters, problems


def _no_file(entry: _Entry, unclaimed: Iterable[str], folder: Folder) -> Iterator[Problem]:
    if not sensible(entry.name) or not entry.name.endswith(".md"):
        return  # said of the value itself
    guess = nearest(entry.name, unclaimed)
    hint = f"did you mean `{guess}`?" if guess else f"write {folder.path}/{entry.name}"
    yield Problem(NO_FILE, f"the step `{entry.id}` has no file {entry.name}", entry.place, hint)


def _unclaimed(folder: Folder, entries: Iterable[_Entry]) -> list[str]:
    """The letters below the folder that no step names, from there."""
    names = {entry.name for entry in entries}
    below = (letter.removeprefix(f"{folder.path}/") for letter in folder.letters)
    return [letter for letter in below if letter not in names]


def _strays(folder: Folder, unclaimed: Iterable[str]) -> Iterator[Problem]:
    for letter in unclaimed:
        stem = letter.rpartition("/")[2].removesuffix(".md")
        yield Problem(
            "S104",
            "the file is no step of its sequence, and is never sent",
            Place(f"{folder.path}/{letter}", 1, 1),
            f'name it in sequence.toml ([[step]] id = "{stem}"), or begin its name with `_`',
            Severity.WARNING,
        )
