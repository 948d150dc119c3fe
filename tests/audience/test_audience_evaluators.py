"""Two evaluators of one tree, in memory and in SQL: whatever the expression and the people, they agree."""

import contextlib
import csv
import dataclasses
import io
import os
import random
import typing
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from newsletter.audience import conditions as typed
from newsletter.audience.evaluate import World
from newsletter.audience.load import find_lists
from newsletter.audience.segments import Segments, load_segments, matcher
from newsletter.files.project import Project
from newsletter.settings.load import load_settings
from newsletter.store.loaded import conditions as compiled
from newsletter.store.loaded import tables
from newsletter.store.loaded.lists import LoadedLists
from newsletter.store.loaded.opening import open_lists

NOW = datetime(2015, 7, 3, 22, 30, tzinfo=UTC)  # the fourth of July in Stockholm
CASES = int(os.environ.get("SEGMENT_CASES", "2000"))
AT_ONCE = 100  # expressions for the same people
SETTINGS = (
    'timezone = "Europe/Stockholm"\n[attributes]\n'
    'points = "number"\nlevel = "number"\nsince = "date"\nseen = "instant"\nvip = "bool"\nloud = "bool"\n'
)
# One word in several spellings, and signs that mean something to SQL, to LIKE and to JSON.
WORDS = [
    "Visby", "VISBY", "visby", "Växjö", "Va\u0308xjo\u0308", "VÄXJÖ", "Åre", "A\u030are", "åre", "ÖREBRO", "örebro",
    "Straße", "STRASSE", "100%", "a_b", "axb", "it's", 'say "x"', "back\\slash", "Σίσυφος", "ΣΊΣΥΦΟΣ", "😀", "İstanbul",
    "; DROP TABLE entry", "NULL", "0", "9", "10", "Lund", "/", "ﬁn", "FIN",
]  # fmt: skip
TAGS = ["press", "Press", "PRESS", "kommun", "va\u0308xt", "VÄXT", "ny", "it's", "100%"]
DAYS = ["2015-07-03", "2015-07-04", "2015-07-05", "2014-12-31", "2015-03-29", "2015-02-28", "1999-01-01"]
INSTANTS = [
    "2015-07-03 22:30:00Z", "2015-07-03 21:59:59.999999Z", "2015-07-03 22:00", "2015-07-04", "2015-07-04 00:00",
    "2015-03-29 02:30", "2015-10-25 02:30", "2014-12-31 23:59:59Z", "0002-01-01", "2999-12-31 23:00Z",
]  # fmt: skip
NUMBERS = ["0", "1", "-1", "2", "2.0", "2.5", "9", "10", "-0.5", "9007199254740992", "0.1", "100"]


def a_people(chance: random.Random) -> dict[str, str]:
    """Lists with people on one or several of them, many a cell empty."""
    columns = {
        "first_name": WORDS, "city": WORDS, "note": WORDS, "points": NUMBERS, "level": NUMBERS, "since": DAYS,
        "seen": INSTANTS, "consent_at": INSTANTS, "vip": ["true", "false"], "loud": ["ja", "nej"],
    }  # fmt: skip
    lists = {}
    for name in ("a", "b", "Vårlistan"):
        text = io.StringIO()
        rows = csv.writer(text)
        rows.writerow(["email", *columns, "tags", "status"])
        for number in chance.sample(range(60), chance.randint(1, 30)):
            cells = [chance.choice(values) if chance.random() < 0.6 else "" for values in columns.values()]
            tags = ";".join(chance.sample(TAGS, chance.choice([0, 0, 1, 2])))
            address = chance.choice([f"P{number}@Example.org", f"p{number}@example.org"])
            rows.writerow([address, *cells, tags, chance.choice(["", "", "active", "pending"])])
            if chance.random() < 0.05:
                rows.writerow([address, *cells[::-1][: len(cells)], "", ""])
        lists[name] = text.getvalue()
    return lists


