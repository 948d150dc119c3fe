"""Every mistake of an author's is named at its place, with a way out, before anybody is rendered."""

from typing import Any

import pytest

PERSON = (
    '+++\n[fields]\nname = "text!"\nimage = "image 1:1"\nbio = "markdown"\nsite = "url"\nage = "number"\n'
    'born = "date"\nwakes = "time"\n+++\n<mj-text>{{ name }}{{ bio }}</mj-text>'
)
LAYOUT = "<mjml>\n  <mj-body>\n    {{ intro.body }}\n%s\n  </mj-body>\n</mjml>\n"
KNOWN = "known: city, consent_at, consent_source, email, first_name, language, last_name, lists, organisation, tags, timezone"

# What the body says -> code, place, part of the message, `try:`. The body's first line is line 8 of the file.
BODIES = {
    "x\n\nHej {{ subscriber.frist_name }}!": (
        "M101", "campaigns/brev.md:10:8", "nobody has the field `frist_name`", "did you mean `first_name`?"),
    "Hej {{ subscriber.shoe_size }}!": (
        "M101", "campaigns/brev.md:8:8", "nobody has the field `shoe_size`", KNOWN),
    "{% if subscriber['frist_name'] %}\n\nx\n\n{% endif %}": (
        "M101", "campaigns/brev.md:8:7", "nobody has the field `frist_name`", "did you mean `first_name`?"),
    "Hej {{ first_name }}!": (
        "M102", "campaigns/brev.md:8:8", "there is no `first_name` here", "write `subscriber.first_name`"),
    "Hej {{ brand.nmae }}!": ("M102", "campaigns/brev.md:8:8", "`brand` has no `nmae`", "did you mean `name`?"),
    "Hej {{ subscriber.city | uper }}!": (
        "M104", "campaigns/brev.md:8:26", "there is no filter `uper`", "did you mean `upper`?"),
    "Hej {{ subscriber.city | safe }}!": ("M104", "campaigns/brev.md:8:26", "there is no filter `safe`", "`safe_url`"),
    "Hej {{ __section(0) }}!": ("M102", "campaigns/brev.md:8:5", "there is no `__section` here", ""),
    "Rad\n\n\nHej {{ 1 / 0 }}!": ("M105", "campaigns/brev.md:11:5", "division by zero", ""),
    "Hej {{ ''.__class__ }}!": ("M106", "campaigns/brev.md:8:5", "__class__", ""),
    "::: persn\nname: x\n:::": (
        "C153", "campaigns/brev.md:8:1", "there is no block `persn`", "did you mean `person`?"),
    "::: person\nsite: https://example.org\n:::": (
        "C155", "campaigns/brev.md:8:1", "the block `person` needs `name`", "write a line `name: …`"),
    "::: person\nname: x\nsize: 9\n:::": (
        "C154", "campaigns/brev.md:10:1", "the block `person` has no field `size`", "did you mean `site`?"),
    "::: person\nname: x\nsite: example.org\n:::": (
        "C151", "campaigns/brev.md:10:7", "`example.org` is no address for a link", "https://…"),
    "::: person\nname: x\nage: gammal\n:::": ("C156", "campaigns/brev.md:10:6", "`age` is `gammal`, no number", ""),
    "::: person\nname: x\nwakes: 25:00\n:::": (
        "C156", "campaigns/brev.md:10:8", "`wakes` is `25:00`, no time of day", "such as `wakes: 09:00`"),
    "::: person\nname: x\nwakes: kl. 9\n:::": (
        "C156", "campaigns/brev.md:10:8", "`wakes` is `kl. 9`, no time of day", ""),
    "::: person\nname: x\nage: nan\n:::": ("C156", "campaigns/brev.md:10:6", "`age` is `nan`, no number", ""),
    "::: person\nname: x\nborn: 2015-13-01\n:::": ("C156", "campaigns/brev.md:10:7", "no date", ""),
    "::: person\nname: x\nage: {{ subscriber.city }}\n:::": (
        "C156", "campaigns/brev.md:10:6", "a merge field can't stand here", ""),
    "::: person\nname: {{ subscriber.zip }}\n:::": ("M101", "campaigns/brev.md:9:10", "`zip`", KNOWN),
    "::: person\nname: x\nbio: *{{ foo }}*\n:::": ("M102", "campaigns/brev.md:10:10", "there is no `foo` here", ""),
    "## A {.pannel}\n\nx": (
        "T112", "campaigns/brev.md:8:1", "there is no kind of section `pannel`", "did you mean `panel`?"),
    "::: only i-visb\nx\n:::": (
        "C150", "campaigns/brev.md:8:1", "there is no list or segment `i-visb`", "did you mean `i-visby`?"),
    '![x](logo.png){credit="y"}': ("C152", "campaigns/brev.md:8:1", "pictures here have no `credit`", "`brev`"),
    "![x](log.png)": ("P101", "campaigns/brev.md:8:1", "there is no picture `log.png`", "did you mean `logo.png`?"),
    "![x](https://example.org/x.png)": ("P102", "campaigns/brev.md:8:1", "is no file of the project", "save the picture"),
}  # fmt: skip


