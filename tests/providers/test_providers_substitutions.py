"""Letters that share a request: put together as SendGrid does it, each is the very letter that was composed."""

import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.check.workspace import Workspace
from newsletter.files.project import Project
from newsletter.providers.protocol import Mark, Parcel
from newsletter.providers.sendgrid import SendGrid
from newsletter.providers.substitutions import Limits, Sheet, _Column, _Frame, _stands, plan
from newsletter.render.composition import Content, Links
from newsletter.settings.load import load_settings

from .conftest import assert_sendgrid_takes

ROOT = Path(__file__).resolve().parents[2]
NAMES = [
    "Åsa",
    "",
    "Bo",
    "<b>&amp;</b>",
    "{{ 7*7 }}",
    "-00000000-",
    "a" * 300,
    "שלום",
    "👩‍👩‍👧 Ek",
    "En\u2028Två",
    "'\"><img>",
]


def content(name: str, *, html: str = "", text: str = "", subject: str = "Hej") -> Content:
    pieces = ("<p>Hej ", name, "</p><p>", name, "</p>" + html, "", "")
    return Content(subject, "", pieces, f"Hej {name}\n" + text)


def as_sendgrid_does(sheet: Sheet, at: int) -> tuple[str, str]:
    """Every occurrence of each tag in the texts as they were written; what is put in is not looked at again."""
    made = []
    for text in (sheet.text, sheet.html):
        out, rest, tags = "", text, sheet.substitutions[at]
        while rest:
            tag = next((tag for tag in tags if rest.startswith(tag)), None)
            out += rest[0] if tag is None else tags[tag]
            rest = rest[1:] if tag is None else rest[len(tag) :]
        made.append(out)
    return made[0], made[1]


def one_by_one(sheet: Sheet, at: int, *, backwards: bool) -> tuple[str, str]:
    """Likewise, if it replaces one tag after the other in whichever order: then a value might be looked at again."""
    text, html = sheet.text, sheet.html
    tags = list(sheet.substitutions[at].items())
    for tag, value in reversed(tags) if backwards else tags:
        text, html = text.replace(tag, value), html.replace(tag, value)
    return text, html


def assert_same(contents: Sequence[Content], sheets: Sequence[Sheet], limits: Limits) -> None:
    assert sorted(member for sheet in sheets for member in sheet.members) == list(range(len(contents)))
    for sheet in sheets:
        assert len(sheet.members) <= limits.recipients
        for at, member in enumerate(sheet.members):
            wanted = (contents[member].text, contents[member].html)
            assert as_sendgrid_does(sheet, at) == wanted
            assert one_by_one(sheet, at, backwards=False) == wanted
            assert one_by_one(sheet, at, backwards=True) == wanted
            assert len(sheet.substitutions[at]) <= limits.tags
            written = json.dumps(sheet.substitutions[at], ensure_ascii=False, separators=(",", ":"))
            assert len(written.encode()) <= limits.substitutions


words = st.text(st.sampled_from("ab<&-0é\n"), max_size=8)


@given(
    people=st.lists(
        st.tuples(words, words, st.sampled_from(["", "För Visby.\n" * 30]), words), min_size=1, max_size=12
    ),
    tags=st.integers(1, 6),
    size=st.integers(60, 400),
    recipients=st.integers(1, 12),
)
@example([("", "0", "", ""), ("0", "", "", "")], 4, 91, 2)
def test_whoever_is_put_in_whichever_request_gets_their_letter(
    people: list[tuple[str, str, str, str]], tags: int, size: int, recipients: int
) -> None:
    contents = [
        Content(
            subject or "x",
            "",
            ("<p>", one, "</p>", big, "<i>", two, "</i>", one, ""),
            f"Hej {one}!\n\nDet här står i allas brev, ord för ord, och i samma följd.\n{big}{two}\nHej då.\n",
        )
        for one, two, big, subject in people
    ]
    limits = Limits(recipients, tags, size)
    anchors = ("Det här står i allas brev, ord för ord, och i samma följd.", "Det här står i nobody's.")
    assert_same(contents, plan(contents, anchors, limits), limits)


