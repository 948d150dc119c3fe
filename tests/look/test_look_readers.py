"""The shipped letters as readers see them who see otherwise: without pictures, in forced colours, by ear."""

import re
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from lookbook.letters import Letter
from lookbook.screen import contrast
from PIL import Image

WIDTHS = {"ours": (320, 375, 600, 1000), "another": (320,)}  # by brand; a long name matters where it is tight
WORD = r"[^\W\d_]+"


@pytest.fixture(scope="module", params=WIDTHS)
def brand(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def for_asa(brand: str, letters_in: Callable[[str], dict[tuple[str, str], Letter]]) -> dict[str, Letter]:
    """Each letter once, for a reader who has a first name."""
    return {name: letter for (name, reader), letter in letters_in(brand).items() if reader == "typical"}


@pytest.fixture(scope="module")
def ordinary(for_asa: dict[str, Letter], open_screen: Callable[..., Any]) -> dict[str, list[str]]:
    """What is read in each letter at 600 px, with pictures, in light."""
    screen = open_screen()
    read = {}
    for name, letter in for_asa.items():
        screen.show(letter.shown)
        screen.width(600)
        read[name] = [text["text"] for text in screen.measure()["texts"]]
    screen.close()
    return read


def test_all_ten_letters_are_looked_at(for_asa: dict[str, Letter]) -> None:
    assert len(for_asa) == 10


def test_everything_in_the_text_part_is_seen(
    for_asa: dict[str, Letter], ordinary: dict[str, list[str]]
) -> None:
    for name, letter in for_asa.items():
        written = re.sub(r"\s*\(?<?https?://[^\s>)]+>?\)?", " ", letter.text)
        alts = re.findall(r'<img[^>]* alt="([^"]+)"', letter.html)
        seen = {word.casefold() for word in re.findall(WORD, " ".join([*ordinary[name], *alts]))}
        said = {word.casefold() for word in re.findall(WORD, written)}
        assert said - seen == set(), name


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"color_scheme": "light"}, id="light"),
        pytest.param({"color_scheme": "dark"}, id="dark"),
        pytest.param({"forced_colors": "active", "color_scheme": "light"}, id="forced-light"),
        pytest.param({"forced_colors": "active", "color_scheme": "dark"}, id="forced-dark"),
        pytest.param({"reduced_motion": "reduce", "device_scale_factor": 2}, id="sharp"),
    ],
)
@pytest.mark.parametrize("pictures", [True, False], ids=["pictures", "no-pictures"])
def test_nothing_is_lost_for_any_reader(
    options: dict[str, Any],
    pictures: bool,
    brand: str,
    for_asa: dict[str, Letter],
    ordinary: dict[str, list[str]],
    open_screen: Callable[..., Any],
) -> None:
    screen = open_screen(java_script_enabled=False, **options)
    for name, letter in for_asa.items():
        screen.show(letter.shown if pictures else letter.html)
        for width in WIDTHS[brand] if name == "almedalen-recap" else WIDTHS[brand][::2]:
            screen.width(width)
            seen = screen.measure()
            assert seen["width"] <= width, (name, width)
            assert [text["text"] for text in seen["texts"]] == ordinary[name], (name, width)
            for text in seen["texts"]:
                found = contrast(text["colour"], text["ground"])
                assert found >= 4.5, (name, width, text["text"], found)
            assert seen["unnamed"] == [], (name, width)
    screen.close()
    assert [url for url in screen.requests if not url.startswith("cid:")] == []


