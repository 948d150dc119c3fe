"""From what Jinja compiles back to what the author wrote: places for syntax errors and failures."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType

from jinja2 import TemplateAssertionError, TemplateNotFound, TemplateSyntaxError, UndefinedError
from jinja2.exceptions import SecurityError

from newsletter.errors import ChecksFailed, Place, Problem, did_you_mean
from newsletter.render.declarations import ROOTS
from newsletter.render.deferral.ledger import Refused
from newsletter.render.environment import Missing, Sandbox, UnsafeUrl, shortened
from newsletter.render.limits import TooMuch


@dataclass(frozen=True)
class Line:
    """One line that Jinja sees, and where its text stands in the author's file."""

    place: Place  # column 1 unless the text begins later in the author's line
    text: str


class Origin:
    """The author's lines behind one Jinja source; line numbers count from 1."""

    def __init__(self, lines: Sequence[Line], *, is_file: bool = False) -> None:
        self._lines = lines
        self._is_file = is_file

    @classmethod
    def of_file(cls, file: str, text: str) -> "Origin":
        lines = [Line(Place(file, number, 1), line) for number, line in enumerate(text.split("\n"), 1)]
        return cls(lines, is_file=True)

    def place(self, line: int) -> Place:
        """Where the line begins; without column for a line of a file, which says nothing more."""
        found = self._line(line)
        if found is None:
            return Place("")
        column = found.place.column
        return Place(found.place.file, found.place.line, column if column != 1 else None)

    def at(self, line: int, column: int) -> Place:
        """A character of a line; where the line is a program's, the author's text that it was made of."""
        found = self._line(line)
        if found is None:
            return Place("")
        return Place(found.place.file, found.place.line, column) if self._is_file else found.place

    def find(self, line: int, pattern: str) -> Place:
        """Where a pattern stands in the line or soon below: a tag's number is that of its first line.

        A line that is the program's own, such as that of `::: only`, is its author's block and nothing below.
        """
        own = self._line(line)
        if own and not own.text and not self._is_file:
            return self.place(line)
        for number in range(line, line + 8):
            found = self._line(number)
            if found is None:
                break
            if match := re.search(pattern, found.text):
                return Place(found.place.file, found.place.line, (found.place.column or 1) + match.start())
        return self.place(line)

    def opening(self, tag: str) -> Place | None:
        """The last `{% tag %}` that no `{% endtag %}` closes."""
        open_tags: list[Place] = []
        for line in self._lines:
            for match in re.finditer(rf"\{{%[-+]?\s*(end)?{tag}\b", line.text):
                if match[1] and open_tags:
                    open_tags.pop()
                elif not match[1]:
                    column = (line.place.column or 1) + match.start()
                    open_tags.append(Place(line.place.file, line.place.line, column))
        return open_tags[-1] if open_tags else None

    def _line(self, line: int) -> Line | None:
        if not self._lines:
            return None
        return self._lines[min(max(line, 1), len(self._lines)) - 1]


Origins = Mapping[str, Origin]
"""By the file name given to Jinja when compiling."""


def syntax_problem(error: TemplateSyntaxError, origin: Origin, environment: Sandbox) -> Problem:
    """What Jinja could not read, in the author's terms."""
    message = (error.message or str(error)).rstrip(".")
    if isinstance(error, TemplateAssertionError) and (match := re.match(r"No (\w+) named '(.+?)'", message)):
        kind, name = match.groups()
        known = environment.filters if kind == "filter" else environment.tests
        return no_such(kind, name, known, origin, error.lineno)
    if unclosed := re.search(r"innermost block that needs to be closed is '(\w+)'", message):
        tag = unclosed[1]
        if message.startswith("Unexpected end"):
            message = f"`{{% {tag} %}}` is never closed"
            return Problem(
                "M103", message, origin.opening(tag) or origin.place(error.lineno), _syntax_hint(tag)
            )
    unknown = re.search(r"unknown tag '(\w+)'", message)
    place = origin.find(error.lineno, rf"{{%-?\s*{unknown[1]}\b" if unknown else r"\{[{%]")
    return Problem("M103", f"Jinja can't read this: {_lower(message)}", place, _syntax_hint(message))


