"""What a template, block or partial declares at its top: sections, data, fields, pictures, with their types."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from newsletter.errors import ChecksFailed, Place, Problem, did_you_mean
from newsletter.files.toml import Document, split_front_matter

# Keys of a campaign's front matter: no template may take data of such a name, so that a key that slipped
# under [data] is always recognised.
CAMPAIGN_KEYS = frozenset((
    "subject", "preheader", "template", "segment", "exclude", "language", "status", "send_at", "timezone",
    "data", "from", "reply_to", "utm", "tags", "attachments", "allow", "late_after",
))  # fmt: skip
# What every template can name already; a block's field of such a name would hide it.
ROOTS = frozenset((
    "campaign", "intro", "sections", "section", "closing", "data", "brand", "step", "subscriber", "sender",
    "links",
))  # fmt: skip
MAX_WIDTH = 2000  # px; wider is no letter
PART_NAMES = frozenset({"part", "first", "children", "body"})
PICTURE_NAMES = frozenset({"src", "alt", "link", "image", "decorative"})

_WRITTEN = re.compile(
    r"(?P<type>\w+)(?P<required>!)?(?:\s+(?P<width>\d+):(?P<height>\d+))?(?:\s+(?P<shown>\d+)px)?"
)
_RATIO = re.compile(r"(\d+):(\d+)")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_SECTION = re.compile(r"[a-z][a-z0-9_-]*")


class Type(StrEnum):
    TEXT = "text"
    MARKDOWN = "markdown"
    URL = "url"
    IMAGE = "image"
    NUMBER = "number"
    DATE = "date"
    TIME = "time"
    BOOL = "bool"


@dataclass(frozen=True, slots=True)
class Ratio:
    """Width to height, as written."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}:{self.height}"

    def fits(self, width: int, height: int) -> bool:
        """Within 2 %, or one pixel: who crops by hand is off by that much."""
        wanted = width * self.height / self.width
        return abs(height - wanted) <= max(1.0, 0.02 * wanted)


@dataclass(frozen=True, slots=True)
class Want:
    """One declared value."""

    type: Type
    required: bool
    ratio: Ratio | None
    place: Place = field(compare=False)
    width: int | None = None  # px at which a picture is shown


@dataclass(frozen=True)
class Declaration:
    """What one file declares, or a template with all its parents and partials."""

    sections: Mapping[str, Place] = field(default_factory=dict)  # in order: the first is the default kind
    data: Mapping[str, Want] = field(default_factory=dict)
    fields: Mapping[str, Want] = field(default_factory=dict)
    ratio: Ratio | None = None
    ratio_place: Place | None = None
    width: int | None = None  # px at which the author's pictures are shown
    attributes: Mapping[str, Place] = field(default_factory=dict)

    @property
    def first_kind(self) -> str | None:
        return next(iter(self.sections), None)


def split_declaration(text: str, *, file: str) -> tuple[Declaration, str]:
    """The declaration, and the text with a comment of as many lines in its place: line numbers hold.

    Raises ChecksFailed with all that is wrong in the declaration.
    """
    if not text.startswith("+++"):
        return Declaration(), text
    split = split_front_matter(text, file=file)
    if split is None:
        return Declaration(), text
    document, body, first_line = split
    return read_declaration(document), "{#" + "\n" * (first_line - 2) + "-#}\n" + body


def read_declaration(document: Document) -> Declaration:
    return _Reader(document).read()


