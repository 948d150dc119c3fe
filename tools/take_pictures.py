"""Take docs/pictures/recap.png: the recap's rehearsed message, in light and dark, as the system's Chromium shows it.

.venv/bin/python tools/take_pictures.py
"""

import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw
from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ("newsletter.toml", "campaigns", "templates", "subscribers")
TARGET = ROOT / "docs" / "pictures" / "recap.png"

WIDTH, HEIGHT = (
    600,
    968,
)  # CSS pixels of each half: the letter's own width, down to the end of the first picture
SCALE = 1.5  # sharp on today's screens, small in the repository
GAP = 24
CORNER = 14
EDGE = "#ddd5c8"  # the brand's line: the light letter would melt into a white page


def rehearsed(folder: Path) -> Path:
    """The HTML of one typical reader, its pictures written into it; a copy of the project is rehearsed."""
    for name in SHIPPED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy(source, folder / name)
    command = [sys.executable, "-m", "newsletter", "-C", str(folder), "--now", "2015-07-03T09:00", "--quiet"]
    rehearsal = ["send", "almedalen-recap", "--dry-run", "--out", str(folder / "rehearsal"), "--samples", "1"]
    subprocess.run([*command, *rehearsal], check=True, cwd=ROOT)
    return next((folder / "rehearsal" / "samples").glob("*.html"))


def shot(browser: Browser, page_file: Path, scheme: str) -> Image.Image:
    """The top of the letter with rounded corners, on nothing."""
    page = browser.new_page(
        viewport={"width": WIDTH, "height": HEIGHT},
        device_scale_factor=SCALE,
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page.goto(page_file.as_uri())
    taken = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    page.close()
    mask = Image.new("L", taken.size, 0)
    ImageDraw.Draw(mask).rounded_rectangle(
        (0, 0, taken.width - 1, taken.height - 1), radius=round(CORNER * SCALE), fill=255
    )
    ImageDraw.Draw(taken).rounded_rectangle(
        (0, 0, taken.width - 1, taken.height - 1), radius=round(CORNER * SCALE), outline=EDGE, width=2
    )
    taken.putalpha(mask)
    return taken


def side_by_side(left: Image.Image, right: Image.Image) -> Image.Image:
    gap = round(GAP * SCALE)
    whole = Image.new("RGBA", (left.width + gap + right.width, left.height), (255, 255, 255, 0))
    whole.paste(left, (0, 0))
    whole.paste(right, (left.width + gap, 0))
    return whole


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        letter = rehearsed(Path(folder))
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        picture = side_by_side(shot(browser, letter, "light"), shot(browser, letter, "dark"))
        browser.close()
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    # 256 colours are enough for type and flat drawings, and a third of the size.
    picture.quantize(256, method=Image.Quantize.FASTOCTREE).save(TARGET, optimize=True)
    print(
        f"{TARGET.relative_to(ROOT)}: {picture.width} x {picture.height}, {TARGET.stat().st_size // 1024} kB"
    )


if __name__ == "__main__":
    main()
