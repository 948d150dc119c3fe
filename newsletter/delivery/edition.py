"""What a run says: compiled from the project's files, or from what was kept of them when it was begun."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from newsletter.audience.models import Subscriber
from newsletter.audience.segments import FILE as SEGMENTS_FILE
from newsletter.audience.segments import Segments, load_segments
from newsletter.campaigns.load import load_catalogue
from newsletter.campaigns.models import Campaign
from newsletter.check.workspace import Workspace
from newsletter.delivery.plan import asked_in_text, segment_of
from newsletter.errors import GuardRefused, Place, Problem
from newsletter.files.project import SETTINGS_FILE, Project
from newsletter.render.composition import Composition
from newsletter.settings.model import Brand, Sender, Settings
from newsletter.store.store import Store
from newsletter.store.values import Run

WORDS = ("brand", "sender", "assets_url", "public_url", "timezone", "language", "attributes")
"""The settings that decide what a reader reads; all others may change while a send is under way."""


@dataclass(frozen=True)
class Edition:
    """One run's words, the same for whoever gets them first and last."""

    composition: Composition
    settings: Settings  # as they are, but those of WORDS as they were when it was begun
    lists: tuple[str, ...]  # those by which its segment chose its people

    @property
    def campaign(self) -> Campaign:
        return self.composition.campaign

    @classmethod
    def of(cls, workspace: Workspace, composition: Composition) -> "Edition":
        """As the files are now."""
        lists = workspace.segments.lists(segment_of(workspace, composition.campaign))
        return cls(composition, workspace.settings, lists)


@dataclass(frozen=True)
class Kept:
    """What is written down of an edition: `inputs` as JSON, and the bytes that they name by hash."""

    inputs: Mapping[str, object]
    files: Mapping[str, bytes]  # sha256 (hex) -> bytes


def keep(workspace: Workspace, composition: Composition) -> Kept:
    """All that the run is finished from, whatever happens to the files.

    Raises GuardRefused (G141) when a file is no longer what was compiled: somebody writes at this moment.
    """
    bodies = {file: workspace.project.read_bytes(file) for file in composition.sources}
    hashes = {file: hashlib.sha256(body).hexdigest() for file, body in bodies.items()}
    changed = sorted(file for file, name in composition.sources.items() if hashes[file] != name)
    if changed:
        message, hint = "changed while the send was being prepared", "the same command once more"
        raise GuardRefused(*(Problem("G141", message, Place(file), hint) for file in changed))
    beside = {file: workspace.project.read_bytes(file) for file in _beside(workspace, composition.campaign)}
    hashes_beside = {file: hashlib.sha256(body).hexdigest() for file, body in beside.items()}
    everything = {**hashes, **hashes_beside}
    inputs = {
        "sources": dict(sorted(hashes.items())),
        "beside": dict(sorted(hashes_beside.items())),
        "rules": rules(workspace, composition),
        "settings": words(workspace.settings),
        "columns": sorted(workspace.columns),
        "asked": list(Edition.of(workspace, composition).lists),
        "provider": workspace.settings.provider,
        "lists": with_people(workspace),
    }
    return Kept(inputs, {everything[file]: body for file, body in {**bodies, **beside}.items()})


def _beside(workspace: Workspace, campaign: Campaign) -> list[str]:
    """A sequence is read as a whole: its other steps' files, which say nothing in this letter."""
    sequence = workspace.sequence(campaign.step.sequence) if campaign.step else None
    return [step.campaign.file for step in sequence.steps] if sequence else []


def with_people(workspace: Workspace) -> list[str]:
    """The files of the lists on which somebody is."""
    return sorted(found.file for found in workspace.audience.lists.values() if found.rows)


def rules(workspace: Workspace, composition: Composition) -> dict[str, str]:
    """What decides, beside the files themselves, which words a person reads."""
    definitions = workspace.segments.definitions(asked_in_text(composition))
    return {**definitions, "(timezone)": workspace.settings.timezone}


def words(settings: Settings) -> dict[str, Any]:
    """The settings of WORDS, as JSON."""
    written: dict[str, Any] = settings.model_dump(mode="json", include=set(WORDS), by_alias=True)
    return written


