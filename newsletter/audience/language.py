"""The grammar of a segment's `where`: a Pratt parser from tokens to a syntax tree with places.

    or  <  and  <  not  <  == != < <= > >= in, not in  <  + -

What stands where is decided here; what it means, and whether it fits, in typecheck.py.
"""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from newsletter.audience.lexer import Fault, Kind, Token, tokens
from newsletter.errors import did_you_mean

DEEPEST = 50  # brackets and `not` inside each other
MOST_TERMS = 500  # names, values and calls, those in [lists] apart
MOST_ITEMS = 1_000  # of one [list]

UNITS = {"day": "days", "week": "weeks", "month": "months", "year": "years"}
UNITS |= {plural: plural for plural in list(UNITS.values())}
WORDS = frozenset({"and", "or", "not", "in", "true", "false"})
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")


@dataclass(frozen=True, slots=True)
class Node:
    at: int  # first character, from 0
    end: int  # behind the last one


@dataclass(frozen=True, slots=True)
class Name(Node):
    name: str


@dataclass(frozen=True, slots=True)
class Value(Node):
    """A text, a number, true or false, a day, or the share of a sample."""

    value: str | int | float | bool | date | Fraction


@dataclass(frozen=True, slots=True)
class Period(Node):
    count: int
    unit: str  # days, weeks, months, years


@dataclass(frozen=True, slots=True)
class Items(Node):
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Call(Node):
    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Negation(Node):
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """A comparison, `in`, `not in`, `+` or `-`."""

    operator: str
    left: Node
    right: Node
    operator_at: int


@dataclass(frozen=True, slots=True)
class Joined(Node):
    """Two or more terms between which the same `and` or `or` stands."""

    operator: str
    terms: tuple[Node, ...]


def parse(source: str) -> Node:
    """The expression's syntax tree. Raises Fault at the first place where it is none."""
    found = tokens(source)
    if found[0].kind is Kind.END:
        raise Fault("A214", "the expression is empty", 0, "where = \"list == 'NAME'\"")
    parser = _Parser(found, source)
    tree = parser.expression(0)
    parser.expect_end()
    return tree


_OR, _AND, _NOT, _COMPARE, _SUM = range(1, 6)


