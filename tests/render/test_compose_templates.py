"""Templates: inheritance, partials, blocks, types, text forms, and what a composition was made of."""

import hashlib
import re
from typing import Any

import pytest

LAYOUT = "<mjml><mj-body>{{ intro.body }}%s</mj-body></mjml>"


def test_parents_partials_and_includes_work_together(workshop: Any) -> None:
    workshop.write(
        "templates/base.mjml",
        '+++\n[data]\nheadline = "text!"\n+++\n<mjml><mj-body><mj-text><h1>{{ data.headline }}</h1></mj-text>'
        "{% block content %}{% endblock %}"
        '<mj-include path="partials/foot.mjml" /></mj-body></mjml>',
    )
    workshop.write("templates/partials/foot.mjml", '<mj-include path="./inner" />')
    workshop.write("templates/partials/inner.mjml", "<mj-text>Fot: {{ brand.name }}</mj-text>")
    workshop.write(
        "templates/partials/m.mjml", "{% macro twice(x) %}<mj-text>{{ x }}{{ x }}</mj-text>{% endmacro %}"
    )
    workshop.write(
        "templates/brev.mjml",
        '+++\n[data]\nmore = "text"\n+++\n{% extends "base.mjml" %}\n{% from "./partials/m.mjml" import twice %}\n'
        "{% block content %}{{ twice(data.more) }}{{ intro.body }}{% endblock %}",
    )
    workshop.body("x", head='[data]\nheadline = "Sol & måne"\nmore = "<b>"')
    html = workshop.content().html
    assert "<h1>Sol &amp; måne</h1>" in html
    assert "&lt;b&gt;&lt;b&gt;" in html
    assert "Fot: Birger &amp; Blom" in html
    assert set(workshop.compose().sources) == {
        "campaigns/brev.md",
        "templates/base.mjml",
        "templates/brev.mjml",
        "templates/partials/foot.mjml",
        "templates/partials/inner.mjml",
        "templates/partials/m.mjml",
    }


def test_a_block_knows_whether_its_section_begins_with_it(workshop: Any) -> None:
    workshop.write("templates/blocks/bit.mjml", "<mj-text>{{ 'first' if first else 'later' }}</mj-text>")
    workshop.write("templates/brev.mjml", LAYOUT % "{{ closing.body }}")
    workshop.body("::: bit\n:::\n\n::: bit\n:::")
    assert re.findall("first|later", workshop.content().html) == ["first", "later"]
    workshop.body("{% if subscriber.city %}\nHej\n{% endif %}\n\n::: bit\n:::")
    assert re.findall("first|later", workshop.content().html) == ["later"]


def test_css_can_be_included(workshop: Any) -> None:
    workshop.write("templates/style.css", "p { color: #123456 }")
    workshop.write(
        "templates/brev.mjml",
        '<mjml><mj-head><mj-include path="style.css" type="css" css-inline="inline" /></mj-head>'
        "<mj-body>{{ intro.body }}</mj-body></mjml>",
    )
    assert '<p style="color:#123456">' in workshop.content().html


def test_a_template_beside_the_campaign(workshop: Any) -> None:
    workshop.write("campaigns/brev/letter.mjml", '{% include "partials/top.mjml" %}')
    workshop.write("templates/partials/top.mjml", LAYOUT % "")
    workshop.write("campaigns/brev/letter.txt", "{{ intro.body }} {% include './sign.txt' %}")
    workshop.write("campaigns/brev/sign.txt", "/Vi")
    (workshop.folder / "campaigns/brev.md").unlink()
    workshop.write(
        "campaigns/brev/campaign.md",
        '+++\nsubject = "x"\ntemplate = "./letter.mjml"\nsegment = "kunder"\n+++\nHej',
    )
    assert workshop.content().text == "Hej /Vi\n"
    assert "campaigns/brev/letter.mjml" in workshop.compose().sources


