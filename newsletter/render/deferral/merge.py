"""What is left to do for each reader: fill a handful of slots, and join."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass

from jinja2 import Template

from newsletter.audience.models import Subscriber
from newsletter.errors import ChecksFailed, Place, Problem
from newsletter.render.composition import Content, Links, Values, received
from newsletter.render.deferral import residual
from newsletter.render.deferral.residual import Skeleton
from newsletter.render.environment import cleaned, one_line
from newsletter.render.limits import budget
from newsletter.render.renderer import Renderer
from newsletter.render.text_part import TextLines, anchors


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
    whole: Renderer
    keys: Mapping[str, Place]  # what a proof calls the conditions and loops in the letter, in their order

    def __call__(self, subscriber: Subscriber, links: Links, /) -> Values:
        context = self.whole.reader(subscriber, links)
        try:
            with budget():
                plain, escaped = residual.values(self.plain, context), residual.values(self.escaped, context)
                values = (
                    *(one if one.isprintable() else cleaned(one, marks=True) for one in plain),
                    *map(cleaned, escaped),
                )
        except Exception as error:
            self.whole(subscriber, links)  # says what is wrong, and where
            raise self._other_than_whole() from error
        if not self.subject_of(values):
            self.whole(subscriber, links)  # says so
        return values

    def _other_than_whole(self) -> ChecksFailed:
        """The proof asks first and stops here; without it nothing is sent."""
        message = "this letter can be rendered whole, but not be filled in"
        hint = "work out at the top of the template what depends on the reader"
        return ChecksFailed(Problem("M121", message, self.whole.campaign.place("template"), hint))

    @property
    def static(self) -> tuple[str, ...]:
        """See Composition.static."""
        return tuple(
            text for part in (self.subject, self.preheader, self.html, self.text) for text in part.static
        )

    @property
    def anchors(self) -> tuple[str, ...]:
        """See Composition.anchors."""
        return anchors(self.text.static)

    @functools.cached_property
    def static_size(self) -> int:
        """Bytes of the HTML that are everybody's."""
        return sum(map(received, self.html.static))

    def size(self, values: Values) -> int:
        """Bytes of one reader's HTML, without joining it."""
        return self.static_size + sum(received(values[number]) for number in self.html.order)

    def subject_of(self, values: Values) -> str:
        """One reader's subject, without joining the rest."""
        return _in_one_line(self.subject, values)

    def shows(self, values: Values, text: str) -> tuple[bool, bool]:
        """Whether a reader's own part of the HTML, and of the text part, holds a text."""
        return (
            any(text in values[number] for number in self.html.order),
            any(text in values[number] for number in self.text.order),
        )

    def fill(self, values: Values) -> Content:
        """Raises ValueError if the values are not those of a call."""
        if len(values) != len(self.plain.blocks) + len(self.escaped.blocks):
            raise ValueError(f"{len(values)} values are not those of this composition")
        return Content(
            self.subject_of(values),
            _in_one_line(self.preheader, values),
            self.html.pieces(values),
            self._lines.settled(values),  # values and statics are clean
        )

    @functools.cached_property
    def _lines(self) -> TextLines:
        return TextLines(self.text.static, self.text.order)


def _in_one_line(skeleton: Skeleton, values: Values) -> str:
    return one_line(skeleton.join(values)) if skeleton.order else _still(skeleton.static[0])


_still = functools.lru_cache(maxsize=64)(one_line)  # the same for everybody
