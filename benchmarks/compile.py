"""Compiling letters beside the official compiler, and the whole compile of each shipped campaign.

Methods are interleaved in one run, each timed inside its own process; medians of the best of five in a row, in
milliseconds, with machine and versions. The aims stand beside the ratios; nothing is judged.
"""

import gc
import importlib.util
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
JUDGE = ROOT / "tools" / "judge"
LETTERS = (
    "almedalen-recap",
    "valkommen-birger-blom",
    "valkommen-komm",
    "sju-tips/beratta",
    "sju-tips/energi",
)
ROUNDS = 25
WARM_UP = 5
IN_A_ROW = 5
AGAIN = 10  # warm compiles of one campaign


def main() -> None:
    """Run, print, judge nothing."""
    names = ("mjml-python", "premailer", "cssutils", "jinja2")
    print(f"{platform.platform()}, {os.cpu_count()} cores, {_processor()}")
    print(f"Python {platform.python_version()}, {', '.join(f'{name} {version(name)}' for name in names)}")
    if shutil.which("node") and shutil.which("npm"):
        _beside_the_official_compiler()
    else:
        print("left out, as there is no Node: mjml-python and premailer beside npm mjml and juice")
    _whole()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
        "unknown processor",
    )


class Official:
    """npm mjml in one process that stays warm; it takes the time itself, so that no pipe is measured."""

    def __init__(self) -> None:
        self._node = subprocess.Popen(
            ["node", "mjml.mjs"], cwd=JUDGE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )

    def __call__(self, mjml: str) -> float:
        """Milliseconds for one letter."""
        if self._node.stdin is None or self._node.stdout is None:
            raise AssertionError("both are pipes")
        self._node.stdin.write(json.dumps({"mjml": mjml}) + "\n")
        self._node.stdin.flush()
        answer = json.loads(self._node.stdout.readline())
        if answer["errors"]:
            raise SystemExit(f"npm mjml finds fault: {answer['errors']}")
        return float(answer["ms"])

    def close(self) -> None:
        self._node.communicate()


def _beside_the_official_compiler() -> None:
    from newsletter.render.inline import inline_css
    from newsletter.render.mjml.engine import MjmlPython
    from newsletter.render.mjml.layer import Page, compile_mjml

    if not (JUDGE / "node_modules").is_dir():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=JUDGE, check=True)
    packages = json.loads((JUDGE / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    peers = ", ".join(f"{name} {packages[f'node_modules/{name}']['version']}" for name in ("mjml", "juice"))
    node = subprocess.run(
        ["node", "--version"], capture_output=True, check=True, encoding="utf-8"
    ).stdout.strip()
    print(f"Node {node}, npm {peers}\n")
    page, engine = Page("sv", "ltr", "", ""), MjmlPython()

    def compiled(mjml: str) -> float:
        start = time.perf_counter()
        compile_mjml(mjml, page, engine)
        return (time.perf_counter() - start) * 1000

    def inlined(mjml: str) -> float:
        start = time.perf_counter()
        done = compile_mjml(mjml, page, engine)
        inline_css(done.html, done.css)
        return (time.perf_counter() - start) * 1000

    letters = _letters()
    official = Official()
    bare = {name: letters.letter(name) for name in LETTERS}
    full = {name: letters.letter(name, sheet=True) for name in LETTERS}
    gc.collect()
    gc.freeze()  # what making the letters left in memory is not gone through again
    _compare("MJML to HTML: layer + mjml-python beside npm mjml", bare, compiled, official, aim=5.0)
    _compare("and inlined: + premailer beside npm mjml + juice", full, inlined, official, aim=1.0)
    official.close()


def _letters():
    """The module that makes standard MJML of the shipped letters for the golden files."""
    spec = importlib.util.spec_from_file_location("letters", ROOT / "tests" / "golden" / "letters.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _compare(
    title: str,
    letters: dict[str, str],
    ours: Callable[[str], float],
    theirs: Callable[[str], float],
    *,
    aim: float,
) -> None:
    taken: dict[tuple[str, str], list[float]] = {}
    for turn in range(WARM_UP + ROUNDS):
        for name, mjml in letters.items():
            for who, method in (("ours", ours), ("theirs", theirs)):
                # Both are woken from waiting for the other: what is measured is work, not waking up.
                milliseconds = min(method(mjml) for _ in range(IN_A_ROW))
                if turn >= WARM_UP:
                    taken.setdefault((name, who), []).append(milliseconds)
    print(f"{title} (aim: {aim:g}x)")
    ratios = []
    for name, mjml in letters.items():
        one, other = (statistics.median(taken[name, who]) for who in ("ours", "theirs"))
        ratios.append(other / one)
        print(f"  {name:<24} {len(mjml):>6} chars  {one:7.2f} ms  {other:7.2f} ms  {ratios[-1]:5.1f}x")
    mean, least = statistics.geometric_mean(ratios), min(ratios)
    print(
        f"  {'geometric mean':<24} {'':>30}  {mean:9.1f}x  least {least:.1f}x  {'met' if least >= aim else 'NOT met'}\n"
    )


def _whole() -> None:
    names = _letters().shipped()
    print("whole compile of a campaign and its first letter (aim: 60 ms warm)")
    print(f"  {'':<24} {'with imports':>13} {'cold':>9} {'warm':>9} {'peak':>9}")
    warm = []
    for name in names:
        ran = subprocess.run(
            [sys.executable, __file__, name], capture_output=True, check=True, encoding="utf-8", cwd=ROOT
        )
        one = json.loads(ran.stdout)
        warm.append(one["warm"])
        print(
            f"  {name:<24} {one['imports'] + one['cold']:>10.0f} ms {one['cold']:>6.0f} ms {one['warm']:>6.1f} ms "
            f"{one['peak']:>5.0f} MiB"
        )
    print(f"  slowest warm {max(warm):.1f} ms  {'met' if max(warm) <= 60 else 'NOT met'}")


def _one(name: str) -> None:
    """One campaign in a process of its own: prints milliseconds and MiB as JSON."""
    start = time.perf_counter()
    from newsletter.audience.load import load_audience
    from newsletter.campaigns.load import load_catalogue
    from newsletter.files.project import find_project
    from newsletter.render.composition import Links, compose
    from newsletter.settings.load import load_settings

    imports = time.perf_counter() - start
    project = find_project(ROOT)
    settings = load_settings(project)
    catalogue = load_catalogue(project, settings)
    audience = load_audience(project, settings)
    sequence, _, step = name.rpartition("/")
    campaign = (
        next(one.campaign for one in catalogue.sequences[sequence].steps if one.id == step)
        if sequence
        else catalogue.campaigns[name]
    )
    person = audience.find("asa.oberg@example.org")
    if person is None:
        raise AssertionError("she is on a shipped list")
    taken = []
    for _ in range(1 + AGAIN):
        start = time.perf_counter()
        composition = compose(
            project,
            settings,
            campaign,
            columns=audience.columns | set(settings.attributes),
            is_member=lambda _name, _person: False,
            segments={"i-visby"},
        )
        composition.fill(composition.slots(person, Links("https://newsletter.invalid/u/token")))
        taken.append((time.perf_counter() - start) * 1000)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps(
            {"imports": imports * 1000, "cold": taken[0], "warm": statistics.median(taken[1:]), "peak": peak}
        )
    )


if __name__ == "__main__":
    _one(sys.argv[1]) if len(sys.argv) > 1 else main()
