"""Draws every picture of the shipped campaigns: run it again and the same files come out.

Flat shapes in the brand's colours, at double density, each drawn four times as large and scaled down.
Emblems stand for what somebody said, never for a face.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parent.parent
OVER = 4  # supersampling: Pillow draws hard edges, scaling down makes them smooth

PAPER, TINT, SAND = "#f3ece1", "#e6dac8", "#cdbb9f"
ROSE, BLUSH, DEEP = "#a3203c", "#e9a3ad", "#6d1529"
SEA, MIST, NIGHT = "#2f6f7e", "#a9cbd0", "#1f2f3d"
SUN, LEAF = "#e9b44c", "#6f8f5e"

Point = tuple[float, float]


class Sheet:
    """A picture in units of its final pixels."""

    def __init__(self, width: int, height: int, ground: str | None) -> None:
        self.size = (width, height)
        self.image = Image.new("RGBA", (width * OVER, height * OVER), ground or (0, 0, 0, 0))
        self.draw = ImageDraw.Draw(self.image)

    @staticmethod
    def _scaled(*values: float) -> list[float]:
        return [value * OVER for value in values]

    def circle(self, x: float, y: float, radius: float, fill: str) -> None:
        self.draw.ellipse(self._scaled(x - radius, y - radius, x + radius, y + radius), fill=fill)

    def ring(self, x: float, y: float, radius: float, width: float, fill: str) -> None:
        box = self._scaled(x - radius, y - radius, x + radius, y + radius)
        self.draw.ellipse(box, outline=fill, width=round(width * OVER))

    def box(self, x: float, y: float, width: float, height: float, fill: str, *, radius: float = 0) -> None:
        box = self._scaled(x, y, x + width, y + height)
        self.draw.rounded_rectangle(box, radius * OVER, fill=fill)

    def shape(self, points: Sequence[Point], fill: str) -> None:
        self.draw.polygon([(x * OVER, y * OVER) for x, y in points], fill=fill)

    def line(self, points: Sequence[Point], fill: str, width: float) -> None:
        """A stroke with round ends and joints."""
        for (x1, y1), (x2, y2) in pairwise(points):
            self.draw.line(self._scaled(x1, y1, x2, y2), fill=fill, width=round(width * OVER))
        for x, y in points:
            self.circle(x, y, width / 2, fill)

    def dome(self, x: float, y: float, radius: float, fill: str) -> None:
        box = self._scaled(x - radius, y - radius, x + radius, y + radius)
        self.draw.pieslice(box, 180, 360, fill=fill)

    def curve(self, box: Sequence[float], start: float, end: float, fill: str, width: float) -> None:
        self.draw.arc(self._scaled(*box), start, end, fill=fill, width=round(width * OVER))

    def bubble(self, x: float, y: float, width: float, height: float, fill: str, *, tail: int = 1) -> None:
        """A speech bubble; `tail` is -1 for left, 1 for right."""
        self.box(x, y, width, height, fill, radius=min(width, height) / 3)
        foot = x + width * (0.5 + 0.22 * tail)
        self.shape(
            [
                (foot - 16, y + height - 2),
                (foot + 16, y + height - 2),
                (foot + 18 * tail, y + height + height / 4),
            ],
            fill,
        )

    def rows(self, x: float, y: float, widths: Sequence[float], fill: str, *, step: float = 24) -> None:
        """Lines of text as bars: no letters, so nothing to read in a picture."""
        for number, width in enumerate(widths):
            self.box(x, y + number * step, width, 8, fill, radius=4)

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        small = self.image.resize(self.size, Image.Resampling.LANCZOS)
        small.quantize(160, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
            path, optimize=True
        )


SCENE = (1104, 736)  # 3:2, shown at 552 x 368
EMBLEM = (192, 192)  # 1:1, shown at 64 x 64


def dialogue() -> Sheet:
    """A town hall with an open door, and the talk outside it."""
    sheet = Sheet(*SCENE, MIST)
    sheet.circle(930, 170, 84, SUN)
    sheet.shape([(0, 600), (340, 540), (720, 590), (1104, 548), (1104, 736), (0, 736)], LEAF)
    sheet.box(150, 270, 400, 340, PAPER)
    sheet.shape([(122, 276), (350, 132), (578, 276)], ROSE)
    sheet.box(340, 70, 8, 80, NIGHT)
    sheet.shape([(348, 72), (420, 94), (348, 116)], SUN)
    for x in (190, 270, 394, 474):
        sheet.box(x, 322, 44, 70, SEA, radius=4)
    sheet.box(190, 448, 44, 70, SEA, radius=4)
    sheet.box(290, 440, 120, 170, NIGHT)
    sheet.shape([(410, 440), (474, 466), (474, 640), (410, 610)], DEEP)
    sheet.shape([(290, 610), (410, 610), (640, 736), (330, 736)], TINT)
    sheet.bubble(600, 332, 190, 112, PAPER, tail=-1)
    sheet.rows(634, 364, (122, 86), SAND)
    sheet.bubble(796, 420, 220, 126, ROSE)
    sheet.rows(836, 454, (138, 100), BLUSH)
    sheet.bubble(640, 516, 150, 92, SUN, tail=-1)
    sheet.rows(670, 544, (92,), PAPER)
    sheet.bubble(826, 596, 130, 78, SEA)
    sheet.rows(854, 622, (74,), MIST)
    return sheet


def bridge() -> Sheet:
    """A bridge whose road turns into lines of code."""
    sheet = Sheet(*SCENE, MIST)
    sheet.circle(250, 196, 92, BLUSH)
    sheet.box(0, 566, 1104, 170, SEA)
    for y, offset in ((612, 0), (654, 90), (696, 30)):
        for x in range(-120 + offset, 1104, 260):
            sheet.box(x, y, 120, 8, MIST, radius=4)
    sheet.shape([(0, 430), (150, 430), (190, 566), (0, 566)], LEAF)
    sheet.box(0, 404, 640, 40, NIGHT)
    for x in range(30, 620, 92):
        sheet.box(x, 420, 46, 8, SUN, radius=4)
    for x in (300, 620):
        sheet.box(x - 15, 214, 30, 370, ROSE)
        sheet.box(x - 34, 574, 68, 26, DEEP, radius=6)
    for tower, direction in ((300, -1), (300, 1), (620, -1)):
        for number in range(1, 5):
            foot = tower + direction * number * 37
            sheet.line([(tower, 214 + number * 22), (foot, 404)], DEEP, 4)
    bars = (
        (640, 404, 150, NIGHT), (806, 404, 96, ROSE), (918, 404, 130, SEA),
        (664, 444, 88, SUN), (768, 444, 170, NIGHT), (954, 444, 60, ROSE),
        (640, 484, 60, SEA), (716, 484, 110, LEAF), (842, 484, 150, NIGHT),
        (688, 364, 120, LEAF), (824, 364, 70, NIGHT), (910, 364, 110, SUN),
        (736, 324, 80, ROSE), (832, 324, 130, SEA), (784, 284, 104, NIGHT), (904, 284, 52, SUN),
    )  # fmt: skip
    for x, y, width, fill in bars:
        sheet.box(x, y, width, 24, fill, radius=12)
    return sheet


def pen_and_bloom() -> Sheet:
    """A pen and a flower that grow from one line of text."""
    sheet = Sheet(*SCENE, MIST)
    sheet.box(120, 560, 864, 14, NIGHT, radius=7)
    sheet.rows(120, 606, (700, 780, 420), PAPER, step=34)
    sheet.line([(700, 560), (704, 460), (694, 360), (712, 270)], LEAF, 16)
    sheet.shape([(702, 470), (790, 396), (842, 404), (806, 464), (704, 500)], LEAF)
    sheet.shape([(696, 404), (620, 330), (566, 342), (600, 400), (694, 434)], LEAF)
    for number in range(8):
        angle = math.tau * number / 8
        sheet.circle(
            712 + 84 * math.cos(angle), 214 + 84 * math.sin(angle), 52, ROSE if number % 2 else BLUSH
        )
    sheet.circle(712, 214, 58, SUN)
    sheet.shape([(352, 556), (300, 430), (404, 430)], SUN)
    sheet.shape([(352, 556), (334, 512), (370, 512)], NIGHT)
    sheet.box(300, 190, 104, 244, SEA)
    sheet.box(334, 190, 36, 244, PAPER)
    sheet.box(300, 150, 104, 48, SAND)
    sheet.box(300, 96, 104, 66, ROSE, radius=18)
    return sheet


def meeting_bubbles() -> Sheet:
    """Speech bubbles of three sizes that meet in the middle."""
    sheet = Sheet(*SCENE, MIST)
    sheet.bubble(110, 110, 520, 330, ROSE, tail=-1)
    sheet.rows(176, 180, (300, 240, 150), BLUSH, step=56)
    sheet.bubble(520, 250, 430, 270, SUN)
    sheet.rows(640, 318, (240, 180, 110), PAPER, step=52)
    sheet.bubble(300, 410, 280, 176, NIGHT, tail=-1)
    sheet.rows(346, 456, (186, 130), MIST, step=42)
    for x, y, radius, fill in (
        (902, 140, 34, SEA),
        (996, 210, 18, BLUSH),
        (160, 600, 24, SEA),
        (860, 640, 16, SUN),
    ):
        sheet.circle(x, y, radius, fill)
    return sheet


def letter() -> Sheet:
    """A letter with a seal: what is said."""
    sheet = Sheet(*EMBLEM, ROSE)
    sheet.box(28, 54, 136, 92, PAPER, radius=6)
    sheet.line([(34, 62), (96, 110), (158, 62)], SAND, 6)
    sheet.circle(96, 112, 20, SUN)
    return sheet


def listening() -> Sheet:
    """A voice and the arcs that catch it."""
    sheet = Sheet(*EMBLEM, SEA)
    sheet.circle(48, 96, 16, SUN)
    for radius, fill in ((44, PAPER), (72, MIST), (100, BLUSH)):
        sheet.curve((48 - radius, 96 - radius, 48 + radius, 96 + radius), -44, 44, fill, 12)
    return sheet


def stream() -> Sheet:
    """A fish that goes with the stream, wide awake."""
    sheet = Sheet(*EMBLEM, MIST)
    for y, fill in ((138, SEA), (162, NIGHT)):
        for x in range(-24, 192, 48):
            sheet.curve((x, y - 16, x + 28, y + 12), 20, 160, fill, 7)
            sheet.curve((x + 22, y - 4, x + 54, y + 24), 200, 340, fill, 7)
    sheet.shape([(30, 58), (66, 88), (30, 118)], ROSE)
    sheet.draw.ellipse([value * OVER for value in (50, 52, 162, 124)], fill=ROSE)
    sheet.circle(134, 80, 11, PAPER)
    sheet.circle(137, 80, 5, NIGHT)
    sheet.curve((64, 66, 104, 110), 300, 60, BLUSH, 6)
    return sheet


def book() -> Sheet:
    """An open book."""
    sheet = Sheet(*EMBLEM, LEAF)
    sheet.shape([(96, 60), (30, 44), (30, 134), (96, 150)], PAPER)
    sheet.shape([(96, 60), (162, 44), (162, 134), (96, 150)], TINT)
    for y in (74, 94, 114):
        sheet.line([(44, y - 8), (82, y + 2)], SAND, 6)
        sheet.line([(148, y - 8), (110, y + 2)], SAND, 6)
    sheet.shape([(124, 54), (140, 50), (140, 92), (132, 84), (124, 96)], ROSE)
    return sheet


def story() -> Sheet:
    """A path over the hills: it begins, it rises, it arrives."""
    sheet = Sheet(*EMBLEM, SUN)
    sheet.shape([(0, 150), (56, 78), (104, 140), (138, 60), (192, 142), (192, 192), (0, 192)], SEA)
    sheet.line([(16, 164), (56, 112), (102, 166), (138, 96)], PAPER, 7)
    sheet.circle(16, 164, 11, NIGHT)
    sheet.line([(138, 96), (138, 34)], NIGHT, 6)
    sheet.shape([(138, 32), (174, 45), (138, 58)], ROSE)
    return sheet


def circle_of_listeners() -> Sheet:
    """People around a common middle: receivers who take part."""
    sheet = Sheet(*EMBLEM, BLUSH)
    sheet.ring(96, 96, 66, 6, PAPER)
    for number in range(7):
        angle = math.tau * number / 7 - math.pi / 2
        fill = (ROSE, NIGHT, SEA)[number % 3] if number < 6 else SUN
        sheet.circle(96 + 63 * math.cos(angle), 96 + 63 * math.sin(angle), 17, fill)
    sheet.circle(96, 96, 24, PAPER)
    return sheet


def links() -> Sheet:
    """Hubs that give to each other."""
    sheet = Sheet(*EMBLEM, SEA)
    points = [(44, 60), (140, 44), (152, 132), (62, 148), (98, 96)]
    for point in points[:4]:
        sheet.line([points[4], point], MIST, 7)
    for start, end in ((0, 1), (1, 2), (2, 3), (3, 0)):
        sheet.line([points[start], points[end]], MIST, 4)
    for (x, y), fill in zip(points, (PAPER, SUN, PAPER, BLUSH, ROSE), strict=True):
        sheet.circle(x, y, 24 if fill == ROSE else 17, fill)
    return sheet


def harbour() -> Sheet:
    """A made-up partner's sign, dark on nothing: a sun over two waves."""
    sheet = Sheet(320, 160, None)
    sheet.dome(160, 84, 54, NIGHT)
    for y, start in ((84, 52), (116, 84)):
        for x in range(start, 320 - start, 36):
            sheet.curve(
                (x, y, x + 36, y + 24),
                180 if (x - start) // 36 % 2 else 0,
                360 if (x - start) // 36 % 2 else 180,
                SEA,
                8,
            )
    return sheet


