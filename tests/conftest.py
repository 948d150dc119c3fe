"""What all tests share: the program called in this process, small projects, and a clean environment."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# The same cases on every machine, and no failure because a machine was busy.
settings.register_profile("newsletter", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("newsletter")

# What is imported here is compiled once, for the processes that tests start as well. They write nothing themselves:
# a Python that finds its disk full leaves half a file behind, which all the others then fail to read.
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"

# Thousands of small files are made to last: where there is room, they do so in memory. The tests of the store and of
# crashes stay on a real file system, in which a number that was freed is given out again.
ON_DISK = ("tests/store", "tests/chaos")
_MEMORY = "/dev/shm"
_ROOM = 2 * 2**30  # bytes; a run takes a tenth of it
if os.access(_MEMORY, os.W_OK):
    _held = os.statvfs(_MEMORY)
    if _held.f_bavail * _held.f_frsize > _ROOM and not _held.f_flag & os.ST_NOEXEC:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", _MEMORY)

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ("newsletter.toml", "campaigns", "templates", "subscribers")
JULY = "2015-07-03T09:00"

# A file's tests run in one process, so that what they share is made once. The files that take longest are begun first:
# at the end all of them then have something short to do.
LONGEST_FIRST = (
    "tests/look",
    "tests/test_broken.py",
    "tests/audience/test_audience_evaluators.py",
    "tests/docs",
    "tests/flow",
    "tests/chaos",
    "tests/providers",
    "tests/store",
    "tests/web",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        starts = (item.nodeid.startswith(begun) for begun in LONGEST_FIRST)
        return next((at for at, begins in enumerate(starts) if begins), len(LONGEST_FIRST))

    items.sort(key=rank)


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    if not request.node.nodeid.startswith(ON_DISK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine's reaches a test, and no proxy does."""
    for name in list(os.environ):
        if name.startswith(("NEWSLETTER_", "SENDGRID_")) and name != "NEWSLETTER_SHARED_DATA":
            monkeypatch.delenv(name)
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@dataclass
class Called:
    """What a call of the program left: exit code, both outputs, and the envelope if it was asked for."""

    code: int
    out: str
    err: str

    @property
    def envelope(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.out)
        return read

    @property
    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = self.envelope["data"]
        return data


Call = Callable[..., Called]


@pytest.fixture
def newsletter(capfd: pytest.CaptureFixture[str]) -> Call:
    """Call the program as a shell would: `newsletter("-C", folder, "check")`."""
    from newsletter.cli.app import run

    def call(*arguments: str | Path) -> Called:
        capfd.readouterr()
        code = run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Called(code, out, err)

    return call


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Debian's Chromium through Playwright, one for all tests of a process (it takes no second); skips without."""
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def forks() -> ForkServerContext:
    """Starts processes that have everything imported, so that kills and locks meet the work."""
    from tests.forks import context

    return context()


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A fresh copy of the project that ships."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in SHIPPED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy(source, folder / name)
    return folder


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """The smallest whole project: one campaign, one template, one list of three."""
    folder = tmp_path / "small"
    shutil.copytree(ROOT / "tests" / "broken" / "_project", folder)
    return folder
