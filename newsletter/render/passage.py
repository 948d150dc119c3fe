"""A piece of HTML or CSS as its author wrote it, and how the checks ask a letter for its pieces."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from newsletter.errors import Place


class Language(StrEnum):
    HTML = "html"
    STYLE = "style element"  # CSS that stays one
    INLINED = "inlined"  # CSS that goes into the elements' own styles
    COMPONENT = (
        "component"  # the tag of a component that loads something: <mj-font>, one with `background-url`
    )


@dataclass(frozen=True, slots=True)
class Passage:
    """One piece. `text` reaches from offset `at` on: what is not its author's in between is blank."""

    language: Language
    text: str
    at: int
    component: str = ""  # the one that it stands in, `mj-text`


class Written(Protocol):
    """What the authors of one letter wrote in HTML and CSS, with the branches of all readers.

    Offsets count characters of `mjml`.
    """

    @property
    def mjml(self) -> str:
        """The letter before it is compiled."""

    @property
    def template(self) -> Place:
        """Where the campaign names its template: the place of what has none."""

    @property
    def html(self) -> str:
        """The letter compiled and inlined, `…` for each value that depends on the reader."""

    @property
    def passages(self) -> Sequence[Passage]:
        """The authors' pieces, in the order of the letter."""

    def readings(self, passage: Passage, /) -> Iterable[str]:
        """A piece as different readers get it; offsets hold in each."""

    def place(self, offset: int, /) -> Place:
        """Where its author wrote what stands there."""