@pytest.mark.parametrize("text", BODIES)
def test_a_mistake_in_the_body(workshop: Any, text: str) -> None:
    workshop.write("templates/blocks/person.mjml", PERSON)
    workshop.body(text)
    code, place, message, hint = BODIES[text]
    problem = workshop.problem()
    assert (problem.code, str(problem.place)) == (code, place)
    assert message in problem.message
    assert hint in problem.hint


# What the template says below {{ intro.body }} (line 4) -> the same
TEMPLATES = {
    "<mj-sectoin></mj-sectoin>": (
        "T121", "templates/brev.mjml:4:1", "there is no component <mj-sectoin>", "did you mean <mj-section>?"),
    "<mj-text>x": ("T120", "templates/brev.mjml:4:1", "<mj-text> is never closed", ""),
    "</mj-text>": ("T120", "templates/brev.mjml:4:1", "</mj-text> closes nothing; <mj-body> is still open", ""),
    "Hej": ("T123", "templates/brev.mjml:4:1", "the text “Hej” stands outside of a component", "<mj-text>"),
    "<p>x</p>": ("T121", "templates/brev.mjml:4:1", "<p> stands outside of a component", "<mj-text>"),
    "<mj-text a='1' a='2'>x</mj-text>": ("T120", "templates/brev.mjml:4:16", "<mj-text> has `a` twice", ""),
    "<mj-text color>x</mj-text>": ("T120", "templates/brev.mjml:4:10", "`color` has no value", 'color="value"'),
    "<mj-column><mj-section></mj-section></mj-column>": (
        "T122", "templates/brev.mjml:4:12", "<mj-section> can't stand in <mj-column>", ""),
    '<mj-social><mj-social-element name="facebook">x</mj-social-element></mj-social>': (
        "T129", "templates/brev.mjml:4:12", "would take its icons from somebody else's server", "`src`"),
    "<mj-text>{{ links.unsubscrib }}</mj-text>": (
        "M102", "templates/brev.mjml:4:13", "`links` has no `unsubscrib`", "did you mean `unsubscribe`?"),
    "<mj-text>{{ subscriber.nmae }}</mj-text>": (
        "M101", "templates/brev.mjml:4:13", "nobody has the field `nmae`", KNOWN),
    "<mj-text>{{ data.foo }}</mj-text>": ("M102", "templates/brev.mjml:4:13", "`data` has no `foo`", "[data] foo ="),
    "<mj-text>{{ brand.colors.light.inkk }}</mj-text>": (
        "M102", "templates/brev.mjml:4:26", "`brand.colors.light` has no `inkk`", "did you mean `ink`?"),
    "<mj-text>{{ foo }}</mj-text>": ("M102", "templates/brev.mjml:4:13", "there is no `foo` here", ""),
    "<mj-text>{{ 1 / 0 }}</mj-text>": ("M105", "templates/brev.mjml:4:10", "division by zero", ""),
    "{% if campaign.id %}": (
        "M103", "templates/brev.mjml:4:1", "`{% if %}` is never closed", "close it with `{% endif %}`"),
    "{% endif %}": ("M103", "templates/brev.mjml:4:1", "unknown tag 'endif'", "remove it"),
    '{% include "partials/foo.mjml" %}': (
        "T101", "templates/brev.mjml:4:13", "there is no template `templates/partials/foo.mjml`", "make the file"),
    "{% include campaign.id %}": ("T107", "templates/brev.mjml:4:1", "which template is drawn in", "in quotes"),
    '<mj-include path="../newsletter.toml" />': ("T105", "templates/brev.mjml:4:1", "`mj-include` can't take", "partials/"),
    '{% include "brev.mjml" %}': ("T106", "templates/brev.mjml:4:13", "brev.mjml → brev.mjml", "break the circle"),
    "{% autoescape false %}{% endautoescape %}": ("M106", "templates/brev.mjml:4:1", "people's data", "leave it out"),
    '<mj-image src="nope.png" />': ("P101", "templates/brev.mjml:4:16", "there is no picture `nope.png`", ""),
}  # fmt: skip


