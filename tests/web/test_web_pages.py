"""What the pages say: every text in every language, the letter's language, the brand's colours where they can be read."""

import re
from importlib.resources import files

import jinja2
import pytest
from babel.messages.pofile import read_po

from newsletter.files.project import Project
from newsletter.settings.load import load_settings
from newsletter.web.catalogue import LANGUAGES, language_of, messages
from newsletter.web.colours import DARK, LIGHT, contrast, scheme
from newsletter.web.pages import make_pages
from newsletter.web.rate import RateLimit

WEB = files("newsletter.web")
STATES = ("ask", "done", "left", "undone", "late", "unknown", "often", "failed")
VALUES = {"here": "TOKEN", "list": "Läsare & vänner"}


def texts_of_the_template() -> set[str]:
    source = (WEB / "templates" / "page.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    found = (text for _, _, text in environment.extract_translations(source))
    return {text[0] if isinstance(text, tuple) else text for text in found}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_there_and_no_other(language):
    """A key that is missing, left over, empty, or doubtful (fuzzy)."""
    with (WEB / "locale" / f"{language}.po").open("rb") as file:
        catalog = read_po(file)
    entries = {str(entry.id): entry for entry in catalog if entry.id}
    assert set(entries) == texts_of_the_template()
    for key, entry in entries.items():
        assert entry.string, key
        assert not entry.fuzzy, key
        names = r"%\((\w+)\)s"
        assert set(re.findall(names, str(entry.string))) == set(re.findall(names, key)), key
    assert not catalog.obsolete


def test_swedish_is_swedish():
    english, swedish = messages("en"), messages("sv")
    assert {key for key in english if english[key] == swedish[key]} == set()


@pytest.fixture
def pages(shipped):
    project = Project(shipped)
    return make_pages(project, load_settings(project))


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_speaks_one_language(pages, state, language):
    page = pages.render(state, language, **VALUES)
    other = messages("en" if language == "sv" else "sv")
    assert f'<html lang="{language}">' in page
    assert page.count("<h1") == 1
    leaks = {text for text in other.values() if "%(" not in text and f">{text}<" in page}
    assert leaks == set()


@pytest.mark.parametrize(
    ("tag", "expected"), [("sv", "sv"), ("sv-FI", "sv"), ("EN-gb", "en"), ("de", "sv"), ("", "sv")]
)
def test_the_letters_language_or_the_projects(pages, tag, expected):
    assert f'<html lang="{expected}">' in pages.render("ask", tag, **VALUES)
    assert language_of("de", "fr") == "en"


def test_what_people_wrote_is_text(pages):
    page = pages.render("left", "sv", here="TOKEN", list="<script>alert(1)</script>")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_the_brand_is_on_the_page(pages):
    page = pages.render("ask", "sv", **VALUES)
    for words in ("HejDigitalt", "Exempelgatan 1, ", "#a3203c", "data:image/png;base64,"):
        assert words in page


def test_without_a_brand_there_is_a_page_too(small):
    (small / "newsletter.toml").write_text("", encoding="utf-8")
    project = Project(small)
    assert "<h1>" in make_pages(project, load_settings(project)).render("ask", "", **VALUES)


@pytest.mark.parametrize(
    "colors",
    [
        {},
        {
            "paper": "#ffffff",
            "ink": "#eeeeee",
            "accent": "#fffffe",
            "on_accent": "#ffffff",
            "muted": "#ffffff",
        },
        {"paper": "#000", "ink": "#fff", "accent": "#777777", "on_accent": "#888888"},
        {"paper": "red; } body { display: none", "ink": "url(https://example.org)", "accent": "</style>"},
        {"paper": 3, "ink": None},
        {"paper": "#171a20", "button": "#18191a", "on_button": "#181818"},
    ],
)
@pytest.mark.parametrize("standard", [LIGHT, DARK])
def test_colours_that_cannot_be_read_or_are_none_are_not_taken(colors, standard):
    taken = scheme({"x": colors}, "x", standard)
    assert all(value.startswith("#") and len(value) in (4, 7) for value in vars_of(taken))
    assert contrast(taken.ink, taken.paper) >= 4.5
    assert contrast(taken.muted, taken.paper) >= 4.5
    assert contrast(taken.on_accent, taken.accent) >= 4.5
    assert contrast(taken.accent, taken.paper) >= 3


def test_a_button_may_have_a_colour_that_links_have_not():
    taken = scheme({"x": {"accent": "#f5a3b1", "button": "#c8334f", "on_button": "#fff5f2"}}, "x", DARK)
    assert (taken.accent, taken.on_accent) == ("#c8334f", "#fff5f2")


def vars_of(taken):
    from dataclasses import astuple

    return astuple(taken)


def test_contrast_is_that_of_the_standard():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)  # WCAG's own borderline example


def test_a_bucket_fills_again_and_memory_does_not_grow():
    clock = [0.0]
    limit = RateLimit(burst=3, per_second=1, clients=10, now=lambda: clock[0])
    assert [limit.allows("203.0.113.1") for _ in range(4)] == [True, True, True, False]
    assert limit.allows("203.0.113.2")
    clock[0] = 1.0
    assert [limit.allows("203.0.113.1") for _ in range(2)] == [True, False]
    for number in range(100):
        limit.allows(f"198.51.100.{number}")
    assert len(limit._buckets) == 10


def test_a_household_is_one_client():
    limit = RateLimit(burst=2, per_second=0)
    for last in range(9):
        assert limit.allows(f"::ffff:203.0.113.{last}"), "somebody else on IPv4"
        assert limit.allows(f"203.0.113.{last}"), "the same one, told by another proxy"
        assert not limit.allows(f"203.0.113.{last}")
    assert limit.allows("2001:db8::1")
    assert limit.allows("2001:db8::2")
    assert not limit.allows("2001:db8::3")
    assert limit.allows("2001:db8:0:1::1")
