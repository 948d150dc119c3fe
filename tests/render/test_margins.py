"""What a text template sets on a field's line is counted when the field is broken into lines."""

import textwrap
from typing import Any

import pytest
from jinja2 import Environment

from newsletter.errors import Place
from newsletter.render.body import field_markdown
from newsletter.render.margins import Margin, margins
from newsletter.render.tree import Field

LONG = "ett ord till " * 20


@pytest.mark.parametrize(
    ("template", "margin"),
    [
        ("{{ text }}", Margin()),
        ("Lösning: {{ text }}", Margin(9)),
        ("{% if text %}\n\nLösning: {{ text }}{% endif %}", Margin(9)),
        ("{{ name }}: {{ text }}\nslut", Margin(14)),  # a name counts as a merge field does
        ("”{{ text }}” (motto)\n– {{ name }}", Margin(1, 9)),
        ("{{ name }}{% if title %}, {{ title }}{% endif %}\n{{ text | trim }}", Margin()),
        ("{% if a %}A: {% else %}\nBeta: {% endif %}{{ text }}", Margin(6)),
        ("{{ text }}\nMer: {{ text }}", Margin(5)),
    ],
)
def test_the_margins_of_a_text_template(template: str, margin: Margin) -> None:
    assert margins(Environment(autoescape=True).parse(template), ["text"]).get("text") == margin


def test_without_a_text_template_a_field_has_its_name_before_it() -> None:
    assert margins(None, ["solution"]) == {"solution": Margin(len("Solution: "))}


def test_a_field_is_broken_with_its_label() -> None:
    place = Place("brev.md", 1, 1)
    text = field_markdown(Field(place, LONG), margin=Margin(9)).text
    assert f"Lösning: {text}" == textwrap.fill(f"Lösning: {LONG}", 72)
    behind = field_markdown(Field(place, LONG), margin=Margin(1, 9)).text
    assert all(len(line) <= 72 for line in f"”{behind}” (motto)".split("\n"))


def test_a_blocks_text_fills_the_lines_of_the_letter(workshop: Any) -> None:
    workshop.write(
        "templates/blocks/svar.mjml", '+++\n[fields]\ntext = "markdown"\n+++\n<mj-text>{{ text }}</mj-text>'
    )
    workshop.write("templates/blocks/svar.txt", "Svar: {{ text }}")
    workshop.body(f"::: svar\ntext: {LONG.strip()}\n:::")
    assert textwrap.fill(f"Svar: {LONG}", 72) in workshop.content().text
