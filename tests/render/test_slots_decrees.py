"""What is put off and what is answered by decree are one: both walks call each condition and loop by the same name."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from jinja2 import nodes

from newsletter.render.deferral.forcing import ForcingSandbox
from newsletter.render.deferral.ledger import FORCE, Deferred
from newsletter.render.deferral.rewrite import DeferringSandbox
from newsletter.render.environment import make_environment
from tests.render.test_slots_tables import EQUAL, REFUSED

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(
    str(path.relative_to(ROOT)) for path in (ROOT / "templates").rglob("*.*") if path.suffix != ".png"
)
TRICKY = (
    "{% if a %}{% if subscriber.x %}1{% endif %}{% elif subscriber.y %}2{% elif b %}3{% else %}4{% endif %}",
    "{% set v = subscriber.x %}{% if v %}1{% endif %}{% for n in v %}{{ n }}{% if n %}2{% endif %}{% endfor %}",
    "{% for n in [1] if subscriber.x %}{% if loop.last %}1{% endif %}{% endfor %}{% if subscriber.y %}{% endif %}",
    "{% for v in a %}{% for w in subscriber.tags %}{% if v %}1{% endif %}{% if w %}2{% endif %}{% endfor %}{% endfor %}",
    "{% for a in subscriber.tags %}{% for a in [1] %}{% if a %}1{% endif %}{% endfor %}{% if a %}2{% endif %}{% endfor %}",
    "{% macro m(x) %}{% if subscriber.x %}{{ x }}{% endif %}{% endmacro %}{% if subscriber.y %}{{ m(1) }}{% endif %}",
    "{% call(v) m() %}{% if v %}1{% endif %}{% if subscriber.x %}2{% endif %}{% endcall %}",
    "{% set t %}{% if subscriber.x %}1{% endif %}{% endset %}{% if t %}{% if subscriber.y %}2{% endif %}{% endif %}",
    "{% with v = 1 %}{% if v and subscriber.x %}1{% endif %}{% endwith %}{% filter upper %}{% if subscriber.y %}{% endif %}{% endfilter %}",
    "{% block a %}{% set v = subscriber.x %}{% if v %}1{% endif %}{% endblock %}{% if v %}2{% endif %}{% if subscriber.y %}{% endif %}",
    "{% if __member('a') %}1{% endif %}{% for n in a %}{% else %}{% if subscriber.x %}2{% endif %}{% endfor %}",
    "{% for n in subscriber.tags %}{% else %}{% if subscriber.x %}2{% endif %}{% endfor %}{% if subscriber.y %}{% endif %}",
)  # fmt: skip


def environment(kind: Any) -> Any:
    return make_environment(kind, None, autoescape=True, language="sv", zone=dt.UTC)


def walked(source: str) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """Names and lines of what is put off, and of what can be answered by decree."""
    deferred = Deferred()
    deferring = environment(DeferringSandbox)
    deferring.begin(deferred)
    deferring._parse(source, None, "a.mjml")
    tree = environment(ForcingSandbox)._parse(source, None, "a.mjml")
    found = [one for one in tree.find_all(nodes.Filter) if one.name == FORCE]
    answered = [(one.args[0].as_const(), one.lineno) for one in found]
    return sorted((one.key, one.line) for one in deferred.sites.values() if one.key), sorted(answered)


@pytest.mark.parametrize("source", TRICKY)
def test_of_what_is_easily_counted_otherwise(source: str) -> None:
    put_off, answered = walked(source)
    assert put_off == answered
    assert put_off


@pytest.mark.parametrize("file", SHIPPED)
def test_of_shipped_templates(file: str) -> None:
    put_off, answered = walked((ROOT / file).read_text(encoding="utf-8"))
    assert put_off == answered


def test_of_all_probes() -> None:
    probes = [*EQUAL.values(), *(parts for parts, _ in REFUSED.values())]
    for source in (text for parts in probes for text in parts.values()):
        put_off, answered = walked(source)
        assert put_off == answered, source