@pytest.mark.parametrize("line", TEMPLATES)
def test_a_mistake_in_the_template(workshop: Any, line: str) -> None:
    workshop.write("templates/brev.mjml", LAYOUT % line)
    code, place, message, hint = TEMPLATES[line]
    problem = workshop.problem()
    assert (problem.code, str(problem.place)) == (code, place)
    assert message in problem.message
    assert hint in problem.hint


# The declaration -> the same
DECLARATIONS = {
    'sektions = ["a"]': ("T102", 2, "unknown key `sektions` in a declaration", "did you mean `sections`?"),
    '[data]\nx = "urll"': ("T102", 3, "`urll` is no type", "did you mean `url`?"),
    '[data]\nx = "text 1:1"': ("T102", 3, "only an image has a ratio", ""),
    '[data]\nsegment = "text"': ("T103", 3, "`segment` is a key of campaigns", "take another name"),
    '[data]\n"Ä b" = "text"': ("T102", 3, "no name that a template can use", ""),
    '[fields]\nsubscriber = "text"': ("T103", 3, "`subscriber` already means something", ""),
    'sections = ["a", "a"]': ("T102", 2, "`a` is declared twice", ""),
    '[pictures]\nratio = "wide"': ("T102", 3, "`wide` is no ratio", 'ratio = "3:2"'),
    '[pictures]\nattributes = ["alt"]': ("T103", 3, "`alt` already means something", ""),
    "x = ": ("F101", 2, "", ""),
}


@pytest.mark.parametrize("declaration", DECLARATIONS)
def test_a_mistake_in_a_declaration(workshop: Any, declaration: str) -> None:
    workshop.write("templates/brev.mjml", f"+++\n{declaration}\n+++\n{LAYOUT % ''}")
    code, line, message, hint = DECLARATIONS[declaration]
    problem = workshop.problem()
    assert (problem.code, problem.place.file, problem.place.line) == (code, "templates/brev.mjml", line)
    assert message in problem.message
    assert hint in problem.hint


def test_line_numbers_below_a_declaration_are_the_files(workshop: Any) -> None:
    workshop.write("templates/brev.mjml", '+++\n[data]\nalbum = "url"\n+++\n\n' + LAYOUT % "{{ foo }}")
    assert str(workshop.problem().place) == "templates/brev.mjml:9:4"


def test_all_problems_come_at_once(workshop: Any) -> None:
    workshop.body(
        "Hej {{ subscriber.foo }}!\n\n::: nope\n:::\n\n![x](nope.png)",
        subject="{{ bar }}",
        head='[data]\nalbm = "x"',
    )
    assert [problem.code for problem in workshop.problems()] == ["T109", "C153", "P101", "M102", "M101"]


def test_a_field_nobody_has_in_the_subject_is_found_in_its_column(workshop: Any) -> None:
    workshop.body("x", subject="Hej {{ subscriber.frist_name }}")
    problem = workshop.problem()
    assert str(problem.place) == "campaigns/brev.md:2:19"
    assert problem.hint == "did you mean `first_name`?"


def test_an_error_in_a_partial_names_the_partial(workshop: Any) -> None:
    workshop.write(
        "templates/partials/head.mjml",
        "{% macro head() %}\n<mj-text>\n{{ nothing.here }}\n</mj-text>{% endmacro %}",
    )
    workshop.write(
        "templates/brev.mjml", '{% from "partials/head.mjml" import head %}\n' + LAYOUT % "{{ head() }}"
    )
    problem = workshop.problem()
    assert (problem.code, str(problem.place)) == ("M102", "templates/partials/head.mjml:3:4")


