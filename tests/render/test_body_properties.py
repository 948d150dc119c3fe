"""Whatever is written: reading never raises, Jinja arrives as it was written, and data never runs."""

import html as html_entities
import re
from collections.abc import Iterator

import jinja2
import markupsafe
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from newsletter.errors import Place
from newsletter.render.body import field_markdown, field_picture, inline_markdown, parse_body
from newsletter.render.tokens import tokenise
from newsletter.render.tree import Block, Body, Button, Control, Item, Only, Picture, Section, Text

ESCAPING = jinja2.Environment(autoescape=True)
PLAIN = jinja2.Environment(autoescape=False)  # noqa: S701 - the text part
PIECES = [
    "{{",
    "x",
    "}}",
    "{%",
    "if",
    "a",
    "%}",
    "{%",
    "endif",
    "%}",
    "{%",
    "else",
    "%}",
    "{%",
    "elif",
    "b",
    "%}",
    "{%",
    "for",
    "i",
    "in",
    "y",
    "%}",
    "{%",
    "endfor",
    "%}",
    "{%",
    "set",
    "q",
    "=",
    "1",
    "%}",
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "{#",
    "c",
    "#}",
    "{%",
    "raw",
    "%}",
    "{%",
    "endraw",
    "%}",
    "{{-",
    "-}}",
    "{%-",
    "if",
    "z",
    "-%}",
    "-",
    "1.",
    ">",
    "##",
    "###",
    "#",
    "---",
    "***",
    "===",
    ":::",
    "::::",
    "|",
    "|---|",
    "**",
    "_",
    "`",
    "```",
    "~~~",
    "\\",
    "<b>",
    "<!--",
    "<{{",
    "u",
    "}}>",
    "<http://a>",
    "å",
    '"',
    "'",
    "a",
    "&amp;",
    "[r]:/x",
    "[r]",
    "{",
    "}",
    "x:",
    "![",
    "](",
    "(",
    ")",
    "{.k}",
    '{credit="x"}',
    "{credit=”x”}",
    "{a=b}",
    "![a](b.jpg)",
    "[l](http://x.y)",
    "[l]({{",
    "u",
    "}})",
    "**[b](http://x)**",
    "{%if(a)%}",
    "{{'}}'}}",
]
LINES = (
    *(
        "\n",
        "\n\n",
        "\n",
        " ",
        "  ",
        "    ",
        "\t",
        "\r\n",
        "\0",
        "\u2028",
        "::: only s\n",
        "::: only not s",
        "::: person\n",
    ),
    *(
        "name: v\n",
        "\n::: snippet a\n",
        "![a](b c.jpg)",
        "| a | b |\n|---|---|\n",
        "\n{% if a %}\n",
        "\n{% endif %}\n",
    ),
    *("\n- ", "\n:::\n", "\n## "),
)
bodies = st.one_of(
    st.text(),
    st.lists(st.sampled_from((*PIECES, *LINES)) | st.text(max_size=3), max_size=25).map("".join),
)


def items_in(items: tuple[Item, ...]) -> Iterator[Item]:
    for item in items:
        yield item
        yield from items_in(
            item.items if isinstance(item, Only) else item.children if isinstance(item, Block) else ()
        )


def sections(body: Body) -> tuple[Section, ...]:
    return (body.intro, *body.sections, body.closing)


def program(items: tuple[Item, ...], part: str) -> str:
    """The items as one Jinja source, the way that templates run them."""
    out = []
    for item in items:
        match item:
            case Control():
                out.append(item.source)
            case Text():
                out.append(getattr(item, part) + "\n")
            case Button():
                out.append((item.label_html if part == "html" else item.label) + "\n")
            case Only():
                out.append(program(item.items, part))
            case Block():
                out.append(program(item.children, part))
    return "".join(out)


