"""What Markdown becomes: HTML for one part of the mail, plain text for the other, both still with the author's Jinja."""

import datetime as dt
import itertools
import textwrap

import jinja2
import pytest

from newsletter.errors import Place
from newsletter.render.body import block_markdown, inline_markdown, parse_body
from newsletter.render.environment import Sandbox, make_environment
from newsletter.render.filling import WIDTH, filled
from newsletter.render.tree import Text

PLACE = Place("c.md", 1, 1)


def raw(written: str, language: str = "sv") -> tuple[str, str]:
    body, problems = parse_body(written, file="c.md", language=language)
    assert not [problem for problem in problems if problem.is_error]
    (item,) = body.intro.items
    assert isinstance(item, Text)
    return item.html, item.text


def marked(written: str, language: str = "sv") -> tuple[str, str]:
    """As `raw`, the paragraphs of the text in lines: Jinja counts as it is written."""
    html, text = raw(written, language)
    return html, filled(text)


@pytest.mark.parametrize(
    ("written", "html", "text"),
    [
        ("a *b* **c** ~~d~~", "<p>a <em>b</em> <strong>c</strong> ~~d~~</p>", "a b c ~~d~~"),
        ("Birger & Blom <3", "<p>Birger &amp; Blom &lt;3</p>", "Birger & Blom <3"),
        ("a\nb  \nc\\\nd", "<p>a\nb<br />\nc<br />\nd</p>", "a b\nc\nd"),
        ("a\n\nb", "<p>a</p>\n<p>b</p>", "a\n\nb"),
        ("### a `b`", "<h3>a <code>b</code></h3>", "a b\n~~~"),
        ("- a\n- b\n  - c\n- d", None, "- a\n- b\n  - c\n- d"),
        ("- a\n\n  b\n\n- c", None, "- a\n\n  b\n\n- c"),
        ("9. a\n10. b\n    c", None, "9. a\n10. b c"),
        ("> a\n> b\n>\n> - c", None, "> a b\n>\n> - c"),
        ("a\n\n***\n\nb", "<p>a</p>\n<hr />\n<p>b</p>", "a\n\n* * *\n\nb"),
        ("```\na <b>\n```", "<pre><code>a &lt;b&gt;\n</code></pre>", "    a <b>"),
        ("a &amp; b &copy;", "<p>a &amp; b ©</p>", "a & b ©"),
        (
            "Den 29 juni kl. 09 kom 1 600, 5 %",
            "<p>Den 29\u00a0juni kl.\u00a009 kom 1\u00a0600, 5\u00a0%</p>",
            None,
        ),
        ("På plats 17 en HR-chef", "<p>På plats\u00a017 en HR\u2011chef</p>", None),
        ("Se www.example.org/AB-cd", None, None),
        ('"a" -- b... it\'s', "<p>”a” – b… it’s</p>", "”a” – b… it’s"),
        ("#HejDigitalt", "<p>#HejDigitalt</p>", "#HejDigitalt"),
        ("a { b } {c} }} %}", "<p>a { b } {c} }} %}</p>", "a { b } {c} }} %}"),
    ],
)
def test_markdown(written: str, html: str | None, text: str | None) -> None:
    found = marked(written)
    assert found[0] == (html or found[0])
    assert found[1] == (text or found[1])


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("[Läs mer](https://a.b/c)", "Läs mer (https://a.b/c)"),
        ("[a.b](https://www.a.b)", "https://www.a.b"),
        ("[a.b](https://a.b/c/d)", "https://a.b/c/d"),
        ("[birgerochblom.se](http://birgerochblom.se)", "http://birgerochblom.se"),
        ("[https://a.b/](https://a.b)", "https://a.b"),
        ("<https://a.b/c>", "https://a.b/c"),
        ("[Anna](mailto:anna@a.b)", "Anna (anna@a.b)"),
        ("[anna@a.b](mailto:anna@a.b)", "anna@a.b"),
        ("[Ring](tel:+4670)", "Ring (+4670)"),
        ("[upp](#topp)", "upp"),
        ("[**a** b](https://a.b)", "a b (https://a.b)"),
        ("[{{ a }}]({{ b }})", "{{ a }} ({{ b }})"),
        ("[{{ a }}]({{ a }})", "{{ a }}"),
        ("<{{ a }}>", "{{ a }}"),
        ("[a][r]\n\n[r]: https://a.b/{{ c }}", "a (https://a.b/{{ c }})"),
    ],
)
def test_links_in_plain_text(written: str, text: str) -> None:
    assert marked(written)[1] == text