def thaw(workspace: Workspace, store: Store, run: Run) -> Edition | None:
    """The edition that a run was begun with; None when an older program began it and kept nothing.

    Who is in which list is asked now, by the rules as they were. Raises ChecksFailed when a list that the text
    asks for can't be read, GuardRefused (G145) when this program makes another letter of the same files.
    """
    if "settings" not in run.inputs:
        return None
    kept = run.inputs
    project = _unpacked(workspace, store, kept)
    settings = _settings(workspace.settings, kept["settings"])
    catalogue = load_catalogue(project, settings)
    campaign = catalogue.campaigns.get(run.campaign) or next(
        (
            step.campaign
            for sequence in catalogue.sequences.values()
            for step in sequence.steps
            if step.campaign.id == run.campaign
        ),
        None,
    )
    if campaign is None:
        raise _another_letter(run)
    members = _Members(workspace, _segments(workspace, store, project, settings, run))
    composition = _composed(project, settings, campaign, members, run)
    if composition.sha256 != run.content_hash:
        raise _another_letter(run)
    return Edition(composition, settings, tuple(_listed(kept.get("asked"))))


def _composed(
    project: Project, settings: Settings, campaign: Campaign, members: "_Members", run: Run
) -> Composition:
    from newsletter.render.composition import compose  # premailer and mjml: only when something is rendered

    return compose(
        project,
        settings,
        campaign,
        columns=_listed(run.inputs.get("columns")),
        is_member=members,
        segments=members.names,
    )


def _unpacked(workspace: Workspace, store: Store, kept: Mapping[str, object]) -> Project:
    """The files as they were, in a folder of their own that goes when the program ends."""
    project = Project(workspace.temporary_folder())
    files = {**_named(kept.get("sources")), **_named(kept.get("beside"))}
    bodies = store.kept(set(files.values()))
    for file, name in files.items():
        path = project.path(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bodies[name])
    asked = {name: where for name, where in _named(kept.get("rules")).items() if name != "(timezone)"}
    text = "".join(f"[{_quoted(name)}]\nwhere = {_quoted(where)}\n" for name, where in asked.items())
    path = project.path(SEGMENTS_FILE)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    project.path(SETTINGS_FILE).write_text("", encoding="utf-8")
    return project


def _quoted(text: str) -> str:
    """A TOML basic string (TOML 1.0): JSON's escapes, and DEL, which JSON leaves as it is."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _settings(now: Settings, kept: object) -> Settings:
    values = dict(kept) if isinstance(kept, Mapping) else {}
    for name, model in (("brand", Brand), ("sender", Sender)):
        said = values[name] if isinstance(values.get(name), Mapping) else {}
        values[name] = model.model_validate({key: value for key, value in said.items() if value})
    then = now.model_copy(update=values)
    then.__dict__.pop("zone", None)  # worked out from the zone that holds now
    return then


def _segments(workspace: Workspace, store: Store, project: Project, settings: Settings, run: Run) -> Segments:
    """The rules of its text, asked of the lists as they are; `received()` may name what has gone since."""
    campaigns = workspace.campaign_ids | store.campaigns(run.env)
    return load_segments(project, settings, workspace.audience, campaigns=campaigns)


@dataclass
class _Members:
    """Who is in a list or a segment, by rules that were kept."""

    workspace: Workspace
    segments: Segments
    _matchers: dict[str, Callable[[Subscriber], bool]] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        return frozenset({*self.segments.names, *self.workspace.audience.lists})

    def __call__(self, segment: str, subscriber: Subscriber) -> bool:
        if segment not in self._matchers:
            world = self.segments.world(now=self.workspace.clock.now(), received=self.workspace.received)
            self._matchers[segment] = self.segments.matcher(segment, world)
        return self._matchers[segment](subscriber)


def _named(value: object) -> dict[str, str]:
    return {str(key): str(one) for key, one in value.items()} if isinstance(value, Mapping) else {}


def _listed(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def _another_letter(run: Run) -> GuardRefused:
    return GuardRefused(
        Problem(
            "G145",
            f"this program makes another letter of what `{run.campaign}` was begun with",
            hint="finish it with the version that began it, or: "
            f"newsletter send {run.campaign} --amend, newsletter cancel {run.campaign}",
        )
    )
