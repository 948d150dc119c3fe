"""A play: one campaign, a provider that does as it is told, and senders that are started one by one."""

import random
from collections.abc import Callable
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

from . import child
from .child import Machine
from .peers import peer, wait_until
from .world import World, add_campaign, make_live, make_project

NAME = "brev"


class Play:
    """broken: a breakage of the ledger, for those senders that are to have it"""

    def __init__(
        self,
        forks: ForkServerContext,
        folder: Path,
        provider: str,
        people: int,
        broken: str = "",
        *,
        batch: int = 0,
    ) -> None:
        self.forks, self.folder, self.broken, self.logs = forks, folder, broken, 0
        project = folder / "project"
        addresses = make_project(project, people, batch=batch or people)
        make_live(project, provider)
        add_campaign(project, NAME)
        self.peer = peer(provider, project, folder / "journal.jsonl", random.Random(0))
        self.peer.calm = True
        self.world = World(project, provider, self.peer, addresses)

    def start(self, *arguments: str, gate: str = "", broken: bool = True) -> ForkServerProcess:
        self.logs += 1
        machine = Machine(
            broken=self.broken if broken else "", gate=gate, environment=self.peer.environment()
        )
        log = self.folder / f"{self.logs}.txt"
        command = (*self.world.env, *(arguments or ("send", NAME, "--confirm", str(len(self.world.people)))))
        return child.start(self.forks, self.world.folder, command, machine, log)

    def taken(self, number: int) -> None:
        wait_until(lambda: self.peer.number() >= number)

    def until(self, holds: Callable[[], bool]) -> None:
        wait_until(holds)

    def said(self) -> str:
        """By the one that was started last."""
        return (self.folder / f"{self.logs}.txt").read_text(encoding="utf-8")

    def close(self) -> None:
        self.peer.gate.set()
        self.peer.close()