def test_a_reference_holds_across_sections() -> None:
    body, problems = parse_body("[a][r]\n\n## B\n[c][r]\n\n[r]: https://d.e", file="c.md")
    assert problems == ()
    texts = [
        filled(item.text)
        for section in (body.intro, *body.sections)
        for item in section.items
        if isinstance(item, Text)
    ]
    assert texts == ["a (https://d.e)", "c (https://d.e)"]


@pytest.mark.parametrize(
    ("language", "quoted"),
    [("sv", "”a ’b’”"), ("sv-SE", "”a ’b’”"), ("en", "“a ‘b’”"), ("de", "„a ‚b‘“"), ("xx", "“a ‘b’”")],
)
def test_quotes_are_those_of_the_language(language: str, quoted: str) -> None:
    assert marked("\"a 'b'\"", language)[1] == quoted


@pytest.mark.parametrize(
    ("written", "html"),
    [
        ('{{ x | default("där") }}', '<p>{{ x | default("där") }}</p>'),
        ("{{ '}}' }} {{ {'a': {}} }}", "<p>{{ '}}' }} {{ {'a': {}} }}</p>"),
        ("`{{ x }}`", "<p><code>{{ x }}</code></p>"),
        ("[a]({{ links.b }})", '<p><a href="{{ links.b }}">a</a></p>'),
        (
            "[a](https://b.c/{{ d }}?e={{ f|urlencode }})",
            '<p><a href="https://b.c/{{ d }}?e={{ f|urlencode }}">a</a></p>',
        ),
        (
            "[a](https://b.c/{% if d %}e{% endif %})",
            '<p><a href="https://b.c/{% if d %}e{% endif %}">a</a></p>',
        ),
        ('[a](https://b.c "{{ d }}")', '<p><a href="https://b.c" title="{{ d }}">a</a></p>'),
        ("<https://b.c/{{ d }}>", '<p><a href="https://b.c/{{ d }}">https://b.c/{{ d }}</a></p>'),
        ("**{{ a }}**{{ b }}*{{ c }}*", "<p><strong>{{ a }}</strong>{{ b }}<em>{{ c }}</em></p>"),
        ('{% if a %}"b"{% endif %}', None),
        ('a {% if a %}"b"{% endif %} c', "<p>a {% if a %}”b”{% endif %} c</p>"),
        ("a {% if a %}_b_{% endif %} c", "<p>a {% if a %}<em>b</em>{% endif %} c</p>"),
        ('"{% if a %}b{% endif %}"', "<p>”{% if a %}b{% endif %}”</p>"),
        ("Hej {{- a }}", "<p>Hej{{ a }}</p>"),
        ("{{ --1 }}{{- -1 -}} x", "<p>{{ --1 }}{{ -1 }}x</p>"),
        ("{{--1}} {%-if a%}b{%endif-%} c", "<p>{{ -1}}{%if a%}b{%endif%}c</p>"),
        ("{% raw %}{{ a }} *b*{% endraw %}", "<p>{{ '{{' }} a }} <em>b</em></p>"),
        ("`{% raw %}{% a %}{# b #}{% endraw %}`", "<p><code>{{ '{%' }} a %}{{ '{#' }} b #}</code></p>"),
        ("{% raw %}{{% endraw %}{{ a }}", "<p>{{ '{' }}{{ a }}</p>"),
        ("[a](https://b.c/{% raw %}{{d}}{% endraw %})", '<p><a href="https://b.c/%7B%7Bd%7D%7D">a</a></p>'),
        ("[å](https://å{{ b }}.se)", '<p><a href="https://%C3%A5{{ b }}.se">å</a></p>'),
    ],
)
def test_jinja_goes_through_markdown_untouched(written: str, html: str | None) -> None:
    if html is None:
        body, problems = parse_body(written, file="c.md", language="sv")
        assert problems == ()
        assert [getattr(item, "html", getattr(item, "source", "")) for item in body.intro.items] == [
            "{% if a %}",
            "<p>”b”</p>",
            "{% endif %}",
        ]
    else:
        assert marked(written)[0] == html


