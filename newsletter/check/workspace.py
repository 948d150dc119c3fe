"""Everything that the files say, loaded once: the ground on which checks, rehearsals and sends stand."""

import contextlib
import itertools
import random
import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from newsletter.audience import source
from newsletter.audience.address import parse_address
from newsletter.audience.evaluate import World
from newsletter.audience.folding import fold
from newsletter.audience.load import Origin, find_lists, load_personas
from newsletter.audience.models import Audience, Subscriber
from newsletter.audience.segments import Segments, load_segments
from newsletter.audience.waterfall import Rules
from newsletter.campaigns.load import load_catalogue
from newsletter.campaigns.models import Campaign, Catalogue, Sequence
from newsletter.errors import ChecksFailed, NewsletterError, Problem, UsageFault, did_you_mean
from newsletter.files.project import Project
from newsletter.render.composition import Composition
from newsletter.settings.model import Settings
from newsletter.settings.secret import load_secret
from newsletter.settings.values import how_often
from newsletter.store.loaded.lists import LoadedLists
from newsletter.store.loaded.loading import Key
from newsletter.store.loaded.opening import loaded_before, open_lists, rows_before

LISTS_FILE = ".newsletter/lists.db"
A_FEW = 5
SUGGESTED_AMONG = 2_000  # people, when an address is misspelt
MORE = 20  # readers on whom a rehearsal and a send prove the slots


def sample(people: SequenceOf[Subscriber], seed: str, number: int) -> list[Subscriber]:
    """The first of them, and others by chance: the same ones each time."""
    others = range(1, len(people))
    places = random.Random(seed).sample(others, min(number - 1, len(others)))  # noqa: S311
    return [*people[:1], *(people[place] for place in places)]


@dataclass(frozen=True)
class Clock:
    """The time that holds: the real one, or one moment that stands still (`--now`)."""

    pretended: datetime | None = None  # aware, UTC

    def now(self) -> datetime:
        return self.pretended or datetime.now(UTC)


def nobody_lately(_since: datetime, _most: int) -> frozenset[str]:
    """Who got that many letters since then, when no ledger is there to ask."""
    return frozenset()


def nobody_left() -> Mapping[str, int]:
    """How many opted out of which list, when no ledger is there to ask."""
    return {}


def nobody_received(_campaign: str) -> frozenset[str]:
    """Who was sent what, when no ledger is there to ask."""
    return frozenset()