def test_a_missing_template_names_the_nearest(workshop: Any) -> None:
    workshop.write("campaigns/brev.md", '+++\nsubject = "x"\ntemplate = "berv"\nsegment = "kunder"\n+++\nx')
    problem = workshop.problem()
    assert (problem.code, str(problem.place), problem.hint) == (
        "T101",
        "campaigns/brev.md:3:12",
        "did you mean `brev`?",
    )


def test_data_is_checked_against_the_declaration(workshop: Any) -> None:
    workshop.write(
        "templates/brev.mjml",
        '+++\n[data]\nalbum = "url!"\nday = "date"\nseats = "number"\nopens = "time"\n+++\n' + LAYOUT % "",
    )
    problem = workshop.problem()
    assert (problem.code, problem.message) == ("T111", "the template `brev` needs the data `album`")
    workshop.body(
        "x", head='[data]\nalbum = "example.org"\nday = "i går"\nseats = "7"\nopens = "nio"\nalbun = "x"'
    )
    assert [(p.code, p.place.line) for p in workshop.problems()] == [
        ("T109", 11),
        ("T110", 7),
        ("T110", 8),
        ("T110", 9),
        ("T110", 10),
    ]


def test_merge_fields_in_data_are_refused_rather_than_sent(workshop: Any) -> None:
    workshop.body("x", head='[data]\nalbum = "https://example.org/{{ subscriber.city }}"')
    problem = workshop.problem()
    assert (problem.code, str(problem.place)) == ("M108", "campaigns/brev.md:7:9")


def test_what_the_template_does_not_print_is_not_lost_in_silence(workshop: Any) -> None:
    workshop.write("templates/brev.mjml", '+++\nsections = ["a"]\n+++\n' + LAYOUT % "")
    workshop.body("x\n\n## A\n\ny\n\n---\n\nslut")
    assert [(p.code, str(p.place)) for p in workshop.problems()] == [
        ("T113", "campaigns/brev.md:10:1"),
        ("T113", "campaigns/brev.md:16:1"),
    ]


def test_a_template_without_sections_says_how_to_declare_them(workshop: Any) -> None:
    workshop.write("templates/brev.mjml", LAYOUT % "{{ sections }}")
    workshop.body("## A\n\ny")
    problem = workshop.problem()
    assert (problem.code, str(problem.place)) == ("T112", "campaigns/brev.md:8:1")
    assert 'sections = ["article"]' in problem.hint


def test_parents_and_children_may_not_contradict_each_other(workshop: Any) -> None:
    workshop.write(
        "templates/base.mjml", '+++\n[data]\nalbum = "text"\n+++\n' + LAYOUT % "{% block x %}{% endblock %}"
    )
    workshop.write("templates/brev.mjml", '+++\n[data]\nalbum = "url"\n+++\n{% extends "base.mjml" %}')
    problem = workshop.problem()
    assert (problem.code, str(problem.place)) == ("T104", "templates/brev.mjml:3:9")
    assert "templates/base.mjml:3:9" in problem.message


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "JaVa\tscript:alert(1)", "vbscript:x", "data:text/html,x", " javascript:x"]
)
@pytest.mark.parametrize(
    "text",
    [
        "[hit]({{ subscriber.city }})",
        "**[hit]({{ subscriber.city }})**",
        "::: person\nname: x\nsite: {{ subscriber.city }}\n:::",
    ],
)
def test_a_persons_data_never_becomes_a_link_that_runs_code(
    workshop: Any, make_person: Any, text: str, url: str
) -> None:
    workshop.write("templates/blocks/person.mjml", PERSON)
    workshop.body(text)
    problem = workshop.problem(make_person(city=url))
    assert problem.code in ("M107", "M120")  # for this person, or for whoever it may be
    assert str(problem.place).startswith(("campaigns/brev.md:", "templates/blocks/person.mjml:"))


def test_safe_url_falls_back_or_names_the_person_it_fails_for(workshop: Any, make_person: Any) -> None:
    workshop.body("[hit]({{ subscriber.city | safe_url('https://example.org/hem') }})")
    assert 'href="https://example.org/hem"' in workshop.content(make_person(city="javascript:x")).html
    assert (
        'href="https://b.test/?a=1&amp;b"' in workshop.content(make_person(city="https://b.test/?a=1&b")).html
    )
    workshop.body("[hit]({{ subscriber.city | safe_url }})")
    assert workshop.problem(make_person(city="visby")).code == "M107"
