"""Ledgers that are broken on purpose, each as some system in use really is; patched into a sender at run time."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from newsletter.store import claims
from newsletter.store.store import Store
from newsletter.store.values import Claim, Ending, Taking


def _apart(self: Store, ending: Ending, taking: Taking, now: datetime) -> Claim:
    """What is one commit, as two calls, so that what is broken in either is broken here."""
    self.finish(**vars(ending), now=now)
    return self.claim(**vars(taking), now=now)


def claim_after_send() -> None:
    """The batch is written down as taken only when it has been sent."""
    real_claim, real_finish = Store.claim, Store.finish
    kept: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {}

    def claim(self: Store, *args: Any, **keywords: Any) -> Claim:
        kept[keywords["attempt_id"]] = (args, keywords)
        return Claim.CLAIMED

    def finish(self: Store, attempt_id: str, **keywords: Any) -> bool:
        args, said = kept.pop(attempt_id)
        real_claim(self, *args, **said)
        return real_finish(self, attempt_id, **keywords)

    Store.claim, Store.finish, Store.finish_and_claim = claim, finish, _apart  # type: ignore[method-assign]


def finish_without_attempt() -> None:
    """An answer is recorded for the batch, whoever has it by now."""
    real_claim, real_finish = Store.claim, Store.finish
    batches: dict[str, tuple[int, int]] = {}

    def claim(self: Store, run_id: int, no: int, **keywords: Any) -> Claim:
        batches[keywords["attempt_id"]] = (run_id, no)
        return real_claim(self, run_id, no, **keywords)

    def finish(self: Store, attempt_id: str, **keywords: Any) -> bool:
        with self._looking() as conn:
            found = conn.exec_driver_sql(
                "SELECT attempt_id FROM batch WHERE run_id = ? AND no = ?", batches[attempt_id]
            ).scalar_one()
        return real_finish(self, found or attempt_id, **keywords)

    Store.claim, Store.finish, Store.finish_and_claim = claim, finish, _apart  # type: ignore[method-assign]


def cursor_at_fetch() -> None:
    """Whoever is fetched counts as sent."""
    real_claim, real_finish = Store.claim, Store.finish

    def claim(self: Store, *args: Any, **keywords: Any) -> Claim:
        answer = real_claim(self, *args, **keywords)
        if answer is Claim.CLAIMED:
            real_finish(self, keywords["attempt_id"], state="accepted", exceptions={}, now=keywords["now"])
        return answer

    def finish(self: Store, attempt_id: str, **keywords: Any) -> bool:
        return True

    Store.claim, Store.finish, Store.finish_and_claim = claim, finish, _apart  # type: ignore[method-assign]


def late_check_before_the_lock() -> None:
    """Opt-outs are looked for, and written down, before it is known whether the batch is still to be had."""
    real = Store.claim

    def claim(self: Store, run_id: int, no: int, **keywords: Any) -> Claim:
        with self._heeding() as conn:
            claims._silence_late(conn, run_id, no, keywords["late"], keywords["now"])
        return real(self, run_id, no, **keywords)

    Store.claim, Store.finish_and_claim = claim, _apart  # type: ignore[method-assign]


def no_sweep() -> None:
    """Nobody looks after what the dead had in hand."""
    Store.sweep = lambda self, alive, now: 0  # type: ignore[method-assign, assignment]


BROKEN: dict[str, Callable[[], None]] = {
    "claim after send": claim_after_send,
    "finish without attempt": finish_without_attempt,
    "cursor at fetch": cursor_at_fetch,
    "late check before the lock": late_check_before_the_lock,
    "no sweep": no_sweep,
}
