"""A template can't hang the program or fill its memory; what a letter needs stays possible."""

import datetime as dt
import time

import pytest

from newsletter.render import limits
from newsletter.render.environment import Sandbox, make_environment
from newsletter.render.renderer import run


def render(source: str, **context: object) -> str:
    environment = make_environment(Sandbox, None, autoescape=True, language="sv", zone=dt.UTC)
    with limits.budget():
        return run(environment.from_string(source), context)


LOOPS = "{% for a in range(90000) %}{% for b in range(90000) %}x{% endfor %}{% endfor %}"
NESTED = "{% for a in many %}{% for b in many %}{% for c in many %}x{% endfor %}{% endfor %}{% endfor %}"
CALLS = "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}"
FROM_CALLS = (
    "{% macro m(x) %}{{ x }}{{ x }}{% endmacro %}{% set n = namespace(a='x') %}"
    "{% for i in range(60) %}{% set n.a = m(n.a) %}{% endfor %}"
)


def doubled(step: str) -> str:
    return f"{{% set n = namespace(a='x') %}}{{% for i in range(60) %}}{step}{{% endfor %}}{{{{ n.a }}}}"


@pytest.mark.parametrize(
    "source",
    [
        LOOPS,
        NESTED,
        CALLS,
        FROM_CALLS,
        "{% for a in range(90000) recursive %}{% if loop.depth < 5 %}{{ loop(range(90000)) }}{% endif %}{% endfor %}",
        doubled("{% set n.a = n.a ~ n.a %}"),
        doubled("{% set n.a = n.a + n.a %}"),
        doubled("{% set n.a = n.a * 2 %}"),
        doubled("{% set n.a %}{{ n.a }}{{ n.a }}{% endset %}"),
        doubled("{% set n.a = '%s%s' % (n.a, n.a) %}"),
        doubled("{% set n.a = n.a | replace('x', 'xx') %}"),
        doubled("{% set n.a = [n.a, n.a] | join %}"),
        doubled("{% set n.a = [n.a, n.a] | join(n.a) %}"),
        "{{ 'a' * 10000000000 }}",
        "{{ 10000000000 * 'a' }}",
        "{{ [1] * 10000000000 }}",
        "{{ 9 ** 999999999 }}",
        "{{ '%9999999999d' % 1 }}",
        "{{ '%9999999999d' | format(1) }}",
        "{{ '%*d' | format(9999999999, 1) }}",
        "{{ '{:9999999999d}'.format(1) }}",
        "{{ 'a' | center(9999999999) }}",
        "{{ 'a'.ljust(9999999999) }}",
        "{{ 'a'.zfill(9999999999) }}",
        "{{ 'a' | indent(9999999999, true) }}",
        "{{ [1] | batch(9999999999, 'x') | list }}",
        "{{ [1] | slice(9999999999) | list }}",
        "{{ 2.5 | round(9999999999) }}",
        "{{ ('a' * 900000) | replace('a', 'b' * 900000) }}",
        "{{ ('a' * 900000).replace('a', 'b' * 900000) }}",
        "{{ ('b' * 900000) | join('a' * 900000) }}",
        "{{ ('a' * 900000).join('b' * 900000) }}",
        "{{ range(90000) | map('string') | join('b' * 900000) }}",
    ],
)
def test_what_costs_too_much_is_refused_at_once(source):
    started = time.process_time()
    with pytest.raises(limits.TooMuch):
        render(source, many=list(range(1000)))
    assert time.process_time() - started < 30  # never: it would take years


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{% for a in 'abc' %}{{ loop.index }}/{{ loop.length }}{{ a }} {% endfor %}", "1/3a 2/3b 3/3c "),
        ("{% for a in [3, 1] | map('string') %}{{ a }}{{ loop.last }}{% endfor %}", "3False1True"),
        ("{% for a in [] %}x{% else %}tomt{% endfor %}", "tomt"),
        ("{% for a in [1, 2, 3] if a != 2 %}{{ a }}{{ loop.length }}{% endfor %}", "1232"),
        ("{{ '<b>' ~ 1 }}", "&lt;b&gt;1"),
        ("{% set x %}<b>{{ '<' }}</b>{% endset %}{{ x }}", "<b>&lt;</b>"),
        ("{% set x | upper %}ja{% endset %}{{ x }}", "JA"),
        ("{{ '%d kr' | format(250000) }} {{ '%s' % 123456 }}", "250000 kr 123456"),
        ("{{ [1, 2] | join(', ') }} {{ 'aba' | replace('a', 'c') }} {{ 2.345 | round(2) }}", "1, 2 cbc 2.35"),
        (
            "{{ ', '.join(['a', 'b']) }} {{ 'ab'.replace('a', 'c') }} {{ 2 ** 10 }} {{ 7 % 4 }}",
            "a, b cb 1024 3",
        ),
        ("{{ [1, 2, 3] | batch(2, 0) | list }} {{ 250000 + 1 }}", "[[1, 2], [3, 0]] 250001"),
    ],
)
def test_what_letters_need_is_as_it_was(source, text):
    assert render(source) == text


def test_each_letter_has_its_own_budget():
    many = "{% for a in range(40000) %}{% endfor %}ja"
    assert [render(many) for _ in range(3)] == ["ja"] * 3
