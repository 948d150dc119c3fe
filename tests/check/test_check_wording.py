"""Words that give a mistake away, and those that only look like it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HEAD = '+++\nsubject  = "Hej"\ntemplate = "plain"\nsegment  = "lista"\nlanguage = "{}"\n+++\n'
Told = Callable[..., list[tuple[str, int, str]]]


@pytest.fixture
def told(small: Path, newsletter: Any) -> Told:
    """Code, line and message of what is said of a body's words."""

    def check(body: str, language: str = "sv") -> list[tuple[str, int, str]]:
        (small / "campaigns/hej.md").write_text(HEAD.format(language) + body + "\n", encoding="utf-8")
        problems = newsletter("-C", small, "check", "hej", "--json").envelope["problems"]
        return [
            (one["code"], one["line"], one["message"]) for one in problems if one["code"] in ("L115", "L119")
        ]

    return check


@pytest.mark.parametrize(
    "body",
    [
        "Ring 08-12 34 56 eller 0498-12 34 56, från utlandet +46-8-12 34 56.",
        "Organisationsnummer 556677-8899, bil ABC 12-34, artikel 12-345-6.",
        "Sedan 2015-06 och den 2015-06-29, se https://example.org/a%20b-c?x=5%20y.",
        'Skriv `print("hej")`, `a - b`, `...`, `5%` och `{subscriber.first_name}`.',
        "{% raw %}{{ subscriber.first_name }}{% endraw %} fyller i namnet.",
        "None of them came. My nan baked; undefined behaviour in C. |AB| är en sträcka.",
        "E-post-listan, 90-tal, 2010-talet, 3-4-5-triangeln, klockan 9.",
        "Vi ses – **kanske** – den 1–3 juli, kl. 9–11, ”visst”, 50 % av oss…",
        "```\nHej - hej ... 10-12 personer\n```",
    ],
)
def test_what_only_looks_like_a_mistake(told: Told, body: str) -> None:
    assert told(body) == []


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ("Vi ses - **kanske** i Visby.", "L119", "ses - kanske"),
        ("**Åsa** - hej på dig.", "L119", "Åsa - hej"),
        ("Kom kl. 14-16 till scenen.", "L119", "14-16"),
        ("Öppet 09.00-17.30 varje dag.", "L119", "09.00-17.30"),
        ("Åren 2014-2015 var bra.", "L119", "2014-2015"),
        ("Vi blir 10-12 personer.", "L119", "10-12"),
        ("Nästan 50% av oss.", "L119", "50%"),
        ("Hej {subscriber.first_name}!", "L115", "{subscriber.first_name}"),
        ("Hej *|FNAME|*!", "L115", "|FNAME|"),
    ],
)
def test_what_is_one(told: Told, body: str, code: str, words: str) -> None:
    ((found, line, message),) = told(body)
    assert (found, line) == (code, 7)
    assert f"`{words}" in message


def test_other_languages_are_set_otherwise(told: Told) -> None:
    assert told("We meet 10-12 people - 50% of us...", language="en") == []
