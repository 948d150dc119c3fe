"""Two letters held against each other as what readers' programs make of them; what may differ is a closed list."""

import re
from urllib.parse import unquote

from newsletter.render.composition import Content

# May differ: how a quote is spelled, blanks, percent signs in addresses; and in the head rules for components of which
# this reader gets none.
_QUOTES = {"&quot;": '"', "&#34;": '"', "&#39;": "'", "&#x27;": "'"}
_QUOTE = re.compile("|".join(_QUOTES))
_BLANKS = re.compile(r"[ \t\r\n]+")
_AROUND = re.compile(r" ?(<[^<>]*>) ?")
_ADDRESS = re.compile(r'\b(?:href|src|background)="[^"]*"')
_NEIGHBOURS = re.compile(r"<!\[endif\]--> ?<!--\[if mso \| IE\]>")
_SAID = re.compile(r'\b((?:aria-label|title|alt)=)"([^"]*)"')
_STYLE = re.compile(r"<style\b.*?</style>", re.DOTALL)
_RULE = re.compile(r"[^{}]+\{[^{}]*\}")
SHOWN = 60  # characters of a difference


def difference(one: Content, other: Content) -> str:
    """What differs first, as it reads in both; empty if nothing does."""
    for part in ("subject", "preheader", "text"):
        if found := _first(getattr(one, part), getattr(other, part)):
            return f"{part}: {found}"
    sheets, others = _STYLE.findall(one.html), _STYLE.findall(other.html)
    if found := _first(level(_STYLE.sub("", one.html)), level(_STYLE.sub("", other.html))):
        return f"html: {found}"
    if lost := {*_rules(sheets)} - {*_rules(others)}:
        return f"style sheets: `{min(lost)[:SHOWN]}` is missing"
    return ""


def level(html: str) -> str:
    """HTML in one spelling."""
    html = html.replace("\u00a0", " ").replace("&nbsp;", " ")
    html = _SAID.sub(lambda found: f'{found[1]}"{" ".join(found[2].split())}"', html)
    html = _ADDRESS.sub(lambda found: unquote(found[0]), html)
    html = _QUOTE.sub(lambda found: _QUOTES[found[0]], html)
    html = _AROUND.sub(r"\1", _BLANKS.sub(" ", html))
    return _NEIGHBOURS.sub("", html)


def _rules(sheets: list[str]) -> list[str]:
    return [_BLANKS.sub(" ", rule).strip() for sheet in sheets for rule in _RULE.findall(sheet)]


def _first(one: str, other: str) -> str:
    if one == other:
        return ""
    at = next(
        (n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    start = max(0, at - SHOWN // 2)
    return f"`{one[start : at + SHOWN // 2]}` or `{other[start : at + SHOWN // 2]}`"
