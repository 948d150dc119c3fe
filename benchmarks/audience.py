"""A synthetic million people: an import into list and store, an unchanged list, ten segments, the freezer, why.

Both sides of each comparison are measured in the same run, in processes of their own, in seconds of the
processor (so that a busy machine tells the same), with the peak of memory.
The people are made from a seed below a temporary folder. `--people N` takes fewer.
"""

import argparse
import csv
import json
import os
import platform
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import freezing
import million


def opened(folder: Path, *, keep: bool = True) -> Any:
    from newsletter.check.workspace import Clock, Workspace
    from newsletter.files.project import Project
    from newsletter.settings.load import load_settings

    project = Project(folder)
    workspace = Workspace(
        project, load_settings(project), Clock(datetime(2015, 7, 3, 9, tzinfo=UTC)), keep=keep
    )
    assert workspace.lists  # noqa: S101 - opened here
    return workspace


def load(folder: Path) -> None:
    opened(folder).close()


def count(folder: Path) -> dict[str, dict[str, float]]:
    """Each segment by itself and by hand, interleaved: medians in seconds, and that both find as many."""
    from newsletter.audience.sample import line

    workspace = opened(folder)
    names = workspace.segments.names  # read before the clock runs
    own = sqlite3.connect(folder / ".newsletter" / "lists.db")
    found = {
        (name, kind): f"c{number}"
        for name, kind, number in own.execute("SELECT name, type, id FROM attribute")
    }
    tags = dict(own.execute("SELECT folded, id FROM tag_name"))
    a, b = line("prov")
    words = {
        "city": found["city", "text"], "seminars": found["seminars", "number"],
        "partner_since": found["partner_since", "date"],
        "consent_at": found["consent_at", "day"], "press": tags["press"], "kommun": tags["kommun"], "a": a, "b": b,
        "version": own.execute("SELECT version FROM list WHERE state = 'current'").fetchone()[0],
    }  # fmt: skip
    result = {}
    for name in names:
        by_hand = f"SELECT count(*) FROM entry WHERE {million.SEGMENTS[name][1].format(**words)}"  # noqa: S608
        ours, theirs = [], []
        for _ in range(5):
            start = time.process_time()
            number = workspace.count(name)
            ours.append(time.process_time() - start)
            start = time.process_time()
            (expected,) = own.execute(by_hand).fetchone()
            theirs.append(time.process_time() - start)
            assert number == expected, (name, number, expected)  # noqa: S101 - a wrong count is no count
        result[name] = {
            "people": number,
            "ours": statistics.median(ours),
            "by hand": statistics.median(theirs),
        }
    return result


def stream(folder: Path) -> int:
    """Everybody who may be mailed, as a send freezes them: one at a time, from the copy into the ledger."""
    from newsletter.delivery.ledger import open_ledger, persons
    from newsletter.delivery.plan import OptOuts, sift_segment
    from newsletter.store.values import NewRun

    workspace = opened(folder)
    store, secret = open_ledger(workspace.project, workspace.settings)
    flow = sift_segment(workspace, "alla", OptOuts.read(store, secret))
    new = NewRun("local", "brev", "c", "p", {}, datetime(2015, 7, 3, tzinfo=UTC))
    run = store.freeze(new, persons(flow.recipients, secret), excluded=flow.counts, batch_size=500)
    assert run is not None  # noqa: S101
    return run.total


def waterfall(folder: Path) -> int:
    from newsletter.delivery.plan import OptOuts, sift_segment

    return len(sift_segment(opened(folder), "alla", OptOuts(None, {})).recipients)


def stages() -> dict[str, Callable[[Path], Any]]:
    return {
        "bare": lambda path: million.bare(path, path.with_suffix(".db")),
        "again": load,
        "count": count,
        "waterfall": waterfall,
        "stream": stream,
        "floor of a freeze": lambda folder: freezing.bare(folder, _number(folder)),
        "freeze": lambda folder: freezing.freeze(folder, _number(folder)),
    }


def _number(folder: Path) -> int:
    return int(folder.name)


@dataclass(frozen=True)
class Ran:
    """A process of its own: seconds of the processor and of the clock, peak of memory in MB, what it printed."""

    cpu: float
    clock: float
    mb: int
    told: str


