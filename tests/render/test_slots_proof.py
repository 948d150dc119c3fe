"""What the proof proves: it counts the letters that it compared, in every branch, and says what none could show."""

import dataclasses
from typing import Any

import pytest
from jinja2 import Environment

from newsletter.errors import ChecksFailed, Problem
from newsletter.render.composition import TRIAL, content_of
from newsletter.render.deferral.compare import difference
from newsletter.render.deferral.readers import strangers

PARTS = """+++
sections = ["article"]
+++
<mjml><mj-body>PARTS{% for section in sections %}{{ section.body }}{% endfor %}{{ closing.body }}
<mj-text><a href="{{ links.unsubscribe }}">Bort</a></mj-text></mj-body></mjml>"""
BY_PICTURE = """<mjml><mj-body><mj-section><mj-column><mj-image src="{{ intro.image.src }}" alt="" /></mj-column></mj-section>
{{ intro.body }}<mj-text><a href="{{ links.unsubscribe }}">Bort</a></mj-text></mj-body></mjml>"""
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


UTM = 'utm = { hosts = ["hejdigitalt.example"], source = "brev", medium = "email" }'


def same(workshop: Any, *readers: Any) -> None:
    """For made-up and these readers: the texts to the letter, and the HTML as it is read."""
    composition = workshop.compose()
    assert composition.prove(readers).endswith("no difference")
    for reader in [*strangers(workshop.columns, host="hejdigitalt.example"), *readers]:
        whole = content_of(composition.whole(reader, TRIAL))
        assert difference(whole, composition.fill(composition.slots(reader, TRIAL))) == ""


@pytest.mark.parametrize(
    "body",
    [
        "Se [din sida]({{ subscriber.city | safe_url('https://hejdigitalt.example/') }}).",
        "Se [din sida]({{ subscriber.city | safe_url('https://hejdigitalt.example/') }}#del).",
        "**[Din sida]({{ subscriber.city | safe_url('https://hejdigitalt.example/') }})**",
        "Du har sagt: {{ subscriber.city }}, {{ subscriber.tags | join(' ') }} och {{ subscriber.tags }}.",
        "Se [här](https://hejdigitalt.example/?org={{ subscriber.city | urlencode }}) i dag.",
        "Se https://hejdigitalt.example/?org={{ subscriber.city | urlencode }}",
        "[A]({{ ('https://hejdigitalt.example/a' if subscriber.city else 'https://example.org/b') | safe_url }})",
        "{% for t in subscriber.tags %}\n- [{{ t }}](https://hejdigitalt.example/?t={{ t | urlencode }})\n{% endfor %}",
        "[Bort]({{ links.unsubscribe }}) och {% if subscriber.city %}{{ subscriber.city }}{% endif %}",
    ],
)
def test_parameters_come_on_links_that_readers_bring_with_them(
    workshop: Any, make_person: Any, body: str
) -> None:
    workshop.body(body, head=UTM)
    readers = ["https://hejdigitalt.example/x?a=b&c=d", "Exempel Inc.", "se http://HEJDIGITALT.example.", ""]
    same(workshop, *(make_person(city=one, tags=(one or "a", "b")) for one in readers))
    filled = workshop.content(make_person(city="https://hejdigitalt.example/x", tags=("a",)))
    if "org=" in body or "safe_url" in body:
        assert "utm_source=brev" in filled.html
        assert "utm_source=brev" in filled.text


def test_a_full_stop_of_a_reader_stays_in_the_address(workshop: Any, make_person: Any) -> None:
    workshop.body("Se [här](https://hejdigitalt.example/?org={{ subscriber.city | urlencode }})", head=UTM)
    assert "?org=Exempel%20Inc%2E&utm_source" in workshop.content(make_person(city="Exempel Inc.")).text


@pytest.mark.parametrize(
    "subject",
    [
        "Hej {{ subscriber.first_name }}, välkommen",
        "Hej{% if subscriber.first_name %} {{ subscriber.first_name }}{% endif %}  {{ subscriber.city }}!",
        "{% if subscriber.city %}A{% elif subscriber.first_name %}B{% else %} C {% endif %} {{ subscriber.tags }}",
    ],
)
def test_a_subject_in_a_template_is_one_line_there(workshop: Any, make_person: Any, subject: str) -> None:
    workshop.write(
        "templates/brev.txt", "  {{ campaign.subject }}\n\n{{ intro.body }}\n{{ links.unsubscribe }}"
    )
    workshop.body("Hej!", subject=subject)
    same(workshop, make_person(""), make_person("  Bo\r\n Ek "))
    if "välkommen" in subject:
        assert "Hej , välkommen" in workshop.content(make_person("")).text


