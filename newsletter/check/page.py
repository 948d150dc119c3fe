"""A finished letter read as HTML: its links with their words, pictures, headings, paragraphs, and what runs or asks."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

_RUNS = frozenset({"script", "form", "iframe", "object", "embed", "svg", "applet", "video", "audio"})
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_UNSEEN = frozenset({"style", "script", "title", "head"})
_AS_IT_IS = frozenset({"code", "pre", "kbd", "samp"})
_INLINE = frozenset({
    "a", "abbr", "b", "big", "cite", "del", "em", "font", "i", "ins", "mark", "q", "s", "small", "span", "strong",
    "sub", "sup", "time", "u",
})  # fmt: skip
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "wbr"}
)
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_HANDLER = re.compile(r"on[a-z]{3,}")  # the shortest are oncut and ondrag; `one` and `only` are none
SIGN = "\N{OBJECT REPLACEMENT CHARACTER}"  # stands in a paragraph for code, which is nobody's wording


@dataclass
class Link:
    """A link: where it leads, and the words (or a picture's alt) that lead there."""

    url: str
    hidden: bool
    words: str = ""


@dataclass
class Page(HTMLParser):
    """What is looked at in a letter; conditional comments are not read."""

    links: list[Link] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)  # addresses
    headings: list[str] = field(default_factory=list)  # "h1" … "h6", in order
    running: list[tuple[str, str]] = field(default_factory=list)  # tag, and as it is written
    paragraphs: list[str] = field(default_factory=list)  # texts with their inline elements, blanks joined

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._link: Link | None = None
        self._open: list[tuple[str, bool]] = []  # elements, and whether they hide what is in them
        self._written: list[str] = []

    @classmethod
    def of(cls, html: str) -> "Page":
        page = cls()
        page.feed(html)
        page.close()
        page._end_paragraph()
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag not in _INLINE | _AS_IT_IS:
            self._end_paragraph()
        if tag not in _VOID:
            self._open.append((tag, bool(_HIDDEN.search(given.get("style", "")))))
        if tag in ("a", "area") and "href" in given:
            hidden = any(hides for _, hides in self._open)
            self._link = Link(given["href"].strip(), hidden, given.get("aria-label", ""))
            self.links.append(self._link)
        if tag == "img":
            self.pictures.append(given.get("src", ""))
            self._words(given.get("alt", ""))
        if tag in _HEADINGS:
            self.headings.append(tag)
        if tag in _RUNS:
            self.running.append((tag, f"<{tag}"))
        self.running += [(tag, name) for name in given if _HANDLER.fullmatch(name)]

    def handle_endtag(self, tag: str) -> None:
        if tag not in _INLINE | _AS_IT_IS:
            self._end_paragraph()
        at = next((n for n in range(len(self._open) - 1, -1, -1) if self._open[n][0] == tag), None)
        if at is not None:
            del self._open[at:]
        if tag == "a":
            self._link = None

    def handle_data(self, data: str) -> None:
        names = {name for name, _ in self._open}
        if names & _UNSEEN:
            return
        self._written.append(SIGN if names & _AS_IT_IS else data)
        self._words(data)

    def _words(self, text: str) -> None:
        if self._link:
            self._link.words += f" {text}"

    def _end_paragraph(self) -> None:
        # Only breakable blanks are joined: a hard one is a sign of its own.
        if text := re.sub(r"[ \t\r\n]+", " ", "".join(self._written)).strip():
            self.paragraphs.append(text)
        self._written.clear()
