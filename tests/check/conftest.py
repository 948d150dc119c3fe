"""A small project whose template is changed for one test, and what `check` says of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Found = Callable[..., list[tuple[str, str, int, str]]]
TEMPLATE = "templates/plain.mjml"


@pytest.fixture
def found(small: Path, newsletter: Any) -> Found:
    """Findings as (code, severity, line, message); head, body: MJML for the template; settings: TOML behind the rest."""

    def check(
        head: str = "",
        body: str = "",
        *,
        text: str = "",
        settings: str = "",
        keys: str = "",
        code: str | tuple[str, ...] = ("L106", "L12"),
    ) -> list[tuple[str, str, int, str]]:
        template = small / TEMPLATE
        written = template.read_text(encoding="utf-8")
        written = written.replace("  </mj-head>", f"{head}  </mj-head>")
        template.write_text(written.replace("  <mj-body>", f"  <mj-body>{body}", 1), encoding="utf-8")
        campaign = small / "campaigns" / "hej.md"
        own = campaign.read_text(encoding="utf-8").replace("status ", f"{keys}\nstatus ", 1)
        campaign.write_text(f"{own}\n{text}", encoding="utf-8")
        toml = small / "newsletter.toml"
        toml.write_text(toml.read_text(encoding="utf-8") + settings, encoding="utf-8")
        problems = newsletter("-C", small, "check", "hej", "--json").envelope["problems"]
        return [
            (one["code"], one["severity"], one["line"], one["message"])
            for one in problems
            if one["code"].startswith(code)
        ]

    return check


@pytest.fixture
def line() -> Callable[[Path, str], int]:
    """On which line of a file a text stands."""

    def of(file: Path, text: str) -> int:
        written = file.read_text(encoding="utf-8")
        return written.count("\n", 0, written.index(text)) + 1

    return of
