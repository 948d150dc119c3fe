"""A window of the system's Chromium that shows a letter and nothing else. What it asks of the network is refused."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

MEASURE = Path(__file__).with_name("measure.js").read_text(encoding="utf-8")
PAGE_URL = "https://letter.invalid/"
AXE = """{
  rules: { "landmark-one-main": { enabled: false }, region: { enabled: false } },
  resultTypes: ["violations"],  // of what is well only the number: no selectors are made up for it
  preload: false,  // nothing lies elsewhere
}"""
MODES: dict[str, dict[str, str]] = {  # options of a browser context
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "forced": {"forced_colors": "active", "color_scheme": "dark"},
}


def chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Screen:
    """One window. `requests`: what the letters asked of the network."""

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

    def rewrite(self, html: str) -> None:
        """Show another letter in the place of the one that is shown; scripts that were added stay, warm."""
        self._letter = html
        self.page.set_content(html)

    def width(self, pixels: int) -> None:
        self.page.set_viewport_size({"width": pixels, "height": 600})

    def measure(self) -> dict[str, Any]:
        """What measure.js finds."""
        measured: dict[str, Any] = self.page.evaluate(MEASURE)
        return measured

    def axe(self) -> list[dict[str, Any]]:
        """What axe-core says, without its rules for web pages: a letter stands inside of a mail program's.

        The window must run scripts. Of axe-core's Python package only the script is used, which opens files without
        an encoding.
        """
        if not self.page.evaluate("() => 'axe' in window"):
            spec = find_spec("axe_playwright_python")
            if spec is None or not spec.submodule_search_locations:
                raise LookupError("axe-playwright-python is not installed (make setup)")
            script = Path(spec.submodule_search_locations[0]) / "axe.min.js"
            self.page.add_script_tag(content=script.read_text(encoding="utf-8"))
        found: list[dict[str, Any]] = self.page.evaluate(f"() => axe.run({AXE})")["violations"]
        return found

    def close(self) -> None:
        self._context.close()


class Browser:
    """Opens windows, each with its own options of a browser context."""

    def __init__(self, running: Any) -> None:
        self._running = running

    def __call__(self, **options: Any) -> Screen:
        return Screen(self._running, **options)

    @property
    def version(self) -> str:
        return str(self._running.version).partition(".")[0]


@contextmanager
def browser() -> Iterator[Browser]:
    """Raises LookupError without Chromium."""
    from playwright.sync_api import sync_playwright

    program = chromium()
    if program is None:
        raise LookupError("chromium is not installed (Debian: apt-get install chromium)")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic"]
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=quiet)
        yield Browser(running)
        running.close()


def contrast(one: list[float], other: list[float]) -> float:
    """The contrast of two colours, from 1 to 21 (WCAG 2.2, relative luminance)."""

    def luminance(colour: list[float]) -> float:
        parts = [value / 255 for value in colour[:3]]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)
