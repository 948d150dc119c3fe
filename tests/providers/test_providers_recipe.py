"""`docs/adding-a-provider.md` is a recipe that works: a fourth provider is added as it says, and judged by the suite."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "adding-a-provider.md"
BLOCK = re.compile(r"^```python file=(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the suite needs of a checkout, with the page's provider in it."""
    folder = tmp_path / "checkout"
    for name in ("newsletter", "tests/providers"):  # with what is compiled: each suite starts Python anew
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "tests" / "conftest.py", folder / "tests")
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "problems.md", folder / "docs")
    ((name, text),) = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def suite(checkout: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "pile",
         "tests/providers/test_providers_contract.py"],
        cwd=checkout, env=environment | {"PYTHONPATH": str(checkout)}, capture_output=True, text=True,
        encoding="utf-8", check=False,
    )  # fmt: skip


def test_the_suite_runs_on_the_added_provider_and_passes(checkout: Path) -> None:
    ran = suite(checkout)
    assert ran.returncode == 0, ran.stdout
    number = re.search(r"(\d+) passed", ran.stdout)
    assert number
    assert int(number[1]) >= 14


@pytest.mark.parametrize(
    ("right", "wrong", "caught_by"),
    [
        ("                file.write(request.payload)\n", "", "arrives_once"),
        ("return Outcome(answer, detail", "return Outcome(Answer.ACCEPTED, detail", "never_accepted"),
        ("return {sid: sid in there", "return {sid: True", "evidence"),
    ],
)
def test_the_suite_catches_one_that_breaks_a_promise(
    checkout: Path, right: str, wrong: str, caught_by: str
) -> None:
    file = checkout / "newsletter" / "providers" / "pile.py"
    text = file.read_text(encoding="utf-8")
    assert right in text
    file.write_text(text.replace(right, wrong), encoding="utf-8")
    ran = suite(checkout)
    assert ran.returncode == 1
    assert re.search(rf"^FAILED .*{caught_by}", ran.stdout, re.MULTILINE), ran.stdout


def test_the_suite_catches_one_that_leaves_the_machine_without_a_server_to_try_it_on(checkout: Path) -> None:
    file = checkout / "newsletter" / "providers" / "pile.py"
    text = file.read_text(encoding="utf-8")
    assert "    return True\n" in text
    file.write_text(text.replace("    return True\n", "    return False\n"), encoding="utf-8")
    ran = suite(checkout)
    assert ran.returncode == 1
    assert "tests/providers/cases/pile.py has to make a server" in ran.stdout


def test_its_name_is_one_that_the_settings_know(checkout: Path) -> None:
    """And it sends: the smallest project, through the added provider, from the command line."""
    project = checkout / "project"
    shutil.copytree(ROOT / "tests" / "broken" / "_project", project)
    settings = project / "newsletter.toml"
    text = settings.read_text(encoding="utf-8")
    public = 'public_url = "https://brev.example.org"'

    def send() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "newsletter", "-C", str(project), "--env", "heap", "send", "hej", "--confirm", "3"],
            cwd=checkout, env=os.environ | {"PYTHONPATH": str(checkout)}, capture_output=True, text=True,
            encoding="utf-8", check=False,
        )  # fmt: skip

    settings.write_text(f'{text}\n[env.heap]\nprovider = "pile"\n{public}\n', encoding="utf-8")
    told = send()
    ledger = re.search(r'ledger = "\w+"', told.stderr)
    assert ledger, told.stderr
    settings.write_text(f'{text}\n[env.heap]\nprovider = "pile"\n{public}\n{ledger[0]}\n', encoding="utf-8")
    sent = send()
    assert (sent.returncode, "3 accepted of 3   (pile)" in sent.stdout) == (0, True), sent.stderr
    lines = (project / "out" / "outbox" / "pile.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3


def test_the_page_passes_the_houses_own_checks(checkout: Path) -> None:
    ruff = Path(sys.executable).with_name("ruff")
    for command in (
        [str(ruff), "format", "--check", "newsletter/providers/pile.py"],
        [sys.executable, "-m", "mypy", "--follow-imports=silent", "newsletter/providers/pile.py"],
    ):
        ran = subprocess.run(
            command, cwd=checkout, capture_output=True, text=True, encoding="utf-8", check=False
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
