"""What an author got wrong in TOML, in plain words and with the line as it should be."""

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass

from newsletter.files.places import Lines, Lost, Scanner, written

Finding = tuple[int, str, str]  # offset in the text, message, hint

_PAIR = re.compile(
    r"""\s*(?P<key>"[^"\n]*"|'[^'\n]*'|[^=:#"'\[\]{}\n]+?)\s*(?P<sign>[=:])[ \t]*(?P<value>.*)"""
)
_LOOSE = ["True", "False", "yes", "no", "on", "off", "Yes", "No", "On", "Off", "TRUE", "FALSE"]


@dataclass(frozen=True)
class _Case:
    """A document that tomllib refused: why, where, and as far as the scanner came."""

    text: str
    reason: str
    offset: int
    line: str
    line_start: int
    scanner: Scanner
    front_matter: bool

    @property
    def pair(self) -> re.Match[str] | None:
        return _PAIR.match(self.line)


def explain(text: str, reason: str, *, front_matter: bool) -> tuple[int, int, str, str]:
    """Line, column (from 1, within the text), message and hint for what tomllib refused with this reason."""
    lines = Lines(text)
    found = re.search(r"\(at line (\d+), column (\d+)\)", reason)
    offset = lines.offset(int(found[1]), int(found[2])) if found else len(text.rstrip())
    line_start = lines.offset(lines.at(offset)[0], 1)
    scanner = Scanner(text)
    with contextlib.suppress(Lost):
        scanner.scan()
    line = text[line_start : line_start + 2000].partition("\n")[
        0
    ]  # enough for a word, and quick for any file
    case = _Case(text, reason.partition(" (at ")[0], offset, line, line_start, scanner, front_matter)
    answers = (diagnose(case) for diagnose in _DIAGNOSES)
    at, message, hint = next(filter(None, answers), (offset, _plain(case.reason), ""))
    return *lines.at(at), message, hint


def _plain(reason: str) -> str:
    return f"this is no TOML: {reason[:1].lower()}{reason[1:]}"


def _fence(case: _Case) -> Finding | None:
    if not re.fullmatch(r"\s*---+\s*", case.line):
        return None
    hint = "TOML stands between two lines `+++`" if case.front_matter else "take the line out"
    return case.line_start, "`---` is a fence of YAML", hint


def _twice(case: _Case) -> Finding | None:
    if not case.reason.startswith("Cannot "):
        return None
    before = [statement for statement in case.scanner.statements if statement[1] <= case.offset]
    if not before:
        return None
    path, offset = before[-1]
    first = next((at for other, at in before[:-1] if other == path), None)
    name = written(path)
    if first is None:
        message = f"`{name}` can't be added: it, or the table that it belongs to, is complete above"
        return offset, message, "write all of it in one place"
    above = case.text.count("\n", first, offset)
    lines = "on this line already" if not above else f"{above} line{'s' if above > 1 else ''} above"
    return offset, f"`{name}` is written twice, first {lines}", "keep one of them"


def _unclosed(case: _Case) -> Finding | None:
    if not case.scanner.open or case.scanner.open[-1] >= case.offset:  # the scanner came further than tomllib
        return None
    start = case.scanner.open[-1]
    sign = case.text[start]
    if sign in "\"'":
        if case.text.startswith(sign * 3, start):
            return start, "the text that begins here is never closed", f"end it with {sign * 3}"
        rest = case.text[start:].partition("\n")[0].rstrip()
        return start, "the text that begins here has no closing quote", f"{_key(case, start)}{rest}{sign}"
    if sign == "[" and _lacks_comma(case, start):
        return case.offset, "a comma is missing between two items of the list", '["a", "b"]'
    if sign == "{":
        return None
    return start, "the list that begins here is never closed", 'a list is written ["a", "b"]'


def _lacks_comma(case: _Case, start: int) -> bool:
    at = case.offset
    item = case.text[at : at + 1]
    return item != "" and item in "\"'[{" and case.text[start:at].rstrip()[-1] not in "[,"


def _inline_table(case: _Case) -> Finding | None:
    start = case.text.rfind("{", 0, case.offset + 1)
    names = ("Unclosed inline table", "Invalid initial character for a key part", "Expected '=' after a key")
    if start < 0 or "}" in case.text[start : case.offset] or not case.reason.startswith(names):
        return None
    if case.text[case.offset : case.offset + 1] == ":":
        return case.offset, "a key and its value are joined by `=`, not by `:`", '{ days = "mon-fri" }'
    if case.line_start > start or case.text[case.offset : case.offset + 1] in ("\n", "", "}"):
        return start, "a table in braces stands on one line, without a comma at its end", "{ a = 1, b = 2 }"
    return None


def _backslash(case: _Case) -> Finding | None:
    if not case.reason.startswith(("Unescaped '\\'", "Escaped character", "Invalid hex value")):
        return None
    at = case.text.rfind("\\", 0, case.offset)
    return (
        at,
        "a backslash in double quotes begins an escape",
        "write it twice, or put the text in 'single quotes'",
    )


def _control(case: _Case) -> Finding | None:
    found = re.fullmatch(r"Illegal character '(.*)'", case.reason)
    if not found or found[1] == r"\n":  # the line's end: a quote is missing
        return None
    return case.offset, f"a control character ({found[1]}) stands in the text", "delete it"


def _no_such_date(case: _Case) -> Finding | None:
    if not case.reason.startswith("Invalid date"):
        return None
    return case.offset, "there is no such date", f"{_key(case, case.offset)}2015-06-30"


def _item(case: _Case) -> Finding | None:
    """A bare word inside a list or a table in braces."""
    pair = case.pair
    at_value = pair is not None and case.offset <= case.line_start + pair.start("value")
    if case.reason != "Invalid value" or at_value:
        return None
    word = re.match(r"[^,\]}#\n]*", case.text[case.offset :])
    text = word[0].strip() if word else ""
    return (case.offset, "text stands between quotes", _quoted(text)) if text else None


