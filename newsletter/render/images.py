"""Where pictures are named: in image values of authors, and by file name in templates."""

import re
from collections.abc import Callable, Iterable
from typing import TypeAlias

from newsletter.errors import ChecksFailed, Place, Problem
from newsletter.render.declarations import Want
from newsletter.render.picture import Album, no_alt
from newsletter.render.templates import BESIDE, FOLDER, Source
from newsletter.render.views import Image

ReadImage: TypeAlias = Callable[[str, Want, Place], tuple[Image, Image]]

_NAMED = re.compile(r"""\b(?:src|background-url)\s*=\s*(["'])([^"'{}]*)\1""")
_ABSOLUTE = re.compile(r"[A-Za-z][\w+.-]*:|//")


def image_reader(album: Album, folders: tuple[str, ...]) -> ReadImage:
    """Reads a value `![alt](file.jpg)`, or the file's name alone; the image for HTML and for text.

    The reader raises ChecksFailed at the value's place.
    """
    from newsletter.render.body import field_picture
    from newsletter.render.tree import Field

    def read(value: str, want: Want, place: Place) -> tuple[Image, Image]:
        if not value.lstrip().startswith("!"):
            raise ChecksFailed(no_alt(value, place))
        picture, problems = field_picture(Field(place, value))
        if problems or picture is None:
            raise ChecksFailed(*problems)
        if picture.lacks_words:
            raise ChecksFailed(no_alt(picture.source, place))
        taken = album.take(picture.source, folders, place, ratio=want.ratio, width=want.width)
        return Image(taken, picture.alt, as_text=False), Image(taken, picture.alt, as_text=True)

    return read


def template_pictures(
    sources: Iterable[Source], album: Album, beside: str
) -> tuple[dict[str, str], list[Problem]]:
    """Addresses of the pictures that templates name by a file, as in <mj-image src="logo.png">.

    They lie in templates/; those of a campaign's own template may lie beside it.
    """
    addresses: dict[str, str] = {}
    problems: list[Problem] = []
    for source in sources:
        for match in () if source.built_in else _NAMED.finditer(source.text):
            written = match[2].strip()
            if not written or _ABSOLUTE.match(written):
                continue
            place = source.origin_of(match.start(2))
            folders = (FOLDER, beside) if source.name.startswith(BESIDE) else (FOLDER,)
            try:
                addresses[written] = album.take(written, folders, place).src
            except ChecksFailed as failed:
                problems += failed.problems
    return addresses, problems
