"""What is wrong with a finished letter as mail programs take it: its size, its subject, its links, its headings."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from newsletter.campaigns.models import Campaign
from newsletter.errors import Place, Problem, Severity
from newsletter.files.project import Project
from newsletter.render.composition import Composition, Content

CLIPPED = 102_400  # bytes of HTML behind which Gmail cuts a letter off (observed, not documented)
NEARLY = 95 * 1024
SUBJECT = 70  # characters; more than most programs show
_ANSWER = re.compile(r"(?:re|fw|fwd|sv|vs|vb|aw|wg)\s*:", re.IGNORECASE)
_ABSOLUTE = re.compile(r"(?:https?://[^/\s]|mailto:.|tel:.|cid:.|#)", re.IGNORECASE)
_RUNS = frozenset({"script", "form", "iframe", "object", "embed", "svg", "applet", "input", "video", "audio"})
_OURS = frozenset({"input"})  # MJML's own menus and carousels have some
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")


def letter_findings(project: Project, composition: Composition, content: Content) -> Iterator[Problem]:
    """The findings of one reader's letter. Codes begin with L."""
    campaign = composition.campaign
    yield from _subject(campaign, content.subject)
    yield from _size(campaign, len(content.html.encode("utf-8")))
    page = _Page()
    page.feed(content.html)
    places = _Places(project, composition)
    yield from _links(page, places)
    yield from _headings(page, campaign)
    for tag, what in page.running:
        place = places.of(what)
        hint = "take it out: mail programs do, and many take the letter for an attack"
        yield Problem("L107", f"`{what}` in a letter: <{tag}> does nothing there, or harm", place, hint)


def _subject(campaign: Campaign, subject: str) -> Iterator[Problem]:
    place = campaign.place("subject")
    if len(subject) > SUBJECT:
        message = f"the subject has {len(subject)} characters; most programs show {SUBJECT} at most"
        yield Problem("L101", message, place, "say the most important first, and less", Severity.WARNING)
    if _ANSWER.match(subject):
        message = "the subject looks like an answer to somebody, and filters know that trick"
        yield Problem("L102", message, place, "begin with what the letter is about", Severity.WARNING)


def _size(campaign: Campaign, size: int) -> Iterator[Problem]:
    if size > NEARLY:
        clipped = size > CLIPPED
        message = f"the HTML has {size:,} bytes; Gmail cuts off what is behind {CLIPPED:,}"
        hint = "shorten it, or let a link lead to the rest: the way to unsubscribe stands at the end"
        severity = Severity.ERROR if clipped else Severity.WARNING
        yield Problem("L103", message, Place(campaign.file, campaign.body_line), hint, severity)


def _links(page: "_Page", places: "_Places") -> Iterator[Problem]:
    for url in dict.fromkeys(page.links):
        if not _ABSOLUTE.match(url):
            message = (
                f"the link `{url}` leads nowhere from a mail program" if url else "a link without an address"
            )
            yield Problem("L104", message, places.of(f'href="{url}"', url), "https://… in full")
        elif url.lower().startswith("http://"):
            message = f"the link `{url}` is not encrypted"
            yield Problem("L105", message, places.of(url), "https://…", Severity.WARNING)
    for url in dict.fromkeys(page.pictures):
        if not url.lower().startswith(("https://", "cid:")):
            message = f"the picture `{url[:60]}` can't be shown: mail programs load https only"
            yield Problem("L106", message, places.of(url), "put it into the project, or name it by https://…")


def _headings(page: "_Page", campaign: Campaign) -> Iterator[Problem]:
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


class _Page(HTMLParser):
    """What of a letter is a link, a picture, a heading, or runs."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[str] = []
        self.pictures: list[str] = []
        self.headings: list[str] = []
        self.running: list[tuple[str, str]] = []  # tag, and as it is written

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in ("a", "area") and "href" in given:
            self.links.append(given["href"].strip())
        if tag == "img":
            self.pictures.append(given.get("src", ""))
        if tag in _HEADINGS:
            self.headings.append(tag)
        if tag in _RUNS - _OURS:
            self.running.append((tag, f"<{tag}"))
        self.running += [(tag, name) for name in given if name.startswith("on")]


class _Places:
    """Where an author wrote what stands in the letter: looked for in the campaign, then in what it is made of."""

    def __init__(self, project: Project, composition: Composition) -> None:
        self._project = project
        campaign = composition.campaign
        self._files = [campaign.file, *(one for one in composition.sources if one != campaign.file)]
        self._fallback = campaign.place("template")

    def of(self, *needles: str) -> Place:
        for file in self._files:
            if not file.endswith((".md", ".mjml", ".toml")):
                continue
            text = self._project.read_text(file)
            for needle in needles:
                at = text.find(needle) if needle else -1
                if at >= 0:
                    return Place(file, text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))
        return self._fallback
