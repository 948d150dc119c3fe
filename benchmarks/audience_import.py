"""An import of a synthetic million beside the floor: reading the same file with csv and inserting its rows.

Prints both in the same run, and the memory of the import; `ROWS=100000` for less. The aim is at most ten times the
floor, 60 s and 150 MB.
"""

import contextlib
import csv
import os
import platform
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROWS = int(os.environ.get("ROWS", "1000000"))
DOMAINS = 3000
CITIES = ("Visby", "Stockholm", "Göteborg", "Malmö", "Umeå", "Örebro", "", "Kiruna")


def main() -> None:
    """Run, print, judge nothing."""
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}, {ROWS} rows")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "million.csv"
        make(source)
        floor = bare(source, folder / "floor.db")
        (folder / "newsletter.toml").write_text('[list.many]\nbasis = "customer"\n', encoding="utf-8")
        first, memory = run(folder, source)
        again, _ = run(folder, source)
        print(f"csv.reader and executemany      {floor:6.1f} s")
        print(f"import                          {first:6.1f} s   {first / floor:.1f} x   {memory:.0f} MB")
        print(f"the same file again             {again:6.1f} s   {again / floor:.1f} x")


def make(path: Path) -> None:
    dice = random.Random(2015)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["email", "first_name", "last_name", "city", "tags", "seminars"])
        for number in range(ROWS):
            domain = f"d{dice.randrange(DOMAINS)}.example.org"
            city = CITIES[number % len(CITIES)]
            writer.writerow(
                [
                    f"p{number}@{domain}",
                    f"Åsa{number % 977}",
                    f"Öst{number % 1009}",
                    city,
                    "kommun",
                    number % 9,
                ]
            )


def bare(path: Path, database: Path) -> float:
    begun = time.perf_counter()
    with (
        contextlib.closing(sqlite3.connect(database, isolation_level=None)) as raw,
        path.open(encoding="utf-8", newline="") as file,
    ):
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("CREATE TABLE row (a, b, c, d, e, f)")
        raw.execute("BEGIN")
        raw.executemany("INSERT INTO row VALUES (?, ?, ?, ?, ?, ?)", csv.reader(file))
        raw.execute("COMMIT")
    return time.perf_counter() - begun


def run(folder: Path, source: Path) -> tuple[float, float]:
    """Seconds of the whole command, and its peak of memory in MB."""
    begun = time.perf_counter()
    command = [
        sys.executable,
        "-m",
        "newsletter",
        "-C",
        str(folder),
        "import",
        str(source),
        "--list",
        "many",
        "-q",
    ]
    subprocess.run(command, check=True)
    took = time.perf_counter() - begun
    return took, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


if __name__ == "__main__":
    main()
