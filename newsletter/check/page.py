"""A finished letter read as HTML: its links with their words, pictures, headings, texts, and what runs or asks."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

_RUNS = frozenset({"script", "form", "iframe", "object", "embed", "svg", "applet", "video", "audio"})
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_UNSEEN = frozenset({"style", "script", "title", "head"})


@dataclass
class Link:
    """A link: where it leads, and the words (or a picture's alt) that lead there."""

    url: str
    words: str = ""


@dataclass
class Page(HTMLParser):
    """What is looked at in a letter; conditional comments are not read."""

    links: list[Link] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)  # "h1" … "h6", in order
    running: list[tuple[str, str]] = field(default_factory=list)  # tag, and as it is written
    texts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._link: Link | None = None
        self._unseen = 0

    @classmethod
    def of(cls, html: str) -> "Page":
        page = cls()
        page.feed(html)
        page.close()
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._unseen += tag in _UNSEEN
        if tag in ("a", "area") and "href" in given:
            self._link = Link(given["href"].strip(), given.get("aria-label", ""))
            self.links.append(self._link)
        if tag == "img":
            self.pictures.append(given.get("src", ""))
            self._words(given.get("alt", ""))
        if tag in _HEADINGS:
            self.headings.append(tag)
        if tag in _RUNS:
            self.running.append((tag, f"<{tag}"))
        self.running += [(tag, name) for name in given if name.startswith("on")]

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in _UNSEEN and self._unseen > 0
        if tag == "a":
            self._link = None

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.texts.append(data)
            self._words(data)

    def _words(self, text: str) -> None:
        if self._link:
            self._link.words += f" {text}"
