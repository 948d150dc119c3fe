"""The shipped letters as their readers get them, and a browser to look at them."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from newsletter.audience.load import load_audience
from newsletter.audience.models import Subscriber
from newsletter.audience.segments import load_segments
from newsletter.campaigns.load import load_catalogue
from newsletter.files.project import find_project
from newsletter.render.composition import Links, compose
from newsletter.settings.load import load_settings

ROOT = Path(__file__).parents[2]
MEASURE = Path(__file__).with_name("measure.js").read_text(encoding="utf-8")
PAGE_URL = "https://letter.invalid/"
WIDTHS = (320, 375, 600, 1000)
NARROW = (320, 375)
READERS = {  # ordinary; without a first name; with the longest one
    "asa.oberg@example.org": "Åsa",
    "info@smabryggan.test": "",
    "maximiliana@example.org": "Maximiliana-Charlotta Wilhelmina Fredrika",
}


@dataclass(frozen=True)
class Letter:
    html: str  # as a reader gets it, pictures named by cid:
    shown: str  # with the pictures in it
    text: str
    pictures_bytes: int
    widths: tuple[int, ...]  # on which it is looked at


def _letters() -> dict[str, Letter]:
    project = find_project(ROOT)
    settings = load_settings(project)
    catalogue = load_catalogue(project, settings)
    audience = load_audience(project, settings)
    names = {
        *catalogue.campaigns,
        *(f"{s.id}/{step.id}" for s in catalogue.sequences.values() for step in s.steps),
    }
    segments = load_segments(project, settings, audience, campaigns=names)
    now = datetime(2015, 7, 3, 7, 0, tzinfo=UTC)

    def is_member(name: str, subscriber: Subscriber) -> bool:
        return segments.matcher(name, now=now, received=lambda _: ())(subscriber)

    campaigns = [
        *catalogue.campaigns.values(),
        *(step.campaign for sequence in catalogue.sequences.values() for step in sequence.steps),
    ]
    letters = {}
    for campaign in campaigns:
        composition = compose(
            project,
            settings,
            campaign,
            columns=audience.columns | set(settings.attributes),
            is_member=is_member,
            segments={*segments.names, *audience.lists},
        )
        for email, first_name in READERS.items():
            person = audience.find(email)
            assert person is not None
            assert person.first_name == first_name
            links = Links(unsubscribe="https://newsletter.invalid/u/token")
            content = composition.fill(composition.slots(person, links))
            shown = content.html
            for picture in composition.pictures:
                data = base64.b64encode(picture.data).decode()
                shown = shown.replace(f"cid:{picture.cid}", f"data:{picture.content_type};base64,{data}")
            weight = sum(len(picture.data) for picture in composition.pictures)
            letters[f"{campaign.id} for {first_name or 'nobody by name'}"] = Letter(
                content.html,
                shown,
                content.text,
                weight,
                WIDTHS if first_name == "Åsa" else NARROW,  # another name matters where it is tight
            )
    return letters


class Screen:
    """One window of the browser. What a letter asks of the network is noted and refused."""

    def __init__(self, browser: Any, **options: Any) -> None:
        self.requests: list[str] = []
        self._letter = ""
        self._context = browser.new_context(**options)
        self._context.route("**/*", self._answer)
        self.page = self._context.new_page()
        self.page.set_default_timeout(20_000)

    def _answer(self, route: Any) -> None:
        if route.request.url == PAGE_URL:
            route.fulfill(body=self._letter, content_type="text/html; charset=utf-8")
        else:
            self.requests.append(route.request.url)
            route.abort()

    def show(self, html: str) -> None:
        self._letter = html
        self.page.goto(PAGE_URL)

    def width(self, pixels: int) -> None:
        self.page.set_viewport_size({"width": pixels, "height": 600})

    def measure(self) -> dict[str, Any]:
        measured: dict[str, Any] = self.page.evaluate(MEASURE)
        return measured

    def close(self) -> None:
        self._context.close()


@pytest.fixture(scope="session")
def letters() -> dict[str, Letter]:
    return _letters()


@pytest.fixture(scope="session")
def open_screen(chromium: Any) -> Callable[..., Screen]:
    """Opens a window with the given options of a browser context; skips where there is no Chromium."""
    return lambda **options: Screen(chromium, **options)


@pytest.fixture(scope="session")
def contrast() -> Callable[[list[float], list[float]], float]:
    """The contrast of two colours, from 1 to 21."""
    return _contrast


def _contrast(one: list[float], other: list[float]) -> float:
    """WCAG 2.2, relative luminance."""

    def luminance(colour: list[float]) -> float:
        parts = [value / 255 for value in colour[:3]]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)
