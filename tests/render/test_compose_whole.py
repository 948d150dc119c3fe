"""A campaign is composed once and filled for each person: HTML, text, subject, preheader."""

import socket
from typing import Any

import pytest

from newsletter.errors import ChecksFailed

HOSTILE = [
    "{{7*7}}",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{% if 1 %}",
    "]]>",
    "<!--",
    "&amp;",
]


def body_text(html: str) -> str:
    """What a reader reads: the text of the HTML."""
    from lxml import html as reader

    body = reader.fromstring(html).find("body")
    assert body is not None
    return " ".join(body.text_content().split())


def test_each_person_gets_their_own_name_in_all_four_texts(workshop: Any, make_person: Any) -> None:
    workshop.body(
        "Hej {{ subscriber.first_name }} i {{ subscriber.city }}!",
        subject="{{ subscriber.first_name }}, hej",
        head='preheader = "För {{ subscriber.first_name }}"',
    )
    composition = workshop.compose()
    for name in ("Åsa", "Birger & Blom"):
        content = composition.fill(composition.slots(make_person(name, city="Visby"), workshop_links()))
        assert content.subject == f"{name}, hej"
        assert content.preheader == f"För {name}"
        assert f"Hej {name} i Visby!" in body_text(content.html)
        assert f"Hej {name} i Visby!" in content.text


def workshop_links() -> Any:
    from newsletter.render.composition import Links

    return Links("https://example.org/u/token")


@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_person_is_called_is_text_everywhere(workshop: Any, make_person: Any, name: str) -> None:
    workshop.body(
        "## Till {{ subscriber.first_name }}\n\nHej {{ subscriber.first_name }}!\n\n"
        "**[För {{ subscriber.first_name }}](https://example.org/?q={{ subscriber.first_name | urlencode }})**",
        subject="Hej {{ subscriber.first_name }}",
        head='preheader = "{{ subscriber.first_name }}"',
    )
    content = workshop.content(make_person(name))
    assert content.subject == f"Hej {name}"
    assert content.text.count(name) >= 3
    seen = body_text(content.html)
    assert seen.count(name) >= 4  # preheader, subject in the template, title, text, button
    from lxml import html as reader

    page = reader.fromstring(content.html)
    assert not page.xpath("//script | //*[@onerror] | //body//img")


def test_a_subject_is_one_line_without_controls(workshop: Any, make_person: Any) -> None:
    workshop.body("x", subject="Hej {{ subscriber.first_name }}!")
    content = workshop.content(make_person("A\r\nBcc: x@example.org\x00\u2028da"))
    assert content.subject == "Hej A Bcc: x@example.org da!"


def test_rendering_opens_no_socket_and_no_file(
    workshop: Any, make_person: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.write(
        "templates/brev.mjml",
        '<mjml><mj-head><mj-style inline="inline">@import url("https://example.org/x.css"); .a { color: red }</mj-style>'
        "</mj-head><mj-body>{{ intro.body }}</mj-body></mjml>",
    )

    def refuse(*arguments: object, **more: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    composition = workshop.compose()
    monkeypatch.setattr("builtins.open", refuse)
    content = composition.fill(composition.slots(make_person(), workshop_links()))
    assert "Hej Ada!" in body_text(content.html)


def test_filling_again_and_in_threads_gives_the_same(workshop: Any, make_person: Any) -> None:
    from concurrent.futures import ThreadPoolExecutor

    workshop.write(
        "templates/brev.mjml",
        workshop_template_with(
            '<mj-head><mj-style inline="inline">p { color: #123456 }</mj-style></mj-head>'
        ),
    )
    composition = workshop.compose()
    people = [make_person(f"Nummer {n}") for n in range(24)]
    one_by_one = [composition.slots(who, workshop_links()) for who in people]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda who: composition.slots(who, workshop_links()), people)) == one_by_one


def test_campaigns_share_templates_and_each_keeps_its_language(workshop: Any) -> None:
    """Jinja works out constants while it compiles, and what it compiled is kept."""
    day = "<mj-text>{{ '2015-06-28'|date }}</mj-text>"
    workshop.write("templates/brev.mjml", f"<mjml><mj-body>{day}{{{{ intro.body }}}}</mj-body></mjml>")
    for language, wanted in (
        ("sv", "28\xa0juni\xa02015"),
        ("en", "28\xa0June\xa02015"),
        ("sv", "28\xa0juni\xa02015"),
    ):
        workshop.write("campaigns/brev.md", workshop_campaign(language))
        assert wanted in workshop.content().html


def workshop_campaign(language: str) -> str:
    keys = f'subject = "Hej"\ntemplate = "brev"\nsegment = "kunder"\nlanguage = "{language}"\n'
    return f"+++\n{keys}+++\n\nHej!\n"


def workshop_template_with(head: str) -> str:
    return f"<mjml>{head}<mj-body>{{{{ intro.body }}}}</mj-body></mjml>"


