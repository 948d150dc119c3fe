"""What follows from a provider's answer: for the ledger, for the pace, and for whether to go on."""

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from newsletter.audience.address import without_addresses
from newsletter.check.workspace import Workspace
from newsletter.delivery.pace import PAUSE, QUOTA, tomorrow
from newsletter.errors import ConfigurationFault, Problem, ProviderUnavailable, UnknownLeft
from newsletter.providers.protocol import Answer, Outcome, Provider
from newsletter.store.store import Store
from newsletter.store.values import Answered, Ending, Pace, Run

RETRY_FIRST_S = 0.1
RETRY_CAP_S = 30.0
RETRIES_IN_A_ROW = 9  # 0.1 s doubled up to the cap: about a minute without any progress
PUT_OFF_CAP = timedelta(minutes=30)
LONGEST_PAUSE = timedelta(hours=1)
EXPIRY = timedelta(hours=24)  # and at least so many tries: a send that stood still has not tried
FEWEST_TRIES = 5

ANSWERED: dict[Answer, Answered] = {
    Answer.ACCEPTED: "accepted",
    Answer.REJECTED: "rejected",
    Answer.RETRY: "ready",
    Answer.UNKNOWN: "unknown",
}


@dataclass
class Answers:
    """Hears the answers of one provider to one run, and remembers how many of them were none."""

    workspace: Workspace
    store: Store
    provider: Provider
    run: Run
    pace: Pace
    _retries: int = field(default=0, init=False)  # in a row, without an answer between
    _unknowns: int = field(default=0, init=False)
    _rest_until: float = field(default=0.0, init=False)  # monotonic: our own backoff, of all batches

    def rest_s(self) -> float:
        """How long our own backoff still lasts, seconds."""
        return max(0.0, self._rest_until - time.monotonic())

    def ending(self, no: int, attempt_id: str, ids: Mapping[str, int], outcome: Outcome) -> Ending:
        """What the ledger is to keep of an answer. Counts it, and keeps what the provider wishes of all senders.

        ids: sid -> subscriber id, of all whom the request was for
        """
        # A server's words may name whom it refused; what was sent is kept after somebody is forgotten.
        words = without_addresses(outcome.detail)
        said = {**outcome.exceptions, **self._expired(no, outcome)}
        # A refusal of single recipients is an answer: the provider is there and works.
        retry = outcome.answer is Answer.RETRY and not (said or outcome.put_off or outcome.split)
        self._retries = self._retries + 1 if retry else 0
        self._unknowns = self._unknowns + 1 if outcome.answer is Answer.UNKNOWN else 0
        pause = self._backoff() if retry and outcome.retry_after_s is None else timedelta()
        self._rest_until = time.monotonic() + pause.total_seconds()
        later = self._put_off(no) if outcome.put_off else timedelta()
        self._leave_alone(outcome)
        return Ending(
            attempt_id=attempt_id,
            state=ANSWERED[outcome.answer],
            exceptions={
                ids[name]: (ANSWERED[answer], without_addresses(reason))
                for name, (answer, reason) in said.items()
            },
            reason=words,
            status=outcome.status,
            provider_id=outcome.provider_id,
            detail={"text": words} if words else None,
            not_before=self._now() + max(pause, later),
            bounced=[ids[name] for name in outcome.gone],
            pace=self.pace,
        )

    def _now(self) -> datetime:
        return self.workspace.clock.now()

    def _put_off(self, no: int) -> timedelta:
        """How long a batch of which something was put off waits, while the others go on: longer each time."""
        doubled = self.workspace.settings.delivery.retry_first.total_seconds() * 2.0 ** (
            self.store.tries(self.run.id, no) - 1
        )
        capped = min(PUT_OFF_CAP.total_seconds(), doubled)
        return timedelta(seconds=capped * random.uniform(0.9, 1.1))  # noqa: S311

    def _expired(self, no: int, outcome: Outcome) -> dict[str, tuple[Answer, str]]:
        """Those who were put off for a day are refused: what is still not taken then will not be."""
        if not outcome.put_off or self.store.tries(self.run.id, no) < FEWEST_TRIES:
            return {}
        first = self.store.first_try(self.run.id, no)
        if first is None or self._now() - first < EXPIRY:
            return {}
        return dict.fromkeys(outcome.put_off, (Answer.REJECTED, f"expired: {outcome.detail}"))

    def _leave_alone(self, outcome: Outcome) -> None:
        """Keep the provider's wish for all who send through it: also for the processes that come after this one."""
        now, asked = self._now(), outcome.retry_after_s
        until = None if asked is None else now + timedelta(seconds=max(asked, 0.0))
        if outcome.quota:
            self.store.leave_alone(self.pace.provider, now, until or tomorrow(self.workspace), QUOTA)
        elif until is not None:
            self.store.leave_alone(self.pace.provider, now, min(until, now + LONGEST_PAUSE), PAUSE)

    def _backoff(self) -> timedelta:
        """Doubling with a little jitter, so that many senders don't march in step."""
        delay = min(RETRY_CAP_S, RETRY_FIRST_S * 2 ** (self._retries - 1))
        return timedelta(seconds=delay * random.uniform(0.9, 1.1))  # noqa: S311

    def heed(self, outcome: Outcome) -> None:
        """Stop where going on would only do harm: the rest of the list stays ready.

        What a human has to look at pauses the run, so that no tick of cron tries it again every minute. Files that
        can't be written are no such case: nothing is asked of anybody, and each message is written once by its name.
        """
        said = outcome.detail or "no reason given"
        if outcome.pause and outcome.answer is not Answer.ACCEPTED:
            fault = ConfigurationFault if outcome.ours else ProviderUnavailable
            refusal = f"{self.provider.name} refuses to work: {said}"
            hint = "mend it, then send again"
            if self.provider.live and self.store.pause(self.run.id, without_addresses(refusal), self._now()):
                hint = f"mend it, then newsletter resume {self.run.campaign}"
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
            self.store.pause(self.run.id, without_addresses(f"{reason}: {said}"), self._now())
            raise UnknownLeft(
                Problem(
                    "G132",
                    f"{reason}: paused before more are in doubt ({said})",
                    hint=f"look at the provider's log, newsletter resolve {self.run.campaign}, "
                    f"then newsletter resume {self.run.campaign}",
                )
            )

    def heed_old_doubts(self) -> None:
        """As many doubts as trip the breaker have to be settled first: a tick a minute must not add to them."""
        doubts = len(self.store.unknown_batches(self.run.id))
        if doubts >= self.workspace.settings.delivery.breaker:
            raise UnknownLeft(
                Problem(
                    "G132",
                    f"{doubts} requests of `{self.run.campaign}` have no answer yet: no more until they are settled",
                    hint=f"newsletter resolve {self.run.campaign}, then its --assume-sent or --resend-unknown",
                )
            )
