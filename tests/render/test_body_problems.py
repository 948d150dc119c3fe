"""What is wrong in a body, in the exact words and at the exact place; one mistake gives one problem."""

import pytest

from newsletter.render.body import parse_body

SNIPPETS = {
    "a": ("_s/a.md", "::: snippet b\n"),
    "b": ("_s/b.md", "x\n::: snippet a\n"),
    "s": ("_s/s.md", "Hej\n## nej\n---\n{{ x y }}\n"),
}


def said(written: str, first_line: int = 1) -> str:
    _, problems = parse_body(
        written, file="c.md", first_line=first_line, language="sv", snippet=SNIPPETS.get, snippets=SNIPPETS
    )
    return "\n".join(problem.as_text() for problem in problems)


@pytest.mark.parametrize(
    ("written", "problems"),
    [
        (
            "# Rubrik",
            [
                "error    C101  `#` is no heading in a body   c.md:1:1",
                "   try:  `## Title` begins a section, `### Title` is a heading inside; the title of all is the subject",
            ],
        ),
        (
            "##Rubrik",
            [
                "error    C107  `##` without a blank is no heading   c.md:1:1",
                "   try:  write a blank behind it: `## …`; as text write `\\##`",
            ],
        ),
        (
            "::: box\na: 1\n## Rubrik\n:::",
            [
                "error    C102  a section inside `::: box` (line 1)   c.md:3:1",
                "   try:  close `::: box` before it, or write `### Title`",
            ],
        ),
        (
            "::: box\na: 1\n\n## Rubrik",
            [
                "error    C110  `::: box` is not closed   c.md:1:1",
                "   try:  close it with `:::` on a line of its own",
            ],
        ),
        (
            "{% if x %}\n## A\n{% endif %}",
            [
                "error    C102  a section inside `{% if x %}` (line 1)   c.md:2:1",
                "   try:  put the condition inside the section: `{% endif %}` before this line",
            ],
        ),
        (
            "## A\n{% if x %}\na\n## B\nb\n{% endif %}",
            [
                "error    C102  a section inside `{% if x %}` (line 2)   c.md:4:1",
                "   try:  put the condition inside the section: `{% endif %}` before this line",
            ],
        ),
        (
            "> ## Rubrik",
            [
                "error    C102  a heading inside a list or quote   c.md:1:1",
                "   try:  a section's `##` begins its line; use **bold** here",
            ],
        ),
        (
            "- # Rubrik",
            [
                "error    C102  a heading inside a list or quote   c.md:1:1",
                "   try:  a section's `##` begins its line; use **bold** here",
            ],
        ),
        (
            "---\n## A",
            [
                "error    C103  `---` before the first section   c.md:1:1",
                "   try:  it leaves the last section for the closing; a line in the text is `***`",
            ],
        ),
        (
            "## A\n---\na\n---",
            [
                "error    C103  `---` a second time (first in line 2)   c.md:4:1",
                "   try:  it leaves the last section for the closing; a line in the text is `***`",
            ],
        ),
        (
            "## A\n---\n## B",
            [
                "error    C103  `---` with a section after it (line 3)   c.md:2:1",
                "   try:  move `---` behind the last section, or write `***` for a line in the text",
            ],
        ),
        (
            "## A\n::: only x\n---\n:::",
            [
                "error    C103  `---` inside `::: only x`   c.md:3:1",
                "   try:  it leaves the last section for the closing; a line in the text is `***`",
            ],
        ),
        (
            "## A\n{% if x %}\n---\n{% endif %}",
            [
                "error    C102  `---` inside `{% if x %}` (line 2)   c.md:3:1",
                "   try:  put the condition inside the section: `{% endif %}` before this line",
            ],
        ),
        (
            "## A {panel}",
            [
                "error    C104  `{panel}` is no kind   c.md:1:6",
                "   try:  a section's kind is one word behind a dot: `## Title {.panel}`; as text write `\\{`",
            ],
        ),
        (
            "## A {.panel .b}",
            [
                "error    C104  `{.panel .b}` is no kind   c.md:1:6",
                "   try:  a section's kind is one word behind a dot: `## Title {.panel}`; as text write `\\{`",
            ],
        ),
        (
            "## A {#ankare}",
            [
                "error    M130  `{#` is not closed   c.md:1:6",
                "   try:  `{# … #}` is a comment and ends with `#}`; anchors `{#name}` are not known",
            ],
        ),
        (
            "Rubrik\n======",
            [
                "warning  C105  underlined headings are not known   c.md:2:1",
                "   try:  `## Title` begins a section, `### Title` is a heading inside",
            ],
        ),
        (
            "```\nkod\n## A",
            [
                "error    C106  this code fence is not closed   c.md:1:1",
                "   try:  close it with ``` on a line of its own; everything below is code until then",
            ],
        ),
        (
            "::: person\nname: A",
            [
                "error    C110  `::: person` is not closed   c.md:1:1",
                "   try:  close it with `:::` on a line of its own",
            ],
        ),
        (
            "::: person\nname: A\n\n::: person\nname: B\n:::",
            [
                "error    C110  `::: person` is not closed before `::: person` (line 4)   c.md:1:1",
                "   try:  close it with `:::`; if `person` stands inside it, begin and end the outer block with `::::`",
            ],
        ),
        (
            "::: only x\n::: person\nname: A\n:::\n:::",
            [
                "error    C110  `::: only x` is not closed before `::: person` (line 2)   c.md:1:1",
                "   try:  close it with `:::`; if `person` stands inside it, begin and end the outer block with `::::`",
            ],
        ),
        (
            "::: only x\ntext\n::::",
            [
                "error    C111  `::::` does not close `::: only x` (line 1)   c.md:3:1",
                "   try:  close it with `:::`",
            ],
        ),
        (
            ":::",
            [
                "error    C111  `:::` closes nothing   c.md:1:1",
                "   try:  take it out, or begin a block above it: `::: name`",
            ],
        ),
        (
            "::: person Amanda\nname: x\n:::",
            [
                "error    C112  `Amanda` behind the name of a block   c.md:1:12",
                "   try:  write `::: person`, and `field: value` on the lines below",
            ],
        ),
        (
            "::: {.person}\n:::",
            [
                "error    C112  `{.person}` is no block's name   c.md:1:5",
                "   try:  a block begins `::: name`, its name a word without dot or braces",
            ],
        ),
        (
            "::: person\nAmanda\n:::",
            [
                "error    C113  `Amanda` is no field of `::: person`   c.md:2:1",
                "   try:  a block holds one `field: value` a line",
            ],
        ),
        (
            "::: person\nname: A\nmer text\n:::",
            [
                "error    C113  `mer text` is no field of `::: person`   c.md:3:1",
                "   try:  a block holds one `field: value` a line; to go on with `name` indent the line by two blanks",
            ],
        ),
        (
            "::: person\n  name: A\n:::",
            [
                "error    C113  `name: A` is no field of `::: person`   c.md:2:3",
                "   try:  fields begin at the start of the line; indented lines go on with the field above",
            ],
        ),
        (
            "::: person\nname: A\nname: B\n:::",
            [
                "error    C114  the field `name` stands twice (first in line 2)   c.md:3:1",
                "   try:  one block each: close this one with `:::` and begin the next, or take one of them out",
            ],
        ),
        (
            "::: only\n:::",
            [
                "error    C115  `::: only` takes one segment   c.md:1:1",
                "   try:  write `::: only SEGMENT` or `::: only not SEGMENT`, one list or segment",
            ],
        ),
        (
            "::: only a b\n:::",
            [
                "error    C115  `::: only` takes one segment   c.md:1:1",
                "   try:  write `::: only SEGMENT` or `::: only not SEGMENT`, one list or segment",
            ],
        ),
        (
            "::: only {{ x }}\n:::",
            [
                "error    C115  `::: only` takes one segment   c.md:1:1",
                "   try:  write `::: only SEGMENT` or `::: only not SEGMENT`, one list or segment",
            ],
        ),
        (
            "::: snippet nej",
            [
                "error    C116  there is no snippet `nej`   c.md:1:1",
                "   try:  write campaigns/_snippets/nej.md",
            ],
        ),
        (
            "::: snippet",
            [
                "error    C116  `::: snippet` takes one name   c.md:1:1",
                "   try:  write `::: snippet NAME`; it has no fields and no closing `:::`",
            ],
        ),
        (
            "::: snippet a",
            [
                "error    C117  the snippet `a` holds itself: a → b → a   _s/b.md:2:1",
                "   try:  take one of the `::: snippet` lines out",
            ],
        ),
        (
            "::: snippet s",
            [
                "error    C118  a snippet holds no sections   _s/s.md:2:1",
                "   try:  leave sections to the campaign; `### Title` is a heading inside one",
                "error    C103  `---` inside a snippet   _s/s.md:3:1",
                "   try:  it leaves the last section for the closing; a line in the text is `***`",
                "error    M131  `y` cannot stand where it does in `{{ x y }}`   _s/s.md:4:1",
                "   try:  join names with a dot, as in `{{ subscriber.first_name or 'du' }}`, and put text in quotes",
            ],
        ),
        (
            "text ::: person",
            [
                "error    C120  `:::` inside a text   c.md:1:6",
                "   try:  a block begins and ends with `:::` on lines of their own; as text write `\\:::`",
            ],
        ),
        (
            "Text {.panel}",
            [
                "error    C120  `{.panel}` inside a text   c.md:1:6",
                "   try:  a kind stands behind the title of a `##` section; as text write `\\{`",
            ],
        ),
        (
            "[a](https://b.c){credit=x}",
            [
                "error    C126  attributes `{credit=x}` inside a text   c.md:1:17",
                "   try:  only a picture alone in its paragraph takes attributes; as text write `\\{`",
            ],
        ),
        (
            "rad <b>fet</b>",
            [
                "warning  C121  HTML is shown as text: `<b>`   c.md:1:5",
                "   try:  write Markdown: `**bold**`, `*italic*`; a backslash at a line's end is a line break",
            ],
        ),
        (
            "text ![a](b.png) mer",
            [
                "error    C122  a picture inside a text   c.md:1:6",
                "   try:  put it into a paragraph of its own, with a blank line before and behind",
            ],
        ),
        (
            "![a](b.png)\ntext",
            [
                "error    C122  a picture inside a text   c.md:1:1",
                "   try:  put it into a paragraph of its own, with a blank line before and behind",
            ],
        ),
        (
            "- ![a](b.png)",
            [
                "error    C122  a picture inside a text   c.md:1:3",
                "   try:  put it into a paragraph of its own, with a blank line before and behind",
            ],
        ),
        (
            "![a](b.png){credit=”Foto”}",
            [
                "error    C123  curly quote `”` in a picture's attributes   c.md:1:20",
                '   try:  write `{credit="Foto"}`',
            ],
        ),
        (
            '![a](b.png) {credit="Foto"}',
            [
                "error    C123  a blank before `{`   c.md:1:13",
                "   try:  write the attributes directly behind the picture: `![…](…){…}`",
            ],
        ),
        (
            '![a](b.png){credit="Foto"',
            [
                'error    C123  cannot read the picture\'s attributes `{credit="Foto"`   c.md:1:26',
                '   try:  write `![…](file.jpg){credit="Photo: …" width="320"}` and nothing behind it',
            ],
        ),
        (
            "![a](min fina bild.png)",
            [
                "error    C124  a blank in the file name `min fina bild.png`   c.md:1:1",
                "   try:  rename the file, for example to `min-fina-bild.png`",
            ],
        ),
        (
            "![a](<min bild.png>)",
            [
                "error    C124  a blank in the file name `min bild.png`   c.md:1:1",
                "   try:  rename the file, for example to `min-bild.png`",
            ],
        ),
        (
            "[a](https://b c)",
            [
                "error    C125  a blank in the address `https://b c`   c.md:1:1",
                "   try:  write `https://b%20c`",
            ],
        ),
        (
            "[a](javascript:alert(1))",
            [
                "error    C125  `javascript:` is no address for a mail   c.md:1:1",
                "   try:  link to https://…, mailto: or tel:",
            ],
        ),
        (
            "[a]()",
            [
                "error    C125  a link without an address   c.md:1:1",
                "   try:  write `[text](https://…)`",
            ],
        ),
        (
            "[a](birgerochblom.se)",
            [
                "warning  C127  `birgerochblom.se` leads nowhere in a mail   c.md:1:1",
                "   try:  write the whole address: `https://birgerochblom.se`",
            ],
        ),
        (
            "Hej {{ subscriber first_name }}",
            [
                "error    M131  `first_name` cannot stand where it does in `{{ subscriber first_name }}`   c.md:1:5",
                "   try:  join names with a dot, as in `{{ subscriber.first_name or 'du' }}`, and put text in quotes",
            ],
        ),
        (
            "Hej {{ namn",
            [
                "error    M130  `{{` is not closed   c.md:1:5",
                "   try:  close it with `}}`; for braces as text write `{% raw %}{{{% endraw %}`",
            ],
        ),
        (
            "{# glömd",
            [
                "error    M130  `{#` is not closed   c.md:1:1",
                "   try:  `{# … #}` is a comment and ends with `#}`; anchors `{#name}` are not known",
            ],
        ),
        (
            "{% raw %} x",
            [
                "error    M130  `{% raw %}` is not closed   c.md:1:1",
                "   try:  write `{% endraw %}` behind the raw text",
            ],
        ),
        (
            "Hej {{ namn | default(“du”) }}",
            [
                "error    M131  curly quote `“` in `{{ namn | default(“du”) }}`   c.md:1:5",
                "   try:  Jinja takes straight quotes: `'…'` or `\"…\"`",
            ],
        ),
        (
            '{{ "du }}',
            [
                'error    M131  a quote is missing in `{{ "du }}`   c.md:1:1',
                "   try:  close the text with the quote that opened it",
            ],
        ),
        (
            "{{ f(x }}",
            [
                "error    M131  a bracket does not fit in `{{ f(x }}`: unexpected '}', expected ')'   c.md:1:1",
                "   try:  each of ( [ { is closed by its own ) ] }",
            ],
        ),
        (
            "{{ }}",
            [
                "error    M131  `{{ }}` holds nothing   c.md:1:1",
                "   try:  name a value: `{{ subscriber.first_name }}`",
            ],
        ),
        (
            "{% iff x %}\na\n{% endif %}",
            [
                "error    M132  `{% iff %}` is unknown   c.md:1:1",
                "   try:  did you mean `if`?",
            ],
        ),
        (
            "{% if x = 1 %}\na\n{% endif %}",
            [
                "error    M131  `=` cannot stand where it does in `{% if x = 1 %}`   c.md:1:1",
                "   try:  compare with `==`",
            ],
        ),
        (
            "{% if x %}\na",
            [
                "error    M133  `{% if x %}` is never closed   c.md:1:1",
                "   try:  close it with `{% endif %}`",
            ],
        ),
        (
            "a\n{% endif %}",
            [
                "error    M133  `{% endif %}` without its `{% if %}`   c.md:2:1",
                "   try:  open it with `{% if … %}`, or take it out",
            ],
        ),
        (
            "{% for x in y %}\na\n{% endif %}",
            [
                "error    M133  `{% endif %}` cannot close `{% for x in y %}` (line 1)   c.md:3:1",
                "   try:  close it with `{% endfor %}`",
            ],
        ),
        (
            "a {% if x %} b\n\nc {% endif %}",
            [
                "error    M134  `{% if x %}` and its `{% endif %}` (line 3) stand in different parts   c.md:1:3",
                "   try:  put both inside one paragraph, or each on a line of its own around whole parts",
            ],
        ),
        (
            "**{% if x %}a** b{% endif %}",
            [
                "error    M134  `{% if x %}` and its `{% endif %}` (line 1) stand in different parts   c.md:1:3",
                "   try:  put both inside one paragraph, or each on a line of its own around whole parts",
            ],
        ),
        (
            "::: box\n{% if x %}\na: 1\n{% endif %}\n:::",
            [
                "error    M134  the field `a` inside a condition   c.md:3:1",
                "   try:  put the condition inside the value: `field: {% if … %}…{% endif %}`",
            ],
        ),
        (
            "{% if x %}\n::: box\na: 1\n{% endif %}\n:::",
            [
                "error    M134  `{% if x %}` and its `{% endif %}` (line 4) stand in different parts   c.md:1:1",
                "   try:  put both inside one paragraph, or each on a line of its own around whole parts",
            ],
        ),
        (
            "- a\n{% if x %}\n- b\n\ntext {% endif %}",
            [
                "error    M134  `{% if x %}` and its `{% endif %}` (line 5) stand in different parts   c.md:2:1",
                "   try:  put both inside one paragraph, or each on a line of its own around whole parts",
            ],
        ),
        (
            "a {% set x = 1 %} b",
            [
                "error    M132  `{% set x = 1 %}` inside a text   c.md:1:3",
                "   try:  put it on a line of its own",
            ],
        ),
        (
            '{% include "x" %}',
            [
                "error    M132  `{% include %}` has no place in a body   c.md:1:1",
                "   try:  it belongs in a template; a body takes conditions, loops, `set`, and `::: snippet NAME`",
            ],
        ),
        (
            "[a {{ b }}]: https://c.d",
            [
                "error    M135  `{{ b }}` stands where nothing comes of it   c.md:1:4",
                "   try:  write it in the running text, an address or a field",
            ],
        ),
        (
            '![a](b.png "{{ c }}")',
            [
                "error    M135  `{{ c }}` stands where nothing comes of it   c.md:1:13",
                "   try:  write it in the running text, an address or a field",
            ],
        ),
        (
            "::: box\na: {% if x %}1\nb: 2{% endif %}\n:::",
            [
                "error    M134  `{% if x %}` and its `{% endif %}` (line 3) stand in different parts   c.md:2:4",
                "   try:  put both inside one paragraph, or each on a line of its own around whole parts",
            ],
        ),
        (
            "å {{ x y\nz }} {{ b c }}",
            [
                "error    M131  `y` cannot stand where it does in `{{ x y z }}`   c.md:1:3",
                "   try:  join names with a dot, as in `{{ subscriber.first_name or 'du' }}`, and put text in quotes",
                "error    M131  `c` cannot stand where it does in `{{ b c }}`   c.md:2:6",
                "   try:  join names with a dot, as in `{{ subscriber.first_name or 'du' }}`, and put text in quotes",
            ],
        ),
        (
            "::: snippet aa",
            [
                "error    C116  there is no snippet `aa`   c.md:1:1",
                "   try:  did you mean `a`?",
            ],
        ),
        (
            "::: person\nname: {{ x\n:::",
            [
                "error    M130  `{{` is not closed   c.md:2:7",
                "   try:  close it with `}}`; for braces as text write `{% raw %}{{{% endraw %}`",
            ],
        ),
        (
            "{% for x in y %}\n{% if x %}\na\n{% endfor %}",
            [
                "error    M133  `{% if x %}` is never closed   c.md:2:1",
                "   try:  close it with `{% endif %}`",
            ],
        ),
        (
            "## [a](b c)",
            [
                "error    C125  a blank in the address `b c`   c.md:1:4",
                "   try:  write `b%20c`",
            ],
        ),
        (
            '{{ "a" b }} {{ c',
            [
                'error    M131  `b` cannot stand where it does in `{{ "a" b }}`   c.md:1:1',
                "   try:  join names with a dot, as in `{{ subscriber.first_name or 'du' }}`, and put text in quotes",
                "error    M130  `{{` is not closed   c.md:1:13",
                "   try:  close it with `}}`; for braces as text write `{% raw %}{{{% endraw %}`",
            ],
        ),
        (
            "::: a b {{ c }}\n:::",
            [
                "error    C112  `a b {{ c }}` is no block's name   c.md:1:5",
                "   try:  a block begins `::: name`, its name a word without dot or braces",
            ],
        ),
        (
            "{% endif junk %}",
            [
                "error    M131  `junk` cannot stand where it does in `{% endif junk %}`   c.md:1:1",
                "   try:  join names with a dot, as in `{{ subscriber.first_name or 'du' }}`, and put text in quotes",
                "error    M133  `{% endif junk %}` without its `{% if %}`   c.md:1:1",
                "   try:  open it with `{% if … %}`, or take it out",
            ],
        ),
        (
            "{% block x %}{% endblock %}",
            [
                "error    M132  `{% block %}` has no place in a body   c.md:1:1",
                "   try:  it belongs in a template; a body takes conditions, loops, `set`, and `::: snippet NAME`",
                "error    M132  `{% endblock %}` has no place in a body   c.md:1:14",
                "   try:  it belongs in a template; a body takes conditions, loops, `set`, and `::: snippet NAME`",
            ],
        ),
        (
            "Hej <!-- {{ x }} --> du",
            [
                "warning  C121  HTML is shown as text: `<!-- {{ x }} -->`   c.md:1:5",
                "   try:  comments are written `{# … #}`",
            ],
        ),
    ],
)
def test_a_mistake_has_its_place_and_its_way_out(written: str, problems: list[str]) -> None:
    assert said(written).splitlines() == problems


