"""A project of many made-up people with two of the shipped letters, and what a send of them left in its ledger."""

import contextlib
import csv
import itertools
import random
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from newsletter.check.workspace import Workspace
from newsletter.delivery.ledger import STATE_FILE, open_ledger
from newsletter.delivery.parcels import Packer
from newsletter.delivery.plan import OptOuts, make_plan
from newsletter.files.project import Project
from newsletter.mail.links import sid
from newsletter.providers.protocol import Parcel
from newsletter.settings.load import load_settings
from newsletter.settings.secret import ensure_secret

ROOT = Path(__file__).resolve().parent.parent
LONG, SHORT = (
    "almedalen-recap",
    "valkommen-komm",
)  # about 70 KB as a message, and 30 KB of HTML with five slots
LIVE = "live"  # the environment's name

_OWN = "Det här skrev vi till dig{% if subscriber.organisation %} på {{ subscriber.organisation }}{% endif %}.\n\n"
_MORE = (
    "Vi samlade frågorna från scenen: någon undrade över öppna data, någon över åldern på våra e-tjänster, "
)
_AND_MORE = "och många ville höra hur små kommuner hinner svara alla som skriver till dem om kvällarna. "


def make(folder: Path, people: int, settings: str) -> Path:
    """The project, whose ledger is committed. settings: of its environment, TOML"""
    for part in ("campaigns", "templates"):
        shutil.copytree(ROOT / part, folder / part)
    _letter(folder / "campaigns" / LONG / "campaign.md", 12)
    _letter(folder / "campaigns" / f"{SHORT}.md", 8)
    shutil.rmtree(folder / "campaigns" / "sju-tips")
    (folder / "campaigns" / "valkommen-birger-blom.md").unlink()
    _people(folder / "subscribers" / "alla.csv", people)
    visby = "[i-visby]\nwhere = \"city == 'Visby'\"\n"
    (folder / "subscribers" / "segments.toml").write_text(visby, encoding="utf-8")
    shared = (ROOT / "newsletter.toml").read_text(encoding="utf-8").split("[list.")[0]
    everybody = '[list.alla]\nbasis = "member"\n'
    urls = 'public_url = "https://brev.example.org"\nassets_url = "https://bilder.example.org"\n'
    text = f"{shared}{everybody}[env.{LIVE}]\n{urls}{settings}"
    (folder / "newsletter.toml").write_text(text, encoding="utf-8")
    project = Project(folder)
    store, _ = open_ledger(project, load_settings(project, LIVE))
    named = text.replace(f"[env.{LIVE}]\n", f'[env.{LIVE}]\nledger = "{store.ledger_id}"\n')
    store.close()
    (folder / "newsletter.toml").write_text(named, encoding="utf-8")
    return folder


def _letter(file: Path, paragraphs: int) -> None:
    """A shipped letter for everybody, with what is a reader's own and as many paragraphs more."""
    _, head, body = file.read_text(encoding="utf-8").split("+++\n")
    kept = [line for line in head.splitlines() if not line.startswith(("segment", "exclude", "send_at"))]
    data = kept.index("[data]")
    kept.insert(data, 'segment = "alla"\n')
    text = "".join(f"{number}. {_MORE}{_AND_MORE * 2}\n\n" for number in range(1, paragraphs + 1))
    greeting, rest = body.split("\n\n", 1)
    settings = "\n".join(kept)
    file.write_text(f"+++\n{settings}\n+++\n{greeting}\n\n{_OWN}{text}{rest}", encoding="utf-8")


def _people(path: Path, people: int) -> None:
    chance = random.Random(2015)
    path.parent.mkdir()
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["email", "first_name", "organisation", "city"])
        for number in range(people):
            name, city = (
                chance.choice(("Åsa", "Anna", "Björn", "")),
                chance.choice(("Visby", "Lund", "Umeå", "")),
            )
            rows.writerow(
                [f"lasare{number}@exempel{number % 997}.example.org", name, f"Förening {number}", city]
            )


def parcels(folder: Path, name: str, number: int) -> list[Parcel]:
    """The first so many people's letters, as a send packs them."""
    project = Project(folder)
    with contextlib.closing(Workspace(project, load_settings(project, LIVE), keep=True)) as workspace:
        secret = ensure_secret(project, workspace.settings)
        plan = make_plan(workspace, workspace.campaign(name), OptOuts(secret, {}))
        packer = Packer.of(workspace, plan.composition, secret, plan.opt_outs)
        people = itertools.islice(plan.recipients, number)
        return [packer.parcel(who, sid(secret, 1, at, "bench", 0)) for at, who in enumerate(people, 1)]


@dataclass(frozen=True)
class Passed:
    """What the ledger says of a send: when each request was begun and answered, seconds, and for how many."""

    begun: list[float]
    ended: list[float]
    recipients: list[int]
    owners: list[int]

    @property
    def seconds(self) -> float:
        """From the first claim to the last answer."""
        return max(self.ended) - min(self.begun)

    @property
    def rate(self) -> float:
        return sum(self.recipients) / self.seconds

    def _joined(self, owner: int) -> float:
        return min(at for at, one in zip(self.begun, self.owners, strict=True) if one == owner)

    @property
    def rate_together(self) -> float:
        """Recipients a second while all senders were at work; one that was paused at the beginning does not count."""
        last = self.owners[-1]
        owners = {
            owner for at, owner in zip(self.begun, self.owners, strict=True) if at >= self._joined(last)
        }
        each = [[n for n, one in enumerate(self.owners) if one == owner] for owner in owners]
        start = max(min(self.begun[n] for n in own) for own in each)
        stop = min(max(self.ended[n] for n in own) for own in each)
        went = sum(
            number
            for begun, ended, number in zip(self.begun, self.ended, self.recipients, strict=True)
            if start <= begun and ended <= stop
        )
        return went / (stop - start)


def passed(folder: Path) -> Passed:
    """Raises AssertionError when anybody was not accepted; who went before a pause in their batch is not counted."""
    with contextlib.closing(sqlite3.connect(folder / STATE_FILE)) as ledger:
        rows = ledger.execute(
            """SELECT a.started_at, a.ended_at,
                b.n - (SELECT count(*) FROM outcome o WHERE (o.run_id, o.no) = (b.run_id, b.no)), a.owner
            FROM attempt a JOIN batch b USING (run_id, no)
            WHERE a.state = 'accepted' AND b.state = 'accepted' ORDER BY a.started_at"""
        ).fetchall()
        (open_,) = ledger.execute("SELECT count(*) FROM batch WHERE state <> 'accepted'").fetchone()
        (odd,) = ledger.execute("SELECT count(*) FROM outcome WHERE state <> 'accepted'").fetchone()
    assert rows and not open_ and not odd  # noqa: PT018, S101
    begun, ended, recipients, owners = map(list, zip(*rows, strict=True))
    return Passed([_s(at) for at in begun], [_s(at) for at in ended], recipients, owners)


def paused_at(folder: Path) -> float:
    """When the ledger was told to pause, seconds."""
    with contextlib.closing(sqlite3.connect(folder / STATE_FILE)) as ledger:
        (at,) = ledger.execute("SELECT at FROM halt WHERE word = 'paused'").fetchone()
    return _s(at)


def _s(milliseconds: int) -> float:
    return milliseconds / 1000