@settings(max_examples=300, deadline=None)
@given(bodies, st.sampled_from(["sv", "en", "xx"]))
@example("> - {% if a %}\n>   - b\n> {% endif %}", "sv")
@example("{{ " + "(" * 3000, "sv")
@example("{{ " + "(" * 3000 + ")" * 3000 + " }}", "sv")
@example(">" * 500 + "- " * 500 + "[" * 500, "sv")
@example("{{ " + "9" * 5000 + " }}", "sv")
def test_reading_never_raises_and_what_is_sound_can_run(text: str, language: str) -> None:
    def snippet(name: str) -> tuple[str, str] | None:
        return ("s.md", "{{ s }}\n\n::: snippet a\n") if name == "a" else None

    body, problems = parse_body(text, file="c.md", first_line=3, language=language, snippet=snippet)
    lines = re.split("\r\n|\r|\n", text)
    for problem in problems:
        place = problem.place
        assert place is not None
        assert place.line
        assert place.column
        if place.file == "c.md":
            assert place.column <= len(lines[place.line - 3]) + 1
    if any(problem.is_error for problem in problems):
        return
    for section in sections(body):
        for part in ("html", "text"):
            ESCAPING.parse(program(section.items, part))
        for source in (section.title_html, section.title):
            ESCAPING.parse(source)
        for item in items_in(section.items):
            for field in item.fields.values() if isinstance(item, Block) else ():
                field_picture(field)
                marked = field_markdown(field)
                if not any(problem.is_error for problem in marked.problems):
                    ESCAPING.parse(marked.html)
                    ESCAPING.parse(marked.text)


@settings(max_examples=300, deadline=None)
@given(bodies)
def test_expressions_end_where_jinjas_own_lexer_ends_them(text: str) -> None:
    assume("-" not in text)  # blank control is done here and not left to Jinja
    expected: list[str] = []
    current: list[str] | None = None
    try:
        for _, kind, value in ESCAPING.lexer.tokeniter(text, None):
            if kind in ("variable_begin", "block_begin"):
                current = []
            if current is not None:
                current.append(value)
            if kind in ("variable_end", "block_end") and current is not None:
                expected.append("".join(current))
                current = None
    except jinja2.TemplateSyntaxError:
        return
    assume(current is None)
    found = tokenise(text, [Place("c.md", 1, 1)])
    assert [mark.written for mark in found.marks] == expected
    # Jinja lets a comment run out with the file if nothing comes behind its opening.
    assert all(problem.message == "`{#` is not closed" for problem in found.problems)


# One expression in a place of its own: (how it is written, how often its value is shown in HTML, and in text).
POSITIONS = {
    "paragraph": ("a {E} b", 1, 1),
    "glued": ("a{E}b", 1, 1),
    "bold": ("**{E}**", 1, 1),
    "emphasis inside a word": ("a*{E}*b", 1, 1),
    "quotes": ('"{E}"', 1, 1),
    "heading": ("### {E}", 1, 1),
    "list": ("- a\n- {E}", 1, 1),
    "nested list": ("1. a\n   - {E}\n2. b", 1, 1),
    "quote": ("> {E}\n> b", 1, 1),
    "code span": ("`{E}`", 1, 1),
    "code fence": ("```\n{E}\n```", 1, 1),
    "indented code": ("a\n\n    {E}", 1, 1),
    "table head": ("| {E} | b |\n|---|---|\n| a | b |", 1, 1),
    "table cell": ("| a | b |\n|---|---|\n| {E} | b |", 1, 1),
    "link text": ("[{E}](https://a.b)", 1, 1),
    "address": ("a [b]({E}) c", 1, 1),
    "query": ("a [b](https://a.b/?c=1&d={E}) c", 1, 1),
    "autolink": ("<https://a.b/{E}>", 2, 1),
    "bare autolink": ("<{E}>", 2, 1),
    "title of a link": ('[a](https://b.c "{E}")', 1, 0),
    "reference": ("[a][r]\n\n[r]: https://a.b/{E}", 1, 1),
    "condition": ("{% if true %}a {E}{% endif %} b", 1, 1),
    "condition on lines": ("{% if true %}\n{E}\n{% endif %}", 1, 1),
    "loop in a list": ("- a\n{% for i in [1] %}\n- {E}\n{% endfor %}", 1, 1),
    "button": ("**[a {E}](https://b.c)**", 1, 1),
    "hard break": ("a\\\n{E}  \nb", 1, 1),
}
expressions = st.sampled_from(
    [
        "v",
        "v|default('a}}b')",
        'v or "*a* _b_"',
        "{'a': v}['a']",
        "v if 'x' in ['x'] else '|'",
        "(\n  v\n)",
        "[v][0]",
    ]
)
values = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20).map(lambda text: f"<å{text}&é>")


