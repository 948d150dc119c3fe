"""Pictures made as large as the letter shows them, freed of what cameras write into them."""

import functools
from dataclasses import dataclass
from io import BytesIO

DENSITY = 2  # pixels of the file for each pixel shown: sharp on today's screens
LETTER_WIDTH = 600  # px; what a picture is shown at when nobody declares less
JPEG_QUALITY = 82
_ORIENTATION = 0x0112  # EXIF 2.3: 1 is as it lies
_ON_ITS_SIDE = frozenset({5, 6, 7, 8})


@dataclass(frozen=True, slots=True)
class Fitted:
    """A picture's bytes as they travel."""

    data: bytes
    width: int  # pixels
    height: int


@functools.lru_cache(maxsize=128)
def fitted(data: bytes, shown_width: int) -> Fitted | None:
    """The picture at twice the width at which it is shown, upright and without EXIF; None if it already is that.

    Never enlarged; a GIF, which may move, is left alone. The same input gives the same bytes under one version of
    Pillow. The caller has looked at the picture: it is whole and of a size that fits into memory.
    """
    from PIL import Image, ImageOps

    with Image.open(BytesIO(data)) as image:
        turned = image.getexif().get(_ORIENTATION, 1)
        across = image.height if turned in _ON_ITS_SIDE else image.width
        width = min(across, shown_width * DENSITY)
        if image.format == "GIF" or (width == across and turned == 1 and "exif" not in image.info):
            return None
        if image.format == "JPEG" and turned == 1:
            image.draft(
                "RGB", (width, image.height * width // image.width)
            )  # decodes a fraction that is enough
        upright = ImageOps.exif_transpose(image)
        size = (width, max(1, round(upright.height * width / upright.width)))
        if upright.size != size:
            if upright.mode in ("P", "1", "LA"):
                upright = upright.convert("RGBA")
            upright = upright.resize(size, Image.Resampling.LANCZOS)
        out, profile = BytesIO(), image.info.get("icc_profile")
        if image.format == "JPEG":
            plain = upright if upright.mode in ("RGB", "L") else upright.convert("RGB")
            plain.save(
                out,
                "JPEG",
                quality=JPEG_QUALITY,
                optimize=True,
                progressive=True,
                icc_profile=profile,
                exif=b"",
            )
        else:
            upright.save(out, "PNG", optimize=True, icc_profile=profile, exif=b"")
        return Fitted(out.getvalue(), *size)