def test_a_block_prints_its_fields_typed_and_what_stands_inside(workshop: Any) -> None:
    workshop.write(
        "templates/blocks/ruta.mjml",
        '+++\n[fields]\nname = "text!"\nbio = "markdown"\nsite = "url"\nage = "number"\nborn = "date"\nboss = "bool"\n+++\n'
        '<mj-text><h3 title="{{ name }}">{{ name | upper }}</h3>{{ bio }}<a href="{{ site }}">{{ age + 1 }}</a>'
        "{{ born | date }} {{ 'chef' if boss }}</mj-text>{{ body }}",
    )
    workshop.write(
        "templates/blocks/inre.mjml", '+++\n[fields]\nrad = "text!"\n+++\n<mj-text>{{ rad }}</mj-text>'
    )
    workshop.body(
        ':::: ruta\nname: "Birger" & {{ subscriber.first_name }}\nbio: *mycket* & {{ subscriber.first_name }}\n'
        "site: https://example.org/?a=1&n={{ subscriber.first_name | urlencode }}\nage: 41\nborn: 2015-06-28\nboss: ja\n\n"
        "::: inre\nrad: Inuti för {{ subscriber.first_name }}.\n:::\n::::"
    )
    content = workshop.content()
    assert '<h3 title="&#34;Birger&#34; &amp; Ada">&#34;BIRGER&#34; &amp; ADA</h3>' in content.html
    assert "<em>mycket</em> &amp; Ada" in content.html
    assert 'href="https://example.org/?a=1&amp;n=Ada">42</a>' in content.html
    assert "28\N{NO-BREAK SPACE}juni\N{NO-BREAK SPACE}2015 chef" in content.html
    assert "Inuti för Ada." in content.html


def test_a_block_without_a_text_form_lists_its_fields(workshop: Any) -> None:
    workshop.write(
        "templates/blocks/ruta.mjml",
        '+++\n[fields]\nname = "text!"\nmore_text = "markdown"\nno = "text"\n+++\n<mj-text>{{ name }}</mj-text>',
    )
    workshop.body("::: ruta\nname: A & B\nmore_text: *mycket* <här>\n:::")
    assert "A & B\nMore text: mycket <här>\n" in workshop.content().text
    workshop.write("templates/blocks/ruta.txt", "* {{ name }} *\n{{ more_text }}")
    assert "* A & B *\nmycket <här>\n" in workshop.content().text


def test_templates_walk_through_parts_themselves(workshop: Any) -> None:
    workshop.write("campaigns/a.png", __import__("base64").b64decode(PIXELS))
    workshop.write(
        "templates/brev.mjml",
        '+++\nsections = ["article"]\n[pictures]\nattributes = ["credit"]\n+++\n<mjml><mj-body>{% for section in sections %}'
        '<mj-section css-class="{{ section.kind }}"><mj-column><mj-image src="{{ section.image.src }}" alt="{{ section.image.alt }}" />'
        "<mj-text>{{ section.title }} {{ section.image.credit }}</mj-text>"
        "{% for part in section.parts %}{% if part != section.image %}{{ part }}{% endif %}{% endfor %}"
        "</mj-column></mj-section>"
        "<mj-text>{% for part in section.parts %}[{{ part.kind }}/{{ part.name }}]{% endfor %}</mj-text>{% endfor %}</mj-body></mjml>",
    )
    workshop.body(
        '## Ett & *två*\n\n![b](a.png){credit="Foto: Å"}\n\nText.\n\n**[Knapp](https://example.org)**'
    )
    html = workshop.content().html
    assert html.count("<img") == 1
    assert "Ett &amp; <em>två</em> Foto: Å" in html
    assert "[picture/picture][text/text][button/button]" in html


PIXELS = (
    "iVBORw0KGgoAAAANSUhEUgAAAAQAAAAECAIAAAAmkwkpAAAAEElEQVR4nGNYrGADRwykcwCJVAyBqXVZcAAAAABJRU5ErkJggg=="
)


