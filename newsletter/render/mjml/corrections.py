"""mrml's HTML made into what the official compiler writes, where the two differ and it shows."""

import re
from collections.abc import Sequence

from newsletter.render.mjml.measures import take_out
from newsletter.render.mjml.tree import Element

_IMG = re.compile(r"<img\b(?![^<>]*\salt=)")
_STRAY_ALIGN = re.compile(r' vertical-align="[a-z]+"')  # no such attribute in HTML
_ICON_IMG = re.compile(r'(<img\b[^>]*style=")(border-radius:[^;"]*;display:block;")')
_ARTICLE = re.compile(r'<div((?:\s[\w-]+="[^"]*")*?) role="article"([^>]*)>')
_CLASS = re.compile(r' class="[^"]*"')
_OUTLOOK_WIDTH = re.compile(r"(<td style=\"vertical-align:[a-z]+;width:)(\d+\.\d+)px")
_ACCORDION = re.compile(r"@media yahoo, only screen and \(min-width:0\) \{.*?\n\}", re.DOTALL)


def corrected(html: str, letter: Sequence[Element]) -> str:
    """HTML that mrml wrote of these elements, its defects mended. Texts must still be tokens: none is touched."""
    html = take_out(html)
    html = _IMG.sub('<img alt=""', html)
    html = _STRAY_ALIGN.sub("", html)
    html = _OUTLOOK_WIDTH.sub(lambda found: f"{found[1]}{round(float(found[2]))}px", html)
    names = {element.name for element in letter}
    if "mj-social-element" in names:
        html = _ICON_IMG.sub(r"\1border:0;\2", html)
    if "mj-accordion" in names:
        html = _ACCORDION.sub(_accordion, html)
    return _outlook_classes(_article(html), letter)


def _article(html: str) -> str:
    """The letter's outermost element: words never run together, the author's class stands on the body."""
    found = _ARTICLE.search(html)
    if found is None:
        return html
    tag, body = found[0], "<body"
    if given := _CLASS.search(tag):
        tag, body = tag.replace(given[0], ""), f"<body{given[0]}"
    if 'style="' in tag:
        tag = tag.replace('style="', 'style="word-spacing:normal;', 1)
    else:
        tag = tag[:-1] + ' style="word-spacing:normal;">'
    return html.replace(found[0], tag, 1).replace("<body", body, 1)


def _accordion(rules: re.Match[str]) -> str:
    """New Outlook drops `input.class` selectors (mjml 5.2.1)."""
    text = rules[0].replace("input.mj-accordion-checkbox:checked+*", ".mj-accordion-checkbox:checked + *")
    text = text.replace("input.mj-accordion-checkbox+*", '.mj-accordion-checkbox[type="checkbox"] + *')
    return text.replace("input.mj-accordion-checkbox,", '.mj-accordion-checkbox[type="checkbox"],')


def _outlook_classes(html: str, letter: Sequence[Element]) -> str:
    """Each of several classes has its twin for Outlook; mrml makes one of the last only."""
    for several in {
        element.attributes["css-class"] for element in letter if "css-class" in element.attributes
    }:
        words = several.split()
        if len(words) > 1:
            twins = " ".join(f"{word}-outlook" for word in words)
            html = html.replace(f'class="{several}-outlook"', f'class="{twins}"')
    return html