class _Reader:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = []

    def read(self) -> Declaration:
        known = ("sections", "data", "fields", "pictures")
        for key in self.document.data:
            if key not in known:
                self._wrong(f"unknown key `{key}` in a declaration", key, hint=did_you_mean(key, known))
        ratio, ratio_place, width, attributes = self._pictures()
        declaration = Declaration(
            sections=self._names(("sections",), _SECTION, "section"),
            data=self._wants("data", CAMPAIGN_KEYS, "is a key of campaigns"),
            fields=self._wants("fields", ROOTS | PART_NAMES, "already means something in every block"),
            ratio=ratio,
            ratio_place=ratio_place,
            width=width,
            attributes=attributes,
        )
        if self.problems:
            raise ChecksFailed(*self.problems)
        return declaration

    def _wrong(self, message: str, *path: str | int, hint: str = "", code: str = "T102") -> None:
        self.problems.append(Problem(code, message, self.document.key(*path), hint))

    def _names(self, path: tuple[str, ...], shape: re.Pattern[str], what: str) -> dict[str, Place]:
        value: object = self.document.data
        for key in path:
            value = value.get(key, []) if isinstance(value, dict) else []
        if not isinstance(value, list):
            self._wrong(f"`{path[-1]}` is a list of names", *path, hint=f'{path[-1]} = ["…"]')
            return {}
        names: dict[str, Place] = {}
        for index, name in enumerate(value):
            place = self.document.value(*path, index)
            if not isinstance(name, str) or not shape.fullmatch(name):
                self.problems.append(
                    Problem(
                        "T102",
                        f"{name!r} is no name for a {what}",
                        place,
                        "use small letters a-z, digits and `_`, a letter first",
                    )
                )
            elif name in names:
                self.problems.append(
                    Problem("T102", f"`{name}` is declared twice", place, "remove one of them")
                )
            else:
                names[name] = place
        return names

    def _table(self, name: str) -> dict[str, object]:
        table = self.document.data.get(name, {})
        if isinstance(table, dict):
            return table
        self._wrong(f"`{name}` is a table", name, hint=f"write [{name}] on a line of its own")
        return {}

    def _wants(self, table: str, taken: frozenset[str], why: str) -> dict[str, Want]:
        wants: dict[str, Want] = {}
        for name, written in self._table(table).items():
            if not _NAME.fullmatch(name):
                self._wrong(
                    f"`{name}` is no name that a template can use",
                    table,
                    name,
                    hint="use small letters a-z, digits and `_`, a letter first",
                )
            elif name in taken:
                self._wrong(f"`{name}` {why}", table, name, hint="take another name", code="T103")
            elif want := self._want(written, table, name):
                wants[name] = want
        return wants

    def _want(self, written: object, table: str, name: str) -> Want | None:
        place = self.document.value(table, name)
        match = _WRITTEN.fullmatch(written.strip()) if isinstance(written, str) else None
        types = [str(kind) for kind in Type]
        if match is None or match["type"] not in types:
            word = match["type"] if match else str(written)
            hint = did_you_mean(word, types, otherwise=f"one of {', '.join(types)}; `!` makes it required")
            self.problems.append(Problem("T102", f"`{written}` is no type", place, hint))
            return None
        kind = Type(match["type"])
        ratio = _ratio(match["width"], match["height"])
        if match["width"] and (ratio is None or kind is not Type.IMAGE):
            self.problems.append(
                Problem("T102", f"`{written}`: only an image has a ratio", place, 'image = "image! 1:1"')
            )
            return None
        shown = int(match["shown"]) if match["shown"] else None
        if shown is not None and (kind is not Type.IMAGE or not 1 <= shown <= MAX_WIDTH):
            message = f"`{written}`: only an image has a width, from 1 to {MAX_WIDTH} px"
            self.problems.append(Problem("T102", message, place, 'image = "image 1:1 96px"'))
            return None
        return Want(kind, bool(match["required"]), ratio, place, shown)

    def _pictures(self) -> tuple[Ratio | None, Place | None, int | None, dict[str, Place]]:
        table = self._table("pictures")
        for key in table:
            if key not in ("ratio", "width", "attributes"):
                self._wrong(
                    f"unknown key `{key}` in [pictures]",
                    "pictures",
                    key,
                    hint=did_you_mean(key, ("ratio", "width", "attributes")),
                )
        attributes = self._names(("pictures", "attributes"), _NAME, "picture attribute")
        for name in attributes.keys() & (ROOTS | PART_NAMES | PICTURE_NAMES):
            self.problems.append(
                Problem(
                    "T103",
                    f"`{name}` already means something in every picture",
                    attributes[name],
                    "take another name",
                )
            )
        width = table.get("width")
        if width is not None and (type(width) is not int or not 1 <= width <= MAX_WIDTH):
            place = self.document.value("pictures", "width")
            message = f"`width` is {width}, no width from 1 to {MAX_WIDTH} px"
            self.problems.append(Problem("T102", message, place, "width = 512"))
            width = None
        if "ratio" not in table:
            return None, None, width, attributes
        place = self.document.value("pictures", "ratio")
        match = _RATIO.fullmatch(str(table["ratio"]))
        ratio = _ratio(*match.groups()) if match else None
        if ratio is None:
            self.problems.append(Problem("T102", f"`{table['ratio']}` is no ratio", place, 'ratio = "3:2"'))
        return ratio, place, width, attributes


def _ratio(width: str | None, height: str | None) -> Ratio | None:
    if not width or not height or not int(width) or not int(height):
        return None
    return Ratio(int(width), int(height))


def merge(declarations: Iterable[Declaration]) -> tuple[Declaration, tuple[Problem, ...]]:
    """A template's declaration with those of its parents and partials, the template's own first.

    The same name with another type is a problem at the place that comes first.
    """
    sections: dict[str, Place] = {}
    attributes: dict[str, Place] = {}
    data: dict[str, Want] = {}
    ratio: Ratio | None = None
    ratio_place: Place | None = None
    width: int | None = None
    problems: list[Problem] = []
    for declaration in declarations:
        for name, place in declaration.sections.items():
            sections.setdefault(name, place)
        for name, place in declaration.attributes.items():
            attributes.setdefault(name, place)
        for name, want in declaration.data.items():
            first = data.setdefault(name, want)
            if first != want:
                problems.append(_conflict(name, first, want))
        width = width or declaration.width
        if declaration.ratio and ratio and ratio != declaration.ratio:
            problems.append(
                Problem(
                    "T104",
                    f"the ratio {ratio} contradicts {declaration.ratio} in {declaration.ratio_place}",
                    ratio_place,
                    "declare it once",
                )
            )
        elif ratio is None:
            ratio, ratio_place = declaration.ratio, declaration.ratio_place
    return Declaration(sections, data, {}, ratio, ratio_place, width, attributes), tuple(problems)


def _conflict(name: str, one: Want, other: Want) -> Problem:
    def written(want: Want) -> str:
        ratio = f" {want.ratio}" if want.ratio else ""
        width = f" {want.width}px" if want.width else ""
        return f"{want.type}{'!' if want.required else ''}{ratio}{width}"

    return Problem(
        "T104",
        f"`{name}` is {written(one)} here and {written(other)} in {other.place}",
        one.place,
        "give both the same type, or one of them another name",
    )
