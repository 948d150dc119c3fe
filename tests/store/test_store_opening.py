"""Opening a ledger: made once, migrated in whole steps, never mistaken for another file."""

import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from newsletter.errors import ConfigurationFault, ProviderUnavailable
from newsletter.store import sqlite, tables
from newsletter.store.migration import Step, migrate, shipped_steps
from newsletter.store.store import open_readonly, open_store


def schema(path: Path) -> dict[str, str]:
    with contextlib.closing(sqlite3.connect(path)) as raw:
        rows = raw.execute("SELECT type || ' ' || name, sql FROM sqlite_master").fetchall()
    return {name: " ".join((sql or "").split()) for name, sql in rows}


def test_migrated_is_declared(tmp_path: Path) -> None:
    open_store(tmp_path / "migrated.db").close()
    fresh = sa.create_engine(f"sqlite:///{tmp_path / 'declared.db'}")
    tables.metadata.create_all(fresh)
    fresh.dispose()
    assert schema(tmp_path / "migrated.db") == schema(tmp_path / "declared.db")


def test_a_ledger_keeps_its_identity(tmp_path: Path) -> None:
    with open_store(tmp_path / "a" / "state.db") as first, open_store(tmp_path / "b" / "state.db") as other:
        assert len(first.ledger_id) == 16
        assert first.epoch == 1
        assert other.ledger_id != first.ledger_id
    with open_store(tmp_path / "a" / "state.db") as again:
        assert again.ledger_id == first.ledger_id


def test_the_file_is_for_its_owner_and_in_wal_mode(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    open_store(path).close()
    assert path.stat().st_mode & 0o777 == 0o600
    with contextlib.closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_every_connection_waits_and_syncs(tmp_path: Path) -> None:
    with open_store(tmp_path / "state.db") as store, store._writing() as conn:
        found = [
            conn.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("busy_timeout", "synchronous", "foreign_keys")
        ]
    assert found == [30000, 2, 1]  # 2 is FULL


MAKER = """
import sys
from pathlib import Path
from newsletter.store.store import open_store
print("here", flush=True)
sys.stdin.readline()
with open_store(Path(sys.argv[1])) as store:
    print(store.ledger_id)
"""


@pytest.mark.parametrize("attempt", range(3))
def test_processes_that_create_at_once_get_one_ledger(tmp_path: Path, attempt: int) -> None:
    path = tmp_path / "state.db"
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", MAKER, path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        for _ in range(3)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "here\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    answers = [racer.communicate(timeout=60) for racer in racers]
    assert [err for _, err in answers] == [""] * 3
    assert len({out for out, _ in answers}) == 1


def test_the_switch_to_wal_waits_for_another_maker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as maker:
        maker.execute("BEGIN IMMEDIATE")  # against it SQLite fails at once, whatever the time-out
        waits: list[float] = []

        def maker_ends(pause_s: float) -> None:
            waits.append(pause_s)
            if maker.in_transaction:
                maker.rollback()

        monkeypatch.setattr(sqlite.time, "sleep", maker_ends)
        sqlite.switch_to_wal(path)
    assert waits == [0.002]
    with contextlib.closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)


COUNTER = """
import sys
from pathlib import Path
from newsletter.store.store import open_store
with open_store(Path(sys.argv[1])) as store:
    for _ in range(40):
        with store._writing() as conn:
            n = int(conn.exec_driver_sql("SELECT value FROM meta WHERE name = 'n'").scalar_one())
            conn.exec_driver_sql("UPDATE meta SET value = ? WHERE name = 'n'", (str(n + 1),))
"""


