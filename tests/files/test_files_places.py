"""Places: for any document, each value's place is its first character and each key's is its own."""

import datetime as dt
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.errors import ChecksFailed, Place
from newsletter.files.toml import parse_toml, split_front_matter

TEXTS = st.text(st.sampled_from("aåÅ🌹=[]{}#\"'\\,.+- \t"), max_size=12)
ESCAPED = {'"': '\\"', "\\": "\\\\", "\t": "\\t", "å": "\\u00e5", "🌹": "\\U0001F339"}


class Writer:
    """Writes a document and notes, as it goes, where each key and each value begins."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.text = ""
        self.newline = draw(st.sampled_from(["\n", "\r\n"]))
        self.names = 0
        self.keys: dict[tuple[str | int, ...], tuple[int, int]] = {}
        self.values: dict[tuple[str | int, ...], tuple[int, int]] = {}

    def here(self) -> tuple[int, int]:
        return self.text.count("\n") + 1, len(self.text) - self.text.rfind("\n")

    def write(self, text: str) -> None:
        self.text += text

    def maybe(self, *choices: str) -> None:
        self.write(self.draw(st.sampled_from(choices)))

    def blanks(self) -> None:
        """What may stand between the items of a list."""
        nl = self.newline
        self.maybe("", " ", nl, f"  # = [ \" ' {{{nl}", f"{nl}\t{nl}")

    def name(self) -> str:
        """A key that stands nowhere else, written in one of the three ways."""
        self.names += 1
        kind = self.draw(st.sampled_from(["bare", "basic", "literal"]))
        if kind == "bare":
            self.write(f"k-{self.names}_")
            return f"k-{self.names}_"
        raw = self.draw(TEXTS)
        if kind == "literal":
            raw = raw.replace("'", "") + str(self.names)
            self.write(f"'{raw}'")
            return raw
        raw += str(self.names)
        self.write('"' + "".join(ESCAPED.get(sign, sign) for sign in raw) + '"')
        return raw

    def key(self, table: tuple[str | int, ...], most: int = 3) -> tuple[str | int, ...]:
        path = table
        for number in range(self.draw(st.integers(1, most))):
            if number:
                self.maybe(".", " . ", ".\t")
            at = self.here()
            path = (*path, self.name())
            self.keys[path] = self.values[path] = at  # a table that only a dotted key implies
        return path

    def value(self, path: tuple[str | int, ...], depth: int = 0) -> None:
        self.values[path] = self.here()
        kinds = ["basic", "literal", "basics", "literals", "scalar"] + ["array", "inline"] * (depth < 3)
        kind = self.draw(st.sampled_from(kinds))
        text = self.draw(TEXTS)
        nl = self.newline
        if kind == "basic":
            self.write('"' + "".join(ESCAPED.get(sign, sign) for sign in text) + '"')
        elif kind == "literal":
            self.write("'" + text.replace("'", "") + "'")
        elif kind == "basics":
            inner = text.replace("\\", "\\\\").replace('"""', '""\\"')
            while inner.endswith('"'):
                inner = inner[:-1]
            tail = self.draw(st.sampled_from(["", '"', '""']))
            self.write(f'"""{nl}{inner}{nl}k = [ # {nl}{tail}"""')
        elif kind == "literals":
            tail = self.draw(st.sampled_from(["", "'", "''"]))
            self.write(f"'''{text.replace(chr(39), '')}{nl}[k]{nl}{tail}'''")
        elif kind == "array":
            self.array(path, depth)
        elif kind == "inline":
            self.inline(path, depth)
        else:
            self.maybe(
                "1", "-1_0.5e3", "true", "0xff", "2015-07-03", "2015-07-03 09:00:00", "09:00:00.5", "inf"
            )

    def array(self, path: tuple[str | int, ...], depth: int) -> None:
        self.write("[")
        count = self.draw(st.integers(0, 3))
        for number in range(count):
            self.blanks()
            self.keys[(*path, number)] = self.here()
            self.value((*path, number), depth + 1)
            self.blanks()
            self.write("," if number < count - 1 else self.draw(st.sampled_from(["", ","])))
        self.blanks()
        self.write("]")

    def inline(self, path: tuple[str | int, ...], depth: int) -> None:
        self.write("{")
        for number in range(self.draw(st.integers(0, 2))):
            self.maybe(*((", ", " ,") if number else ("", " ")))
            self.pair(path, depth + 1)
        self.maybe("", " ")
        self.write("}")

    def pair(self, table: tuple[str | int, ...], depth: int = 0) -> None:
        path = self.key(table)
        self.maybe(" = ", "=", "\t=  ")
        self.value(path, depth)

    def line(self, table: tuple[str | int, ...]) -> None:
        self.maybe("", "  ", self.newline, f"# k = [ \" '''{self.newline}")
        self.pair(table)
        self.maybe("", " ", ' # = "')
        self.write(self.newline)

    def tables(self) -> None:
        """A table, an array of tables, a table inside the array's last one."""
        start = self.here()
        brackets = self.draw(st.sampled_from([1, 2]))
        self.write("[" * brackets)
        self.maybe("", " ")
        before = dict(self.values)
        path = self.key(())
        written = self.keys[path]
        self.values.update(dict.fromkeys(self.values.keys() - before.keys(), start))
        self.maybe("", " ")
        self.write("]" * brackets + self.newline)
        if brackets == 1:
            self.line(path)
            return
        for number in range(self.draw(st.integers(1, 3))):
            entry = (*path, number)
            if number:
                start = self.here()
                spelled = self.spelled(path)
                self.write("[[")
                self.keys[entry] = (start[0], start[1] + 2 + spelled[0])
                self.write(spelled[1] + "]]" + self.newline)
            else:
                self.keys[entry] = written
            self.values[entry] = start
            self.line(entry)

    def spelled(self, path: tuple[str | int, ...]) -> tuple[int, str]:
        """The header's name once more, and where in it the last part begins."""
        parts = ['"' + "".join(ESCAPED.get(sign, sign) for sign in str(part)) + '"' for part in path]
        last = len(".".join(parts[:-1])) + (1 if len(parts) > 1 else 0)
        return last, ".".join(parts)