def _yaml(case: _Case) -> Finding | None:
    if found := re.match(r"\s*-\s+(.*)", case.line):
        return (
            case.line_start + found.start(1) - 2,
            "a list stands in brackets",
            f"[{_quoted(found[1].strip())}]",
        )
    pair = case.pair
    if not pair or pair["sign"] != ":":
        return None
    at = case.line_start + pair.start("sign")
    value = _value(pair["value"]) or '"…"'
    return at, "a key and its value are joined by `=`, not by `:`", f"{_bare(pair['key'])} = {value}"


def _comment(case: _Case) -> Finding | None:
    found = re.match(r"\s*(//|;|/\*|<!--)\s*(.*)", case.line)
    if not found:
        return None
    return case.line_start + found.start(1), "a comment begins with `#`", f"# {found[2]}"


def _key_name(case: _Case) -> Finding | None:
    pair = case.pair
    if not pair or re.fullmatch(r"""[A-Za-z0-9_.-]+|".*"|'.*'""", pair["key"]):
        return None
    key, at = pair["key"], case.line_start + pair.start("key")
    if re.search(r"\s", key):
        return at, "a key is one word", f"{_bare(key)} = …"
    return at, "a key with other signs than a-z, 0-9, `_` and `-` stands in quotes", f'"{key}" = …'


def _wrong_value(case: _Case) -> Finding | None:
    pair = case.pair
    if not pair or pair["sign"] != "=":
        return None
    key, at = pair["key"], case.line_start + pair.start("value")
    value = _uncommented(pair["value"])
    if not value:
        return at, f"`{key}` has no value", f'{key} = "…", or take the line out'
    if value.startswith("="):
        return at, "one `=` is enough", f"{key} = {value.lstrip('= ')}"
    if value in _LOOSE:
        return at, "yes and no are written `true` and `false`", f"{key} = {_value(value)}"
    if value in ("None", "null", "nil", "~"):
        return at, "there is no empty value", f'take the line out, or {key} = ""'
    if re.fullmatch(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(Z|[+-]\d\d:\d\d)?", value):
        return at, "a date with a time needs seconds, or quotes", f'{key} = "{value.replace("T", " ")}"'
    if value[0] in "“”„«»’‘":
        return at, "curly quotes are no quotes here", f"{key} = {_quoted(value.strip('“”„«»’‘'))}"
    if value[0] in "\"'":
        return _behind_text(case, key, value, at)
    if value[0] in "[{":
        return None
    if re.fullmatch(r"[^\s;,]+[;,]", value):
        return (
            at + len(value) - 1,
            f"nothing stands behind a value: take `{value[-1]}` out",
            f"{key} = {value[:-1]}",
        )
    if re.fullmatch(r"0\d+", value):
        return (
            at,
            "a number does not begin with 0; other digits are text in quotes",
            f"{key} = {_quoted(value)}",
        )
    return at, "text stands between quotes", f"{key} = {_quoted(value)}"


def _behind_text(case: _Case, key: str, value: str, at: int) -> Finding | None:
    """Something stands behind a quoted text: most often a quote of the same kind inside."""
    if not case.reason.startswith("Expected newline"):
        return None
    sign = value[0]
    if value[-1] == sign and value.count(sign) > 2:
        return at, f"the text holds {sign} and so ends too early", f"{key} = {_quoted(value[1:-1])}"
    return case.offset, "nothing stands behind a value", "one key a line; a comment begins with `#`"


def _header(case: _Case) -> Finding | None:
    if not case.line.lstrip().startswith("["):
        return None
    name = re.sub(r"[\[\]]", " ", case.line).split()
    hint = f"[{name[0]}]" if name else "[data]"
    return case.line_start, "a table begins with its name in brackets, alone on the line", hint


def _no_pair(case: _Case) -> Finding | None:
    if case.pair or not case.line.strip():
        return None
    at = case.line_start + len(case.line) - len(case.line.lstrip())
    hint = "text goes below the closing `+++`; " if case.front_matter else ""
    return at, "this line is no `key = value`", f"{hint}a comment begins with `#`"


_DIAGNOSES: tuple[Callable[[_Case], Finding | None], ...] = (
    _fence,
    _twice,
    _backslash,
    _control,
    _no_such_date,
    _inline_table,
    _unclosed,
    _item,
    _comment,
    _yaml,
    _key_name,
    _wrong_value,
    _header,
    _no_pair,
)


def _key(case: _Case, offset: int) -> str:
    """`key = ` of the line on which the offset is, "" if there is none."""
    start = case.text.rfind("\n", 0, offset) + 1
    found = _PAIR.match(case.text[start:offset] + "x")
    return f"{found['key']} = " if found else ""


def _bare(key: str) -> str:
    return key.strip("\"'").replace(" ", "_")


def _uncommented(value: str) -> str:
    return re.sub(r"\s+#.*", "", value).strip() if value[:1] not in ("'", '"') else value.strip()


def _value(text: str) -> str:
    """A value of YAML or of no language at all as TOML."""
    text = _uncommented(text)
    if text in _LOOSE or text in ("true", "false"):
        return "true" if text.lower() in ("true", "yes", "on") else "false"
    if re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?|\d{4}-\d\d-\d\d|(\"[^\"]*\"|'[^']*')", text):
        return text
    return _quoted(text) if text else ""


def _quoted(text: str) -> str:
    text = text.strip('"') if text.count('"') == 1 else text
    if '"' not in text and "\\" not in text:
        return f'"{text}"'
    if "'" not in text:
        return f"'{text}'"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
