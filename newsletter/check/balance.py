"""Tags that don't meet, as each mail program reads them: Outlook for Windows by its conditional comments, others not.

Conditional comments: https://learn.microsoft.com/previous-versions/windows/internet-explorer/ie-developer/compatibility/ms537512(v=vs.85)
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from newsletter.check.markup import VOID, tags
from newsletter.errors import Problem
from newsletter.render.mjml.fault import short
from newsletter.render.passage import Language, Passage, Written

# Whose end HTML does not ask for (HTML standard 13.1.2.4).
_MAY_STAY_OPEN = frozenset({
    "p", "li", "dt", "dd", "td", "th", "tr", "tbody", "thead", "tfoot", "colgroup", "caption", "option", "optgroup",
    "rp", "rt", "html", "head", "body",
})  # fmt: skip
_OUTLOOKS = (12, 14, 15, 16)  # versions of Office: 2007, 2010, 2013, 2016 and all since
_CONDITION = re.compile(
    r"<!--\[if\s(?P<hidden>[^\]]*)\]>(?P<shown><!-->|-->)?"  # for who knows conditions; with `shown` for others, too
    r"|<!\[if\s(?P<revealed>[^\]]*)\]>"
    r"|(?:<!--)?<!\[endif\](?:-->|>)",
    re.IGNORECASE,
)
_WORD = re.compile(
    r"\s*(?:(?P<sign>[!&|()])|(?:(?P<compared>lte?|gte?)\s+)?(?P<name>[a-z]+)(?:\s+(?P<number>[\d.]+))?)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Torn:
    """One tag or condition that has no other end. `at`: offset in the text."""

    at: int
    what: str


def balance_findings(written: Written) -> Iterator[Problem]:
    """L127, each tag once, with the readers for whom it is so."""
    told: set[int] = set()
    for passage in written.passages:
        if passage.language is not Language.HTML or "<" not in passage.text:
            continue
        for reading in written.readings(passage):
            for who, outlook, torn in _torn(reading):
                if (
                    outlook
                    and passage.component == "mj-raw"
                    and unbalanced(as_read(written.html, outlook)) is None
                ):
                    continue  # it opens or closes what the compiler wrote for Outlook
                if passage.at + torn.at not in told:
                    told.add(passage.at + torn.at)
                    yield _problem(written, passage, who, torn)


def _problem(written: Written, passage: Passage, who: str, torn: Torn) -> Problem:
    hint = "close what is opened, in the same branch"
    if passage.component != "mj-raw":
        hint += f" of the same <{passage.component}>"
    return Problem("L127", f"{torn.what}{who}", written.place(passage.at + torn.at), hint)


def _torn(html: str) -> Iterator[tuple[str, int | None, Torn]]:
    """The first tag that does not meet: for whom in words, in which Outlook if it is so there alone, and the tag."""
    if (broken := _unended(html)) is not None:
        yield "", None, broken
        return
    others = unbalanced(as_read(html, None))
    in_outlook = {version: unbalanced(as_read(html, version)) for version in _OUTLOOKS if "[if" in html}
    version, found = next(((version, one) for version, one in in_outlook.items() if one), (None, None))
    if others:
        alone = bool(in_outlook) and found != others
        yield " for all but Outlook for Windows" if alone else "", None, others
    if found and found != others:
        yield " in Outlook for Windows", version, found


def _unended(html: str) -> Torn | None:
    """A condition that is never ended, or an end without one."""
    opened: re.Match[str] | None = None
    for one in _CONDITION.finditer(html):
        begins = one["hidden"] is not None or one["revealed"] is not None
        if begins and opened is None:
            opened = one
        elif begins == (opened is not None):
            what = (
                f"`{short(one[0], 30)}` stands inside another condition"
                if begins
                else "`<![endif]` ends nothing"
            )
            return Torn(one.start(), what)
        else:
            opened = None
    return Torn(opened.start(), f"`{short(opened[0], 30)}` is never ended by `<![endif]`") if opened else None


def as_read(html: str, outlook: int | None) -> str:
    """The HTML with blanks for what one mail program passes over; outlook: its version, None for all others."""
    pieces: list[str] = []
    end, reads = 0, True
    for one in _CONDITION.finditer(html):
        pieces.append(html[end : one.start()] if reads else " " * (one.start() - end))
        pieces.append(" " * len(one[0]))
        end = one.end()
        condition = one["hidden"] if one["hidden"] is not None else one["revealed"]
        if condition is None:
            reads = True
        elif outlook is None:
            reads = one["revealed"] is not None or one["shown"] is not None
        else:
            reads = holds(condition, outlook)
    pieces.append(html[end:] if reads else "")
    return "".join(pieces)


def holds(condition: str, version: int) -> bool:
    """Whether a condition is true in Outlook for Windows of this version; IE's own conditions are not."""
    words = [*_WORD.finditer(condition)]
    position = 0

    def sign(wanted: str) -> bool:
        nonlocal position
        if position < len(words) and words[position]["sign"] == wanted:
            position += 1
            return True
        return False

    def one() -> bool:
        nonlocal position
        if sign("!"):
            return not one()
        if sign("("):
            value = either()
            sign(")")
            return value
        if position >= len(words):
            return False
        word = words[position]
        position += 1
        return _is(word, version)

    def both() -> bool:
        value = one()
        while sign("&"):
            value = one() and value
        return value

    def either() -> bool:
        value = both()
        while sign("|"):
            value = both() or value
        return value

    return either()


def _is(word: re.Match[str], version: int) -> bool:
    if (word["name"] or "").lower() not in ("mso", "vml", "true"):
        return False
    if word["number"] is None:
        return True
    number = float(word["number"])
    compared = (word["compared"] or "eq").lower()
    return {
        "lt": version < number,
        "lte": version <= number,
        "gt": version > number,
        "gte": version >= number,
        "eq": version == int(number),
    }[compared]


def unbalanced(html: str) -> Torn | None:
    """The first tag that closes nothing, or is not closed where it has to be."""
    opened: list[tuple[str, int]] = []
    for tag in tags(html):
        if tag.name in VOID or (tag.alone and not tag.closing and ":" in tag.name):
            continue
        if not tag.closing:
            opened.append((tag.name, tag.at))
            continue
        at = next((n for n in range(len(opened) - 1, -1, -1) if opened[n][0] == tag.name), None)
        if at is None:
            return Torn(tag.at, f"</{tag.name}> closes nothing")
        for name, begin in reversed(opened[at + 1 :]):
            if name not in _MAY_STAY_OPEN:
                return Torn(begin, f"<{name}> is not closed before </{tag.name}>")
        del opened[at:]
    left = next(((name, begin) for name, begin in opened if name not in _MAY_STAY_OPEN), None)
    return Torn(left[1], f"<{left[0]}> is never closed") if left else None