def test_a_step_says_which_of_how_many(workshop: Any) -> None:
    workshop.write(
        "templates/brev.mjml",
        LAYOUT % "<mj-text>{% if step %}{{ step.number }} av {{ step.total }}{% endif %}</mj-text>",
    )
    workshop.write(
        "campaigns/serie/sequence.toml",
        'segment = "kunder"\ntemplate = "brev"\n[[step]]\nid = "a"\nwait = "0 days"\n[[step]]\nid = "b"\nwait = "2 days"\n',
    )
    for name in "ab":
        workshop.write(
            f"campaigns/serie/{name}.md", f'+++\nsubject = "{name} {{{{ step.number }}}}"\n+++\nHej'
        )
    from newsletter.campaigns.load import load_catalogue
    from newsletter.files.project import Project
    from newsletter.render.composition import Links, compose
    from newsletter.settings.load import load_settings

    project = Project(workshop.folder)
    settings = load_settings(project)
    catalogue = load_catalogue(project, settings)
    assert not catalogue.problems
    campaign = catalogue.sequences["serie"].steps[1].campaign
    composition = compose(project, settings, campaign, columns=(), is_member=lambda *_: False, segments=())
    from newsletter.audience.models import Subscriber

    nobody = Subscriber("a@example.org", "a@example.org", "a@example.org", ())
    content = composition.fill(composition.slots(nobody, Links("https://example.org/u")))
    assert content.subject == "b 2"
    assert "2 av 2" in content.html
    assert {"campaigns/serie/sequence.toml", "campaigns/serie/b.md"} <= set(composition.sources)


def test_snippets_are_sources_and_their_pictures_lie_beside_them(workshop: Any) -> None:
    workshop.write("campaigns/_snippets/hej.md", "Hälsningar, {{ subscriber.first_name }}.")
    workshop.body("x\n\n::: snippet hej")
    assert "Hälsningar, Ada." in workshop.content().text
    assert "campaigns/_snippets/hej.md" in workshop.compose().sources


def test_sources_are_the_files_with_their_hashes(workshop: Any) -> None:
    workshop.write("templates/blocks/text.mjml", "<mj-text>{{ html }}</mj-text>")
    sources = workshop.compose().sources
    assert set(sources) == {"campaigns/brev.md", "templates/blocks/text.mjml", "templates/brev.mjml"}
    for file, digest in sources.items():
        assert digest == hashlib.sha256((workshop.folder / file).read_bytes()).hexdigest()


def test_the_hash_follows_what_readers_see(workshop: Any) -> None:
    first = workshop.compose().sha256
    assert workshop.compose().sha256 == first
    workshop.body("Hej {{ subscriber.first_name }}!", head='status = "ready"\nsend_at = "2015-07-03 09:00"')
    changed = {workshop.compose().sha256}
    workshop.body("Hej {{ subscriber.first_name }}!", head='status = "draft"\nsend_at = "2015-07-03 10:00"')
    assert workshop.compose().sha256 in changed, "the hour and the status are not shown to anybody"
    for change in (
        lambda: workshop.body("Hej då!"),
        lambda: workshop.body("Hej då!", subject="Nytt"),
        lambda: workshop.write("templates/brev.mjml", LAYOUT % ""),
        lambda: workshop.write(
            "newsletter.toml", '[brand]\nname = "Annat"\n[sender]\nfrom = "a@example.org"\n'
        ),
    ):
        change()
        assert workshop.compose().sha256 not in changed
        changed.add(workshop.compose().sha256)


@pytest.mark.parametrize(
    ("language", "day"),
    [
        ("sv", "28 juni 2015"),
        ("en-GB", "28 June 2015"),
        ("fi", "28. kesäkuuta 2015"),
        ("nb", "28. juni 2015"),
    ],
)
def test_dates_are_written_in_the_letters_language(workshop: Any, language: str, day: str) -> None:
    workshop.write(
        "campaigns/brev.md",
        f'+++\nsubject = "{{{{ campaign.date | date }}}}"\ntemplate = "brev"\nsegment = "kunder"\nlanguage = "{language}"\n'
        'send_at = "2015-06-28 09:00"\n+++\nx',
    )
    assert workshop.content().subject.replace("\N{NO-BREAK SPACE}", " ") == day


def test_right_to_left_letters_run_right_to_left(workshop: Any) -> None:
    workshop.write(
        "campaigns/brev.md",
        '+++\nsubject = "x"\ntemplate = "brev"\nsegment = "kunder"\nlanguage = "ar"\n+++\nx',
    )
    html = workshop.content().html
    assert 'lang="ar" dir="rtl"' in html
    assert "direction:ltr" not in html


