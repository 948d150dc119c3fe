"""The rehearsal's page in a browser: it fits a telephone, runs no script and shows the messages."""

from pathlib import Path

import pytest


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (390, "dark"), (1000, "light")])
def test_the_page_fits_and_asks_nobody_for_anything(width, scheme, shipped, newsletter, chromium):
    out = shipped / "out" / "page"
    assert (
        newsletter(
            "-C", shipped, "send", "valkommen-komm", "-n", "--out", out, "--now", "2015-06-18T09:00"
        ).code
        == 0
    )
    page_file: Path = out / "report.html"
    page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(page_file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("h1").inner_text() == "Dry run: valkommen-komm"
    assert "19" in page.locator("tr.total").inner_text()
    assert [url for url in asked if not url.startswith(("file:", "data:", "about:"))] == []
    page.close()
    text = page_file.read_text(encoding="utf-8")
    assert "<script" not in text
    assert 'iframe sandbox title="' in text
