"""An import: looked at first, then written: opt-outs and consent into the ledger, the list as one new file."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from newsletter.audience.load import FOLDER
from newsletter.files.atomic import sync_folder
from newsletter.files.project import Project
from newsletter.people.intake import Intake, Order
from newsletter.people.places import BACKUPS, REJECTS
from newsletter.people.reader import Reader
from newsletter.settings.model import Settings
from newsletter.settings.secret import Secret
from newsletter.store.store import Store


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
) -> Iterator[Intake]:
    """All that an import would do, worked out beside the project; nothing of it is changed, in constant memory."""
    with tempfile.TemporaryDirectory(prefix="newsletter-import-") as name, ExitStack() as closing:
        reader = Reader(project, settings, secret, suppressed, now)
        yield reader.read(order, Path(name), closing)


def write(project: Project, store: Store, secret: Secret, found: Intake, now: datetime) -> Written:
    """Do it. Opt-outs and consent go first, in one transaction; then the list is replaced as a whole.

    Killed in between, the list is as it was and whoever said no is heard; the same import again ends it.
    """
    store.record_consents(found.consents(secret), now, opt_outs=found.opt_outs)
    stamp = f"{now:%Y%m%dT%H%M%SZ}"
    rejects = keep_rejects(project, found, stamp)
    if found.list_file is None:
        return Written(None, None, rejects)
    target = project.path(f"{FOLDER}/{found.order.list}.csv")
    target.parent.mkdir(exist_ok=True)
    backup = None
    if target.exists():
        backup = f"{BACKUPS}/{found.order.list}-{stamp}.csv"
        kept = project.root / backup
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copyfile(target, kept)
        kept.chmod(0o600)
    fresh = target.with_name(f".{target.name}.tmp")
    shutil.copyfile(found.list_file, fresh)
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    fresh.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o600)
    fresh.replace(target)
    sync_folder(target.parent)
    return Written(project.relative(target), backup, rejects)


def keep_rejects(project: Project, found: Intake, stamp: str) -> str | None:
    """The rows that were set aside, with row number and reason, where they can be looked at."""
    if not found.counts.rejected:
        return None
    folder = project.root / REJECTS / f"{stamp}-{found.order.list}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.copyfile(found.rejects_file, folder / "rejects.csv")
    return f"{REJECTS}/{folder.name}/rejects.csv"
