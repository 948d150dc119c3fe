"""A request on its way in a thread of its own, so that the next one can be prepared meanwhile."""

import threading
from collections.abc import Callable

from newsletter.providers.protocol import Outcome, Provider, Request


class Flight:
    """Hands one request over. The thread touches the provider and nothing else, the ledger least of all.

    It ends with the process and holds up nobody's exit. Whoever leaves before it has landed keeps their lock, so that
    nobody takes what is on its way for a dead sender's.
    """

    def __init__(self, provider: Provider, request: Request, stop: Callable[[], bool]) -> None:
        self._provider, self._request, self._stop = provider, request, stop
        self._outcome: Outcome | None = None
        self._fault: BaseException | None = None
        self._landed = threading.Event()

    def take_off(self) -> None:
        """From now on bytes leave."""
        try:
            threading.Thread(target=self._hand_over, name="flight", daemon=True).start()
        except RuntimeError:  # no more threads to be had: then one thing after the other
            self._hand_over()

    def _hand_over(self) -> None:
        try:
            self._outcome = self._provider.hand_over(self._request, self._stop)
        except BaseException as fault:  # noqa: BLE001 - raised again where it is waited for
            self._fault = fault
        finally:
            self._landed.set()

    @property
    def landed(self) -> bool:
        return self._landed.is_set()

    def outcome(self) -> Outcome:
        """Waits for the answer; what the provider raises against its protocol is raised here."""
        self._landed.wait()
        if self._fault is not None:
            raise self._fault
        if self._outcome is None:
            raise AssertionError("the provider gave no answer")
        return self._outcome
