"""What the author writes, as the tree of sections and parts that templates get."""

import pytest

from newsletter.errors import Place
from newsletter.render.body import field_markdown, field_picture, parse_body
from newsletter.render.filling import filled
from newsletter.render.tree import Block, Body, Button, Control, Field, Item, Only, Picture, Section, Text


def read(text: str, **options: object) -> Body:
    body, problems = parse_body(text, file="c.md", first_line=10, language="sv", **options)  # type: ignore[arg-type]
    assert problems == ()
    return body


def parts(text: str, **options: object) -> tuple[Item, ...]:
    return read(text, **options).intro.items


def sketch(items: tuple[Item, ...]) -> list[object]:
    """Items in short: a text by its plain text, a statement by its source, blocks with what is in them."""
    out: list[object] = []
    for item in items:
        match item:
            case Text():
                out.append(filled(item.text))
            case Picture():
                out.append(("picture", item.source))
            case Button():
                out.append(("button", item.label))
            case Control():
                out.append(item.source)
            case Only():
                out.append(("only", item.negated, item.segment, sketch(item.items)))
            case Block():
                fields = {name: field.value for name, field in item.fields.items()}
                out.append((item.name, fields, *sketch(item.children)))
    return out


def test_the_letter_of_the_design_becomes_intro_sections_and_closing() -> None:
    body = read(
        'Hej {{ subscriber.first_name or "där" }}!\n'
        "\n"
        "## Den twittrande kommunchefen\n"
        '![Mattias Jansson på scenen](mattias.jpg){credit="Foto: Åsa"}\n'
        "\n"
        "Text.\n"
        "\n"
        "**[Läs hela samtalet](https://example.org/?a=1&b=2)**\n"
        "\n"
        "## Hur skapar vi ett jämställt näringsliv? {.panel}\n"
        "::: person\n"
        "name: Amanda Lundeteg\n"
        "image: ![Amanda Lundeteg, tecknad](amanda.png)\n"
        "problem: Markdown, on one line or\n"
        "  with indented lines that go on\n"
        ":::\n"
        "\n"
        "---\n"
        "::: only i-visby\n"
        "Vi ses på kajen.\n"
        ":::\n"
    )
    assert sketch(body.intro.items) == ['Hej {{ subscriber.first_name or "där" }}!']
    first, panel = body.sections
    assert (first.title, first.kind, first.place) == (
        "Den twittrande kommunchefen",
        None,
        Place("c.md", 12, 1),
    )
    assert sketch(first.items) == [("picture", "mattias.jpg"), "Text.", ("button", "Läs hela samtalet")]
    assert isinstance(first.items[0], Picture)
    assert first.items[0].attributes == {"credit": "Foto: Åsa"}
    assert isinstance(first.items[2], Button)
    assert first.items[2].href == "https://example.org/?a=1&b=2"
    assert (panel.title, panel.kind, panel.kind_place) == (
        "Hur skapar vi ett jämställt näringsliv?",
        "panel",
        Place("c.md", 19, 46),
    )
    assert sketch(panel.items) == [
        (
            "person",
            {
                "name": "Amanda Lundeteg",
                "image": "![Amanda Lundeteg, tecknad](amanda.png)",
                "problem": "Markdown, on one line or\nwith indented lines that go on",
            },
        )
    ]
    assert sketch(body.closing.items) == [("only", False, "i-visby", ["Vi ses på kajen."])]