@pytest.mark.parametrize(
    "field",
    [
        "{{ subscriber.city }}",
        "{{ subscriber.city or 'ingen' }}",
        "{% if subscriber.city %}i {{ subscriber.city }} {% endif %}",
        "{{ subscriber.tags }}",
    ],
)
def test_fields_of_blocks_have_no_blanks_around_them(workshop: Any, make_person: Any, field: str) -> None:
    workshop.write(
        "templates/blocks/person.mjml", '+++\n[fields]\nname = "text"\n+++\n<mj-text>{{ name }}</mj-text>'
    )
    workshop.write("templates/blocks/person.txt", "[{{ name }}]")
    workshop.body(f"::: person\nname: {field}\n:::")
    same(workshop, make_person(city="  Visby "), make_person(city=""))
    if field == "{{ subscriber.city }}":
        assert "[Visby]" in workshop.content(make_person(city="  Visby ")).text


def test_a_reader_with_quotes_in_a_name_gets_the_letter(workshop: Any, make_person: Any) -> None:
    image = '<mj-image src="https://e.org/a.png" alt="Till {{ subscriber.city }}" />'
    inlined = '<mj-style inline="inline">p { margin: 0 }</mj-style>'
    workshop.write(
        "templates/brev.mjml",
        f'<mjml><mj-head>{inlined}</mj-head><mj-body>{image}{{{{ intro.body }}}}<mj-text><a href="{{{{ links.unsubscribe }}}}">'
        "x</a></mj-text></mj-body></mjml>",
    )
    workshop.body("Hej!")
    same(workshop, make_person(city='"Tyst" AB'))


def test_a_name_given_in_a_block_ends_there(workshop: Any, make_person: Any) -> None:
    workshop.write(
        "templates/brev.mjml",
        '+++\n[data]\nheadline = "text!"\n+++\n<mjml><mj-body>{{ intro.body }}{% block q %}{% set data = subscriber.city %}'
        "<mj-text>{{ data }}</mj-text>{% endblock %}<mj-text>{{ data.headline }}"
        '<a href="{{ links.unsubscribe }}">x</a></mj-text></mj-body></mjml>',
    )
    workshop.body("Hej!", head='[data]\nheadline = "Rubriken"')
    same(workshop, make_person(city="Visby"))
    html = workshop.content(make_person(city="Visby")).html
    assert "Visby" in html
    assert "Rubriken" in html


def test_slots_that_fail_where_the_whole_letter_does_not_are_a_problem(
    workshop: Any, make_person: Any
) -> None:
    composition = workshop.compose()
    broken = Environment(autoescape=True).from_string("{% block s0 %}{{ 1 / 0 }}{% endblock %}")
    merge = dataclasses.replace(composition.merge, plain=broken)
    with pytest.raises(ChecksFailed) as failed:
        merge(make_person(), TRIAL)
    assert [(one.code, str(one.place)) for one in failed.value.problems] == [
        ("M121", "campaigns/brev.md:3:12")
    ]


def test_a_block_in_a_loop_comes_once_for_each_round(workshop: Any, make_person: Any) -> None:
    workshop.write(
        "templates/blocks/ruta.mjml", '+++\n[fields]\nname = "text!"\n+++\n<mj-text>Ruta {{ name }}</mj-text>'
    )
    workshop.write("templates/blocks/ruta.txt", "Ruta {{ name }}")
    workshop.body("{% for tag in subscriber.tags %}\n::: ruta\nname: {{ tag }}\n:::\n{% endfor %}")
    same(workshop, make_person(tags=("a", "b")), make_person(tags=()))
    assert workshop.content(make_person(tags=("a", "b"))).html.count("Ruta") == 2


ALONE = """+++
sections = ["article"]
+++
<mjml><mj-body>RULE{{ intro.body }}RULE{% for section in sections %}{{ section.body }}RULE{% endfor %}
<mj-section><mj-column><mj-text><a href="{{ links.unsubscribe }}">Bort</a></mj-text></mj-column></mj-section>
</mj-body></mjml>""".replace("RULE", "<mj-section><mj-column><mj-divider /></mj-column></mj-section>")
SOME = (
    "{% if subscriber.city %}\nA\n{% endif %}",
    "{% if subscriber.city %}\nA\n{% else %}\nB\n{% endif %}",
    "{% if subscriber.city %}\nA\n{% endif %}\n\n{% if subscriber.first_name %}\nB\n{% endif %}",
    "{% if subscriber.city %}\nA\n{% elif subscriber.tags %}\nB\n{% endif %}\n\n::: only i-visby\nC\n:::",
    "{% if subscriber.city %}\n{% if subscriber.tags %}\nA\n{% endif %}\n\n{% for t in subscriber.tags %}\n- {{ t }}\n{% endfor %}\n{% endif %}",
    "{% for t in subscriber.tags %}\nDu valde {{ t }}.\n{% endfor %}",
    "{% for t in subscriber.tags %}\n- {{ t }}\n{% endfor %}",
    "{% if subscriber.city %}A{% endif %} {% if subscriber.first_name %}B{% endif %}",
)