def test_places_count_from_the_bodys_first_line() -> None:
    assert said("a\n\n# b", first_line=20).splitlines()[0].endswith("   c.md:22:1")


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("åäö {# bort #}{{ x y }}", "c.md:1:15"),
        ("{# bort\nbort #}\n{{ x y }}", "c.md:3:1"),
        ("{{ a\n}} ![a](b.png)", "c.md:2:4"),
        ("> - a\n>   <b>", "c.md:2:5"),
        ("1. a\n   text ![a](b.png)", "c.md:2:9"),
        ("| a | b |\n|---|---|\n| <i> | <i> |", "c.md:3:3"),
        ("{% raw %}{{ a }}{% endraw %} <b>", "c.md:1:30"),
        ("{{ a -}}   <b>", "c.md:1:12"),
        ("## {{ a }} <b>", "c.md:1:12"),
        ("{% if x %}a <b>{% endif %}", "c.md:1:13"),
        ("```\n<b>\n```\n<i>", "c.md:4:1"),
        ("a\r\n<b>", "c.md:2:1"),
    ],
)
def test_a_place_is_that_of_the_authors_file(written: str, place: str) -> None:
    assert said(written).splitlines()[0].split("   ")[-1] == place


def test_a_snippet_that_is_used_twice_tells_of_its_mistakes_once() -> None:
    assert said("::: snippet s\n::: snippet s").count("M131") == 1


def test_snippets_go_only_so_deep() -> None:
    def snippet(name: str) -> tuple[str, str]:
        return f"_s/{name}.md", f"::: snippet {name}x"

    _, problems = parse_body("::: snippet x", file="c.md", snippet=snippet)
    assert [problem.as_text().splitlines()[0] for problem in problems] == [
        "error    C117  snippets inside snippets, more than 8 deep   _s/xxxxxxxx.md:1:1"
    ]


def test_all_mistakes_come_at_once_in_their_order() -> None:
    text = "# a\n\n{{ b c }}\n\n![d](e f.png)\n\n::: g\n"
    assert [line.split()[1] for line in said(text).splitlines()[::2]] == ["C101", "M131", "C124", "C110"]
