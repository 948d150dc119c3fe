"""An author's style sheet split in two: what can stand in style attributes, and what needs a style element."""

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import tinycss2
from tinycss2.ast import AtRule, Declaration, Node, ParseError, QualifiedRule

from newsletter.errors import Severity
from newsletter.render.mjml.fault import Fault, short

# The pseudo-classes that premailer works out, each at the end of a selector.
_STATIC = re.compile(r":(?:first-child|last-child|nth-child\([^():]*\))$")
# What cssutils takes, too: it drops what it can't read.
_NAME = r"-?[a-z_\u0080-\U0010ffff][\w\u0080-\U0010ffff-]*"
_SIMPLE = (
    rf"(?:{_NAME})?(?:[.#]{_NAME}|\[\s*{_NAME}\s*(?:[~|^$*]?=\s*(?:{_NAME}|\"[^\"]*\"|'[^']*')\s*)?\])*"
    r"(?::(?:first-child|last-child|nth-child\([^():]*\)))?"
)
_PLAIN = re.compile(rf"{_SIMPLE}(?:\s*[ >+~]\s*{_SIMPLE})*", re.IGNORECASE)
MOST_RULES = 1_000  # each looks through the whole letter
_GROUPS = frozenset({"media", "supports"})  # at-rules that hold rules, whose declarations have to win


@dataclass(frozen=True, slots=True)
class Setting:
    """One declaration for a style attribute."""

    name: str
    value: str
    important: bool


@dataclass
class Sheet:
    """What becomes of a style sheet. `faults` have offsets in its text."""

    inline: list[tuple[str, tuple[Setting, ...]]] = field(default_factory=list)  # selector list, in order
    kept: list[str] = field(default_factory=list)  # rules for a style element, in order
    faults: list[Fault] = field(default_factory=list)


@functools.lru_cache(maxsize=64)
def split_sheet(css: str) -> Sheet:
    """Each rule goes where it works; nothing is dropped without a fault. Pure.

    What is kept gets `!important`: the rules it is to override stand in style attributes, which would win otherwise.
    """
    return _Splitter(css).split()


@functools.lru_cache(maxsize=64)
def unreadable(css: str) -> tuple[Fault, ...]:
    """What of a sheet for a style element no mail program could read. Pure."""
    splitter = _Splitter(css)
    splitter.refuse_open()
    for rule in tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True):
        if isinstance(rule, ParseError):
            splitter.refuse(rule)
    return tuple(splitter.sheet.faults)


