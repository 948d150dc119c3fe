"""What authors write about the reader: filled in it is what rendering it whole gives, or it is refused with its reason.

Nothing is silently different: each probe is rendered both ways for all readers, in every branch.
"""

from collections.abc import Callable
from typing import Any

import pytest

from newsletter.errors import ChecksFailed
from newsletter.render.composition import TRIAL, content_of
from newsletter.render.deferral.compare import difference
from newsletter.render.deferral.readers import strangers

TEMPLATE = """+++
sections = ["article", "panel"]
[data]
album = "url"
+++
{top}<mjml><mj-head>{head}</mj-head><mj-body>
{before}{{{{ intro.body }}}}
{{% for section in sections %}}<mj-text><h2>{{{{ section.title }}}}</h2></mj-text>{{{{ section.body }}}}{{% endfor %}}
{{{{ closing.body }}}}
<mj-text>{text}<a href="{{{{ links.unsubscribe }}}}">Bort</a>{{% if data.album %}}{{{{ data.album }}}}{{% endif %}}</mj-text>
</mj-body></mjml>"""


@pytest.fixture
def tried(workshop: Any, make_person: Any) -> Callable[..., str]:
    """`equal`, or the codes of what is refused; a difference fails."""
    workshop.columns = ("email", "first_name", "city", "points")

    def attempt(*, body: str = "Hej!", subject: str = "Hej", preheader: str = "", **parts: str) -> str:
        pieces = {"top": "", "head": "", "before": "", "text": "", **parts}
        workshop.write("templates/brev.mjml", TEMPLATE.format(**pieces))
        workshop.body(body, subject=subject, head=f'preheader = "{preheader}"' if preheader else "")
        try:
            composition = workshop.compose()
            told = composition.prove(people(make_person))
            assert told.endswith("no difference")
        except ChecksFailed as failed:
            return " ".join(sorted({problem.code for problem in failed.problems}))
        for person in [
            *people(make_person),
            *(strangers(workshop.columns)[1:] if "points" not in str(pieces) else ()),
        ]:
            whole = composition.whole(person, TRIAL)
            assert difference(content_of(whole), composition.fill(composition.slots(person, TRIAL))) == ""
        return "equal"

    return attempt


def people(make_person: Any) -> list[Any]:
    return [
        make_person("Ada", city="Visby", tags=("vip", "press"), attributes={"points": 3}),
        make_person("", city="", tags=(), attributes={"points": 0}),
        make_person("Bo & co <b>", city="Lund", tags=("press",), attributes={"points": 12}),
    ]


