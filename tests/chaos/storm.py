"""The storm: several senders at work, killed at random, on a bad machine, with a moody provider and people leaving."""

import contextlib
import dataclasses
import http.client
import random
import re
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

from . import child
from .child import Machine
from .peers import peer
from .world import BREAKER, World, add_campaign, audit, make_live, make_project

DAY_S = 86_400.0
WELL = frozenset({0, 4, 5, 7})  # done, stopped by the machine, by the provider, by doubts; never a bug (1)
REFUSED = ("G122", "G125", "G140")  # may refuse (6): somebody left meanwhile; the canary failed; it is paused
ONE_CLICK = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class Tally:
    """What happened in a storm: a line of the table."""

    provider: str
    seed: int
    kills: int = 0
    kills_of_others: int = 0  # of the pages, and of commands by hand
    started: int = 0
    campaigns: int = 0
    recipients: int = 0
    accepted: int = 0
    rejected: int = 0
    suppressed: int = 0
    in_hand: int = 0  # requests that were under way when their sender was killed
    doubts: int = 0  # deliveries that were in doubt and ended by the provider's journal
    opt_outs: int = 0
    audits: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    took_s: float = 0.0

    def add(self, other: "Tally") -> None:
        """Another storm of the same provider, in a project of its own."""
        for one in dataclasses.fields(self):
            if one.name not in ("provider", "seed"):
                setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))

    @staticmethod
    def head() -> str:
        return (
            "| provider | seed | kills | of them with a request in hand | senders started | recipients "
            "| accepted, rejected, opted out | doubts settled | audits | lost | doubled | wrongly accepted | s |\n"
            + "| --- " * 13
            + "|"
        )

    def row(self) -> str:
        """For the table; the audits have seen that the last four are nought, else there is no row."""
        fates = f"{self.accepted:,}, {self.rejected:,}, {self.suppressed:,}"
        return (
            f"| {self.provider} | {self.seed} | {self.kills} | {self.in_hand} | {self.started} "
            f"| {self.recipients:,} | {fates} | {self.doubts:,} | {self.audits} | 0 | 0 | 0 | {self.took_s:.0f} |"
        )

    def more(self) -> str:
        faults = ", ".join(f"{name} {number}" for name, number in sorted(self.faults.items()))
        return f"{self.provider}: {self.campaigns} campaigns, {self.opt_outs} opt-outs, pages killed {self.kills_of_others}; {faults}"


@dataclass(frozen=True)
class Look:
    """A campaign at a glance."""

    state: str = ""  # "" before it is begun
    total: int = 0
    open: int = 0  # batches that are ready or in flight
    doubts: int = 0

    @property
    def stuck(self) -> bool:
        """So much is in doubt that senders refuse, or nothing else is left: first there has to be evidence."""
        return bool(self.doubts) and (not self.open or self.doubts >= BREAKER)


