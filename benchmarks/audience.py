"""A synthetic million people: loading, an unchanged list, ten segments beside hand-written SQL, freezer, why.

Both sides of each comparison are measured in the same run, in processes of their own, in seconds of the
processor (so that a busy machine tells the same), with the peak of memory.
The people are made from a seed below a temporary folder. `--people N` takes fewer.
"""

import argparse
import csv
import json
import os
import platform
import random
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

COLUMNS = (
    "email", "first_name", "last_name", "organisation", "city", "language", "timezone", "tags", "consent_source",
    "consent_at", "status", "seminars", "partner_since",
)  # fmt: skip
SETTINGS = """timezone = "Europe/Stockholm"
[attributes]
seminars = "number"
partner_since = "date"
[list.alla]
basis = "member"
"""
CITIES = ("Visby", "Stockholm", "Göteborg", "Malmö", "Växjö", "Umeå", "Åre", "Örebro", "Lund", "Kiruna")
TAGS = ("press", "kommun", "företag", "webbtext", "kommunikation", "student")
# Segment, and the same as somebody would write it by hand over the copy's columns.
SEGMENTS = {
    "en-stad": ("city == 'Visby'", "{city} = 'visby'"),
    "tre-stader": ("city in ['Visby', 'Lund', 'Åre']", "{city} IN ('visby', 'lund', 'åre')"),
    "inte-stad": ("is_set(city) and city != 'Visby'", "{city} IS NOT NULL AND {city} <> 'visby'"),
    "trogna": ("list == 'alla' and seminars >= 3", "version = {version} AND {seminars} >= 3"),
    "en-tagg": ("tag == 'press'", "id IN (SELECT entry FROM tag WHERE tag = {press})"),
    "utan-tagg": ("not tag == 'press'", "id NOT IN (SELECT entry FROM tag WHERE tag = {press})"),
    "nya": ("partner_since >= 2015-01-01", "{partner_since} >= 735599"),
    "samtycke": ("consent_at > today - 24 months", "{consent_at} > 735052"),
    "nastlad": (
        "(city == 'Visby' or city == 'Lund') and (seminars > 1 or tag == 'kommun') and not consent_at < 2014-01-01",
        """{city} IN ('visby', 'lund') AND ({seminars} > 1 OR id IN (SELECT entry FROM tag WHERE tag = {kommun}))
        AND ({consent_at} IS NULL OR {consent_at} >= 735234)""",
    ),
    "i-segment": (
        "segment('trogna') and not segment('en-stad') and sample(50%, 'prov')",
        """version = {version} AND {seminars} >= 3 AND ({city} IS NULL OR {city} <> 'visby')
        AND (h31 * {a} + {b}) % 2147483647 < 1073741823""",
    ),
}


def make(folder: Path, people: int) -> Path:
    """The list, its settings and segments; the same for the same number."""
    chance = random.Random(2015)
    (folder / "subscribers").mkdir(parents=True)
    (folder / "campaigns").mkdir()
    (folder / "newsletter.toml").write_text(SETTINGS, encoding="utf-8")
    rules = "".join(
        f"[{name}]\nwhere = {json.dumps(rule, ensure_ascii=False)}\n" for name, (rule, _) in SEGMENTS.items()
    )
    (folder / "subscribers" / "segments.toml").write_text(rules, encoding="utf-8")
    path = folder / "subscribers" / "alla.csv"
    first = date(2012, 1, 1)
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        for number in range(people):
            day = first + timedelta(days=chance.randrange(1280))
            rows.writerow([
                f"lasare{number}@{chance.choice(('exempel', 'brev', 'post'))}{number % 997}.example.org",
                chance.choice(("Åsa", "Anna", "Björn", "Erik", "Lo", "")),
                chance.choice(("Berg", "Öst", "Lindqvist", "Ärlig")),
                f"Organisation {number % 5000}", chance.choice((*CITIES, "")), "sv", "Europe/Stockholm",
                ";".join(chance.sample(TAGS, chance.choice((0, 1, 1, 2)))), "Anmälan", day.isoformat(),
                "unsubscribed" if number % 97 == 0 else "", chance.randrange(6) if number % 3 else "",
                day.isoformat() if number % 4 == 0 else "",
            ])  # fmt: skip
    return path