class _Parser:
    def __init__(self, found: list[Token], source: str) -> None:
        self.tokens = found
        self.source = source
        self.position = 0
        self.depth = 0
        self.terms = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.position]

    def advance(self) -> Token:
        token = self.token
        self.position += token.kind is not Kind.END
        return token

    def expression(self, floor: int) -> Node:
        """All that binds tighter than `floor`."""
        left = self.operand(floor)
        while (power := self.power()) > floor:
            left = self.joined(left, power)
        return left

    def inside(self, opening: Token, floor: int) -> Node:
        """An expression one level deeper than its surroundings."""
        self.depth += 1
        if self.depth > DEEPEST:
            hint = "split it into segments of their own and join those by segment('name')"
            raise Fault("A202", f"nested too deeply: more than {DEEPEST} levels", opening.at, hint)
        inner = self.expression(floor)
        self.depth -= 1
        return inner

    def power(self) -> int:
        token = self.token
        if token.is_word("or"):
            return _OR
        if token.is_word("and"):
            return _AND
        following = self.tokens[min(self.position + 1, len(self.tokens) - 1)]
        if token.is_sign(*COMPARISONS) or token.is_word("in"):
            return _COMPARE
        if token.is_word("not") and following.is_word("in"):
            return _COMPARE
        return _SUM if token.is_sign("+", "-") else 0

    def joined(self, left: Node, power: int) -> Node:
        if power in (_OR, _AND):
            return self.chain(left, power)
        token = self.advance()
        operator = str(token.value)
        if operator == "not":
            self.advance()
            operator = "not in"
        right = self.expression(power)
        if power == _COMPARE and self.power() == _COMPARE:
            raise Fault("A201", "comparisons do not chain", self.token.at, "join two of them with `and`")
        return Binary(left.at, right.end, operator, left, right, token.at)

    def chain(self, left: Node, power: int) -> Node:
        operator = "or" if power == _OR else "and"
        terms = [left]
        while self.token.is_word(operator):
            self.advance()
            terms.append(self.expression(power))
        return Joined(left.at, terms[-1].end, operator, tuple(terms))

    def operand(self, floor: int) -> Node:
        token = self.advance()
        if token.is_word("not"):
            if floor > _NOT:
                raise Fault("A201", "`not` stands before a whole comparison", token.at, "not city == 'Visby'")
            inner = self.inside(token, _NOT)
            return Negation(token.at, inner.end, inner)
        if token.is_sign("("):
            inner = self.inside(token, 0)
            self.expect(")", token)
            return inner
        if token.is_sign("["):
            return self.items(token)
        self.terms += 1
        if self.terms > MOST_TERMS:
            hint = "compare with a list, `city in ['Visby', 'Lund']`, or split the segment"
            raise Fault("A202", f"more than {MOST_TERMS} terms", token.at, hint)
        return self.term(token)

    def term(self, token: Token) -> Node:
        if token.kind is Kind.NUMBER:
            return self.number(token, token.at, 1)
        if token.is_sign("-") and self.token.kind is Kind.NUMBER:
            return self.number(self.advance(), token.at, -1)
        if token.is_word("true", "false"):
            return Value(token.at, token.end, token.value == "true")
        if token.kind is Kind.NAME and token.value not in WORDS:
            if self.token.is_sign("("):
                return self.call(token)
            return Name(token.at, token.end, str(token.value))
        if token.kind in (Kind.TEXT, Kind.DATE, Kind.SHARE):
            return Value(token.at, token.end, token.value)
        if token.kind is Kind.END:
            raise Fault("A201", "the expression ends too early", token.at, "a condition is missing here")
        hint = "take it away" if token.is_sign(")", "]") else "a condition or a value is missing before it"
        raise Fault("A201", f"unexpected `{token.value}`", token.at, hint)

    def number(self, token: Token, at: int, sign: int) -> Node:
        value = token.value
        assert isinstance(value, int | float)  # noqa: S101 (the lexer's promise, for the type checker)
        unit = self.token
        if unit.kind is not Kind.NAME or unit.value in WORDS:
            return Value(at, token.end, sign * value)
        self.advance()
        word = str(unit.value)
        if word not in UNITS:
            known = "days, weeks, months or years"
            hint = did_you_mean(word, UNITS, otherwise=f"known: {known}")
            raise Fault("A201", f"`{word}` is no unit of time", unit.at, hint)
        if not isinstance(value, int):
            raise Fault(
                "A201",
                "only whole days, weeks, months and years count",
                at,
                "write a whole number, as 18 months",
            )
        return Period(at, unit.end, sign * value, UNITS[word])

    def call(self, name: Token) -> Node:
        opening = self.advance()
        arguments: list[Node] = []
        while not self.token.is_sign(")"):
            arguments.append(self.inside(name, 0))
            if not self.token.is_sign(","):
                break
            self.advance()
        closing = self.expect(")", opening)
        return Call(name.at, closing.end, str(name.value), tuple(arguments))

    def items(self, opening: Token) -> Node:
        """`[…]`: its values are no terms, so that a long list is no long expression."""
        items: list[Node] = []
        while not self.token.is_sign("]"):
            if len(items) == MOST_ITEMS:
                hint = "a list file in subscribers/ says it better"
                raise Fault("A202", f"more than {MOST_ITEMS} items", self.token.at, hint)
            items.append(self.term(self.advance()))
            if not self.token.is_sign(","):
                break
            self.advance()
        closing = self.expect("]", opening)
        return Items(opening.at, closing.end, tuple(items))

    def expect(self, sign: str, opening: Token) -> Token:
        if not self.token.is_sign(sign):
            what = "the end" if self.token.kind is Kind.END else f"`{self.shown(self.token)}`"
            begun = self.source[opening.at : opening.at + 20].partition("\n")[0].strip()
            raise Fault("A201", f"expected `{sign}`, found {what}", self.token.at, f"`{begun}` is not closed")
        return self.advance()

    def expect_end(self) -> None:
        token = self.token
        if token.kind is Kind.END:
            return
        word = str(token.value)
        if token.is_sign(")", "]"):
            opening = {")": "(", "]": "["}[word]
            raise Fault("A201", f"`{word}` without `{opening}`", token.at, "take it away, or open it before")
        if token.kind is Kind.NAME and word.lower() in WORDS and word not in WORDS:
            raise Fault("A201", f"unexpected `{word}`", token.at, f"write `{word.lower()}` in small letters")
        raise Fault(
            "A201",
            f"expected `and`, `or` or the end, found `{self.shown(token)}`",
            token.at,
            _missing_before(token, self.tokens[self.position - 1]),
        )

    def shown(self, token: Token) -> str:
        return self.source[token.at : token.end]


def _missing_before(token: Token, before: Token) -> str:
    if token.kind is Kind.NAME and token.value in ("is", "like", "eq", "equals", "has"):
        return "compare with `==`, or contains(city, 'text')"
    if before.kind is Kind.NAME and token.kind in (Kind.TEXT, Kind.NUMBER, Kind.DATE):
        return f"did you mean `{before.value} == …`?"
    return "join two conditions with `and` or `or`"
