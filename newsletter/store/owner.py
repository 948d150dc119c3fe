"""Proof that a sender lives: it holds a lock on a file of its own, which only its end lets go."""

import contextlib
import fcntl
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import Self


class Owner:
    """A living sender. The lock is the kernel's: gone with `kill -9`, deaf to clocks, nothing to tune.

    Take it before the first claim. `flock` belongs to the open file: a forked child that keeps the descriptor
    keeps its parent alive; started programs don't inherit it (PEP 446).
    """

    def __init__(self, owner_id: int, path: Path, descriptor: int) -> None:
        self.id = owner_id  # 62 random bits: never used twice, fits a signed BIGINT
        self._path = path
        self._descriptor = descriptor

    @classmethod
    def take(cls, folder: Path) -> "Owner":
        """A new owner with its lock held; makes the folder. Raises OSError where there are no locks."""
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            owner_id = secrets.randbits(62)
            path = _path(folder, owner_id)
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            except BaseException:
                os.close(descriptor)
                path.unlink(missing_ok=True)
                raise
            # Between creating and locking, somebody's tidying may have taken the file for a dead one's.
            if _same_file(path, descriptor):
                return cls(owner_id, path, descriptor)
            os.close(descriptor)

    def close(self) -> None:
        """Let go: whatever of this owner is still in flight counts as a dead one's. Safe to call twice."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)  # while the lock is held: nobody can mistake it
            os.close(self._descriptor)
            self._descriptor = -1

    def hold(self) -> None:
        """Let go only when the process ends: something of this owner's is on its way and can't be called back."""
        self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def is_alive(folder: Path, owner_id: int) -> bool:
    """Whether this owner holds its lock; a missing file or a free lock is a dead owner. Changes nothing."""
    return not _free(_path(folder, owner_id), remove=False)


def anybody_lives(folder: Path) -> bool:
    """Whether any owner here holds its lock. Changes nothing."""
    return any(not _free(path, remove=False) for path in sorted(folder.glob("*.lock")))


def remove_dead(folder: Path) -> int:
    """Tidy away the files of owners that died without closing; returns how many. Safe beside others."""
    return sum(_free(path, remove=True) for path in sorted(folder.glob("*.lock")))


def _path(folder: Path, owner_id: int) -> Path:
    return folder / f"{owner_id}.lock"


def _free(path: Path, *, remove: bool) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return True
    try:
        # Shared, so that two who look at once don't take each other for the owner.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        if remove:
            path.unlink(missing_ok=True)  # an owner that waits for the lock sees that its file is gone
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _same_file(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
