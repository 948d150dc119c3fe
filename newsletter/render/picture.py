"""Pictures: found inside the project, really read, and given the address under which a letter shows them."""

import hashlib
import unicodedata
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePosixPath

from newsletter.errors import ChecksFailed, Place, Problem, Severity, nearest
from newsletter.files.project import Project
from newsletter.render.composition import InlinePicture
from newsletter.render.declarations import Ratio
from newsletter.render.scaling import LETTER_WIDTH, fitted

MAX_FILE_BYTES = 10_000_000
MAX_PIXELS = 25_000_000  # about 100 MB while it is decoded
MAX_LETTER_BYTES = 20_000_000  # all pictures of one letter together
HEAVY_BYTES = 400_000  # one picture, as it travels
HEAVY_LETTER_BYTES = 800_000  # all of a letter

# Pillow's name -> content type, suffixes. What mail programs show everywhere; no WebP, AVIF or SVG.
FORMATS = {
    "JPEG": ("image/jpeg", (".jpg", ".jpeg")),
    "PNG": ("image/png", (".png",)),
    "GIF": ("image/gif", (".gif",)),
}

_SIGNATURES = (
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x89PNG\r\n", "a PNG picture"),
    (b"GIF8", "a GIF picture"),
    (b"<svg", "an SVG drawing"),
    (b"<?xml", "an XML text"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
    (b"%PDF", "a PDF document"),
    (b"BM", "a BMP picture"),
    (b"version https://git-lfs", "a Git LFS pointer (run `git lfs pull`)"),
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture file that may travel in a letter."""

    file: str  # relative to the project
    name: str  # the published copy's: a hash of the file and of how it was scaled
    content_type: str
    width: int  # pixels of the copy that travels
    height: int
    data: bytes
    src: str  # cid:… or https://…

    @property
    def cid(self) -> str:
        return self.src.removeprefix("cid:")

    def inline(self) -> InlinePicture:
        return InlinePicture(self.cid, PurePosixPath(self.file).name, self.content_type, self.data)


class Album:
    """The pictures of one letter: each file read once, checked, and addressed."""

    def __init__(self, project: Project, assets_url: str | None) -> None:
        self._project = project
        self._assets_url = assets_url
        self._read: dict[tuple[str, int], Picture | ChecksFailed] = {}
        self._used: dict[tuple[str, int], Picture] = {}

    @property
    def used(self) -> tuple[Picture, ...]:
        """All that were taken, by file name."""
        return tuple(self._used[key] for key in sorted(self._used))

    def take(
        self,
        source: str,
        folders: Iterable[str],
        place: Place,
        *,
        ratio: Ratio | None = None,
        width: int | None = None,
    ) -> Picture:
        """The picture that an author or a template names; it travels with the letter from now on.

        folders: where it may lie, the nearest first; it never lies outside of them
        width: at which it is shown, in px; the letter's where nobody knows better
        Raises ChecksFailed (P1xx) at `place`.
        """
        folders = tuple(folders)
        key = (self._find(source, folders, place), width or LETTER_WIDTH)
        if key not in self._read:
            try:
                self._read[key] = self._open(*key, place)
            except ChecksFailed as failed:
                self._read[key] = failed
        picture = self._read[key]
        if isinstance(picture, ChecksFailed):
            raise ChecksFailed(*(Problem(p.code, p.message, place, p.hint) for p in picture.problems))
        if ratio and not ratio.fits(picture.width, picture.height):
            raise ChecksFailed(_ratio_problem(source, picture, ratio, place))
        self._used[key] = picture
        if sum(len(used.data) for used in self._used.values()) > MAX_LETTER_BYTES:
            raise ChecksFailed(
                Problem(
                    "P106",
                    f"the pictures of this letter weigh more than {_mb(MAX_LETTER_BYTES)}",
                    place,
                    "use fewer or smaller ones",
                )
            )
        return picture

    def findings(self) -> tuple[Problem, ...]:
        """Pictures that will do, but not well everywhere."""
        heavy = [
            Problem(
                "P107",
                f"`{picture.file}` weighs {_mb(len(picture.data))}: slow on a telephone",
                Place(picture.file),
                "save it with fewer colours or as JPEG",
                Severity.WARNING,
            )
            for picture in self.used
            if len(picture.data) > HEAVY_BYTES
        ]
        weight = sum(len(data) for data in {picture.name: picture.data for picture in self.used}.values())
        if weight > HEAVY_LETTER_BYTES:
            heaviest = max(self.used, key=lambda picture: len(picture.data))
            heavy.append(
                Problem(
                    "P110",
                    f"the pictures of this letter weigh {_mb(weight)} together",
                    Place(heaviest.file),
                    f"{_mb(HEAVY_LETTER_BYTES)} are enough; `{heaviest.file}` alone has {_mb(len(heaviest.data))}",
                    Severity.WARNING,
                )
            )
        return tuple(heavy)

    def _find(self, source: str, folders: tuple[str, ...], place: Place) -> str:
        if "://" in source or source.startswith(("//", "data:", "cid:")):
            raise ChecksFailed(
                Problem(
                    "P102",
                    f"`{source[:60]}` is no file of the project",
                    place,
                    "save the picture beside the campaign and write its file name",
                )
            )
        parts = PurePosixPath(source.strip().removeprefix("./"))
        for folder in folders:
            relative = str(PurePosixPath(folder) / parts)
            # A Mac writes å as two characters (NFD) where everybody else writes one.
            for form in dict.fromkeys(
                (relative, *(unicodedata.normalize(f, relative) for f in ("NFC", "NFD")))
            ):
                if self._project.path(form, place=place).is_file():
                    return form
        raise ChecksFailed(self._missing(source, folders, place))

    def _missing(self, source: str, folders: tuple[str, ...], place: Place) -> Problem:
        suffixes = tuple(suffix for _, group in FORMATS.values() for suffix in group)
        names = [
            file.removeprefix(folder + "/")
            for folder in folders
            for file in self._project.find(folder, "*" if folder != "templates" else "**/*")
            if file.lower().endswith(suffixes)
        ]
        guess = nearest(source, names)
        where = " or ".join(f"{folder}/" for folder in folders)
        return Problem(
            "P101",
            f"there is no picture `{source}`",
            place,
            f"did you mean `{guess}`?" if guess else f"put it into {where}",
        )

    def _open(self, file: str, width: int, place: Place) -> Picture:
        path = self._project.path(file, place=place)
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise ChecksFailed(
                Problem(
                    "P105",
                    f"`{file}` weighs {_mb(size)}; {_mb(MAX_FILE_BYTES)} are the limit",
                    place,
                    "save it smaller: 1200 pixels across are enough for a letter",
                )
            )
        data = self._project.read_bytes(file, place=place)
        content_type, suffix, across, high = _look(data, file, place)
        copy = fitted(data, width)
        made = f"{hashlib.sha256(data).hexdigest()} at {width}" if copy else data
        name = hashlib.sha256(made.encode() if isinstance(made, str) else made).hexdigest()[:32] + suffix
        src = f"{self._assets_url.rstrip('/')}/{name}" if self._assets_url else f"cid:{name}@newsletter"
        if copy:
            return Picture(file, name, content_type, copy.width, copy.height, copy.data, src)
        return Picture(file, name, content_type, across, high, data, src)


def _look(data: bytes, file: str, place: Place) -> tuple[str, str, int, int]:
    """Content type, suffix and size in pixels of a picture that is whole and is what its name says."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own limit warns; ours is below
            image = Image.open(BytesIO(data), formats=tuple(FORMATS))
    except Image.DecompressionBombError:
        raise ChecksFailed(_too_many_pixels(file, "", place)) from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        raise ChecksFailed(_no_picture(data, file, place)) from None
    content_type, suffixes = FORMATS[image.format or ""]
    if PurePosixPath(file).suffix.lower() not in suffixes:
        raise ChecksFailed(
            Problem(
                "P103",
                f"`{file}` is a {image.format} picture under another name",
                place,
                f"rename it so that it ends in `{suffixes[0]}`",
            )
        )
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ChecksFailed(_too_many_pixels(file, f": {width} x {height}", place))
    if width < 2 and height < 2:
        raise ChecksFailed(Problem("P104", f"`{file}` is a single pixel", place, "take the real picture"))
    try:
        turned = image.getexif().get(0x0112, 1) in {5, 6, 7, 8}  # EXIF 2.3: orientation by a quarter
        image.draft(
            "RGB", (max(1, width // 8), max(1, height // 8))
        )  # JPEG only: the whole file, an eighth of the size
        image.load()
    except Exception as error:  # noqa: BLE001  (decoders raise what they like at damaged data)
        raise ChecksFailed(
            Problem("P104", f"`{file}` is damaged: {error}", place, "save or copy it again")
        ) from None
    return content_type, suffixes[0], *((height, width) if turned else (width, height))


def _too_many_pixels(file: str, size: str, place: Place) -> Problem:
    return Problem(
        "P105",
        f"`{file}` has too many pixels to open{size}",
        place,
        "save it smaller: 1200 pixels across are enough for a letter",
    )


def _no_picture(data: bytes, file: str, place: Place) -> Problem:
    head = data[:200].lstrip()
    what = next((name for start, name in _SIGNATURES if head.lower().startswith(start.lower())), "")
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        what = "a WebP picture"
    elif head[4:8] == b"ftyp":
        what = "a HEIC or AVIF picture" if head[8:11] in (b"hei", b"mif", b"avi") else "a film"
    if not data:
        message = f"`{file}` is empty"
    elif what.endswith(" picture") and what.split()[1] in FORMATS:
        message = f"`{file}` is damaged"
    else:
        message = f"`{file}` is {what or 'no picture'}"
    return Problem(
        "P103" if what else "P104",
        message,
        place,
        "letters take JPEG, PNG and GIF: save the picture as one of them",
    )


def no_alt(source: str, place: Place) -> Problem:
    """A picture that says nothing to whoever does not see it (WCAG 2.2, 1.1.1)."""
    return Problem(
        "P109",
        f"the picture `{source}` has no words for those who don't see it",
        place,
        f"write what it shows: ![…]({source}); if it only decorates: ![]({source}){{decorative=yes}}",
    )


def _ratio_problem(source: str, picture: Picture, ratio: Ratio, place: Place) -> Problem:
    width, height = picture.width, picture.height
    if width * ratio.height > height * ratio.width:
        crop = (round(height * ratio.width / ratio.height), height)
    else:
        crop = (width, round(width * ratio.height / ratio.width))
    return Problem(
        "P108",
        f"`{source}` measures {width} x {height} pixels, not {ratio}",
        place,
        f"cut it to {crop[0]} x {crop[1]}",
    )


def _mb(size_bytes: int) -> str:
    return f"{size_bytes / 1_000_000:.1f} MB"