def portrait() -> Sheet:
    """Nobody's portrait: a head and shoulders before the sea."""
    sheet = Sheet(192, 192, MIST)
    sheet.circle(96, 78, 44, DEEP)
    sheet.box(78, 108, 36, 44, BLUSH)
    sheet.dome(96, 204, 68, ROSE)
    sheet.circle(96, 84, 34, BLUSH)
    sheet.dome(96, 76, 36, DEEP)
    return sheet


def logo() -> Sheet:
    """A greeting: a speech bubble that smiles. It stands on its own ground, so it survives a dark one."""
    sheet = Sheet(80, 80, None)
    sheet.box(0, 0, 80, 66, ROSE, radius=20)
    sheet.shape([(16, 56), (40, 60), (14, 80)], ROSE)
    sheet.circle(28, 25, 6, PAPER)
    sheet.circle(52, 25, 6, PAPER)
    sheet.curve([20, 12, 60, 52], 25, 155, SUN, 7)
    return sheet


PICTURES: dict[str, Callable[[], Sheet]] = {
    "templates/logo.png": logo,
    "docs/pictures/examples/hamnen.png": harbour,
    "docs/pictures/examples/maximiliana.png": portrait,
    "campaigns/almedalen-recap/dialogen.png": dialogue,
    "campaigns/almedalen-recap/bron.png": bridge,
    "campaigns/sju-tips/budskapet.png": letter,
    "campaigns/sju-tips/lyhordhet.png": listening,
    "campaigns/sju-tips/energi.png": stream,
    "campaigns/sju-tips/utbilda.png": book,
    "campaigns/sju-tips/beratta.png": story,
    "campaigns/sju-tips/malgruppen.png": circle_of_listeners,
    "campaigns/sju-tips/natverka.png": links,
    "campaigns/_bilder/birger-blom.png": pen_and_bloom,
    "campaigns/_bilder/komm.png": meeting_bubbles,
}


def main() -> None:
    for name, picture in PICTURES.items():
        path = ROOT / name
        picture().save(path)
        print(f"{path.stat().st_size:>7,} bytes  {name}")


if __name__ == "__main__":
    main()
