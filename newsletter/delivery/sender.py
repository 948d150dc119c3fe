"""The one loop that sends: take a batch, render it, claim it, hand it over, record the answer."""

import contextlib
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from newsletter.audience.address import without_addresses
from newsletter.audience.leaving import scope_of
from newsletter.check.workspace import Workspace
from newsletter.delivery.edition import Edition
from newsletter.delivery.halting import refuse_halted
from newsletter.delivery.ledger import OWNERS_FOLDER, owner_is_alive
from newsletter.delivery.pace import PAUSE, QUOTA, WAIT_AT_MOST, is_long, most_at_once, pace_of, tomorrow
from newsletter.delivery.preparing import Preparing
from newsletter.delivery.resolve import settle_by_evidence
from newsletter.errors import (
    ConfigurationFault,
    GuardRefused,
    Interrupted,
    NewsletterError,
    Problem,
    ProviderUnavailable,
    UnknownLeft,
)
from newsletter.providers.protocol import Answer, Mark, Outcome, Provider, Request
from newsletter.settings.secret import Secret
from newsletter.store.owner import Owner, remove_dead
from newsletter.store.store import Store
from newsletter.store.values import Answered, Claim, Counts, Member, Pace, Run

Progress = Callable[[int, int], None]

RETRY_FIRST_S = 0.1
RETRY_CAP_S = 30.0
RETRIES_IN_A_ROW = 9  # 0.1 s doubled up to the cap: about a minute without any progress
PUT_OFF_CAP = timedelta(minutes=30)
LONGEST_PAUSE = timedelta(hours=1)
EXPIRY = timedelta(hours=24)  # and at least so many tries: a send that stood still has not tried
FEWEST_TRIES = 5
POLL_S = 0.2
_OUR_CONFIGURATION = frozenset({401, 403, 530, 534, 535, 538})  # key or password, by HTTP and by SMTP