def no_such(kind: str, name: str, known: Iterable[str], origin: Origin, line: int) -> Problem:
    """A filter or test that is not there; kind is the word for it."""
    known = [name for name in known if not name.startswith("__")]  # those are ours, in compiled templates
    return Problem(
        "M104",
        f"there is no {kind} `{name}`",
        origin.find(line, rf"\b{re.escape(name)}\b"),
        did_you_mean(name, known, otherwise=f"{kind}s here: {', '.join(sorted(known))}"),
    )


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]


def _syntax_hint(message: str) -> str:
    if re.fullmatch(r"\w+", message):
        return f"close it with `{{% end{message} %}}`"
    if match := re.search(r"innermost block that needs to be closed is '(\w+)'", message):
        return f"close `{{% {match[1]} %}}` before, with `{{% end{match[1]} %}}`"
    if "end of print statement" in message or "unexpected '}'" in message:
        return "a merge field is one expression between `{{` and `}}`, such as {{ subscriber.first_name or 'Hej' }}"
    if "unknown tag 'end" in message:
        return "remove it, or open what it closes before"
    return "merge fields stand in `{{ }}`, statements in `{% %}`, each on its own"


def failure(error: Exception, origins: Origins, fallback: Place) -> ChecksFailed:
    """A failed rendering as a Problem at the innermost line of an author's file."""
    if isinstance(error, ChecksFailed):
        return error
    file, line = _innermost(error.__traceback__, origins)
    origin = origins.get(file)
    place = origin.find(line, r"\{[{%]") if origin else fallback
    if isinstance(error, UndefinedError):
        message, hint, name = _undefined(error)
        if origin and name:
            written = re.escape(name)
            place = origin.find(line, rf"\.\s*{written}\b|\[\s*['\"]{written}\b")
            if place.column is None:
                place = origin.find(line, rf"\b{written}\b")
        return ChecksFailed(
            Problem("M105", message, place, hint or "ask first whether it is there: {% if … %}")
        )
    if isinstance(error, UnsafeUrl):
        return ChecksFailed(
            Problem("M107", str(error), place, "give `safe_url` what to use instead: | safe_url('https://…')")
        )
    if isinstance(error, Refused):  # what the program itself brings nobody can change
        place = fallback if place.file.startswith("(") else place
        return ChecksFailed(Problem("M120", str(error), place, error.hint))
    if isinstance(error, TooMuch):
        return ChecksFailed(
            Problem("M110", f"this costs too much: {error}", place, "let fewer loops stand in each other")
        )
    if isinstance(error, SecurityError):
        return ChecksFailed(
            Problem("M106", f"templates may not do this: {error}", place, "use fields and filters")
        )
    if isinstance(error, TemplateNotFound):
        return ChecksFailed(Problem("T101", f"there is no template `{error.name}`", place))
    if isinstance(error, RecursionError):
        return ChecksFailed(
            Problem("M105", "the templates call each other without an end", place, "break the circle")
        )
    reason = shortened(str(error), 120) or type(error).__name__
    return ChecksFailed(Problem("M105", f"this can't be rendered: {reason}", place, _runtime_hint(error)))


def _runtime_hint(error: Exception) -> str:
    if isinstance(error, TypeError) and "'str'" in str(error):
        return "an empty cell is '': ask first, {% if subscriber.points and subscriber.points > 3 %}"
    return "change the expression, or let {% if … %} decide whether it is worked out"


def _undefined(error: UndefinedError) -> tuple[str, str, str]:
    """Message, hint and name; Jinja raises the text only, so the value is looked for in the frames."""
    message = str(error)
    name = re.search(r"no `(\w+)`$|^`(\w+)` is not|have a `(\w+)`", message)
    frame = error.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    owner = frame.tb_frame.f_locals.get("self") if frame else None
    hint = owner.hint if isinstance(owner, Missing) else ""
    if name and name[2] in ROOTS:
        hint = 'a macro sees what it is given: pass it, or write {% from "…" import … with context %}'
    return message, hint, next((group for group in name.groups() if group), "") if name else ""


def _innermost(trace: TracebackType | None, origins: Origins) -> tuple[str, int]:
    found = ("", 0)
    while trace is not None:
        template = trace.tb_frame.f_globals.get("__jinja_template__")
        file = template.filename if template is not None else trace.tb_frame.f_code.co_filename
        if file in origins:
            line = (
                template.get_corresponding_lineno(trace.tb_lineno)
                if template is not None
                else trace.tb_lineno
            )
            found = (file, line)
        trace = trace.tb_next
    return found
