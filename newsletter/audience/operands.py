"""The values in a segment's expression: names looked up, days reckoned, types compared."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import TypeGuard

from newsletter.audience import conditions as typed
from newsletter.audience import language as syntax
from newsletter.audience.lexer import Fault
from newsletter.errors import Severity, did_you_mean, nearest
from newsletter.settings.values import STANDARD_COLUMNS


@dataclass(frozen=True)
class Vocabulary:
    """What an expression may speak of."""

    columns: Mapping[str, typed.Type]  # the standard ones, those of any list, and the declared ones
    present: Collection[str]  # those that at least one list has
    lists: Mapping[str, str]  # folded name -> name
    tags: Mapping[str, str]  # that somebody has: folded -> as written
    campaigns: Collection[str]
    segments: Mapping[str, str]  # folded name -> name


@dataclass(frozen=True, slots=True)
class SetReference:
    at: int
    end: int
    name: typed.SetName


USES = {
    "is_set": "is_set(city)",
    "contains": "contains(city, 'text')",
    "starts": "starts(city, 'text')",
    "received": "received('campaign')",
    "sample": "sample(10%, 'seed')",
    "segment": "segment('other')",
}


class Operands:
    """Each method returns None when it has noted a fault, so that the neighbours are still looked at."""

    def __init__(self, source: str, vocabulary: Vocabulary) -> None:
        self.source = source
        self.known = vocabulary
        self.faults: list[Fault] = []

    def fault(self, code: str, message: str, at: int, hint: str = "") -> None:
        self.faults.append(Fault(code, message, at, hint))

    def shown(self, node: syntax.Node | typed.Part | SetReference) -> str:
        text = " ".join(self.source[node.at : node.end].split())
        return text if len(text) <= 40 else text[:39] + "…"

    # operands

    def operand(self, node: syntax.Node) -> typed.Operand | SetReference | None:
        match node:
            case syntax.Name():
                return self.name(node)
            case syntax.Value(value=value):
                return self.value(node, value)
            case syntax.Binary(operator="+" | "-"):
                return self.sum(node)
            case syntax.Period():
                self.fault(
                    "A203",
                    f"`{self.shown(node)}` is a span of time, no day",
                    node.at,
                    f"today - {self.shown(node)}",
                )
            case syntax.Items():
                self.fault(
                    "A203", "a list in brackets stands only behind `in`", node.at, f"in {self.shown(node)}"
                )
            case _:
                self.fault(
                    "A203",
                    f"`{self.shown(node)}` is a condition, no value",
                    node.at,
                    "join conditions with `and` or `or`",
                )
        return None

    def value(self, node: syntax.Node, value: object) -> typed.Operand | None:
        at, end = node.at, node.end
        if isinstance(value, bool):
            return typed.Flag(at, end, value)
        if isinstance(value, str):
            if not value:
                hint = "an empty cell is a missing value: is_set(city), not is_set(city)"
                self.fault("A203", "no value is the empty text", at, hint)
                return None
            return typed.Text(at, end, value)
        if isinstance(value, date):
            return typed.Moment(at, end, value)
        if isinstance(value, Fraction):
            self.fault("A203", f"`{self.shown(node)}` stands only in a sample", at, "sample(10%, 'seed')")
            return None
        assert isinstance(value, int | float)  # noqa: S101 (nothing else is left)
        return typed.Number(at, end, value)

    def name(self, node: syntax.Name) -> typed.Operand | SetReference | None:
        name, at, end = node.name, node.at, node.end
        if name in ("list", "tag"):
            return SetReference(at, end, "list" if name == "list" else "tag")
        if name in ("today", "now"):
            return typed.Moment(at, end, "today" if name == "today" else "now")
        if name in self.known.columns:
            if name not in self.known.present and self.known.lists:
                message = f"no list has a column `{name}`: it is missing for everybody"
                self.faults.append(Fault("A213", message, at, severity=Severity.WARNING))
            return typed.Column(at, end, name, self.known.columns[name])
        if name == "status":
            hint = "leave it out: whoever may not be mailed is excluded anyway"
            self.fault("A204", "`status` can't be asked for", at, hint)
            return None
        if name in ("tags", "lists"):
            self.fault("A204", f"unknown attribute `{name}`", at, f"did you mean `{name[:-1]}`?")
            return None
        known = [*self.known.columns, "list", "tag", "today", "now"]
        hint = did_you_mean(name, known)
        if not nearest(name, known) and nearest(name, USES):
            hint = f"did you mean `{USES[str(nearest(name, USES))]}`?"
        self.fault("A204", f"unknown attribute `{name}`", at, hint)
        return None

    def sum(self, node: syntax.Node) -> typed.Operand | None:
        """`today - 24 months`; walked without recursion, for its left side may be long."""
        whole, shifts = node, list[typed.Shift]()
        while isinstance(node, syntax.Binary) and node.operator in ("+", "-"):
            if not isinstance(node.right, syntax.Period):
                text = self.shown(node.right)
                hint = f"{text} days" if isinstance(node.right, syntax.Value) else "today - 24 months"
                self.fault(
                    "A203", f"`{node.operator}` needs days, weeks, months or years", node.right.at, hint
                )
                return None
            sign = 1 if node.operator == "+" else -1
            shifts.append(typed.Shift(sign * node.right.count, node.right.unit))
            node = node.left
        base = self.operand(node)
        if isinstance(base, typed.Moment):
            return typed.Moment(whole.at, whole.end, base.base, (*base.shifts, *reversed(shifts)))
        if base is not None:
            hint = "move the span to the other side, as in consent_at > today - 24 months"
            self.fault("A203", f"only days take `+` and `-`, `{self.shown(base)}` is none", base.at, hint)
        return None

    def set_name(self, of: SetReference, operand: typed.Operand | SetReference) -> str | None:
        if not isinstance(operand, typed.Text):
            self.fault(
                "A203", f"`{of.name}` is compared with a name in quotes", operand.at, f"{of.name} == 'NAME'"
            )
            return None
        if of.name == "tag":
            if operand.folded not in self.known.tags:
                hint = did_you_mean(
                    operand.value, self.known.tags.values(), otherwise="is it spelled as in the files?"
                )
                self.faults.append(
                    Fault("A212", f"nobody has the tag `{operand.value}`", operand.at, hint, Severity.HINT)
                )
            return operand.value
        if operand.folded in self.known.lists:
            return self.known.lists[operand.folded]
        if operand.folded in self.known.segments:
            hint = f"it is a segment: segment({self.shown(operand)})"
        else:
            hint = did_you_mean(
                operand.value, self.known.lists.values(), otherwise="a list is a file subscribers/NAME.csv"
            )
        self.fault("A205", f"unknown list `{operand.value}`", operand.at, hint)
        return None

    # types

    def fits(self, column: typed.Column, operator: str, operand: typed.Operand, at: int) -> bool:
        """Whether the two compare, and by this operator; else the fault says how they would."""
        ordered = operator not in ("==", "!=")
        if _type(operand) is _base(column.type):
            if not ordered or column.type not in (typed.Type.TEXT, typed.Type.BOOL):
                return True
            if column.type is typed.Type.BOOL:
                self.fault(
                    "A203", f"`{column.name}` is true or false and has no order", at, f"{column.name} == true"
                )
            else:
                self.fault(
                    "A203", f"texts have no order: `{column.name}` is text", at, self.declare(column, operand)
                )
            return False
        message = f"`{column.name}` is {described(column)}, `{self.shown(operand)}` is {described(operand)}"
        self.fault("A203", message, at, self.way_out(column, operand))
        return False

    def way_out(self, column: typed.Column, operand: typed.Operand) -> str:
        if column.type is typed.Type.TEXT:
            return self.declare(column, operand)
        if isinstance(operand, typed.Text):
            bare = {typed.Type.NUMBER: r"-?\d+(\.\d+)?", typed.Type.BOOL: "true|false"}
            if re.fullmatch(bare.get(column.type, r"\d{4}-\d\d-\d\d"), operand.value):
                return f"without quotes: {operand.value}"
        example = {typed.Type.NUMBER: "5", typed.Type.BOOL: "true"}.get(column.type, "2015-06-30")
        return f"{column.name} == {example}"

    def declare(self, column: typed.Column, operand: typed.Operand) -> str:
        """The line of newsletter.toml that makes a further column what the comparison takes it for."""
        if column.name in STANDARD_COLUMNS:
            if isinstance(operand, typed.Text | typed.Column):
                return f"{column.name} == {self.shown(operand)}"
            return f"{column.name} == '{self.shown(operand)}'"
        types = {
            typed.Type.NUMBER: "number",
            typed.Type.DATE: "date",
            typed.Type.BOOL: "bool",
            typed.Type.TEXT: "number",
        }
        return f'[attributes] {column.name} = "{types[_type(operand)]}", in newsletter.toml'


def is_constant(operand: object) -> TypeGuard[typed.Constant]:
    return isinstance(operand, typed.Text | typed.Number | typed.Flag | typed.Moment)


def _base(kind: typed.Type) -> typed.Type:
    """Days and instants compare with each other: by days."""
    return typed.Type.DATE if kind is typed.Type.INSTANT else kind


def _type(operand: typed.Operand) -> typed.Type:
    match operand:
        case typed.Column(type=kind):
            return _base(kind)
        case typed.Text():
            return typed.Type.TEXT
        case typed.Number():
            return typed.Type.NUMBER
        case typed.Flag():
            return typed.Type.BOOL
    return typed.Type.DATE


def described(operand: typed.Operand) -> str:
    words = {
        typed.Type.TEXT: "text",
        typed.Type.NUMBER: "a number",
        typed.Type.DATE: "a day",
        typed.Type.INSTANT: "an instant",
        typed.Type.BOOL: "true or false",
    }
    return words[operand.type if isinstance(operand, typed.Column) else _type(operand)]