class Expressions:
    """Random expressions of the whole language."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance

    def one(self, depth: int = 4) -> str:
        choice = self.chance.random()
        if depth and choice < 0.2:
            return f"not ({self.one(depth - 1)})"
        if depth and choice < 0.6:
            word = self.chance.choice(["and", "or"])
            return f" {word} ".join(f"({self.one(depth - 1)})" for _ in range(self.chance.randint(2, 3)))
        return self.chance.choice(
            [self.text, self.number, self.day, self.flag, self.set_, self.function, self.columns]
        )()

    def pick(self, *values: str) -> str:
        return self.chance.choice(values)

    def quoted(self, values: list[str]) -> str:
        text = self.chance.choice(values)
        if self.chance.random() < 0.3:
            text = self.chance.choice([text.upper(), text.lower(), unicodedata.normalize("NFD", text)])
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

    def items(self, values: list[str]) -> str:
        return "[" + ", ".join(values) + "]"

    def text(self) -> str:
        column = self.pick("city", "note", "first_name", "email")
        words = WORDS if column != "email" else ["p1@example.org", "P7@EXAMPLE.ORG", "p12"]
        some = [self.quoted(words) for _ in range(self.chance.randint(1, 4))]
        return self.pick(
            f"{column} == {some[0]}", f"{column} != {some[0]}", f"{some[0]} == {column}",
            f"{column} in {self.items(some)}", f"{column} not in {self.items(some)}",
        )  # fmt: skip

    def number(self) -> str:
        column, sign = self.pick("points", "level"), self.pick("==", "!=", "<", "<=", ">", ">=")
        some = [self.chance.choice(NUMBERS) for _ in range(self.chance.randint(1, 4))]
        return self.pick(
            f"{column} {sign} {some[0]}", f"{some[0]} {sign} {column}",
            f"{column} in {self.items(some)}", f"{column} not in {self.items(some)}",
        )  # fmt: skip

    def a_day(self) -> str:
        count, unit = self.chance.randint(0, 30), self.pick("days", "weeks", "months", "years")
        return self.pick(
            self.chance.choice(DAYS), "today", f"today - {count} {unit}", f"today + {count} {unit}", "now",
            f"now - {count} {unit}", f"{self.chance.choice(DAYS)} + {count} {unit}", f"today - 9999 {unit}",
        )  # fmt: skip

    def day(self) -> str:
        column, sign = self.pick("since", "seen", "consent_at"), self.pick("==", "!=", "<", "<=", ">", ">=")
        some = [self.a_day() for _ in range(self.chance.randint(1, 3))]
        return self.pick(
            f"{column} {sign} {some[0]}", f"{some[0]} {sign} {column}", f"{column} in {self.items(self.bare())}",
            f"{column} not in {self.items(self.bare())}",
        )  # fmt: skip

    def bare(self) -> list[str]:
        return [self.pick(*DAYS, "today", "now") for _ in range(self.chance.randint(1, 3))]

    def flag(self) -> str:
        column = self.pick("vip", "loud")
        return self.pick(
            column, f"{column} == true", f"{column} != false", f"{column} in [true, false]", "vip == loud"
        )

    def set_(self) -> str:
        name, values = self.chance.choice([("list", ["a", "b", "Vårlistan"]), ("tag", TAGS)])
        some = [self.quoted(values) for _ in range(self.chance.randint(1, 3))]
        return self.pick(
            f"{name} == {some[0]}", f"{name} != {some[0]}", f"{name} in {self.items(some)}",
            f"{name} not in {self.items(some)}",
        )  # fmt: skip

    def function(self) -> str:
        column = self.pick("city", "note", "first_name", "email")
        part = self.pick(self.chance.choice(WORDS)[: self.chance.randint(1, 4)], "a_", "_b", "%")
        share = self.pick("0.5%", "10%", "33.3%", "50%", "100%")
        return self.pick(
            f"contains({column}, {self.quoted([part])})", f"starts({column}, {self.quoted([part])})",
            f"is_set({self.pick('city', 'points', 'since', 'seen', 'vip', 'tag', 'list', 'email', 'consent_at')})",
            f"received('{self.pick('hej', 'hopp')}')", f"sample({share}, {self.quoted(['s', 'tips', 'å'])})",
            f"segment('{self.pick('one', 'two')}')",
        )  # fmt: skip

    def columns(self) -> str:
        return self.pick(
            "city == note", "city != first_name", "points < level", "points >= level", "since == seen", "seen != since",
            "since < consent_at", "seen <= consent_at", "seen == consent_at", "vip == loud", "since >= since",
        )  # fmt: skip


SENT = {"hej": {f"p{n}@example.org" for n in range(0, 60, 3)}, "hopp": set[str]()}
WORLD = World(NOW, ZoneInfo("Europe/Stockholm"), SENT.__getitem__)


@contextlib.contextmanager
def a_crowd(
    folder: Path, seed: int, number: int = AT_ONCE
) -> Iterator[tuple[LoadedLists, Segments, list[str]]]:
    """People loaded, and segments over them by name."""
    chance = random.Random(seed)
    (folder / "subscribers").mkdir(exist_ok=True)
    (folder / "newsletter.toml").write_text(SETTINGS, encoding="utf-8")
    for name, text in a_people(chance).items():
        (folder / "subscribers" / f"{name}.csv").write_text(text, encoding="utf-8")
    write = Expressions(chance)
    rules = {f"s{n}": write.one() for n in range(number)}
    rules |= {"one": "city == 'Visby' or not points > 2", "two": "not segment('one') and is_set(city)"}
    toml = "".join(f"[{name}]\nwhere = {_toml(rule)}\n" for name, rule in rules.items())
    (folder / "subscribers" / "segments.toml").write_text(toml, encoding="utf-8")
    project = Project(folder)
    settings = load_settings(project)
    origins, problems = find_lists(project)
    lists = open_lists(folder / "lists.db", origins, settings, None, keep=False)
    try:
        segments = load_segments(project, settings, lists.audience(problems), campaigns=["hej", "hopp"])
        assert [p for p in segments.problems if p.is_error] == []
        yield lists, segments, list(rules)
    finally:
        lists.close()


def _toml(rule: str) -> str:
    return '"' + rule.replace("\\", "\\\\").replace('"', '\\"') + '"'


def found_in_memory(lists: LoadedLists, segments: Segments, names: list[str]) -> dict[str, list[str]]:
    """The keys of who is in each segment, by the evaluator in memory."""
    everybody = list(lists.everybody())
    insides = {name: matcher(segments.parts(name), WORLD) for name in names}
    return {name: [who.key for who in everybody if inside(who)] for name, inside in insides.items()}


def found_in_sql(lists: LoadedLists, segments: Segments, name: str, by_memory: list[str]) -> bool:
    """Whether SQL finds and counts the same people."""
    parts = segments.parts(name)
    by_sql = [key for key, _, _ in lists.people(parts, WORLD).identities()]
    return by_memory == by_sql and lists.count(parts, WORLD) == len(by_memory)


def disagreements(lists: LoadedLists, segments: Segments, names: list[str]) -> list[str]:
    """Segments for which SQL finds others than the evaluator in memory."""
    by_memory = found_in_memory(lists, segments, names)
    return [name for name, keys in by_memory.items() if not found_in_sql(lists, segments, name, keys)]


@pytest.mark.parametrize("seed", range(max(1, CASES // AT_ONCE)))
def test_sql_and_memory_find_the_same_people(tmp_path, seed):
    with a_crowd(tmp_path, seed) as (lists, segments, names):
        wrong = disagreements(lists, segments, names)
        assert wrong == [], [segments.definitions([name]) for name in wrong[:3]]


class Planted(compiled.Compiler):
    """The compiler with one error in it."""

    error = ""

    def condition(self, condition, segments):
        right = super().condition
        match self.error, condition:
            case "and", typed.All(terms=terms):
                return sa.or_(*(self.condition(term, segments) for term in terms))
            case "or", typed.Any(terms=terms):
                return sa.or_(*(self.condition(term, segments) for term in terms[:-1]))
            case "not", typed.Not(term=term):  # as SQL has it: nobody without a value
                return sa.not_(self.condition(term, segments))
            case ("==" | "<" | "<=" | ">" | ">=") as sign, typed.Compare(operator=operator) if (
                sign == operator
            ):
                other = {"==": "<=", "<": "<=", "<=": "<", ">": ">=", ">=": ">"}[sign]
                if condition.column.type in (typed.Type.TEXT, typed.Type.BOOL):
                    other = ">"
                return right(dataclasses.replace(condition, operator=other), segments)
            case "text not folded", typed.Compare(operand=typed.Text(value=value)):
                return self.column(condition.column) == value
            case "column beside column", typed.Compare(operand=typed.Column() as operand):
                return right(dataclasses.replace(condition, column=operand), segments)
            case "in: not the day of an instant", typed.OneOf(column=column, items=items) if (
                column.type is typed.Type.INSTANT
            ):
                days = [self._constant(one, days=True) for one in items]
                return self.column(column, days=False).in_([(day - 719_163) * 86_400_000_000 for day in days])
            case "in: with a missing value", typed.OneOf(column=column, items=items) if items:
                return sa.or_(right(condition, segments), self.column(column).is_(None))
            case "in", typed.OneOf(items=items):
                return right(dataclasses.replace(condition, items=items[:1]), segments)
            case "contains", typed.Contains(column=column, text=text):
                return self.column(column).startswith(text.folded, autoescape=True)
            case "starts", typed.Starts(column=column, text=text):
                return self.column(column).contains(text.folded, autoescape=True)
            case "contains not escaped", typed.Contains(column=column, text=text):
                return self.column(column).contains(text.folded)
            case "starts not escaped", typed.Starts(column=column, text=text):
                return self.column(column).startswith(text.folded)
            case "list" | "tag", typed.IsIn(set=set_, names=names) if set_ == self.error:
                return right(dataclasses.replace(condition, names=names[:1]), segments)
            case "tag not folded", typed.IsIn(set="tag", names=names):
                asked = sa.select(tables.tag_name.c.id).where(tables.tag_name.c.folded.in_(names))
                return tables.entry.c.id.in_(sa.select(tables.tag.c.entry).where(tables.tag.c.tag.in_(asked)))
            case "is_set", typed.IsSet(subject=typed.Column()):
                return sa.true()
            case "is_set(tag)", typed.IsSet(subject="tag"):
                return sa.true()
            case "is_set(list)", typed.IsSet(subject="list"):
                return tables.entry.c.version > 0
            case "received", typed.WasSent():
                return right(typed.WasSent(0, 0, "hopp"), segments)
            case "sample: the share", typed.Sampled(share=share):
                return right(dataclasses.replace(condition, share=share / 2), segments)
            case "sample: the seed", typed.Sampled():
                return right(dataclasses.replace(condition, seed=condition.seed + "x"), segments)
            case "segment", typed.InSegment(name=name):
                return segments["two" if name == "one" and "two" in segments else name].is_not(sa.true())
            case "day of an instant", typed.Compare(column=column) if column.type is typed.Type.INSTANT:
                bare = isinstance(condition.operand, typed.Moment) and condition.operand.base != "now"
                day = self.column(column, days=False) / 86_400_000_000 + 719_163  # in UTC
                if bare:
                    return compiled._COMPARE[condition.operator](
                        day, self._constant(condition.operand, days=True)
                    )
        return right(condition, segments)

    def column(self, column, *, days=True):
        if self.error == "email as typed" and column.name == "email":  # most people's is their key
            return self.stored(column.name, column.type.value)
        return super().column(column, days=days)


ERRORS = [
    "and", "or", "not", "==", "<", "<=", ">", ">=", "text not folded", "in", "contains", "starts",
    "contains not escaped", "starts not escaped", "list", "tag", "tag not folded", "is_set", "is_set(tag)",
    "is_set(list)", "received", "sample: the share", "sample: the seed", "segment", "day of an instant",
    "column beside column", "in: not the day of an instant", "in: with a missing value", "email as typed",
]  # fmt: skip


@pytest.fixture(scope="module")
def crowds(tmp_path_factory):
    """The first of the people and segments of the test above, loaded and asked in memory once."""
    with contextlib.ExitStack() as stack:
        made = [stack.enter_context(a_crowd(tmp_path_factory.mktemp("crowd"), seed)) for seed in range(6)]
        yield [(lists, segments, found_in_memory(lists, segments, names)) for lists, segments, names in made]


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_planted_in_an_operator_is_noticed(crowds, monkeypatch, error):
    monkeypatch.setattr(Planted, "error", error)
    monkeypatch.setattr("newsletter.store.loaded.lists.Compiler", Planted)
    same = (
        found_in_sql(lists, segments, name, keys)
        for lists, segments, by_memory in crowds
        for name, keys in by_memory.items()
    )
    assert not all(same), "nobody noticed"


def test_a_negated_set_has_its_planted_errors_too():
    """`!=`, `not in` and their like are Not(…) around these: there is no other operator in a tree."""
    assert {kind.__name__ for kind in typing.get_args(typed.Condition)} == {
        "Compare", "OneOf", "IsIn", "IsSet", "Contains", "Starts", "WasSent", "Sampled", "InSegment", "Not", "All", "Any"
    }  # fmt: skip


@pytest.mark.parametrize(
    "where",
    [
        " or ".join(f"city == 'c{n}'" for n in range(240)),
        "city in [" + ", ".join(f"'{n}'" for n in range(1000)) + "]",
        "not (" * 24 + "vip" + ")" * 24,
    ],
)
def test_the_largest_expressions_are_one_statement(tmp_path, where):
    with a_crowd(tmp_path, 0, 1) as (lists, _, _):
        (tmp_path / "subscribers" / "segments.toml").write_text(
            f"[large]\nwhere = {_toml(where)}\n", encoding="utf-8"
        )
        project = Project(tmp_path)
        segments = load_segments(project, load_settings(project), lists.audience({}), campaigns=[])
        assert disagreements(lists, segments, ["large"]) == []


def test_segments_that_name_each_other_twice_do_not_grow_without_end(tmp_path):
    with a_crowd(tmp_path, 1, 1) as (lists, _, _):
        rules = {"s0": "city == 'Visby' or not vip"}
        rules |= {
            f"s{n}": f"segment('s{n - 1}') and (segment('s{n - 1}') or points > {n})" for n in range(1, 60)
        }
        toml = "".join(f"[{name}]\nwhere = {_toml(rule)}\n" for name, rule in rules.items())
        (tmp_path / "subscribers" / "segments.toml").write_text(toml, encoding="utf-8")
        project = Project(tmp_path)
        segments = load_segments(project, load_settings(project), lists.audience({}), campaigns=[])
        assert disagreements(lists, segments, ["s59"]) == []
