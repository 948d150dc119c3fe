"""A letter whose readers' parts are put off, and what is made of it: slots, their proof, what the checks read."""

import dataclasses
import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from newsletter.audience.models import Subscriber
from newsletter.errors import ChecksFailed, Place
from newsletter.render.composition import TRIAL, Gap
from newsletter.render.deferral.forcing import ForcingSandbox, by_decree
from newsletter.render.deferral.ledger import Deferred
from newsletter.render.deferral.merge import SlotMerge
from newsletter.render.deferral.noting import Gaps, noted, noting
from newsletter.render.deferral.put_off import PutOff
from newsletter.render.deferral.rewrite import DeferringSandbox
from newsletter.render.environment import cleaned
from newsletter.render.manuscript import Manuscript
from newsletter.render.renderer import Renderer
from newsletter.render.roots import STANDARD_FIELDS
from newsletter.render.script import Script
from newsletter.render.templates import TemplateSandbox

NOBODY = Subscriber(key="", email="", address="", memberships=())


def everybody(_segment: str, _person: Subscriber) -> bool:
    """Whoever it is belongs to every segment."""
    return True


def nobody(_segment: str, _person: Subscriber) -> bool:
    """Whoever it is belongs to no segment."""
    return False


@dataclass(frozen=True)
class DeferredLetter:
    """One campaign's letter with tokens for what depends on the reader, and how it is made whole."""

    script: Script
    renderer: Renderer  # of whole letters
    put_off: PutOff

    @classmethod
    def of(cls, script: Script, renderer: Renderer) -> "DeferredLetter | ChecksFailed":
        """Raises ChecksFailed with what can't be put off. Any other failure comes back: trying out tells it better."""
        deferred = Deferred()
        html = script.environment(DeferringSandbox, autoescape=True)
        text = script.environment(DeferringSandbox, autoescape=False)
        html.begin(deferred)
        text.begin(deferred)
        stage = script.again(renderer, html, text)
        stage = dataclasses.replace(
            stage,
            html=dataclasses.replace(stage.html, deferred=deferred),
            text=dataclasses.replace(stage.text, deferred=deferred),
            finish=dataclasses.replace(renderer.finish, tokens=deferred.tokens),
        )
        try:
            return cls(script, renderer, PutOff.of(stage, deferred))
        except ChecksFailed as failed:
            told = [problem for problem in failed.problems if problem.code in ("M120", "T113", "T134")]
            if told:
                raise ChecksFailed(*told) from None
            return failed

    def merge(self) -> SlotMerge:
        """Fills the slots of any reader."""
        return self.put_off.merge(self.renderer, plain=self._environment(), escaped=self._escaping())

    def _environment(self) -> TemplateSandbox:
        return self.script.environment(TemplateSandbox, autoescape=False)

    def _escaping(self) -> TemplateSandbox:
        return self.script.environment(TemplateSandbox, autoescape=True)

    def proving(self) -> Callable[[], SlotMerge]:
        """The same slots, and the same whole letters, whose conditions can be answered by decree."""

        @functools.cache
        def proving() -> SlotMerge:
            html = self.script.environment(ForcingSandbox, autoescape=True)
            text = self.script.environment(ForcingSandbox, autoescape=False)
            wrap = functools.partial(by_decree, deferred=self.put_off.deferred)
            whole = self.script.again(self.renderer, html, text)
            return self.put_off.merge(whole, plain=text, escaped=html, wrap=wrap)

        return proving

    def apart(self, reader: Subscriber) -> Place | None:
        """Where a reader's two letters part, the filled and the whole one."""
        return self.put_off.apart(self.renderer, self._escaping(), reader, TRIAL)

    def gaps(self) -> Callable[[Subscriber], Iterable[Gap]]:
        """Finds empty fields; compiled when somebody asks."""

        @functools.cache
        def gaps() -> Gaps:
            plain, escaped = noting(self._environment()), noting(self._escaping())
            merge = self.put_off.merge(self.renderer, plain=plain, escaped=escaped, wrap=noted)
            return Gaps(merge, self.put_off.deferred, self.put_off.places, self.renderer.columns)

        return lambda reader: gaps().of(reader)

    def manuscript(self) -> Manuscript:
        """What the checks read; places come from the letters of somebody without anything and of one with all."""
        renderer, put_off = self.renderer, self.put_off
        extra = dict.fromkeys(sorted(renderer.columns - {*STANDARD_FIELDS}), "x")
        somebody = dataclasses.replace(
            NOBODY, first_name="x", last_name="x", organisation="x", city="x", tags=("x",), attributes=extra
        )
        return Manuscript(
            cleaned(put_off.mjml),
            put_off.html,
            put_off.deferred,
            (
                lambda: dataclasses.replace(renderer, is_member=nobody).traced(NOBODY, TRIAL),
                lambda: dataclasses.replace(renderer, is_member=everybody).traced(somebody, TRIAL),
            ),
            put_off.near,
            self.script.campaign.place("template"),
        )
