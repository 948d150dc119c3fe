"""A folder that is put back whole, in whatever way, is not taken for the one that sent last."""

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from newsletter.audience.leaving import EVERYTHING
from newsletter.errors import ConfigurationFault
from newsletter.store import birth, witness
from newsletter.store.birth import identity, is_same
from newsletter.store.store import open_store
from newsletter.store.values import OptOutEvent


@pytest.fixture
def night(ledger, tmp_path) -> Path:
    """What a backup at night keeps of the ledger's folder: one claim was made before it, another one after it."""
    run = ledger.frozen(6, size=2)
    ledger.claimed(run, 1)
    ledger.store.close()
    kept = tmp_path / "night"
    kept.mkdir()
    for name in (ledger.path.name, witness.FILE):
        shutil.copy2(ledger.path.with_name(name), kept)
    with open_store(ledger.path) as morning:
        ledger.store = morning
        ledger.claimed(run, 2)
        assert morning.doubt() is None
    return kept


def empty(folder: Path) -> None:
    for file in folder.iterdir():
        if file.is_file():
            file.unlink()


def overwritten(kept: Path, folder: Path) -> None:
    """`cp night/* folder/`: the same files by their numbers and their births, other bytes."""
    for file in kept.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())


def overwritten_with_times(kept: Path, folder: Path) -> None:
    """`cp -a`: not even the times differ."""
    overwritten(kept, folder)
    for file in kept.iterdir():
        shutil.copystat(file, folder / file.name)


def made_anew(kept: Path, folder: Path) -> None:
    """`rm` and `cp -a`: file systems give a number that has just become free to the next file."""
    empty(folder)
    for file in kept.iterdir():
        shutil.copy2(file, folder)


def unpacked(kept: Path, folder: Path) -> None:
    """`tar`, which takes away what it writes over."""
    subprocess.run(["tar", "cf", folder / "night.tar", "-C", kept, "."], check=True)
    subprocess.run(["tar", "xf", folder / "night.tar", "-C", folder], check=True)


@pytest.mark.parametrize("put_back", [overwritten, overwritten_with_times, made_anew, unpacked])
def test_a_whole_folder_that_is_put_back_waits_for_a_human(ledger, night, put_back) -> None:
    for name in ("state.db-wal", "state.db-shm"):
        ledger.path.with_name(name).unlink(missing_ok=True)
    put_back(night, ledger.path.parent)
    with open_store(ledger.path) as back:
        assert back.doubt() is not None
        back.take_over(ledger.now)
        assert back.doubt() is None
        run = back.runs("local")[0]
        ledger.store = back
        assert back.counts(run.id).unknown == 4, (
            "those of whom it knew nothing, and those who are still to go"
        )


def test_a_folder_that_is_moved_on_its_disk_stays_the_one(ledger, night, tmp_path) -> None:
    ledger.path.parent.rename(tmp_path / "moved")
    with open_store(tmp_path / "moved" / ledger.path.name) as moved:
        assert moved.doubt() is None


def test_owners_and_rights_may_change(ledger, night) -> None:
    for name in (ledger.path.name, witness.FILE):
        os.chown(ledger.path.with_name(name), os.getuid(), os.getgid())
        ledger.path.with_name(name).chmod(0o640)
        os.utime(ledger.path.with_name(name))
    with open_store(ledger.path) as same:
        assert same.doubt() is None


def test_a_line_of_an_older_program_says_no_file(ledger, night) -> None:
    file = ledger.path.with_name(witness.FILE)
    ledger_id, attempt, _ = file.read_text(encoding="ascii").split()
    file.write_text(f"{ledger_id} {attempt}\n", encoding="ascii")
    with open_store(ledger.path) as same:
        assert same.doubt() is None


def test_a_number_that_is_given_again_is_another_file(tmp_path) -> None:
    path = tmp_path / "one"
    path.write_bytes(b"")
    before = identity(path)
    assert is_same(before, identity(path))
    with path.open("rb") as file:
        assert identity(file.fileno()) == before, "by whatever it is reached"
    path.unlink()
    path.write_bytes(b"")
    assert not is_same(before, identity(path))


def test_where_births_are_not_told_the_number_counts(tmp_path, monkeypatch) -> None:
    path = tmp_path / "one"
    path.write_bytes(b"")
    whole = identity(path)
    monkeypatch.setattr(birth, "_statx", lambda: None)
    assert identity(path) == str(path.stat().st_ino)
    assert is_same(whole, identity(path))
    monkeypatch.undo()
    birth._statx.cache_clear()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    assert identity(path) == str(path.stat().st_ino)
    birth._statx.cache_clear()


@pytest.mark.parametrize("put_back", [made_anew, unpacked])
def test_a_program_that_has_the_old_file_open_writes_into_it_no_more(ledger, night, put_back) -> None:
    """Pages that run while a backup is put back: what they wrote would be lost with the file that has no name."""
    with open_store(ledger.path) as pages:
        put_back(night, ledger.path.parent)
        event = OptOutEvent("one", b"k" * 32, EVERYTHING, "suppress", "reader", "one-click", ledger.now)
        for write in (lambda: pages.record_opt_outs([event]), lambda: pages.bind_secret("x" * 16)):
            with pytest.raises(ConfigurationFault) as refused:
                write()
            assert refused.value.problems[0].code == "R106"
        pages.spool_opt_outs([event])
        with pytest.raises(ConfigurationFault):
            pages.take_in_spooled()
        with open_store(ledger.path) as back:
            assert back.opt_out_history(b"k" * 32) != [], "it lies in the spool, for the ledger that is there"


def test_a_ledger_that_was_taken_away_is_told(ledger) -> None:
    for name in ("state.db", "state.db-wal", "state.db-shm"):
        ledger.path.with_name(name).unlink(missing_ok=True)
    with pytest.raises(ConfigurationFault):
        ledger.frozen(2)
    assert not ledger.path.exists()
