"""The author's Markdown body becomes a tree of sections and parts: text in, tree and problems out."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from newsletter.errors import ChecksFailed, Place, Problem, did_you_mean
from newsletter.render.draft import Draft
from newsletter.render.outline import Outline, missing_snippet
from newsletter.render.parts import mark_up, mark_up_inline, picture_of
from newsletter.render.runs import read_run
from newsletter.render.tree import Body, Expression, Field, Item, Marked, Picture, Section

SnippetSource = Callable[[str], tuple[str, str] | None]  # name -> (file, text), None when there is none

MOST_CHARACTERS = 300_000  # Gmail cuts a letter off at a third of that
MOST_SECTIONS = 300
_DEPTH = 8


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
    start = Place(file, first_line, 1)
    if len(text) > MOST_CHARACTERS or text.count("\n## ") > MOST_SECTIONS:
        message = f"the text has more than {MOST_CHARACTERS:,} characters or {MOST_SECTIONS} sections"
        nothing = Body(Section(start), (), Section(start))
        return nothing, (Problem("C191", message, start, "make several campaigns of it"),)
    draft = Draft(text, [start], language)
    shelf = _Shelf(snippet, snippets, language)
    outline = Outline(draft, shelf.items, start)
    body = Body(
        outline.intro,
        tuple(outline.sections),
        outline.closing,
        (*draft.expressions(), *shelf.expressions),
        tuple(shelf.files),
    )
    return body, tuple(dict.fromkeys([*draft.finish(), *shelf.problems]))


@dataclass(slots=True)
class _Shelf:
    """Snippets, each read once; they may hold each other, but not themselves."""

    source: SnippetSource
    names: Collection[str]
    language: str
    trail: tuple[str, ...] = ()
    read: dict[str, tuple[Item, ...]] = field(default_factory=dict)
    files: dict[str, None] = field(default_factory=dict)
    expressions: list[Expression] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def items(self, draft: Draft, name: str, offset: int) -> tuple[Item, ...]:
        """The parts of a snippet for a line of a draft."""
        if name in self.trail:
            circle = " → ".join((*self.trail[self.trail.index(name) :], name))
            hint = "take one of the `::: snippet` lines out"
            draft.problem("C117", f"the snippet `{name}` holds itself: {circle}", offset, hint)
            return ()
        if len(self.trail) >= _DEPTH:
            hint = "write one of them out"
            draft.problem("C117", f"snippets inside snippets, more than {_DEPTH} deep", offset, hint)
            return ()
        if name not in self.read:
            self.read[name] = self._load(name, draft.place(offset))
        return self.read[name]

    def _load(self, name: str, place: Place) -> tuple[Item, ...]:
        try:
            found = self.source(name)
        except ChecksFailed as fault:
            self.problems += fault.problems
            return ()
        if found is None:
            hint = did_you_mean(name, self.names, otherwise=f"write campaigns/_snippets/{name}.md")
            self.problems.append(missing_snippet(name, place, hint))
            return ()
        file, text = found
        start = Place(file, 1, 1)
        draft = Draft(text, [start], self.language)
        self.files[file] = None
        before, self.trail = self.trail, (*self.trail, name)
        outline = Outline(draft, self.items, start, sections=False)
        self.trail = before
        self.expressions += draft.expressions()
        self.problems += draft.finish()
        return outline.intro.items


def inline_markdown(text: str, *, place: Place, language: str = "en") -> Marked:
    """One line of Markdown without a paragraph around it."""
    draft = Draft(text, [place], language)
    inline = draft.markdown.parse_inline(draft.tokenised.text)
    inline.meta["starts"] = [line.start for line in draft.lines]
    return _marked(draft, mark_up_inline(draft, inline))


def block_markdown(text: str, *, place: Place, language: str = "en") -> Marked:
    """Paragraphs, lists, quotes and tables; pictures, buttons and sections have no place in it."""
    return _block(Draft(text, [place], language))


def field_markdown(value: Field, *, language: str = "en") -> Marked:
    """The value of a `markdown` field: one paragraph without `<p>` around it, more than that as blocks.

    Places are exact. Problems that the body's own reading has already told of may come again, equal to those.
    """
    draft = Draft(value.value, value.lines or [value.place], language)
    return _block(draft, bare=True)


def field_picture(value: Field) -> tuple[Picture | None, tuple[Problem, ...]]:
    """The value of an `image` field, written `![alt](file.jpg)`."""
    draft = Draft(value.value, value.lines or [value.place], "en")
    inline = draft.markdown.parse_inline(draft.tokenised.text.strip())
    inline.meta["starts"] = [line.start for line in draft.lines]
    picture = picture_of(draft, inline)
    if picture is None and not draft.problems:
        mark_up_inline(draft, inline)
        if not any(problem.code in ("C124", "C125") for problem in draft.problems):
            draft.problems.clear()
            hint = "write `![what it shows](file.jpg)`"
            draft.problems.append(Problem("C128", "this is no picture", value.place, hint))
    return picture, tuple(draft.finish())


def _block(draft: Draft, *, bare: bool = False) -> Marked:
    tokens = read_run(draft, draft.lines, "text")
    for token in tokens if bare and len(tokens) == 3 and tokens[0].type == "paragraph_open" else ():
        token.hidden = True
    return _marked(draft, mark_up(draft, tokens))


def _marked(draft: Draft, marked: Marked) -> Marked:
    problems = tuple(draft.finish())
    return Marked(marked.html, marked.text, draft.expressions(), problems)
