"""Atomic writing: all of a file or none of it."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from newsletter.files.atomic import write_atomically


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    write_atomically(path, b"one")
    write_atomically(path, b"two", mode=0o600)
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["plan.json"]


def test_an_exclusive_file_is_written_by_exactly_one(tmp_path: Path) -> None:
    path = tmp_path / "secret"

    def attempt(number: int) -> bool:
        try:
            write_atomically(path, b"%d" % number, exclusive=True)
        except FileExistsError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(attempt, range(16)))
    assert [number for number, first in enumerate(won) if first] == [int(path.read_bytes())]
    assert os.listdir(tmp_path) == ["secret"]


def test_what_can_not_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_atomically(tmp_path / "folder", b"x")
    assert os.listdir(tmp_path) == ["folder"]
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "no" / "x", b"x")


def test_a_kill_at_any_moment_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "a.eml"
    program = (
        "import sys, pathlib\nfrom newsletter.files.atomic import write_atomically\n"
        "while True:\n"
        "    for letter in b'ab':\n"
        "        write_atomically(pathlib.Path(sys.argv[1]), bytes([letter]) * 200_000)\n"
        "        print('.', end='', flush=True)\n"
    )
    write_atomically(path, b"a" * 200_000)
    for writes in range(1, 6):
        with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.read(writes)
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert path.read_bytes() in (b"a" * 200_000, b"b" * 200_000)
