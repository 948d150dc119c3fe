"""The program in a process that may be killed: started with everything imported, so that kills meet the work.

What is changed in it is changed here, from outside, at run time: the machine's faults, and the ledgers that are
broken on purpose so that a test can see them caught.
"""

import contextlib
import multiprocessing
import os
import random
import resource
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

from . import breakages
from .peers import wait_until
from .points import Tracer

PRELOAD = (
    "newsletter.cli.app", "newsletter.cli.send", "newsletter.cli.run", "newsletter.cli.subscriber",
    "newsletter.cli.importing", "newsletter.cli.resolve", "newsletter.delivery.send", "newsletter.store.store",
    "newsletter.people.forget", "newsletter.people.importing", "newsletter.schedule.tick",
    "newsletter.render.composition", "newsletter.providers.outbox", "newsletter.providers.smtp",
    "newsletter.providers.sendgrid", "newsletter.mail.message", "newsletter.web.serve", "newsletter.web.recorder",
    "newsletter.cli.serve", "tests.chaos.child",
)  # fmt: skip


@dataclass(frozen=True)
class Machine:
    """What is wrong with the machine, for one process."""

    clock: tuple[
        tuple[float, float], ...
    ] = ()  # (seconds after the start, by how many seconds it is wrong then)
    patience_s: float | None = None  # for a ledger that another program holds
    largest_file: int | None = None  # bytes: whatever is written behind that fails, as on a full disk
    files: int | None = None  # descriptors
    broken: str = ""  # a breakage of the ledger
    trace: str = ""  # a file for the points of this run
    die_at: int = 0  # the number of the point at which it is killed
    gate: str = ""  # it waits before its first claim until this file is there, and makes GATE.reached
    environment: Mapping[str, str] = field(default_factory=dict)


def context() -> ForkServerContext:
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(list(PRELOAD))
    return found


def start(
    forks: ForkServerContext, folder: Path, arguments: tuple[str, ...], machine: Machine, log: Path
) -> ForkServerProcess:
    process = forks.Process(target=_live, args=(str(folder), arguments, machine, str(log)))
    process.start()
    return process


def kill(process: ForkServerProcess) -> None:
    with contextlib.suppress(ProcessLookupError):  # it may just have come to its end
        os.kill(process.pid or 0, signal.SIGKILL)
    process.join()


def _live(folder: str, arguments: tuple[str, ...], machine: Machine, log: str) -> None:
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.update(machine.environment)
    random.seed()  # else every fork would draw the same batches
    call = _prepared(machine)
    os._exit(call(["-C", folder, *arguments]))


def _prepared(machine: Machine) -> Callable[[list[str]], int]:
    from newsletter.cli.app import run
    from newsletter.delivery import sender
    from newsletter.store import sqlite

    sender.PUT_OFF_CAP = timedelta(seconds=0.5)
    if machine.patience_s is not None:
        sqlite.BUSY_TIMEOUT_S = machine.patience_s  # type: ignore[assignment]
    if machine.clock:
        _jump(machine.clock)
    if machine.broken:
        breakages.BROKEN[machine.broken]()
    if machine.gate:
        _wait_at(Path(machine.gate))
    if machine.largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (machine.largest_file, machine.largest_file))
    if machine.files is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (machine.files, machine.files))
    if machine.trace:
        Tracer(Path(machine.trace), machine.die_at).install()
    return run


def _wait_at(gate: Path) -> None:
    from newsletter.store.store import Store

    real = Store.claim

    def claim(*args: Any, **keywords: Any) -> Any:
        gate.with_name(f"{gate.name}.reached").touch()
        wait_until(gate.exists)
        return real(*args, **keywords)

    Store.claim = claim  # type: ignore[method-assign]


def _jump(jumps: tuple[tuple[float, float], ...]) -> None:
    from newsletter.check.workspace import Clock

    began = time.monotonic()

    def now(self: Any) -> datetime:
        passed = time.monotonic() - began
        wrong = [by for after, by in jumps if after <= passed]
        return datetime.now(UTC) + timedelta(seconds=wrong[-1] if wrong else 0)

    Clock.now = now  # type: ignore[method-assign]
