"""The shipped letters as their readers get them, in our brand and in another one, and a browser to look at them."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lookbook.letters import ROOT, SHIPPED, Letter, block_letters, letters
from lookbook.screen import Browser, Screen
from PIL import Image, ImageDraw

BRANDS = ("ours", "another")
ANOTHER = Path(__file__).with_name("another_brand.toml").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The project's folder in a brand: ours, or a copy in which newsletter.toml names another."""
    folders = {"ours": ROOT}

    def folder(brand: str) -> Path:
        if brand not in folders:
            folders[brand] = _rebranded(tmp_path_factory.mktemp(brand))
        return folders[brand]

    return folder


def _rebranded(folder: Path) -> Path:
    for name in SHIPPED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    settings = folder / "newsletter.toml"
    ours = settings.read_text(encoding="utf-8")
    settings.write_text(
        re.sub(r"^\[brand\]$.*?(?=^\[sender\]$)", lambda _: ANOTHER, ours, flags=re.MULTILINE | re.DOTALL),
        encoding="utf-8",
    )
    logo = Image.new("RGBA", (80, 80), (0, 0, 0, 0))  # light lines on nothing: made for a dark ground
    ImageDraw.Draw(logo).ellipse((6, 6, 74, 74), outline="#f2fbfa", width=12)
    logo.save(folder / "templates" / "mark.png")
    return folder


@pytest.fixture(scope="session")
def letters_in(project: Callable[[str], Path]) -> Callable[[str], dict[tuple[str, str], Letter]]:
    """All letters in a brand, by id and kind of reader."""
    known: dict[str, dict[tuple[str, str], Letter]] = {}

    def found(brand: str) -> dict[tuple[str, str], Letter]:
        if brand not in known:
            known[brand] = {(name, reader): letter for name, reader, letter in letters(project(brand))}
        return known[brand]

    return found


@pytest.fixture(scope="session")
def blocks_in(
    project: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], dict[str, Letter]]:
    """Each block alone in a brand, for an ordinary reader."""

    def found(brand: str) -> dict[str, Letter]:
        folder = tmp_path_factory.mktemp("blocks")
        alone = block_letters(folder, root=project(brand))
        return {name: letter for name, reader, letter in alone if reader == "typical"}

    return found


@pytest.fixture(scope="session")
def open_screen(chromium: Any) -> Callable[..., Screen]:
    """Opens a window with the given options of a browser context; skips where there is no Chromium."""
    return Browser(chromium)