class _Splitter:
    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._text = text
        self._rules = 0
        self.sheet = Sheet()

    def split(self) -> Sheet:
        self.refuse_open()
        for rule in tinycss2.parse_stylesheet(self._text, skip_comments=True, skip_whitespace=True):
            if isinstance(rule, ParseError):
                self.refuse(rule)
            elif isinstance(rule, AtRule):
                self.sheet.kept.append(self._at_rule(rule))
            else:
                self._rule(rule)
        return self.sheet

    def refuse_open(self) -> None:
        """A bracket or a comment that nothing closes swallows all that follows, and tinycss2 says nothing."""
        tokens = tinycss2.parse_component_value_list(self._text)
        closed = tinycss2.serialize(tokens)
        for opening, closing, what in (
            ("{", "}", "brace"),
            ("(", ")", "parenthesis"),
            ("/*", "*/", "comment"),
        ):
            if closed.count(closing) > self._text.count(closing):
                at = self._text.rfind(opening)
                hint = f"close it with {closing}"
                self.sheet.faults.append(Fault("T132", f"a {what} of this CSS is never closed", at, hint))

    def _rule(self, rule: QualifiedRule) -> None:
        broken = [token for token in rule.prelude if isinstance(token, ParseError)]
        for token in broken:
            self.refuse(token)
        declarations = [*self._declarations(rule.content)]
        if not declarations:
            return
        plain: list[str] = []
        kept: list[str] = []
        for selector in _selectors(rule.prelude) if not broken else ():
            if not _is_static(selector) and not selector.endswith(":"):
                kept.append(selector)
            elif matches_something(selector):
                plain.append(selector)
            else:
                hint = "write elements, .classes, #ids, [attributes], as in `td > .price`"
                self._fault("T132", f"`{short(selector)}` is no selector: its rule would be lost", rule, hint)
        self._rules += 1
        if self._rules == MOST_RULES + 1:
            hint = "write it shorter: most of it would not come through Gmail either"
            self._fault("T128", f"a style sheet for inlining has at most {MOST_RULES} rules", rule, hint)
        if plain:
            self._warn(declarations)
            settings = (Setting(one.name, _value(one), one.important) for one in declarations)
            self.sheet.inline.append((", ".join(plain), tuple(settings)))
        if kept:
            self.sheet.kept.append(f"{', '.join(kept)} {{ {_written(declarations)} }}")

    def _at_rule(self, rule: AtRule) -> str:
        prelude = tinycss2.serialize(rule.prelude).strip()
        if rule.content is None:
            return f"@{rule.at_keyword} {prelude};"
        if rule.lower_at_keyword not in _GROUPS:
            return f"@{rule.at_keyword} {prelude} {{{tinycss2.serialize(rule.content)}}}"
        inner = []
        for one in tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True):
            if isinstance(one, ParseError):
                self.refuse(one)
            elif isinstance(one, AtRule):
                inner.append(self._at_rule(one))
            else:
                written = _written([*self._declarations(one.content)])
                inner.append(f"{tinycss2.serialize(one.prelude).strip()} {{ {written} }}")
        return f"@{rule.at_keyword} {prelude} {{ {' '.join(inner)} }}"

    def _declarations(self, content: Sequence[Node]) -> Iterator[Declaration]:
        for one in tinycss2.parse_blocks_contents(content, skip_comments=True, skip_whitespace=True):
            if isinstance(one, Declaration):
                yield one
            else:
                self._fault("T132", "this is no declaration", one)

    def _warn(self, declarations: Sequence[Declaration]) -> None:
        seen: set[str] = set()
        for one in declarations:
            if one.important:
                self._fault(
                    "T131",
                    f"`{one.name}: … !important` does not win over the styles that MJML writes",
                    one,
                    "set the component's own attribute, or put the rule into an <mj-style> without inline",
                    Severity.WARNING,
                )
            if one.name in seen:
                self._fault(
                    "T133",
                    f"`{one.name}` stands twice in one rule: only the last of them is inlined",
                    one,
                    "keep one; a fallback for older mail programs goes into an <mj-style> without inline",
                    Severity.WARNING,
                )
            seen.add(one.name)

    def refuse(self, error: ParseError) -> None:
        self._fault("T132", f"this CSS can't be read: {_lower(error.message)}", error)

    def _fault(
        self,
        code: str,
        message: str,
        at: Node,
        hint: str = "write name: value; between { and }",
        severity: Severity = Severity.ERROR,
    ) -> None:
        offset = self._starts[min(at.source_line, len(self._starts)) - 1] + at.source_column - 1
        self.sheet.faults.append(Fault(code, message, offset, hint, severity))


def _selectors(prelude: Sequence[Node]) -> Iterator[str]:
    """The parts of a selector list."""
    part: list[Node] = []
    for token in [*prelude, None]:
        if token is None or (token.type == "literal" and token.value == ","):
            yield (
                tinycss2.serialize(_lowered(part)).replace("/**/", "").strip()
            )  # its own, between two numbers
            part = []
        else:
            part.append(token)


def _lowered(selector: Sequence[Node]) -> list[Node]:
    """With elements' names in small letters, as HTML has them."""
    before = ""
    for token in selector:
        if token.type == "ident" and before not in (".", ":"):
            token.value = token.lower_value
        before = token.value if token.type == "literal" else ""
    return [*selector]


@functools.lru_cache(maxsize=4096)
def matches_something(selector: str) -> bool:
    """Whether the inliner knows what a selector means; it drops a rule whose selector it does not know."""
    from cssselect import ExpressionError, HTMLTranslator, SelectorError

    try:
        HTMLTranslator().css_to_xpath(selector)
    except (SelectorError, ExpressionError):
        return False
    return _PLAIN.fullmatch(selector) is not None


def _is_static(selector: str) -> bool:
    """Whether premailer can work out which elements are meant.

    Not for dynamic pseudo-classes, nor for commas within a selector (it splits at any); and `*` would bloat each
    element of the letter.
    """
    return not any(sign in _STATIC.sub("", selector) for sign in ":,*")


def _lower(message: str) -> str:
    return (message[:1].lower() + message[1:]).rstrip(".")


def _value(declaration: Declaration) -> str:
    return str(tinycss2.serialize(declaration.value)).strip()


def _written(declarations: Sequence[Declaration]) -> str:
    """For a style element: the weight makes up for that of the style attributes."""
    return "; ".join(f"{one.name}: {_value(one)} !important" for one in declarations)
