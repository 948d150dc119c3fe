"""Seventy-three mistakes that authors make: each is found in the right file and line, or stands here as missed."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

MISTAKES = tomllib.loads((Path(__file__).parent / "mistakes.toml").read_text(encoding="utf-8"))["mistake"]
CAMPAIGN = "valkommen-komm"
LEAST_FOUND = 70


def line_of(text: str, needle: str) -> int:
    return text.count("\n", 0, text.index(needle)) + 1


def problems_of(
    mistake: dict[str, Any], shipped: Path, newsletter: Any
) -> tuple[list[dict[str, Any]], str, int]:
    """What is told, and where the mistake is."""
    file = shipped / mistake["file"]
    text = file.read_text(encoding="utf-8")
    assert text.count(mistake["old"]) >= 1, "the mistake no longer fits the project"
    changed = text.replace(mistake["old"], mistake["new"], 1)
    file.write_text(changed, encoding="utf-8")
    told = newsletter("-C", shipped, "check", CAMPAIGN, "--json", "--now", "2015-06-10T09:00").envelope[
        "problems"
    ]
    where = mistake.get("where", mistake["file"])
    needle = mistake.get("at", mistake["new"])
    return told, where, line_of((shipped / where).read_text(encoding="utf-8"), needle)


@pytest.mark.parametrize(
    "mistake", [one for one in MISTAKES if "missed" not in one], ids=lambda one: one["name"]
)
def test_a_mistake_is_found_where_it_was_made(
    mistake: dict[str, Any], shipped: Path, newsletter: Any
) -> None:
    told, file, line = problems_of(mistake, shipped, newsletter)
    places = [(one["code"], one["file"], one["line"]) for one in told]
    codes = [mistake["found"]] if isinstance(mistake["found"], str) else mistake["found"]
    assert any((code, file, line) in places for code in codes), places


@pytest.mark.parametrize("mistake", [one for one in MISTAKES if "missed" in one], ids=lambda one: one["name"])
def test_what_is_missed_is_still_missed(mistake: dict[str, Any], shipped: Path, newsletter: Any) -> None:
    told, file, line = problems_of(mistake, shipped, newsletter)
    assert (file, line) not in [(one["file"], one["line"]) for one in told]


def test_there_are_seventy_three_and_few_are_missed() -> None:
    assert len(MISTAKES) == 73
    assert len({one["name"] for one in MISTAKES}) == 73
    assert sum("missed" not in one for one in MISTAKES) >= LEAST_FOUND
