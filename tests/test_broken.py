"""Each folder in tests/broken/ is one mistake: what is told, to the letter, and that nothing was sent.

A folder lays its files over `_project`; `remove` names files to take away, `args` the command if it is not
a send. `expected.txt` holds the exit code and all that is printed on stderr.
"""

import shutil
from pathlib import Path

import pytest

BROKEN = Path(__file__).parent / "broken"
CASES = sorted(path.name for path in BROKEN.iterdir() if path.is_dir() and not path.name.startswith("_"))
OURS = ("expected.txt", "args", "remove")


def lay_out(case: str, folder: Path) -> None:
    shutil.copytree(BROKEN / "_project", folder)
    overlay = BROKEN / case
    if (overlay / "remove").exists():
        for name in (overlay / "remove").read_text(encoding="utf-8").split():
            (folder / name).unlink()
    shutil.copytree(overlay, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*OURS))


def arguments(case: str) -> list[str]:
    file = BROKEN / case / "args"
    return file.read_text(encoding="utf-8").split() if file.exists() else ["send", "hej", "--confirm", "3"]


@pytest.mark.parametrize("case", CASES)
def test_mistake_is_told_with_its_place_and_nothing_is_sent(case, tmp_path, newsletter, monkeypatch):
    folder = tmp_path / "project"
    lay_out(case, folder)
    monkeypatch.chdir(folder)
    called = newsletter(*arguments(case))
    told = f"exit {called.code}\n{called.err}".replace(str(folder), "PROJECT")
    assert told == (BROKEN / case / "expected.txt").read_text(encoding="utf-8")
    assert called.code in (3, 4)
    assert "try:" in called.err
    assert not list(folder.rglob("*.eml"))
    assert not (folder / ".newsletter" / "state.db").exists() or _no_run(folder)


def _no_run(folder: Path) -> bool:
    from newsletter.store.store import open_readonly

    store = open_readonly(folder / ".newsletter" / "state.db")
    if store is None:
        return True
    with store:
        return store.runs("local") == []


def test_the_project_under_the_mistakes_is_whole(small, newsletter):
    assert newsletter("-C", small, "check").code == 0
    sent = newsletter("-C", small, "send", "hej", "--confirm", "3")
    assert (sent.code, len(list(small.rglob("*.eml")))) == (0, 3)
