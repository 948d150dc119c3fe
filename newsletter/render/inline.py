"""The author's CSS becomes style attributes, by premailer behind the only safe way to call it."""

import logging
import re
import secrets
import threading
from collections.abc import Iterable
from html import escape

from newsletter.render.stylesheet import Setting, split_sheet

_DOCTYPE = re.compile(r"^\s*<!doctype[^>]*>", re.IGNORECASE)
_STYLE = re.compile(r"<style\b", re.IGNORECASE)
_MARK = ' data-premailer="ignore"'

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
    values = _Values()
    rules = (f"{selectors} {{ {values.written(settings)} }}" for selectors, settings in sheet.inline)
    with LOCK:
        inlined: str = _premailer(marked, "\n".join(rules)).transform()
    inlined = values.restored(inlined.replace(_MARK, ""))
    return (doctype[0].strip() if doctype else "<!doctype html>") + inlined


class _Values:
    """Takes the place of each value while premailer works: cssutils drops what it does not know, without a word."""

    def __init__(self) -> None:
        self._nonce = secrets.token_hex(6)
        self._values: list[str] = []

    def written(self, settings: Iterable[Setting]) -> str:
        return "; ".join(
            f"{one.name}: {self._token(one.value)}{' !important' * one.important}" for one in settings
        )

    def restored(self, html: str) -> str:
        """The values in their places, written for an attribute between double quotes."""
        pattern = re.compile(rf"q{self._nonce}z([0-9]+)x")
        return pattern.sub(lambda found: escape(self._values[int(found[1])]), html)

    def _token(self, value: str) -> str:
        self._values.append(value)
        return f"q{self._nonce}z{len(self._values) - 1}x"


def _premailer(html: str, css: str):  # type: ignore[no-untyped-def]
    import cssutils
    from premailer import Premailer

    class SafePremailer(Premailer):  # type: ignore[misc]  # premailer ships no types
        def _parse_css_string(self, css_body: str, validate: bool = True) -> object:  # noqa: FBT001, FBT002, ARG002
            # A parser of its own: no shared cache; and whatever @import names is empty.
            parser = cssutils.CSSParser(
                fetcher=lambda _: ("utf-8", b""), loglevel=logging.CRITICAL, validate=False
            )
            return parser.parseString(css_body)

    return SafePremailer(
        html,
        css_text=[css],
        exclude_pseudoclasses=False,  # only those reach it that it can work out
        disable_leftover_css=True,
        allow_network=False,
        keep_style_tags=True,
        strip_important=False,
        align_floating_images=False,
        disable_validation=True,
        disable_basic_attributes=["width", "height", "align", "valign", "bgcolor"],
        cssutils_logging_level=logging.CRITICAL,
    )
