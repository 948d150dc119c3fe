"""How a send is stopped: Ctrl-C, SIGTERM or a deadline, all cleanly between two recipients."""

import signal
import time
from types import FrameType


class Stop:
    """Asked between recipients whether to stop. The first signal asks, the second one ends the program."""

    def __init__(self, max_runtime_s: float | None = None) -> None:
        self.by_hand = False
        self._deadline = None if max_runtime_s is None else time.monotonic() + max_runtime_s
        for one in (signal.SIGINT, signal.SIGTERM):
            signal.signal(one, self._remember)

    def _remember(self, _number: int, _frame: FrameType | None) -> None:
        if self.by_hand:
            raise KeyboardInterrupt
        self.by_hand = True

    def __call__(self) -> bool:
        return self.by_hand or (self._deadline is not None and time.monotonic() >= self._deadline)
