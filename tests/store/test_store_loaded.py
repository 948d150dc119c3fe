"""The loaded copy of the lists: what it holds is what the files say, whenever it is killed and whoever looks."""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter.audience.conditions import IsIn
from newsletter.audience.evaluate import World
from newsletter.audience.load import find_lists, load_audience
from newsletter.audience.waterfall import Rules, waterfall
from newsletter.files.project import Project
from newsletter.settings.load import load_settings
from newsletter.settings.secret import Secret
from newsletter.store.loaded import database, loading
from newsletter.store.loaded.lists import LoadedLists
from newsletter.store.loaded.loading import Key
from newsletter.store.loaded.opening import open_lists

SETTINGS = 'timezone = "Europe/Stockholm"\n[attributes]\npoints = "number"\nsince = "date"\nseen = "instant"\nvip = "bool"\n'
HEAD = "email,first_name,city,points,since,seen,vip,note,tags,consent_source,consent_at,status\n"
WORLD = World(datetime(2015, 7, 3, 9, tzinfo=UTC), ZoneInfo("Europe/Stockholm"), lambda _: ())
A = IsIn(0, 0, "list", ("a",))
SECRET = Secret("s" * 40)


class Lists:
    """A project of lists, and what the copy says of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "subscribers").mkdir()
        (folder / "newsletter.toml").write_text(SETTINGS, encoding="utf-8")
        self.copy = folder / ".newsletter" / "lists.db"

    def write(self, name: str, text: str) -> None:
        (self.folder / "subscribers" / f"{name}.csv").write_text(text, encoding="utf-8")

    def open(self, *, keep: bool = True, key: Key | None = None) -> LoadedLists:
        project = Project(self.folder)
        origins, _ = find_lists(project)
        return open_lists(self.copy, origins, load_settings(project), key, keep=keep)

    def people(self, *, keep: bool = True) -> list[str]:
        found = self.open(keep=keep)
        try:
            return [who.email for who in found.everybody()]
        finally:
            found.close()

    def agree(self) -> None:
        """What the copy holds is what the files say, findings included."""
        project = Project(self.folder)
        origins, problems = find_lists(project)
        values = load_settings(project)
        found = open_lists(self.copy, origins, values, None, keep=True)
        read, said = found.audience(problems), load_audience(project, values)
        assert list(read.people) == list(said.people)
        assert {name: set(told) for name, told in read.problems.items()} == {
            name: set(told) for name, told in said.problems.items()
        }
        assert read.columns == said.columns
        assert list(read.lists.values()) == list(said.lists.values())
        assert set(read.tags) == set(said.tags)
        for who in said.people:
            assert read.find(who.key) == who
        keys = [who.key for who in reversed(said.people)]
        assert read.find_all([*keys, "nobody@example.org", *keys]) == {who.key: who for who in said.people}
        assert read.find("nobody@example.org") is None
        found.close()


@pytest.fixture
def lists(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    return Lists(folder)


def rows(number: int, start: int = 0) -> str:
    return "".join(
        f"p{n}@example.org,Anna,Visby,{n},2015-01-01,2015-06-30 08:00,ja,,press,Mässan,2015-05-01,\n"
        for n in range(start, start + number)
    )


@pytest.fixture
def read_lists(monkeypatch):
    """The names of the lists that are read from their files, as they are."""
    names: list[str] = []
    opened = loading.open_list

    def reading(origin, values):
        names.append(origin.name)
        return opened(origin, values)

    monkeypatch.setattr(loading, "open_list", reading)
    return names


def test_a_list_is_read_anew_only_when_its_file_changed(lists, read_lists):
    lists.write("a", HEAD + rows(3))
    lists.write("b", "email\nbo@example.org\n")
    assert len(lists.people()) == 4
    assert read_lists == ["a", "b"]
    os.utime(lists.folder / "subscribers" / "a.csv", (1, 1))
    assert len(lists.people()) == 4
    lists.write("b", "email\nbo@example.org\nco@example.org\n")
    assert len(lists.people()) == 5
    assert read_lists == ["a", "b", "b"]
    (lists.folder / "subscribers" / "a.csv").unlink()
    assert lists.people() == ["bo@example.org", "co@example.org"]
    (lists.folder / "subscribers" / "b.csv").rename(lists.folder / "subscribers" / "c.csv")
    assert lists.people() == ["bo@example.org", "co@example.org"]
    assert read_lists == ["a", "b", "b", "c"]


def test_a_list_whose_columns_have_another_type_now_is_read_anew(lists, read_lists):
    lists.write("a", HEAD + rows(3))
    lists.write("b", "email\nbo@example.org\n")
    lists.agree()
    (lists.folder / "newsletter.toml").write_text(
        SETTINGS.replace('points = "number"', 'points = "text"'), encoding="utf-8"
    )
    lists.agree()
    assert read_lists == ["a", "b", "a"]
    (lists.folder / "newsletter.toml").write_text(
        SETTINGS.replace("Europe/Stockholm", "UTC"), encoding="utf-8"
    )
    lists.agree()


def test_a_list_that_can_not_be_used_is_told_without_reading_it_again(lists, read_lists):
    lists.write("a", 'email,city\nanna@example.org,Visby\nbo@example.org,"Lund\n')
    lists.write("b", "")
    lists.agree()
    lists.agree()
    assert read_lists == ["a", "b"]
    lists.write("a", "email,city\nanna@example.org,Visby\n")
    lists.agree()
    assert lists.people() == ["anna@example.org"]


def test_a_look_changes_nothing(lists):
    lists.write("a", HEAD + rows(3))
    assert len(lists.people(keep=False)) == 3
    assert not lists.copy.parent.exists()
    lists.people()
    before = lists.copy.read_bytes()
    lists.write("a", HEAD + rows(5))
    assert len(lists.people(keep=False)) == 5
    assert lists.copy.read_bytes() == before
    assert len(lists.people()) == 5


def test_the_copy_is_for_its_owner_only(lists):
    lists.write("a", HEAD + rows(3))
    lists.people()
    assert [oct(path.stat().st_mode & 0o077) for path in sorted(lists.copy.parent.iterdir())] == ["0o0"] * 2


@pytest.mark.parametrize("damage", ["text", "other", "shape", "torn"])
def test_a_copy_that_is_none_is_made_anew(lists, damage):
    lists.write("a", HEAD + rows(3))
    lists.people()
    if damage == "text":
        lists.copy.write_text("this is no database" * 100, encoding="utf-8")
    elif damage == "torn":
        lists.copy.write_bytes(lists.copy.read_bytes()[:5000])
    elif damage == "other":
        lists.copy.unlink()
        sqlite3.connect(lists.copy).execute("CREATE TABLE other (x)").connection.close()
    else:
        own = sqlite3.connect(lists.copy)
        own.execute("PRAGMA user_version = 999")
        own.close()
    assert len(lists.people(keep=False)) == 3
    assert len(lists.people()) == 3
    lists.agree()


KILLED = """
import os, signal, sys
from pathlib import Path
from newsletter.store.loaded import loading, writer
sys.path.insert(0, sys.argv[1])
from test_store_loaded import Lists
loading.AT_ONCE = 100
left, real = int(sys.argv[3]), writer.Writer.commit
def commit(self):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    real(self)
writer.Writer.commit = commit
lists = object.__new__(Lists)
lists.folder = Path(sys.argv[2])
lists.copy = lists.folder / ".newsletter" / "lists.db"
print(len(lists.people()))
"""


def kill_at(lists: Lists, commit: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", KILLED, str(Path(__file__).parent), str(lists.folder), str(commit)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)


@pytest.mark.parametrize("commit", [1, 2, 14, 17, 25, 29, 30, 31, 32, 33])
def test_a_kill_at_any_moment_leaves_what_was_and_the_next_load_goes_on(
    lists, read_lists, monkeypatch, commit
):
    odd = "x@,,,,,,,,,,,\np1@example.org,Annika,,,,,,,,,,odd\nsome,row\n"
    lists.write("a", HEAD + rows(5))
    lists.write("b", "email\np2@example.org\n")
    lists.people()
    lists.write("a", HEAD + rows(900) + odd + rows(900, 900) + odd)
    killed = kill_at(lists, commit)
    read_lists.clear()
    if killed.returncode == 0:  # it had fewer to do
        assert commit > 20
    else:
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        loaded = LoadedLists(sqlite3.connect(lists.copy, isolation_level=None), {})
        assert len(loaded.everybody()) == 5  # as before: the old version holds until the new one is whole
        loaded.close()
    again: list[int] = []
    read = loading.ListReader.rows
    monkeypatch.setattr(
        loading.ListReader, "rows", lambda self, *, after=0: again.append(after) or read(self, after=after)
    )
    lists.agree()
    if 5 < commit < 20:
        assert again[0] > 100 * (commit - 4)  # it went on, and did not begin anew
    assert len(lists.people()) == 1801


def test_two_that_load_at_once_get_the_same(lists):
    lists.write("a", HEAD + rows(2000))
    command = [sys.executable, "-c", KILLED, str(Path(__file__).parent), str(lists.folder), "0"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") for _ in range(3)]
    assert [one.communicate()[0].strip() for one in both] == ["2000"] * 3
    lists.agree()


def test_a_look_stays_what_it_was_while_another_loads(lists):
    lists.write("a", HEAD + rows(2500))
    first = lists.open()
    everybody = iter(first.everybody())
    assert next(everybody).email == "p0@example.org"
    lists.write("a", HEAD + rows(3, 9000))
    assert len(lists.people()) == 3
    assert sum(1 for _ in everybody) == 2499
    first.close()


def test_a_file_that_does_not_stand_still_is_not_taken(lists, monkeypatch):
    from newsletter.errors import ProviderUnavailable

    lists.write("a", HEAD + rows(3))
    numbers = iter(range(100))
    monkeypatch.setattr(loading.Origin, "sha256", lambda self: f"hash {next(numbers)}")
    with pytest.raises(ProviderUnavailable, match="A125"):
        lists.open()


cells = st.sampled_from(
    ["", "", "Visby", "VISBY", "lund", "12", "2.0", "2015-01-01", "2015-06-30 08:00", "ja", "odd", "press;Ny"]
)
addresses = st.sampled_from([
    "a@example.org", "A@example.org", "b@example.org", "B@Räksmörgås.test", "b@xn--rksmrgs-5wao1o.test", "åsa@example.org", "x@", "", "Eva <b@example.org>",
])  # fmt: skip
files = st.lists(
    st.one_of(
        st.tuples(addresses, st.lists(cells, min_size=11, max_size=11)),
        st.tuples(addresses, st.lists(cells, min_size=1, max_size=3)),
    ),
    max_size=8,
)


@given(
    st.dictionaries(st.sampled_from(["a", "b", "c"]), files, min_size=1),
    st.dictionaries(st.sampled_from(["a", "b", "d"]), files),
    st.dictionaries(
        st.sampled_from(["a@example.org", "b@example.org", "b@xn--rksmrgs-5wao1o.test"]),
        st.sets(st.sampled_from(["*", "a", "b", "gone"]), min_size=1),
    ),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_files_say_the_copy_says_the_same(tmp_path_factory, before, after, leaving):
    lists = Lists(tmp_path_factory.mktemp("lists"))
    for state in (before, after):
        for name, content in state.items():
            lists.write(name, HEAD + "".join(",".join([address, *row]) + "\n" for address, row in content))
        lists.agree()
    project = Project(lists.folder)
    people = load_audience(project, load_settings(project)).people
    loaded = lists.open(key=Key(SECRET.fingerprint, SECRET.person))
    left = {SECRET.person(key): frozenset(scopes) for key, scopes in leaving.items()}
    for rules in (Rules(None), Rules({}, smtputf8=True, asked=("a",))):
        by_sql = loaded.sift(
            [("a", A)], WORLD, rules, exclude=[[("b", IsIn(0, 0, "list", ("b",)))]], left=left,
            capped=["åsa@example.org"],
        )  # fmt: skip
        by_memory = waterfall(
            [who for who in people if "a" in who.lists], rules, is_excluded=lambda who: "b" in who.lists,
            left=lambda who: left.get(SECRET.person(who.key), ()), capped=lambda who: who.key == "åsa@example.org",
        )  # fmt: skip
        assert (by_sql.candidates, by_sql.counts, by_sql.lists) == (
            by_memory.candidates,
            by_memory.counts,
            by_memory.lists,
        )
        assert list(by_sql.recipients) == list(by_memory.recipients)
        assert {why: list(who) for why, who in by_sql.excluded.items()} == {
            why: list(who) for why, who in by_memory.excluded.items()
        }
    loaded.close()
    shutil.rmtree(lists.folder)


def test_opt_outs_are_told_only_from_a_copy_with_the_secret(lists):
    lists.write("a", "email\nanna@example.org\nbo@example.org\n")
    left = {SECRET.person("bo@example.org"): frozenset("*")}
    without = lists.open()
    with pytest.raises(AssertionError, match="secret"):
        without.sift([("a", A)], WORLD, Rules(None), left=left)
    without.close()
    keyed = lists.open(key=Key(SECRET.fingerprint, SECRET.person))
    flow = keyed.sift([("a", A)], WORLD, Rules(None), left=left)
    assert [who.email for who in flow.recipients] == ["anna@example.org"]
    assert [who.email for who in flow.excluded["suppressed"]] == ["bo@example.org"]
    assert list(keyed.everybody().identities()) == [
        (key, key, SECRET.person(key)) for key in ("anna@example.org", "bo@example.org")
    ]
    keyed.close()
    other = Secret("t" * 40)
    again = lists.open(key=Key(other.fingerprint, other.person))
    left = {other.person("bo@example.org"): frozenset("*")}
    assert len(again.sift([("a", A)], WORLD, Rules(None), left=left).recipients) == 1
    again.close()


def test_many_are_found_at_once_also_whoever_stands_on_several_lists(lists):
    lists.write("a", HEAD + rows(2_100))
    lists.write("b", HEAD + rows(1_200, start=1_000))
    lists.agree()


def test_people_are_asked_by_place_and_by_slice(lists):
    lists.write("a", HEAD + rows(2300))
    lists.write("b", "email\np7@example.org\n")
    loaded = lists.open()
    everybody = loaded.everybody()
    keys = sorted(f"p{n}@example.org" for n in range(2300))
    assert [who.key for who in everybody] == keys
    chance = random.Random(1)
    for _ in range(20):
        one, two = chance.randrange(-2300, 2300), chance.randrange(-2300, 2300)
        assert everybody[one].key == keys[one]
        assert [who.key for who in everybody[one:two:3]] == keys[one:two:3]
    with pytest.raises(IndexError):
        everybody[2300]
    assert everybody[keys.index("p7@example.org")].lists == ("a", "b")
    loaded.close()


def test_nothing_of_a_person_is_left_in_the_copy_once_their_row_is_gone(lists):
    lists.write("a", HEAD + rows(3) + "eva@hemligt.example,Eva,Hemligö,,,,,,,,,\n")
    lists.people()
    lists.write("a", HEAD + rows(3))
    lists.people()
    own = sqlite3.connect(lists.copy)
    told = json.dumps(
        [list(map(str, row)) for table in ("entry", "said") for row in own.execute(f"SELECT * FROM {table}")]  # noqa: S608
    )
    own.close()
    assert "eva" not in told
    assert b"hemlig" not in lists.copy.read_bytes().lower()


@pytest.mark.parametrize("keep", [True, False])
def test_columns_of_earlier_headers_take_no_room_from_later_ones(lists, keep):
    lists.write("a", HEAD + rows(1))
    lists.people()
    for turn in range(6):
        header = ",".join(["email", *(f"t{turn}_{n}" for n in range(450))])
        lists.write("b", f"{header}\nb@example.org{',' * 449},x\n")
        if not keep and turn == 5:
            assert lists.people(keep=False) == ["b@example.org", "p0@example.org"]
            return
        lists.agree()


def test_a_look_that_fails_leaves_a_good_copy_where_it_is(lists: Lists) -> None:
    """Without a descriptor to open it by; in a process of its own."""
    lists.write("a", HEAD + "a@example.org,A,Visby,,,,,,,,,\n")
    lists.open().close()
    before = lists.copy.stat().st_ino
    program = (
        "import os, resource, sqlite3, sys\n"
        "from pathlib import Path\n"
        "from newsletter.store.loaded.database import open_kept\n"
        "number = os.open(os.devnull, os.O_RDONLY)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (number + 1, number + 1))\n"
        "os.close(number)\n"  # one is left: enough for the database, not for what SQLite keeps beside it
        "try:\n"
        "    open_kept(Path(sys.argv[1]))\n"
        "except sqlite3.OperationalError as fault:\n"
        "    print(fault)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(lists.copy)],
        capture_output=True, text=True, check=True, encoding="utf-8",
    )  # fmt: skip
    assert "unable to open" in done.stdout
    assert lists.copy.stat().st_ino == before


def test_a_copy_that_is_made_anew_during_a_look_is_not_taken_for_the_old_one(
    lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists.write("a", HEAD + "a@example.org,A,Visby,,,,,,,,,\n")
    lists.open().close()
    real = sqlite3.connect

    def connect(*args: object, **keywords: object) -> sqlite3.Connection:
        found = real(*args, **keywords)  # type: ignore[call-overload]
        database.unlink(lists.copy)
        lists.copy.touch()  # another process has begun
        return found  # type: ignore[no-any-return]

    monkeypatch.setattr(database.sqlite3, "connect", connect)
    look = database.open_if_ours(lists.copy)
    assert look is None or look.execute("SELECT name FROM list").fetchall() == [("a",)]
    if look:
        look.close()
