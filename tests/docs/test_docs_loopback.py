"""The live send that docs/operations.md shows is made as it stands there, against the servers that the page names."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .test_docs_commands import as_pattern, commands

PAGE = "docs/operations.md"


@pytest.fixture
def loopback(docs: Any, shipped: Path) -> Iterator[tuple[str, str]]:
    """The page's two servers on ports of this test: (smtp, api)."""
    with subprocess.Popen(
        [sys.executable, str(docs.root / "tools" / "loopback.py"), "--smtp", "0", "--api", "0"],
        cwd=shipped, stdout=subprocess.PIPE, text=True, encoding="utf-8",
    ) as server:  # fmt: skip
        assert server.stdout is not None
        told = re.search(r"127\.0\.0\.1:(\d+), .*:(\d+);", server.stdout.readline())
        assert told
        yield told[1], told[2]
        server.kill()


def test_a_live_send_goes_as_the_page_shows(
    docs: Any, shipped: Path, newsletter: Any, loopback: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shipped)
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.loopback")
    settings = shipped / "newsletter.toml"
    blocks = [block for block in docs.blocks(PAGE) if block.target("loopback") is not None]
    assert [block.target("loopback") for block in blocks] == ["newsletter.toml", "6", "0"]
    said = blocks[0].body.replace("2525", loopback[0]).replace("8025", loopback[1])
    settings.write_text(settings.read_text(encoding="utf-8") + "\n" + said, encoding="utf-8")
    for block in blocks[1:]:
        for shown in commands(block):
            called = newsletter(*shown.arguments)
            assert called.code == int(block.target("loopback")), called.err
            told = called.out or called.err
            assert as_pattern(shown.output).fullmatch(told), (
                f"newsletter {' '.join(shown.arguments)} says\n{told}"
            )
            if line := re.search(
                r'ledger = "[0-9a-f]+"', called.err
            ):  # as the page says: into both environments
                text = settings.read_text(encoding="utf-8")
                for name in ("relay", "api"):
                    text = text.replace(f"[env.{name}]\n", f"[env.{name}]\n{line[0]}\n")
                settings.write_text(text, encoding="utf-8")
    mails = sorted((shipped / "out" / "loopback" / "smtp").iterdir())
    assert len(mails) == 19
    assert len({re.search(rb"^To: (.*)\r$", mail.read_bytes(), re.MULTILINE)[1] for mail in mails}) == 19  # type: ignore[index]
    assert [file.name for file in (shipped / "out" / "loopback" / "api").iterdir()] == ["1.json"]