@pytest.fixture(scope="module")
def everything(
    brand: str, for_asa: dict[str, Letter], blocks_in: Callable[[str], dict[str, Letter]]
) -> dict[str, str]:
    """Each letter for an ordinary reader, each block alone, and each kind of section."""
    written = {name: one.shown for name, one in for_asa.items()}
    return written | {f"block {name}": one.shown for name, one in blocks_in(brand).items()}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(scheme: str, everything: dict[str, str], open_screen: Callable[..., Any]) -> None:
    found: dict[tuple[str, int, str], list[str]] = {}
    screen = open_screen(color_scheme=scheme)
    screen.show("")
    for name, html in everything.items():
        screen.rewrite(html)
        # The first heading is the letter's, not the block's.
        alone = {"page-has-heading-one"} if name.startswith("block ") else set()
        for width in (320, 600) if scheme == "light" else (600,):
            screen.width(width)
            found |= {
                (name, width, one["id"]): [node["html"] for node in one["nodes"]]
                for one in screen.axe()
                if one["id"] not in alone
            }
    screen.close()
    assert found == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_block_alone_can_be_read(
    scheme: str, everything: dict[str, str], open_screen: Callable[..., Any]
) -> None:
    """Text 7:1, links and small print 4.5:1; layout tables say that they are none; narrow screens hold it."""
    screen = open_screen(color_scheme=scheme, java_script_enabled=False)
    for name, html in everything.items():
        screen.show(html)
        screen.width(320)
        seen = screen.measure()
        for text in seen["texts"]:
            least = 7 if text["kind"] == "text" and not text["small"] else 4.5
            assert contrast(text["colour"], text["ground"]) >= least, (name, text["text"])
        assert (seen["width"], seen["layout"], seen["unnamed"], seen["split"]) == (320, 0, [], []), name
    screen.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_forced_colours_keep_logos_and_tiles(
    scheme: str, brand: str, blocks_in: Callable[[str], dict[str, Letter]], open_screen: Callable[..., Any]
) -> None:
    """A logo stands on the ground that it was made for; initials, which lose theirs, get an edge."""
    blocks = blocks_in(brand)
    logos: dict[str, list[Image.Image]] = {}
    for forced in ("none", "active"):
        screen = open_screen(java_script_enabled=False, color_scheme=scheme, forced_colors=forced)
        screen.show(blocks["partner"].shown)
        logos[forced] = [_taken(one, 6) for one in screen.page.locator(".logo").all()]  # what is not edge
        screen.show(blocks["person"].shown)
        tile = _taken(screen.page.locator(".initials"), 0)
        screen.close()
    assert len(logos["none"]) == 2  # in the header, and the partner's
    assert [one.tobytes() for one in logos["active"]] == [one.tobytes() for one in logos["none"]]
    middle = tile.height // 2
    edge, inside = (list(tile.crop((x, middle, x + 1, middle + 1)).tobytes()) for x in (0, 4))
    assert contrast(edge, inside) >= 4.5


def _taken(element: Any, edge: int) -> Image.Image:
    image = Image.open(BytesIO(element.screenshot())).convert("RGB")
    return image.crop((edge, edge, image.width - edge, image.height - edge))


def test_a_block_that_begins_a_section_stands_close_to_its_heading(
    brand: str, blocks_in: Callable[[str], dict[str, Letter]], open_screen: Callable[..., Any]
) -> None:
    screen = open_screen(java_script_enabled=False)
    screen.show(blocks_in(brand)["sections"].shown)
    heading, tile = (screen.page.locator(one).bounding_box() for one in ("#del-2", ".initials"))
    screen.close()
    assert round(tile["y"] - heading["y"] - heading["height"]) == 16


SAY_NOTHING = {"här", "läs", "läs mer", "mer", "klicka här", "länk", "se mer", "here", "more", "read more"}


def test_links_stand_alone(everything: dict[str, str], open_screen: Callable[..., Any]) -> None:
    """Read in a list of links, each says where it leads; the same words lead to the same place."""
    screen = open_screen(java_script_enabled=False)
    for name, html in everything.items():
        screen.show(html)
        links = screen.page.evaluate("() => [...document.links].map((a) => [a.innerText.trim(), a.href])")
        leads: dict[str, str] = {}
        for words, address in links:
            assert words.casefold().strip(" .!") not in SAY_NOTHING, (name, words)
            assert len(words) >= 4, (name, words)
            assert leads.setdefault(words, address) == address, (name, words)
    screen.close()


