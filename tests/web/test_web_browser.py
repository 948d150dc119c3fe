"""The pages in a browser, without scripts: they work, fit a small screen, and axe finds nothing."""

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.web.server import start

ROOT = Path(__file__).parents[2]
WIDTH = 320


@pytest.fixture(scope="module")
def shop(forks, tmp_path_factory):
    """The shipped project, served."""
    folder = tmp_path_factory.mktemp("web") / "project"
    folder.mkdir()
    for name in ("campaigns", "templates", "subscribers"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "newsletter.toml", folder)
    served = start(forks, folder)
    yield served
    served.end()


def test_it_works_without_scripts_from_the_first_page_to_the_last(chromium, shop):
    context = chromium.new_context(java_script_enabled=False, viewport={"width": WIDTH, "height": 640})
    page = context.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    path = shop.path("klara@example.org", "seminarier")
    page.goto(f"http://127.0.0.1:{shop.port}{path}")
    for button, heading, scopes in (
        ("Avregistrera mig", "Du är avregistrerad", {"*"}),
        ("Lämna bara den här listan", "Du har lämnat listan", {"seminarier"}),
        ("Avregistrera mig från allt", "Du är avregistrerad", {"*", "seminarier"}),
        ("Ångra", "Du får våra brev igen", set()),
        ("Avregistrera mig", "Du är avregistrerad", {"*"}),
    ):
        page.get_by_role("button", name=button, exact=True).click()
        page.get_by_role("heading", name=heading).wait_for()
        assert shop.scopes("klara@example.org") == scopes
    assert context.cookies() == []
    assert {url.split("/")[2] for url in asked if not url.startswith("data:")} == {f"127.0.0.1:{shop.port}"}
    context.close()


STEPS = ("", "unknown", "done", "list", "undo")


@pytest.mark.parametrize("language", ["sv", "en"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_and_axe_finds_nothing(chromium, shop, scheme, language):
    context = chromium.new_context(
        color_scheme=scheme,
        viewport={"width": WIDTH, "height": 640},
        bypass_csp=True,  # axe is a script
    )
    page = context.new_page()
    path = shop.path(f"axe-{scheme}-{language}@example.org", "seminarier", language)
    base = f"http://127.0.0.1:{shop.port}"
    (axe,) = find_spec("axe_playwright_python").submodule_search_locations
    script = (Path(axe) / "axe.min.js").read_text(encoding="utf-8")
    for step in STEPS:
        if step == "unknown":
            page.goto(f"{base}/u/nothing")
        elif step == "":
            page.goto(base + path)
        else:
            page.goto(base + path)
            with page.expect_navigation():
                page.evaluate(
                    "action => { const f = document.querySelector('form'); f.action = action; f.submit(); }",
                    {"done": path, "list": f"{path}/list", "undo": f"{path}/undo"}[step],
                )
        page.add_script_tag(content=script)
        found = page.evaluate(
            "async () => { const r = await axe.run(); return [r.violations, r.incomplete]; }"
        )
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found[0]] == [], step
        assert [one["id"] for one in found[1]] == [], step
        assert page.evaluate("document.documentElement.scrollWidth") <= WIDTH, step
        for box in page.evaluate(
            "[...document.querySelectorAll('button')].map(b => [b.offsetWidth, b.offsetHeight])"
        ):
            assert min(box) >= 44, step
        assert page.evaluate("document.documentElement.lang") == language or step == "unknown"
        assert page.locator("h1").count() == 1
    context.close()


def test_at_four_hundred_per_cent_nothing_is_cut_off(chromium, shop):
    """1280 px wide at 400 % are 320 CSS pixels (WCAG 1.4.10); here with text twice as large on top."""
    context = chromium.new_context(viewport={"width": WIDTH, "height": 256})
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{shop.port}{shop.path('stor@example.org', 'seminarier')}")
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDTH
    context.close()
