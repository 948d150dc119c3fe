"""The shipped letters as readers see them who see otherwise: without pictures, in forced colours, by ear."""

import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from lookbook.letters import Letter

pytestmark = pytest.mark.xdist_group("look")  # one browser for all of them

WIDTHS = (320, 375, 600, 1000)
NO_PAGE = {
    "landmark-one-main",
    "region",
}  # axe's rules for web pages; a letter stands inside the mail program's
WORD = r"[^\W\d_]+"


@pytest.fixture(scope="module", params=["ours", "another"])
def for_asa(
    request: pytest.FixtureRequest, letters_in: Callable[[str], dict[tuple[str, str], Letter]]
) -> dict[str, Letter]:
    """Each letter once, for a reader who has a first name."""
    return {
        name: letter for (name, reader), letter in letters_in(request.param).items() if reader == "typical"
    }


@pytest.fixture(scope="module")
def ordinary(for_asa: dict[str, Letter], open_screen: Callable[..., Any]) -> dict[str, list[str]]:
    """What is read in each letter at 600 px, with pictures, in light."""
    screen = open_screen()
    read = {}
    for name, letter in for_asa.items():
        screen.show(letter.shown)
        screen.width(600)
        read[name] = [text["text"] for text in screen.measure()["texts"]]
    screen.close()
    return read


def test_all_ten_letters_are_looked_at(for_asa: dict[str, Letter]) -> None:
    assert len(for_asa) == 10


def test_everything_in_the_text_part_is_seen(
    for_asa: dict[str, Letter], ordinary: dict[str, list[str]]
) -> None:
    for name, letter in for_asa.items():
        written = re.sub(r"\s*\(?<?https?://[^\s>)]+>?\)?", " ", letter.text)
        alts = re.findall(r'<img[^>]* alt="([^"]+)"', letter.html)
        seen = {word.casefold() for word in re.findall(WORD, " ".join([*ordinary[name], *alts]))}
        said = {word.casefold() for word in re.findall(WORD, written)}
        assert said - seen == set(), name


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"color_scheme": "light"}, id="light"),
        pytest.param({"color_scheme": "dark"}, id="dark"),
        pytest.param({"forced_colors": "active", "color_scheme": "light"}, id="forced-light"),
        pytest.param({"forced_colors": "active", "color_scheme": "dark"}, id="forced-dark"),
        pytest.param({"reduced_motion": "reduce", "device_scale_factor": 2}, id="sharp"),
    ],
)
@pytest.mark.parametrize("pictures", [True, False], ids=["pictures", "no-pictures"])
def test_nothing_is_lost_for_any_reader(
    options: dict[str, Any],
    pictures: bool,
    for_asa: dict[str, Letter],
    ordinary: dict[str, list[str]],
    open_screen: Callable[..., Any],
    contrast: Callable[..., float],
) -> None:
    screen = open_screen(java_script_enabled=False, **options)
    for name, letter in for_asa.items():
        screen.show(letter.shown if pictures else letter.html)
        for width in WIDTHS:
            screen.width(width)
            seen = screen.measure()
            assert seen["width"] <= width, (name, width)
            assert [text["text"] for text in seen["texts"]] == ordinary[name], (name, width)
            for text in seen["texts"]:
                found = contrast(text["colour"], text["ground"])
                assert found >= 4.5, (name, width, text["text"], found)
            assert seen["unnamed"] == [], (name, width)
    screen.close()
    assert [url for url in screen.requests if not url.startswith("cid:")] == []


def axe_violations(screen: Any) -> list[dict[str, Any]]:
    """What axe-core says; of its Python package only the script is used, which opens files without an encoding."""
    (folder,) = find_spec("axe_playwright_python").submodule_search_locations
    screen.page.add_script_tag(content=(Path(folder) / "axe.min.js").read_text(encoding="utf-8"))
    return screen.page.evaluate("async () => (await axe.run()).violations")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(scheme: str, for_asa: dict[str, Letter], open_screen: Callable[..., Any]) -> None:
    found: dict[tuple[str, int, str], list[str]] = {}
    screen = open_screen(color_scheme=scheme)
    for name, letter in for_asa.items():
        screen.show(letter.shown)
        for width in (320, 600):
            screen.width(width)
            found |= {
                (name, width, one["id"]): [node["html"] for node in one["nodes"]]
                for one in axe_violations(screen)
                if one["id"] not in NO_PAGE
            }
    screen.close()
    assert found == {}


def test_axe_sees_what_is_wrong(for_asa: dict[str, Letter], open_screen: Callable[..., Any]) -> None:
    letter = for_asa["valkommen-komm"].shown
    spoilt = (
        re.sub(r' alt="[^"]*"', "", letter)
        .replace(' lang="sv"', "")
        .replace("</h1>", '</h1><a href="#"></a>')
    )
    screen = open_screen()
    screen.show(spoilt)
    found = {one["id"] for one in axe_violations(screen)}
    screen.close()
    assert {"image-alt", "html-has-lang", "link-name"} <= found
