"""The pictures of README and docs: the recap's beginning, and each block alone, in light and in dark."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from lookbook.letters import ROOT, Letter
from lookbook.screen import MODES, Screen

FOLDER = ROOT / "docs" / "pictures"
WIDTH, HEIGHT = 600, 980  # CSS pixels: the letter's own width, down to the end of the recap's first picture
SCALE = 1.5  # sharp on today's screens, small in the repository
GAP = 24
CORNER = 14
EDGE = "#ddd5c8"  # the brand's line: the light letter would melt into a white page


def take(shown: dict[str, dict[str, Letter]], open_screen: Callable[..., Screen]) -> list[Path]:
    """Write all of them; returns the files."""
    halves: dict[str, list[Image.Image]] = {}
    for mode in ("light", "dark"):
        screen = open_screen(java_script_enabled=False, device_scale_factor=SCALE, **MODES[mode])
        screen.width(WIDTH)
        for subject, readers in shown.items():
            if subject == "almedalen-recap" or subject.startswith("blocks/"):
                screen.show(readers["typical"].shown)
                halves.setdefault(subject, []).append(_half(screen.page, alone=subject != "almedalen-recap"))
        screen.close()
    files = []
    for subject, pair in halves.items():
        file = FOLDER / (f"{subject}.png" if subject.startswith("blocks/") else "recap.png")
        file.parent.mkdir(parents=True, exist_ok=True)
        # 128 colours are enough for type and flat drawings, and a third of the size.
        _side_by_side(*pair).quantize(128, method=Image.Quantize.FASTOCTREE).save(file, optimize=True)
        files.append(file)
    return files


def _half(page: Any, *, alone: bool) -> Image.Image:
    """The top of the letter, or what stands between header and footer, with rounded corners."""
    clip = {"x": 0, "y": 0, "width": WIDTH, "height": HEIGHT}
    if alone:
        head, foot = page.locator(".banner").bounding_box(), page.locator(".rule").last.bounding_box()
        top = head["y"] + head["height"] - 24  # the room below the logo
        clip |= {"y": top, "height": foot["y"] - top - 24}
    taken = Image.open(io.BytesIO(page.screenshot(full_page=True, clip=clip))).convert("RGB")
    mask = Image.new("L", taken.size, 0)
    frame = (0, 0, taken.width - 1, taken.height - 1)
    ImageDraw.Draw(mask).rounded_rectangle(frame, radius=round(CORNER * SCALE), fill=255)
    ImageDraw.Draw(taken).rounded_rectangle(frame, radius=round(CORNER * SCALE), outline=EDGE, width=2)
    taken.putalpha(mask)
    return taken


def _side_by_side(left: Image.Image, right: Image.Image) -> Image.Image:
    gap = round(GAP * SCALE)
    whole = Image.new("RGBA", (left.width + gap + right.width, left.height), (255, 255, 255, 0))
    whole.paste(left, (0, 0))
    whole.paste(right, (left.width + gap, 0))
    return whole
