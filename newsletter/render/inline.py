"""The author's CSS becomes style attributes, by premailer behind the only safe way to call it."""

import logging
import re
import threading

_DOCTYPE = re.compile(r"^\s*<!doctype[^>]*>", re.IGNORECASE)
_STYLE = re.compile(r"<style\b", re.IGNORECASE)
_MARK = ' data-premailer="ignore"'
# At-rules and pseudo-classes cannot stand in a style attribute; premailer would drop them without a word.
_AT_RULE = re.compile(r"@[\w-]+[^{};]*(?:;|\{(?:[^{}]|\{[^{}]*\})*\})")
_PSEUDO_RULE = re.compile(r"[^{}]*:(?:hover|focus|active|visited|link|before|after|root)\b[^{}]*\{[^{}]*\}")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)

# cssutils keeps switches in globals, and premailer caches sheets that it changes: one at a time in a process.
LOCK = threading.Lock()


def inline_css(html: str, css: str) -> str:
    """The HTML with the rules of `css` in its style attributes; everything else in it stays as it is.

    Only `css` is inlined: style elements (resets, @media, dark colours) are left alone, `!important` and
    all. Opens no socket: `@import` yields nothing. Safe in threads; they wait for each other.
    """
    left = "".join(rule[0] for rule in _AT_RULE.finditer(_COMMENT.sub("", css)))
    plain = _AT_RULE.sub("", _COMMENT.sub("", css))
    left += "".join(rule[0].strip() for rule in _PSEUDO_RULE.finditer(plain))
    plain = _PSEUDO_RULE.sub("", plain).strip()
    if left.strip():
        html = html.replace("</head>", f'<style type="text/css">{left}</style></head>', 1)
    if not plain:
        return html
    doctype = _DOCTYPE.match(html)
    marked = _STYLE.sub(lambda match: match[0] + _MARK, html[doctype.end() :] if doctype else html)
    with LOCK:
        inlined: str = _premailer(marked, plain).transform()
    return (doctype[0].strip() if doctype else "<!doctype html>") + inlined.replace(_MARK, "")


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
        disable_leftover_css=True,
        allow_network=False,
        keep_style_tags=True,
        strip_important=False,
        align_floating_images=False,
        disable_validation=True,
        disable_basic_attributes=["width", "height", "align", "valign", "bgcolor"],
        cssutils_logging_level=logging.CRITICAL,
    )