class Storm:
    """One project under fire. The dice are seeded: the same seed plans the same faults; when the machine gets to
    them is its own matter."""

    def __init__(
        self, forks: ForkServerContext, folder: Path, provider: str, seed: int, *, people: int
    ) -> None:
        self.forks, self.folder, self.seed = forks, folder, seed
        self.dice = random.Random(seed)
        project = folder / "project"
        batch = {"outbox": 5, "smtp": 6, "sendgrid": 4}[provider]
        addresses = make_project(project, people, batch)
        make_live(project, provider)
        other = peer(provider, project, folder / "journal.jsonl", random.Random(seed + 1))
        self.world = World(project, provider, other, addresses)
        self.tally = Tally(provider, seed)
        self.senders: list[tuple[ForkServerProcess, Path]] = []
        self.others: list[tuple[ForkServerProcess, Path, Callable[[], None]]] = []
        self.staying = list(addresses)
        self.number = len(addresses)
        self.calm = False

    # --- the play

    def play(self, kills: int) -> Tally:
        """Until so many senders were killed; then the rest is sent in peace, and everything must add up."""
        began = time.monotonic()
        try:
            self.pages = self._open_pages()
            while self.tally.kills < kills:
                self._campaign(f"brev-{self.tally.campaigns + 1:02}", kills)
        finally:
            self._end()
        self.tally.took_s = time.monotonic() - began
        return self.tally

    def _campaign(self, name: str, kills: int) -> None:
        self.tally.campaigns += 1
        add_campaign(self.world.folder, name)
        width = self.dice.randint(1, 4)
        while (look := self._look(name)).state != "done":
            self.calm = self.world.peer.calm = self.tally.kills >= kills
            while len(self.senders) < width and not look.stuck:
                if look.state == "paused":
                    self._let_go_on(name)
                self._send(name, look)
            wait([process.sentinel for process, _ in self.senders], timeout=self.dice.uniform(0.005, 0.1))
            if not self.calm:
                self._strike(name)
                width = self.dice.randint(1, 4)
            self._reap()
            if not self.senders:
                self._quiet(name)
        self._quiet(name)
        audit(self.world, over=name)
        self._count(name)

    def _strike(self, name: str) -> None:
        dice = self.dice
        if self.senders and dice.random() < 0.75:
            if dice.random() < 0.8:
                self._wait_for_mail()
            process, log = dice.choice(self.senders)
            child.kill(process)
            if process.exitcode == -9:
                self.tally.kills += 1
                self.senders.remove((process, log))
                self._audit()
        if len(self.staying) > len(self.world.people) / 2 and dice.random() < 0.25:
            self._leave()
        if dice.random() < 0.03:
            self._pause(name)
        if dice.random() < 0.05:
            self._hold_the_ledger(dice.choice([0.05, 0.3, 0.9]))
        if dice.random() < 0.1:
            self.tally.faults["event"] += 1
            self.tally.doubts += self.world.settle(name, absent=False)  # what it has not proves nothing yet
        if dice.random() < 0.03:
            child.kill(self.pages[0])
            self.tally.kills_of_others += 1
            self.pages = self._open_pages()

    def _wait_for_mail(self) -> None:
        """Most kills are to meet somebody who is handing over."""
        before, until = self.world.peer.number(), time.monotonic() + 1
        while self.world.peer.number() == before and time.monotonic() < until:
            if wait([process.sentinel for process, _ in self.senders], timeout=0.002):
                return
        time.sleep(self.dice.choice([0, 0, 0.001, 0.003, 0.01]))

    # --- senders

    def _send(self, name: str, look: "Look") -> None:
        dice = self.dice
        number = look.total or self.number  # what an operator types: as frozen, or what they were told
        run = dice.random() < 0.3 and look.state != ""
        arguments = ("run", "-q") if run else ("send", name, "--confirm", str(number), "-q")
        machine = Machine(environment=self.world.peer.environment())
        if not self.calm:
            machine = self._bad_machine()
        log = self._log(arguments[0])
        process = child.start(self.forks, self.world.folder, (*self.world.env, *arguments), machine, log)
        self.senders.append((process, log))
        self.tally.started += 1

    def _bad_machine(self) -> Machine:
        dice = self.dice
        kind = dice.choices(["none", "clock", "patience", "full", "files"], [70, 10, 10, 7, 3])[0]
        environment = self.world.peer.environment()
        if kind != "none":
            self.tally.faults[kind] += 1
        match kind:
            case "clock":
                jump = dice.choice([-DAY_S, -3600.0, 3600.0, DAY_S])
                return Machine(clock=((0, 0.0), (dice.uniform(0, 0.5), jump)), environment=environment)
            case "patience":
                return Machine(patience_s=0.2, environment=environment)
            case "full":
                journal = self.world.ledger.with_name("state.db-wal")
                size = journal.stat().st_size if journal.exists() else 0
                # A letter has some 3,000 bytes; what the sender says has to fit as well.
                largest = dice.choice([dice.randint(1500, 5000), size + dice.randint(1500, 40_000)])
                return Machine(largest_file=largest, environment=environment)
            case "files":
                return Machine(files=dice.randint(12, 40), environment=environment)
        return Machine(environment=environment)

    def _pause(self, name: str) -> None:
        with self.world.store() as store:
            run = self.world.run_of(store, name)
            if run and store.pause(run.id, "by hand", datetime.now(UTC)):
                self.tally.faults["pause"] += 1

    def _let_go_on(self, name: str) -> None:
        """Whatever paused it: a hand, the canary, the provider, an outage. Somebody has looked by now."""
        with self.world.store() as store:
            run = self.world.run_of(store, name)
            if run and run.state == "paused":
                store.resume(run.id)

    def _look(self, name: str) -> "Look":
        """With the bare driver: it is asked all the time."""
        with contextlib.closing(sqlite3.connect(self.world.ledger, timeout=30)) as raw:
            raw.execute("BEGIN")
            found = raw.execute(
                "SELECT id, state, total FROM run WHERE campaign = ? ORDER BY id DESC", [name]
            ).fetchone()
            if found is None:
                return Look()
            run, state, total = found
            batches = "SELECT count(*) FROM batch WHERE run_id = ? AND state IN ('ready', 'inflight')"
            doubts = (
                "SELECT count(*) FROM (SELECT no FROM batch WHERE run_id = ?1 AND state = 'unknown' "
                "UNION SELECT no FROM outcome WHERE run_id = ?1 AND state = 'unknown')"
            )
            open_, unknown = (raw.execute(sql, [run]).fetchone()[0] for sql in (batches, doubts))
        return Look(state, total, open_, unknown)

    def _reap(self) -> None:
        for process, log in list(self.senders):
            if process.exitcode is not None:
                self.senders.remove((process, log))
                self._ended_well(process, log)
        for process, log, then in list(self.others):
            if process.exitcode is not None:
                self.others.remove((process, log, then))
                if process.exitcode == 0:
                    then()
                else:
                    self._ended_well(process, log)

    def _ended_well(self, process: ForkServerProcess, log: Path) -> None:
        said = log.read_text(encoding="utf-8", errors="replace")
        if told := re.search(r"the number is (\d+)", said):
            self.number = int(told[1])
        # A tick says the same only once: it may refuse in silence what another one has just said.
        silent = log.stem.endswith("-run") and "error" not in said
        refused = process.exitcode == 6 and (silent or any(code in said for code in REFUSED))
        starved = process.exitcode in (3, 6) and "Too many open files" in said  # what can't be read stops it
        fair = refused or starved or process.exitcode in WELL | {-9}
        assert fair, f"exit {process.exitcode}: {said}"
        assert "Traceback" not in said, said

    # --- evidence

    def _quiet(self, name: str) -> None:
        """Everybody is dead and nothing is on its way: what the journal has not was not taken."""
        self.world.peer.rest()
        self._audit()
        self.tally.doubts += self.world.settle(name, absent=True)
        self._audit()

    def _audit(self) -> None:
        audit(self.world)
        self.tally.audits += 1

    # --- people

    def _leave(self) -> None:
        address = self.dice.choice(self.staying)
        self.staying.remove(address)
        if self.dice.random() < 0.5:
            self._leave_by_link(address)
        else:
            self._leave_by_hand(address)

    def _told(self, address: str) -> None:
        self.world.opted_out.setdefault(address, time.time())
        self.tally.opt_outs += 1

    def _leave_by_hand(self, address: str) -> None:
        log = self._log("opt-out")
        arguments = ("subscriber", "unsubscribe", address)
        process = child.start(self.forks, self.world.folder, arguments, Machine(), log)
        self.others.append((process, log, lambda: self._told(address)))

    def _leave_by_link(self, address: str) -> None:
        """By the pages themselves; they may be killed before they have answered, and then nothing is promised."""
        if self.pages[0].exitcode is not None:
            self.pages = self._open_pages()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", self.pages[1].read_text(encoding="utf-8"))
        if found is None:
            return
        connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=30)
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
            connection.request("POST", self.world.link(address), b"List-Unsubscribe=One-Click", ONE_CLICK)
            if connection.getresponse().status == 200:
                self._told(address)

    def _open_pages(self) -> tuple[ForkServerProcess, Path]:
        log = self._log("pages")
        return child.start(self.forks, self.world.folder, ("serve", "--port", "0"), Machine(), log), log

    # --- the machine

    def _hold_the_ledger(self, seconds: float) -> None:
        self.tally.faults["locked"] += 1

        def hold() -> None:
            with (
                contextlib.closing(
                    sqlite3.connect(self.world.ledger, timeout=5, isolation_level=None)
                ) as raw,
                contextlib.suppress(sqlite3.OperationalError),
            ):
                raw.execute("BEGIN IMMEDIATE")
                time.sleep(seconds)
                raw.execute("ROLLBACK")

        threading.Thread(target=hold, daemon=True).start()

    def _log(self, what: str) -> Path:
        folder = self.folder / "logs"
        folder.mkdir(exist_ok=True)
        return folder / f"{self.tally.started:04}-{len(list(folder.iterdir())):04}-{what}.txt"

    def _count(self, name: str) -> None:
        with self.world.store() as store:
            run = self.world.run_of(store, name)
            assert run is not None
            counts = store.counts(run.id)
            with contextlib.closing(sqlite3.connect(self.world.ledger)) as raw:
                found = raw.execute(
                    "SELECT count(*) FROM attempt WHERE run_id = ? AND detail LIKE '%owner_found_dead%'",
                    [run.id],
                )
                self.tally.in_hand += found.fetchone()[0]
        self.tally.recipients += counts.total
        self.tally.accepted += counts.accepted
        self.tally.rejected += counts.rejected
        self.tally.suppressed += counts.suppressed

    def _end(self) -> None:
        for process, _ in self.senders:
            child.kill(process)
        for process, _, _ in self.others:
            process.join()
        child.kill(self.pages[0])
        self.world.peer.close()
