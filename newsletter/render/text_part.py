"""The plain-text part where a project has no template for it: its frame, and how parts are written."""

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from newsletter.render.environment import cleaned
from newsletter.render.filling import MARKS, OPEN, PARAGRAPHS, SEPARATOR, UNDERLINE, filled, whole_marks
from newsletter.render.views import Image, Part

FRAME = "(frame).txt"
_HEADINGS = re.compile(rf"^[^\n]*\n{UNDERLINE}[^\n]*", re.MULTILINE)
_BLANK_LINES = re.compile(r"\n\n\n+")  # ten times as fast as \n{3,}

# What every text part ends in without a NAME.txt. Keys are languages; anything else reads English.
_UNSUBSCRIBE = {
    "sv": "Avsluta prenumerationen",
    "da": "Afmeld nyhedsbrevet",
    "nb": "Meld deg av",
    "no": "Meld deg av",
    "nn": "Meld deg av",
    "fi": "Peru uutiskirje",
    "de": "Abmelden",
    "en": "Unsubscribe",
}

TEXT_BUILT_IN = {
    FRAME: """\
{{ intro.body }}

{% for section in sections %}
{% if section.title %}

{{ section.title | underlined }}
{% endif %}

{{ section.body }}

{% endfor %}

{{ closing.body }}

--
{{ sender.name }}
{% if brand.address %}{{ brand.address }}{% endif %}

{{ words.unsubscribe }}: {{ links.unsubscribe }}
""",
    "blocks/text.txt": "{{ text }}",
    "blocks/picture.txt": "{% if alt %}[{{ alt }}]{% if link %} ({{ link }}){% endif %}{% else %}{{ link }}{% endif %}",
    "blocks/button.txt": "{{ label }}: {{ href }}",
}


def words(language: str) -> dict[str, str]:
    """What the program itself says to a reader, in the letter's language."""
    return {"unsubscribe": _UNSUBSCRIBE.get(language.partition("-")[0].lower(), _UNSUBSCRIBE["en"])}


def plain_block(part: Part) -> str:
    """A block without a text template: its first text alone, then `Name: value`, then what stands inside."""
    lines: list[str] = []
    for name, value in part.fields.items():
        if value in ("", None, False):
            continue
        written = f"[{value}]" if isinstance(value, Image) else str(value).strip()
        label = name.replace("_", " ").capitalize()
        if not lines and not isinstance(value, Image):
            lines.append(written)
        elif isinstance(value, Image):
            lines += [written] if value.alt else []
        else:
            lines.append(f"{label}:\n{written}" if "\n" in written else f"{label}: {written}")
    return "\n".join(lines) + (f"\n\n{part.body}" if part.children else "")


def tidy(text: str) -> str:
    """A text part with all its lines, without controls, trailing blanks and piles of empty lines."""
    return settled(cleaned(text, marks=True))


def begun(text: str, waits: Callable[[str], bool]) -> str:
    """A text part whose lines are made where nothing in them waits for the reader."""
    text = PARAGRAPHS.sub(lambda found: found[0] if waits(found[0]) else filled(found[0]), text)
    return _HEADINGS.sub(lambda found: found[0] if waits(found[0]) else underlines(found[0]), text)


ANCHOR = 40  # characters: what is shorter is not worth looking for


def anchors(static: Sequence[str]) -> tuple[str, ...]:
    """Of the pieces of a text that are everybody's, what stands in each finished text as it is, in this order.

    Whole lines only, since a value may be on the same line as the end of a piece; and not the line under a heading,
    whose length is the heading's.
    """
    found = []
    for number, piece in enumerate(static):
        body = piece if number == 0 else piece.partition("\n")[2]
        if body.startswith(UNDERLINE):
            body = body.partition("\n")[2]
        if number < len(static) - 1:
            body = body.rpartition("\n")[0]
        found.append(settled(body).strip("\n"))
    return tuple(anchor for anchor in found if len(anchor) >= ANCHOR)


def underlines(text: str) -> str:
    """Each line under a heading as long as the heading is by now."""
    if UNDERLINE not in text:
        return text
    before, *parts = text.split(UNDERLINE)
    done = [before]
    for part in parts:  # each begins with the sign for the line
        above, line_end, own = done[-1].rpartition("\n")
        heading = above[above.rfind("\n") + 1 :].strip()
        done.append(part[:1] * min(len(heading), 60) + part[1:] if line_end and not own else part)
    return "".join(done)


