"""A project whose letters go to a peer, and the audit: what must hold of ledger, journal and opt-outs at any moment."""

import shutil
import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from newsletter.audience.address import parse_address
from newsletter.delivery.ledger import open_ledger
from newsletter.files.project import Project
from newsletter.mail.links import sid, unsubscribe_url
from newsletter.settings.load import load_settings
from newsletter.settings.secret import Secret, load_secret
from newsletter.store.birth import identity
from newsletter.store.store import Store, open_store
from newsletter.store.values import Run, State
from tests.store.identity import check_identity

from .peers import Peer, Taken

ROOT = Path(__file__).resolve().parents[2]
CLOCKS_DIFFER_S = (
    60.0  # an attempt that began so long before or after its message is one of a clock that jumped
)
ON_ITS_WAY_S = 10.0  # then: how long after an opt-out a message may come that was claimed before it

BREAKER = 12  # doubts; high enough for some to gather, low enough to be met
SETTINGS = """
late_after = "9000 days"

[delivery]
batch_size = {batch}
canary = 7
breaker = {breaker}
retry_first = "1s"
"""
LIVE = """
[env.production]
provider = "{provider}"
public_url = "https://brev.example.org"
ledger = "{ledger}"
"""
RELAY = '\n[env.production.smtp]\nhost = "127.0.0.1"\ntls = "none"\n'


@dataclass
class World:
    """A project with people, and the peer that takes its mail."""

    folder: Path
    provider: str
    peer: Peer
    people: list[str]
    opted_out: dict[str, float] = field(default_factory=dict)  # address -> when it was told that it holds

    @property
    def env(self) -> tuple[str, ...]:
        return () if self.provider == "outbox" else ("--env", "production")

    @property
    def ledger(self) -> Path:
        return self.folder / ".newsletter" / "state.db"

    @cached_property
    def secret(self) -> Secret:
        project = Project(self.folder)
        found = load_secret(project, load_settings(project))
        assert found is not None
        return found

    def store(self) -> Store:
        return open_store(self.ledger)

    def run_of(self, store: Store, campaign: str) -> Run | None:
        return store.latest_run("production" if self.env else "local", campaign)

    def link(self, address: str) -> str:
        """The path of the unsubscribe link in this person's letters."""
        url = unsubscribe_url("http://x", self.secret, parse_address(address).key, "lista", "sv")
        return url.removeprefix("http://x")

    def settle(self, campaign: str, *, absent: bool) -> int:
        """Doubts end by what the peer's journal says, as events end them.

        absent: nothing is on its way any more, so that what is not in the journal was not taken
        """
        with self.store() as store:
            run = self.run_of(store, campaign)
            if run is None:
                return 0
            taken = {one.sid for one in self.peer.taken()}
            ended = 0
            for doubt in store.unknown_batches(run.id):
                names = {who: sid(self.secret, run.id, who, store.ledger_id, run.epoch) for who in doubt.ids}
                ended += store.settle(
                    run.id,
                    doubt.no,
                    doubt.attempt_id,
                    accepted=[who for who, name in names.items() if name in taken],
                    ready=[who for who, name in names.items() if absent and name not in taken],
                    source="the provider's journal",
                    now=datetime.now(UTC),
                )
            return ended


def make_project(folder: Path, people: int, batch: int) -> list[str]:
    """A small project of which only the mail is real, without a campaign. Returns the addresses."""
    shutil.copytree(ROOT / "tests" / "broken" / "_project", folder)
    (folder / "campaigns" / "hej.md").unlink()
    addresses = [f"p{number:03}@example.org" for number in range(people)]
    rows = "".join(f"{address},Åsa {address[1:4]},Visby\n" for address in addresses)
    (folder / "subscribers" / "lista.csv").write_text(f"email,first_name,city\n{rows}", encoding="utf-8")
    settings = folder / "newsletter.toml"
    text = settings.read_text(encoding="utf-8")
    more = SETTINGS.format(batch=batch, breaker=BREAKER)
    settings.write_text(text.replace("\n[brand]", f"{more}\n[brand]", 1), encoding="utf-8")
    return addresses


def add_campaign(folder: Path, name: str) -> None:
    """One that is due; its words are its own, because the same letter under another name is refused."""
    letter = (ROOT / "tests" / "broken" / "_project" / "campaigns" / "hej.md").read_text(encoding="utf-8")
    (folder / "campaigns" / f"{name}.md").write_text(f"{letter}\nDet här är {name}.\n", encoding="utf-8")


def make_live(folder: Path, provider: str) -> None:
    """An environment whose ledger is this one; made with its secret, as the first send would."""
    project = Project(folder)
    store, _ = open_ledger(project, load_settings(project))
    store.close()
    if provider != "outbox":
        with (folder / "newsletter.toml").open("a", encoding="utf-8") as file:
            file.write(LIVE.format(provider=provider, ledger=store.ledger_id) + RELAY * (provider == "smtp"))


