"""What a segment's expression means: its conditions are checked, and the typed tree is built."""

from fractions import Fraction

from newsletter.audience import conditions as typed
from newsletter.audience import language as syntax
from newsletter.audience.lexer import Fault
from newsletter.audience.operands import USES, Operands, SetReference, Vocabulary, described, is_constant
from newsletter.errors import did_you_mean

_FLIPPED: dict[str, str] = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def check(
    tree: syntax.Node, source: str, vocabulary: Vocabulary
) -> tuple[typed.Condition | None, tuple[Fault, ...]]:
    """The typed tree, None if there are errors; all faults, warnings among them, by place."""
    checker = _Checker(source, vocabulary)
    condition = checker.condition(tree)
    return condition, tuple(sorted(checker.faults, key=lambda fault: fault.at))


class _Checker(Operands):
    # conditions

    def condition(self, node: syntax.Node) -> typed.Condition | None:
        match node:
            case syntax.Joined(operator=operator, terms=terms):
                checked = [self.condition(term) for term in terms]
                found = [term for term in checked if term is not None]
                if len(found) < len(checked):
                    return None
                kind = typed.All if operator == "and" else typed.Any
                return kind(node.at, node.end, tuple(found))
            case syntax.Negation(operand=operand):
                term = self.condition(operand)
                return term and typed.Not(node.at, node.end, term)
            case syntax.Binary(operator="in" | "not in"):
                return self.membership(node)
            case syntax.Binary(operator=operator) if operator in syntax.COMPARISONS:
                return self.comparison(node)
            case syntax.Call():
                return self.call(node)
        return self.bare(node)

    def bare(self, node: syntax.Node) -> typed.Condition | None:
        """A value where a condition is needed: right only for a column of yes and no."""
        if not isinstance(node, syntax.Name):
            self.fault(
                "A203",
                f"`{self.shown(node)}` is no condition",
                node.at,
                "compare it with a column, as in city == 'Visby'",
            )
            return None
        operand = self.operand(node)
        if isinstance(operand, typed.Column) and operand.type is typed.Type.BOOL:
            return typed.Compare(node.at, node.end, operand, "==", typed.Flag(node.at, node.end, True))
        if isinstance(operand, SetReference):
            self.fault(
                "A203", f"`{operand.name}` alone is no condition", node.at, f"{operand.name} == 'NAME'"
            )
        elif isinstance(operand, typed.Column):
            self.fault(
                "A203",
                f"`{operand.name}` is {described(operand)}, no condition",
                node.at,
                f"is_set({operand.name})",
            )
        elif operand is not None:
            self.fault(
                "A203",
                f"`{node.name}` is no condition",
                node.at,
                f"compare a column with it, as in consent_at < {node.name}",
            )
        return None

    def comparison(self, node: syntax.Binary) -> typed.Condition | None:
        left, right, operator = self.operand(node.left), self.operand(node.right), node.operator
        if left is None or right is None:
            return None
        if is_constant(left) and not is_constant(right):
            left, right, operator = right, left, _FLIPPED[operator]
        if isinstance(left, SetReference):
            return self.set_comparison(node, left, operator, right)
        if isinstance(right, SetReference) and isinstance(left, typed.Column):
            self.fault(
                "A203",
                f"a column is not compared with `{right.name}`",
                node.operator_at,
                f"{right.name} == 'NAME'",
            )
            return None
        if not isinstance(left, typed.Column) or isinstance(right, SetReference):
            self.fault(
                "A203",
                f"`{self.shown(node)}` is the same for everybody",
                node.at,
                "a column is missing, as in city == 'Visby'",
            )
            return None
        if not self.fits(left, operator, right, node.operator_at):
            return None
        if operator == "!=":
            return typed.Not(node.at, node.end, typed.Compare(node.at, node.end, left, "==", right))
        return typed.Compare(node.at, node.end, left, _operator(operator), right)

    def set_comparison(
        self, node: syntax.Binary, left: SetReference, operator: str, right: typed.Operand | SetReference
    ) -> typed.Condition | None:
        if operator not in ("==", "!="):
            self.fault("A203", f"`{left.name}` has no order", node.operator_at, f"{left.name} == 'NAME'")
            return None
        name = self.set_name(left, right)
        if name is None:
            return None
        found = typed.IsIn(node.at, node.end, left.name, (name,))
        return found if operator == "==" else typed.Not(node.at, node.end, found)

    def membership(self, node: syntax.Binary) -> typed.Condition | None:
        left = self.operand(node.left)
        if not isinstance(node.right, syntax.Items):
            self.not_items(node, left)
            return None
        if not node.right.items:
            self.fault("A210", "the list is empty: nobody is in it", node.right.at, "in ['Visby', 'Lund']")
            return None
        items = [self.operand(item) for item in node.right.items]
        found: typed.Condition | None = None
        if isinstance(left, SetReference):
            names = [item and self.set_name(left, item) for item in items]
            if all(names):
                found = typed.IsIn(node.at, node.end, left.name, tuple(name for name in names if name))
        elif isinstance(left, typed.Column):
            fitting = [item for item in items if item and self.item_fits(left, item)]
            if len(fitting) == len(items):
                found = typed.OneOf(
                    node.at, node.end, left, tuple(item for item in fitting if is_constant(item))
                )
        elif left is not None:
            self.fault(
                "A203",
                "a column, `list` or `tag` stands before `in`",
                node.left.at,
                "city in ['Visby', 'Lund']",
            )
        if found is None:
            return None
        return found if node.operator == "in" else typed.Not(node.at, node.end, found)

    def not_items(self, node: syntax.Binary, left: typed.Operand | SetReference | None) -> None:
        right = self.source[node.right.at : node.right.end]
        if (
            isinstance(node.right, syntax.Name)
            and node.right.name in ("tag", "list")
            and isinstance(left, typed.Text)
        ):
            hint = f"{node.right.name} == {self.shown(left)}"
        elif isinstance(node.right, syntax.Value):
            hint = f"{self.shown(node.left)} {node.operator} [{right}]"
        else:
            hint = "in ['Visby', 'Lund']"
        self.fault("A203", f"`{node.operator}` needs a list in square brackets", node.right.at, hint)

    def item_fits(self, column: typed.Column, item: typed.Operand | SetReference) -> bool:
        if not is_constant(item):
            self.fault("A203", f"`{self.shown(item)}` is no fixed value", item.at, "in ['Visby', 'Lund']")
            return False
        return self.fits(column, "==", item, item.at)

    # functions

    def call(self, node: syntax.Call) -> typed.Condition | None:
        if node.name not in USES:
            self.fault("A204", f"unknown function `{node.name}`", node.at, did_you_mean(node.name, USES))
            return None
        wanted = 1 if node.name in ("is_set", "received", "segment") else 2
        if len(node.arguments) != wanted:
            values = "one value" if wanted == 1 else "two values"
            self.fault("A203", f"`{node.name}` takes {values}", node.at, USES[node.name])
            return None
        match node.name:
            case "is_set":
                return self.is_set(node)
            case "contains" | "starts":
                return self.part_of(node)
            case "sample":
                return self.sample(node)
        name = self.quoted(node, 0)
        if name is None:
            return None
        if node.name == "segment":
            return self.segment(node, name)
        if name.value not in self.known.campaigns:
            hint = did_you_mean(name.value, self.known.campaigns)
            self.fault("A206", f"unknown campaign `{name.value}`", name.at, hint)
            return None
        return typed.WasSent(node.at, node.end, name.value)

    def quoted(self, node: syntax.Call, number: int) -> typed.Text | None:
        argument = node.arguments[number]
        if isinstance(argument, syntax.Value) and isinstance(argument.value, str) and argument.value:
            return typed.Text(argument.at, argument.end, argument.value)
        self.fault("A203", f"`{node.name}` needs a text in quotes here", argument.at, USES[node.name])
        return None

    def is_set(self, node: syntax.Call) -> typed.Condition | None:
        subject = self.operand(node.arguments[0])
        if isinstance(subject, SetReference):
            return typed.IsSet(node.at, node.end, subject.name)
        if isinstance(subject, typed.Column):
            return typed.IsSet(node.at, node.end, subject)
        if subject is not None:
            self.fault("A203", "`is_set` asks for a column", subject.at, USES["is_set"])
        return None

    def part_of(self, node: syntax.Call) -> typed.Condition | None:
        column, text = self.operand(node.arguments[0]), self.quoted(node, 1)
        if isinstance(column, SetReference):
            self.fault(
                "A203",
                f"`{node.name}` looks into a text, `{column.name}` is none",
                column.at,
                f"{column.name} == 'NAME'",
            )
        elif isinstance(column, typed.Column) and column.type is not typed.Type.TEXT:
            self.fault(
                "A203",
                f"`{node.name}` looks into a text, `{column.name}` is {described(column)}",
                column.at,
                f"compare it: {column.name} == …",
            )
        elif isinstance(column, typed.Column) and text is not None:
            kind = typed.Contains if node.name == "contains" else typed.Starts
            return kind(node.at, node.end, column, text)
        elif column is not None and not isinstance(column, typed.Column):
            self.fault("A203", f"`{node.name}` begins with a column", column.at, USES[node.name])
        return None

    def sample(self, node: syntax.Call) -> typed.Condition | None:
        share, seed = node.arguments[0], self.quoted(node, 1)
        value = share.value if isinstance(share, syntax.Value) else None
        if not isinstance(value, Fraction):
            written = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 100
            hint = f"sample({value}%, 'seed')" if written else USES["sample"]
            self.fault("A203", "the share of a sample is a percentage", share.at, hint)
            return None
        if not 0 < value <= 1:
            self.fault(
                "A203", "the share of a sample lies above 0% and at most at 100%", share.at, USES["sample"]
            )
            return None
        return typed.Sampled(node.at, node.end, value, seed.value) if seed else None

    def segment(self, node: syntax.Call, name: typed.Text) -> typed.Condition | None:
        if name.folded in self.known.segments:
            return typed.InSegment(node.at, node.end, self.known.segments[name.folded])
        if name.folded in self.known.lists:
            hint = f"it is a list: list == {self.shown(name)}"
        else:
            hint = did_you_mean(name.value, self.known.segments.values())
        self.fault("A207", f"unknown segment `{name.value}`", name.at, hint)
        return None


def _operator(sign: str) -> typed.Operator:
    signs: dict[str, typed.Operator] = {"==": "==", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
    return signs[sign]
