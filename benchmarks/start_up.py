"""How long `newsletter --help` and `--version` take beside a bare Python, and what they import.

Prints medians of interleaved runs with machine and versions; the aim for `--help` is under 0.3 s.
"""

import os
import platform
import statistics
import subprocess
import sys
import time
from importlib.metadata import version

RUNS = 15
HEAVY = (
    "sqlalchemy",
    "premailer",
    "sendgrid",
    "rich",
    "mjml",
    "lxml",
    "pydantic",
    "jinja2",
    "markdown_it",
    "PIL",
)
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import click": [sys.executable, "-c", "import click"],
    "newsletter --version": [sys.executable, "-m", "newsletter", "--version"],
    "newsletter --help": [sys.executable, "-m", "newsletter", "--help"],
}


def main() -> None:
    """Run, print, judge nothing."""
    print(f"{platform.platform()}, {os.cpu_count()} cores")
    print(f"Python {platform.python_version()}, click {version('click')}")
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(RUNS):
        for name, command in COMMANDS.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            times[name].append(time.perf_counter() - start)
    for name, taken in times.items():
        print(
            f"{name:<22} median {statistics.median(taken):.3f} s   min {min(taken):.3f}   max {max(taken):.3f}"
        )
    print(f"imported for --help, of the heavy ones: {', '.join(imported()) or 'none'}")


def imported() -> list[str]:
    """The heavy packages that `newsletter --help` has loaded when it ends."""
    code = (
        "import sys; from newsletter.cli.app import run; run(['--help']); "
        f"print('LOADED', *[name for name in {HEAVY!r} if name in sys.modules])"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, encoding="utf-8"
    ).stdout
    return out.rsplit("LOADED", 1)[1].split()


if __name__ == "__main__":
    main()