@dataclass
class Workspace:
    """A project opened: settings, campaigns, people and segments, each read when first asked for.

    `received` answers from the ledger which address keys were sent a campaign.
    `keep`: whether lists that changed are loaded into the store; a look loads them into a temporary copy.
    """

    project: Project
    settings: Settings
    clock: Clock = field(default_factory=Clock)
    received: Callable[[str], Iterable[str]] = nobody_received
    keep: bool = False
    asking: bool = False  # whether the programs of lists are run; a look takes what they printed last
    accept_smaller: Collection[str] = ()  # lists that may have lost more than a fifth
    lately: Callable[[datetime, int], Iterable[str]] = nobody_lately
    left: Callable[[], Mapping[str, int]] = nobody_left
    _closing: contextlib.ExitStack = field(default_factory=contextlib.ExitStack, repr=False)

    @cached_property
    def catalogue(self) -> Catalogue:
        return load_catalogue(self.project, self.settings)

    @cached_property
    def audience(self) -> Audience:
        _, problems = self.origins
        return self.lists.audience(problems)

    @cached_property
    def lists(self) -> LoadedLists:
        """The lists as they are at this moment, in the store; read once."""
        origins, problems = self.origins
        secret = load_secret(self.project, self.settings)
        key = Key(secret.fingerprint, secret.person) if secret else None
        path = self.project.path(LISTS_FILE)
        held = {*problems, *self._sources}
        lists = open_lists(path, origins, self.settings, key, keep=self.keep, held=held)
        self._closing.callback(lists.close)
        return lists

    @property
    def _sources(self) -> dict[str, tuple[str, ...]]:
        """The lists that a program prints."""
        return {name: ground.source for name, ground in self.settings.list.items() if ground.source}

    @cached_property
    def origins(self) -> tuple[list[Origin], dict[str, tuple[Problem, ...]]]:
        """Where each list's text lies, and what is wrong with those of which there is none."""
        origins, problems = find_lists(self.project)
        if not self._sources:
            return origins, problems
        files = {fold(origin.name): origin for origin in origins}
        before = rows_before(self.project.path(LISTS_FILE))
        loaded = loaded_before(self.project.path(LISTS_FILE))
        folder = self.temporary_folder()
        for name, command in self._sources.items():
            if fold(name) in files:
                problems[name] = (source.both(name, files[fold(name)].file),)
                origins.remove(files[fold(name)])
            elif self.asking:
                try:
                    origins.append(self._asked(name, command, folder, before.get(name, 0)))
                except ChecksFailed as failed:
                    problems[name] = failed.problems
            elif name not in loaded:
                problems[name] = (source.not_loaded(name),)
        return sorted(origins, key=lambda origin: origin.file), problems

    def _asked(self, name: str, command: tuple[str, ...], folder: Path, before: int) -> Origin:
        origin = source.fetch(name, command, self.project.root, folder)
        less = source.shrunk(name, before, origin.rows or 0)
        if less and name not in self.accept_smaller:
            raise ChecksFailed(less)
        return origin

    @cached_property
    def personas(self) -> Audience:
        """Made-up readers, who are on no list: for authors whose laptops have none."""
        return load_personas(self.project, self.settings)

    def reader(self, email: str, *, made_up: bool = True) -> Subscriber:
        """Somebody of the lists, by any spelling; made_up: or a persona. Raises UsageFault (G105)."""
        key = parse_address(email).key
        personas = self.personas if made_up else None
        found = self.audience.find(key) or (personas.find(key) if personas else None)
        if found is None:
            few = itertools.islice(self.audience.people, SUGGESTED_AMONG)
            known = [who.email for who in (*few, *(personas.people if personas else ()))]
            hint = did_you_mean(email, known, otherwise="it takes the address of somebody in subscribers/")
            raise UsageFault(Problem("G105", f"nobody in subscribers/ has the address {email}", hint=hint))
        return found

    def capped(self) -> Iterable[str]:
        """Address keys of those who got as much as `[limits] per_person` allows; they may be a million."""
        limit = self.settings.limits.per_person
        if limit is None:
            return ()
        most, within = how_often(limit)
        return self.lately(self.clock.now() - within, most)

    def temporary_folder(self) -> Path:
        """An empty folder that lasts until `close`."""
        return Path(self._closing.enter_context(tempfile.TemporaryDirectory()))

    def close(self) -> None:
        """Safe to call twice."""
        self._closing.close()

    @cached_property
    def segments(self) -> Segments:
        return load_segments(self.project, self.settings, self.audience, campaigns=self.campaign_ids)

    @cached_property
    def campaign_ids(self) -> frozenset[str]:
        """All that can be received: campaigns, and the steps of sequences."""
        steps = (
            step.campaign.id for sequence in self.catalogue.sequences.values() for step in sequence.steps
        )
        return frozenset({*self.catalogue.names(), *steps})

    @cached_property
    def columns(self) -> frozenset[str]:
        """All that a letter may speak of; where there are no lists, those of the personas."""
        known = self.audience.columns if self.audience.lists else self.personas.columns
        return known | frozenset(self.settings.attributes)

    def campaign(self, name: str) -> Campaign:
        """The campaign or step of this name. Raises UsageFault (no such one) or ChecksFailed (it is broken)."""
        self._refuse_broken(name)
        if found := self.catalogue.campaigns.get(name):
            return found
        parent, _, step_id = name.rpartition("/")
        if parent:
            self._refuse_broken(parent)
            sequence = self.catalogue.sequences.get(parent)
            if sequence and (step := sequence.step(step_id)):
                return step.campaign
        raise self._unknown(name)

    def sequence(self, name: str) -> Sequence | None:
        self._refuse_broken(name)
        return self.catalogue.sequences.get(name)

    def resolve_name(self, given: str) -> str:
        """An author may name a campaign by its id, its file or its folder."""
        name = given.replace("\\", "/").removeprefix("./").strip("/")
        name = name.removeprefix("campaigns/").removesuffix(".md")
        return name.removesuffix("/campaign").removesuffix("/sequence.toml")

    def _refuse_broken(self, name: str) -> None:
        problems = self.catalogue.problems.get(name, ())
        if any(problem.is_error for problem in problems):
            raise ChecksFailed(*problems, next_steps=[f"newsletter check {name}"])

    def _unknown(self, name: str) -> UsageFault:
        hint = did_you_mean(name, self.campaign_ids) or "a campaign is a file campaigns/NAME.md"
        return UsageFault(Problem("G101", f"there is no campaign `{name}`", hint=hint))

    def compose(self, campaign: Campaign) -> Composition:
        """Raises ChecksFailed with all that is wrong with the campaign's text and templates."""
        from newsletter.render.composition import (
            compose,
        )  # premailer and mjml: only when something is rendered

        try:
            return compose(
                self.project,
                self.settings,
                campaign,
                columns=self.columns,
                is_member=self.is_member,
                segments=self.segment_names,
            )
        except (RecursionError, MemoryError):
            raise ChecksFailed(
                Problem(
                    "C190",
                    "it nests too deeply or is too large to be read",
                    campaign.place(),
                    "write it flatter",
                )
            ) from None

    @cached_property
    def segment_names(self) -> frozenset[str]:
        return frozenset({*self.segments.names, *self.audience.lists})

    @cached_property
    def _matchers(self) -> dict[str, Callable[[Subscriber], bool]]:
        return {}

    def is_member(self, segment: str, subscriber: Subscriber) -> bool:
        """Whether a person is in a list or a segment, by the clock of this workspace."""
        matcher = self._matchers.get(segment)
        if matcher is None:
            matcher = self.segments.matcher(segment, self.world())
            self._matchers[segment] = matcher
        return matcher(subscriber)

    def ask_again(self) -> None:
        """Forget who is in what: something was sent, and `received()` may answer otherwise now."""
        self._matchers.clear()
        if "lists" in self.__dict__:
            self.lists.forget_sent()

    def readers(self, campaign: Campaign) -> SequenceOf[Subscriber]:
        """Who would be mailed today, by what the files say; nobody if there is nobody or nobody knows."""
        sequence = self.sequence(campaign.step.sequence) if campaign.step else None
        segment = sequence.segment if sequence else campaign.segment
        left_out = (*campaign.exclude, *(sequence.exit if sequence else ()))
        try:
            flow = self.lists.sift(
                self.segments.parts(segment),
                self.world(),
                Rules(
                    self.settings.list if self.settings.live else None,
                    self.settings.takes_utf8,
                    self.segments.lists(segment),
                ),
                exclude=[self.segments.parts(name) for name in left_out],
            )
        except NewsletterError:  # said where the list or the segment is checked
            return ()
        return flow.recipients

    def some_readers(self, campaign: Campaign, number: int = A_FEW) -> list[Subscriber]:
        """The first of them, and others by chance."""
        return sample(self.readers(campaign), campaign.id, number)

    def world(self) -> World:
        """What a segment's answer depends on beside the people, at this moment."""
        return self.segments.world(now=self.clock.now(), received=self.received)

    def count(self, segment: str, *, missing: str | None = None) -> int:
        """How many are in a list or segment; with `missing` only those without a value in that column."""
        return self.lists.count(self.segments.parts(segment), self.world(), missing=missing)

    def people(self, segment: str) -> SequenceOf[Subscriber]:
        """All who are in a list or segment, by address key, before anybody is excluded."""
        return self.lists.people(self.segments.parts(segment), self.world())