@pytest.mark.parametrize("text", SOME)
def test_conditions_alone_between_sections(workshop: Any, make_person: Any, text: str) -> None:
    workshop.write("templates/brev.mjml", ALONE)
    workshop.body(f"{text}\n\n## Del\n\n{text}")
    readers = [
        make_person(name, city=city, tags=tags)
        for name in ("", "Ada")
        for city in ("", "Visby")
        for tags in ((), ("a",), ("a", "b"))
    ]
    same(workshop, *readers)


def test_whoever_gets_nothing_of_a_section_gets_no_frame_of_it(workshop: Any, make_person: Any) -> None:
    workshop.write("templates/brev.mjml", ALONE)
    workshop.body(SOME[2])
    none, one, both = (
        workshop.content(make_person(name, city=city)).html.count('<div class="mj-outlook-group-fix')
        for name, city in (("", ""), ("Ada", ""), ("Ada", "Visby"))
    )
    assert none + 1 == one == both


def test_a_picture_behind_a_text_that_may_be_empty_is_the_first(workshop: Any, make_person: Any) -> None:
    workshop.write("templates/brev.mjml", BY_PICTURE)
    workshop.body("{% if subscriber.city %}A{% endif %}\n\n![Logo](logo.png)")
    same(workshop, make_person(city="Visby"), make_person(city=""))


BACKGROUND = '<mj-section background-url="https://example.org/{{ subscriber.city | urlencode }}.png">'
PLACES = {
    "parts counted in a loop": (
        "{% for part in intro.parts %}{{ part }}\n\n<mj-text>{{ loop.index }}</mj-text>{% endfor %}",
        "M121",
        "templates/brev.mjml:3:",
    ),
    "picture behind a section": (
        f"{BACKGROUND}<mj-column><mj-text>A</mj-text></mj-column></mj-section>{{{{ intro.body }}}}",
        "T134",
        "templates/brev.mjml:1:",
    ),
    "code in an address": (
        '<mj-text><a href="javascript:{{ subscriber.city }}">A</a></mj-text>{{ intro.body }}',
        "M120",
        "templates/brev.mjml:1:",
    ),
}


@pytest.mark.parametrize("probe", PLACES)
def test_what_is_refused_is_told_at_its_line(workshop: Any, probe: str) -> None:
    body, code, place = PLACES[probe]
    workshop.write(
        "templates/brev.mjml",
        f'<mjml><mj-body>{body}<mj-text><a href="{{{{ links.unsubscribe }}}}">x</a></mj-text></mj-body></mjml>',
    )
    workshop.body("Hej!\n\n{% if subscriber.city == 'Kiruna' %}\nEtt till.\n{% endif %}")
    (only,) = problems(workshop)
    assert only.code == code
    assert str(only.place).startswith(place)


def test_what_the_program_brings_is_told_at_the_campaign(workshop: Any) -> None:
    workshop.body("Hej!\n\n## {{ subscriber.city }}\n\nText.")
    (only,) = problems(workshop)
    assert (only.code, str(only.place)) == ("M120", "campaigns/brev.md")


@dataclasses.dataclass
class OtherMerge:
    """Slots that say something else to somebody."""

    whole: Any
    merge: Any
    fill: Any

    def __call__(self, reader: Any, links: Any) -> Any:
        return self.merge(reader, links)


@pytest.mark.parametrize("real", [True, False])
def test_a_difference_shows_nothing_of_a_real_reader(workshop: Any, make_person: Any, real: bool) -> None:
    """Reports and logs are shown around; what a made-up reader's letter says may be read."""
    proof = workshop.compose().prove.__self__
    ada = make_person("Hemlig-Ada")

    def otherwise(person: Any, links: Any) -> Any:
        return proof.merge(
            dataclasses.replace(person, first_name="Annan") if person is ada else person, links
        )

    broken = OtherMerge(proof.merge.whole, otherwise, proof.merge.fill)
    made_up = proof.made_up if real else [ada, *proof.made_up]
    with pytest.raises(ChecksFailed) as failed:
        dataclasses.replace(proof, merge=broken, made_up=made_up).prove([ada])
    (only,) = failed.value.problems
    assert only.code == "M121"
    assert "html" in only.message or "text" in only.message
    assert ("Hemlig-Ada" in only.message) is not real
    assert ("Annan" in only.message) is not real
