"""Writing a file so that a reader, or a crash, sees all of it or none of it."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path


def write_atomically(path: Path, data: bytes, *, mode: int = 0o644, exclusive: bool = False) -> None:
    """On return the file is whole and on disk; after a crash it is whole or what it was before.

    mode: as for open(2), so the umask takes away from it. exclusive: a file that is already there stays,
    and the answer is FileExistsError; of two processes exactly one wins. The folder must exist.
    Raises OSError. A kill may leave a file `.<random>.tmp` behind, never a part of `path`.
    """
    temporary = path.parent / f".{secrets.token_hex(8)}.tmp"
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with naming(path), open(handle, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if exclusive:
            os.link(temporary, path)  # unlike rename it refuses to replace
            temporary.unlink()
        else:
            temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """A write that fails knows its descriptor only: its OSError is told which file that is."""
    try:
        yield
    except OSError as fault:
        fault.filename = fault.filename or str(path)
        raise


def make_folder(folder: Path, *, mode: int = 0o777) -> None:
    """The folder is there, and its name on the disk, and so are all that had to be made above it. Raises OSError.

    mode: of this folder, as for mkdir(2). Its own name is synced even when it was there: whoever made it may
    have been killed before they had done so.
    """
    new = [folder, *(above for above in folder.parents if not above.exists())]
    folder.mkdir(mode=mode, parents=True, exist_ok=True)
    for made in new:
        sync_folder(made.parent)


def sync_folder(folder: Path) -> None:
    """The folder's entries are on disk: without it a rename may be forgotten by a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