# --- the audit -------------------------------------------------------------------------------------------


def at_home(folder: Path) -> None:
    """The ledger of a copied project takes itself for the one that was copied."""
    path = folder / ".newsletter" / "state.db"
    if path.exists():
        with closing(sqlite3.connect(path)) as raw:
            raw.execute("UPDATE meta SET value = ? WHERE name = 'place'", [identity(path)])
            raw.commit()
    last = path.with_name("last-claim")
    if last.exists() and len(said := last.read_text(encoding="ascii").split()) == 3:
        last.write_text(f"{said[0]} {said[1]} {identity(last)}\n", encoding="ascii")


@dataclass(frozen=True)
class Named:
    """Somebody in a run, as the ledger has them."""

    run_id: int
    who: int
    campaign: str
    email: str  # "" once erased
    state: State


def names_of(world: World, ledger: Path) -> dict[str, Named]:
    """Everybody in a ledger, by the name of their message."""
    with open_store(ledger) as store:
        return {
            sid(world.secret, run.id, one.subscriber_id, store.ledger_id, run.epoch): Named(
                run.id, one.subscriber_id, run.campaign, one.email or "", one.state
            )
            for run in store.runs("production" if world.env else "local")
            for one in store.deliveries(run.id)
        }


def audit(world: World, *, over: str = "") -> None:
    """What must hold after every kill, read from ledger and journal alone. over: a campaign that has ended.

    Nobody on the wire twice; whoever is accepted is on it; whoever is ready, rejected or suppressed is not; nobody
    there who had opted out before the claim; the sharper identity of the ledger itself.
    """
    before = world.peer.taken()
    if not world.ledger.exists():
        assert not before
        return
    copy = world.folder.with_name("ledger-as-it-was.db")  # one moment of it, while others write
    for path in copy.parent.glob(f"{copy.name}*"):
        path.unlink()
    with closing(sqlite3.connect(world.ledger, timeout=30)) as raw, closing(sqlite3.connect(copy)) as target:
        raw.backup(target)
    check_identity(copy)
    names = names_of(world, copy)
    after = world.peer.taken()
    _nobody_twice(after, names)
    known_before, known_after = {one.sid for one in before}, {one.sid for one in after}
    for name, one in names.items():
        state, told = one.state, f"{one.email} of {one.campaign} is {one.state}"
        if state is State.ACCEPTED:
            assert name in known_after, f"wrongly accepted: {told}, and the provider has nothing"
        if state in (State.READY, State.REJECTED, State.SUPPRESSED):
            assert name not in known_before, f"{told}, and the provider has it"
        if one.campaign == over:
            assert state in (State.ACCEPTED, State.REJECTED, State.SUPPRESSED), f"lost: {told} at the end"
    assert known_before <= names.keys(), "somebody got mail who stands in no run"
    _nobody_who_opted_out(world, copy, before, names)


def _nobody_twice(taken: list[Taken], names: Mapping[str, Named]) -> None:
    by_name = Counter(one.sid for one in taken)
    assert max(by_name.values(), default=0) <= 1, (
        f"doubled: {[n for n, times in by_name.items() if times > 1]}"
    )
    by_person = Counter((names[one.sid].campaign, one.recipient) for one in taken if one.sid in names)
    assert max(by_person.values(), default=0) <= 1, f"doubled: {[p for p, n in by_person.items() if n > 1]}"


def _nobody_who_opted_out(world: World, ledger: Path, taken: list[Taken], names: Mapping[str, Named]) -> None:
    """Mail may come to somebody who has opted out only if its claim was made before they were told."""
    late = [one for one in taken if one.at > world.opted_out.get(one.recipient, one.at)]
    if not late:
        return
    with closing(sqlite3.connect(ledger)) as raw:
        for one in late:
            found = names[one.sid]
            began = [
                at / 1000
                for (at,) in raw.execute(
                    "SELECT attempt.started_at FROM attempt, member, json_each(member.ids) AS one "
                    "WHERE member.run_id = ? AND one.value = ? "
                    "AND attempt.run_id = member.run_id AND attempt.no = member.no",
                    (found.run_id, found.who),
                )
            ]
            told = world.opted_out[one.recipient]
            last = max((at for at in began if at <= one.at and one.at - at < CLOCKS_DIFFER_S), default=None)
            late_s = one.at - told if last is None else last - told
            limit_s = ON_ITS_WAY_S if last is None else 0
            assert late_s <= limit_s, f"{one.recipient} opted out and was written to {late_s:.3f} s later"
