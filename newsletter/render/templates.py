"""Template files: found inside the project, freed of their declarations, with all that they draw in."""

import functools
import hashlib
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from jinja2 import BaseLoader, Environment, TemplateNotFound, TemplateSyntaxError, nodes

from newsletter.errors import ChecksFailed, Place, Problem, did_you_mean
from newsletter.files.project import Project, decode
from newsletter.render.declarations import Declaration, split_declaration
from newsletter.render.environment import Sandbox
from newsletter.render.origin import Origin, syntax_problem
from newsletter.render.text_part import TEXT_BUILT_IN

FOLDER = "templates"
BESIDE = "./"  # how a campaign names a template that lies beside it
MAX_DEPTH = 8  # so far may templates be drawn in through each other

BUILT_IN_MARK = "(built in)"  # stands for the folder of a file that is none

# What a block prints as long as the project has no file for it.
BUILT_IN = {
    "blocks/text.mjml": "<mj-text>{{ html }}</mj-text>",
    "blocks/picture.mjml": (
        '<mj-image src="{{ src }}" alt="{{ alt }}"{% if link %} href="{{ link }}"{% endif %}></mj-image>'
    ),
    "blocks/button.mjml": '<mj-button href="{{ href }}">{{ label }}</mj-button>',
    **TEXT_BUILT_IN,
}

_INCLUDE = re.compile(r"<mj-include\b(?P<attributes>[^<>]*?)(?:/>|>\s*</mj-include\s*>)")
_ATTRIBUTE = re.compile(r"""(?<![\w-])([\w-]++)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_INCLUDE_FRAMES = {
    ("mjml", ""): ("", ""),
    ("html", ""): ("<mj-raw>", "</mj-raw>"),
    ("css", ""): ("<mj-style>", "</mj-style>"),
    ("css", "inline"): ('<mj-style inline="inline">', "</mj-style>"),
}


@dataclass(frozen=True)
class Source:
    """One template file as Jinja gets it."""

    name: str  # for Jinja: below templates/, or ./… beside the campaign
    file: str  # relative to the project; for what is built in, its name in brackets
    text: str  # without the declaration, the same number of lines
    sha256: str
    declaration: Declaration = field(default_factory=Declaration)

    @property
    def origin(self) -> Origin:
        return Origin.of_file(self.file, self.text)

    @property
    def built_in(self) -> bool:
        """No file of the project's."""
        return self.file.startswith(BUILT_IN_MARK)

    def origin_of(self, offset: int) -> Place:
        """The place of a character of the text."""
        line = self.text.count("\n", 0, offset) + 1
        return Place(self.file, line, offset - self.text.rfind("\n", 0, offset))


class Templates(BaseLoader):
    """The templates of one campaign. Each file is read once; nothing outside the project is opened."""

    def __init__(self, project: Project, beside: str) -> None:
        """beside: the campaign's folder, in which `./letter.mjml` lies"""
        self._project = project
        self._beside = beside
        self.read: dict[str, Source] = {}  # by name

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, None]:  # noqa: ARG002 - the signature is Jinja's
        source = self.source(template)
        if source is None:
            raise TemplateNotFound(template)
        return source.text, source.file, None

    def exists(self, name: str, place: Place | None = None) -> bool:
        return name in BUILT_IN or self._project.path(self.file_of(name), place=place).is_file()

    def file_of(self, name: str) -> str:
        if name.startswith(BESIDE):
            return posixpath.join(self._beside, name.removeprefix(BESIDE))
        return f"{FOLDER}/{name}"

    def source(self, name: str, place: Place | None = None) -> Source | None:
        """The file behind a name, None if there is none. Raises ChecksFailed for one that can't be read."""
        if name not in self.read:
            found = self._load(name, place)
            if found is None:
                return None
            self.read[name] = found
        return self.read[name]

    def names(self, folder: str = "", suffix: str = ".mjml") -> list[str]:
        """All templates below a folder of templates/, by name."""
        below = f"{FOLDER}/{folder}".rstrip("/")
        return [file.removeprefix(f"{FOLDER}/") for file in self._project.find(below, f"*{suffix}")]

    def _load(self, name: str, place: Place | None) -> Source | None:
        file = self.file_of(name)
        if not self._project.path(file, place=place).is_file():
            if name not in BUILT_IN:
                return None
            text = BUILT_IN[name]
            return Source(name, f"{BUILT_IN_MARK} {name}", text, hashlib.sha256(text.encode()).hexdigest())
        data = self._project.read_bytes(file)
        declaration, text = split_declaration(decode(data, file=file), file=file)
        return Source(
            name, file, _expand_includes(text, name, file), hashlib.sha256(data).hexdigest(), declaration
        )


