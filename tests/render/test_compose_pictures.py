"""Pictures are real files of the project, read before anything is sent, and travel with the letter."""

import hashlib
import io
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

LAYOUT = "<mjml><mj-body>{{ intro.body }}%s</mj-body></mjml>"


def png(width: int = 600, height: int = 400) -> bytes:
    return saved("PNG", width, height)


def saved(kind: str, width: int = 600, height: int = 400, **more: Any) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.new("RGB", (width, height), "#a3203c").save(stream, kind, **more)
    return stream.getvalue()


def huge_png() -> bytes:
    """A PNG that says it measures 60,000 x 60,000 pixels, in a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


def test_a_picture_travels_inside_the_message(workshop: Any) -> None:
    data = png()
    workshop.write("campaigns/bild.png", data)
    workshop.body("![En röd yta](bild.png)")
    (picture,) = workshop.compose().pictures
    assert (picture.filename, picture.content_type, picture.data) == ("bild.png", "image/png", data)
    content = workshop.content()
    assert f'src="cid:{picture.cid}"' in content.html
    assert 'alt="En röd yta"' in content.html
    assert "[En röd yta]" in content.text


def test_with_an_assets_url_it_stays_outside(workshop: Any) -> None:
    data = png()
    workshop.write("campaigns/bild.png", data)
    workshop.write(
        "newsletter.toml", 'assets_url = "https://bilder.example/brev/"\n[sender]\nfrom = "a@example.org"\n'
    )
    workshop.body("![x](bild.png)")
    assert workshop.compose().pictures == ()
    name = hashlib.sha256(data).hexdigest()[:32]
    assert f'src="https://bilder.example/brev/{name}.png"' in workshop.content().html


def test_only_used_pictures_travel_and_each_once(workshop: Any) -> None:
    for name in ("a", "b"):
        workshop.write(f"campaigns/{name}.png", png())
    workshop.body("![x](a.png)\n\n![y](a.png)")
    assert [picture.filename for picture in workshop.compose().pictures] == ["a.png"]
    workshop.write("templates/brev.mjml", LAYOUT % '<mj-image src="{{ brand.logo }}" alt="Logo" />')
    assert [picture.filename for picture in workshop.compose().pictures] == ["a.png", "logo.png"]


def test_a_template_names_pictures_by_file(workshop: Any) -> None:
    workshop.write("templates/partials/rand.png", png())
    workshop.write(
        "templates/brev.mjml", LAYOUT % '<mj-text><img src="partials/rand.png" width="9"></mj-text>'
    )
    (picture,) = workshop.compose().pictures
    assert f'<img alt="" src="cid:{picture.cid}" width="9">' in workshop.content().html


BAD = {
    "cut off": ("x.png", png()[:400], "P104", "`campaigns/x.png` is damaged"),
    "renamed": ("x.jpg", png(), "P103", "is a PNG picture under another name"),
    "webp": ("x.png", saved("WEBP"), "P103", "is a WebP picture"),
    "svg": ("x.png", b'<svg xmlns="http://www.w3.org/2000/svg"/>', "P103", "is an SVG drawing"),
    "a web page": ("x.png", b"<!doctype html><html>", "P103", "is a web page"),
    "lfs": ("x.png", b"version https://git-lfs.github.com/spec/v1\n", "P103", "is a Git LFS pointer"),
    "empty": ("x.png", b"", "P104", "is empty"),
    "noise": ("x.png", bytes(range(256)), "P104", "is no picture"),
    "many pixels": ("x.png", huge_png(), "P105", "has too many pixels to open"),
    "large": ("x.png", saved("PNG", 5100, 5000), "P105", "has too many pixels to open: 5100 x 5000"),
    "heavy": ("x.png", png() + b"\0" * 10_000_001, "P105", "weighs 10.0 MB"),
    "a pixel": ("x.png", png(1, 1), "P104", "is a single pixel"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_whole_picture_is_refused(workshop: Any, case: str) -> None:
    name, data, code, message = BAD[case]
    workshop.write(f"campaigns/{name}", data)
    workshop.body(f"![x]({name})\n\n![y]({name})")
    problems = workshop.problems()
    assert [(p.code, str(p.place)) for p in problems] == [
        (code, "campaigns/brev.md:8:1"),
        (code, "campaigns/brev.md:10:1"),
    ]
    assert message in problems[0].message


@pytest.mark.parametrize("kind", ["JPEG", "GIF", "PNG"])
def test_pictures_that_mail_programs_show(workshop: Any, kind: str) -> None:
    suffix = {"JPEG": "JPG", "GIF": "gif", "PNG": "png"}[kind]
    workshop.write(f"campaigns/x.{suffix}", saved(kind))
    workshop.body(f"![x](x.{suffix})")
    (picture,) = workshop.compose().pictures
    assert picture.content_type == f"image/{kind.lower()}"


def test_the_ratio_is_checked_as_people_see_the_picture(workshop: Any) -> None:
    workshop.write("templates/brev.mjml", '+++\n[pictures]\nratio = "3:2"\n+++\n' + LAYOUT % "")
    for name, size in {"right": (600, 400), "nearly": (601, 400), "square": (400, 400)}.items():
        workshop.write(f"campaigns/{name}.png", png(*size))
    from PIL import Image

    turned = Image.Exif()
    turned[0x0112] = 6
    workshop.write("campaigns/turned.jpg", saved("JPEG", 400, 600, exif=turned))
    workshop.body("![x](right.png)\n\n![x](nearly.png)\n\n![x](turned.jpg)")
    workshop.compose()
    workshop.body("![x](square.png)")
    problem = workshop.problem()
    assert (problem.code, problem.message) == ("P108", "`square.png` measures 400 x 400 pixels, not 3:2")
    assert problem.hint == "cut it to 400 x 267"


def test_a_link_out_of_the_project_is_no_picture(workshop: Any, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside.png"
    outside.write_bytes(png())
    workshop.body("![x](bild.png)")
    (workshop.folder / "campaigns" / "bild.png").symlink_to(outside)
    assert workshop.problem().code == "F111"


def test_an_image_field_and_image_data(workshop: Any) -> None:
    workshop.write("campaigns/a.png", png(96, 96))
    workshop.write(
        "templates/blocks/person.mjml",
        '+++\n[fields]\nimage = "image! 1:1"\n+++\n<mj-image src="{{ image.src }}" alt="{{ image.alt }}" width="{{ image.width }}px" />',
    )
    workshop.write(
        "templates/brev.mjml",
        '+++\n[data]\ntop = "image"\n+++\n'
        + LAYOUT % '<mj-image src="{{ data.top }}" alt="{{ data.top.alt }}" />',
    )
    workshop.write("campaigns/b.png", png())
    workshop.body("::: person\nimage: ![Å & ö](a.png)\n:::", head='[data]\ntop = "![Sol, måne](b.png)"')
    content = workshop.content()
    assert 'alt="Å &amp; ö"' in content.html
    assert 'width="96"' in content.html
    assert 'alt="Sol, måne"' in content.html
    assert "[Å & ö]" in content.text
    assert [picture.filename for picture in workshop.compose().pictures] == ["a.png", "b.png"]
    workshop.write("campaigns/a.png", png(96, 64))
    assert workshop.problem().code == "P108"


def test_a_mac_writes_names_in_two_pieces(workshop: Any) -> None:
    import unicodedata

    workshop.write(f"campaigns/{unicodedata.normalize('NFD', 'båt')}.png", png())
    workshop.body("![x](båt.png)")
    assert len(workshop.compose().pictures) == 1
