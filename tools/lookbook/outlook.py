"""A letter as one of the two families of mail programs reads it: Word's engine in Outlook, or all the others.

Nobody can run Outlook on Windows here. Its conditional comments are resolved as it would, and what comes of them is
read tag by tag: a tag that closes nothing or is never closed is found, in VML, too.
"""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

_HIDDEN_FROM_OTHERS = re.compile(r"<!--\[if (?P<when>[^\]]*)\]>(?P<inside>.*?)<!\[endif\]-->", re.DOTALL)
_SHOWN_TO_OTHERS = re.compile(r"<!--\[if !mso[^\]]*\]><!-->(?P<inside>.*?)<!--<!\[endif\]-->", re.DOTALL)
VERSIONS = (11, 12, 14, 15, 16)  # of Word: 2003, 2007, 2010, 2013, 2016 and later
_VOID = frozenset((
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr",
))  # fmt: skip


def seen_by_word(html: str, version: int = 16) -> str:
    shown = _SHOWN_TO_OTHERS.sub("", html)
    return _HIDDEN_FROM_OTHERS.sub(lambda one: one["inside"] if _holds(one["when"], version) else "", shown)


def seen_by_others(html: str) -> str:
    return _HIDDEN_FROM_OTHERS.sub("", _SHOWN_TO_OTHERS.sub(lambda one: one["inside"], html))


def _holds(when: str, version: int) -> bool:
    """The conditions that MJML writes. Raises ValueError for another one."""
    found = re.fullmatch(r"(?:(lte|lt|gte|gt) )?mso(?: (\d+))?(?: \| IE)?", when.strip())
    if found is None:
        raise ValueError(f"nobody knows the condition `{when}`")
    relation, number = found[1], int(found[2] or version)
    return {
        None: version == number,
        "lte": version <= number,
        "lt": version < number,
        "gte": version >= number,
        "gt": version > number,
    }[relation]


@dataclass(eq=False)
class Element:
    tag: str
    attributes: dict[str, str]
    parent: "Element | None" = None
    children: "list[Element]" = field(default_factory=list)

    @property
    def style(self) -> dict[str, str]:
        pairs = (one.partition(":") for one in self.attributes.get("style", "").split(";") if ":" in one)
        return {name.strip(): value.strip() for name, _, value in pairs}

    def walk(self) -> "list[Element]":
        return [self, *(inner for child in self.children for inner in child.walk())]

    def padding(self) -> int:
        """At both sides together, in px."""
        style = self.style
        return sum(int(style.get(f"padding-{side}", "0").removesuffix("px")) for side in ("left", "right"))


class Reading(HTMLParser):
    """The tree, and `faults`: every tag that does not meet its partner."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self.faults: list[str] = []
        self._open = [self.root]
        self.feed(html)
        self.close()
        self.faults += [f"<{one.tag}> is never closed" for one in self._open[1:]]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, self._open[-1])
        self._open[-1].children.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        if self._open[-1].tag == tag:
            self._open.pop()
        else:
            self.faults.append(f"</{tag}> closes nothing; <{self._open[-1].tag}> is open")
