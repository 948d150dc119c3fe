"""What is wrong with a finished letter as mail programs and readers take it: its subject, its links, its outline."""

import re
from collections.abc import Iterator

from newsletter.campaigns.models import Campaign
from newsletter.check.page import Page
from newsletter.check.sources import Sources
from newsletter.check.wording import wording_findings
from newsletter.errors import Problem, Severity
from newsletter.files.project import Project
from newsletter.render.composition import Composition, Content, Links
from newsletter.settings.model import Settings

SUBJECT = 70  # characters; more than most programs show
_ANSWER = re.compile(r"(?:re|fw|fwd|sv|vs|vb|aw|wg)\s*:", re.IGNORECASE)
_ABSOLUTE = re.compile(r"(?:https?://[^/\s]|mailto:.|tel:.|cid:.|#)", re.IGNORECASE)
_WORD = re.compile(r"\w+")
_ADDRESS = re.compile(r"\S+://\S+")

# What a link says that tells nothing to who hears or skims the links alone; Swedish and English.
_EMPTY_WORDS = frozenset({
    "här", "klicka här", "klicka", "tryck här", "läs här", "läs mer", "läs mer här", "mer", "mer här", "länk", "länken",
    "se här", "se mer", "here", "click here", "click", "read more", "read here", "more", "link", "this", "this link",
    "learn more",
})  # fmt: skip


def letter_findings(
    project: Project, settings: Settings, composition: Composition, content: Content, links: Links
) -> Iterator[Problem]:
    """The findings of one reader's letter, made with these links. Codes begin with L."""
    campaign = composition.campaign
    page = Page.of(content.html)
    sources = Sources(project, composition)
    yield from _subject(campaign, content.subject)
    yield from _links(page, sources)
    yield from _pictures(page, sources)
    yield from _headings(page, campaign)
    yield from _running(page, sources)
    yield from _way_out(page, content, links, campaign)
    yield from _sender(page, settings, campaign)
    yield from _text_part(page, content, campaign)
    yield from wording_findings(campaign, content, page, sources)


def _subject(campaign: Campaign, subject: str) -> Iterator[Problem]:
    place = campaign.place("subject")
    if len(subject) > SUBJECT:
        message = f"the subject has {len(subject)} characters; most programs show {SUBJECT} at most"
        yield Problem("L101", message, place, "say the most important first, and less", Severity.WARNING)
    if _ANSWER.match(subject):
        message = "the subject looks like an answer to somebody, and filters know that trick"
        yield Problem("L102", message, place, "begin with what the letter is about", Severity.WARNING)


def _links(page: Page, sources: Sources) -> Iterator[Problem]:
    for url in dict.fromkeys(link.url for link in page.links):
        if not _ABSOLUTE.match(url):
            message = (
                f"the link `{url}` leads nowhere from a mail program" if url else "a link without an address"
            )
            yield Problem("L104", message, sources.place(f'href="{url}"', url), "https://… in full")
        elif url.lower().startswith("http://"):
            message = f"the link `{url}` is not encrypted"
            yield Problem("L105", message, sources.place(url), "https://…", Severity.WARNING)
    for link in page.links:
        words = " ".join(link.words.split())
        if not words and link.url:
            message = f"the link to {link.url} has no words: who listens to the letter can't tell what it is"
            hint = "words between the tags, or an alt text for the picture in it"
            yield Problem("L117", message, sources.place(link.url), hint, Severity.WARNING)
        elif words.lower().strip(" .:!›»→>") in _EMPTY_WORDS:
            message = f"the link `{words}` does not say where it leads"
            hint = "name what is behind it: “Se hela programmet”, “Boka plats den 1 juli”"
            yield Problem("L116", message, sources.place(words, link.url), hint, Severity.HINT)


def _pictures(page: Page, sources: Sources) -> Iterator[Problem]:
    for url in dict.fromkeys(page.pictures):
        if not url.lower().startswith(("https://", "cid:")):
            message = f"the picture `{url[:60]}` can't be shown: mail programs load https only"
            yield Problem(
                "L106", message, sources.place(url), "put it into the project, or name it by https://…"
            )


def _headings(page: Page, campaign: Campaign) -> Iterator[Problem]:
    place = campaign.place("template")
    number = page.headings.count("h1")
    if number > 1:
        message = f"the letter has {number} headings of the first kind (h1): who listens to it looks for one"
        yield Problem("L108", message, place, "one <h1> with what the letter is about", Severity.WARNING)
    for before, after in zip(page.headings, page.headings[1:], strict=False):
        if int(after[1]) > int(before[1]) + 1:
            message = f"behind {before} comes {after}: a step of the outline is missing"
            yield Problem("L109", message, place, f"h{int(before[1]) + 1}", Severity.HINT)
            return


def _running(page: Page, sources: Sources) -> Iterator[Problem]:
    for tag, what in page.running:
        hint = "take it out: mail programs do, and many take the letter for an attack"
        message = f"`{what}` in a letter: <{tag}> does nothing there, or harm"
        yield Problem("L107", message, sources.place(what), hint)


def _way_out(page: Page, content: Content, links: Links, campaign: Campaign) -> Iterator[Problem]:
    """Each reader needs it in each form: a condition may have taken it from some."""
    hint = "print {{ links.unsubscribe }} where every reader sees it, best in the footer of the template"
    there = {
        "HTML": any(link.url == links.unsubscribe and link.words.strip() for link in page.links),
        "text part": links.unsubscribe in content.text,
    }
    missing = [form for form, printed in there.items() if not printed]
    if missing:
        message = f"a reader finds no link to unsubscribe in the {' and in the '.join(missing)}"
        yield Problem("L112", message, campaign.place("template"), hint)


def _sender(page: Page, settings: Settings, campaign: Campaign) -> Iterator[Problem]:
    shown = set(_WORD.findall(" ".join(page.texts).casefold()))
    address = set(_WORD.findall(settings.brand.address.casefold()))
    if not address:
        message = "the letter can't say who writes: there is no postal address"
        hint = '[brand] address = "…" in newsletter.toml, and {{ brand.address }} in the template'
    elif not address <= shown:
        message = "the letter does not show the postal address of who writes"
        hint = "print {{ brand.address }} in the footer of the template"
    else:
        return
    yield Problem("L113", message, campaign.place("template"), hint, Severity.WARNING)


def _text_part(page: Page, content: Content, campaign: Campaign) -> Iterator[Problem]:
    written = len(_WORD.findall(" ".join(page.texts)))
    told = len(_WORD.findall(_ADDRESS.sub("", content.text)))
    if written and told < written / 3:
        message = f"the text part has {told} words where the HTML has {written}: some readers see only that"
        hint = "let the template's .txt print intro, sections and closing as the .mjml does"
        yield Problem("L114", message, campaign.place("template"), hint, Severity.WARNING)
