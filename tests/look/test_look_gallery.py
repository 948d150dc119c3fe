"""The gallery's comparison: a changed word is seen, the format's noise is not, and what is kept is whole."""

import re
from itertools import product
from pathlib import Path

import pytest
from lookbook import sheets
from lookbook.letters import READERS, ROOT, examples
from lookbook.page import gallery_page
from lookbook.screen import MODES
from lookbook.views import PICTURES, WIDTHS, View
from PIL import Image, ImageDraw

NAMES = {f"{r}-{w}-{m}-{p}" for r, w, m, p in product(READERS, WIDTHS, MODES, PICTURES)}


def view(width: int = 600) -> View:
    return View("almedalen-recap", "typical", width, "light", "with")


def drawn(words: str) -> Image.Image:
    """A page of text as a thumbnail has it."""
    page = Image.new("RGB", (600, 800), "#fbf8f3")
    for line in range(12):
        ImageDraw.Draw(page).text((24, 24 + 60 * line), words, fill="#1f2530", font_size=40)
    return page.reduce(8)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sheets, "KEPT", tmp_path / "kept")
    return tmp_path / "kept"


def test_what_was_kept_comes_back_without_a_difference(folder: Path) -> None:
    made = {"almedalen-recap": sheets.Sheet(), "blocks/fact": sheets.Sheet()}
    made["almedalen-recap"].add(view(), drawn("Tre samtal vi tar"))
    made["almedalen-recap"].add(view(320), drawn("med oss"))
    made["blocks/fact"].add(view(), drawn("Plats 17"))
    sheets.save(made, "156")
    before = sheets.kept()
    assert before.made_by == "156"
    for subject, sheet in made.items():
        assert sheets.touched(before.thumbnails(subject), sheet.cells) == {}


def test_another_word_a_longer_page_and_a_new_view_are_seen(folder: Path) -> None:
    made = {"almedalen-recap": sheets.Sheet()}
    made["almedalen-recap"].add(view(), drawn("Tre samtal"))
    made["almedalen-recap"].add(view(320), drawn("med oss"))
    sheets.save(made, "156")
    before = sheets.kept().thumbnails("almedalen-recap")
    longer = Image.new("RGB", (75, 120), "#fbf8f3")
    after = {view().name: drawn("Två samtal"), view(320).name: longer, view(1000).name: longer}
    found = sheets.touched(before, after)
    assert found.pop(view().name).endswith("% of it")
    assert found == {view(320).name: "20% longer", view(1000).name: "new"}
    assert sheets.touched(before, {}) == dict.fromkeys(before, "gone")


def test_every_view_of_every_letter_and_block_is_kept() -> None:
    boxes = sheets.kept().boxes
    blocks = {f"blocks/{name}" for name in examples()}
    steps = {f"sju-tips/{path.stem}" for path in (ROOT / "campaigns" / "sju-tips").glob("*.md")}
    letters = steps | {"almedalen-recap", "valkommen-birger-blom", "valkommen-komm"}
    assert boxes.keys() == blocks | letters
    assert all(views.keys() == NAMES for views in boxes.values())
    assert sum(path.stat().st_size for path in sheets.KEPT.iterdir()) < 3_000_000


def test_the_page_shows_all_views_and_marks_what_changed() -> None:
    from lookbook.letters import Letter

    shown = {"almedalen-recap": {"typical": Letter("", "", "Hej <b>", 0)}}
    page = gallery_page([view(), view(320)], shown, {"almedalen-recap": {view().name: "1.0% of it"}})
    assert len(re.findall(r"<figure ", page)) == 2
    assert page.count("class=changed") == 1
    assert "Hej &lt;b&gt;" in page
    assert 'src="almedalen-recap/typical-320-light-with.png"' in page
