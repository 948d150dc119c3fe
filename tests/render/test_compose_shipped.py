"""The campaigns that ship render for people of the lists that ship; HTML and text say the same."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from newsletter.files.project import Project

ROOT = Path(__file__).resolve().parents[2]
LINK = "https://newsletter.invalid/u/token"


@cache
def shipped() -> Any:
    from newsletter.audience.load import load_audience
    from newsletter.campaigns.load import load_catalogue
    from newsletter.settings.load import load_settings

    project = Project(ROOT)
    settings = load_settings(project)
    return project, settings, load_catalogue(project, settings), load_audience(project, settings)


def campaigns() -> dict[str, Any]:
    _, _, catalogue, _ = shipped()
    steps = [step.campaign for sequence in catalogue.sequences.values() for step in sequence.steps]
    return {campaign.id: campaign for campaign in (*catalogue.campaigns.values(), *steps)}


NAMES = [
    "almedalen-recap",
    "valkommen-birger-blom",
    "valkommen-komm",
    *(
        f"sju-tips/{tip}"
        for tip in ("budskapet", "lyhordhet", "energi", "utbilda", "beratta", "malgruppen", "natverka")
    ),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_campaign_renders(name: str) -> None:
    from lxml import html as reader

    from newsletter.render.composition import Links, compose

    project, settings, _, audience = shipped()
    campaign = campaigns()[name]
    composition = compose(
        project,
        settings,
        campaign,
        columns=audience.columns,
        is_member=lambda _segment, who: who.city == "Visby",
        segments=("i-visby",),
    )
    assert not [finding for finding in composition.findings if finding.is_error]
    assert all(len(picture.data) < 800_000 for picture in composition.pictures)
    longest = max(audience.people, key=lambda who: len(who.first_name))
    nameless = next(who for who in audience.people if not who.first_name)
    for who in (audience.people[0], longest, nameless):
        content = composition.fill(composition.slots(who, Links(LINK)))
        page = reader.fromstring(content.html)
        read = " ".join(page.find("body").text_content().split())
        if who.first_name:
            assert f"Hej {who.first_name}!" in read
            assert f"Hej {who.first_name}!" in content.text
        else:
            assert "Hej!" in content.text
        assert LINK in content.html
        assert LINK in content.text
        assert not re.search(
            r"\{\{|\{%|:::|q[0-9a-f]{12}z|\bNone\b|newsletter\.render", content.html + content.text
        )
        assert len(content.html.encode()) < 95_000
        for heading in page.xpath("//h1 | //h2 | //h3"):
            assert " ".join(heading.text_content().split()) in " ".join(content.text.split())
        for picture in page.xpath("//img[not(ancestor::*[@aria-hidden='true'])]"):
            assert " ".join(picture.get("alt").split()) in content.text
