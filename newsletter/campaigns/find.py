"""Which file below campaigns/ is what: a campaign, a sequence, a step, or none of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from newsletter.campaigns.values import sensible, sensible_like
from newsletter.errors import Place, Problem
from newsletter.files.project import Project

HOME = "campaigns"
SEQUENCE_FILE = "sequence.toml"
DEFAULTS_FILE = "_defaults.toml"
_NO_CAMPAIGN = "names that begin with `_`, and README.md, are no campaigns"


@dataclass(frozen=True)
class Folder:
    """A sequence's folder: its sequence.toml, and every .md below it (also what is no step)."""

    file: str
    letters: tuple[str, ...]

    @property
    def path(self) -> str:
        return self.file.rpartition("/")[0]


@dataclass
class Found:
    """Files by id. An id that two files claim, or that can't be one, is in `problems` only."""

    campaigns: dict[str, str] = field(default_factory=dict)
    sequences: dict[str, Folder] = field(default_factory=dict)
    problems: dict[str, tuple[Problem, ...]] = field(default_factory=dict)


def find(project: Project) -> Found:
    """Look at the names below campaigns/; no file is opened."""
    files = [file for file in project.find(HOME, "**/*") if _counts(file)]
    folders = _sequence_folders(files)
    letters: dict[str, list[str]] = {folder: [] for folder in folders}
    claims: dict[str, list[str]] = {}
    for file in files:
        if file.endswith(".md"):
            folder = _inside(file, folders)
            if folder is not None:
                letters[folder].append(file)
            else:
                claims.setdefault(_id(file), []).append(file)
        elif file.endswith(f"/{SEQUENCE_FILE}"):
            claims.setdefault(_below(file.rpartition("/")[0]) or "sequence", []).append(file)
    return _sorted_out(claims, folders, letters)


def _counts(file: str) -> bool:
    parts = file.split("/")[1:]
    return not any(part.startswith("_") for part in parts) and parts[-1].casefold() != "readme.md"


def _sequence_folders(files: Sequence[str]) -> list[str]:
    """The outermost folders with a sequence.toml; campaigns/ itself is none."""
    folders: list[str] = []
    for file in sorted(files, key=lambda name: name.count("/")):
        folder, _, name = file.rpartition("/")
        if name == SEQUENCE_FILE and folder != HOME and _inside(file, folders) is None:
            folders.append(folder)
    return folders


def _inside(file: str, folders: Sequence[str]) -> str | None:
    return next((folder for folder in folders if file.startswith(f"{folder}/")), None)


def _below(path: str) -> str:
    return path.removeprefix(HOME).removeprefix("/")


def _id(file: str) -> str:
    name = _below(file).removesuffix(".md")
    return name.removesuffix("/campaign")


def _sorted_out(claims: dict[str, list[str]], folders: Sequence[str], letters: dict[str, list[str]]) -> Found:
    found = Found()
    by_spelling: dict[str, list[str]] = {}
    for name in claims:
        by_spelling.setdefault(name.casefold(), []).append(name)
    for names in by_spelling.values():
        name, claimed = names[0], sorted(file for each in names for file in claims[each])
        problem = _problem(name, claimed, folders)
        if problem:
            found.problems[name] = (problem,)
        elif claimed[0].endswith(".md"):
            found.campaigns[name] = claimed[0]
        else:
            folder = claimed[0].rpartition("/")[0]
            found.sequences[name] = Folder(claimed[0], tuple(letters[folder]))
    return found


def _problem(name: str, claimed: Sequence[str], folders: Sequence[str]) -> Problem | None:
    file = claimed[0]
    if len(claimed) > 1:
        both = " and ".join(f"`{each}`" for each in claimed)
        return Problem(
            "F311",
            f"{both} would both be `{name}`",
            Place(claimed[1], 1, 1),
            f"rename one, or begin its name with `_` ({_NO_CAMPAIGN})",
        )
    bad = next((part for part in name.split("/") if not sensible(part)), None)
    if bad is not None:
        return Problem(
            "F310",
            f"`{name}` can't be an id: a name has letters a-z, digits, hyphens, dots and underscores only",
            Place(file, 1, 1),
            f"rename `{bad}` to `{sensible_like(bad)}` (the subject may be written as you like)",
        )
    folder = file.rpartition("/")[0]
    if file.endswith(".toml") and folder not in folders:
        where = (
            "in campaigns/ itself"
            if folder == HOME
            else f"inside the sequence `{_below(_outer(file, folders))}`"
        )
        return Problem(
            "S108",
            f"a sequence lies {where}",
            Place(file, 1, 1),
            "give it a folder of its own below campaigns/",
        )
    return None


def _outer(file: str, folders: Sequence[str]) -> str:
    return _inside(file, folders) or HOME
