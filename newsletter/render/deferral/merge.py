"""What is left to do for each reader: fill a handful of slots, and join."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import Template

from newsletter.audience.models import Subscriber
from newsletter.errors import ChecksFailed, Place, Problem
from newsletter.render.composition import Content, Links, Merge, Values
from newsletter.render.deferral import residual
from newsletter.render.deferral.residual import Skeleton
from newsletter.render.environment import one_line
from newsletter.render.limits import budget
from newsletter.render.text_part import tidy


@dataclass(frozen=True)
class SlotMerge:
    """Fills the slots of one composition; nothing in it changes, so threads may share it.

    Whoever can't be filled is rendered whole once more, so that the author is told in the words and at the place of
    the whole rendering.
    """

    subject: Skeleton
    preheader: Skeleton
    html: Skeleton
    text: Skeleton
    plain: Template  # the slots of subject, preheader and text; they come first
    escaped: Template  # those of the HTML
    context: Callable[[Subscriber, Links], Mapping[str, Any]]
    whole: Merge
    place: Place  # of the subject

    def __call__(self, subscriber: Subscriber, links: Links, /) -> Values:
        context = self.context(subscriber, links)
        try:
            with budget():
                values = residual.values(self.plain, context) + residual.values(self.escaped, context)
        except Exception as fault:
            self.whole(subscriber, links)
            problem = Problem("M123", f"this can't be filled in: {fault}", self.place, "write it simpler")
            raise ChecksFailed(problem) from fault
        if not one_line(self.subject.join(values)):
            self.whole(subscriber, links)  # says so
        return values

    def fill(self, values: Values) -> Content:
        return Content(
            one_line(self.subject.join(values)),
            one_line(self.preheader.join(values)),
            self.html.join(values),
            tidy(self.text.join(values)),
        )