def test_values_that_are_not_from_slots_do_not_fill(workshop: Any) -> None:
    with pytest.raises(ValueError, match="not those of this composition"):
        workshop.compose().fill(("only", "three", "values"))


def test_an_empty_cell_is_an_empty_text(workshop: Any, make_person: Any) -> None:
    workshop.body("Hej {{ subscriber.first_name or 'där' }}{{ subscriber.city }}!")
    assert "Hej där!" in workshop.content(make_person("")).text


def test_one_person_who_cannot_be_rendered_is_named_by_field_and_place(
    workshop: Any, make_person: Any
) -> None:
    workshop.columns = ("email", "points")
    workshop.body("Hej!\n\n{% if subscriber.points > 3 %}Tack!{% endif %}")
    composition = workshop.compose()
    values = composition.slots(make_person(attributes={"points": 4}), workshop_links())
    assert "Tack!" in composition.fill(values).text
    with pytest.raises(ChecksFailed) as failed:
        composition.slots(make_person(), workshop_links())
    (problem,) = failed.value.problems
    assert str(problem.place).startswith("campaigns/brev.md:10")
    assert "points" in problem.hint


def test_html_says_its_language_direction_and_title(workshop: Any) -> None:
    html = workshop.content().html
    assert html.startswith('<!doctype html><html lang="sv" dir="ltr"')
    assert "<title>Hej</title>" in html
    assert 'role="article" lang="sv" dir="ltr"' in html
    assert "fonts.googleapis" not in html


def test_a_preheader_stands_in_html_without_the_templates_help(workshop: Any) -> None:
    workshop.body("x", head='preheader = "Tre samtal & ett till"')
    assert "Tre samtal &amp; ett till</div>" in workshop.content().html


def test_columns_content_shares_one_section_and_whole_sections_stand_alone(workshop: Any) -> None:
    workshop.write(
        "templates/blocks/ruta.mjml",
        '+++\n[fields]\nrubrik = "text!"\n+++\n<mj-section css-class="ruta"><mj-column><mj-text>{{ rubrik }}</mj-text></mj-column></mj-section>',
    )
    workshop.write("templates/brev.mjml", "<mjml><mj-body>{{ intro.body }}</mj-body></mjml>")
    workshop.body("Ett.\n\n**[Två](https://example.org)**\n\n::: ruta\nrubrik: Tre & fyra\n:::\n\nFem.")
    html = workshop.content().html
    assert html.count("max-width:600px") == 3
    assert "Tre &amp; fyra" in html
    text = workshop.content().text
    assert [line for line in text.split("\n") if line][:4] == [
        "Ett.",
        "Två: https://example.org",
        "Tre & fyra",
        "Fem.",
    ]


def test_author_css_is_inlined_and_other_styles_keep_every_rule(workshop: Any) -> None:
    workshop.write(
        "templates/brev.mjml",
        """<mjml><mj-head>
<mj-style inline="inline">.mark { color: #123456 } .mark:hover { color: red } @media print { .mark { color: blue } }</mj-style>
<mj-style>@media (prefers-color-scheme: dark) { .mark { color: #fedcba !important } }</mj-style>
</mj-head><mj-body><mj-text><p class="mark">x</p></mj-text>{{ intro.body }}</mj-body></mjml>""",
    )
    html = workshop.content().html
    assert '<p class="mark" style="color:#123456">' in html
    assert "color: #fedcba !important" in html
    assert ".mark:hover { color: red !important }" in html
    assert "@media print { .mark { color: blue !important } }" in html
    assert "data-premailer" not in html


def test_odd_letters_survive_in_attributes_and_texts(workshop: Any) -> None:
    workshop.write(
        "templates/brev.mjml",
        '<mjml><mj-body><mj-section><mj-column><mj-image src="logo.png" alt="Å “x” \N{NO-BREAK SPACE}😀 &amp; y" '
        'title=\'a "quoted" word\'></mj-image><mj-image src="logo.png"/><mj-text>1 < 2 <p>open<br>😀</mj-text>'
        "</mj-column></mj-section>{{ intro.body }}</mj-body></mjml>",
    )
    html = workshop.content().html
    assert 'alt="Å “x” \N{NO-BREAK SPACE}😀 &amp; y"' in html
    assert 'title="a &quot;quoted&quot; word"' in html
    assert html.count('alt=""') == 1
    assert "1 < 2 <p>open<br>😀" in html or "1 &lt; 2" in html


def test_only_shows_parts_to_members(workshop: Any, make_person: Any) -> None:
    workshop.members = lambda name, who: name == "i-visby" and who.city == "Visby"
    workshop.body("::: only i-visby\nKajen.\n:::\n\n::: only not i-visby\nFärjan.\n:::")
    here, there = (workshop.content(make_person(city=city)) for city in ("Visby", "Kiruna"))
    assert "Kajen." in here.html
    assert "Färjan." not in here.html
    assert "Färjan." in there.text
    assert "Kajen." not in there.text


