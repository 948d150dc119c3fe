"""Bodies and templates that would keep the program busy for hours, or make it lose a text without a word."""

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from newsletter.errors import ChecksFailed

TOO_LONG_S = 60  # what is linear takes a second; what is not takes days
TEMPLATE = """<mjml><mj-head>{head}</mj-head><mj-body>{body}{{{{ intro.body }}}}{{% for section in sections %}}
{{{{ section.body }}}}{{% endfor %}}<mj-text><a href="{{{{ links.unsubscribe }}}}">Bort</a></mj-text></mj-body></mjml>"""


@pytest.fixture(autouse=True)
def in_time() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, TOO_LONG_S)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def codes(workshop: Any, *, text: str = "Hej!", body: str = "", head: str = "") -> set[str]:
    """What is said of the letter."""
    workshop.write("templates/brev.mjml", TEMPLATE.format(head=head, body=body))
    workshop.body(text)
    try:
        workshop.content()
    except ChecksFailed as failed:
        return {problem.code for problem in failed.problems}
    return set()


@pytest.mark.parametrize(
    "text",
    [
        " ".join(["{# a #}"] * 60) + " x",
        "::: x" + " " * 50_000 + "y",
        "## a" + " " * 60_000 + "b",
        "\n\n".join("a" + " " * 9_000 + "b" for _ in range(10)),
        "{{ ( }} " * 20_000,
        ">" * 5_000 + " djup",
    ],
    ids=["comments", "colons", "heading", "blanks", "braces", "quotes"],
)
def test_no_text_keeps_it_busy(workshop: Any, text: str) -> None:
    codes(workshop, text=text)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("<mj-text>" + "<img " * 50_000 + "</mj-text>", {"T120"}),
        ("<mj-text>" + '<img src="https://e.org/a" ><!-- c -->' * 5_000 + "</mj-text>", set()),
        ("<mj-include " + "a" * 60_000 + " />", {"T105"}),
        ("<mj-text>" + "<div>" * 300 + "x" + "</div>" * 300 + "</mj-text>", {"T128"}),
        (
            "{% set ns = namespace(a=1) %}"
            + "{% set ns.a = [ns.a, ns.a] %}" * 40
            + "<mj-text>{{ ns.a }}</mj-text>",
            {"M105"},
        ),
        (
            "{% set a = range(99999) | list %}{% for i in range(99999) %}{% if -1 in a %}x{% endif %}{% endfor %}",
            {"M110"},
        ),
        (
            '{% set a = "x" * 900000 %}<mj-text>{% for i in range(5000) %}{{ a }}{% endfor %}</mj-text>',
            {"M110"},
        ),
    ],
    ids=["tags", "pictures", "include", "depth", "doubling", "search", "printing"],
)
def test_no_template_keeps_it_busy(workshop: Any, body: str, told: set[str]) -> None:
    assert told <= codes(workshop, body=body)


def test_no_style_sheet_keeps_it_busy(workshop: Any) -> None:
    sheet: Callable[[str], str] = '<mj-style inline="inline">{}</mj-style>'.format
    assert codes(workshop, head=sheet("\n".join(f".a{n} {{ color: red }}" for n in range(5_000)))) == {"T128"}
    assert codes(workshop, head=sheet("@media print {" * 3_000 + "}" * 3_000)) != set()


@pytest.mark.parametrize(
    "body",
    [
        "<mj-text>Hej <!-- kvar</mj-text><mj-text>Borta</mj-text>",
        '<mj-text><a href="https://e.org>Borta</a></mj-text>',
        "<mj-text><title>Borta</mj-text><mj-text>Borta</mj-text>",
        "<mj-text><![CDATA[Borta]]></mj-text>",
        "<mj-text>Hej <b</mj-text>",
    ],
)
def test_what_would_swallow_a_text_is_told(workshop: Any, body: str) -> None:
    assert codes(workshop, body=body) & {"T120", "T123"}


def test_a_comment_takes_itself_away_and_nothing_behind_it(workshop: Any) -> None:
    workshop.body("{# a #} mitten {# b #}\nslutet")
    text = workshop.content().text
    assert "mitten" in text
    assert "slutet" in text


def test_lists_and_quotes_stand_deep_in_each_other(workshop: Any) -> None:
    workshop.body(
        "\n".join("  " * depth + f"- djup{depth}" for depth in range(20)) + "\n\n" + ">" * 40 + " citat"
    )
    content = workshop.content()
    for word in (*(f"djup{depth}" for depth in range(20)), "citat"):
        assert word in content.html
        assert word in content.text


def test_a_style_sheet_does_not_end_its_element(workshop: Any) -> None:
    workshop.write(
        "templates/brev.mjml",
        TEMPLATE.format(head="<mj-style>.a::before { content: '</style><b>ut</b>' }</mj-style>", body=""),
    )
    assert "<b>ut</b>" not in workshop.content().html