def ran(*command: str) -> Ran:
    begun = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        assert process.stdout is not None  # noqa: S101
        told = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command}: exit {process.returncode}")
    return Ran(used.ru_utime + used.ru_stime, time.perf_counter() - begun, used.ru_maxrss // 1024, told)


def program(folder: Path, *arguments: str) -> Ran:
    return ran("-m", "newsletter", "-C", str(folder), *arguments)


def stage(name: str, folder: Path) -> dict[str, Any]:
    """Seconds of the processor, without what a command imports; what it found; its peak of memory in MB."""
    read: dict[str, Any] = json.loads(ran(__file__, "--stage", name, str(folder)).told)
    return read


def median_of(folder: Path, *arguments: str) -> float:
    """Seconds of the processor for a call of the program, the median of five."""
    return statistics.median(program(folder, *arguments).cpu for _ in range(5))


def report_import(folder: Path, people: int, *, source: str = "") -> Path:
    """A project whose list came in; source: with a record of consent for each"""
    million.make(folder)
    path = folder / "arrived.csv"
    million.write(path, people, source=source)
    before = stage("bare", path)["s"]
    taken = program(folder, "import", str(path), "--list", "alla", "-q")
    floor = (before + stage("bare", path)["s"]) / 2  # a machine is not as fast now as it is then
    what = "import, with consents" if source else "import into list and store"
    if not source:
        number = f"{people:,}".replace(",", " ")
        print(f"{number} people, {path.stat().st_size / 1e6:.0f} MB, 13 columns\n")
        print(f"csv read + executemany       {floor:6.2f} s   (the mean of before and after)")
    times = f"{taken.cpu / floor:.1f}x of a bare read and insert"
    aim = "" if source else " (aim <= 10)"
    print(f"{what:<28} {taken.cpu:6.2f} s   {times}{aim}, {taken.clock:.0f} s by the clock   {taken.mb} MB")
    return path


def report_segments(folder: Path) -> None:
    counted = stage("count", folder)["found"]
    print(f"\n{'segment':<12} {'people':>9}   {'count':>7}   {'by hand':>7}")
    for name, each in counted.items():
        times = each["ours"] / each["by hand"]
        print(
            f"{name:<12} {each['people']:>9}   {each['ours']:6.3f}s   {each['by hand']:6.3f}s   {times:.1f}x"
        )
    middle = statistics.median(each["ours"] for each in counted.values())
    worst = max(each["ours"] / each["by hand"] for each in counted.values())
    print(f"median {middle:.3f} s (aim < 0.5), at worst {worst:.1f}x of hand-written SQL (aim <= 3)\n")


def report_freezer(folder: Path, few: Path) -> None:
    fallen, frozen = stage("waterfall", folder), stage("stream", folder)
    print(
        f"waterfall of everybody       {fallen['s']:6.2f} s   {fallen['found']} recipients   {fallen['mb']} MB"
    )
    print(
        f"stream to the freezer        {frozen['s']:6.2f} s   {frozen['found']} frozen   {frozen['mb']} MB;"
        f" a tenth of them {stage('stream', few)['mb']} MB (aim: the same)"
    )


def report_freeze(folder: Path, people: int) -> None:
    """The ledger's part alone, beside the rows that it writes."""
    place = folder / str(people)
    place.mkdir()
    floor, ours = stage("floor of a freeze", place)["found"], stage("freeze", place)
    found = ours["found"]
    print(
        f"executemany of such rows     {floor['all']:6.2f} s   of batches and members alone {floor['batches']:.2f} s"
    )
    print(
        f"freeze, people never seen    {found['new']:6.2f} s   {found['new'] / floor['all']:.1f}x of all these rows"
        f" (aim <= 2)   {ours['mb']} MB (aim < 120)"
    )
    print(f"freeze, people known         {found['again']:6.2f} s   {found['again'] / floor['all']:.1f}x")
    print(
        f"{found['opt_outs']:.0f} opt-outs meanwhile          longest {found['longest']:.2f} s by the clock,"
        f" of a hundred the slowest {found['p99']:.2f} s"
    )


def report_why(folder: Path, path: Path, small: Path) -> None:
    million.make(small)
    million.write(small / "subscribers" / "alla.csv", 10)
    program(small, "segment", "load")
    start_up = median_of(small, "segment", "count", "nastlad")
    with path.open(encoding="utf-8") as file:
        email = list(csv.reader([line for line, _ in zip(file, range(3), strict=False)]))[2][0]
    why = median_of(folder, "segment", "why", "nastlad", email)
    print(f"segment why                  {why:6.2f} s   {why - start_up:.2f} s beyond start-up (aim < 0.2)")


def report(folder: Path, people: int) -> None:
    everybody = folder / "all"
    path = report_import(everybody, people)
    print(f"the unchanged list again     {stage('again', everybody)['s']:6.2f} s   (aim < 0.2)")
    report_import(folder / "consents", people // 10, source="Anmälan")
    report_segments(everybody)
    loaded(folder / "few", people // 10)
    report_freezer(everybody, folder / "few")
    report_freeze(folder, people)
    report_why(everybody, path, folder / "small")


def loaded(folder: Path, people: int) -> None:
    million.make(folder)
    million.write(folder / "subscribers" / "alla.csv", people)
    program(folder, "segment", "load")


def main() -> None:
    """Run, print, judge nothing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--stage", nargs=2)
    given = parser.parse_args()
    if given.stage:
        name, folder = given.stage
        import newsletter.check.workspace
        import newsletter.delivery.plan  # noqa: F401 - what a command imports is start-up, measured elsewhere

        start = time.process_time()
        found = stages()[name](Path(folder))
        taken = time.process_time() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(json.dumps({"s": taken, "found": found, "mb": peak}))
        return
    print(
        f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()},"
        f" SQLite {sqlite3.sqlite_version}"
    )
    with tempfile.TemporaryDirectory() as folder:
        report(Path(folder), given.people)


if __name__ == "__main__":
    main()
