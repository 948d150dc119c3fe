"""A project that sends live: its environment `production`, whose ledger is committed."""

import re
from pathlib import Path
from typing import Any

LIVE = ("--env", "production")


def go_live(project: Path, newsletter: Any, number: int, settings: str) -> None:
    """Add the environment, and commit the ledger's line as the very first live send says."""
    file = project / "newsletter.toml"
    text = file.read_text(encoding="utf-8")
    head = '\n[env.production]\npublic_url = "https://brev.example.org"\n'
    file.write_text(text + head + settings, encoding="utf-8")
    told = newsletter("-C", project, "send", "hej", *LIVE, "--confirm", str(number))
    found = re.search(r'ledger = "[^"]+"', told.err)
    assert told.code == 6
    assert found, told.err
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("[env.production]\n", f"[env.production]\n{found[0]}\n"), encoding="utf-8")


def send(project: Path, newsletter: Any, number: int) -> Any:
    return newsletter("-C", project, "send", "hej", *LIVE, "--confirm", str(number), "--json")


def status(project: Path, newsletter: Any) -> Any:
    return newsletter("-C", project, "status", "hej", *LIVE, "--json").data
