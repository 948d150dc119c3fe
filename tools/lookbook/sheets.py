"""Thumbnails of all views of a subject on one sheet, kept in the repository: what a change touches is seen by them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from PIL import Image, ImageChops

from lookbook.letters import ROOT
from lookbook.views import View

KEPT = ROOT / "docs" / "pictures" / "gallery"
INDEX = "views.json"
QUALITY = 60  # of WebP: the sheets of all subjects together are about a megabyte
STRONG = 48  # of 255: less is the format's noise
SHARE = 0.004  # of a thumbnail's pixels; a word more or less is about that

Box = tuple[int, int, int, int]  # left, top, width, height


@dataclass
class Sheet:
    """The thumbnails of one subject: a row a reader, the views of a reader in their order."""

    cells: dict[str, Image.Image] = field(default_factory=dict)  # by a view's name

    def add(self, view: View, thumbnail: Image.Image) -> None:
        self.cells[view.name] = thumbnail

    def drawn(self) -> tuple[Image.Image, dict[str, Box]]:
        rows: dict[str, list[str]] = {}
        for name in self.cells:
            rows.setdefault(name.partition("-")[0], []).append(name)
        boxes: dict[str, Box] = {}
        top = 0
        for names in rows.values():
            left = 0
            for name in names:
                width, height = self.cells[name].size
                boxes[name] = (left, top, width, height)
                left += width
            top += max(self.cells[name].height for name in names)
        size = max(left + width for left, _, width, _ in boxes.values()), top
        sheet = Image.new("RGB", size, "white")
        for name, (left, upper, _, _) in boxes.items():
            sheet.paste(self.cells[name], (left, upper))
        return sheet, boxes


def _file(subject: str) -> str:
    return f"{subject.replace('/', '-')}.webp"


def save(sheets: Mapping[str, Sheet], made_by: str) -> None:
    """Put the sheets in the place of those that were kept. made_by: what shall be told when it differs"""
    KEPT.mkdir(parents=True, exist_ok=True)
    for old in KEPT.glob("*.webp"):
        old.unlink()
    index: dict[str, dict[str, Box]] = {}
    for subject, sheet in sheets.items():
        image, index[subject] = sheet.drawn()
        image.save(KEPT / _file(subject), "WEBP", quality=QUALITY, method=6)
    rows = [
        f"{json.dumps(subject)}: {{\n"
        + ",\n".join(f"{json.dumps(name)}: {json.dumps(box)}" for name, box in boxes.items())
        + "\n}"
        for subject, boxes in index.items()
    ]
    written = f'{{"made by": {json.dumps(made_by)},\n"views": {{\n' + ",\n".join(rows) + "\n}}\n"
    (KEPT / INDEX).write_text(written, encoding="utf-8")


@dataclass(frozen=True)
class Kept:
    """The sheets of the repository."""

    made_by: str
    boxes: Mapping[str, Mapping[str, Box]]  # by subject and a view's name

    def thumbnails(self, subject: str) -> dict[str, Image.Image]:
        if subject not in self.boxes:
            return {}
        sheet = Image.open(KEPT / _file(subject)).convert("RGB")
        return {
            name: sheet.crop((left, top, left + width, top + height))
            for name, (left, top, width, height) in self.boxes[subject].items()
        }


def kept() -> Kept:
    if not (KEPT / INDEX).is_file():
        return Kept("", {})
    index = json.loads((KEPT / INDEX).read_text(encoding="utf-8"))
    return Kept(index["made by"], index["views"])


def touched(before: Mapping[str, Image.Image], after: Mapping[str, Image.Image]) -> dict[str, str]:
    """Which views of a subject changed, and how."""
    changed = {name: "new" for name in after if name not in before}
    changed |= {name: "gone" for name in before if name not in after}
    for name in before.keys() & after.keys():
        if before[name].size != after[name].size:
            changed[name] = _grown(before[name].height, after[name].height)
        elif (share := difference(before[name], after[name])) > SHARE:
            changed[name] = f"{share:.1%} of it"
    return changed


def _grown(before: int, after: int) -> str:
    return f"{abs(after - before) / before:.0%} {'longer' if after > before else 'shorter'}"


def difference(one: Image.Image, other: Image.Image) -> float:
    """The share of the pixels that differ by more than the format's noise."""
    grey = ImageChops.difference(one, other).convert("L")
    histogram = grey.histogram()
    return sum(histogram[STRONG:]) / (one.width * one.height)


def subjects_of(before: Kept, sheets: Iterable[str]) -> list[str]:
    """All subjects of either side, in their order."""
    return list(dict.fromkeys([*sheets, *before.boxes]))
