"""The whole rendering for one person: body program, template, MJML, inlined CSS; and the text part beside it."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from jinja2 import Template

from newsletter.audience.models import Subscriber
from newsletter.campaigns.models import Campaign
from newsletter.errors import ChecksFailed, Place, Problem
from newsletter.render.composition import Links, Values
from newsletter.render.deferral.ledger import ONE_LINE
from newsletter.render.deferral.rewrite import MEMBER
from newsletter.render.environment import Names, cleaned, one_line
from newsletter.render.finish import Finish, Located, Trace
from newsletter.render.letter import Form, Letter, run
from newsletter.render.limits import budget
from newsletter.render.origin import Origin, failure
from newsletter.render.pieces import Plan
from newsletter.render.roots import subscriber_view
from newsletter.render.source_map import SourceMap, Spot
from newsletter.render.text_part import tidy
from newsletter.render.utm import Tagger
from newsletter.render.views import campaign_view

IsMember = Callable[[str, Subscriber], bool]


class Texts(NamedTuple):
    """What the templates made: LF line ends, MJML not yet compiled."""

    subject: str
    preheader: str
    mjml: str
    text: str
    campaign: Names  # as the templates saw it


@dataclass(frozen=True)
class Renderer:
    """Renders one campaign for anybody; nothing in it changes, so threads may share it."""

    campaign: Campaign
    subject: Template
    preheader: Template
    html: Form
    text: Form
    plan: Plan
    brand: Names
    step: Names | None
    sender: Names
    words: Names
    columns: frozenset[str]
    is_member: IsMember
    origins: Mapping[str, Origin]
    finish: Finish = field(repr=False)
    marking: Callable[[], tuple["Renderer", Sequence[Spot]]] | None = field(default=None, repr=False)

    def __call__(self, subscriber: Subscriber, links: Links, /) -> Values:
        texts = self._texts(subscriber, links)
        html = self.finish(texts.mjml, texts.campaign, self._trace(subscriber, links))
        tagger = Tagger(self.campaign, spared=(links.unsubscribe,))
        return texts.subject, texts.preheader, tagger.html(html), tidy(tagger.text(texts.text))

    def findings(self, subscriber: Subscriber, links: Links) -> tuple[Problem, ...]:
        """What this person's letter says of its MJML that stops nothing. Raises ChecksFailed as a call does."""
        texts = self._texts(subscriber, links)
        return self.finish.whole(texts.mjml, texts.campaign, self._trace(subscriber, links))[1]

    def traced(self, subscriber: Subscriber, links: Links) -> tuple[str, Located | None]:
        """One person's MJML, and whose each of its characters is; None when nobody can tell. Raises as a call does."""
        return cleaned(self.mjml(subscriber, links)), self._trace(subscriber, links)()

    def _trace(self, subscriber: Subscriber, links: Links) -> Trace:
        def trace() -> SourceMap | None:
            if self.marking is None:
                return None
            try:
                renderer, spots = self.marking()
                renderer = dataclasses.replace(renderer, is_member=self.is_member)
                source_map = SourceMap(renderer.mjml(subscriber, links), spots, renderer.origins)
            except ChecksFailed:  # a template that looks at its own text: the marks changed its mind
                return None
            return source_map if source_map.text == cleaned(self.mjml(subscriber, links)) else None

        return trace

    def mjml(self, subscriber: Subscriber, links: Links, /) -> str:
        """The letter before MJML: what the template made of it for this person."""
        return self._texts(subscriber, links).mjml

    def reader(self, subscriber: Subscriber, links: Links) -> dict[str, Any]:
        """The names of one person, for templates."""
        return {
            "subscriber": subscriber_view(subscriber, self.columns),
            "links": Names("links", {"unsubscribe": links.unsubscribe}),
            MEMBER: lambda segment: self.is_member(segment, subscriber),
        }

    def _texts(self, subscriber: Subscriber, links: Links) -> Texts:
        return self.texts(self.reader(subscriber, links))

    def texts(self, reader: Mapping[str, Any]) -> Texts:
        """The letter for one reader; for nobody (no names), if its templates put off what depends on the reader."""
        roots: dict[str, Any] = {
            **reader,
            "brand": self.brand,
            "step": self.step,
            "sender": self.sender,
            "data": self.text.data,
            "campaign": campaign_view(self.campaign),
        }
        try:
            with budget():
                subject = one_line(run(self.subject, roots))
                preheader = one_line(run(self.preheader, roots))
                roots["campaign"] = campaign_view(
                    self.campaign, subject=self._settled(subject), preheader=self._settled(preheader)
                )
                if not subject:
                    raise ChecksFailed(
                        Problem(
                            "M109",
                            "the subject is empty",
                            self.campaign.place("subject"),
                            "give empty cells another word: {{ subscriber.first_name or 'Hej' }}",
                        )
                    )
                mjml = self._frame(self.html, roots)
                text = self._frame(self.text, roots)
        except ChecksFailed:
            raise
        except Exception as error:  # whatever a template does, it is a problem of the template's
            raise failure(error, self.origins, Place(self.campaign.file)) from error
        return Texts(subject, preheader, mjml, text, roots["campaign"])

    def _settled(self, line: str) -> str:
        """A header's line as templates print it; one that waits for the reader becomes one line with their values."""
        deferred = self.html.deferred
        return deferred.settle(ONE_LINE, line) if deferred and deferred.holds(line) else line

    def _frame(self, form: Form, roots: Mapping[str, Any]) -> str:
        context = {**roots, "data": form.data}
        letter = Letter(form, self.plan, context)
        run(form.body, {**context, **letter.callbacks()})
        intro, *sections, closing = letter.sections
        names = {"words": self.words, "intro": intro, "sections": sections, "closing": closing}
        text = run(form.frame, {**context, **names})
        if form.deferred:
            letter.refuse_unused(self.origins)
        return text
