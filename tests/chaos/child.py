"""The program in a process that may be killed: started with everything imported, so that kills meet the work.

What is changed in it is changed here, from outside, at run time: the machine's faults, and the ledgers that are
broken on purpose so that a test can see them caught.
"""

import contextlib
import os
import random
import resource
import signal
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

from newsletter.audience.address import parse_address
from newsletter.files.project import Project

from . import breakages
from .peers import wait_until
from .points import Tracer


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
    snapshots: str = ""  # a folder for the project as it is at each of them
    die_at: int = 0  # the number of the point at which it is killed
    gate: str = ""  # it waits before its first claim until this file is there, and makes GATE.reached
    environment: Mapping[str, str] = field(default_factory=dict)


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
    _prepare(machine)
    kept = Path(machine.snapshots) if machine.snapshots else None
    tracer = Tracer(Path(machine.trace or os.devnull), Path(folder), die_at=machine.die_at, snapshots=kept)
    if machine.trace:
        tracer.install()
    code = _spool(Path(folder), arguments[1], tracer) if arguments[0] == "spool" else _call(folder, arguments)
    tracer.point("end")
    os._exit(code)


def _call(folder: str, arguments: tuple[str, ...]) -> int:
    from newsletter.cli.app import run

    return run(["-C", folder, *arguments])


def _spool(folder: Path, address: str, tracer: Tracer) -> int:
    """What the pages do with an opt-out while another program holds the ledger."""
    from newsletter.delivery.ledger import open_ledger
    from newsletter.settings.load import load_settings
    from newsletter.store.optouts import opted_out
    from newsletter.web.recorder import PATIENCE_S, Recorder

    project = Project(folder)
    store, secret = open_ledger(project, load_settings(project), patience_s=PATIENCE_S)
    recorder = Recorder(store)
    with contextlib.closing(
        sqlite3.connect(folder / ".newsletter" / "state.db", isolation_level=None)
    ) as other:
        other.execute("BEGIN IMMEDIATE")
        person = secret.person(parse_address(address).key)
        recorder.keep(opted_out(person, "*", "asked", "page", datetime.now(UTC))).result()
        tracer.point("kept")
        other.execute("ROLLBACK")
    recorder.close()
    store.close()
    return 0


def _prepare(machine: Machine) -> None:
    from newsletter.delivery import answers
    from newsletter.store import sqlite

    answers.PUT_OFF_CAP = timedelta(seconds=0.5)
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
