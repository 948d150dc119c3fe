"""The plain-text part where a project has no template for it: its frame, and how parts are written."""

import re
from collections.abc import Sequence

from newsletter.render.environment import UNDERLINE, cleaned
from newsletter.render.views import Image, Part

FRAME = "(frame).txt"
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
    """A text part with its lines under headings, without controls, trailing blanks and piles of empty lines."""
    text = UNDERLINE.join(map(cleaned, text.split(UNDERLINE)))
    return settled(cleaned(underlines(text)))


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
        found.append(settled(underlines(body)).strip("\n"))
    return tuple(anchor for anchor in found if len(anchor) >= ANCHOR)


def underlines(text: str) -> str:
    """Each line under a heading as long as the heading is by now."""
    if UNDERLINE not in text:
        return text
    before, *parts = text.split(f"\n{UNDERLINE}")
    done = [before]
    for part in parts:  # each begins with the sign for the line
        heading = done[-1].rpartition("\n")[2].strip()
        done.append(f"{part[0] * min(len(heading), 60)}{part[1:]}")
    return "\n".join(done)


def settled(text: str) -> str:
    """Without trailing blanks and piles of empty lines; ended by one line end."""
    if " \n" in text or "\t" in text or text.endswith(" "):
        text = "\n".join(line.rstrip(" \t") for line in text.split("\n"))
    return _BLANK_LINES.sub("\n\n", text).strip("\n") + "\n"
