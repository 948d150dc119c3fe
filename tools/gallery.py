"""Build the gallery of all letters and blocks in out/gallery, and tell which views changed.

    .venv/bin/python tools/gallery.py            the page, and what differs from the kept thumbnails
    .venv/bin/python tools/gallery.py --keep     the same, and keep its thumbnails and the pictures of the docs

Differences are for the eyes of a review; they fail nothing.
"""

import shutil
import sys
from pathlib import Path

from lookbook import documentation, sheets
from lookbook.page import gallery_page
from lookbook.screen import browser
from lookbook.views import View, pictured, subjects, thumbnail

OUT = Path(__file__).resolve().parent.parent / "out" / "gallery"


def main(*, keep: bool) -> None:
    shown = subjects()
    shutil.rmtree(OUT, ignore_errors=True)
    views: list[View] = []
    made: dict[str, sheets.Sheet] = {subject: sheets.Sheet() for subject in shown}
    for view, png in pictured(shown, lambda what: print(f"  {what}", file=sys.stderr)):
        file = OUT / view.file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(png)
        views.append(view)
        made[view.subject].add(view, thumbnail(png))
    before = sheets.kept()
    changes = {
        subject: sheets.touched(before.thumbnails(subject), made[subject].cells if subject in made else {})
        for subject in sheets.subjects_of(before, made)
    }
    (OUT / "index.html").write_text(gallery_page(views, shown, changes), encoding="utf-8")
    _tell(changes, len(views))
    with browser() as open_screen:
        program = open_screen.version
        if keep:
            sheets.save(made, program)
            for picture in documentation.take(shown, open_screen):
                print(f"{picture.stat().st_size // 1024:>5} kB  {picture.relative_to(OUT.parents[1])}")
    if before.made_by not in ("", program):
        print(f"the kept thumbnails were made by Chromium {before.made_by}, these by {program}")
    print(f"look at {OUT.relative_to(OUT.parents[1])}/index.html")


def _tell(changes: dict[str, dict[str, str]], total: int) -> None:
    touched = {subject: some for subject, some in changes.items() if some}
    count = sum(len(some) for some in touched.values())
    print(f"{total} views, {count} differ from the kept thumbnails")
    for subject, some in touched.items():
        print(f"{subject}: {len(some)}")
        for name, what in sorted(some.items())[:6]:
            print(f"    {name}   {what}")
        if len(some) > 6:
            print(f"    and {len(some) - 6} more")


if __name__ == "__main__":
    main(keep="--keep" in sys.argv[1:])
