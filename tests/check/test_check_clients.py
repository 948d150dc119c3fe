"""What mail programs drop: the data that ships, who counts how much, and where it is told."""

import json
from importlib.resources import files
from pathlib import Path

import pytest

from newsletter.check.clients.families import FAMILIES, RETIRED, support
from newsletter.check.clients.features import BOXES, IN_BOXES, QUIET, VITAL
from newsletter.settings.values import Clients

ROOT = Path(__file__).resolve().parents[2]
DATA = json.loads((files("newsletter.check.clients") / "caniemail.json").read_text(encoding="utf-8"))


def test_the_data_has_its_form():
    assert len(DATA["features"]) >= 300
    assert len(DATA["clients"]) >= 48
    assert DATA["clients"] == sorted(DATA["clients"])
    for slug, feature in DATA["features"].items():
        assert feature.keys() - {"noted", "notes"} == {"title", "support"}, slug
        assert len(feature["support"]) == len(DATA["clients"]), slug
        assert set(feature["support"]) <= set("yanu-"), slug
        numbers = {number for numbers in feature.get("noted", {}).values() for number in numbers.split()}
        assert feature.get("notes", {}).keys() <= numbers, slug


def test_the_data_says_where_it_comes_from():
    assert "caniemail" in DATA["origin"]
    licence = (files("newsletter.check.clients") / "caniemail.LICENSE").read_text(encoding="utf-8")
    assert licence.startswith("MIT License")
    assert "Copyright" in licence


def test_the_docs_name_the_edition_that_ships():
    assert f"edition {support().edition}" in (ROOT / "docs" / "templates.md").read_text(encoding="utf-8")


def test_every_program_has_one_family_and_every_family_a_weight():
    programs = [name for _, names in FAMILIES.values() for name in names]
    assert sorted([*programs, *RETIRED]) == DATA["clients"]
    assert [*Clients.model_fields] == [*FAMILIES]


def test_the_docs_say_what_weighs_how_much():
    page = (ROOT / "docs" / "templates.md").read_text(encoding="utf-8")
    for family, weight in Clients().model_dump().items():
        assert any(
            row.startswith(f"| `{family}` |") and row.endswith(f"| {weight} |") for row in page.splitlines()
        )


def test_the_features_that_are_judged_are_there():
    assert (VITAL | QUIET | BOXES | IN_BOXES) - DATA["features"].keys() == set()
    assert not VITAL & QUIET


FLEX = '<mj-text><div style="display:flex">Hej</div></mj-text>'


def test_columns_by_flex_are_told_with_who_drops_them(found):
    ((code, severity, line, message),) = found(body=FLEX)
    assert (code, severity, line) == ("L120", "warning", 9)
    assert message == f"Outlook for Windows drops `display:flex` (caniemail, {support().edition})"


def test_whoever_has_no_readers_with_a_program_hears_nothing_of_it(found):
    assert found(body=FLEX, settings="[clients]\noutlook_windows = 0\n") == []


def test_a_small_weight_makes_a_hint_of_it(found):
    ((_, severity, _, _),) = found(body=FLEX, settings="[clients]\napple_mail = 40\n")
    assert severity == "hint"


def test_what_is_meant_is_allowed(found):
    assert found(body=FLEX, keys='allow = ["L120"]') == []


@pytest.mark.parametrize(
    "style",
    [
        "border-radius: 4px",
        "box-shadow: 0 0 4px #cccccc",
        "letter-spacing: 1px",
        "width: 50px; width: calc(100% - 4px)",
        "background-color: #ffffff; background-image: linear-gradient(#ffffff, #eeeeee)",
    ],
)
def test_what_only_looks_plainer_is_not_told(style, found):
    assert found(body=f'<mj-text><p style="{style}">Hej</p></mj-text>') == []


@pytest.mark.parametrize(
    ("css", "feature"),
    [
        ('.a::before { content: "x"; }', "::before"),
        (".a { position: absolute; }", "position"),
        (".a { width: calc(100% - 4px); }", "calc()"),
        (".a { color: var(--ink); }", "Variables"),
        (".a { margin-inline: 4px; }", "margin-inline"),
        (".a { height: 10vh; }", "vh unit"),
    ],
)
def test_what_would_be_lost_is_told_at_its_line(css, feature, found):
    told = found(head=f"<mj-style>\n{css}\n</mj-style>", body='<mj-text><p class="a">Hej</p></mj-text>')
    assert [(code, severity, line) for code, severity, line, _ in told] == [("L120", "warning", 9)]
    assert feature in told[0][3]


@pytest.mark.parametrize(
    "html",
    [
        "<progress value='1' max='2'></progress>",
        '<p hidden="hidden">Hej</p>',
        "<select><option>Ja</option></select>",
        '<img src="https://example.org/a.webp" width="10" alt="">',
    ],
)
def test_elements_attributes_and_formats_are_told(html, found):
    assert [code for code, *_ in found(body=f"<mj-text>{html}</mj-text>")] == ["L120"]


def test_a_rule_for_narrow_screens_is_nobodys_loss_who_drops_it(found):
    css = "@media (max-width: 480px) { .a { display: flex !important; } }"
    assert found(head=f"<mj-style>{css}</mj-style>", body='<mj-text><p class="a">Hej</p></mj-text>') == []


def test_what_outlook_does_not_read_is_not_held_against_it(found):
    body = '<mj-raw><!--[if !mso]><!--><div style="display:flex">Hej</div><!--<![endif]--></mj-raw>'
    assert found(body=body) == []
    (_, severity, _, _), *_ = found(body='<mj-raw><div style="display:flex">Hej</div></mj-raw>')
    assert severity == "warning"


def test_a_feature_is_told_once_with_how_often(found):
    ((_, _, _, message),) = found(body=FLEX + FLEX.replace("Hej", "Hå"))
    assert "2 times" in message


def test_nothing_is_told_of_what_the_compiler_makes(found):
    hero = (
        '<mj-hero mode="fixed-height" height="100px" background-url="https://example.org/a.png" '
        'background-color="#ffffff"><mj-text>Hej</mj-text></mj-hero>'
        "<mj-navbar hamburger='hamburger'><mj-navbar-link href='https://example.org/'>Hem</mj-navbar-link></mj-navbar>"
    )
    assert found(body=hero) == []


def test_the_place_is_the_authors_in_blocks_partials_and_branches(shipped, newsletter, line):
    person = shipped / "templates" / "blocks" / "person.mjml"
    person.write_text(
        person.read_text(encoding="utf-8").replace(">Problem:<", ' style="display:grid">Problem:<'),
        encoding="utf-8",
    )
    welcome = shipped / "templates" / "base.mjml"
    welcome.write_text(
        welcome.read_text(encoding="utf-8").replace(
            "{{ intro.body }}",
            "{{ intro.body }}{% if subscriber.city == 'Visby' %}\n<mj-text><p style='float:left'>Hej</p></mj-text>{% endif %}",
        ),
        encoding="utf-8",
    )
    told = newsletter("-C", shipped, "check", "--json", "--now", "2015-06-10T09:00").envelope["problems"]
    places = {(one["file"], one["line"]) for one in told if one["code"] == "L120"}
    branch = line(welcome, "{% if subscriber.city")
    assert ("templates/blocks/person.mjml", line(person, "display:grid")) in places
    assert places & {("templates/base.mjml", branch), ("templates/base.mjml", branch + 1)}
