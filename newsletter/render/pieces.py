"""The author's parts held against what the template and its blocks declare: checked pieces, ready to be merged."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, TypeAlias

from newsletter.errors import ChecksFailed, Place, Problem, did_you_mean
from newsletter.render import tree
from newsletter.render.declarations import Declaration, Ratio, Type, Want
from newsletter.render.environment import is_safe_url, shortened
from newsletter.render.picture import Album, Picture, no_alt
from newsletter.render.values import EXAMPLES, JINJA, Wrong, plain_value

BUILT_IN_PARTS = ("text", "picture", "button")


class Shape(Enum):
    """What becomes of a field's source when it is merged."""

    HTML = auto()  # stays as it is
    PLAIN = auto()  # a text: escaped where a template prints it
    URL = auto()  # a text that must be a link
    IMAGE = auto()  # the source is the alt text


@dataclass(frozen=True)
class Source:
    """A field's Jinja source in both forms."""

    shape: Shape
    html: str  # literal text escaped
    text: str
    place: Place
    picture: Picture | None = None
    required: bool = False

    @property
    def is_still(self) -> bool:
        """Whether Jinja would print it as it stands."""
        return not any(JINJA.search(form) or "\r" in form for form in (self.html, self.text))


@dataclass
class Piece:
    """A text, picture, button or block with all that does not depend on a reader worked out."""

    number: int
    kind: str
    name: str
    place: Place
    sources: dict[str, Source] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)  # what is known already; '' for what is not written
    children: "list[Node]" = field(default_factory=list)
    first: bool = False  # whether its section begins with it, for every reader


@dataclass
class Choice:
    """`::: only`."""

    segment: str
    negated: bool
    place: Place
    children: "list[Node]"


Node: TypeAlias = Piece | Choice | tree.Control


@dataclass(frozen=True)
class SectionPlan:
    title: Source
    kind: str
    nodes: list[Node]
    place: Place


@dataclass
class Plan:
    """A body's sections; `pieces` by number."""

    sections: list[SectionPlan]  # intro first, closing last
    pieces: list[Piece]
    problems: list[Problem]
    choices: list[Choice]  # in the order of the text