def test_statements_reach_across_parts_and_loops_repeat_them(workshop: Any) -> None:
    workshop.body(
        "{% set ort = subscriber.city or 'Visby' %}\n\n{% for n in range(2) %}\n\nTur {{ n + 1 }} till {{ ort }}.\n\n"
        "**[Boka {{ n + 1 }}](https://example.org/{{ n + 1 }})**\n\n{% endfor %}"
    )
    content = workshop.content()
    assert "Tur 1 till Visby." in content.text
    assert "Boka 2: https://example.org/2" in content.text
    assert 'href="https://example.org/2"' in content.html


def test_the_text_part_ends_in_sender_address_and_a_way_out(workshop: Any) -> None:
    lines = workshop.content().text.strip().split("\n")
    assert lines[-4:] == [
        "Hej & hå",
        "Exempelgatan 1, Visby",
        "",
        "Avsluta prenumerationen: https://example.org/u/token",
    ]


def test_a_text_template_frames_the_text_part(workshop: Any) -> None:
    workshop.write(
        "templates/brev.txt", "{{ brand.name }}\n\n{{ intro.body }}\n\nUt: {{ links.unsubscribe }}\n"
    )
    composition = workshop.compose()
    text = workshop.content().text
    assert text == "Birger & Blom\n\nHej Ada!\n\nUt: https://example.org/u/token\n"
    assert "templates/brev.txt" in composition.sources


def test_an_empty_subject_is_not_sent(workshop: Any, make_person: Any) -> None:
    workshop.body("x", subject="{{ subscriber.first_name }}")
    problem = workshop.problem(make_person(""))
    assert (problem.code, str(problem.place)) == ("M109", "campaigns/brev.md:2:11")


def test_nothing_and_lists_are_printed_as_people_write_them(workshop: Any, make_person: Any) -> None:
    workshop.body("[{{ none }}] [{{ subscriber.tags }}]")
    assert "[] [sång, dans]" in workshop.content(make_person(tags=("sång", "dans"))).text


def test_parts_inside_a_text_are_named_instead_of_leaking(workshop: Any) -> None:
    workshop.write(
        "templates/brev.mjml", "<mjml><mj-body><mj-text>{{ intro.body }}</mj-text></mj-body></mjml>"
    )
    problem = workshop.problem()
    assert (problem.code, str(problem.place)) == ("T122", "templates/brev.mjml:1:25")
    assert "<mj-text> stands in <mj-text>" in problem.message


def test_what_only_members_see_is_tried_before_anybody_is_rendered(workshop: Any) -> None:
    workshop.write("templates/blocks/trasig.mjml", "<mj-text>")
    workshop.body(":::: only i-visby\n::: trasig\n:::\n::::")
    with pytest.raises(ChecksFailed, match=r"T120 .* templates/blocks/trasig.mjml:1:1"):
        workshop.compose()


def test_controls_and_carriage_returns_in_data_reach_neither_part(workshop: Any, make_person: Any) -> None:
    workshop.write(
        "templates/brev.mjml",
        '<mjml><mj-head><mj-style inline="inline">p { color: #123456 }</mj-style></mj-head>'
        "<mj-body>{{ intro.body }}</mj-body></mjml>",
    )
    workshop.body("Hej {{ subscriber.first_name }}! Och sedan mer.")
    content = workshop.content(make_person("A\x00d\x0ba\r\nB\rC\x1b[0m"))
    assert "Hej Ada\nB\nC[0m! Och sedan mer." in content.text
    assert "Hej Ada B C[0m! Och sedan mer." in body_text(content.html)
    assert not set(content.html + content.text) & {chr(n) for n in range(32) if n not in (9, 10)}


def test_an_empty_value_and_a_macro_without_context_say_what_to_do(workshop: Any) -> None:
    workshop.write(
        "templates/blocks/ruta.mjml",
        '+++\n[fields]\nimage = "image"\n+++\n<mj-image src="{{ image.src }}" />',
    )
    workshop.body("::: ruta\n:::")
    problem = workshop.problem()
    assert (problem.code, str(problem.place)) == ("M105", "templates/blocks/ruta.mjml:5:24")
    assert problem.hint == "it is empty: ask first, {% if … %}"
    workshop.body("x")
    workshop.write(
        "templates/partials/m.mjml", "{% macro m() %}<mj-text>{{ subscriber.email }}</mj-text>{% endmacro %}"
    )
    workshop.write(
        "templates/brev.mjml",
        '{% from "partials/m.mjml" import m %}<mjml><mj-body>{{ m() }}{{ intro.body }}</mj-body></mjml>',
    )
    problem = workshop.problem()
    assert (problem.code, str(problem.place)) == ("M105", "templates/partials/m.mjml:1:28")
    assert "with context" in problem.hint
