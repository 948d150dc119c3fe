"""How many opt-outs a second the page takes over loopback, and how long one waits; also while the ledger is held.

One process serves, this one asks by kept connections. Each answer of 200 is on disk. Beside it the floor under that:
a bare SQLite that commits one row at a time, synchronous=FULL, in the same folder.
"""

import contextlib
import http.client
import os
import platform
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from importlib.metadata import version
from pathlib import Path

from newsletter.files.project import Project
from newsletter.mail.links import unsubscribe_url
from newsletter.settings.load import load_settings
from newsletter.settings.secret import load_secret

POSTS = 1500
HELD = 400
BODY = b"List-Unsubscribe=One-Click"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def main() -> None:
    """Run, print, judge nothing."""
    print(f"{platform.platform()}, {os.cpu_count()} cores")
    print(
        f"Python {platform.python_version()}, starlette {version('starlette')}, uvicorn {version('uvicorn')}"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "newsletter.toml").write_text('language = "sv"\n', encoding="utf-8")
        print(f"bare SQLite, a row a commit              {floor(folder):7.0f} /s")
        command = [sys.executable, "-m", "newsletter", "-C", name, "serve", "--port", "0"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8") as server:
            try:
                measure(folder, server)
            finally:
                server.terminate()


def measure(folder: Path, server: "subprocess.Popen[str]") -> None:
    if server.stderr is None:
        raise SystemExit("it did not come up")
    found = re.search(r":(\d+)/", server.stderr.readline())
    if found is None:
        raise SystemExit("it did not come up")
    port = int(found[1])
    project = Project(folder)
    secret = load_secret(project, load_settings(project))
    if secret is None:
        raise SystemExit("it did not come up")
    paths = (
        unsubscribe_url("http://x", secret, f"reader{n}@example.org", "list", "sv").removeprefix("http://x")
        for n in range(10**9)
    )
    for connections in (1, 4, 16):
        some = [next(paths) for _ in range(POSTS)]
        report(f"POST, {connections} connections", *run(port, some, connections))
    with contextlib.closing(
        sqlite3.connect(folder / ".newsletter" / "state.db", isolation_level=None)
    ) as other:
        other.execute("BEGIN IMMEDIATE")
        report("POST, 4 connections, ledger held (spool)", *run(port, [next(paths) for _ in range(HELD)], 4))
        other.execute("ROLLBACK")


def run(port: int, paths: list[str], connections: int) -> tuple[float, list[float]]:
    """Seconds in all, and of each answer."""
    waits: list[float] = []
    waiting = list(paths)

    def work() -> None:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
            while True:
                try:
                    path = waiting.pop()
                except IndexError:
                    return
                begun = time.perf_counter()
                connection.request("POST", path, BODY, FORM)
                answer = connection.getresponse()
                answer.read()
                waits.append(time.perf_counter() - begun)
                if answer.status != 200:
                    raise SystemExit(f"answered {answer.status}")

    threads = [threading.Thread(target=work) for _ in range(connections)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - begun, waits


def report(what: str, took_s: float, waits: list[float]) -> None:
    p50, p99 = statistics.median(waits) * 1000, statistics.quantiles(waits, n=100)[98] * 1000
    print(f"{what:<40} {len(waits) / took_s:7.0f} /s   median {p50:6.1f} ms   p99 {p99:6.1f} ms")


def floor(folder: Path, rows: int = 1000) -> float:
    with contextlib.closing(sqlite3.connect(folder / "floor.db", isolation_level=None)) as raw:
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("PRAGMA synchronous=FULL")
        raw.execute("CREATE TABLE one (n INTEGER PRIMARY KEY, who BLOB)")
        begun = time.perf_counter()
        for number in range(rows):
            raw.execute("INSERT INTO one VALUES (?, ?)", (number, b"0123456789abcdef"))
        return rows / (time.perf_counter() - begun)


if __name__ == "__main__":
    main()