@pytest.mark.parametrize(
    ("written", "html", "text"),
    [
        (
            "- a\n{% for x in y %}\n- {{ x }}\n{% endfor %}",
            "<ul>\n<li>a</li>\n{% for x in y %}\n<li>{{ x }}</li>\n{% endfor %}\n</ul>",
            "- a\n{% for x in y %}- {{ x }}\n{% endfor %}",
        ),
        (
            "| a |\n|---|\n{% for x in y %}\n| {{ x }} |\n{% endfor %}",
            None,
            "a\n---\n{% for x in y %}{{ x }}\n{% endfor %}",
        ),
        (
            "> a\n> {% if x %}\n> b\n> {% endif %}\n> c",
            "<blockquote>\n<p>a</p>\n{% if x %}\n<p>b</p>\n{% endif %}\n<p>c</p>\n</blockquote>",
            "> a\n>\n{% if x %}> b\n>\n{% endif %}> c",
        ),
        (
            "- a\n  {% if x %}\n  - b\n  {% endif %}\n- c",
            "<ul>\n<li>a{% if x %}\n<ul>\n<li>b</li>\n</ul>\n{% endif %}\n</li>\n<li>c</li>\n</ul>",
            "- a\n{% if x %}  - b\n{% endif %}- c",
        ),
    ],
)
def test_statements_inside_lists_quotes_and_tables(written: str, html: str | None, text: str) -> None:
    found = marked(written)
    assert found[0] == (html or found[0])
    assert marked(written)[1] == text


@pytest.mark.parametrize(
    ("people", "html_items", "text"),
    [([], ["a", "z"], "- a\n- z"), (["å", "<b>"], ["a", "å", "&lt;b&gt;", "z"], "- a\n- å\n- <b>\n- z")],
)
def test_a_loop_in_a_list_leaves_no_gap(people: list[str], html_items: list[str], text: str) -> None:
    html, plain = raw("- a\n{% for p in people %}\n- {{ p }}\n{% endfor %}\n- z")
    rendered = jinja2.Environment(autoescape=True).from_string(html).render(people=people)
    assert "".join(rendered.split()) == "<ul>" + "".join(f"<li>{item}</li>" for item in html_items) + "</ul>"
    shown = jinja2.Environment(autoescape=False).from_string(plain).render(people=people)  # noqa: S701
    assert filled(shown).strip("\n") == text


def test_a_table_is_readable_as_text() -> None:
    text = marked("| Namn | Titel |\n|---|---|\n| Åsa | VD |\n| Bo Ek | chef |")[1]
    assert text == "Namn  | Titel\n------+------\nÅsa   | VD\nBo Ek | chef"


def test_values_are_escaped_in_html_and_plain_in_text() -> None:
    html, text = raw("Hej {{ name }} & [länk](https://a.b/?q={{ name }})")
    name = '"><script>{{ 7 * 7 }}'
    shown = jinja2.Environment(autoescape=True).from_string(html).render(name=name)
    assert "<script>" not in shown
    assert shown.count("{{ 7 * 7 }}") == 2
    plain = jinja2.Environment(autoescape=False).from_string(text).render(name=name)  # noqa: S701
    assert filled(plain) == f"Hej {name} & länk (https://a.b/?q={name})"


def test_markdown_of_one_line() -> None:
    found = inline_markdown("**VD** & {{ x }}", place=PLACE, language="sv")
    assert (found.html, found.text) == ("<strong>VD</strong> &amp; {{ x }}", "VD & {{ x }}")
    assert [str(expression.place) for expression in found.expressions] == ["c.md:1:10"]


def test_markdown_of_several_blocks_keeps_statements_inside() -> None:
    found = block_markdown("a\n{% if x %}\nb\n{% endif %}", place=PLACE)
    assert found.html == "<p>a</p>\n{% if x %}\n<p>b</p>\n{% endif %}"
    assert filled(found.text) == "a\n\n{% if x %}b\n\n{% endif %}"


@pytest.mark.parametrize(
    ("written", "href"),
    [
        ("Se https://example.org/a?x=1&y=2.", "https://example.org/a?x=1&amp;y=2"),
        ("Se http://birgerochblom.se nu", "http://birgerochblom.se"),
        ("Skriv till hej@example.org!", "mailto:hej@example.org"),
        (
            "https://example.org/{{ subscriber.city|urlencode }}/x",
            "https://example.org/{{ subscriber.city|urlencode }}/x",
        ),
    ],
)
def test_a_bare_address_is_a_link_and_stands_once_in_the_text(written, href):
    body, problems = parse_body(written, file="x.md", language="sv")
    assert problems == ()
    (part,) = body.intro.items
    assert isinstance(part, Text)
    assert f'<a href="{href}">' in part.html
    assert filled(part.text).strip() == written


