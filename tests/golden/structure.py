"""HTML mail as a list of tokens that can be compared: spelling is levelled, structure and values are not.

Conditional comments are structure: what stands in them is read like everything else, and two neighbours of one
condition are one. Levelled are blanks, letter case of tags and hex colours, the order of attributes, of classes and of
declarations, empty attributes, digits behind the third, and ids that a program makes up.
"""

import re
from collections.abc import Iterable
from html import unescape

_TOKEN = re.compile(
    r"(?P<open><!--\[if (?P<condition>[^\]]*)\]>(?:<!-->|-->)?)"
    r"|(?P<close>(?:<!--)?<!\[endif\]-->)"
    r"|<!--(?P<comment>.*?)-->"
    r"|<!doctype[^>]*>"
    r"|<(?P<slash>/?)(?P<tag>[a-zA-Z][\w:-]*)(?P<attributes>(?:[^<>\"']|\"[^\"]*\"|'[^']*')*?)(?P<alone>/?)>",
    re.DOTALL | re.IGNORECASE,
)
_ATTRIBUTE = re.compile(r"""([^\s=<>"'/]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>]+)))?""")
_NUMBER = re.compile(r"(?<![\w#.-])-?\d*\.?\d+(?=px|%|em|pt|\b)")
_SHORT_HEX = re.compile(r"#([0-9a-f])([0-9a-f])([0-9a-f])(?![0-9a-f])")
_MADE_UP = re.compile(r"\bmj-carousel-(?:radio-)?([0-9a-f]{8,16})\b|\b(?:id|for)=\"([0-9a-f]{16}|\d+)\"")
_COLUMN = re.compile(r"(\bmj-column-per-\d+-\d{3})\d+")
_COLUMN_RULE = ".moz-text-html .mj-column-"
_VOID = frozenset({"area", "br", "col", "hr", "img", "input", "link", "meta", "v:image", "v:fill"})


def tokens(html: str) -> list[str]:
    """The tokens in order; a whole style element is one token for each of its rules."""
    found: list[str] = []
    position = 0
    for match in _TOKEN.finditer(html):
        if match.start() < position:
            continue
        found += _text(html[position : match.start()])
        position = match.end()
        if match["open"]:
            found.append(f"[if {' '.join(match['condition'].split())}]")
        elif match["close"]:
            found.append("[endif]")
        elif match["comment"] is not None:
            found.append(f"<!--{' '.join(match['comment'].split())}-->")
        elif match["tag"] is None:
            found.append("<!doctype>")
        else:
            name = match["tag"].lower()
            if match["slash"]:
                if name not in _VOID:
                    found.append(f"</{name}>")
                continue
            found.append(f"<{name}{_attributes(match['attributes'])}>")
            if name == "style":
                end = html.find("</style>", position)
                found += css(html[position:end])
                position = end
            elif match["alone"] and name not in _VOID:
                found.append(f"</{name}>")
    found += _text(html[position:])
    return _renamed(_merged(found))


def css(text: str) -> list[str]:
    """The rules of a style sheet, each one token."""
    flat = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    rules, depth, start = [], 0, 0
    for at, sign in enumerate(flat):
        depth += {"{": 1, "}": -1}.get(sign, 0)
        if (sign == "}" and depth == 0) or (sign == ";" and depth == 0):
            rules.append(flat[start : at + 1])
            start = at + 1
    levelled = [_rule(rule) for rule in [*rules, flat[start:]] if rule.strip()]
    columns = [
        rule for rule in levelled if rule.startswith(_COLUMN_RULE)
    ]  # a class each: their order says nothing
    return [*sorted(columns), *(rule for rule in levelled if rule not in columns)]


def _rule(rule: str) -> str:
    head, brace, rest = rule.partition("{")
    head = re.sub(r"\s*([,>:+])\s*", r"\1", " ".join(head.split()))
    if not brace:
        return value(head)
    body = rest.rpartition("}")[0]
    if "{" in body:
        return f"{head}{{{' '.join(sorted(css(body)))}}}"
    return f"{value(head)}{{{declarations(body)}}}"


def declarations(style: str) -> str:
    """Sorted; the last of a property holds, but a fallback value of another kind stays."""
    found: dict[str, str] = {}
    for declaration in re.split(r";(?![^(]*\))", style):
        name, colon, written = declaration.partition(":")
        if colon and written.strip():
            found.setdefault(f"{name.strip().lower()}:{value(written)}", "")
    return ";".join(sorted(found))


def value(text: str) -> str:
    text = " ".join(unescape(text).replace("\u00a0", " ").split())
    text = re.sub(r"\s*([,()!])\s*", r"\1", text)
    text = re.sub(r"#[0-9a-fA-F]{3,6}\b", lambda found: found[0].lower(), text)
    text = _SHORT_HEX.sub(r"#\1\1\2\2\3\3", text)
    text = _NUMBER.sub(lambda found: f"{float(found[0]):.3f}".rstrip("0").rstrip("."), text)
    return re.sub(r"(?<![\d.])0px\b", "0", text)


def _attributes(written: str) -> str:
    found = {}
    for name, *values in _ATTRIBUTE.findall(written):
        raw = next((one for one in values if one), "")
        levelled = (declarations if name == "style" else value)(raw)
        if levelled or name in ("alt", "value"):
            found[name.lower()] = levelled
    return "".join(f' {name}="{found[name]}"' for name in sorted(found))


def _text(text: str) -> list[str]:
    flat = " ".join(unescape(text).replace("\u00a0", " ").split())
    return [flat] if flat else []


def _merged(found: Iterable[str]) -> list[str]:
    """`[endif]` and the same condition again cancel each other."""
    merged: list[str] = []
    stack: list[str] = []
    closed = ""
    for token in found:
        if token.startswith("[if "):
            if merged and merged[-1] == "[endif]" and closed == token:
                merged.pop()
            else:
                merged.append(token)
            stack.append(token)
        elif token == "[endif]":
            closed = stack.pop() if stack else ""
            merged.append(token)
        else:
            merged.append(token)
    return merged


def _renamed(found: list[str]) -> list[str]:
    """Made-up ids by the order in which they come."""
    numbers: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        made_up = match[1] or match[2]
        return match[0].replace(made_up, f"#{numbers.setdefault(made_up, len(numbers))}")

    def classes(match: re.Match[str]) -> str:
        return f'class="{" ".join(sorted(match[1].split()))}"'

    renamed = (_COLUMN.sub(r"\1", _MADE_UP.sub(number, token)) for token in found)
    return [re.sub(r'class="([^"]*)"', classes, token) for token in renamed]