def test_an_empty_body_is_an_empty_intro() -> None:
    assert read("") == Body(Section(Place("c.md", 10, 1)), (), Section(Place("c.md", 10, 1)))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{% if x %}\na\n{% endif %}", ["{% if x %}", "a", "{% endif %}"]),
        (
            "a\n{% if x %}\nb\n{% else %}\nc\n{% endif %}\nd",
            ["a", "{% if x %}", "b", "{% else %}", "c", "{% endif %}", "d"],
        ),
        ("a\n\n{% if x %}\n\nb\n\n{% endif %}\n\nd", ["a", "{% if x %}", "b", "{% endif %}", "d"]),
        ("{% if x %}{% set y = 1 %}{% endif %}\na", ["{% if x %}", "{% set y = 1 %}", "{% endif %}", "a"]),
        ("{%- if x -%}\na\n\n{%- endif -%}\nb", ["{% if x %}", "a", "{% endif %}", "b"]),
        ("{% if x\n   and y %}\na\n{% endif %}", ["{% if x\n   and y %}", "a", "{% endif %}"]),
        ("{% if x %}![a](b.png){% endif %}", ["{% if x %}", ("picture", "b.png"), "{% endif %}"]),
        ("{% if x %}a{% else %}b{% endif %}", ["{% if x %}a{% else %}b{% endif %}"]),
        ("a {% if x %}\nb\n{% endif %} c", ["a {% if x %} b {% endif %} c"]),
        ("- a\n{% if x %}\n- b\n{% endif %}\n- c", ["- a\n{% if x %}- b\n{% endif %}- c"]),
        ("{% if x %}\n- a\n{% else %}\n- b\n{% endif %}", ["{% if x %}- a\n{% else %}- b\n{% endif %}"]),
        ("- a\n\n{% if x %}\nb\n{% endif %}", ["- a", "{% if x %}", "b", "{% endif %}"]),
        (
            "- a\n{% if x %}\n- b\n::: box\n:::\n{% endif %}",
            ["- a", "{% if x %}", "- b", ("box", {}), "{% endif %}"],
        ),
        (
            "{% for p in q %}\n![{{ p }}](b.png)\n{% endfor %}",
            ["{% for p in q %}", ("picture", "b.png"), "{% endfor %}"],
        ),
        ("{# a note #}\na\n{# one\nmore #}\nb", ["a b"]),
        ("a {# note #}b", ["a b"]),
    ],
)
def test_a_statement_on_its_line_stands_between_parts_and_inside_lists(
    written: str, expected: list[object]
) -> None:
    assert sketch(parts(written)) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("::: a\n:::", [("a", {})]),
        (":::a\n:::", [("a", {})]),
        ("::: a\nx: 1\ny: 2\n:::", [("a", {"x": "1", "y": "2"})]),
        ("::: a\nx:1\n:::", [("a", {"x": "1"})]),
        ("::: a\nx:\n  1\n  2\n:::", [("a", {"x": "1\n2"})]),
        ("::: a\nx: 1\n\n  - 2\n    - 3\n\ny: 4\n:::", [("a", {"x": "1\n\n- 2\n  - 3", "y": "4"})]),
        ("::: a\nx:\n:::", [("a", {"x": ""})]),
        (
            "::: a\nx: {{ b }} {# note #}{% raw %}{{{% endraw %}\n:::",
            [("a", {"x": "{{ b }} {# note #}{% raw %}{{{% endraw %}"})],
        ),
        ("::: a\nx: text\n  ```\n  ::: b\n  ```\n:::", [("a", {"x": "text\n```\n::: b\n```"})]),
        ("::: a\nbild_1: http://x\n:::", [("a", {"bild_1": "http://x"})]),
        (":::: a\nx: 1\n::: b\ny: 2\n:::\n::::", [("a", {"x": "1"}, ("b", {"y": "2"}))]),
        (
            ":::: a\n{% for p in q %}\n::: b\ny: {{ p }}\n:::\n{% endfor %}\n::::",
            [("a", {}, "{% for p in q %}", ("b", {"y": "{{ p }}"}), "{% endfor %}")],
        ),
        (
            ":::: only x\na\n::: b\n:::\n**[c](https://d.e)**\n::::",
            [("only", False, "x", ["a", ("b", {}), ("button", "c")])],
        ),
        ("::: only not x\na\n:::", [("only", True, "x", ["a"])]),
        ("::: only not\na\n:::".replace("not", "not-x"), [("only", False, "not-x", ["a"])]),
        ("```\n::: a\n## b\n---\n```", ["    ::: a\n    ## b\n    ---"]),
        ("a\n::: b\n:::\nc", ["a", ("b", {}), "c"]),
    ],
)
def test_blocks(written: str, expected: list[object]) -> None:
    assert sketch(parts(written)) == expected


def test_a_field_knows_where_each_of_its_lines_begins() -> None:
    (block,) = parts("::: a\nx: one {{ b\n  }} two\n  three\n:::")
    assert isinstance(block, Block)
    field = block.fields["x"]
    assert field.value == "one {{ b\n  }} two\nthree"
    assert field.place == Place("c.md", 11, 4)
    assert field.lines == (Place("c.md", 11, 4), Place("c.md", 12, 1), Place("c.md", 13, 3))


@pytest.mark.parametrize(
    ("written", "source", "alt", "attributes", "link"),
    [
        ("![a](b.png)", "b.png", "a", {}, None),
        ("![Åsa *på* `scen` {{ x }}](återblick.jpg)", "återblick.jpg", "Åsa på scen {{ x }}", {}, None),
        (
            '![](b.png){a=1 b=\'2 "\' c="{{ d }} }"}',
            "b.png",
            "",
            {"a": "1", "b": '2 "', "c": "{{ d }} }"},
            None,
        ),
        ("![a](b.png){a=1\nb=2}", "b.png", "a", {"a": "1", "b": "2"}, None),
        ("[![a](b.png)](https://c.d/?e&f={{ g }})", "b.png", "a", {}, "https://c.d/?e&f={{ g }}"),
        ("[![a](b.png){x=1}](https://c.d)", "b.png", "a", {"x": "1"}, "https://c.d"),
        ("[![a](b.png)](https://c.d){x=1}", "b.png", "a", {"x": "1"}, "https://c.d"),
        ("![a](./sub/b.png)", "./sub/b.png", "a", {}, None),
    ],
)
def test_a_picture_alone_in_its_paragraph(
    written: str, source: str, alt: str, attributes: dict[str, str], link: str | None
) -> None:
    assert parts(f"a\n\n{written}\n\nb")[1] == Picture(Place("c.md", 12, 1), source, alt, attributes, link)


