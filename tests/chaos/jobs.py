"""The works that write: for each, what must hold wherever it is cut off, and after it has been done again."""

import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from newsletter.audience.address import parse_address
from newsletter.cli.app import run
from newsletter.settings.secret import Secret
from newsletter.store.values import State as Fate

from .disk import Files, files_of
from .peers import peer
from .world import World, add_campaign, at_home, audit, make_live, make_project, names_of

WHO = "p002@example.org"  # the one whom it is about
NEW_PEOPLE = """email,first_name,status,consent_source,consent_at
ny@example.org,Ny,,Mässa,2015-06-01
p001@example.org,Nytt namn,,Mässa,2015-06-01
p002@example.org,Åsa,unsubscribed,,
"""
LIST = "subscribers/lista.csv"
SECRET = ".newsletter/secret"


@dataclass(frozen=True)
class Ledger:
    """What a ledger says, in so far as files are held against it."""

    accepted: frozenset[str] = frozenset()  # sids
    suppressed: frozenset[str] = frozenset()  # hmacs, in hex
    consents: int = 0
    fingerprint: str = ""  # of the secret that keys it

    @classmethod
    def read(cls, world: World, folder: Path) -> "Ledger":
        """A copy's, or the real one's."""
        path = folder / ".newsletter" / "state.db"
        if not path.exists():
            return cls()
        with closing(sqlite3.connect(path)) as raw:
            if not raw.execute("SELECT 1 FROM sqlite_master WHERE name = 'consent'").fetchone():
                return cls()
            suppressed = frozenset(hmac.hex() for (hmac,) in raw.execute("SELECT hmac FROM suppression"))
            (consents,) = raw.execute("SELECT count(*) FROM consent").fetchone()
            found = raw.execute("SELECT value FROM meta WHERE name = 'secret'").fetchone()
            (runs,) = raw.execute("SELECT count(*) FROM run").fetchone()
        names = names_of(world, path) if runs else {}
        accepted = [name for name, one in names.items() if one.state is Fate.ACCEPTED]
        return cls(frozenset(accepted), suppressed, consents, found[0] if found else "")


@dataclass(frozen=True)
class Found:
    """What lies there when it was cut off."""

    files: Files
    ledger: Ledger
    ended: bool = False  # the program had said that it was done
    kept: bool = False  # a reader had been told that the opt-out holds


@dataclass
class Job:
    """One work, in a project of its own that is copied for each try."""

    name: str
    arguments: tuple[str, ...]
    provider: str = "outbox"
    before: Files = field(default_factory=dict)
    after: Files = field(default_factory=dict)  # as a run without a fault leaves it

    def make(self, folder: Path) -> None:
        """The project before it; nothing of it is written by hand that the program would write."""
        make_project(folder, 4, batch=2)
        if self.name != "secret":
            make_live(folder, self.provider)
        if self.provider != "outbox" or self.name == "outbox":
            add_campaign(folder, "brev")
        (folder / "new.csv").write_text(NEW_PEOPLE, encoding="utf-8")
        if self.name == "forget":  # there is a copy of the lists to forget them in
            assert run(["-C", str(folder), "segment", "load", "-q"]) == 0

    def world(self, folder: Path) -> World:
        """A copy with a peer of its own, which keeps to the rules."""
        other = peer(self.provider, folder, folder.with_name("journal.jsonl"), random.Random(0))
        other.calm = True
        return World(folder, self.provider, other, [f"p00{number}@example.org" for number in range(4)])

    def copy(self, source: Path, target: Path) -> World:
        if target.exists():
            shutil.rmtree(target)
        shutil.copytree(source, target)
        at_home(target)
        target.with_name("journal.jsonl").unlink(missing_ok=True)
        return self.world(target)

    # --- what must hold

    def holds(self, found: Found) -> None:
        """At any point, on whatever a kill or a power cut has left. Raises AssertionError."""
        text = found.files.get(SECRET, b"").decode().strip()
        if found.ledger.fingerprint:
            assert text, "a ledger whose secret is gone misses every opt-out"
            assert Secret(text).fingerprint == found.ledger.fingerprint
        if SECRET in found.files:
            assert len(text) >= 32, "half a secret"
        CHECKS.get(self.name, lambda _job, _found: None)(self, found)

    def whole(self, found: Found, path: str) -> bool:
        """A file is as it was or as it is to be; returns whether it is as it is to be."""
        data = found.files.get(path)
        assert data in (self.before.get(path), self.after.get(path)), f"{path} is neither old nor new"
        return data == self.after.get(path)


def _hmac(found: Found) -> str:
    return Secret(found.files[SECRET].decode().strip()).person(parse_address(WHO).key).hex()


def _outbox(job: Job, found: Found) -> None:
    mails = {
        path.rpartition("/")[2][:-4]: data for path, data in found.files.items() if path.endswith(".eml")
    }
    for sid, data in mails.items():
        assert data.endswith(b"--\r\n"), f"{sid}.eml is not whole"
    assert found.ledger.accepted <= mails.keys(), "accepted, and the file is not there"


def _import(job: Job, found: Found) -> None:
    if job.whole(found, LIST):
        assert _hmac(found) in found.ledger.suppressed, "the list is new, and a no that came with it is lost"
        assert found.ledger.consents == 2, "the list is new, and the consents are not there"
        kept = [data for path, data in found.files.items() if path.startswith(".newsletter/backups/")]
        assert job.before[LIST] in kept, "the list is new, and the old one is nowhere"


def _forget(job: Job, found: Found) -> None:
    if job.whole(found, LIST):
        assert _hmac(found) in found.ledger.suppressed, "gone from the list, and an import brings them back"
    if found.ended:
        left = [path for path, data in found.files.items() if WHO.encode() in data and path != "new.csv"]
        assert left == [], "forgotten, and still there"


def _secret(job: Job, found: Found) -> None:
    if found.ended:
        assert _hmac(found) in found.ledger.suppressed


def _spool(job: Job, found: Found) -> None:
    waiting = [
        json.loads(data) for path, data in found.files.items() if "/spool/" in path and path.endswith(".json")
    ]
    assert all(waiting), "half an opt-out"
    if found.kept:
        told = {row[1] for rows in waiting for row in rows} | found.ledger.suppressed
        assert _hmac(found) in told, "the reader was told that it holds, and it is lost"


CHECKS: dict[str, Callable[[Job, Found], None]] = {
    "outbox": _outbox,
    "import": _import,
    "forget": _forget,
    "secret": _secret,
    "spool": _spool,
}
SEND = ("send", "brev", "--confirm", "4")
JOBS = [
    Job("outbox", SEND),
    Job("smtp", ("--env", "production", *SEND), "smtp"),
    Job("sendgrid", ("--env", "production", *SEND), "sendgrid"),
    Job("import", ("import", "{project}/new.csv", "--list", "lista")),
    Job("forget", ("subscriber", "forget", WHO)),
    Job("secret", ("subscriber", "unsubscribe", WHO)),
    Job("spool", ("spool", WHO)),
]


def found_in(job: Job, world: World, folder: Path, **more: bool) -> Found:
    return Found(files_of(folder), Ledger.read(world, folder), **more)


def all_is_well(job: Job, world: World) -> None:
    """After the same command was given again, and nothing stood in its way."""
    job.holds(found_in(job, world, world.folder, ended=job.name != "spool", kept=job.name == "spool"))
    if "brev" in job.arguments:
        audit(world, over="brev")
    if job.name == "import":
        assert (world.folder / LIST).read_bytes() == job.after[LIST]
