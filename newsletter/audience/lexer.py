"""The words of a segment's `where`: text to tokens, each with its place."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from newsletter.errors import Severity

LONGEST = 10_000  # characters of an expression
LARGEST = 2**53  # beyond it no database and no float tells neighbours apart


@dataclass(eq=False)
class Fault(Exception):
    """What is wrong with an expression. `at` counts characters from 0 within it."""

    code: str
    message: str
    at: int
    hint: str = ""
    severity: Severity = Severity.ERROR


class Kind(StrEnum):
    NAME = "name"
    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    SHARE = "share"  # 10%
    SIGN = "sign"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    kind: Kind
    value: str | int | float | date | Fraction
    at: int
    end: int

    def is_sign(self, *signs: str) -> bool:
        return self.kind is Kind.SIGN and self.value in signs

    def is_word(self, *words: str) -> bool:
        return self.kind is Kind.NAME and self.value in words


_BLANK = re.compile(r"\s+")
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}", re.ASCII)
_NUMBER = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_NAME = re.compile(r"[^\W\d]\w*")
_SIGN = re.compile(r"==|!=|<=|>=|[<>()\[\],+-]")
_ESCAPES = {"\\": "\\", "'": "'", '"': '"', "n": "\n", "t": "\t"}
# What people write who come from another language, and what it is called here.
_FOREIGN = {
    "=": ("`=` is no comparison", "did you mean `==`?"),
    "&&": ("`&&` is unknown", "write `and`"),
    "&": ("`&` is unknown", "write `and`"),
    "||": ("`||` is unknown", "write `or`"),
    "|": ("`|` is unknown", "write `or`"),
    "!": ("`!` is unknown", "write `not`"),
    "<>": ("`<>` is unknown", "write `!=`"),
    "=>": ("`=>` is unknown", "did you mean `>=`?"),
    "=<": ("`=<` is unknown", "did you mean `<=`?"),
    "===": ("`===` is unknown", "write `==`"),
    "%": ("`%` stands only behind the share of a sample", "sample(10%, 'seed')"),
    "“": ("a curly quote", "write texts in straight quotes: 'Visby'"),
    "”": ("a curly quote", "write texts in straight quotes: 'Visby'"),
    "‘": ("a curly quote", "write texts in straight quotes: 'Visby'"),
    "’": ("a curly quote", "write texts in straight quotes: 'Visby'"),
    "`": ("a backtick", "write texts in straight quotes: 'Visby'"),
    "{": ("`{` is unknown", "write `in [ … ]` with square brackets"),
    "#": ("`#` is unknown: there are no comments inside an expression", "say it in `description`"),
}
_FOREIGN_SIGN = re.compile(r"===|&&|\|\||<>|=>|=<|=(?!=)|!(?!=)|[&|%“”‘’`{#]")


def tokens(source: str) -> list[Token]:
    """All tokens and an END. Raises Fault at the first character that begins none."""
    if len(source) > LONGEST:
        raise Fault(
            "A202",
            f"the expression has {len(source)} characters, more than {LONGEST}",
            LONGEST,
            "split it into segments of their own and join those by segment('name')",
        )
    found: list[Token] = []
    at = 0
    while True:
        blank = _BLANK.match(source, at)
        at = blank.end() if blank else at
        if at >= len(source):
            return [*found, Token(Kind.END, "", len(source), len(source))]
        found.append(_token(source, at))
        at = found[-1].end


def _token(source: str, at: int) -> Token:
    sign = source[at]
    if sign in "'\"":
        return _text(source, at)
    if match := _DATE.match(source, at):
        return Token(Kind.DATE, _date(match, source), at, match.end())
    if match := _NUMBER.match(source, at):
        return _number(source, match)
    if match := _NAME.match(source, at):
        return Token(Kind.NAME, match[0], at, match.end())
    if match := _FOREIGN_SIGN.match(source, at):
        message, hint = _FOREIGN[match[0]]
        raise Fault("A201", message, at, hint)
    if match := _SIGN.match(source, at):
        return Token(Kind.SIGN, match[0], at, match.end())
    raise Fault("A201", f"unexpected {_shown(sign)}", at)


def _shown(sign: str) -> str:
    return f"`{sign}`" if sign.isprintable() else f"character U+{ord(sign):04X}"


def _date(match: re.Match[str], source: str) -> date:
    if source[match.end() : match.end() + 1].isalnum():
        raise Fault(
            "A201", "only whole days are written here, without a time", match.start(), f"write {match[0]}"
        )
    year, month, day = (int(part) for part in match[0].split("-"))
    try:
        found = date(year, month, day)
    except ValueError:
        hint = "write year-month-day, as 2015-06-30"
        raise Fault("A201", f"there is no day {match[0]}", match.start(), hint) from None
    if found.isoformat() != match[0]:
        raise Fault("A201", f"`{match[0]}` is no date", match.start(), f"write {found.isoformat()}")
    return found


def _number(source: str, match: re.Match[str]) -> Token:
    at, end = match.span()
    exact = Decimal(match[0])
    if source[end : end + 1] == "%":
        return Token(Kind.SHARE, Fraction(exact) / 100, at, end + 1)
    if exact > LARGEST:
        raise Fault("A202", f"the number is larger than {LARGEST}", at, "write a smaller one")
    if source[end : end + 1].isidentifier():
        raise Fault("A201", f"`{match[0]}` runs into `{source[end]}`", end, "put a blank between them")
    return Token(Kind.NUMBER, float(exact) if "." in match[0] else int(exact), at, end)


def _text(source: str, at: int) -> Token:
    quote, position = source[at], at + 1
    parts: list[str] = []
    while position < len(source) and source[position] != "\n":
        sign = source[position]
        if sign == quote:
            return Token(Kind.TEXT, "".join(parts), at, position + 1)
        if sign == "\0":
            raise Fault("A201", "a NUL character in a text", position)
        if sign == "\\":
            position += 1
            sign = source[position : position + 1]
            if sign not in _ESCAPES or not sign:
                raise Fault(
                    "A201",
                    f"`\\{sign}` is no escape",
                    position - 1,
                    r"\\ \' \" \n and \t are; a backslash is \\",
                )
            sign = _ESCAPES[sign]
        parts.append(sign)
        position += 1
    raise Fault("A201", "the text is not closed", at, f"put {quote} at its end")
