"""What the proof proves: it counts the letters that it compared, in every branch, and says what none could show."""

from typing import Any

import pytest

from newsletter.errors import ChecksFailed, Problem

PARTS = """+++
sections = ["article"]
+++
<mjml><mj-body>PARTS{% for section in sections %}{{ section.body }}{% endfor %}{{ closing.body }}
<mj-text><a href="{{ links.unsubscribe }}">Bort</a></mj-text></mj-body></mjml>"""
ONLY_TEXTS = '{% for part in intro.parts %}{% if part.kind == "text" %}{{ part }}{% endif %}{% endfor %}'
SECRET = "För alla.\n\n{% if subscriber.city != 'Kiruna' %}\nHEMLIGT.\n{% endif %}"


def problems(workshop: Any, *readers: Any) -> list[Problem]:
    with pytest.raises(ChecksFailed) as failed:
        workshop.compose().prove(readers)
    return list(failed.value.problems)


def parts(workshop: Any, printed: str) -> None:
    workshop.write("templates/brev.mjml", PARTS.replace("PARTS", printed))


def test_letters_that_nobody_could_make_prove_nothing(workshop: Any, make_person: Any) -> None:
    workshop.body("Antal: {{ subscriber.city + 1 }}")
    (only,) = problems(workshop, make_person(city="Visby"))
    assert (only.code, str(only.place)) == ("M122", "campaigns/brev.md:3:12")


def test_a_branch_that_nobody_could_be_shown_is_told_at_its_condition(
    workshop: Any, make_person: Any
) -> None:
    workshop.body(
        "Hej!\n\n{% if subscriber.city == 'Kiruna' %}\nNummer {{ subscriber.city + 1 }}\n{% endif %}"
    )
    (only,) = problems(workshop, make_person(city="Visby"))
    assert (only.code, str(only.place)) == ("M122", "campaigns/brev.md:10:1")


def test_a_branch_that_only_a_real_reader_can_be_shown_counts(workshop: Any, make_person: Any) -> None:
    workshop.columns = ("email", "first_name", "city", "points")
    workshop.body("Hej!\n\n{% if subscriber.points %}\nNummer {{ subscriber.points + 1 }}\n{% endif %}")
    assert workshop.compose().prove([make_person(attributes={"points": 3})]).endswith("no difference")
    assert [one.code for one in problems(workshop, make_person())] == ["M122"]


@pytest.mark.parametrize(
    ("kind", "printed"),
    [
        ("number", "subscriber.x + 1"),
        ("date", "subscriber.x | date"),
        ("instant", "subscriber.x.year"),
        ("bool", "subscriber.x or 1"),
    ],
)
def test_made_up_readers_have_numbers_and_dates_in_columns_of_these(
    workshop: Any, kind: str, printed: str
) -> None:
    settings = (workshop.folder / "newsletter.toml").read_text(encoding="utf-8")
    workshop.write("newsletter.toml", f'{settings}[attributes]\nx = "{kind}"\n')
    workshop.columns = ("email", "first_name", "city", "x")
    workshop.body(f"Hej!\n\n{{% if subscriber.x %}}\nNummer {{{{ {printed} }}}}\n{{% endif %}}")
    assert workshop.compose().prove([]).endswith("no difference")


def test_a_template_that_passes_over_conditions_is_refused(workshop: Any) -> None:
    parts(workshop, ONLY_TEXTS)
    workshop.body(SECRET)
    (only,) = problems(workshop)
    assert (only.code, str(only.place)) == ("M120", "campaigns/brev.md:10:1")


def test_a_condition_that_is_printed_beside_its_parts_holds(workshop: Any, make_person: Any) -> None:
    parts(workshop, "{% for part in intro.parts %}{{ part }}{% endfor %}")
    workshop.body(SECRET)
    composition = workshop.compose()
    assert composition.prove([]).endswith("no difference")
    assert "HEMLIGT" in workshop.content(make_person(city="Visby")).html
    assert "HEMLIGT" not in workshop.content(make_person(city="Kiruna")).html
