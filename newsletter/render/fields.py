"""What is open while a body is read, and the `field: value` lines of a block."""

import re
from dataclasses import dataclass, field

from newsletter.errors import Place
from newsletter.render.draft import Draft, Line
from newsletter.render.runs import statement_line
from newsletter.render.tree import Control, Field, Item, Section

_FIELD = re.compile(r"([^\W\d][\w-]*)[ \t]*:(?!//)[ \t]*(.*)")


@dataclass(slots=True)
class _OpenField:
    name: str
    offset: int  # of the value
    lines: list[tuple[int, Line]] = field(default_factory=list)  # with the column at which the value begins
    sink: bool = False  # a line that was refused: what goes on below it is refused with it


@dataclass(slots=True, eq=False)
class Frame:
    """What is open: a section, or a `:::` block."""

    name: str  # empty for a section
    offset: int
    colons: int = 0
    negated: bool = False
    segment: str = ""
    said: bool = False  # a problem already tells that it is not closed
    section: Section | None = None
    items: list[Item] = field(default_factory=list)
    run: list[Line] = field(default_factory=list)
    fields: dict[str, Field] = field(default_factory=dict)
    open_field: _OpenField | None = None
    depth: int = 0  # open conditions between the fields of a block

    @property
    def takes_text(self) -> bool:
        return self.name in ("", "only")


def shown(draft: Draft, frame: Frame) -> str:
    """The block's first line, for messages."""
    segment = ("not " * frame.negated + frame.segment).strip()
    return f"{':' * frame.colons} {draft.written(frame.name)} {segment}".rstrip()


def read_line(draft: Draft, frame: Frame, line: Line) -> None:
    """Take one line inside a block: a field, what goes on with one, or a statement between inner blocks."""
    goes_on = line.is_blank or line.indent or line.code
    if goes_on and frame.open_field:
        frame.open_field.lines.append((0, line))
        return
    close_field(draft, frame)
    if line.is_blank:
        return
    if found := statement_line(draft, line):
        _statements(draft, frame, found[1])
    elif (written := _FIELD.fullmatch(line.text)) and not line.code:
        _open(draft, frame, line, written)
    else:
        frame.open_field = _OpenField("", 0, sink=True)
        draft.tokenised.used.update(draft.tokenised.indices(line.text))
        _refuse(draft, frame, line)


def _refuse(draft: Draft, frame: Frame, line: Line) -> None:
    hint = "a block holds one `field: value` a line"
    if frame.fields:
        hint += f"; to go on with `{list(frame.fields)[-1]}` indent the line by two blanks"
    if line.indent and _FIELD.match(line.text.lstrip()):
        hint = "fields begin at the start of the line; indented lines go on with the field above"
    message = f"`{draft.written(line.text.strip())}` is no field of `{shown(draft, frame)}`"
    draft.problem("C113", message, line.start + line.indent, hint)


def _open(draft: Draft, frame: Frame, line: Line, written: re.Match[str]) -> None:
    name = written[1]
    if draft.tokenised.indices(name):
        frame.open_field = _OpenField("", 0, sink=True)
        _refuse(draft, frame, line)
        return
    if name in frame.fields:
        message = f"the field `{name}` stands twice (first in line {frame.fields[name].line})"
        hint = "one block each: close this one with `:::` and begin the next, or take one of them out"
        draft.problem("C114", message, line.start, hint)
    if frame.depth > 0:
        hint = "put the condition inside the value: `field: {% if … %}…{% endif %}`"
        draft.problem("M134", f"the field `{name}` inside a condition", line.start, hint)
    frame.open_field = _OpenField(name, line.start + written.start(2), [(written.start(2), line)])


def _statements(draft: Draft, frame: Frame, indices: list[int]) -> None:
    for index in indices:
        mark = draft.tokenised.marks[index]
        draft.homes[index] = frame.offset
        draft.tokenised.used.add(index)
        frame.depth += {"if": 1, "for": 1, "with": 1, "endif": -1, "endfor": -1, "endwith": -1}.get(
            mark.word, 0
        )
        frame.items.append(Control(mark.place, mark.source))


def close_field(draft: Draft, frame: Frame) -> None:
    open_, frame.open_field = frame.open_field, None
    if open_ is None:
        return
    tokenised = draft.tokenised
    lines = open_.lines
    while lines and lines[-1][1].is_blank:
        lines.pop()
    text = "".join(line.text[at:] for at, line in lines)
    tokenised.used.update(tokenised.indices(text))
    draft.settle(text, (frame.offset, open_.name, len(frame.fields)))
    if open_.sink:
        return
    dedent = min((line.indent for at, line in lines[1:] if not line.is_blank), default=0)
    spans = [(line.start + at, line.start + len(line.text)) for at, line in lines[:1]]
    spans += [
        (line.start + min(dedent, len(line.text)), line.start + len(line.text)) for _, line in lines[1:]
    ]
    if len(spans) > 1 and spans[0][0] == spans[0][1]:
        spans = spans[1:]
    texts: list[str] = []
    places: list[Place] = []
    for start, end in spans:
        first, *more = tokenised.slice(start, end).split("\n")  # an expression may hold line breaks
        place = draft.place(start)
        texts += [first, *more]
        places += [place, *(Place(place.file, (place.line or 1) + n, 1) for n in range(1, len(more) + 1))]
    value = "\n".join(texts).rstrip()
    place = places[0] if places else draft.place(open_.offset)
    frame.fields.setdefault(open_.name, Field(place, value, tuple(places)))
