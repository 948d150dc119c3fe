"""What of a letter's MJML is its authors' own HTML and CSS, each piece where it stands."""

import re

from newsletter.render.mjml.tree import Element
from newsletter.render.passage import Language, Passage

_TAG = re.compile(r"<(?:[^<>\"']|\"[^\"]*\"|'[^']*')*>")


def passages_of(root: Element, mjml: str) -> tuple[Passage, ...]:
    """The pieces of an arranged tree, in the order of the text that it was read from.

    What stands in <mj-raw> may go on in the next one beside it: such neighbours are one piece.
    """
    found: dict[int, Passage] = {}
    for element in root.walk():
        loads = element.name == "mj-font" or "background-url" in element.attributes
        if loads and element.at is not None and (tag := _TAG.match(mjml, element.at)):
            found.setdefault(element.at, Passage(Language.COMPONENT, tag[0], element.at, element.name))
        own = [child for child in element.children if child.body_at is not None and child.body]
        if raw := [child for child in own if child.name == "mj-raw"]:
            joined = _joined(raw)
            found.setdefault(joined.at, joined)
        for child in own:
            if child.name != "mj-raw" and (language := _language(child)):
                at = child.body_at or 0
                found.setdefault(at, Passage(language, child.body, at, child.name))
    return tuple(found[at] for at in sorted(found))


def _language(element: Element) -> Language | None:
    if element.name == "mj-style":
        return Language.INLINED if element.attributes.get("inline") == "inline" else Language.STYLE
    return None if element.name in ("mj-title", "mj-preview") else Language.HTML


def _joined(raw: list[Element]) -> Passage:
    begin = raw[0].body_at or 0
    text = ""
    for one in raw:
        text += " " * ((one.body_at or 0) - begin - len(text)) + one.body
    return Passage(Language.HTML, text, begin, "mj-raw")