@st.composite
def documents(draw: Any) -> Writer:
    writer = Writer(draw)
    for _ in range(draw(st.integers(0, 3))):
        writer.line(())
    for _ in range(draw(st.integers(0, 3))):
        writer.tables()
    return writer


@given(documents())
@settings(max_examples=300, deadline=None)
def test_every_place_is_the_first_character_of_what_it_names(writer: Writer) -> None:
    document = parse_toml(writer.text, file="a.toml")
    assert {path: (p.line, p.column) for path, p in document.keys.items()} == writer.keys
    assert {path: (p.line, p.column) for path, p in document.values.items()} == writer.values
    for path in writer.values:  # and each path leads to a value
        value: Any = document.data
        for step in path:
            value = value[step]


@given(documents(), st.data())
@settings(max_examples=300, deadline=None)
def test_a_damaged_document_is_read_or_refused_at_a_place_inside_it(writer: Writer, data: Any) -> None:
    text = writer.text
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        cut = data.draw(st.integers(0, 3))
        text = text[:at] + data.draw(st.text("ab1=:.,[]{}#\"'\\- \n\r\t“å\0", max_size=3)) + text[at + cut :]
    try:
        valid = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        with pytest.raises(ChecksFailed) as caught:
            parse_toml(text, file="a.toml")
        (problem,) = caught.value.problems
        lines = text.replace("\r\n", "\n").split("\n")
        assert problem.place is not None
        assert problem.place.line is not None
        assert problem.place.column is not None
        assert 1 <= problem.place.line <= len(lines)
        assert 1 <= problem.place.column <= len(lines[problem.place.line - 1]) + 1
    else:
        assert parse_toml(text, file="a.toml").data == valid  # the writer knows no nan


def test_places_of_a_campaign_written_by_hand() -> None:
    text = """+++
subject = 'a "quoted" = [text] # no comment'
body = \"\"\"
subject = "not me"
[data]
\\\"\"\" still text \"\"\"\"\"
tags = [
  "å", # one
  'b',
]
utm = { source = "x", hosts = ["a", "b"] }
"site.name"."å \\u00e5".c = 1
[data]
album_url = 2015-07-03 09:00:00
[[step]]
id = "one"
[step.more]
x = 1
[[step]]
id = "two"
+++
Hej"""
    found = split_front_matter(text, file="c.md")
    assert found is not None
    document, body, line = found
    assert (body, line) == ("Hej", 22)
    assert document.data["body"].endswith('""" still text ""')
    assert document.value("subject") == Place("c.md", 2, 11)
    assert document.key("body") == Place("c.md", 3, 1)
    assert document.value("tags", 1) == Place("c.md", 9, 3)
    assert document.value("utm", "hosts", 1) == Place("c.md", 11, 37)
    assert document.key("site.name", "å å", "c") == Place("c.md", 12, 24)
    assert document.value("site.name", "å å", "c") == Place("c.md", 12, 28)
    assert document.key("data") == Place("c.md", 13, 2)
    assert document.value("data") == Place("c.md", 13, 1)
    assert document.value("data", "album_url") == Place("c.md", 14, 13)
    assert document.value("step", 0, "more", "x") == Place("c.md", 18, 5)
    assert document.value("step", 1, "id") == Place("c.md", 20, 6)
    assert document.data["data"]["album_url"] == dt.datetime(2015, 7, 3, 9, 0, 0)  # noqa: DTZ001 - as written


def test_an_unwritten_key_stands_where_its_table_does() -> None:
    document = parse_toml("a = 1\n[data]\nx = { y = 1 }\n", file="a.toml")
    assert document.value("data", "x", "z", 4) == Place("a.toml", 3, 5)
    assert document.key("data", "missing") == Place("a.toml", 2, 2)
    assert document.value("nothing") == Place("a.toml", 1, 1)


def test_a_table_written_out_beats_the_place_that_implied_it() -> None:
    document = parse_toml("[a.b]\n[a]\nx = 1\n", file="a.toml")
    assert document.key("a") == Place("a.toml", 2, 2)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_are_counted_the_same_with_windows_line_ends(end: str) -> None:
    document = parse_toml(f'a = 1{end}b = """{end}x{end}"""{end}c = 2{end}', file="a.toml")
    assert document.value("c") == Place("a.toml", 5, 5)
    assert document.data["b"] == "x\n"