def settled(text: str) -> str:
    """With all its lines, none of them with trailing blanks, no piles of empty ones; ended by one line end."""
    return _lined(text).strip("\n") + "\n"


def _lined(text: str) -> str:
    """Likewise, with the line ends at its beginning and its end as they are."""
    if OPEN in text or SEPARATOR in text:
        text = filled(text)
    text = underlines(text)
    if " \n" in text or "\t" in text or text.endswith(" "):
        text = "\n".join(line.rstrip(" \t") for line in text.split("\n"))
    return _BLANK_LINES.sub("\n\n", text) if "\n\n\n" in text else text


@dataclass(frozen=True)
class Stretch:
    """Whole lines in which values stand, and the settled lines behind them, which are everybody's."""

    static: tuple[str, ...]  # static[0] + value + static[1] + …
    order: tuple[int, ...]  # of its values
    behind: str

    @classmethod
    def of(cls, static: Sequence[str], order: tuple[int, ...], behind: str) -> "Stretch":
        """behind: not settled yet"""
        if not order:
            return cls(("",), (), _lined(static[0]) + _lined(behind))
        return cls(tuple(static), order, _lined(behind))

    def settled(self, values: Sequence[str]) -> str | None:
        """None when a value holds half of a mark: then lines belong together that do not look like it."""
        if not self.order:
            return self.behind
        parts = [self.static[0]]
        marked = False
        for number, static in zip(self.order, self.static[1:], strict=True):
            value = values[number]
            marked = marked or OPEN in value or SEPARATOR in value
            parts += (value, static)
        text = "".join(parts)
        return None if marked and not whole_marks(text) else _lined(text) + self.behind


@dataclass(frozen=True)
class TextLines:
    """A text part of which whole lines are everybody's: those are settled once, and the others for each reader."""

    static: tuple[str, ...]  # static[0] + value + static[1] + …
    order: tuple[int, ...]

    @functools.cached_property
    def stretches(self) -> tuple[Stretch, ...]:
        """Together they are the text. They part where nothing before and behind looks at each other."""
        found: list[Stretch] = []
        begun: list[str] = []  # of the stretch that is open: what is everybody's in it
        first = 0  # its first value
        inside = 0  # how many separators are still to come before the mark that is open is whole
        for number, piece in enumerate(self.static):
            cuts, inside = _cuts(piece, inside)
            last = number == len(self.static) - 1
            if not cuts:
                begun.append(piece)
                continue
            begun.append(piece[: cuts[0]])
            behind = piece[cuts[0] : None if last else cuts[-1]]
            found.append(Stretch.of(begun, self.order[first:number], behind))
            begun, first = ["" if last else piece[cuts[-1] :]], number
        return (*found, Stretch.of(begun, self.order[first:], ""))

    def settled(self, values: Sequence[str]) -> str:
        """As `settled` of all of it joined."""
        parts: list[str] = []
        for stretch in self.stretches:
            text = stretch.settled(values)
            if text is None:
                return settled(self._joined(values))
            parts.append(text)
        return "".join(parts).strip("\n") + "\n"

    def _joined(self, values: Sequence[str]) -> str:
        rest = (values[number] + piece for number, piece in zip(self.order, self.static[1:], strict=True))
        return "".join((self.static[0], *rest))


def _cuts(piece: str, inside: int) -> tuple[list[int], int]:
    """Where in a text that is everybody's what stands before and behind can be settled apart; and `inside` at its end.

    Before lines that say something, outside of marks: so no paragraph is cut, no heading from the line under it, and
    blank lines that pile up do so before it.
    inside: how many separators are to come before the mark is whole in which it begins; at its end likewise
    """
    cuts: list[int] = []
    at = 0
    for number, line in enumerate(piece.split("\n")):
        if number and not inside and line[:1].strip(f"{MARKS} \t"):
            cuts.append(at)
        for sign in line:
            if sign == OPEN:
                inside = 2
            elif sign == SEPARATOR and inside:
                inside -= 1
        at += len(line) + 1
    return cuts, inside