def relative_name(name: str, parent: str) -> str:
    """A template's name as written in `parent`; `./x` is beside it, else it counts from templates/."""
    if not name.startswith((BESIDE, "../")):
        return posixpath.normpath(name)
    if parent.startswith(BESIDE):
        return BESIDE + posixpath.normpath(name)
    return posixpath.normpath(posixpath.join(posixpath.dirname(parent), name))


class TemplateSandbox(Sandbox):
    """The sandbox with relative template names."""

    def join_path(self, template: str, parent: str) -> str:
        return relative_name(template, parent)


def _expand_includes(text: str, name: str, file: str) -> str:
    """`mj-include` becomes Jinja's include on the same line: one loader and one rule for what may be read."""
    problems: list[Problem] = []

    def replace(match: re.Match[str]) -> str:
        line = text.count("\n", 0, match.start()) + 1
        column = match.start() - text.rfind("\n", 0, match.start())
        attributes = {key: one or two for key, one, two in _ATTRIBUTE.findall(match["attributes"])}
        path = attributes.get("path", "")
        frame = _INCLUDE_FRAMES.get((attributes.get("type", "mjml"), attributes.get("css-inline", "")))
        base = "" if name.startswith(BESIDE) else posixpath.dirname(name)
        target = posixpath.normpath(posixpath.join(base, path))
        if not posixpath.splitext(target)[1]:
            target += ".mjml"
        if not path or path.startswith("/") or target.startswith("..") or "{" in path or frame is None:
            problems.append(
                Problem(
                    "T105",
                    f"`mj-include` can't take `{match['attributes'].strip()}`",
                    Place(file, line, column),
                    'write path="partials/NAME.mjml", relative to this file, inside templates/',
                )
            )
            return ""
        return f'{frame[0]}{{% include "{target}" %}}{frame[1]}' + "\n" * match[0].count("\n")

    expanded = _INCLUDE.sub(replace, text)
    if problems:
        raise ChecksFailed(*problems)
    return expanded


@dataclass
class Family:
    """Templates with everything they extend, include or import, in the order of discovery."""

    sources: list[Source] = field(default_factory=list)
    trees: dict[str, nodes.Template] = field(default_factory=dict)  # by name
    depths: dict[str, int] = field(default_factory=dict)  # the longest way to each of them
    problems: list[Problem] = field(default_factory=list)


def gather(environment: Sandbox, templates: Templates, name: str, place: Place) -> Family:
    """Read and parse a template and all that it draws in; problems are collected, not raised.

    place: where its name was written
    """
    family = Family()
    _visit(_Reading(environment, templates, family), name, place, ())
    return family


@dataclass(frozen=True)
class _Reading:
    environment: Sandbox
    templates: Templates
    family: Family


def _visit(reading: _Reading, name: str, place: Place, path: tuple[str, ...]) -> None:
    templates, family = reading.templates, reading.family
    if name in path:
        family.problems.append(
            Problem(
                "T106",
                f"templates draw each other in: {' → '.join((*path, name))}",
                place,
                "break the circle",
            )
        )
        return
    if len(path) > MAX_DEPTH:
        message = f"templates draw each other in more than {MAX_DEPTH} deep"
        hint = "draw this one in further up, or write it where it is used"
        if all(problem.code != "T108" for problem in family.problems):  # more places would say no more
            family.problems.append(Problem("T108", message, place, hint))
        return
    if len(path) <= family.depths.get(name, -1):
        return
    if name not in family.trees and not _read(reading, name, place):
        return
    family.depths[name] = len(path)
    source = next(source for source in family.sources if source.name == name)
    origin = source.origin
    for target, line, optional in _references(family.trees[name]):
        wanted = relative_name(target, name)
        if optional and not templates.exists(wanted):
            continue
        where = origin.find(line, re.escape(target))
        _visit(reading, wanted, where, (*path, name))