def test_two_writers_count_together(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with open_store(path) as store, store._writing() as conn:
        conn.exec_driver_sql("INSERT INTO meta VALUES ('n', '0')")
    writers = [subprocess.Popen([sys.executable, "-c", COUNTER, path]) for _ in range(2)]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    with open_store(path) as store, store._looking() as conn:
        assert conn.exec_driver_sql("SELECT value FROM meta WHERE name = 'n'").scalar_one() == "80"


def test_ddl_is_rolled_back_like_everything_else(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with open_store(path) as store, contextlib.suppress(ZeroDivisionError), store._writing() as conn:
        conn.exec_driver_sql("CREATE TABLE half (n)")
        raise ZeroDivisionError
    assert "table half" not in schema(path)


# --- migrations

NEXT = len(shipped_steps()) + 1


def add_colour(conn: sa.Connection) -> None:
    conn.exec_driver_sql("ALTER TABLE subscriber ADD COLUMN colour TEXT")


def add_and_fail(conn: sa.Connection) -> None:
    add_colour(conn)
    raise OSError("the plug was pulled")


def test_a_step_that_fails_leaves_the_ledger_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    open_store(path).close()
    before = schema(path)
    engine = sqlite.make_engine(path)
    with pytest.raises(OSError, match="plug"):
        migrate(engine, path, [*shipped_steps(), Step(NEXT, add_and_fail)])
    engine.dispose()
    assert schema(path) == before
    open_store(path).close()


def test_a_step_on_a_ledger_in_use_keeps_a_copy_of_what_was(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with open_store(path) as store:
        store.bind_secret("the old one")
    engine = sqlite.make_engine(path)
    migrate(engine, path, [*shipped_steps(), Step(NEXT, add_colour)])
    migrate(engine, path, [*shipped_steps(), Step(NEXT, add_colour)])
    engine.dispose()
    assert "colour" in schema(path)["table subscriber"]

    copy = tmp_path / f"state.db.before-{NEXT}"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert "colour" not in schema(copy)["table subscriber"]
    copy.rename(tmp_path / "restored.db")
    with open_store(tmp_path / "restored.db") as restored, pytest.raises(ConfigurationFault, match="R104"):
        restored.bind_secret("another one")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["restored.db", "state.db"]


def test_a_new_ledger_has_nothing_to_keep_a_copy_of(tmp_path: Path) -> None:
    open_store(tmp_path / "state.db").close()
    assert [file.name for file in tmp_path.iterdir()] == ["state.db"]


RACER = """
import sys
from pathlib import Path
from newsletter.store import sqlite
from newsletter.store.migration import Step, migrate, shipped_steps
path = Path(sys.argv[1])
def slow(conn):
    conn.exec_driver_sql("CREATE TABLE colour (name TEXT)")
    for n in range(20000):
        conn.exec_driver_sql("INSERT INTO colour VALUES (?)", (str(n),))
engine = sqlite.make_engine(path)
print("go", flush=True)
migrate(engine, path, [*shipped_steps(), Step(len(shipped_steps()) + 1, slow)])
"""


def test_a_migration_that_is_killed_has_happened_whole_or_not_at_all(tmp_path: Path) -> None:
    for number in range(6):
        path = tmp_path / str(number) / "state.db"
        open_store(path).close()
        racers = [
            subprocess.Popen([sys.executable, "-c", RACER, path], stdout=subprocess.PIPE, encoding="utf-8")
            for _ in range(2)
        ]
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "go\n"
        with contextlib.suppress(subprocess.TimeoutExpired):
            racers[0].wait(timeout=0.02 * number)
        racers[0].kill()
        assert racers[1].wait(timeout=60) == 0
        for racer in racers:
            assert racer.stdout is not None
            racer.stdout.close()
            racer.wait()
        with contextlib.closing(sqlite3.connect(path)) as raw:
            assert raw.execute("PRAGMA user_version").fetchone() == (NEXT,)
            assert raw.execute("SELECT count(*) FROM colour").fetchone() == (20000,)


# --- what is no ledger of ours


def fault(path: Path) -> str:
    with pytest.raises(ConfigurationFault) as caught:
        open_store(path)
    with pytest.raises(ConfigurationFault) as readonly:
        open_readonly(path)
    assert str(readonly.value) == str(caught.value)
    return str(caught.value)


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / ".newsletter" / "state.db"
    path.parent.mkdir()
    path.write_text("email,first_name\n" * 300, encoding="utf-8")
    said = fault(path)
    assert "R101" in said
    assert "no SQLite database" in said
    assert ".newsletter/state.db" in said
    assert "try:" in said
    assert path.read_text(encoding="utf-8") == "email,first_name\n" * 300


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with contextlib.closing(sqlite3.connect(path)) as raw:
        raw.execute("CREATE TABLE listmonk (n)")
        raw.execute("PRAGMA user_version = 1")
        raw.commit()
    assert "R102" in fault(path)
    assert list(schema(path)) == ["table listmonk"]


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    open_store(path).close()
    with contextlib.closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA user_version = 99")
    said = fault(path)
    assert "R103" in said
    assert f"schema 99, this program knows {NEXT - 1}" in said


def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ConfigurationFault, match="R106"):
        open_store(tmp_path / "file" / "state.db")


def test_a_locked_ledger_says_try_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0)
    path = tmp_path / "state.db"
    with open_store(path) as store, contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(ProviderUnavailable, match="R105"):
            store.bind_secret("x")
        assert store.runs("local") == []  # who only looks is never kept waiting


def test_the_secret_that_keys_a_ledger_stays(tmp_path: Path) -> None:
    with open_store(tmp_path / "state.db") as store:
        store.bind_secret("one")
        store.bind_secret("one")
        with pytest.raises(ConfigurationFault, match="R104") as caught:
            store.bind_secret("two")
    assert caught.value.exit_code == 4


# --- looking only


def test_looking_creates_nothing(tmp_path: Path) -> None:
    assert open_readonly(tmp_path / ".newsletter" / "state.db") is None
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_is_no_ledger_yet(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.touch()
    assert open_readonly(path) is None
    assert path.read_bytes() == b""


def test_looking_sees_all_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with open_store(path) as store:
        store.suppress(b"h" * 16, "*", "asked", "letter", tables._EPOCH)
    before = path.read_bytes()
    store_ro = open_readonly(path)
    assert store_ro is not None
    with store_ro:
        assert set(store_ro.opt_outs()) == {b"h" * 16}
        assert store_ro.ledger_id == store.ledger_id
        with pytest.raises(ConfigurationFault, match="R106"):
            store_ro.suppress(b"i" * 16, "*", "asked", "letter", tables._EPOCH)
    assert path.read_bytes() == before


def test_looking_needs_no_right_to_write(tmp_path: Path) -> None:
    """Bites for an ordinary user; root may write everywhere."""
    path = tmp_path / "state.db"
    open_store(path).close()
    path.chmod(0o400)
    store = open_readonly(path)
    assert store is not None
    store.close()


def test_an_older_schema_is_not_migrated_by_looking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.db"
    open_store(path).close()
    steps = (*shipped_steps(), Step(NEXT, add_colour))
    monkeypatch.setattr("newsletter.store.store.shipped_steps", lambda: steps)
    with pytest.raises(ConfigurationFault, match="R108"):
        open_readonly(path)
    assert "colour" not in schema(path)["table subscriber"]


def test_a_full_disk_is_told_and_can_be_tried_again(tmp_path):
    """No file may grow beyond some pages, as on a disk without room; the limit is the kernel's."""
    script = f"""
import resource
from pathlib import Path
from newsletter.errors import NewsletterError
from newsletter.store.store import open_store
resource.setrlimit(resource.RLIMIT_FSIZE, (16384, resource.RLIM_INFINITY))
path = Path({str(tmp_path / "state.db")!r})
try:
    open_store(path)
except NewsletterError as fault:
    print(fault.exit_code, fault.problems[0].code)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
open_store(path).close()
print("room again")
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=False)
    assert ran.stdout.split("\n") == ["5 R107", "room again", ""], ran.stderr
