"""The one loop that sends: take a batch, render it, claim it, hand it over, record the answer."""

import contextlib
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from newsletter.check.workspace import Workspace
from newsletter.delivery.answers import Answers
from newsletter.delivery.edition import Edition
from newsletter.delivery.flight import Flight
from newsletter.delivery.halting import refuse_halted
from newsletter.delivery.ledger import OWNERS_FOLDER, owner_is_alive
from newsletter.delivery.loading import Loaded, Loader
from newsletter.delivery.pace import PAUSE, WAIT_AT_MOST, is_long, most_at_once, pace_of
from newsletter.delivery.preparing import Preparing
from newsletter.delivery.resolve import settle_by_evidence
from newsletter.errors import (
    GuardRefused,
    Interrupted,
    NewsletterError,
    Problem,
    ProviderUnavailable,
    UnknownLeft,
)
from newsletter.providers.protocol import Provider
from newsletter.settings.secret import Secret
from newsletter.store.owner import Owner, remove_dead
from newsletter.store.store import Store
from newsletter.store.values import Claim, Counts, Pace, Run

Progress = Callable[[int, int], None]

POLL_S = 0.2
REPORT_SHARE = 0.02  # of the time may go into counting what is shown


@dataclass
class Sender:
    """Sends frozen runs through one provider; any number of them may work on the same ledger.

    `stop` is asked between recipients: true ends the loop cleanly, nothing half-done.
    """

    workspace: Workspace
    store: Store
    secret: Secret
    provider: Provider
    stop: Callable[[], bool] = lambda: False
    progress: Progress | None = None
    _canary_is_over: bool = field(default=False, init=False)
    _looked: float = field(default=0.0, init=False)  # monotonic: when the run was last seen not to be halted
    _peeked: float = field(default=0.0, init=False)  # the same from inside a request
    _halted: bool = field(default=False, init=False)  # what was seen then
    _reports: float = field(default=0.0, init=False)  # monotonic: when it is time to count again
    _aloft: tuple[Loaded, Flight] | None = field(default=None, init=False)  # claimed, and not yet recorded

    def deliver(self, run: Run, edition: Edition) -> Counts:
        """Hand over all that is ready in a run, and settle what the provider can prove.

        Safe to call twice and from several processes. Raises Interrupted, ProviderUnavailable and
        ConfigurationFault when it stopped before the end, UnknownLeft when fates are unknown, GuardRefused when
        the run was paused or cancelled meanwhile; the ledger is right in each case, and calling again goes on.
        """
        folder = self.workspace.project.path(OWNERS_FOLDER)
        pace = pace_of(self.workspace, edition.campaign)
        answers = Answers(self.workspace, self.store, self.provider, run, pace)
        with Owner.take(folder) as owner:
            preparing = Preparing(
                self.workspace,
                self.store,
                self.secret,
                run,
                edition,
                between=lambda: self._between(run, answers),
            )
            loader = Loader(self.store, self.provider, preparing, run, pace, owner.id)
            self._settle(run)
            answers.heed_old_doubts()
            self._report(run)
            try:
                self._work(run, loader, answers)
            except BaseException:
                if self._aloft and not self._aloft[1].landed:
                    owner.hold()
                raise
        self._report(run, last=True)
        remove_dead(folder)
        return self._close(run)

    def _work(self, run: Run, loader: Loader, answers: Answers) -> None:
        """Batch after batch, until nothing is left that may go now."""
        loaded: Loaded | None = None
        while True:
            self._stop_if_asked(run)
            if self._resting(answers):
                continue
            if self._has_to_wait(run, loader.pace):
                return
            if loaded is None or loaded.stale:
                batches = self._ready(run)
                if not batches:
                    if self._canary_lets_go(run) or self._wait_for_more(run):
                        continue
                    return
                loaded = loader.load(_one_of(batches))
            if loaded is None:
                self._look_again()
            else:
                loaded = self._send(run, loaded, loader, answers)

    def _ready(self, run: Run) -> list[int]:
        return self.store.ready_batches(run.id, self._now())

    def _look_again(self) -> None:
        """Another was faster, others are to go now, or the run stands still."""
        self._looked = 0.0

    def _canary_lets_go(self, run: Run) -> bool:
        """Whether the others may go from now on: the first ones are answered, and few enough failed."""
        if self._canary_is_over:
            return False
        canary = self.store.judge_canary(run.id, self._now())
        if canary.verdict == "failed":
            raise GuardRefused(
                Problem(
                    "G125",
                    f"{canary.failed} of the first {canary.answered} failed: `{run.campaign}` is paused, "
                    "and nothing goes to the others",
                    hint=f"newsletter status {run.campaign}, then newsletter resume {run.campaign}, "
                    f"or newsletter cancel {run.campaign}",
                )
            )
        self._canary_is_over = canary.verdict == "passed"
        return self._canary_is_over

    def _now(self) -> datetime:
        return self.workspace.clock.now()

    def _send(self, run: Run, loaded: Loaded, loader: Loader, answers: Answers) -> Loaded | None:
        """Claim a batch and hand it over; and the next, which is loaded meanwhile, as long as all goes well.

        Returns what is loaded and not claimed. Whatever is raised, what was answered is recorded.
        """
        claim = self._claim(run, loaded)
        while claim is Claim.CLAIMED:
            flight = Flight(self.provider, loaded.request, lambda: self._is_to_stop(run))
            self._aloft = loaded, flight
            flight.take_off()
            try:
                following = self._load_ahead(run, loader)
            except Exception:
                self._land(run, answers)
                raise
            if self._aloft is None:
                return following
            outcome = flight.outcome()
            if following is None or following.stale or not outcome.plain or self.stop():
                self._land(run, answers)
                return following
            self._aloft = None
            ending = answers.ending(loaded.taking.no, loaded.taking.attempt_id, loaded.ids, outcome)
            claim = self.store.finish_and_claim(ending, following.taking, self._now())
            self._report(run)
            loaded = following
        self._look_again()
        return None

    def _claim(self, run: Run, loaded: Loaded) -> Claim:
        claim = Claim.LIMITED
        while claim is Claim.LIMITED:
            claim = self.store.claim(**vars(loaded.taking), now=self._now())
            pace, number = loaded.taking.pace, len(loaded.taking.ids)
            if claim is Claim.LIMITED and not (pace and self._wait_a_little(run, pace, number)):
                break
        return claim

    def _load_ahead(self, run: Run, loader: Loader) -> Loaded | None:
        """The next batch while one is on its way; not where limits say how many may go, or who had enough by now."""
        if most_at_once(loader.pace) is not None or self.workspace.settings.limits.per_person is not None:
            return None
        batches = self._ready(run)
        return loader.load(_one_of(batches)) if batches else None

    def _between(self, run: Run, answers: Answers) -> None:
        """Between two recipients that are prepared: an answer that has come in waits for nobody."""
        if self._aloft and self._aloft[1].landed:
            self._land(run, answers)
        self._stop_if_asked(run)

    def _land(self, run: Run, answers: Answers) -> None:
        """Wait for the answer to what is on its way, record it, and stop where it says so."""
        if self._aloft is None:
            return
        loaded, flight = self._aloft
        outcome = flight.outcome()
        self._aloft = None
        ending = answers.ending(loaded.taking.no, loaded.taking.attempt_id, loaded.ids, outcome)
        self.store.finish(**vars(ending), now=self._now())
        if outcome.split:
            again = sorted(loaded.ids.values())
            self.store.split(run.id, loaded.taking.no, [again[(len(again) + 1) // 2 :]])
        self._report(run)
        answers.heed(outcome)

    def _wait_a_little(self, run: Run, pace: Pace, number: int) -> bool:
        """Sleep until so many may go; false when that is long, or fewer may at once: the loop looks again then."""
        found = self.store.allowance(pace, number)
        while not found.number and found.until > self._now():
            if is_long(found, self._now()):
                return False
            self._stop_if_asked(run)
            time.sleep(min(max(0.0, (found.until - self._now()).total_seconds()), POLL_S))
        return self.store.allowance(pace, number).number == number

    def _has_to_wait(self, run: Run, pace: Pace) -> bool:
        """Whether nothing may go for a long time: the day's number is used up, here or at the provider.

        Raises ProviderUnavailable when the provider wants a pause as long as that.
        """
        found = self.store.allowance(pace, 1)
        if found.number or not (is_long(found, self._now()) or self.workspace.clock.pretended):
            return False
        if found.reason == PAUSE:
            when = found.until.astimezone(self.workspace.settings.zone)
            asks = f"{self.provider.name} asks for a pause until {when:%Y-%m-%d %H:%M:%S}"
            raise ProviderUnavailable(
                Problem("G133", asks, hint=f"newsletter send {run.campaign}, after that")
            )
        return True

    def _resting(self, answers: Answers) -> bool:
        """Sleep a little while a backoff lasts; false when it does not."""
        left = answers.rest_s()
        if left > 0:
            time.sleep(min(left, POLL_S))
        return left > 0

    def _wait_for_more(self, run: Run) -> bool:
        """Wait for retries and for other senders of this run. False when nothing more will come."""
        counts = self.store.counts(run.id)
        if counts.ready:
            due = self.store.next_due(run.id)
            if due and (due - self._now() > WAIT_AT_MOST or self.workspace.clock.pretended):
                when = due.astimezone(self.workspace.settings.zone)
                raise ProviderUnavailable(
                    Problem(
                        "G133",
                        f"{counts.ready} wait for {self.provider.name} until {when:%Y-%m-%d %H:%M:%S}",
                        hint=f"newsletter send {run.campaign}, after that",
                    )
                )
        elif not counts.inflight:
            return self._settle(run)
        time.sleep(POLL_S)
        self._settle(run)
        return True

    def _settle(self, run: Run) -> bool:
        """Dead senders' batches become unknown, and unknown ones what the provider can prove. True if any did."""
        self.store.sweep(owner_is_alive(self.workspace.project), self._now())
        return settle_by_evidence(self.store, self.provider, self.secret, run, self._now()) > 0

    def _report(self, run: Run, *, last: bool = False) -> None:
        """Show how far it is; not after each batch, since counting takes the longer the more batches there are."""
        begun = time.monotonic()
        if self.progress and (last or begun >= self._reports):
            counts = self.store.counts(run.id)
            self.progress(run.total - counts.ready - counts.inflight, run.total)
            now = time.monotonic()
            self._reports = now + (now - begun) / REPORT_SHARE

    def _stop_if_asked(self, run: Run) -> None:
        """By hand, or by another process that paused or cancelled the run; asked between two recipients."""
        if time.monotonic() - self._looked > POLL_S:
            refuse_halted(self.store, run)
            self._looked = time.monotonic()
        if self.stop():
            raise Interrupted(
                Problem(
                    "G134",
                    "stopped by hand; whoever was not reached yet is still to come",
                    hint=f"newsletter send {run.campaign} goes on",
                )
            )

    def _is_to_stop(self, run: Run) -> bool:
        """The same between two messages of a request, from the provider's threads; what went has to be recorded yet."""
        if time.monotonic() - self._peeked > POLL_S:
            self._peeked = time.monotonic()
            with contextlib.suppress(NewsletterError):  # a ledger that is busy: the next message asks again
                self._halted = self.store.state(run.id) != "sending"
        return self._halted or self.stop()

    def _close(self, run: Run) -> Counts:
        counts = self.store.counts(run.id)
        if counts.open == 0:
            if not self.store.set_state(run.id, "done"):
                refuse_halted(self.store, run)  # cancelled a moment ago
        elif counts.unknown:
            raise UnknownLeft(
                Problem(
                    "G135",
                    f"nobody knows what became of {counts.unknown} of {run.total}",
                    hint=f"newsletter status {run.campaign} names them, newsletter resolve {run.campaign} settles them",
                )
            )
        return counts


def _one_of(batches: Sequence[int]) -> int:
    return random.choice(batches)  # noqa: S311 - fewer collisions than by turns