def test_a_value_that_holds_another_ones_tag_is_not_replaced() -> None:
    first = plan([content("Bo"), content("Eva")], (), Limits())[0]
    tags = list(first.substitutions[0])
    contents = [
        content(tags[0]),
        content("Eva"),
        content(tags[-1] + "00-"),
        content("-" + tags[0][1:9] + "01-"),
    ]
    sheets = plan(contents, (), Limits())
    assert_same(contents, sheets, Limits())
    assert tags[0][1:9] not in "".join(sheets[0].substitutions[0])


def test_the_number_in_the_tags_stands_in_nobodys_letter() -> None:
    """Drawn from the first letter: one in which it stands is no reason to give up."""
    contents = [content("Bo"), content("Eva")]
    for _ in range(5):
        (sheet,) = plan(contents, (), Limits())
        drawn = next(iter(sheet.substitutions[0]))[1:9]
        contents.append(content(drawn))
        assert_same(contents, plan(contents, (), Limits()), Limits())


digits = st.lists(
    st.sampled_from(["", "0", "00", "0000", "0000000", "00000000", "x", "0x", "x0"]), max_size=3
)
pieces = st.lists(digits.map("".join), min_size=2, max_size=4)


@given(pieces, pieces, st.data())
def test_digits_are_found_wherever_they_stand_also_across_what_is_somebodys(
    text: list[str], html: list[str], data: st.DataObject
) -> None:
    frame, wide = _Frame((tuple(text), tuple(html))), len(text) + len(html) - 2
    cells = st.lists(digits.map("".join), min_size=wide, max_size=wide).map(tuple)
    rows = data.draw(st.lists(cells, min_size=1, max_size=3))
    letters = [part for row in rows for part in frame.joined(row)]
    pieces = [piece for part in frame.parts for piece in part]
    assert _stands("00000000", frame, rows) == any("00000000" in part for part in [*letters, *pieces])


@pytest.mark.parametrize("message", ["00000000", "x00000000x", "x0000000x00000000", "x0000000x0000000"])
def test_digits_are_found_however_a_message_is_cut(message: str) -> None:
    """Into what is everybody's and two cells, one of them in another reader's letter something else."""
    there = "00000000" in message
    for cuts in itertools.combinations_with_replacement(range(len(message) + 1), 4):
        piece, cell, middle, other, end = (
            message[start:stop] for start, stop in itertools.pairwise((0, *cuts, len(message)))
        )
        frame = _Frame((("y",), (piece, middle, end)))
        assert _stands("00000000", frame, [("y", "y"), (cell, other)]) is there


@given(st.lists(st.text(st.sampled_from('a"\\\x01\x7få€👩\n'), max_size=40), min_size=1, max_size=5))
def test_no_value_is_larger_than_what_it_is_taken_for(values: list[str]) -> None:
    column = _Column(tuple(values))
    assert max(column.sizes) <= column.most


def test_the_same_letters_give_the_same_request() -> None:
    contents = [content(name) for name in NAMES]
    assert plan(contents, (), Limits()) == plan(list(contents), (), Limits())


def test_cells_that_are_always_alike_share_a_tag() -> None:
    (sheet,) = plan([content("Bo"), content("Eva")], ("Hej ",), Limits())
    assert sheet.html.count("01-") == 2, "twice the name"
    assert len(sheet.substitutions[0]) == 2, "the name, and the name with the line's end in the text"


def test_what_is_alike_for_all_needs_no_tag() -> None:
    (sheet,) = plan([content("Bo"), content("Bo")], (), Limits())
    assert (sheet.substitutions, sheet.html) == (({}, {}), content("Bo").html)


def test_the_cell_that_makes_most_room_decides_who_goes_together() -> None:
    """Three variants of 6 KB and names: three requests, not one for each reader."""
    variants = ["A" * 6000, "B" * 6000, "C" * 6000]
    contents = [
        Content(
            "Hej",
            "",
            ("<p>", str(n), "</p>", variants[n % 3], "", variants[n % 3][:4000], ""),
            "",
        )
        for n in range(90)
    ]
    sheets = plan(contents, (), Limits())
    assert_same(contents, sheets, Limits())
    assert [len(sheet.members) for sheet in sheets] == [30, 30, 30]


def test_one_long_letter_goes_alone_and_takes_nobody_with_it() -> None:
    contents = [content("x" * 12_000 if n == 4 else f"N{n}") for n in range(10)]
    sheets = plan(contents, (), Limits())
    assert_same(contents, sheets, Limits())
    assert sorted(len(sheet.members) for sheet in sheets) == [1, 9]


