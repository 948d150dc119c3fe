"""A letter's text part is broken into lines with all that stands in them: labels, addresses, readers' values."""

import textwrap
from typing import Any

import pytest

from newsletter.render.filling import WIDTH

LONG = "ett ord till " * 20
NAMES = ["", "Bo", "Maximiliana-Charlotta Wilhelmina Fredrika"]


@pytest.fixture
def answers(workshop: Any) -> Any:
    """A project with a block whose text is written with a label."""

    def written(template: str | None, text: str) -> Any:
        declared = '+++\n[fields]\ntext = "markdown"\n+++\n<mj-text>{{ text }}</mj-text>'
        workshop.write("templates/blocks/svar.mjml", declared)
        if template is not None:
            workshop.write("templates/blocks/svar.txt", template)
        workshop.body(f"::: svar\ntext: {text}\n:::")
        return workshop

    return written


def broken(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


@pytest.mark.parametrize("label", ["Svar: ", "”", ""])
@pytest.mark.parametrize("behind", ["", "” (motto)"])
def test_what_a_text_template_sets_beside_a_field_counts(answers: Any, label: str, behind: str) -> None:
    content = answers(f"{label}{{{{ text }}}}{behind}", LONG.strip()).content()
    assert broken(f"{label}{LONG.strip()}{behind}") in content.text


def test_the_lines_of_a_field_that_is_indented_are(answers: Any) -> None:
    text = answers("  {{ text | indent(2) }}", LONG.strip()).content().text
    assert textwrap.indent(textwrap.fill(LONG, WIDTH - 2), "  ") in text


@pytest.mark.parametrize("name", NAMES)
def test_each_reader_has_full_lines(workshop: Any, make_person: Any, name: str) -> None:
    workshop.body("Hej " + '{{ subscriber.first_name or "du" }}! ' + LONG + "\n\n> Hej " + LONG)
    text = workshop.content(make_person(name)).text
    assert broken(f"Hej {name or 'du'}! {LONG}") in text
    assert textwrap.fill(f"> Hej {LONG}", WIDTH, subsequent_indent="> ") in text


def test_a_field_that_comes_to_nothing_is_empty_for_its_template(answers: Any) -> None:
    template = "{% if text %}Svar: {{ text }}\n{% endif %}slut"
    text = answers(template, "{% if campaign.tags %}a{% endif %}").content().text
    assert "Svar" not in text
    assert "slut" in text