LONG = (
    "Ett stycke som är längre än en rad i en terminal, och därför bryts mellan två ord, men aldrig inuti ett."
)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (LONG, textwrap.fill(LONG, 72)),
        (f"- {LONG}", textwrap.fill(f"- {LONG}", 72, subsequent_indent="  ")),
        (f"> {LONG}", textwrap.fill(f"> {LONG}", 72, subsequent_indent="> ")),
        ("[ord](https://example.org/" + "a" * 80 + ")", "ord\n(https://example.org/" + "a" * 80 + ")"),
        ("a" * 68 + " 29 juni kom", "a" * 68 + "\n29 juni kom"),
        ("### Så *här*", "Så här\n~~~~~~"),
    ],
)
def test_lines_are_broken_between_words_for_a_terminal(written: str, text: str) -> None:
    assert marked(written)[1] == text


NAMES = ["", "Åsa", "Maximiliana-Charlotta Wilhelmina Fredrika", "x" * 90]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("first", "further"),
    [("", ""), ("- ", "  "), ("12. ", "    "), ("> ", "> "), ("> - ", ">   ")],
)
def test_a_paragraph_is_filled_when_its_values_are_in(first: str, further: str, name: str) -> None:
    template = raw(f"{first}Hej {{{{ name }}}}, {LONG}")[1]
    text = filled(jinja2.Template(template).render(name=name))
    options = {"break_long_words": False, "break_on_hyphens": False, "subsequent_indent": further}
    words = f"{first}Hej {name}, {LONG}".replace("  ", " ") if name else f"{first}Hej , {LONG}"
    assert text == textwrap.fill(words, WIDTH, **options)


@pytest.mark.parametrize("yes", [True, False])
@pytest.mark.parametrize(
    "written", ["> {% if yes %}a{% else %}b{% endif %} ", "> c {% if yes %}a{% endif %} "]
)
def test_both_ways_of_a_condition_are_filled(written: str, yes: bool) -> None:
    text = filled(jinja2.Template(raw(written + LONG * 2)[1]).render(yes=yes))
    lines = text.split("\n")
    for line, following in itertools.pairwise(lines):
        assert len(line) <= WIDTH < len(line) + 1 + len(following.removeprefix("> ").split(" ")[0])


def test_what_a_template_sets_around_a_paragraph_counts() -> None:
    paragraph = raw(f"{{{{ name }}}}: {LONG}")[1]
    text = filled(jinja2.Template(f"Problem: {paragraph}” (motto)\n{LONG}").render(name="Åsa"))
    assert text == textwrap.fill(f"Problem: Åsa: {LONG}” (motto)", WIDTH) + f"\n{LONG}"


def test_words_that_belong_together_stay_so() -> None:
    paragraph = raw("{{ name }} " + "a" * 64 + " 29 juni kom")[1]
    assert filled(jinja2.Template(paragraph).render(name="Bo")) == "Bo " + "a" * 64 + "\n29 juni kom"


def test_line_ends_and_blanks_in_a_value_stay() -> None:
    paragraph = raw("> Hej {{ name }}! " + LONG)[1]
    first, second, *_ = filled(jinja2.Template(paragraph).render(name="A  B\n\tC")).split("\n")
    assert (first, second[: len("> \tC! Ett")]) == ("> Hej A  B", "> \tC! Ett")


@pytest.mark.parametrize("filter_", ["trim", "indent(2)", "truncate(30)", "replace('Hej', 'Hejsan')"])
def test_filters_on_a_marked_text_leave_no_marks(filter_: str) -> None:
    text = raw("Hej {{ name }}! " + LONG * 2)[1].replace("{{ name }}", "Bo")
    environment = make_environment(Sandbox, None, autoescape=False, language="sv", zone=dt.UTC)
    lines = filled(environment.from_string(f"{{{{ text | {filter_} }}}}\nslut").render(text=text)).split("\n")
    assert all(line.isprintable() and len(line) <= WIDTH for line in lines)
    assert lines[-1] == "slut"
    if filter_ == "indent(2)":
        assert all(line.startswith("  ") for line in lines[1:-1])