def _read(reading: _Reading, name: str, place: Place) -> bool:
    """Whether the template is there and is one; it joins the family."""
    environment, templates, family = reading.environment, reading.templates, reading.family
    try:
        source = templates.source(name, place)
    except ChecksFailed as failed:
        family.problems.extend(problem for problem in failed.problems if problem not in family.problems)
        return False
    if source is None:
        family.problems.append(_no_template(templates, name, place))
        return False
    try:
        tree = _parsed(source.text, name, source.file)
    except TemplateSyntaxError as error:
        family.problems.append(syntax_problem(error, source.origin, environment))
        return False
    family.sources.append(source)
    family.trees[name] = tree
    family.problems += _refused(tree, source)
    return True


@functools.lru_cache(maxsize=256)
def _parsed(text: str, name: str, file: str) -> nodes.Template:
    """The syntax tree of a template, which nobody changes; campaigns share theirs."""
    return Sandbox().parse(text, name, file)


def _no_template(templates: Templates, name: str, place: Place) -> Problem:
    folder = posixpath.dirname(name)
    if name.startswith(BESIDE):
        return Problem("T101", f"there is no template `{templates.file_of(name)}`", place)
    otherwise = f"make the file {templates.file_of(name)}"
    if place.file.startswith(f"{FOLDER}/"):
        hint = did_you_mean(name, templates.names(folder), otherwise=otherwise)
    else:  # in a campaign a template is named without its suffix
        stem, known = name.removesuffix(".mjml"), [n.removesuffix(".mjml") for n in templates.names(folder)]
        hint = did_you_mean(stem, known, otherwise=otherwise)
    return Problem("T101", f"there is no template `{templates.file_of(name)}`", place, hint)


def _references(tree: nodes.Template) -> Iterator[tuple[str, int, bool]]:
    """Each template that is drawn in, its line, and whether the letter could do without."""
    for node, parts in _drawn_in(tree):
        optional = bool(getattr(node, "ignore_missing", False)) or len(parts) > 1
        yield from ((name, node.lineno, optional) for part in parts if (name := _written_name(part)))


@functools.lru_cache(maxsize=256)  # a node's hash is its identity
def _drawn_in(tree: nodes.Template) -> tuple[tuple[nodes.Node, list[nodes.Expr]], ...]:
    found = []
    for node in tree.find_all((nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)):
        named: nodes.Expr = node.template  # type: ignore[attr-defined]  # all four have one
        found.append((node, named.items if isinstance(named, nodes.List | nodes.Tuple) else [named]))
    return tuple(found)


@functools.lru_cache(maxsize=256)
def _unescaped(tree: nodes.Template) -> tuple[nodes.Node, ...]:
    return tuple(tree.find_all((nodes.ScopedEvalContextModifier, nodes.EvalContextModifier)))


def _written_name(part: nodes.Expr) -> str | None:
    return part.value if isinstance(part, nodes.Const) and isinstance(part.value, str) else None


def _refused(tree: nodes.Template, source: Source) -> Iterator[Problem]:
    """What Jinja can do and a letter's template may not."""
    for node, parts in _drawn_in(tree):
        if any(_written_name(part) is None for part in parts):
            yield Problem(
                "T107",
                "which template is drawn in must not be worked out while rendering",
                source.origin.find(node.lineno, r"\{%"),
                'write its name in quotes: {% include "partials/NAME.mjml" %}',
            )
    for scoped in _unescaped(tree):
        yield Problem(
            "M106",
            "`{% autoescape %}` would let people's data into the letter's code",
            source.origin.find(scoped.lineno, r"\{%"),
            "leave it out: what is finished HTML passes by itself",
        )
