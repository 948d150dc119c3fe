"""The look of every shipped letter, measured in a browser: narrow and wide, light and dark, nothing fetched."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from lookbook.letters import Letter
from lookbook.screen import contrast

RHYTHM = {0, 8, 16, 24, 32, 48}
WIDTHS = (320, 375, 600, 1000)
NARROW = (320, 375)
MONTHS = "januari|februari|mars|april|maj|juni|juli|augusti|september|oktober|november|december"


@dataclass(frozen=True)
class Sight:
    """One letter at one width in light and in dark."""

    name: str
    width: int
    light: dict[str, Any]
    dark: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.name} at {self.width} px"


@dataclass(frozen=True)
class Gallery:
    brand: str  # the sender's name
    place: str  # a part of its address
    letters: dict[str, Letter]
    sights: tuple[Sight, ...]
    accent_share: dict[str, float]  # by letter, at 600 px in light, pictures left out
    requests: tuple[str, ...]


BRANDS = {
    "ours": ("HejDigitalt", "Exempelgatan"),
    "another": ("Riksföreningen för digital delaktighet och öppna data", "Lagårdsgatan"),
}


@pytest.fixture(scope="module", params=BRANDS)
def gallery(
    request: pytest.FixtureRequest,
    letters_in: Callable[[str], dict[tuple[str, str], Letter]],
    open_screen: Callable[..., Any],
) -> Gallery:
    """All letters in a brand at several widths; for other readers, and in the other brand, where it is tight."""
    all_letters = letters_in(request.param)
    letters = {f"{name} for {reader}": letter for (name, reader), letter in all_letters.items()}
    widths = {
        name: WIDTHS if name.endswith("for typical") else NARROW[: 2 if request.param == "ours" else 1]
        for name in letters
    }
    requests: list[str] = []
    measured: dict[tuple[str, int, str], dict[str, Any]] = {}
    shares: dict[str, float] = {}
    for scheme in ("light", "dark"):
        screen = open_screen(color_scheme=scheme, java_script_enabled=False)
        for name, letter in letters.items():
            screen.show(letter.shown)
            for width in widths[name]:
                screen.width(width)
                measured[name, width, scheme] = screen.measure()
                if scheme == "light" and width == 600:
                    bare = screen.page.screenshot(full_page=True, style="img { visibility: hidden }")
                    shares[name] = _accent_share(bare)
        requests += screen.requests
        screen.close()
    return Gallery(
        *BRANDS[request.param],
        letters,
        tuple(
            Sight(name, width, measured[name, width, "light"], measured[name, width, "dark"])
            for name in letters
            for width in widths[name]
        ),
        shares,
        tuple(requests),
    )


def _accent_share(screenshot: bytes) -> float:
    """How much of a page has a strong colour: neither paper nor ink nor anything near grey."""
    from io import BytesIO

    from PIL import Image, ImageChops

    image = Image.open(BytesIO(screenshot)).convert("HSV")
    _, saturation, value = image.split()
    strong = ImageChops.darker(
        saturation.point(lambda one: one > 110 and 255), value.point(lambda one: one > 60 and 255)
    )
    return strong.histogram()[255] / (image.width * image.height)


def _modes(gallery: Gallery) -> Iterator[tuple[str, dict[str, Any]]]:
    for sight in gallery.sights:
        yield f"{sight}, light", sight.light
        yield f"{sight}, dark", sight.dark


def test_nothing_scrolls_sideways_and_the_column_ends_at_600_px(gallery: Gallery) -> None:
    for where, seen in _modes(gallery):
        width = int(re.search(r"at (\d+) px", where)[1])  # type: ignore[index]
        assert seen["width"] <= width, where
        assert seen["content"] <= 600, where


def test_lines_have_45_to_70_characters_where_there_is_room(gallery: Gallery) -> None:
    for sight in gallery.sights:
        lines = sight.light["lines"]
        if sight.width >= 600 and len(lines) > 2:
            assert 45 <= sum(lines) / len(lines) <= 70, sight


def test_four_sizes_at_most_and_text_to_read_has_16_px(gallery: Gallery) -> None:
    for where, seen in _modes(gallery):
        sizes = {text["size"] for text in seen["texts"]}
        assert len(sizes) <= 4, (where, sizes)
        assert min(sizes) >= 13, where
        small = sum(len(text["text"]) for text in seen["texts"] if text["small"])
        assert small < sum(len(text["text"]) for text in seen["texts"]) / 2, where
        for text in seen["texts"]:
            assert text["small"] or text["size"] >= 16, (where, text["text"])
            if text["heading"] or text["size"] > 20:
                assert 1.15 <= text["lineHeight"] <= 1.3, (where, text["text"])
            elif text["kind"] == "text" and not text["small"]:
                assert text["lineHeight"] >= 1.5, (where, text["text"])


def test_one_rhythm(gallery: Gallery) -> None:
    for where, seen in _modes(gallery):
        assert set(seen["spaces"]) <= RHYTHM, (where, sorted(set(seen["spaces"]) - RHYTHM))


def test_headings_belong_to_what_follows(gallery: Gallery) -> None:
    for sight in gallery.sights:
        for gap in sight.light["gaps"]:
            if gap["level"] == "H1" and sight.name.startswith("valkommen"):
                assert gap["above"] == 8, (str(sight), gap)  # from the few words that belong to it
                continue
            assert gap["above"] >= 2 * gap["below"], (str(sight), gap)
            if gap["level"] == "H2" and sight.name.startswith("almedalen"):
                assert gap["above"] >= 48, (str(sight), gap)


def test_what_comes_after_a_tinted_ground_begins_at_one_distance(gallery: Gallery) -> None:
    seen = 0
    for sight in gallery.sights:
        for space in sight.light["bands"]:
            seen += 1
            assert round(space) == 48, (str(sight), space)
    assert seen


def test_no_word_is_split(gallery: Gallery) -> None:
    for where, seen in _modes(gallery):
        assert seen["split"] == [], where


def test_one_h1_and_headings_in_order(gallery: Gallery) -> None:
    for where, seen in _modes(gallery):
        levels = seen["levels"]
        assert levels[0] == 1, where
        assert levels.count(1) == 1, where
        assert all(later - earlier <= 1 for earlier, later in pairwise(levels)), (
            where,
            levels,
        )


def test_the_first_screen_shows_sender_headline_and_first_sentence(gallery: Gallery) -> None:
    for sight in gallery.sights:
        if sight.width < 375:
            continue
        texts = sight.light["texts"]
        assert texts[0]["text"] == gallery.brand, sight
        assert sight.light["h1"]["bottom"] < 600, sight
        after = next(index for index, text in enumerate(texts) if text["heading"]) + 1
        assert texts[after]["size"] >= 16, sight
        assert texts[after]["bottom"] < 600, sight


def test_contrast_in_light_and_dark(gallery: Gallery) -> None:
    for where, seen in _modes(gallery):
        for text in seen["texts"]:
            to_read = text["kind"] == "text" and not text["small"]
            found = contrast(text["colour"], text["ground"])
            assert found >= (7 if to_read else 4.5), (where, text["text"], found)
            assert text["ground"][:3] not in ([255, 255, 255], [0, 0, 0]), (where, text["text"])


def test_every_colour_has_a_dark_value(gallery: Gallery) -> None:
    for sight in gallery.sights:
        for light, dark in zip(sight.light["texts"], sight.dark["texts"], strict=True):
            assert light["text"] == dark["text"]
            assert light["colour"] != dark["colour"], (str(sight), light["text"])
            assert light["ground"] != dark["ground"], (str(sight), light["text"])


def test_the_accent_stays_an_accent(gallery: Gallery) -> None:
    for name, share in gallery.accent_share.items():
        assert 0 < share <= 0.1, (name, share)


def test_no_flourishes_and_no_shouting(gallery: Gallery) -> None:
    for where, seen in _modes(gallery):
        assert seen["flourishes"] == [], where
        for text in seen["texts"]:
            assert text["transform"] == "none", (where, text["text"])
            assert text["shadow"] == "none", (where, text["text"])
            centred = text["kind"] == "button" or len(text["text"]) <= 2  # a label, initials in their square
            assert centred or text["align"] in ("left", "start"), (where, text["text"])
            assert not re.search(r"\b[A-ZÅÄÖ]{2,}(?: [A-ZÅÄÖ]{2,}){3}\b", text["text"]), (where, text["text"])


def test_buttons_can_be_hit_and_read(gallery: Gallery) -> None:
    seen_buttons = 0
    for where, seen in _modes(gallery):
        assert len(seen["buttons"]) <= max(1, seen["levels"].count(2)), where
        for button in seen["buttons"]:
            seen_buttons += 1
            assert button["height"] >= 44, (where, button)
            assert 0 < len(button["label"]) <= 28, (where, button)
            assert abs(button["x"] - seen["left"]) <= 1, (where, button)
    assert seen_buttons


def test_pictures_have_a_size_a_ratio_and_a_text(gallery: Gallery) -> None:
    for where, seen in _modes(gallery):
        logo, *others = seen["pictures"]
        assert logo["height"] <= 40, where
        assert (logo["alt"], logo["silent"]) == (gallery.brand[0], True), where  # the name stands beside it
        for picture in others:
            wide, high = picture["natural"]
            # Beside a name a small one may only decorate; a scene never does.
            assert picture["alt"], (where, picture)
            assert picture["square"] or not picture["silent"], (where, picture)
            assert picture["square"] != picture["scene"], (where, picture)
            assert abs(picture["width"] / picture["height"] - wide / high) < 0.02, (where, picture)
            assert wide >= 2 * picture["width"] - 1, (where, picture)
            if picture["square"]:
                assert (picture["width"], picture["height"]) == (64, 64), (where, picture)
            else:
                assert abs(wide / high - 3 / 2) < 0.01, (where, picture)


def test_the_footer_says_who_why_where_and_how_to_leave(gallery: Gallery) -> None:
    for where, seen in _modes(gallery):
        footer = seen["footer"]
        assert footer["lines"] <= 6, where
        assert footer["target"] >= 24, where  # WCAG 2.2, 2.5.8
        assert 13 <= footer["size"] <= 14, where
        for part in (gallery.brand, gallery.place, "Vi skriver till dig för att", "Avsluta prenumerationen"):
            assert part in footer["text"], (where, part)


def test_language_and_direction_are_said_twice(gallery: Gallery) -> None:
    for where, seen in _modes(gallery):
        assert seen["html"] == ["sv", "ltr"], where
        assert seen["wrapper"] == ["sv", "ltr"], where
        assert seen["layout"] == 0, where


def test_nothing_is_fetched(gallery: Gallery) -> None:
    assert gallery.requests == ()


def test_letters_are_light(gallery: Gallery) -> None:
    for name, letter in gallery.letters.items():
        assert len(letter.html.encode()) <= 60 * 1024, name
        assert letter.pictures_bytes <= 800 * 1024, name
        assert not re.search(r"@import|@font-face|<link\b|<script\b", letter.html), name


def test_outlooks_apps_get_the_dark_colours_too(gallery: Gallery) -> None:
    for name, letter in gallery.letters.items():
        for mark in ("[data-ogsc]", "[data-ogsb]", "prefers-color-scheme: dark", 'name="color-scheme"'):
            assert mark in letter.html, (name, mark)


def test_swedish_typography(gallery: Gallery) -> None:
    for name, letter in gallery.letters.items():
        words = letter.text
        assert '"' not in words, name
        assert not re.search(r"\w - \w", words), name
        assert not re.search(rf"\d (?:{MONTHS})\b", words), name
        assert not re.search(r"\b\d{1,3} \d{3}\b", words), name