@pytest.mark.parametrize(
    ("written", "button"),
    [
        ("**[a](https://b.c)**", True),
        ("__[a](https://b.c)__", True),
        ("[**a**](https://b.c)", True),
        ("**[*a* {{ x }}](https://b.c)**", True),
        ("**[a](https://b.c) d**", False),
        ("**[a](https://b.c)** d", False),
        ("*[a](https://b.c)*", False),
        ("[a](https://b.c)", False),
        ("- **[a](https://b.c)**", False),
        ("> **[a](https://b.c)**", False),
        ("**[a](https://b.c)[d](https://b.c)**", False),
    ],
)
def test_only_a_bold_link_alone_in_its_paragraph_is_a_button(written: str, button: bool) -> None:
    (part,) = parts(written)
    assert isinstance(part, Button) is button


def test_a_snippet_gives_its_parts_and_its_own_places() -> None:
    texts = {
        "a": ("campaigns/_snippets/a.md", "Hej\n\n::: snippet b\n"),
        "b": ("campaigns/_snippets/b.md", "\n![x](y.png)"),
    }
    body = read("före\n::: snippet a\nefter\n::: snippet b\n", snippet=texts.get)
    assert sketch(body.intro.items) == ["före", "Hej", ("picture", "y.png"), "efter", ("picture", "y.png")]
    assert body.intro.items[2].place == Place("campaigns/_snippets/b.md", 2, 1)
    assert body.snippets == ("campaigns/_snippets/a.md", "campaigns/_snippets/b.md")


def test_every_expression_is_listed_with_its_place() -> None:
    snippet = ("s.md", "{{ d }}")
    body = read(
        "{{ a }} {% if b %}x{% endif %}\n::: box\nc: {{ c }}\n:::\n::: snippet s", snippet=lambda _: snippet
    )
    assert [(str(found.place), found.source) for found in body.expressions] == [
        ("c.md:10:1", "{{ a }}"),
        ("c.md:10:9", "{% if b %}"),
        ("c.md:10:20", "{% endif %}"),
        ("c.md:12:4", "{{ c }}"),
        ("s.md:1:1", "{{ d }}"),
    ]


@pytest.mark.parametrize(
    ("title", "html", "text", "kind"),
    [
        ("Birger & Blom", "Birger &amp; Blom", "Birger & Blom", None),
        ("*Hej* {{ x }} ##", "<em>Hej</em> {{ x }}", "Hej {{ x }}", None),
        ('"Hej" -- du {.panel}', "”Hej” – du", "”Hej” – du", "panel"),
        ("Hej{.panel}", "Hej", "Hej", "panel"),
        ("{.panel}", "", "", "panel"),
        (r"Hej \{.panel}", "Hej {.panel}", "Hej {.panel}", None),
        ("", "", "", None),
    ],
)
def test_titles(title: str, html: str, text: str, kind: str | None) -> None:
    (section,) = read(f"## {title}").sections
    assert (section.title_html, section.title, section.kind) == (html, text, kind)


def test_a_markdown_field_of_one_paragraph_has_no_paragraph_around_it() -> None:
    place = Place("c.md", 4, 9)
    assert field_markdown(Field(place, "**Hej** {{ x }}\ndu")).html == "<strong>Hej</strong> {{ x }}\ndu"
    assert field_markdown(Field(place, "a\n\nb")).html == "<p>a</p>\n<p>b</p>"
    assert (
        field_markdown(Field(place, "{% if x %}\na\n{% endif %}")).html == "{% if x %}\n<p>a</p>\n{% endif %}"
    )
    assert filled(field_markdown(Field(place, "- a\n- b")).text) == "- a\n- b"


def test_problems_inside_a_field_stand_at_their_own_lines() -> None:
    (block,) = parts("::: a\nx: one\n  <b>two <i>\n:::")
    assert isinstance(block, Block)
    problems = field_markdown(block.fields["x"]).problems
    assert [str(problem.place) for problem in problems] == ["c.md:12:3", "c.md:12:10"]


def test_an_image_field() -> None:
    place = Place("c.md", 4, 8)
    picture, problems = field_picture(Field(place, '![Amanda, tecknad](amanda.png){credit="x"}'))
    assert picture == Picture(place, "amanda.png", "Amanda, tecknad", {"credit": "x"})
    assert problems == ()
    picture, problems = field_picture(Field(place, "amanda.png"))
    assert picture is None
    assert [problem.as_text() for problem in problems] == [
        "error    C128  this is no picture   c.md:4:8\n   try:  write `![what it shows](file.jpg)`"
    ]