EQUAL = {
    "value": {"text": "{{ subscriber.first_name }}"},
    "value with a word instead": {"text": "{{ subscriber.first_name or 'du' }}"},
    "value of both kinds": {"text": "{{ subscriber.first_name ~ ' ' ~ campaign.subject }}"},
    "filter": {"text": "{{ subscriber.first_name | upper | replace('A', 'O') }}"},
    "choice in an expression": {"text": "{{ 'Ja' if subscriber.points > 2 else 'Nej' }}"},
    "if in a text": {"text": "{% if subscriber.first_name %}Hej {{ subscriber.first_name }}{% else %}Hej{% endif %}"},
    "if, elif, else": {"text": "{% if subscriber.city == 'Visby' %}A{% elif subscriber.city %}B{% else %}C{% endif %}"},
    "if in if": {"text": "{% if subscriber.city %}x{% if subscriber.first_name %}y{% endif %}z{% endif %}"},
    "test of both kinds": {"text": "{% if subscriber.points > 2 and campaign.language == 'sv' %}Ja{% endif %}"},
    "if around a section": {"before": "{% if subscriber.city %}<mj-section><mj-column><mj-text>A</mj-text></mj-column></mj-section>{% endif %}"},
    "if with else around sections": {
        "before": "{% if subscriber.city %}<mj-section><mj-column><mj-text>A</mj-text></mj-column></mj-section>"
        "{% else %}<mj-section><mj-column><mj-image src='https://e.org/a.png' alt='' /></mj-column></mj-section>{% endif %}"
    },
    "if around bare content": {"before": "{% if subscriber.city %}<mj-text>A</mj-text>{% endif %}"},
    "if beside bare content": {"before": "<mj-text>B</mj-text>{% if subscriber.city %}<mj-text>A</mj-text>{% endif %}<mj-text>C</mj-text>"},
    "if around a wrapper": {
        "before": "{% if subscriber.city %}<mj-wrapper><mj-section><mj-column><mj-text>A</mj-text></mj-column></mj-section></mj-wrapper>{% endif %}"
    },
    "if in a wrapper": {
        "before": "<mj-wrapper>{% if subscriber.city %}<mj-section><mj-column><mj-text>A</mj-text></mj-column></mj-section>{% endif %}"
        "<mj-section><mj-column><mj-text>B</mj-text></mj-column></mj-section></mj-wrapper>"
    },
    "if around a column with a width": {
        "before": '<mj-section>{% if subscriber.city %}<mj-column width="50%"><mj-text>A</mj-text></mj-column>{% endif %}'
        '<mj-column width="50%"><mj-text>B</mj-text></mj-column></mj-section>'
    },
    "if around a button in a column": {
        "before": "<mj-section><mj-column><mj-text>A</mj-text>{% if subscriber.city %}<mj-button href='https://e.org'>B</mj-button>{% endif %}"
        "</mj-column></mj-section>"
    },
    "rows of a table": {
        "before": "<mj-table>{% if subscriber.city %}<tr><td>{{ subscriber.city }}</td></tr>{% endif %}<tr><td>B</td></tr>"
        "{% for tag in subscriber.tags %}<tr><td>{{ loop.index }} {{ tag }}</td></tr>{% endfor %}</mj-table>"
    },
    "loop": {"text": "{% for tag in subscriber.tags %}{{ tag }}{% if not loop.last %}, {% endif %}{% endfor %}"},
    "loop with a filter": {"text": "{% for tag in subscriber.tags if tag != 'vip' %}{{ tag }} {% endfor %}"},
    "loop of the reader in one of the campaign": {
        "text": "{% for n in [1, 2] %}{% for tag in subscriber.tags %}{{ n }}{{ loop.index }}{{ tag }} {% endfor %}{{ loop.index }}{% endfor %}"
    },
    "loop of the campaign in one of the reader": {
        "text": "{% for tag in subscriber.tags %}{{ loop.index }}{% for n in [1, 2] %}{{ loop.index ~ tag }}{% endfor %}{% endfor %}"
    },
    "index of the campaign's loop beside a value": {"text": "{% for n in [5, 6] %}{{ loop.index ~ subscriber.first_name }} {% endfor %}"},
    "last turn of the campaign's loop": {"text": "{% for n in [5, 6] %}{% if subscriber.points > 2 and loop.last %}x{% endif %}{% endfor %}"},
    "namespace changed after its use": {
        "top": "{% set ns = namespace(a=1) %}",
        "text": "{% if subscriber.points > ns.a %}x{% endif %}{% set ns.a = 5 %}{% if subscriber.points > ns.a %}y{% endif %}",
    },
    "name given to a value": {"top": "{% set who = subscriber.first_name or 'du' %}", "text": "{{ who }}{% if who == 'du' %}!{% endif %}"},
    "macro with a value": {"top": "{% macro m(x) %}<b>{{ x }}</b>{% endmacro %}", "text": "{{ m(subscriber.first_name) }}"},
    "a text with a condition counted": {"top": "{% set x %}a{% if subscriber.city %}b{% elif subscriber.first_name %}cc{% endif %}{% endset %}", "text": "{{ x | length }}"},
    "joiner beside the reader's": {"top": "{% set j = joiner(', ') %}", "text": "{% for n in [1, 2] %}{{ j() }}{{ subscriber.first_name }}{% endfor %}"},
    "macro with a filter on it": {"top": "{% macro m(x) %}{{ x | upper }}{% endmacro %}", "text": "{{ m(subscriber.first_name) }}"},
    "name of a campaign's loop like a root's field": {"text": "{% for city in ['Visby'] %}{{ city }}{{ subscriber.city }}{% endfor %}"},
    "segment": {"body": "Hej\n\n::: only i-visby\nVälkommen hit.\n:::\n\n::: only not i-visby\nVälkommen dit.\n:::\n"},
    "conditions alone in the introduction": {"body": "{% if subscriber.city %}\nA\n{% endif %}\n\n{% if subscriber.first_name %}\nB\n{% endif %}"},
    "conditions alone in a section": {"body": "Hej\n\n## Del\n\n{% if subscriber.city %}\nA\n{% else %}\nB\n{% endif %}\n\n{% if subscriber.points %}\n{% if subscriber.first_name %}\nC\n{% endif %}\n{% endif %}"},
    "one condition alone in a section": {"body": "Hej\n\n## Del\n\n{% if subscriber.city %}\nA\n{% endif %}\n\n---\n\nSlut."},
    "a loop alone in the introduction": {"body": "{% for tag in subscriber.tags %}\nDu valde {{ tag }}.\n{% endfor %}"},
    "a list of the reader's alone": {"body": "{% for tag in subscriber.tags %}\n- {{ tag }}\n{% endfor %}"},
    "an item for some": {"body": "- ett\n{% if subscriber.city %}\n- två\n{% endif %}\n- tre"},
    "a condition in an item": {"body": "- ett\n- {% if subscriber.city %}två{% endif %}\n- tre"},
    "conditions alone in a text": {"body": "{% if subscriber.city %}A{% endif %} {% if subscriber.first_name %}B{% endif %}"},
    "segments alone": {"body": "::: only i-visby\nA\n:::\n\n::: only not i-visby\nB\n:::\n"},
    "list in a template": {"text": "<ul>{% for tag in subscriber.tags %}<li>{{ tag }}</li>{% endfor %}</ul>"},
    "words for a picture of another field": {"before": '<mj-image src="https://e.org/a.png" alt="Bild: {{ subscriber.city }}" />'},
    "preheader of a value alone": {"preheader": "{{ subscriber.city }}"},
    "preheader for some": {"preheader": "{% if subscriber.first_name %}Till {{ subscriber.first_name }}{% endif %}"},
    "condition between paragraphs": {"body": "Hej\n\n{% if subscriber.city %}\nDu i {{ subscriber.city }}.\n\nEtt till.\n{% endif %}\n\nSlut."},
    "condition in a paragraph": {"body": "Hej {% if subscriber.city %}du i **{{ subscriber.city }}**{% endif %}!"},
    "loop in a list": {"body": "{% for tag in subscriber.tags %}\n- {{ tag }}\n{% endfor %}\n\nSlut."},
    "title of a section": {"body": "Hej\n\n## För {{ subscriber.first_name or 'dig' }}\n\nText."},
    "subject and preheader": {"subject": "{{ subscriber.first_name or 'Hej' }}, välkommen", "preheader": "Från {{ subscriber.city }}"},
    "address of the reader's own": {"body": "[Bort]({{ links.unsubscribe }})"},
    "part of an address": {"body": "[Här](https://example.org/?namn={{ subscriber.first_name | urlencode }})"},
    "whole address, checked": {"body": "[Här]({{ subscriber.city | safe_url('https://example.org/') }})"},
    "address for mail": {"text": '<a href="mailto:{{ subscriber.email | urlencode }}">A</a>'},
    "two addresses, checked": {"body": "[Här]({{ ('https://example.org/a' if subscriber.city else 'https://example.org/b') | safe_url }})"},
    "button with an address": {"body": "**[Här](https://example.org/?n={{ subscriber.first_name | urlencode }})**"},
    "words for a picture": {"before": '<mj-image src="https://e.org/a.png" alt="Bild för {{ subscriber.first_name }}" />'},
    "class": {"before": '<mj-text css-class="{{ \'vip\' if subscriber.points > 2 else \'alla\' }}">A</mj-text>'},
    "title of the page": {"head": "<mj-title>Hej {{ subscriber.first_name }}</mj-title>"},
    "condition in the page's title": {"head": "<mj-title>Hej {% if subscriber.city %}du{% endif %}</mj-title>"},
    "condition in an attribute": {"before": '<mj-image src="https://e.org/a.png" alt="A{% if subscriber.city %} b{% endif %}" />'},
    "accordion": {
        "before": '<mj-accordion icon-wrapped-url="https://e.org/a.png" icon-unwrapped-url="https://e.org/b.png">{% if subscriber.city %}'
        "<mj-accordion-element><mj-accordion-title>A</mj-accordion-title><mj-accordion-text>{{ subscriber.city }}</mj-accordion-text>"
        "</mj-accordion-element>{% endif %}<mj-accordion-element><mj-accordion-title>B</mj-accordion-title>"
        "<mj-accordion-text>C</mj-accordion-text></mj-accordion-element></mj-accordion>"
    },
    "link of a menu": {
        "before": '<mj-navbar>{% if subscriber.city %}<mj-navbar-link href="https://e.org/a">A</mj-navbar-link>{% endif %}'
        '<mj-navbar-link href="https://e.org/b">B</mj-navbar-link></mj-navbar>'
    },
    "content of a hero": {
        "before": '<mj-hero mode="fixed-height" height="200px">{% if subscriber.city %}<mj-text>{{ subscriber.city }}</mj-text>{% endif %}'
        "<mj-text>B</mj-text></mj-hero>"
    },
    "raw HTML": {"before": "<mj-raw><div>{% if subscriber.city %}<p>{{ subscriber.city }}</p>{% endif %}</div></mj-raw>"},
    "text with braces of the campaign's": {"text": "{{ '{{ 7 * 7 }}' }} {{ subscriber.first_name }} {{ '{% if 1 %}' }}"},
}  # fmt: skip

