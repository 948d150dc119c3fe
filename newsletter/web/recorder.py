"""Opt-outs on their way to disk: one thread writes what all requests brought, many in one transaction.

A request is answered when its opt-out is committed, or, while the ledger is busy, lies in the spool, synced.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from newsletter.errors import NewsletterError
from newsletter.store.store import Store
from newsletter.store.values import OptOutEvent

PATIENCE_S = 0.1  # for a ledger that another program writes to: then the spool is faster
SPOOL_FOR_S = 0.5  # how long the ledger is left alone after it was busy
TAKE_IN_EVERY_S = 1.0
_AT_ONCE = 500

Decide = Callable[[Sequence[OptOutEvent]], Sequence[OptOutEvent] | None]
"""From a person's history to what is to be written; None: it is refused."""


@dataclass(frozen=True)
class _Task:
    done: "Future[bool]"
    events: Sequence[OptOutEvent] = ()
    person: bytes | None = None  # whose history is asked for first
    decide: Decide | None = None


class NotKept(Exception):
    """Neither ledger nor spool took it: the reader has to be told to try again."""


class Recorder:
    """Owns the store for writing. Start it once; `close` writes what is still waiting."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)
        self._spool_until = 0.0  # monotonic
        self._spooled = True  # something may lie there from before
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def keep(self, event: OptOutEvent) -> "Future[bool]":
        """Done when it is on disk; its exception is NotKept."""
        task = _Task(Future(), (event,))
        self._tasks.put(task)
        return task.done

    def decide(self, person: bytes, decide: Decide) -> "Future[bool]":
        """Look at a person's history and write what follows from it; the result is False when it was refused."""
        task = _Task(Future(), person=person, decide=decide)
        self._tasks.put(task)
        return task.done

    def close(self) -> None:
        self._tasks.put(None)
        self._thread.join()

    def _work(self) -> None:
        open_ = True
        while open_:
            try:
                tasks = [self._tasks.get(timeout=TAKE_IN_EVERY_S)]
            except queue.Empty:
                self._take_in()
                continue
            with contextlib.suppress(queue.Empty):
                while len(tasks) < _AT_ONCE:
                    tasks.append(self._tasks.get_nowait())
            open_ = None not in tasks
            self._serve([task for task in tasks if task is not None])
            if time.monotonic() >= self._spool_until:
                self._take_in()
        self._take_in()

    def _serve(self, tasks: list[_Task]) -> None:
        """What only adds goes together; what depends on the past goes alone, in its turn."""
        plain: list[_Task] = []
        for task in tasks:
            if task.decide is None:
                plain.append(task)
            else:
                self._keep_together(plain)
                plain = []
                self._keep_decided(task)
        self._keep_together(plain)

    def _keep_together(self, tasks: list[_Task]) -> None:
        if not tasks:
            return
        try:
            self._write([event for task in tasks for event in task.events])
        except Exception as fault:  # noqa: BLE001 - whatever it was: none of these was kept, and each is told so
            for task in tasks:
                _fail(task, fault)
        else:
            for task in tasks:
                task.done.set_result(True)

    def _keep_decided(self, task: _Task) -> None:
        try:
            assert task.decide is not None  # noqa: S101 - the caller looked
            events = task.decide(self._store.opt_out_history(task.person or b""))
            if events:
                self._write(events)
        except Exception as fault:  # noqa: BLE001 - likewise
            _fail(task, fault)
        else:
            task.done.set_result(events is not None)

    def _write(self, events: Sequence[OptOutEvent]) -> None:
        if time.monotonic() >= self._spool_until:
            try:
                self._store.record_opt_outs(events)
            except (
                NewsletterError
            ):  # busy, full or damaged: said by those who send; the reader is not to wait for it
                self._spool_until = time.monotonic() + SPOOL_FOR_S
            else:
                return
        self._store.spool_opt_outs(events)
        self._spooled = True

    def _take_in(self) -> None:
        if self._spooled:
            with contextlib.suppress(NewsletterError):  # next time; whoever sends takes it in anyway
                self._store.take_in_spooled()
                self._spooled = False


def _fail(task: _Task, fault: Exception) -> None:
    failed = NotKept(str(fault))
    failed.__cause__ = fault
    task.done.set_exception(failed)
