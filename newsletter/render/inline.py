"""The author's CSS becomes style attributes, by premailer behind the only safe way to call it."""

import functools
import hashlib
import itertools
import logging
import re
import threading
from collections.abc import Iterable
from html import escape

from newsletter.render.stylesheet import Setting, split_sheet

_DOCTYPE = re.compile(r"^\s*<!doctype[^>]*>", re.IGNORECASE)
_STYLE = re.compile(r"<style\b", re.IGNORECASE)
_MARK = ' data-premailer="ignore"'
_MOST_SHEETS = 64  # kept parsed
_OPTIONS: dict[str, object] = {
    "exclude_pseudoclasses": False,  # only those reach it that it can work out
    "disable_leftover_css": True,
    "allow_network": False,
    "strip_important": False,
    "align_floating_images": False,
    "disable_validation": True,
    "disable_basic_attributes": ["width", "height", "align", "valign", "bgcolor"],
    "cssutils_logging_level": logging.CRITICAL,
}

Rule = tuple[tuple[int, ...], str, str]  # specificity, selector, declarations

# cssutils keeps switches in globals, and premailer caches sheets that it changes: one at a time in a process.
LOCK = threading.Lock()


def inline_css(html: str, css: str) -> str:
    """The HTML with the rules of `css` in its style attributes; everything else in it stays as it is.

    Only `css` is inlined: style elements (resets, @media, dark colours) are left alone, `!important` and all. Rules
    of `css` that no style attribute can hold (at-rules, `:hover`) come into a style element at the end of the head.
    Opens no socket: `@import` yields nothing. Safe in threads; they wait for each other.
    """
    sheet = split_sheet(css)
    if sheet.kept:
        # </style> in a string would end the element
        kept = "\n".join(sheet.kept).replace("</", "<\\/")
        html = html.replace("</head>", f'<style type="text/css">\n{kept}\n</style></head>', 1)
    if not sheet.inline:
        return html
    doctype = _DOCTYPE.match(html)
    marked = _STYLE.sub(lambda match: match[0] + _MARK, html[doctype.end() :] if doctype else html)
    word = _word_for(css, html)
    values = [one.value for _, settings in sheet.inline for one in settings]
    with LOCK:
        inlined: str = _premailer()(
            marked, css_text=[_with_tokens(sheet.inline, word)], **_OPTIONS
        ).transform()
    # The values in their places, written for an attribute between double quotes.
    inlined = re.sub(
        rf"{word}([0-9]+)x", lambda found: escape(values[int(found[1])]), inlined.replace(_MARK, "")
    )
    return (doctype[0].strip() if doctype else "<!doctype html>") + inlined


def _word_for(css: str, html: str) -> str:
    """What begins each token; the same for one sheet, so that it is parsed once, and nowhere in the letter."""
    salt = 0
    while True:
        word = f"q{hashlib.sha256(f'{salt} {css}'.encode()).hexdigest()[:12]}z"
        if word not in html:
            return word
        salt += 1


def _with_tokens(rules: Iterable[tuple[str, tuple[Setting, ...]]], word: str) -> str:
    """The rules as premailer gets them, a token for each value: cssutils drops those it does not know, unsaid."""
    number = itertools.count()
    return "\n".join(
        f"{selectors} {{ "
        + "; ".join(f"{one.name}: {word}{next(number)}x{' !important' * one.important}" for one in settings)
        + " }"
        for selectors, settings in rules
    )


@functools.cache
def _premailer():  # type: ignore[no-untyped-def]
    import cssutils
    from premailer import Premailer

    known: dict[str, tuple[list[Rule], list[object]]] = {}

    class SafePremailer(Premailer):  # type: ignore[misc]  # premailer ships no types
        def _parse_css_string(self, css_body: str, validate: bool = True) -> object:  # noqa: FBT001, FBT002, ARG002
            # A parser of its own: no shared cache of sheets; and whatever @import names is empty.
            parser = cssutils.CSSParser(
                fetcher=lambda _: ("utf-8", b""), loglevel=logging.CRITICAL, validate=False
            )
            return parser.parseString(css_body)

        def _parse_style_rules(self, css_body: str, ruleset_index: int) -> tuple[list[Rule], list[object]]:
            # Unlike sheets, what they come to is never changed; and there is one sheet a letter: the index is 0.
            if css_body not in known:
                if len(known) == _MOST_SHEETS:
                    known.clear()
                known[css_body] = super()._parse_style_rules(css_body, ruleset_index)
            return known[css_body]

    return SafePremailer