def bare(folder: Path) -> None:
    """The least that a load can be: read by the csv module, written as it is."""
    own = sqlite3.connect(folder / "bare.db", isolation_level=None)
    own.execute("PRAGMA journal_mode=WAL")
    own.execute("PRAGMA synchronous=NORMAL")
    with (folder / "subscribers" / "alla.csv").open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        header = next(rows)
        own.execute(f"CREATE TABLE plain ({', '.join(header)})")
        own.execute("BEGIN")
        own.executemany(f"INSERT INTO plain VALUES ({', '.join('?' * len(header))})", rows)  # noqa: S608
        own.execute("COMMIT")
    own.close()


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
        by_hand = f"SELECT count(*) FROM entry WHERE {SEGMENTS[name][1].format(**words)}"  # noqa: S608
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


def freeze(folder: Path) -> int:
    """Everybody who may be mailed, as the freezer takes them: one at a time."""
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
        "bare": bare,
        "load": load,
        "again": load,
        "count": count,
        "waterfall": waterfall,
        "freeze": freeze,
    }


def stage(name: str, folder: Path) -> dict[str, Any]:
    """One stage in a process of its own: seconds, what it says, its peak of memory in MB."""
    told = subprocess.run(
        [sys.executable, __file__, "--stage", name, str(folder)],
        check=True,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    read: dict[str, Any] = json.loads(told.stdout)
    return read


def command(folder: Path, *arguments: str) -> float:
    """Seconds of the processor for a call of the program, the median of five."""
    taken = []
    for _ in range(5):
        start = _children()
        subprocess.run(
            [sys.executable, "-m", "newsletter", "-C", str(folder), *arguments],
            check=True,
            capture_output=True,
        )
        taken.append(_children() - start)
    return statistics.median(taken)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def report(folder: Path, people: int) -> None:
    path = make(folder, people)
    size = path.stat().st_size / 1e6
    print(f"{people:,} people, {size:.0f} MB, 13 columns\n".replace(",", " "))
    plain, loaded, again = (stage(name, folder) for name in ("bare", "load", "again"))
    print(f"csv read + executemany       {plain['s']:6.2f} s")
    ratio = loaded["s"] / plain["s"]
    print(
        f"load into the copy           {loaded['s']:6.2f} s   {ratio:.1f}x of it (aim <= 10, <= 60 s)"
        f"   {loaded['mb']} MB (aim < 150)"
    )
    print(f"the unchanged list again     {again['s']:6.2f} s   (aim < 0.2)")
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
    fallen, frozen = stage("waterfall", folder), stage("freeze", folder)
    print(
        f"waterfall of everybody       {fallen['s']:6.2f} s   {fallen['found']} recipients   {fallen['mb']} MB"
    )
    few = folder / "few"
    make(few, people // 10)
    load_few = stage("freeze", few)
    print(
        f"stream to the freezer        {frozen['s']:6.2f} s   {frozen['found']} frozen   {frozen['mb']} MB;"
        f" a tenth of them {load_few['mb']} MB (aim: the same)"
    )
    small = folder / "small"
    make(small, 10)
    command(small, "segment", "load")
    start_up = command(small, "segment", "count", "nastlad")
    with path.open(encoding="utf-8") as file:
        email = list(csv.reader([line for line, _ in zip(file, range(3), strict=False)]))[2][0]
    why = command(folder, "segment", "why", "nastlad", email)
    print(f"segment why                  {why:6.2f} s   {why - start_up:.2f} s beyond start-up (aim < 0.2)")


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
        report(Path(folder) / "all", given.people)


if __name__ == "__main__":
    main()