ANSWERED: dict[Answer, Answered] = {
    Answer.ACCEPTED: "accepted",
    Answer.REJECTED: "rejected",
    Answer.RETRY: "ready",
    Answer.UNKNOWN: "unknown",
}


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
    _retries: int = field(default=0, init=False)  # in a row, without an answer between
    _unknowns: int = field(default=0, init=False)
    _canary_is_over: bool = field(default=False, init=False)
    _looked: float = field(default=0.0, init=False)  # monotonic: when the run was last seen not to be halted
    _halted: bool = field(default=False, init=False)  # what was seen then, inside a request
    _rest_until: float = field(default=0.0, init=False)  # monotonic: our own backoff, of all batches

    def deliver(self, run: Run, edition: Edition) -> Counts:
        """Hand over all that is ready in a run, and settle what the provider can prove.

        Safe to call twice and from several processes. Raises Interrupted, ProviderUnavailable and
        ConfigurationFault when it stopped before the end, UnknownLeft when fates are unknown, GuardRefused when
        the run was paused or cancelled meanwhile; the ledger is right in each case, and calling again goes on.
        """
        folder = self.workspace.project.path(OWNERS_FOLDER)
        pace = pace_of(self.workspace, edition.campaign)
        preparing = Preparing(
            self.workspace, self.store, self.secret, run, edition, between=lambda: self._stop_if_asked(run)
        )
        with Owner.take(folder) as owner:
            self._settle(run)
            self._heed_old_doubts(run)
            self._report(run)
            while True:
                self._stop_if_asked(run)
                if self._resting():
                    continue
                if self._has_to_wait(run, pace):
                    break
                batches = self.store.ready_batches(run.id, self._now())
                if batches:
                    self._send_batch(run, random.choice(batches), owner, preparing, pace)  # noqa: S311 - fewer collisions
                elif not (self._canary_lets_go(run) or self._wait_for_more(run)):
                    break
        remove_dead(folder)
        return self._close(run)

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

    def _send_batch(self, run: Run, no: int, owner: Owner, preparing: Preparing, pace: Pace) -> None:
        members = self._that_may_go(run, no, pace)
        prepared = preparing.batch(members)
        parcels, ids, late = prepared.parcels, prepared.ids, prepared.late
        attempt_id = uuid.uuid4().hex
        mark = Mark(attempt_id, f"{self.store.ledger_id}.{run.epoch}")
        request = self.provider.prepare(parcels, mark) if parcels else Request((), b"", None)
        if request.apart and not self.store.split(
            run.id, no, [[ids[s] for s in sids] for sids in request.apart]
        ):
            self._looked = 0.0  # another was faster, or the run stands still: look again
            return
        asked = set(request.sids)
        going = {parcel.sid: parcel for parcel in parcels if parcel.sid in asked}
        claim = Claim.LIMITED
        while claim is Claim.LIMITED:
            claim = self.store.claim(
                run.id,
                no,
                ids=[ids[name] for name in going],
                late=late,
                owner=owner.id,
                attempt_id=attempt_id,
                body_sha256=request.sha256,
                now=self._now(),
                through={ids[name]: scope_of(parcel.envelope.list_id) for name, parcel in going.items()},
                pace=pace,
            )
            if claim is Claim.LIMITED and not self._wait_a_little(run, pace, len(going)):
                return
        if claim is not Claim.CLAIMED:
            self._looked = (
                0.0  # another was faster, others are to go now, or the run stands still: look again
            )
            return
        outcome = self.provider.hand_over(request, lambda: self._is_to_stop(run))
        self._record(run, no, attempt_id, {name: ids[name] for name in request.sids}, outcome, pace)
        self._report(run)
        self._heed(run, outcome)

    def _that_may_go(self, run: Run, no: int, pace: Pace) -> list[Member]:
        """Who is to go in this batch; where limits let only some of them go, the others are a batch of their own."""
        members = self.store.batch_members(run.id, no)
        most = most_at_once(pace)
        if most is None:
            return members
        allowed = self.store.allowance(pace, len(members)).number
        number = min(len(members), allowed or most)
        if number < len(members):
            later = [member.id for member in members[number:]]
            return members[:number] if self.store.split(run.id, no, [later]) else []
        return members

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

    def _resting(self) -> bool:
        """Sleep a little while a backoff lasts; false when it does not."""
        left = self._rest_until - time.monotonic()
        if left > 0:
            time.sleep(min(left, POLL_S))
        return left > 0

    def _put_off(self, run: Run, no: int) -> timedelta:
        """How long a batch of which something was put off waits, while the others go on: longer each time."""
        doubled = self.workspace.settings.delivery.retry_first.total_seconds() * 2.0 ** (
            self.store.tries(run.id, no) - 1
        )
        capped = min(PUT_OFF_CAP.total_seconds(), doubled)
        return timedelta(seconds=capped * random.uniform(0.9, 1.1))  # noqa: S311

    def _expired(self, run: Run, no: int, outcome: Outcome) -> dict[str, tuple[Answer, str]]:
        """Those who were put off for a day are refused: what is still not taken then will not be."""
        if not outcome.put_off or self.store.tries(run.id, no) < FEWEST_TRIES:
            return {}
        first = self.store.first_try(run.id, no)
        if first is None or self._now() - first < EXPIRY:
            return {}
        return dict.fromkeys(outcome.put_off, (Answer.REJECTED, f"expired: {outcome.detail}"))

    def _record(
        self, run: Run, no: int, attempt_id: str, ids: dict[str, int], outcome: Outcome, pace: Pace
    ) -> None:
        # A server's words may name whom it refused; what was sent is kept after somebody is forgotten.
        words = without_addresses(outcome.detail)
        said = {**outcome.exceptions, **self._expired(run, no, outcome)}
        exceptions = {
            ids[name]: (ANSWERED[answer], without_addresses(reason))
            for name, (answer, reason) in said.items()
        }
        # A refusal of single recipients is an answer: the provider is there and works.
        retry = outcome.answer is Answer.RETRY and not (said or outcome.put_off or outcome.split)
        self._retries = self._retries + 1 if retry else 0
        self._unknowns = self._unknowns + 1 if outcome.answer is Answer.UNKNOWN else 0
        pause = self._backoff() if retry and outcome.retry_after_s is None else timedelta()
        self._rest_until = time.monotonic() + pause.total_seconds()
        later = self._put_off(run, no) if outcome.put_off else timedelta()
        self._leave_alone(outcome, pace)
        self.store.finish(
            attempt_id,
            state=ANSWERED[outcome.answer],
            exceptions=exceptions,
            now=self._now(),
            reason=words,
            status=outcome.status,
            provider_id=outcome.provider_id,
            detail={"text": words} if words else None,
            not_before=self._now() + max(pause, later),
            bounced=[ids[name] for name in outcome.gone],
            pace=pace,
        )
        if outcome.split:
            again = sorted(ids.values())
            self.store.split(run.id, no, [again[(len(again) + 1) // 2 :]])

    def _leave_alone(self, outcome: Outcome, pace: Pace) -> None:
        """Keep the provider's wish for all who send through it: also for the processes that come after this one."""
        now, asked = self._now(), outcome.retry_after_s
        until = None if asked is None else now + timedelta(seconds=max(asked, 0.0))
        if outcome.quota:
            self.store.leave_alone(pace.provider, now, until or tomorrow(self.workspace), QUOTA)
        elif until is not None:
            self.store.leave_alone(pace.provider, now, min(until, now + LONGEST_PAUSE), PAUSE)

    def _backoff(self) -> timedelta:
        """Doubling with a little jitter, so that many senders don't march in step."""
        delay = min(RETRY_CAP_S, RETRY_FIRST_S * 2 ** (self._retries - 1))
        return timedelta(seconds=delay * random.uniform(0.9, 1.1))  # noqa: S311

    def _heed(self, run: Run, outcome: Outcome) -> None:
        """Stop where going on would only do harm: the rest of the list stays ready.

        What a human has to look at pauses the run, so that no tick of cron tries it again every minute. Files that
        can't be written are no such case: nothing is asked of anybody, and each message is written once by its name.
        """
        said = outcome.detail or "no reason given"
        if outcome.pause and outcome.answer is not Answer.ACCEPTED:
            fault = ConfigurationFault if outcome.status in _OUR_CONFIGURATION else ProviderUnavailable
            refusal = f"{self.provider.name} refuses to work: {said}"
            hint = "mend it, then send again"
            if self.provider.live and self.store.pause(run.id, without_addresses(refusal), self._now()):
                hint = f"mend it, then newsletter resume {run.campaign}"
            raise fault(Problem("G130", refusal, hint=hint))
        if self._retries >= RETRIES_IN_A_ROW or (self._retries and self.workspace.clock.pretended):
            raise ProviderUnavailable(
                Problem(
                    "G131",
                    f"{self.provider.name} can't be reached: {said}",
                    hint="send again later: it goes on",
                )
            )
        if self._unknowns >= self.workspace.settings.delivery.breaker:
            reason = f"{self._unknowns} requests in a row without an answer"
            self.store.pause(run.id, without_addresses(f"{reason}: {said}"), self._now())
            raise UnknownLeft(
                Problem(
                    "G132",
                    f"{reason}: paused before more are in doubt ({said})",
                    hint=f"look at the provider's log, newsletter resolve {run.campaign}, "
                    f"then newsletter resume {run.campaign}",
                )
            )

    def _heed_old_doubts(self, run: Run) -> None:
        """As many doubts as trip the breaker have to be settled first: a tick a minute must not add to them."""
        doubts = len(self.store.unknown_batches(run.id))
        if doubts >= self.workspace.settings.delivery.breaker:
            raise UnknownLeft(
                Problem(
                    "G132",
                    f"{doubts} requests of `{run.campaign}` have no answer yet: no more until they are settled",
                    hint=f"newsletter resolve {run.campaign}, then its --assume-sent or --resend-unknown",
                )
            )

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

    def _report(self, run: Run) -> None:
        if self.progress:
            counts = self.store.counts(run.id)
            self.progress(run.total - counts.ready - counts.inflight, run.total)

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
        if time.monotonic() - self._looked > POLL_S:
            self._looked = time.monotonic()
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
