"""Everything that the files say, loaded once: the ground on which checks, rehearsals and sends stand."""

import random
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

from newsletter.audience.load import load_audience
from newsletter.audience.models import Audience, Subscriber
from newsletter.audience.segments import Segments, load_segments
from newsletter.audience.waterfall import waterfall
from newsletter.campaigns.load import load_catalogue
from newsletter.campaigns.models import Campaign, Catalogue, Sequence
from newsletter.errors import ChecksFailed, NewsletterError, Problem, UsageFault, did_you_mean
from newsletter.files.project import Project
from newsletter.render.composition import Composition
from newsletter.settings.model import Settings

A_FEW = 5
MORE = 20  # readers on whom a rehearsal and a send prove the slots


def sample(people: Collection[Subscriber], seed: str, number: int) -> list[Subscriber]:
    """The first of them, and others by chance: the same ones each time."""
    people = [*people]
    rest = random.Random(seed).sample(people[1:], min(number - 1, max(len(people) - 1, 0)))  # noqa: S311
    return [*people[:1], *rest]


@dataclass(frozen=True)
class Clock:
    """The time that holds: the real one, or one moment that stands still (`--now`)."""

    pretended: datetime | None = None  # aware, UTC

    def now(self) -> datetime:
        return self.pretended or datetime.now(UTC)


def nobody_received(_campaign: str) -> frozenset[str]:
    """Who was sent what, when no ledger is there to ask."""
    return frozenset()


@dataclass
class Workspace:
    """A project opened: settings, campaigns, people and segments, each read when first asked for.

    `received` answers from the ledger which address keys were sent a campaign.
    """

    project: Project
    settings: Settings
    clock: Clock = field(default_factory=Clock)
    received: Callable[[str], Collection[str]] = nobody_received

    @cached_property
    def catalogue(self) -> Catalogue:
        return load_catalogue(self.project, self.settings)

    @cached_property
    def audience(self) -> Audience:
        return load_audience(self.project, self.settings)

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
        return self.audience.columns | frozenset(self.settings.attributes)

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
            matcher = self.segments.matcher(segment, now=self.clock.now(), received=self.received)
            self._matchers[segment] = matcher
        return matcher(subscriber)

    def ask_again(self) -> None:
        """Forget who is in what: something was sent, and `received()` may answer otherwise now."""
        self._matchers.clear()

    def readers(self, campaign: Campaign) -> tuple[Subscriber, ...]:
        """Who would be mailed today, by what the files say; nobody if there is nobody or nobody knows."""
        sequence = self.sequence(campaign.step.sequence) if campaign.step else None
        segment = sequence.segment if sequence else campaign.segment
        left_out = (*campaign.exclude, *(sequence.exit if sequence else ()))
        try:
            flow = waterfall(
                self.members(segment),
                is_excluded=lambda person: any(self.is_member(name, person) for name in left_out),
                suppressed=lambda _person: False,
                lists=self.settings.list if self.settings.live else None,
                smtputf8=False,
                asked=self.segments.lists(segment),
            )
        except NewsletterError:  # said where the list or the segment is checked
            return ()
        return flow.recipients

    def some_readers(self, campaign: Campaign, number: int = A_FEW) -> list[Subscriber]:
        """The first of them, and others by chance."""
        return sample(self.readers(campaign), campaign.id, number)

    def members(self, segment: str) -> tuple[Subscriber, ...]:
        return self.segments.members(segment, now=self.clock.now(), received=self.received)