def test_a_section_in_a_column_ends_it_and_it_begins_again(workshop: Any) -> None:
    workshop.write(
        "templates/blocks/ruta.mjml",
        '<mj-section css-class="ruta"><mj-column><mj-text>R</mj-text></mj-column></mj-section>',
    )
    workshop.write(
        "templates/brev.mjml",
        '<mjml><mj-body><mj-section css-class="yttre" background-color="#eeeeee"><mj-column>{{ intro.body }}</mj-column></mj-section></mj-body></mjml>',
    )
    workshop.body("Ett.\n\n::: ruta\n:::\n\nTvå.")
    html = workshop.content().html
    import re

    assert re.findall(r'class="(yttre|ruta)"', html) == ["yttre", "ruta", "yttre"]


def test_memory_does_not_grow_with_recipients(workshop: Any, make_person: Any) -> None:
    import tracemalloc

    from newsletter.render.composition import Links

    composition = workshop.compose()
    people = [make_person(f"Nummer {n}", f"n{n}@example.org") for n in range(60)]
    for who in people[:20]:
        composition.slots(who, Links("https://example.org/u"))
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for who in people[20:]:
        composition.slots(who, Links("https://example.org/u"))
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 100_000


def chain(workshop: Any, last: int) -> None:
    for number in range(1, last):
        workshop.write(f"templates/partials/a{number}.mjml", f'<mj-include path="a{number + 1}.mjml" />')
    workshop.write(f"templates/partials/a{last}.mjml", "<mj-text>Innerst</mj-text>")
    workshop.write("templates/brev.mjml", LAYOUT % '<mj-include path="partials/a1.mjml" />')


def test_templates_may_stand_eight_deep_in_each_other(workshop: Any) -> None:
    chain(workshop, 8)
    assert "Innerst" in workshop.content().html
    chain(workshop, 9)
    problem = workshop.problem()
    assert (problem.code, str(problem.place)) == ("T108", "templates/partials/a8.mjml:1:13")


def test_the_longest_way_to_a_template_counts(workshop: Any) -> None:
    chain(workshop, 9)
    ways = "".join(f'<mj-include path="partials/a{number}.mjml" />' for number in (9, 7, 5, 3, 1))
    workshop.write("templates/brev.mjml", LAYOUT % ways)
    assert workshop.problem().code == "T108"


def test_a_hundred_files_that_draw_each_other_in_are_read_at_once(workshop: Any) -> None:
    for number in range(100):
        further = "".join(f'<mj-include path="a{n}.mjml" />' for n in range(number + 1, 100))
        workshop.write(f"templates/partials/a{number}.mjml", further)
    workshop.write("templates/brev.mjml", LAYOUT % '<mj-include path="partials/a0.mjml" />')
    assert {problem.code for problem in workshop.problems()} == {"T108"}


def test_what_is_declared_and_printed_nowhere_is_told(workshop: Any) -> None:
    workshop.write(
        "templates/blocks/fakta.mjml",
        '+++\n[fields]\nwhat = "text"\nby = "text"\n+++\n<mj-text>{{ what }}</mj-text>',
    )
    workshop.write("templates/blocks/fakta.txt", "{{ by }}")
    workshop.write(
        "templates/blocks/picture.mjml",
        '+++\n[pictures]\nattributes = ["credit"]\n+++\n<mj-image src="{{ src }}" alt="{{ alt }}" />',
    )
    workshop.write("templates/bild.png", (workshop.folder / "templates/logo.png").read_bytes())
    workshop.body("![Scenen](bild.png)\n\n::: fakta\nwhat: Hej\n:::")
    findings = [
        (finding.code, str(finding.place), finding.message.split(":")[0])
        for finding in workshop.compose().findings
    ]
    assert findings == [
        ("T115", "templates/blocks/picture.mjml:3:15", "no template prints `credit`"),
        ("T115", "templates/blocks/fakta.mjml:3:8", "`templates/blocks/fakta.txt` does not print `what`"),
        ("T115", "templates/blocks/fakta.mjml:4:6", "`templates/blocks/fakta.mjml` does not print `by`"),
    ]


def test_going_through_all_fields_prints_each(workshop: Any) -> None:
    workshop.write(
        "templates/blocks/fakta.mjml",
        '+++\n[fields]\nwhat = "text"\n+++\n<mj-text>{% for name in part.fields %}{{ part.fields[name] }}{% endfor %}</mj-text>',
    )
    workshop.body("::: fakta\nwhat: Hej\n:::")
    assert workshop.compose().findings == ()
