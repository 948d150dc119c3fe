"""Jinja in the body that cannot run: bad syntax, what has no place in a body, openers and closers that do not meet."""

import functools
import re
import warnings
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from newsletter.errors import Place, Problem, did_you_mean
from newsletter.render.tokens import Mark, Tokenised

CLOSERS = {"endif": "if", "endfor": "for", "endwith": "with"}
MIDDLES = {"elif": ("if",), "else": ("if", "for")}
_KNOWN = ("if", "elif", "else", "endif", "for", "endfor", "set", "with", "endwith", "raw", "endraw")
_REFUSED = {
    "filter": "put the filter behind the value: `{{ value | upper }}`",
    "endfilter": "put the filter behind the value: `{{ value | upper }}`",
    "endset": "write `{% set name = value %}`",
    **dict.fromkeys(
        ("macro", "endmacro", "call", "endcall", "block", "endblock", "extends", "include", "import", "from"),
        "it belongs in a template; a body takes conditions, loops, `set`, and `::: snippet NAME`",
    ),
    **dict.fromkeys(("autoescape", "endautoescape"), "leave it out: values are escaped by themselves"),
    "do": "leave it out: a body only shows values",
}
# What a statement needs around it to be a template of its own.
_FRAMES = {
    "if": "{source}{{% endif %}}",
    "elif": "{{% if 1 %}}{source}{{% endif %}}",
    "else": "{{% if 1 %}}{source}{{% endif %}}",
    "endif": "{{% if 1 %}}{source}",
    "for": "{source}{{% endfor %}}",
    "endfor": "{{% for x in x %}}{source}",
    "with": "{source}{{% endwith %}}",
    "endwith": "{{% with %}}{source}",
}
_CURLY = re.compile("[“”„‘’»«]")


def syntax_problems(marks: Sequence[Mark]) -> list[Problem]:
    """One problem for each expression that Jinja cannot read, at the expression."""
    return [problem for mark in marks if (problem := _syntax(mark))]


def _syntax(mark: Mark) -> Problem | None:
    if mark.is_statement and (problem := _unknown_statement(mark)):
        return problem
    frame = _FRAMES.get(mark.word, "{source}") if mark.is_statement else "{source}"
    fault = _parse(frame.format(source=mark.source))
    if fault is None:
        return None
    message, hint = _explain(mark, fault)
    return Problem("M131", message, mark.place, hint)


@functools.lru_cache(maxsize=2048)
def _parse(source: str) -> str | None:
    """Jinja's complaint about a template, None when it can be read."""
    from jinja2 import Environment, TemplateSyntaxError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's about a backslash in a string
            Environment(autoescape=True).parse(source)
    except TemplateSyntaxError as fault:
        return fault.message or "it cannot be read"
    except RecursionError:
        return "it is nested too deeply"
    except (ValueError, OverflowError) as fault:
        return str(fault)
    return None


def _unknown_statement(mark: Mark) -> Problem | None:
    if not mark.word:
        return Problem("M131", "`{% %}` holds nothing", mark.place, "write `{% if … %}`, or take it out")
    word = re.split(r"\W", mark.word, maxsplit=1)[0]
    if word in _REFUSED:
        return Problem("M132", f"`{{% {word} %}}` has no place in a body", mark.place, _REFUSED[word])
    if word not in _KNOWN:
        hint = did_you_mean(
            word, _KNOWN, otherwise="a body knows `if`, `for`, `set` and `with`; values stand in `{{ … }}`"
        )
        return Problem("M132", f"`{{% {mark.word} %}}` is unknown", mark.place, hint)
    if word == "set" and "=" not in mark.source:
        return Problem("M132", "`{% set %}` without a value", mark.place, "write `{% set name = value %}`")
    return None


def _explain(mark: Mark, fault: str) -> tuple[str, str]:
    """Jinja's complaint in plain words, and the way out."""
    shown = mark.shown
    if curly := _CURLY.search(re.sub(r"'[^']*'|\"[^\"]*\"", "", mark.written)):
        return f"curly quote `{curly[0]}` in `{shown}`", "Jinja takes straight quotes: `'…'` or `\"…\"`"
    inner = mark.source[2:-2].strip()
    if not inner:
        return f"`{shown}` holds nothing", "name a value: `{{ subscriber.first_name }}`"
    if len(re.findall(r"(?<!\\)'", inner)) % 2 or len(re.findall(r'(?<!\\)"', inner)) % 2:
        return f"a quote is missing in `{shown}`", "close the text with the quote that opened it"
    if fault.startswith("unexpected '") or "expected token ')'" in fault or "expected token ']'" in fault:
        return f"a bracket does not fit in `{shown}`: {fault}", "each of ( [ { is closed by its own ) ] }"
    if got := re.search(r"expected token 'end of (?:print statement|statement block)', got '(.*)'", fault):
        hint = "join names with a dot, as in `{{ subscriber.first_name or 'du' }}`, and put text in quotes"
        if got[1] in ("=", "assign"):
            hint = "compare with `==`"
        return f"`{got[1]}` cannot stand where it does in `{shown}`", hint
    if "got 'end of" in fault or fault.startswith("Expected an expression"):
        return (
            f"`{shown}` is not complete",
            "something is missing before its end: a value, a condition or an `in`",
        )
    return f"Jinja cannot read `{shown}`: {fault}", "see the Jinja expressions in the author's guide"


