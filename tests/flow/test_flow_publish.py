"""`publish`: pictures under the very names that the letters ask for, and the command that takes them away."""

import re
import sys

import pytest

HOST = "https://bilder.example.org"


def settings(project, **keys: str) -> None:
    file = project / "newsletter.toml"
    text = file.read_text(encoding="utf-8")
    more = f'assets_url = "{HOST}"\n' + (f"[assets]\npublish = {keys['publish']}\n" if keys else "")
    head, brand, rest = text.partition("[brand]")
    file.write_text(f"{head}{more}\n{brand}{rest}", encoding="utf-8")


def test_every_address_in_every_letter_is_published(shipped, newsletter, tmp_path):
    settings(shipped)
    folder = tmp_path / "bilder"
    published = newsletter("-C", shipped, "publish", "--dir", folder, "--json").data
    assert published["written"] == sorted(path.name for path in folder.iterdir())
    for name in ("almedalen-recap", "valkommen-komm", "sju-tips/energi"):
        html = newsletter("-C", shipped, "--now", "2015-07-03T09:00", "render", name).out
        asked = set(re.findall(rf"{re.escape(HOST)}/([^\"')]+)", html))
        assert asked
        assert asked <= set(published["written"])
    again = newsletter("-C", shipped, "publish", "--dir", folder, "--json").data
    assert (again["written"], again["unchanged"]) == ([], published["written"])


def test_nothing_is_deleted_and_what_is_damaged_is_mended(shipped, newsletter, tmp_path):
    folder = tmp_path / "bilder"
    newsletter("-C", shipped, "publish", "--dir", folder)
    (folder / "gammal.png").write_bytes(b"old")
    damaged = next(path for path in sorted(folder.iterdir()) if path.name != "gammal.png")
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-1])
    assert newsletter("-C", shipped, "publish", "--dir", folder, "--json").data["written"] == [damaged.name]
    assert damaged.read_bytes() == whole
    assert (folder / "gammal.png").exists()


def test_the_command_gets_the_folder(shipped, newsletter, tmp_path):
    target = tmp_path / "webb"
    code = "import shutil, sys; shutil.copytree(sys.argv[1], sys.argv[2])"
    settings(shipped, publish=f'["{sys.executable}", "-c", "{code}", "{{dir}}", "{target}"]')
    called = newsletter("-C", shipped, "publish")
    assert called.code == 0
    assert {path.name for path in target.iterdir()} == {
        path.name for path in (shipped / "out" / "assets").iterdir()
    }


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (
            """["{python}", "-c", "print('ingen plats'); raise SystemExit(3)", "{{dir}}"]""",
            "(exit 3)\n  ingen plats",
        ),
        ("""["./finns-inte-alls", "{{dir}}"]""", "`./finns-inte-alls` failed (No such file or directory)"),
    ],
)
def test_a_command_that_fails_is_told_with_what_it_said(command, reason, shipped, newsletter):
    settings(shipped, publish=command.format(python=sys.executable))
    called = newsletter("-C", shipped, "publish")
    assert called.code == 5
    assert "P111" in called.err
    assert reason in called.err


def test_a_broken_letter_holds_back_no_other(shipped, newsletter, tmp_path):
    file = shipped / "campaigns" / "valkommen-komm.md"
    file.write_text(file.read_text(encoding="utf-8") + "\n{{ subscriber.nmae }}\n", encoding="utf-8")
    called = newsletter("-C", shipped, "publish", "--dir", tmp_path / "bilder")
    assert called.code == 3
    assert "M101" in called.err
    assert len(list((tmp_path / "bilder").iterdir())) > 10


def test_a_command_without_the_folder_is_refused(shipped, newsletter):
    settings(shipped, publish='["rsync", "-a"]')
    called = newsletter("-C", shipped, "publish")
    assert (called.code, "{dir}" in called.err) == (4, True)
