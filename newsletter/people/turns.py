"""Commands that rewrite lists take turns, and clear away what a killed one left of people behind."""

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from newsletter.audience.load import FOLDER
from newsletter.errors import ConfigurationFault, Place, Problem
from newsletter.files.alone import alone
from newsletter.files.project import Project

_LOCK = ".newsletter/subscribers.lock"
_SCRATCH = ".newsletter/import"
_GLANCE = "newsletter-import-"
_HALF_WRITTEN = re.compile(r"\.(.+\.csv|[0-9a-f]{16})\.tmp")  # as `import` and `write_atomically` call them


@contextlib.contextmanager
def turn(project: Project, waiting: Callable[[], None] = lambda: None) -> Iterator[Path]:
    """An empty folder for what is not finished yet; while it is held, no other command changes a list.

    waiting: called once when another command has the turn. What is left of a killed one is deleted first: it holds
    people, and nobody would look for them there. Raises ConfigurationFault (I131) where the folder can't be made.
    """
    scratch = project.root / _SCRATCH
    try:
        scratch.parent.mkdir(exist_ok=True)
        with contextlib.ExitStack() as held:
            held.enter_context(alone(project.root / _LOCK, waiting))
            _clear(project, scratch)
            scratch.mkdir(mode=0o700)
            held.callback(shutil.rmtree, scratch, ignore_errors=True)
            held = held.pop_all()
    except OSError as fault:
        raise ConfigurationFault(
            Problem("I131", f"lists can't be changed here: {(fault.strerror or str(fault)).lower()}",
                    Place(_SCRATCH), "let the user who runs newsletter write to .newsletter/ and subscribers/")
        ) from fault  # fmt: skip
    with held:
        yield scratch


@contextlib.contextmanager
def glance() -> Iterator[Path]:
    """An empty folder outside of the project, for what is only looked at; what a killed look left there is deleted.

    A folder in use is locked by whoever uses it; the lock goes with the process.
    """
    for left in Path(tempfile.gettempdir()).glob(f"{_GLANCE}*"):
        with contextlib.suppress(OSError):
            handle = _lock(left)
            shutil.rmtree(left, ignore_errors=True)
            os.close(handle)
    folder, handle = _locked_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def _locked_folder() -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_GLANCE))
        with contextlib.suppress(FileNotFoundError, BlockingIOError):  # another cleared it away in between
            handle = _lock(folder)
            if folder.exists():
                return folder, handle
            os.close(handle)


def _lock(folder: Path) -> int:
    """Raises OSError where somebody uses it, or where it is none of ours."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.fstat(handle).st_uid != os.getuid():
            raise PermissionError
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _clear(project: Project, scratch: Path) -> None:
    if scratch.is_symlink() or scratch.is_file():
        scratch.unlink()
    shutil.rmtree(scratch, ignore_errors=True)
    folder = project.root / FOLDER
    for left in folder.iterdir() if folder.is_dir() else ():
        if _HALF_WRITTEN.fullmatch(left.name):
            left.unlink(missing_ok=True)
