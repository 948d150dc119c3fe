"""Campaign parameters: on links to the named hosts, in both parts, and nowhere else."""

from typing import Any

import pytest

from newsletter.campaigns.models import Campaign, Status, Utm
from newsletter.render.utm import Tagger

HEAD = 'utm = { hosts = ["hejdigitalt.example", "åre.example"], source = "brev", medium = "e-post" }'
TAGS = "utm_source=brev&utm_medium=e-post&utm_campaign=brev"
ADDRESSES = {
    "https://hejdigitalt.example": f"https://hejdigitalt.example?{TAGS}",
    "https://hejdigitalt.example/a/b?x=1#del": f"https://hejdigitalt.example/a/b?x=1&{TAGS}#del",
    "http://HEJDIGITALT.example:8080/": f"http://HEJDIGITALT.example:8080/?{TAGS}",
    "https://xn--re-xia.example/": f"https://xn--re-xia.example/?{TAGS}",
    "https://åre.example/": f"https://åre.example/?{TAGS}",
    "https://hejdigitalt.example/?utm_source=egen": (
        "https://hejdigitalt.example/?utm_source=egen&utm_medium=e-post&utm_campaign=brev"
    ),
    "https://www.hejdigitalt.example/": None,
    "https://hejdigitalt.example.evil.example/": None,
    "https://example.org/?u=https://hejdigitalt.example": None,
    "mailto:hej@hejdigitalt.example": None,
    "https://hejdigitalt.example/u/token": None,
    "https://[broken": None,
    "https://hejdigitalt.example/x#utm=off": "https://hejdigitalt.example/x",
}


def tagger(
    campaign_id: str = "brev", hosts: tuple[str, ...] = ("hejdigitalt.example", "xn--re-xia.example")
) -> Tagger:
    campaign = Campaign(
        campaign_id,
        "campaigns/brev.md",
        "",
        1,
        "Hej",
        "brev",
        "sv",
        Status.READY,
        utm=Utm(hosts, "brev", "e-post"),
    )
    return Tagger(campaign, spared=("https://hejdigitalt.example/u/token",))


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address(address: str) -> None:
    assert tagger().url(address) == (ADDRESSES[address] or address)


def test_a_steps_id_is_one_value() -> None:
    assert (
        tagger("sju-tips/energi")
        .url("https://hejdigitalt.example/")
        .endswith("utm_campaign=sju-tips%2Fenergi")
    )


@pytest.mark.parametrize(
    ("text", "tagged"),
    [
        ("Se https://hejdigitalt.example/x.", f"Se https://hejdigitalt.example/x?{TAGS}."),
        ("(https://hejdigitalt.example/x)", f"(https://hejdigitalt.example/x?{TAGS})"),
        ("https://hejdigitalt.example/x_(y)!", f"https://hejdigitalt.example/x_(y)?{TAGS}!"),
        ("“https://hejdigitalt.example/x”, sa hon", f"“https://hejdigitalt.example/x?{TAGS}”, sa hon"),
        ("hejdigitalt.example", "hejdigitalt.example"),
    ],
)
def test_an_address_in_a_sentence(text: str, tagged: str) -> None:
    assert tagger().text(text) == tagged


def test_both_parts_of_a_letter(workshop: Any) -> None:
    workshop.write(
        "templates/blocks/kort.mjml",
        '+++\n[fields]\nlink = "url!"\n+++\n<mj-button href="{{ link }}">Kort</mj-button>',
    )
    workshop.body(
        "[ett](https://hejdigitalt.example/1?a=1&b=2) [två](https://hejdigitalt.example/2){utm=off} "
        "https://hejdigitalt.example/3\n\n**[Fyra](https://hejdigitalt.example/4)**\n\n"
        "::: kort\nlink: https://hejdigitalt.example/5\n:::\n\n[sex](https://example.org/6) [ut]({{ links.unsubscribe }})",
        head=HEAD,
    )
    content = workshop.content()
    escaped = TAGS.replace("&", "&amp;")
    assert f'href="https://hejdigitalt.example/1?a=1&amp;b=2&amp;{escaped}"' in content.html
    assert 'href="https://hejdigitalt.example/2"' in content.html
    for number in (3, 4, 5):
        assert f'href="https://hejdigitalt.example/{number}?{escaped}"' in content.html
        assert f"https://hejdigitalt.example/{number}?{TAGS}" in content.text
    assert f"ett (https://hejdigitalt.example/1?a=1&b=2&{TAGS})" in " ".join(content.text.split())
    assert "två (https://hejdigitalt.example/2)" in " ".join(content.text.split())
    assert 'href="https://example.org/6"' in content.html
    assert 'href="https://example.org/u/token"' in content.html
    assert "utm=off" not in content.html + content.text


def test_a_mark_disappears_where_nothing_is_tagged(workshop: Any) -> None:
    workshop.body("[två](https://hejdigitalt.example/2){utm=off}")
    content = workshop.content()
    assert "utm" not in content.html + content.text


def test_the_parameters_are_part_of_the_content(workshop: Any) -> None:
    workshop.body("Hej")
    plain = workshop.compose().sha256
    workshop.body("Hej", head=HEAD)
    assert workshop.compose().sha256 != plain