def test_more_places_than_tags_part_the_readers() -> None:
    cells = [[f"{reader}.{place}" if reader < 4 else "same" for place in range(120)] for reader in range(8)]
    contents = [
        Content(
            "Hej",
            "",
            (*(piece for cell in row for piece in ("<i>", cell)), ""),
            "",
        )
        for row in cells
    ]
    sheets = plan(contents, (), Limits())
    assert_same(contents, sheets, Limits())
    assert any(len(sheet.members) == 4 for sheet in sheets), "those who are alike"


# --- whole requests ------------------------------------------------------------------------------------


def test_an_address_stands_once_in_a_request(parcel: Any) -> None:
    provider = SendGrid("SG.key", base_url="http://127.0.0.1:9")
    twice = [parcel("a1", "asa@example.org"), parcel("b2", "bo@example.org"), parcel("c3", "ASA@Example.org")]
    request = provider.prepare(twice)
    assert (request.sids, request.apart) == (("a1", "b2"), (("c3",),))


def test_who_does_not_fit_is_named_request_by_request(parcel: Any) -> None:
    provider = SendGrid("SG.key", base_url="http://127.0.0.1:9", limits=Limits(substitutions=1000))
    parcels = [
        parcel(f"s{n}", f"p{n}@example.org", html="<p>" + "AB"[n % 2] * 2000 + "</p>") for n in range(6)
    ]
    request = provider.prepare(parcels)
    assert (request.sids, request.apart) == (("s0", "s2", "s4"), (("s1", "s3", "s5"),))


def test_a_request_says_whose_attempt_it_is(parcel: Any) -> None:
    provider = SendGrid("SG.key", base_url="http://127.0.0.1:9")
    body = provider.prepare([parcel("s1")], Mark("attempt-7", "ledger.2")).payload
    assert isinstance(body, bytes)
    assert json.loads(body)["personalizations"][0]["custom_args"] == {
        "s": "s1",
        "a": "attempt-7",
        "e": "ledger.2",
    }


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    project = Project(ROOT)
    return Workspace(project, load_settings(project))


def letters(workspace: Workspace, name: str, campaign: Any) -> list[tuple[Any, Any]]:
    """A campaign's composition and the letters of its readers, odd ones among them."""
    composition = workspace.compose(campaign)
    people = list(workspace.people(campaign.segment or "opinionsbildare"))
    people += [
        replace(people[0], key=f"odd{n}", first_name=odd, last_name=odd, city=odd)
        for n, odd in enumerate(NAMES)
    ]
    return [
        (composition, composition.slots(who, Links(f"https://news.example.org/u/{n:060d}")))
        for n, who in enumerate(people)
    ]


@pytest.mark.parametrize("name", ["almedalen-recap", "valkommen-birger-blom", "valkommen-komm", "sju-tips"])
def test_every_reader_of_the_shipped_campaigns_gets_the_composed_letter(
    workspace: Workspace, name: str, parcel: Any
) -> None:
    sequence = workspace.sequence(name)
    campaigns = [step.campaign for step in sequence.steps] if sequence else [workspace.campaign(name)]
    for campaign in campaigns:
        envelope = parcel().envelope
        parcels = [
            Parcel(composition, values, replace(envelope, sid=f"sid{n}", recipient=f"p{n}@example.org"))
            for n, (composition, values) in enumerate(letters(workspace, name, campaign))
        ]
        provider = SendGrid("SG.key", base_url="http://127.0.0.1:9")
        request = provider.prepare(parcels)
        assert request.apart == (), "all of them in one request"
        assert isinstance(request.payload, bytes)
        assert_sendgrid_takes(request.payload)
        mail = json.loads(request.payload)
        wanted = [one.composition.fill(one.values) for one in parcels]
        for person, content in zip(mail["personalizations"], wanted, strict=True):
            text, html = (part["value"] for part in mail["content"])
            for tag, value in person.get("substitutions", {}).items():
                text, html = text.replace(tag, value), html.replace(tag, value)
            assert (person.get("subject", mail.get("subject")), text, html) == (
                content.subject,
                content.text,
                content.html,
            )
        alone = sum(len(provider.prepare([one]).payload) for one in parcels)  # type: ignore[arg-type]
        assert len(request.payload) * 10 < alone, "what is everybody's is written once"