REFUSED = {
    "column without a width": ({"before": "<mj-section>{% if subscriber.city %}<mj-column><mj-text>A</mj-text></mj-column>{% endif %}<mj-column><mj-text>B</mj-text></mj-column></mj-section>"}, "T134"),
    "icon": ({"before": '<mj-social>{% if subscriber.city %}<mj-social-element src="https://e.org/a.png" alt="A" href="https://e.org" />{% endif %}</mj-social>'}, "T134"),
    "picture of a carousel": ({"before": '<mj-carousel left-icon="https://e.org/a.png" right-icon="https://e.org/b.png">{% if subscriber.city %}<mj-carousel-image src="https://e.org/a.png" alt="" />{% endif %}<mj-carousel-image src="https://e.org/b.png" alt="" /></mj-carousel>'}, "T134"),
    "padding": ({"before": '<mj-text padding="{{ subscriber.points }}px">A</mj-text>'}, "T134"),
    "width": ({"before": '<mj-image width="{{ subscriber.points }}px" src="https://e.org/a.png" alt="" />'}, "T134"),
    "mj-class": ({"before": '<mj-text mj-class="{{ subscriber.city }}">A</mj-text>'}, "T134"),
    "colour": ({"before": '<mj-text color="{{ subscriber.city }}">A</mj-text>'}, "T134"),
    "style sheet": ({"head": "<mj-style>p { color: {{ subscriber.city }} }</mj-style>"}, "M120"),
    "style sheet for inlining": ({"head": '<mj-style inline="inline">p { color: {{ subscriber.city }} }</mj-style>'}, "M120"),
    "style of an element": ({"text": '<b style="color: {{ subscriber.city }}">A</b>'}, "M120"),
    "whole address": ({"body": "[Här]({{ subscriber.city }})"}, "M120"),
    "whole address in a template": ({"text": '<a href="{{ subscriber.city }}">A</a>'}, "M120"),
    "address that is not encoded": ({"body": "[Här](https://example.org/?n={{ subscriber.city }})"}, "M120"),
    "host of an address": ({"body": "[Här](https://{{ subscriber.city | urlencode }}.example.org/start)"}, "M120"),
    "host of an address in a template": ({"text": '<a href="https://example.org{{ subscriber.city | urlencode }}">A</a>'}, "M120"),
    "host in a button": ({"body": "**[Här](https://{{ subscriber.city | urlencode }}.example.org/)**"}, "M120"),
    "host of a picture": ({"before": '<mj-image src="//{{ subscriber.city | urlencode }}.example.org/a.png" alt="" />'}, "M120"),
    "host in a condition": ({"text": '<a href="https://{% if subscriber.city %}a{% else %}b{% endif %}.example.org/">A</a>'}, "M120"),
    "more of a host behind an address": ({"text": '<a href="{{ subscriber.city | safe_url }}{{ subscriber.first_name | urlencode }}">A</a>'}, "M120"),
    "a choice of addresses": ({"body": "[Här]({% if subscriber.city %}https://example.org/a{% else %}https://example.org/b{% endif %})"}, "M120"),
    "a page that moves on": ({"head": '<mj-raw><meta http-equiv="refresh" content="{{ subscriber.city }}"></mj-raw>'}, "M120"),
    "script": ({"before": "<mj-raw><script>{{ subscriber.city }}</script></mj-raw>"}, "M120"),
    "attribute without quotes": ({"text": "<b class={{ subscriber.city }}>A</b>"}, "M120"),
    "attribute without quotes, inlined": ({"head": '<mj-style inline="inline">b { color: red }</mj-style>', "text": "<b class={{ subscriber.city }}>A</b>"}, "M120"),
    "joiner in a loop of the reader": ({"top": "{% set j = joiner(', ') %}", "text": "{% for tag in subscriber.tags %}{{ j() }}{{ tag }}{% endfor %}"}, "M120"),
    "cycler in a condition": ({"top": "{% set c = cycler('a', 'b') %}", "text": "{% if subscriber.city %}{{ c.next() }}{% endif %}{{ c.next() }}"}, "M120"),
    "cycler asked in a condition": ({"top": "{% set c = cycler('', 'b') %}", "text": "{% if subscriber.city %}{% if c.next() %}x{% endif %}{% endif %}"}, "M120"),
    "code in an address": ({"text": '<a href="javascript:{{ subscriber.city | urlencode }}">A</a>'}, "M120"),
    "set in a condition": ({"text": "{% if subscriber.city %}{% set x = 1 %}{% endif %}{{ x }}"}, "M120"),
    "name given twice": ({"top": "{% set v = subscriber.city %}{% set v = 3 %}", "text": "{{ v }}"}, "M120"),
    "name given in a loop": ({"text": "{% for n in [1] %}{% set v = subscriber.city %}{{ v }}{% endfor %}"}, "M120"),
    "else of a loop": ({"text": "{% for tag in subscriber.tags %}{{ tag }}{% else %}inga{% endfor %}"}, "M120"),
    "macro in an expression": ({"top": "{% macro m(x) %}{{ x }}{% endmacro %}", "text": "{{ m(subscriber.city) ~ '!' }}"}, "M120"),
    "question in a macro": ({"top": "{% macro m(x) %}{% if x %}{{ x }}{% endif %}{% endmacro %}", "text": "{{ m(subscriber.city) }}"}, "M120"),
    "default of a macro": ({"top": "{% macro m(x=subscriber.city) %}{{ x }}{% endmacro %}", "text": "{{ m() }}"}, "M120"),
    "with": ({"text": "{% with x = subscriber.city %}{{ x }}{% endwith %}"}, "M120"),
    "filter around": ({"text": "{% filter upper %}{{ subscriber.city }}{% endfilter %}"}, "M120"),
    "the reader's name for something else": ({"text": "{% for subscriber in [1] %}{{ subscriber }}{% endfor %}"}, "M120"),
    "a text compared": ({"top": "{% set x %}{{ subscriber.city }}{% endset %}", "text": "{% if x == 'Visby' %}A{% endif %}"}, "M120"),
    "a text with a loop counted": ({"top": "{% set x %}{% for t in subscriber.tags %}a{% endfor %}{% endset %}", "text": "{{ x | length }}"}, "M120"),
    "parts counted": ({"body": "Hej\n\n::: only i-visby\nA\n:::\n", "text": "{{ intro.parts | length }}"}, "M121"),
    "begins in one component, ends in another": ({"before": "<mj-section>{% if subscriber.city %}<mj-column><mj-text>A</mj-text></mj-column></mj-section>{% endif %}"}, "T134"),
}  # fmt: skip


