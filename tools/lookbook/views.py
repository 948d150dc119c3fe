"""Every view of the gallery: each letter and block at three widths, in three colour modes, pictures on and off."""

import io
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from PIL import Image

from lookbook.letters import READERS, Letter, block_letters, letters
from lookbook.screen import MODES, browser

WIDTHS = (320, 600, 1000)
PICTURES = ("with", "without")
SMALLER = 8  # a thumbnail is a view made smaller by this


@dataclass(frozen=True)
class View:
    """One picture of the gallery; its parts are its address."""

    subject: str  # a campaign's or step's id, or blocks/NAME
    reader: str
    width: int
    mode: str
    pictures: str  # with, without

    @property
    def name(self) -> str:
        return f"{self.reader}-{self.width}-{self.mode}-{self.pictures}"

    @property
    def file(self) -> str:
        return f"{self.subject.replace('/', '-')}/{self.name}.png"


def subjects() -> dict[str, dict[str, Letter]]:
    """What is shown, by id and reader: letters first, blocks behind them."""
    found: dict[str, dict[str, Letter]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for prefix, source in (("", letters()), ("blocks/", block_letters(Path(folder)))):
            for name, reader, letter in source:
                found.setdefault(f"{prefix}{name}", {})[reader] = letter
    return found


def pictured(
    shown: dict[str, dict[str, Letter]], tell: Callable[[str], None]
) -> Iterator[tuple[View, bytes]]:
    """Each view with its PNG. tell: told what comes next"""
    with browser() as open_screen:
        for mode, pictures in product(MODES, PICTURES):
            tell(f"{mode}, {pictures} pictures")
            screen = open_screen(java_script_enabled=False, **MODES[mode])
            for subject, reader in product(shown, READERS):
                letter = shown[subject][reader]
                screen.show(letter.shown if pictures == "with" else letter.html)
                for width in WIDTHS:
                    screen.width(width)
                    yield View(subject, reader, width, mode, pictures), screen.page.screenshot(full_page=True)
            screen.close()


def thumbnail(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("RGB").reduce(SMALLER)
