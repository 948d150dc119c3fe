"""What is wrong with a finished letter as mail programs and readers take it.

`branch_findings` is for letters of readers that nobody is, in every branch: what it says quotes the letter. What
`letter_findings` says of a real reader's letter does not.
"""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from newsletter.campaigns.models import Campaign
from newsletter.check.page import Page
from newsletter.check.sources import Sources
from newsletter.check.wording import wording_findings
from newsletter.errors import Problem, Severity
from newsletter.render.composition import Content, Links
from newsletter.settings.model import Settings

_ANSWER = re.compile(r"(?:re|fw|fwd|sv|vs|vb|aw|wg)\s*:", re.IGNORECASE)
_ABSOLUTE = re.compile(r"(?:https?://[^/\s]|(?:mailto|tel|sms|cid):.|#)", re.IGNORECASE)
_WORD = re.compile(r"\w+")
_ADDRESS = re.compile(r"\S+://\S+")

# What a link says that tells nothing to who hears or skims the links alone; Swedish and English.
_EMPTY_WORDS = frozenset({
    "här", "klicka här", "klicka", "tryck här", "läs här", "läs mer", "läs mer här", "mer", "mer här", "länk", "länken",
    "se här", "se mer", "here", "click here", "click", "read more", "read here", "more", "link", "this", "this link",
    "learn more",
})  # fmt: skip


def branch_findings(
    campaign: Campaign, content: Content, links: Links, sources: Sources
) -> Iterator[Problem]:
    """What is written in one branch of the letter: links, pictures, what runs, words."""
    page = Page.of(content.html)
    if _ANSWER.match(content.subject):
        message = "the subject looks like an answer to somebody, and filters know that trick"
        hint = "begin with what the letter is about"
        yield Problem("L102", message, campaign.place("subject"), hint, Severity.WARNING)
    yield from _links(page, sources)
    yield from _pictures(page, sources)
    yield from _running(page, sources)
    yield from _hidden_way_out(page, links, campaign)
    yield from wording_findings(campaign, content, page, sources)


def letter_findings(campaign: Campaign, content: Content, settings: Settings) -> Iterator[Problem]:
    """What is wrong with one reader's letter as a whole: its outline, who writes, its text part."""
    page = Page.of(content.html)
    yield from _headings(page, campaign)
    yield from _sender(page, settings, campaign)
    yield from _text_part(page, content, campaign)


def is_address(url: str) -> bool:
    """Whether a mail program can follow it."""
    try:
        urlsplit(url)
    except ValueError:  # a host in brackets that is no IPv6 address
        return False
    return bool(_ABSOLUTE.match(url))


def _links(page: Page, sources: Sources) -> Iterator[Problem]:
    for url in dict.fromkeys(link.url for link in page.links):
        if not is_address(url):
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
            yield Problem("L116", message, sources.place(f"[{words}]", words, link.url), hint, Severity.HINT)


def _pictures(page: Page, sources: Sources) -> Iterator[Problem]:
    for url in dict.fromkeys(page.pictures):
        if not url.lower().startswith(("https://", "cid:")):
            message = f"the picture `{url[:60]}` can't be shown: mail programs load https only"
            yield Problem(
                "L106", message, sources.place(url), "put it into the project, or name it by https://…"
            )


def _running(page: Page, sources: Sources) -> Iterator[Problem]:
    for tag, what in page.running:
        hint = "take it out: mail programs do, and many take the letter for an attack"
        message = f"`{what}` in a letter: <{tag}> does nothing there, or harm"
        yield Problem("L107", message, sources.place(what), hint)


def _hidden_way_out(page: Page, links: Links, campaign: Campaign) -> Iterator[Problem]:
    ways = [link for link in page.links if link.url == links.unsubscribe]
    if ways and all(link.hidden or not link.words.strip() for link in ways):
        message = "the link to unsubscribe is hidden, or has no words"
        hint = "let every reader see it, best in the footer of the template"
        yield Problem("L112", message, campaign.place("template"), hint)


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


def _sender(page: Page, settings: Settings, campaign: Campaign) -> Iterator[Problem]:
    shown = _words(" ".join(page.paragraphs))
    address = _words(settings.brand.address)
    if not address:
        message = "the letter can't say who writes: there is no postal address"
        hint = '[brand] address = "…" in newsletter.toml, and {{ brand.address }} in the template'
    elif f" {address} " not in f" {shown} ":
        message = "the letter does not show the postal address of who writes"
        hint = "print {{ brand.address }} in the footer of the template"
    else:
        return
    yield Problem("L113", message, campaign.place("template"), hint, Severity.WARNING)


def _text_part(page: Page, content: Content, campaign: Campaign) -> Iterator[Problem]:
    written = len(_WORD.findall(" ".join(page.paragraphs)))
    told = len(_WORD.findall(_ADDRESS.sub("", content.text)))
    if written and told < written / 3:
        message = f"the text part has {told} words where the HTML has {written}: some readers see only that"
        hint = "let the template's .txt print intro, sections and closing as the .mjml does"
        yield Problem("L114", message, campaign.place("template"), hint, Severity.WARNING)


def _words(text: str) -> str:
    """The words alone, one blank between."""
    return " ".join(_WORD.findall(text.casefold()))
