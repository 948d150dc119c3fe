"""Pictures as they travel: as large as the letter shows them, upright, without what the camera wrote."""

from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from newsletter.render.scaling import fitted

ORIENTATION, GPS = 0x0112, 0x8825


def made(
    size: tuple[int, int], kind: str = "JPEG", *, mode: str = "RGB", turned: int = 0, gps: bool = False
) -> bytes:
    image = Image.new(mode, size, 128 if mode in ("L", "P", "1") else None)
    image.paste(
        1 if mode in ("L", "P", "1") else (163, 32, 60, 255)[: len(mode)], (0, 0, size[0] // 2, size[1] // 4)
    )
    exif = Image.Exif()
    if turned:
        exif[ORIENTATION] = turned
    if gps:
        exif[GPS] = {1: "N", 2: (57.0, 38.0, 0.0)}
    out = BytesIO()
    image.save(out, kind, **({"exif": exif} if turned or gps else {}))
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize(
    ("size", "width", "wanted"), [((4000, 3000), 600, (1200, 900)), ((400, 400), 96, (192, 192))]
)
def test_a_large_picture_comes_down_to_double_density(kind, size, width, wanted) -> None:
    copy = fitted(made(size, kind), width)
    assert (copy.width, copy.height) == wanted == opened(copy.data).size
    assert opened(copy.data).format == kind
    assert len(copy.data) < len(made(size, kind)) * 2


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_picture_that_fits_stays_as_it_is(kind) -> None:
    assert fitted(made((1200, 800), kind), 600) is None
    assert fitted(made((10, 8), kind), 600) is None  # never enlarged


def test_a_turned_photograph_stands_upright() -> None:
    copy = fitted(made((800, 400), turned=6), 600)
    assert (copy.width, copy.height) == (400, 800)
    assert opened(copy.data).getexif().get(ORIENTATION, 1) == 1
    large = fitted(made((4000, 2000), turned=8), 600)
    assert (large.width, large.height) == (1200, 2400)


def test_where_it_was_taken_is_nobodys_business() -> None:
    data = made((300, 200), gps=True)
    assert opened(data).getexif().get_ifd(GPS)
    copy = fitted(data, 600)
    assert (copy.width, copy.height) == (300, 200)
    assert not opened(copy.data).getexif()


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "P"), ("PNG", "RGBA"), ("PNG", "LA"), ("PNG", "1")],
)
def test_every_mode_can_be_scaled(kind, mode) -> None:
    copy = fitted(made((1500, 1000), kind, mode=mode), 300)
    assert opened(copy.data).size == (600, 400)
    if mode in ("RGBA", "LA"):
        assert opened(copy.data).mode == "RGBA"


def test_a_moving_gif_is_left_alone() -> None:
    frames = [Image.new("P", (2000, 1000), number) for number in (1, 2)]
    out = BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    assert fitted(out.getvalue(), 600) is None


def test_the_same_picture_gives_the_same_bytes() -> None:
    data = made((2000, 1000))
    first = fitted(data, 600).data
    fitted.cache_clear()
    assert fitted(data, 600).data == first


def test_a_block_says_how_wide_it_shows_a_picture(workshop: Any) -> None:
    workshop.write(
        "templates/blocks/person.mjml",
        '+++\n[fields]\nimage = "image! 1:1 96px"\n+++\n<mj-image src="{{ image }}" alt="{{ image.alt }}" width="96px" />',
    )
    workshop.write("campaigns/ansikte.jpg", made((800, 800)))
    workshop.write("campaigns/scen.jpg", made((3000, 2000)))
    workshop.body("::: person\nimage: ![Ett ansikte](ansikte.jpg)\n:::\n\n![En scen](scen.jpg)")
    sizes = sorted(opened(picture.data).size for picture in workshop.compose().pictures)
    assert sizes == [(192, 192), (1200, 800)]


@pytest.mark.parametrize(
    "written",
    ["![](scen.jpg)", "::: person\nimage: ![](scen.jpg)\n:::", "::: person\nimage: ![ ](scen.jpg)\n:::"],
)
def test_a_picture_without_words_is_refused(workshop: Any, written: str) -> None:
    workshop.write(
        "templates/blocks/person.mjml",
        '+++\n[fields]\nimage = "image!"\n+++\n<mj-image src="{{ image }}" alt="" />',
    )
    workshop.write("campaigns/scen.jpg", made((30, 20)))
    workshop.body(written)
    problem = workshop.problem()
    assert problem.code == "P109"
    assert "decorative=yes" in problem.hint


@pytest.mark.parametrize("place", ["text", "field", "data"])
def test_a_picture_may_only_decorate(workshop: Any, place: str) -> None:
    decorates = "![](scen.jpg){decorative=yes}"
    workshop.write("campaigns/scen.jpg", made((30, 20)))
    workshop.write(
        "templates/blocks/person.mjml",
        '+++\n[fields]\nimage = "image!"\n+++\n<mj-image src="{{ image.src }}" alt="{{ image.alt }}" />',
    )
    if place == "data":
        shown = '<mj-image src="{{ data.emblem.src }}" alt="{{ data.emblem.alt }}" />'
        template = workshop.folder / "templates" / "brev.mjml"
        head, rest = template.read_text(encoding="utf-8").split("[data]\n", 1)
        rest = rest.replace("{{ intro.body }}", shown + "{{ intro.body }}", 1)
        template.write_text(f'{head}[data]\nemblem = "image"\n{rest}', encoding="utf-8")
    head = f'[data]\nemblem = "{decorates}"' if place == "data" else ""
    written = {"text": decorates, "field": f"::: person\nimage: {decorates}\n:::", "data": "Hej"}
    workshop.body(written[place], head=head)
    assert 'alt=""' in workshop.content().html


def test_heavy_pictures_are_told_of_by_weight(workshop: Any) -> None:
    import random

    noise = Image.frombytes("RGB", (900, 900), random.Random(1).randbytes(900 * 900 * 3))
    out = BytesIO()
    noise.save(out, "PNG")
    workshop.write("campaigns/brus.png", out.getvalue())
    workshop.body("![Brus](brus.png)")
    assert [finding.code for finding in workshop.compose().findings] == ["P107", "P110"]


def test_a_bomb_is_refused_before_it_is_opened(workshop: Any) -> None:
    import struct
    import tracemalloc
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1_000_000)))
        + chunk(b"IEND", b"")
    )
    workshop.write("campaigns/bomb.png", bomb)
    workshop.body("![Bomb](bomb.png)")
    tracemalloc.start()
    try:
        assert workshop.problem().code == "P105"
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()
