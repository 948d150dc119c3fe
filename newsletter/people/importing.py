"""An import: looked at first, then written: opt-outs and consent into the ledger, the list as one new file."""

import itertools
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from newsletter.errors import GuardRefused, Place, Problem
from newsletter.files.atomic import make_folder, sync_folder
from newsletter.files.project import Project
from newsletter.people.destination import digest_of
from newsletter.people.intake import Intake, Order
from newsletter.people.opt_out_file import OptOutFile
from newsletter.people.places import BACKUPS, REJECTS
from newsletter.people.reader import Reader
from newsletter.settings.model import Settings
from newsletter.settings.secret import Secret
from newsletter.store.store import Store

_FRESH = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC


@dataclass(frozen=True)
class Written:
    """Where things are now, relative to the project; None for what there was no need of."""

    list: str | None
    backup: str | None
    rejects: str | None


@contextmanager
def intake(
    project: Project,
    settings: Settings,
    secret: Secret,
    suppressed: Mapping[bytes, frozenset[str]],
    now: datetime,
    order: Order,
    scratch: Path,
) -> Iterator[Intake]:
    """All that an import would do, worked out in `scratch`; no list is changed, in constant memory."""
    with ExitStack() as closing:
        reader = Reader(project, settings, secret, suppressed, now)
        yield reader.read(order, scratch, closing)


def write(project: Project, store: Store, secret: Secret, found: Intake, now: datetime) -> Written:
    """Do it. Opt-outs and consent go first, in one transaction; then the list is replaced as a whole.

    Killed in between, the list is as it was and whoever said no is heard; the same import again ends it.
    GuardRefused (I130) when somebody else changed the list since it was read: what they wrote is not overwritten.
    """
    _refuse_changed(project, found)
    store.record_consents(found.consents(secret), now, opt_outs=found.opt_outs)
    stamp = f"{now:%Y%m%dT%H%M%SZ}"
    rejects = keep_rejects(project, found, stamp)
    if found.list_file is None:
        return Written(None, None, rejects)
    target = project.path(found.target)
    make_folder(target.parent)
    backup = _keep(project, target, stamp) if target.exists() else None
    fresh = target.with_name(f".{target.name}.tmp")
    _copy(found.list_file, fresh)
    fresh.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o600)
    _refuse_changed(project, found)
    fresh.replace(target)
    sync_folder(target.parent)
    return Written(project.relative(target), backup, rejects)


def _refuse_changed(project: Project, found: Intake) -> None:
    target = project.path(found.target)
    if digest_of(target) != found.list_digest:
        raise GuardRefused(
            Problem("I130", "the list changed while the import was looked at: it was left as it is",
                    Place(project.relative(target)), "import again, once whoever writes to it has ended")
        )  # fmt: skip


def _keep(project: Project, target: Path, stamp: str) -> str:
    """A copy of the list as it was, on disk; the earlier ones stay."""
    folder = project.root / BACKUPS
    make_folder(folder, mode=0o700)
    kept = _unused(folder, f"{target.stem}-{stamp}", ".csv")
    _copy(target, kept)
    sync_folder(folder)
    return f"{BACKUPS}/{kept.name}"


def _unused(folder: Path, stem: str, suffix: str) -> Path:
    """A name that nothing has yet: two imports may meet within a second, or under one pretended time."""
    names = (f"{stem}{more}{suffix}" for more in itertools.chain([""], map("-{}".format, itertools.count(2))))
    return next(folder / name for name in names if not (folder / name).exists())


def _copy(source: Path, target: Path) -> None:
    """On return the copy is on disk, for its owner's eyes only."""
    with source.open("rb") as read, os.fdopen(os.open(target, _FRESH, 0o600), "wb") as written:
        shutil.copyfileobj(read, written, 2**20)
        written.flush()
        os.fsync(written.fileno())


def keep_rejects(project: Project, found: Intake, stamp: str) -> str | None:
    """The rows that were set aside, with row number and reason, where they can be looked at."""
    if not found.counts.rejected:
        return None
    with found.rejects_file.open(encoding="utf-8", newline="") as rejects:
        return _set_aside(project, rejects, f"{stamp}-{found.order.list}")


def keep_unheard(project: Project, found: OptOutFile, now: datetime) -> str | None:
    """Likewise the rows of a file of opt-outs that name nobody: each may be a no that was lost."""
    if not found.reasons:
        return None
    found.rejects.seek(0)
    return _set_aside(project, found.rejects, f"{now:%Y%m%dT%H%M%SZ}-suppress")


def _set_aside(project: Project, rejects: IO[str], stem: str) -> str:
    folder = _unused(project.root / REJECTS, stem, "")
    folder.mkdir(parents=True, mode=0o700)
    with (folder / "rejects.csv").open("w", encoding="utf-8", newline="") as kept:
        shutil.copyfileobj(rejects, kept)
    return f"{REJECTS}/{folder.name}/rejects.csv"
