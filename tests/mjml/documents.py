"""Valid MJML documents made at random: the structure and the types of attributes come from the component table.

Each text and each address is a word that stands nowhere else, so that a test can look for it.
"""

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html import unescape

from hypothesis import strategies as st

from newsletter.render.mjml.components import components

_ENUM = re.compile(r"enum\((.*)\)")
_UNIT = re.compile(r"(unit|unitWithNegative)\(([^)]*)\)(\{1,4\})?")
# What people write in texts, and what has crossed somebody's parser before.
_SPICE = (
    "", "", "", "å ä ö", "&amp;", "&lt;b&gt;", "&nbsp;", "100 %", "👩‍👩‍👧", "שלום", "{{ x }}", "]]", "q0a1b2c3d4e5fz0x", "’", "\\n", "\n  ", "5 & 6", "AT&amp;T", '"citat"', "\\", "%s {0}",
)  # fmt: skip
FOLDED = "section in a column"
_URL = "https://example.org/{word}?a=1&amp;b=%C3%A5#c"
# A component's own pictures: without them MJML would take its own from somebody else's server.
_NEEDED = {
    "mj-accordion": {"icon-wrapped-url": "auf.png", "icon-unwrapped-url": "zu.png"},
    "mj-accordion-element": {"icon-wrapped-url": "auf.png", "icon-unwrapped-url": "zu.png"},
    "mj-carousel": {"left-icon": "l.png", "right-icon": "r.png"},
    "mj-carousel-image": {"src": "bild.png", "alt": ""},
    "mj-image": {"src": "bild.png", "alt": ""},
    "mj-social-element": {"src": "ikon.png", "alt": ""},
    "mj-hero": {"mode": "fixed-height", "height": "200px"},
}
# Attributes that the engine does not do (T127), that name pictures, or that hide the component from some readers.
_LEFT_OUT = {
    "sizes", "srcset", "usemap", "inner-padding", "gutter", "gap", "mode", "src", "background-url", "icon-wrapped-url",
    "icon-unwrapped-url", "left-icon", "right-icon", "thumbnails-src", "name", "font-family", "base-url", "path",
    "hamburger", "role", "position", "owa", "thumbnails",
}  # fmt: skip
_UNSHOWN = {"mj-button": ("title",)}  # T127
_TYPED_ONLY = re.compile(r"color|unit|enum|boolean|integer")


@dataclass
class Document:
    """MJML, and the words that a reader must find in what becomes of it."""

    mjml: str = ""
    texts: list[str] = field(default_factory=list)  # shown
    values: list[tuple[str, str]] = field(
        default_factory=list
    )  # attribute and what it holds, entities resolved
    counter: "itertools.count[int]" = field(default_factory=itertools.count)

    def word(self) -> str:
        return f"ord{next(self.counter)}slut"


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """A whole letter with one to four blocks in its body."""
    document = Document()
    write = _Writer(document, draw)
    head = draw(st.sampled_from(["", "title", "preview", "both"]))
    parts = [
        f"<mj-{name}>{write.text()}</mj-{name}>" for name in ("title", "preview") if head in (name, "both")
    ]
    if draw(st.booleans()):
        parts.append('<mj-attributes><mj-all padding="0 4px" /><mj-text color="#123" /></mj-attributes>')
    kinds = st.sampled_from(
        ["mj-section", "mj-section", "mj-wrapper", "mj-hero", "mj-raw", "mj-text", FOLDED]
    )
    blocks = "\n".join(
        write.component(kind, "mj-body", 0) for kind in draw(st.lists(kinds, min_size=1, max_size=4))
    )
    body = f"<mj-body{write.attributes('mj-body')}>{blocks}</mj-body>"
    document.mjml = f"<mjml>\n<mj-head>{''.join(parts)}</mj-head>\n{body}\n</mjml>\n"
    return document