def test_alternative_texts_say_what_matters(
    everything: dict[str, str], open_screen: Callable[..., Any]
) -> None:
    screen = open_screen(java_script_enabled=False)
    for name, html in everything.items():
        screen.show(html)
        logo, *pictures = screen.measure()["pictures"]
        assert logo["silent"], name  # the sender's name stands beside it
        # So does a name beside each square that says nothing itself.
        assert not [one for one in pictures if one["silent"] and not one["square"]], name
        alts = [one["alt"] for one in pictures if not one["silent"]]
        assert len(alts) == len(set(alts)), (name, alts)
        for alt in alts:
            assert 12 <= len(alt) <= 100, (name, alt)
            assert not re.search(r"\.(png|jpe?g|gif)$|^(bild|foto|image|picture)\b", alt, re.IGNORECASE), (
                name,
                alt,
            )
    screen.close()


def test_what_stands_in_the_place_of_a_picture_can_be_read(
    everything: dict[str, str], open_screen: Callable[..., Any]
) -> None:
    """Alt texts are drawn in their picture's type: one line as high as a square, or small lines that fit."""
    screen = open_screen(java_script_enabled=False)
    seen = set()
    for name, html in everything.items():
        screen.show(html)
        for width in (320, 600):
            screen.width(width)
            for one in screen.measure()["pictures"]:
                size, line = one["type"]
                if one["silent"]:
                    assert len(one["alt"]) in (1, 2), (name, one)
                    assert line == one["height"], (name, one)
                else:
                    assert line >= 1.2 * size, (name, one)
                    assert one["scene"] or size == 13, (name, one)
                seen.add((one["silent"], one["square"], one["height"]))
    screen.close()
    assert seen >= {(True, False, 40), (True, True, 64), (True, True, 96), (False, False, 80)}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_twice_as_large(
    scheme: str, for_asa: dict[str, Letter], ordinary: dict[str, list[str]], open_screen: Callable[..., Any]
) -> None:
    """200 % of a window 640 px wide: all is there, nothing is cut off, nothing scrolls sideways."""
    screen = open_screen(java_script_enabled=False, color_scheme=scheme, device_scale_factor=2)
    for name, letter in for_asa.items():
        screen.show(letter.shown)
        screen.width(320)
        seen = screen.measure()
        assert seen["width"] <= 320, name
        assert [text["text"] for text in seen["texts"]] == ordinary[name], name
        assert seen["cut"] == [], name
    screen.close()


def test_text_alone_twice_as_large(for_asa: dict[str, Letter], open_screen: Callable[..., Any]) -> None:
    """A reader who has only the type made larger, at 600 px: boxes grow with it."""
    screen = open_screen(java_script_enabled=False)
    for name, letter in for_asa.items():
        screen.show(letter.shown)
        screen.width(600)
        screen.page.evaluate(
            "() => { for (const one of document.body.querySelectorAll('*'))"
            " if (one.style.fontSize && parseFloat(one.style.fontSize) > 1)"
            " one.style.fontSize = 2 * parseFloat(one.style.fontSize) + 'px'; }"
        )
        seen = screen.measure()
        assert seen["width"] <= 600, name
        assert seen["cut"] == [], name
    screen.close()


def test_axe_sees_what_is_wrong(for_asa: dict[str, Letter], open_screen: Callable[..., Any]) -> None:
    letter = for_asa["valkommen-komm"].shown
    spoilt = (
        re.sub(r' alt="[^"]*"', "", letter)
        .replace(' lang="sv"', "")
        .replace("</h1>", '</h1><a href="#"></a>')
    )
    screen = open_screen()
    screen.show(spoilt)
    found = {one["id"] for one in screen.axe()}
    screen.close()
    assert {"image-alt", "html-has-lang", "link-name"} <= found
