"""Proof of life: the lock says who lives, a kill says it at once, tidying harms nobody."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from newsletter.store.owner import Owner, is_alive, remove_dead

HOLDER = """
import sys, signal
from pathlib import Path
from newsletter.store.owner import Owner
owner = Owner.take(Path(sys.argv[1]))
print(owner.id, flush=True)
signal.pause()
"""


def holder(folder: Path) -> tuple[subprocess.Popen[str], int]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, folder], stdout=subprocess.PIPE, encoding="utf-8"
    )
    assert process.stdout is not None
    number = int(process.stdout.readline())
    process.stdout.close()
    return process, number


def test_an_owner_lives_until_it_closes(tmp_path: Path) -> None:
    folder = tmp_path / "owners"
    with Owner.take(folder) as owner, Owner.take(folder) as other:
        assert 0 <= owner.id < 2**62
        assert owner.id != other.id
        assert is_alive(folder, owner.id)
        assert remove_dead(folder) == 0
        assert is_alive(folder, owner.id)
    assert not is_alive(folder, owner.id)
    assert list(folder.iterdir()) == []
    owner.close()


def test_who_never_was_is_dead(tmp_path: Path) -> None:
    assert not is_alive(tmp_path / "no folder", 12)
    assert remove_dead(tmp_path / "no folder") == 0


def test_a_kill_is_seen_at_once(tmp_path: Path) -> None:
    process, number = holder(tmp_path)
    assert is_alive(tmp_path, number)
    process.send_signal(signal.SIGSTOP)  # slow is not dead
    assert is_alive(tmp_path, number)
    process.kill()
    process.wait()
    assert not is_alive(tmp_path, number)
    assert (tmp_path / f"{number}.lock").exists()
    assert remove_dead(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_started_program_does_not_keep_its_starter_alive(tmp_path: Path) -> None:
    owner = Owner.take(tmp_path)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        os.close(owner._descriptor)
        owner._descriptor = -1
        assert not is_alive(tmp_path, owner.id)
        child.communicate(b"\n")


def test_two_who_look_at_once_dont_take_each_other_for_the_owner(tmp_path: Path) -> None:
    (tmp_path / "5.lock").touch()
    looker = os.open(tmp_path / "5.lock", os.O_RDWR)
    fcntl.flock(looker, fcntl.LOCK_SH)
    assert not is_alive(tmp_path, 5)
    os.close(looker)


def test_owners_are_born_while_others_tidy(tmp_path: Path) -> None:
    stop = threading.Event()

    def tidy() -> None:
        while not stop.is_set():
            remove_dead(tmp_path)

    tidier = threading.Thread(target=tidy)
    tidier.start()
    try:
        for _ in range(300):
            with Owner.take(tmp_path) as owner:
                assert is_alive(tmp_path, owner.id)
                assert (tmp_path / f"{owner.id}.lock").exists()
    finally:
        stop.set()
        tidier.join()
