"""What holds for a file: its own keys over those of its sequence, over each folder's _defaults.toml."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from newsletter.campaigns import keys
from newsletter.campaigns.find import DEFAULTS_FILE, HOME
from newsletter.errors import ChecksFailed, Place, Problem
from newsletter.files.models import validate
from newsletter.files.project import Project
from newsletter.files.toml import Document, parse_toml

Path = tuple[str | int, ...]


def without_refused(
    document: Document, refused: Mapping[str, str], *, where: str
) -> tuple[Document, list[Problem]]:
    """The document without the keys that don't belong there, and a problem for each; also for those in [data].

    refused: key -> what to do instead. where: what the file is, in words.
    """
    data = document.data.get("data")
    paths = [(key,) for key in document.data] + [
        ("data", key) for key in (data if isinstance(data, dict) else ())
    ]
    known = keys.names_of(keys.CampaignKeys)
    if where == keys.A_SEQUENCE:
        known |= keys.names_of(keys.SequenceKeys)
    problems = []
    for path in paths:
        key, slipped = path[-1], len(path) > 1
        if slipped and key in known:
            # In TOML all that stands below [data] is data: a status there would hold for nothing.
            code, message, hint = "F105", f"`{key}` belongs above [data]", f"move the line `{key} = …` there"
        elif not slipped and key in refused:
            code, message, hint = "F302", f"{where} takes no `{key}`", refused[key]
        else:
            continue
        problems.append(Problem(code, message, document.key(*path), hint))
    return only(document, document.data.keys() - refused.keys()), problems


def only(document: Document, wanted: Collection[str]) -> Document:
    return replace(document, data={key: value for key, value in document.data.items() if key in wanted})


def merged(layers: Iterable[Document], *, file: str) -> Document:
    """One document out of several, the later ones winning; the keys of [data] win one by one.

    Each place is that of the value that holds, in whichever file.
    """
    whole = Document({}, file, {}, {})
    for layer in layers:
        data = {**whole.data, **layer.data}
        inner, below = layer.data.get("data"), whole.data.get("data")
        beaten: set[Path] = {(key,) for key in layer.data}
        if isinstance(inner, dict) and isinstance(below, dict):
            data["data"] = {**below, **inner}
            beaten = beaten - {("data",)} | {("data", key) for key in inner}
        whole = Document(
            data,
            file,
            _over(whole.keys, layer.keys, beaten, layer.data),
            _over(whole.values, layer.values, beaten, layer.data),
        )
    return whole


def _over(
    below: Mapping[Path, Place], above: Mapping[Path, Place], beaten: set[Path], present: Collection[str]
) -> dict[Path, Place]:
    kept = {path: place for path, place in below.items() if path[:1] not in beaten and path[:2] not in beaten}
    return kept | {path: place for path, place in above.items() if path[0] in present}


def places(document: Document) -> dict[tuple[str, ...], Place]:
    """The place of each value; the items of a list by their number from 0, as text: ("exclude", "0")."""
    return {tuple(str(step) for step in path): place for path, place in document.values.items()}


@dataclass(frozen=True)
class Handed:
    """What a folder and those above it hand down: the files from far to near, with all their problems."""

    documents: tuple[Document, ...] = ()
    files: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    unread: bool = False  # one of the files is no TOML: what is missing may stand there


@dataclass
class Defaults:
    """The `_defaults.toml` files of a project, each read once."""

    project: Project
    _known: dict[str, Handed] = field(default_factory=dict)

    def of(self, folder: str) -> Handed:
        """What holds in `folder`, a path that begins with campaigns/."""
        if folder not in self._known:
            above = self.of(folder.rpartition("/")[0]) if folder != HOME else Handed()
            self._known[folder] = self._with(above, f"{folder}/{DEFAULTS_FILE}")
        return self._known[folder]

    def _with(self, above: Handed, file: str) -> Handed:
        if not (self.project.root / file).is_file():
            return above
        files = (*above.files, file)
        try:
            document = parse_toml(self.project.read_text(file), file=file)
        except ChecksFailed as failed:
            return replace(above, files=files, problems=(*above.problems, *failed.problems), unread=True)
        document, problems = without_refused(document, keys.NOT_IN_DEFAULTS, where=DEFAULTS_FILE)
        try:
            validate(keys.DefaultsKeys, document, known_elsewhere=keys.ELSEWHERE_THAN_CAMPAIGN)
        except ChecksFailed as failed:
            problems += failed.problems
        documents = (*above.documents, only(document, keys.SHARED))
        return replace(above, documents=documents, files=files, problems=(*above.problems, *problems))