@dataclass(frozen=True, slots=True)
class Group:
    """An opener with all that belongs to it, by the marks' indices; without a closer it is broken."""

    members: tuple[int, ...]
    whole: bool = True


def groups_of(tokenised: Tokenised) -> tuple[dict[int, Group], list[Problem]]:
    """The group of each statement in the order of the file, whatever it stands in; and what has no partner."""
    groups: dict[int, Group] = {}
    problems: list[Problem] = []
    stack: list[list[int]] = []
    marks = tokenised.marks
    for index, mark in enumerate(marks):
        if not mark.is_statement:
            continue
        if mark.word in CLOSERS.values():
            stack.append([index])
        elif mark.word in MIDDLES:
            if stack and marks[stack[-1][0]].word in MIDDLES[mark.word]:
                stack[-1].append(index)
            else:
                problems.append(_stray(mark, "if"))
        elif mark.word in CLOSERS:
            opener = CLOSERS[mark.word]
            while stack and marks[stack[-1][0]].word != opener and _opened(stack, marks, opener):
                problems.append(_open(marks[stack[-1][0]]))
                _settle(groups, stack.pop(), whole=False)
            if stack and marks[stack[-1][0]].word == opener:
                _settle(groups, [*stack.pop(), index], whole=True)
            elif stack:
                problems.append(_wrong(mark, marks[stack[-1][0]]))
                _settle(groups, [*stack.pop(), index], whole=False)
            else:
                problems.append(_stray(mark, opener))
    for members in stack:
        problems.append(_open(marks[members[0]]))
        _settle(groups, members, whole=False)
    return groups, problems


def _opened(stack: Sequence[Sequence[int]], marks: Sequence[Mark], word: str) -> bool:
    return any(marks[members[0]].word == word for members in stack)


def _settle(groups: dict[int, Group], members: Sequence[int], *, whole: bool) -> None:
    group = Group(tuple(members), whole)
    groups.update(dict.fromkeys(members, group))


def _open(mark: Mark) -> Problem:
    hint = f"close it with `{{% end{mark.word} %}}`"
    return Problem("M133", f"`{mark.shown}` is never closed", mark.place, hint)


def _wrong(mark: Mark, opener: Mark) -> Problem:
    message = f"`{mark.shown}` cannot close `{opener.shown}` (line {opener.place.line})"
    return Problem("M133", message, mark.place, f"close it with `{{% end{opener.word} %}}`")


def _stray(mark: Mark, opener: str) -> Problem:
    hint = f"open it with `{{% {opener} … %}}`, or take it out"
    return Problem("M133", f"`{mark.shown}` without its `{{% {opener} %}}`", mark.place, hint)


def crossing_problems(
    tokenised: Tokenised, groups: Mapping[int, Group], homes: Mapping[int, Hashable], said: set[Group]
) -> list[Problem]:
    """Statements that belong together and stand in different parts, paragraphs or elements.

    homes: where each statement stands; those of one group must agree. said: groups that a problem already tells of.
    """
    problems = []
    for group in dict.fromkeys(groups.values()):
        if group in said or not group.whole or any(index not in homes for index in group.members):
            continue
        first = group.members[0]
        other = next((index for index in group.members if homes[index] != homes[first]), None)
        if other is not None:
            problems.append(crossing(tokenised.marks[first], tokenised.marks[other]))
    return problems


def crossing(opener: Mark, other: Mark) -> Problem:
    return Problem(
        "M134",
        f"`{opener.shown}` and its `{other.shown}` ({_line(opener.place, other.place)}) stand in different parts",
        opener.place,
        "put both inside one paragraph, or each on a line of its own around whole parts",
    )


def _line(here: Place, there: Place) -> str:
    return f"line {there.line}" if here.file == there.file else str(there)
