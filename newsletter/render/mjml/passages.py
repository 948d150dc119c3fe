"""What of a letter's MJML is its authors' own HTML and CSS, each piece where it stands."""

from newsletter.render.mjml.tree import Element
from newsletter.render.passage import Language, Passage


def passages_of(root: Element, mjml: str) -> tuple[Passage, ...]:
    """The pieces of an arranged tree, in the order of the text that it was read from.

    What stands in <mj-raw> may go on in the next one beside it: such neighbours are one piece.
    """
    found: dict[int, Passage] = {}
    for element in root.walk():
        if element.at is not None and (element.name == "mj-font" or "background-url" in element.written):
            last = max(
                (one.value_at + len(one.value) for one in element.written.values()), default=element.at
            )
            text = mjml[element.at : mjml.index(">", last) + 1]
            found.setdefault(element.at, Passage(Language.COMPONENT, text, element.at, element.name))
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