@pytest.mark.parametrize("probe", EQUAL)
def test_it_is_the_same_both_ways(tried: Callable[..., str], probe: str) -> None:
    assert tried(**EQUAL[probe]) == "equal"


@pytest.mark.parametrize("probe", REFUSED)
def test_it_is_refused_with_its_reason(tried: Callable[..., str], probe: str) -> None:
    parts, code = REFUSED[probe]
    assert code in tried(**parts).split()


def test_a_partial_of_both_forms_serves_each_in_its_own_way(workshop: Any, make_person: Any) -> None:
    """Files are rewritten once in a process; what HTML escapes the text part does not, whoever came first."""
    workshop.write(
        "templates/partials/m.txt", "{% macro who(x) %}<{{ x }}>{% endmacro %}{{ subscriber.first_name }}"
    )
    workshop.write("templates/brev.txt", '{% include "partials/m.txt" %}{{ intro.body }}')
    html = '<mjml><mj-body><mj-text>{% include "partials/m.txt" %}</mj-text>{{ intro.body }}</mj-body></mjml>'
    workshop.write("templates/brev.mjml", html)
    for file in ("campaigns/a.md", "campaigns/b.md"):
        workshop.body("Hej {{ subscriber.city }}!", file=file)
    for name in ("a", "b", "a"):
        composition = workshop.compose(name)
        content = composition.fill(composition.slots(make_person("A & B", city="<V>"), TRIAL))
        assert "A &amp; B" in content.html
        assert "A & B" in content.text
        assert "<V>" in content.text
