"""What a letter's words give away: fields that were not filled in, and signs that Swedish sets otherwise."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from newsletter.campaigns.models import Campaign
from newsletter.check.page import Page
from newsletter.check.sources import Sources
from newsletter.errors import Place, Problem, Severity
from newsletter.render.composition import Content

_HARD = "\N{NO-BREAK SPACE}"

# Marks of fields: ours with one brace, Jinja's, Mailchimp's, and what programs print for nothing.
_LEAKS = re.compile(
    r"\{\s*(?:subscriber|campaign|links|brand|data|sender)\.[\w.]+[^{}]*\}|\{\{.*?\}\}|\{%.*?%\}|\*?\|[A-Z][A-Z0-9_]+\|\*?"
    r"|\b(?:None|NaN|undefined|nan)\b(?!\s+of\b)"
)


@dataclass(frozen=True)
class _Rule:
    """A sign that Swedish sets otherwise."""

    pattern: re.Pattern[str]
    what: str
    better: str  # as re.sub takes it


# Svenska skrivregler: a dash between blanks and in ranges, a blank before %, ”…” on both sides. Hard blanks in
# dates, numbers and times are set where Markdown is rendered.
_SWEDISH = (
    _Rule(re.compile(r"(?<=\w) - (?=\w)"), "a hyphen between blanks where a dash stands", " – "),
    _Rule(
        re.compile(r"(?<![\w.:–-])(\d{1,2}(?:[.:]\d\d)?|(?:19|20)\d\d)-(\d{1,2}(?:[.:]\d\d)?|(?:19|20)\d\d)(?![\w–-]|[.:]\d)"),
        "a hyphen in a range",
        r"\1–\2",
    ),
    _Rule(re.compile(r"(\d)%"), "a per cent sign without a blank", rf"\1{_HARD}%"),
    _Rule(re.compile(r"\.\.\."), "three dots where … stands", "…"),
    _Rule(re.compile(r"(?<!\w)[“\"](?=\w)([^“”\"]*)[”\"]"), "quotation marks of another language", r"”\1”"),
)  # fmt: skip

_LAST_WORD = re.compile(r"\S*\Z")
_FIRST_WORD = re.compile(r"\S*")


def wording_findings(campaign: Campaign, content: Content, page: Page, sources: Sources) -> Iterator[Problem]:
    """L115 for what is no text, L119 for how Swedish is set. Each kind once, where it is first."""
    texts = [content.subject, content.preheader, *page.texts]
    yield from _leaks([*texts, content.text], campaign, sources)
    if campaign.language.split("-")[0] == "sv":
        for rule in _SWEDISH:
            yield from _typography(rule, texts, campaign, sources)


def _leaks(texts: list[str], campaign: Campaign, sources: Sources) -> Iterator[Problem]:
    body = Place(campaign.file, campaign.body_line)
    for leak in dict.fromkeys(found[0] for text in texts for found in _LEAKS.finditer(text)):
        message = f"readers see `{leak}`: that is no text for them"
        if leak[0] == "{" and leak[1] not in "{%":
            hint = f"two braces: {{{{ {leak.strip('{} ')} }}}}"
        else:
            hint = "look at the list's cells and at the values of the front matter"
        yield Problem("L115", message, sources.find(leak) or body, hint, Severity.WARNING)


def _typography(rule: _Rule, texts: list[str], campaign: Campaign, sources: Sources) -> Iterator[Problem]:
    met = [(text, found) for text in texts for found in rule.pattern.finditer(text)]
    if not met:
        return
    text, first = met[0]
    begin = _LAST_WORD.search(text, 0, first.start())
    end = _FIRST_WORD.match(text, first.end())
    words = text[begin.start() if begin else 0 : end.end() if end else len(text)].strip()
    often = f", {len(met)} times" if len(met) > 1 else ""
    message = f"`{words}`: {rule.what}{often}"
    place = sources.find(words, first[0].strip()) or campaign.place("subject")
    yield Problem("L119", message, place, f"`{rule.pattern.sub(rule.better, words)}`", Severity.HINT)
