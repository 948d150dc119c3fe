"""What a send stands on beside the files, what was asked of it, and what it comes to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from newsletter.campaigns.models import Campaign
from newsletter.check.workspace import Workspace
from newsletter.delivery.edition import Edition
from newsletter.delivery.pace import told, waiting
from newsletter.delivery.plan import OptOuts
from newsletter.delivery.sender import Progress, Sender
from newsletter.errors import Problem
from newsletter.providers.open import open_provider
from newsletter.providers.protocol import Provider
from newsletter.settings.secret import Secret
from newsletter.store.collector import seldom_collecting
from newsletter.store.store import Store
from newsletter.store.values import Counts, Run

Ask = Callable[[int], int | None]


@dataclass
class SendOrder:
    """What was asked for. `ask`: asks for the number on a terminal, None where there is none.

    `drift`: by how many percent the number may differ from that of `expect_plan`
    `unattended`: a scheduled send, for which `status = "ready"` stands instead of the number.
    `resume`: finish what was begun, though its files say something else by now
    `amend`: close what was begun, and send what the files say now to those who are left
    """

    confirm: int | None = None
    expect_plan: str | None = None
    ask: Ask = lambda _number: None
    unattended: bool = False
    drift: float = 0.0
    resume: bool = False
    amend: bool = False


@dataclass(frozen=True)
class SendResult:
    """What the ledger says at the end. `already`: it was all done before, nothing was sent now.

    `waiting`: why it ended with some still to go, though all is as it should be.
    """

    run: Run
    counts: Counts
    already: bool = False
    excluded: Mapping[str, int] = field(default_factory=dict)
    waiting: Problem | None = None


@dataclass
class Office:
    """What a send needs beside the files: ledger, secret, how to stop and where to report."""

    workspace: Workspace
    store: Store
    secret: Secret
    stop: Callable[[], bool] = lambda: False
    progress: Progress | None = None
    proving: Progress | None = None

    def opt_outs(self) -> OptOuts:
        return OptOuts.read(self.store, self.secret)

    def deliver(self, run: Run, edition: Edition) -> Counts:
        provider = open_provider(self.workspace.project, self.workspace.settings)
        try:
            with seldom_collecting():
                return self.sender(provider).deliver(run, edition)
        finally:
            provider.close()
            self.workspace.ask_again()

    def waits(self, campaign: Campaign, counts: Counts) -> Problem | None:
        """Why nothing of what is left of this campaign goes for some time; None when something may, or all is done."""
        found = waiting(self.store, self.workspace, campaign) if counts.ready else None
        return told(found, self.workspace, campaign) if found else None

    def sender(self, provider: Provider) -> Sender:
        return Sender(self.workspace, self.store, self.secret, provider, self.stop, self.progress)