class Planner:
    """Checks a body's tree; collects every problem instead of stopping at the first."""

    def __init__(
        self,
        *,
        template: str,
        declaration: Declaration,
        blocks: Mapping[str, Declaration],
        block_names: Collection[str],
        pictures: Declaration,
        album: Album,
        folders: Callable[[Place], tuple[str, ...]],
        segments: Collection[str],
        language: str,
    ) -> None:
        """blocks: what those declare that the body uses; block_names: all that there are
        pictures: what pictures may carry; folders: where a picture that is written at a place may lie"""
        self._template = template
        self._declaration = declaration
        self._blocks = blocks
        self._block_names = block_names
        self._pictures = pictures
        self._album = album
        self._folders = folders
        self._segments = segments
        self._language = language
        self._pieces: list[Piece] = []
        self._choices: list[Choice] = []
        self._problems: list[Problem] = []

    def plan(self, body: tree.Body) -> Plan:
        sections = [
            self._section(body.intro, ""),
            *(self._section(section, self._kind(section)) for section in body.sections),
            self._section(body.closing, ""),
        ]
        return Plan(sections, self._pieces, self._problems, self._choices)

    def _wrong(self, code: str, message: str, place: Place, hint: str = "") -> None:
        self._problems.append(Problem(code, message, place, hint))

    def _kind(self, section: tree.Section) -> str:
        known = self._declaration.sections
        if not known:
            self._wrong(
                "T112",
                f"the template `{self._template}` takes no sections",
                section.place,
                'a `##` opens a section; the template declares which it prints: sections = ["article"]',
            )
            return ""
        if section.kind and section.kind not in known:
            hint = did_you_mean(section.kind, known)
            self._wrong("T112", f"there is no kind of section `{section.kind}`", section.place, hint)
        return section.kind or self._declaration.first_kind or ""

    def _section(self, section: tree.Section, kind: str) -> SectionPlan:
        title = Source(Shape.HTML, section.title_html, section.title, section.place)
        nodes = self._nodes(section.items)
        if nodes and isinstance(nodes[0], Piece):
            nodes[0].first = True
        return SectionPlan(title, kind, nodes, section.place)

    def _nodes(self, items: tuple[tree.Item, ...]) -> list[Node]:
        return [node for item in items if (node := self._node(item)) is not None]

    def _node(self, item: tree.Item) -> Node | None:
        if isinstance(item, tree.Control):
            return item
        if isinstance(item, tree.Only):
            if item.segment not in self._segments:
                hint = did_you_mean(
                    item.segment, self._segments, otherwise="segments stand in subscribers/segments.toml"
                )
                self._wrong("C150", f"there is no list or segment `{item.segment}`", item.place, hint)
            choice = Choice(item.segment, item.negated, item.place, [])
            self._choices.append(choice)
            choice.children = self._nodes(item.items)
            return choice
        if isinstance(item, tree.Text):
            piece = self._piece("text", "text", item.place)
            piece.sources["html"] = Source(Shape.HTML, item.html, item.text, item.place)
        elif isinstance(item, tree.Button):
            piece = self._piece("button", "button", item.place)
            piece.sources["label"] = Source(Shape.HTML, item.label_html, item.label, item.place)
            piece.sources["href"] = Source(Shape.URL, item.href, item.href, item.place, required=True)
        elif isinstance(item, tree.Picture):
            piece = self._picture(item)
        else:
            return self._block(item)
        return piece

    def _piece(self, kind: str, name: str, place: Place) -> Piece:
        piece = Piece(len(self._pieces), kind, name, place)
        self._pieces.append(piece)
        return piece

    def _url(self, piece: Piece, name: str, url: str, place: Place, *, required: bool) -> None:
        """The value of a url field. Markdown's own links are the body's to judge."""
        if not JINJA.search(url) and not is_safe_url(url):
            self._wrong(
                "C151",
                f"`{shortened(url)}` is no address for a link",
                place,
                "write it in full: https://…, http://…, mailto:… or tel:…",
            )
        piece.sources[name] = Source(Shape.URL, url, url, place, required=required)

    def _picture(self, item: tree.Picture) -> Piece:
        piece = self._piece("picture", "picture", item.place)
        known = self._pictures.attributes
        piece.values.update(dict.fromkeys(known, ""))
        piece.values["link"] = ""
        for name, value in item.attributes.items():
            if name == "decorative":
                continue
            if name not in known:
                hint = did_you_mean(
                    name,
                    known,
                    otherwise="" if known else f"`{self._template}` declares no attributes of pictures",
                )
                self._wrong("C152", f"pictures here have no `{name}`", item.place, hint)
            piece.sources[name] = Source(Shape.PLAIN, value, value, item.place)
        if item.link is not None:
            piece.sources["link"] = Source(Shape.URL, item.link, item.link, item.place, required=True)
        declared = self._declaration, self._pictures
        ratio, width = (declared[0].ratio or declared[1].ratio), (declared[0].width or declared[1].width)
        picture = self._take(item, ratio, width)
        piece.values["src"] = picture.src if picture else ""
        piece.sources["alt"] = Source(Shape.PLAIN, item.alt, item.alt, item.place)
        piece.sources["image"] = Source(Shape.IMAGE, item.alt, item.alt, item.place, picture)
        return piece

    def _take(self, item: tree.Picture, ratio: Ratio | None, width: int | None) -> Picture | None:
        folders = self._folders(item.place)
        if item.lacks_words:
            self._problems.append(no_alt(item.source, item.place))
        try:
            return self._album.take(item.source, folders, item.place, ratio=ratio, width=width)
        except ChecksFailed as failed:
            self._problems.extend(failed.problems)
            return None

    def _block(self, item: tree.Block) -> Piece | None:
        declared = self._blocks.get(item.name)
        if declared is None and item.name in self._block_names:
            return None  # its file is broken, and said so
        if declared is None:
            hint = did_you_mean(
                item.name,
                [*self._block_names, "only", "snippet"],
                otherwise=f"make templates/blocks/{item.name}.mjml",
            )
            self._wrong("C153", f"there is no block `{item.name}`", item.place, hint)
            return None
        piece = self._piece("block", item.name, item.place)
        for name, written in item.fields.items():
            if name not in declared.fields:
                hint = did_you_mean(
                    name, declared.fields, otherwise="" if declared.fields else "it takes no fields"
                )
                place = Place(written.file, written.line, 1)  # fields begin their lines
                self._wrong("C154", f"the block `{item.name}` has no field `{name}`", place, hint)
        for name, want in declared.fields.items():
            piece.values[name] = ""
            field_ = item.fields.get(name)
            if field_ is None or not field_.value.strip():
                if want.required:
                    self._missing(item, name, want)
                continue
            try:
                self._field(piece, name, want, field_)
            except Wrong as wrong:
                example = EXAMPLES[want.type].strip('"')
                self._wrong("C156", f"`{name}` {wrong}", field_.place, f"such as `{name}: {example}`")
        piece.children = self._nodes(item.children)
        return piece

    def _missing(self, item: tree.Block, name: str, want: Want) -> None:
        example = "![what it shows](file.jpg)" if want.type is Type.IMAGE else "…"
        self._wrong(
            "C155", f"the block `{item.name}` needs `{name}`", item.place, f"write a line `{name}: {example}`"
        )

    def _field(self, piece: Piece, name: str, want: Want, written: tree.Field) -> None:
        from newsletter.render.body import field_markdown, field_picture

        value = written.value.strip()
        if want.type is Type.MARKDOWN:
            marked = field_markdown(written, language=self._language)
            self._problems.extend(marked.problems)
            piece.sources[name] = Source(Shape.HTML, marked.html, marked.text, written.place)
        elif want.type is Type.IMAGE:
            picture, problems = field_picture(written)
            self._problems.extend(problems)
            taken = self._take(picture, want.ratio, want.width) if picture else None
            if picture:
                piece.sources[name] = Source(Shape.IMAGE, picture.alt, picture.alt, written.place, taken)
        elif want.type is Type.URL:
            self._url(piece, name, value, written.place, required=want.required)
        elif want.type is Type.TEXT:
            value = " ".join(value.split("\n"))
            piece.sources[name] = Source(Shape.PLAIN, value, value, written.place)
        elif JINJA.search(value):
            raise Wrong(f"is a {want.type}: a merge field can't stand here")
        else:
            piece.values[name] = plain_value(want, value)