class _Writer:
    def __init__(self, document: Document, draw: st.DrawFn) -> None:
        self.document = document
        self.draw = draw

    def component(self, name: str, parent: str, depth: int) -> str:
        if name == FOLDED:  # a whole section in a column: authors' parts come so
            inner = [self.component(one, "mj-column", 3) for one in ("mj-text", "mj-section", "mj-text")]
            return f"<mj-section><mj-column>{''.join(inner)}</mj-column></mj-section>"
        known = components()[name]
        attributes = self.attributes(name)
        if known.ending:
            return f"<{name}{attributes}>{self._body(name, parent)}</{name}>"
        inner = "".join(
            f"\n{self.component(child, name, depth + 1)}" for child in self._children(name, depth)
        )
        return f"<{name}{attributes}>{inner}</{name}>" if inner else f"<{name}{attributes} />"

    def _children(self, name: str, depth: int) -> list[str]:
        allowed = [
            one
            for one in components()[name].children or ()
            if one != "mj-raw" or name in ("mj-column", "mj-body")
        ]
        if name in ("mj-navbar", "mj-social", "mj-accordion", "mj-carousel", "mj-accordion-element"):
            least = 2 if name == "mj-carousel" else 1  # what has nothing in it shows nothing
        else:
            least = 0
        if name == "mj-accordion-element":
            return ["mj-accordion-title", "mj-accordion-text"]
        if not allowed or depth > 5:
            return []
        return self.draw(st.lists(st.sampled_from(sorted(allowed)), min_size=least, max_size=3))

    def attributes(self, name: str) -> str:
        kinds = {one: kind for one, kind in components()[name].attributes.items() if one not in _LEFT_OUT}
        told = sorted({"href", "alt", "title"}.difference(_UNSHOWN.get(name, ())) & kinds.keys())
        typed = sorted(one for one, kind in kinds.items() if _TYPED_ONLY.match(kind))
        chosen = [one for one in told if self.draw(st.booleans())]
        chosen += self.draw(st.lists(st.sampled_from(typed), max_size=3, unique=True)) if typed else []
        values = dict(_NEEDED.get(name, {}))
        for one in chosen:
            if one in told:
                values[one] = self._told(one)
            elif not (name == "mj-hero" and one.startswith(("padding", "height"))):
                values[one] = self.draw(_value(kinds[one]))
        quotes = {one: "'" if '"' in value else '"' for one, value in values.items()}
        return "".join(f" {one}={quotes[one]}{value}{quotes[one]}" for one, value in values.items())

    def _told(self, name: str) -> str:
        word = self.document.word()
        if name == "href":
            self.document.values.append((name, _URL.format(word=word).replace("&amp;", "&")))
            return _URL.format(word=word)
        written = self.draw(
            st.sampled_from(
                ["", " &amp; å", " & å", " &quot;x&quot;", " 100 %", " \\u{e5}", " > 1", " < 2", ' "x"']
            )
        )
        self.document.values.append((name, word + unescape(written)))
        return word + written

    def text(self) -> str:
        word = self.document.word()
        self.document.texts.append(word)
        spice = self.draw(st.sampled_from(_SPICE))
        return f"{word} {spice}".strip() or word

    def _body(self, name: str, parent: str) -> str:
        if name == "mj-carousel-image":
            return ""
        if name == "mj-table":
            rows = self.draw(st.integers(1, 3))
            return "".join(f"<tr><td>{self.text()}</td></tr>" for _ in range(rows))
        if name == "mj-raw":
            return f"<tr><td>{self.text()}</td></tr>" if parent != "mj-body" else f"<div>{self.text()}</div>"
        if name in ("mj-text", "mj-accordion-text"):
            return "".join(self.draw(st.lists(self._fragments(), min_size=1, max_size=3)))
        return self.text()

    def _fragments(self) -> st.SearchStrategy[str]:
        made: list[Callable[[], str]] = [
            lambda: f"<p>{self.text()}</p>",
            lambda: f"<p>{self.text()}<br>{self.text()} <strong>{self.text()}</strong></p>",
            lambda: f'<p><a href="{self._told("href")}">{self.text()}</a></p>',
            lambda: f"<ul>\n<li>{self.text()}</li>\n<li>{self.text()}</li></ul>",
            lambda: f'<h2 class="stor">{self.text()}</h2><!-- inte synligt -->',
            lambda: f"<UL><li>{self.text()}<li>{self.text()}</UL>",
            lambda: f"<p class=liten>{self.text()}<p>{self.text()}<hr>",
            lambda: f'<img src="https://example.org/x.png" alt="{self._told("alt").replace(chr(34), "&quot;")}" width=10>',
            lambda: f"<ol reversed><li>{self.text()}</li></ol>",
        ]  # fmt: skip
        return st.sampled_from(made).map(lambda make: make())


def _value(kind: str) -> st.SearchStrategy[str]:
    if kind == "color":
        return st.sampled_from(["#123", "#a3203c", "red", "rgb(1, 2, 3)", "rgba(1, 2, 3, 0.5)"])
    if kind == "boolean":
        return st.sampled_from(["true", "false"])
    if kind == "integer":
        return st.integers(0, 40).map(str)
    if found := _ENUM.fullmatch(kind):
        return st.sampled_from([word for word in found[1].split(",") if word])
    found = _UNIT.fullmatch(kind)
    if found is None:
        raise AssertionError(kind)
    units = [unit for unit in found[2].split(",") if unit and unit != "auto"]
    one = st.builds("{}{}".format, st.integers(1, 60), st.sampled_from(units))
    if not found[3]:
        return one
    return st.lists(st.one_of(one, st.just("0")), min_size=1, max_size=4).map(" ".join)