@pytest.mark.parametrize(("written", "in_html", "in_text"), POSITIONS.values(), ids=POSITIONS)
@settings(max_examples=12, deadline=None)
@given(
    expression=expressions,
    value=values | st.sampled_from(["<å{{ 7*7 }}é>", "<å{% raw %}é>", "<å**b** [c](d)é>"]),
)
def test_a_value_arrives_unchanged_wherever_it_is_asked_for(
    written: str, in_html: int, in_text: int, expression: str, value: str
) -> None:
    body, problems = parse_body(
        written.replace("{E}", "{{ " + expression + " }}"), file="c.md", language="sv"
    )
    assert problems == ()
    escaped = str(markupsafe.escape(value))
    shown = ESCAPING.from_string(program(body.intro.items, "html")).render(v=value)
    assert shown.count(escaped) == in_html
    assert value not in shown
    assert PLAIN.from_string(program(body.intro.items, "text")).render(v=value).count(value) == in_text


@settings(max_examples=30, deadline=None)
@given(expression=expressions, value=values)
def test_a_value_arrives_in_titles_pictures_and_fields(expression: str, value: str) -> None:
    jinja = "{{ " + expression + " }}"
    body, problems = parse_body(
        f"## {jinja}\n\n[![{jinja}](a.png){{credit='{jinja}'}}]({jinja})\n\n::: box\nx: **{jinja}**\n:::",
        file="c.md",
    )
    assert problems == ()
    (section,) = body.sections
    picture, block = section.items
    assert isinstance(picture, Picture)
    assert isinstance(block, Block)
    escaped = str(markupsafe.escape(value))
    assert ESCAPING.from_string(section.title_html).render(v=value) == escaped
    for plain in (section.title, picture.alt, picture.attributes["credit"], picture.link or ""):
        assert PLAIN.from_string(plain).render(v=value) == value
    marked = field_markdown(block.fields["x"])
    assert ESCAPING.from_string(marked.html).render(v=value) == f"<strong>{escaped}</strong>"


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])) | bodies)
def test_raw_text_comes_out_letter_by_letter(text: str) -> None:
    assume("endraw" not in text and "~~~~" not in text and not set("\r\0") & set(text) and text.strip())
    body, problems = parse_body(f"~~~~\n{{% raw %}}\n{text}\n{{% endraw %}}\n~~~~", file="c.md")
    assert problems == ()
    (item,) = body.intro.items
    assert isinstance(item, Text)
    shown = ESCAPING.from_string(item.html).render()
    assert html_entities.unescape(shown) == f"<pre><code>\n{text}\n\n</code></pre>"


@settings(max_examples=200, deadline=None)
@given(
    st.text(alphabet="{}%#a '-")
    | st.lists(st.sampled_from(["{", "}", "%", "#", "{{ v }}", "a"])).map("".join)
)
def test_braces_that_are_text_stay_text(text: str) -> None:
    found = inline_markdown(text, place=Place("c.md", 1, 1))
    if not any(problem.is_error for problem in found.problems) and not found.expressions:
        shown = PLAIN.from_string(found.text).render()
        assert shown.count("{") == re.sub(r"\{#.*?#\}", "", text, flags=re.DOTALL).count("{")


@settings(max_examples=100, deadline=None)
@given(bodies)
def test_reading_twice_gives_the_same(text: str) -> None:
    assert parse_body(text, file="c.md") == parse_body(text, file="c.md")
