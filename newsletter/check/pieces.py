"""Authors' HTML and CSS as the checks look at it: style sheets, elements and their styles, by offsets in the MJML."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from newsletter.check.markup import Attribute, Tag, tags
from newsletter.render.css import Declared, Sheet, read_sheet, read_style
from newsletter.render.passage import Language, Passage

# What everybody but Outlook for Windows reads: <!--[if !mso]><!--> … <!--<![endif]-->
_NOT_OUTLOOK = re.compile(r"<!--\[if\s+!\s*\(?\s*mso[^\]]*\]>(?:<!--|--)>(.*?)<!--<!\[endif\]-->", re.DOTALL)


class StyleSheet(NamedTuple):
    """`at`: where its text begins; offsets of the rules count from there."""

    sheet: Sheet
    at: int
    inlined: bool


class Style(NamedTuple):
    """The `style` attribute of one element."""

    declarations: tuple[Declared, ...]
    at: int
    exact: bool  # no entity stands in it: offsets of the declarations count from `at`

    def place(self, offset: int) -> int:
        return self.at + offset if self.exact else self.at


@dataclass(frozen=True, slots=True)
class Element:
    """One opening tag of an author's. `at`: what the tag's own offsets count from."""

    tag: Tag
    at: int
    component: str
    in_outlook: bool  # Outlook for Windows reads it, too

    @property
    def style(self) -> Style | None:
        found = next((one for one in self.tag.attributes if one.name == "style"), None)
        return _style(found, self.at) if found else None


@dataclass(frozen=True, slots=True)
class Pieces:
    sheets: tuple[StyleSheet, ...]
    elements: tuple[Element, ...]

    @classmethod
    def of(cls, passages: Iterable[Passage]) -> "Pieces":
        sheets: list[StyleSheet] = []
        elements: list[Element] = []
        for one in passages:
            if one.language in (Language.HTML, Language.COMPONENT):
                elements += _elements(one)
                sheets += _style_elements(one, elements)
            else:
                inlined = one.language is Language.INLINED
                sheets.append(StyleSheet(read_sheet(one.text), one.at, inlined))
        return cls(tuple(sheets), tuple(elements))


def _elements(passage: Passage) -> Iterator[Element]:
    hidden = [found.span(1) for found in _NOT_OUTLOOK.finditer(passage.text)]
    for tag in tags(passage.text):
        if not tag.closing:
            seen = not any(begin <= tag.at < end for begin, end in hidden)
            yield Element(tag, passage.at, passage.component, seen)


def _style_elements(passage: Passage, elements: list[Element]) -> Iterator[StyleSheet]:
    """The style elements that an author wrote as HTML."""
    for one in elements:
        if one.tag.name == "style" and one.at == passage.at:
            end = passage.text.lower().find("</style", one.tag.end)
            css = passage.text[one.tag.end : end if end >= 0 else None]
            yield StyleSheet(read_sheet(css), passage.at + one.tag.end, inlined=False)


def _style(found: Attribute, base: int) -> Style:
    return Style(read_style(found.value), base + found.value_at, found.value == found.written)
