"""What a letter's words give away: fields that were not filled in, and signs that Swedish sets otherwise."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from newsletter.campaigns.models import Campaign
from newsletter.check.page import SIGN, Page
from newsletter.check.sources import Sources
from newsletter.errors import Place, Problem, Severity
from newsletter.render.composition import Content

_HARD = "\N{NO-BREAK SPACE}"
_ADDRESS = re.compile(r"\S+://\S+|\bwww\.\S+|\S+@\S+")

# Marks of fields that an author left: ours with one brace, and Mailchimp's. Two braces are written on purpose.
_LEFT = re.compile(
    r"(?<!\{)\{\s*(?:subscriber|campaign|links|brand|data|sender)\.[\w.]+[^{}]*\}(?!\})|\*?\|[A-Z][A-Z0-9_]{2,}\|\*?"
)
# Marks in what a list says of somebody: those, and those of Jinja and its like.
MARK = re.compile(rf"{_LEFT.pattern}|\{{\{{.*?\}}\}}|\{{%.*?%\}}")


@dataclass(frozen=True)
class _Rule:
    """A sign that Swedish sets otherwise."""

    pattern: re.Pattern[str]
    what: str
    better: str  # as re.sub takes it


_TIME = r"\d{1,2}[.:]\d\d"
# Svenska skrivregler: a dash between blanks and in ranges, a blank before %, ”…” on both sides. Hard blanks in dates,
# numbers and times are set where Markdown is rendered. A range is one only where nothing else is written so: times,
# hours behind `kl.`, years, and small numbers before a word; telephone and other numbers have hyphens.
_SWEDISH = (
    _Rule(re.compile(r"(?<=[^\W_]) - (?=[^\W\d_])"), "a hyphen between blanks where a dash stands", " – "),
    _Rule(
        re.compile(
            rf"(?<![\w.:–-])(?:({_TIME})-({_TIME})|((?:19|20)\d\d)-((?:19|20)\d\d)"
            r"|((?<=kl\. )\d{1,2}|(?<=kl )\d{1,2}|(?<=kl\.\xa0)\d{1,2}|(?<=kl\xa0)\d{1,2})-(\d{1,2})"
            r"|([1-9]\d?)-([1-9]\d?)(?=\s[^\W\d_]))(?![\w–-]|[.:]\d|\s\d)"
        ),
        "a hyphen in a range",
        r"\1\3\5\7–\2\4\6\8",
    ),
    _Rule(re.compile(r"(\d)%(?!\w)"), "a per cent sign without a blank", rf"\1{_HARD}%"),
    _Rule(re.compile(r"(?<!\.)\.\.\.(?!\.)"), "three dots where … stands", "…"),
    _Rule(re.compile(r"(?<!\w)[“\"](?=\w)([^“”\"]*)[”\"]"), "quotation marks of another language", r"”\1”"),
)
_LAST_WORD = re.compile(r"\S*\Z")
_FIRST_WORD = re.compile(r"\S*")


def wording_findings(campaign: Campaign, content: Content, page: Page, sources: Sources) -> Iterator[Problem]:
    """L115 for what is no text, L119 for how Swedish is set. Each kind once, where it is first."""
    texts = [content.subject, content.preheader, *page.paragraphs]
    yield from _left(texts, campaign, sources)
    if campaign.language.split("-")[0] == "sv":
        shown = [_ADDRESS.sub(SIGN, text) for text in texts]
        for rule in _SWEDISH:
            yield from _typography(rule, shown, campaign, sources)


def _left(texts: list[str], campaign: Campaign, sources: Sources) -> Iterator[Problem]:
    for mark in dict.fromkeys(found[0] for text in texts for found in _LEFT.finditer(text)):
        message = f"readers see `{mark}`: that is no text for them"
        field = f"{{{{ {mark.strip('{} ')} }}}}" if mark[0] == "{" else "{{ subscriber.first_name }}"
        place = sources.find(mark) or Place(campaign.file, campaign.body_line)
        yield Problem(
            "L115", message, place, f"two braces, and the name of a column: {field}", Severity.WARNING
        )


def _typography(rule: _Rule, texts: list[str], campaign: Campaign, sources: Sources) -> Iterator[Problem]:
    met = [(text, found) for text in texts for found in rule.pattern.finditer(text)]
    if not met:
        return
    text, first = met[0]
    begin = _LAST_WORD.search(text, 0, first.start())
    end = _FIRST_WORD.match(text, first.end())
    start = begin.start() if begin else 0
    words = text[start : end.end() if end else len(text)]
    better = words[: first.start() - start] + first.expand(rule.better) + words[first.end() - start :]
    often = f", {len(met)} times" if len(met) > 1 else ""
    message = f"`{words.strip()}`: {rule.what}{often}"
    shown = [words.strip(), first[0].strip()]
    place = sources.find(*(one for one in shown if sum(map(str.isalnum, one)) > 1))
    place = place or Place(campaign.file, campaign.body_line)
    yield Problem("L119", message, place, f"`{better.strip()}`", Severity.HINT)
