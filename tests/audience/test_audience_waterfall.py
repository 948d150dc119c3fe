"""The waterfall: each candidate is mailed, or not for one reason, and the numbers add up."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.audience.models import ListFile, Membership, Standing, Subscriber
from newsletter.audience.waterfall import REASONS, Rules, Waterfall, facts_of, lists_without_ground, waterfall
from newsletter.errors import Place
from newsletter.settings.values import ListSettings

CONSENT, CUSTOMER = ListSettings(), ListSettings(basis="customer")
DEFAULT = ListSettings(consent_source="Anmälan")


def row(name: str = "a", standing: str = "subscribed", source: str = "") -> Membership:
    return Membership(name, Place(f"subscribers/{name}.csv", 2), Standing(standing), source)


def person(*rows: Membership, key: str = "anna@example.org", address: str | None = None) -> Subscriber:
    return Subscriber(
        key=key, email=key, address=key if address is None else address, memberships=rows or (row(),)
    )


def reason(
    who: Subscriber, *, excluded: bool = False, suppressed: bool = False, lists: dict[str, ListSettings] | None = None,
    smtputf8: bool = False,
) -> str | None:  # fmt: skip
    fall = waterfall(
        [who],
        Rules(lists, smtputf8),
        is_excluded=lambda _: excluded,
        left=lambda _: {"*"} if suppressed else set(),
    )
    assert tuple(fall.excluded) == tuple(REASONS)
    return next((name for name, people in fall.excluded.items() if people), None)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([row()], None),
        ([row("a"), row("b", "unsubscribed")], "unsubscribed"),  # an opt-out in any file holds everywhere
        ([row("a"), row("b", "cleaned")], "cleaned"),
        ([row("a", "cleaned"), row("b", "unsubscribed")], "unsubscribed"),
        ([row("a", "pending")], "pending"),
        ([row("a", "pending"), row("b")], None),
        ([row("a", "pending"), row("b", "cleaned")], "cleaned"),
    ],
)
def test_standing(rows, expected):
    assert reason(person(*rows)) == expected


def test_the_first_reason_counts():
    who = person(row("a", "unsubscribed"), key="å@example.org", address="")
    assert reason(who, excluded=True, suppressed=True) == "excluded"
    assert reason(who, suppressed=True) == "unsubscribed"
    pending = person(row("a", "pending"), address="")
    assert reason(pending, suppressed=True) == "suppressed"
    assert reason(pending) == "pending"
    assert reason(person(address=""), lists={}) == "no_consent"
    assert reason(person(address="")) == "invalid"


def test_a_local_part_outside_ascii_goes_only_where_it_may():
    who = person(address="åsa@example.org")
    assert reason(who) == "smtputf8"
    assert reason(who, smtputf8=True) is None


@pytest.mark.parametrize(
    ("rows", "lists", "expected"),
    [
        ([row("a")], None, None),  # not live: not asked
        ([row("a")], {}, "no_consent"),  # a list's basis is consent unless it says otherwise
        ([row("a")], {"a": CONSENT}, "no_consent"),
        ([row("a")], {"a": CUSTOMER}, None),
        ([row("a")], {"a": DEFAULT}, None),
        ([row("a", source="Mässan")], {"a": CONSENT}, None),
        ([row("a"), row("b", source="Mässan")], {}, None),
        ([row("a"), row("b", "pending", source="Mässan")], {}, "no_consent"),
        ([row("a"), row("b")], {"b": CUSTOMER}, None),
    ],
)
def test_consent(rows, lists, expected):
    assert reason(person(*rows), lists=lists) == expected


def test_a_list_that_says_nowhere_where_consent_comes_from_stops_a_live_send():
    def file(name: str, *columns: str) -> ListFile:
        return ListFile(name, f"subscribers/{name}.csv", ("email", *columns), 1)

    files = {"a": file("a"), "b": file("b", "consent_source"), "c": file("c"), "d": file("d"), "e": file("e")}
    found = lists_without_ground("abcd", files, {"c": CUSTOMER, "d": DEFAULT})
    assert [(p.code, str(p.place), p.message, p.hint) for p in found] == [
        ("A122", "subscribers/a.csv:1", "nothing says where the people on the list `a` gave their consent",
         'a column consent_source, or in newsletter.toml: [list.a] consent_source = "…"')
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("left", "asked", "expected"),
    [
        ((), (), None),
        (("b",), (), None),
        (("a",), (), "no_consent"),  # the consent was given to the list that was left
        (("a",), ("a",), "suppressed"),
        (("a",), ("a", "b"), "no_consent"),
        (("a", "b"), (), "suppressed"),
        (("*",), ("b",), "suppressed"),
        (("gone",), (), None),
    ],
)
def test_a_list_that_was_left_neither_sends_nor_gives_a_ground(left, asked, expected):
    who = person(row("A", source="Mässan"), row("b"))
    rules = Rules({}, asked=[{"a": "A"}.get(name, name) for name in asked])
    fall = waterfall([who], rules, is_excluded=lambda _: False, left=lambda _: left)
    assert next((name for name, people in fall.excluded.items() if people), None) == expected


@pytest.mark.parametrize(("left", "expected"), [(("a",), "suppressed"), (("b",), None), ((), None)])
def test_whoever_left_one_list_and_waits_on_the_other_gets_nothing(left, expected):
    """The other one has not been confirmed: it is no reason to write, and the first was left."""
    who = person(row("a"), row("b", "pending"))
    fall = waterfall([who], Rules(None), is_excluded=lambda _: False, left=lambda _: left)
    assert next((name for name, people in fall.excluded.items() if people), None) == expected


standings = st.lists(
    st.builds(row, st.sampled_from("ab"), st.sampled_from(list(Standing)), st.sampled_from(["", "x"])),
    min_size=1,
    max_size=3,
)
crowd = st.lists(
    st.builds(
        lambda rows, number, address: person(*rows, key=f"{number}@example.org", address=address),
        standings, st.integers(0, 30), st.sampled_from(["", "a@example.org", "å@example.org"]),
    )
)  # fmt: skip


@given(crowd, st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)), st.booleans(), st.booleans())
def test_each_candidate_is_put_exactly_once(people, excluded, suppressed, live, smtputf8):
    def named(numbers: set[int]) -> Callable[[Subscriber], bool]:
        return lambda who: int(who.key.partition("@")[0]) in numbers

    fall: Waterfall = waterfall(
        people,
        Rules({} if live else None, smtputf8),
        is_excluded=named(excluded),
        left=lambda who: {"*"} if named(suppressed)(who) else set(),
    )
    put = [who.key for who in fall.recipients] + [who.key for out in fall.excluded.values() for who in out]
    assert sorted(put) == sorted({who.key for who in people})
    assert fall.candidates == len(fall.recipients) + sum(fall.counts.values())
    assert [who.key for who in fall.recipients] == sorted(who.key for who in fall.recipients)
    for who in fall.recipients:
        assert who.address
        assert not who.unsubscribed
        assert not named(excluded | suppressed)(who)


@pytest.mark.parametrize("asked", [(), ("a",)])
@pytest.mark.parametrize("live", [True, False])
def test_each_is_put_where_the_rules_alone_would_put_them(asked, live):
    """Each case is decided once: nobody may get what was decided for somebody else."""
    rules = Rules({} if live else None, asked=asked)
    yes_or_no = (False, True)
    lefts = [(), ("*",), ("a",), ("a", "b")]
    addresses = ["", "a@example.org", "å@example.org"]
    told = itertools.product(yes_or_no, lefts, yes_or_no, ["", "x"], addresses)
    of = {f"{number}@example.org": one for number, one in enumerate(told)}
    people = [
        person(row("a", source=source), row("b"), key=key, address=address)
        for key, (*_, source, address) in of.items()
    ]
    fall = waterfall(
        people,
        rules,
        is_excluded=lambda who: of[who.key][0],
        left=lambda who: of[who.key][1],
        capped=lambda who: of[who.key][2],
    )
    for who in people:
        excluded, left, capped, *_ = of[who.key]
        alone = rules.reason(facts_of(who), excluded=excluded, left=left, capped=capped)
        assert who in (fall.recipients if alone is None else fall.excluded[alone])


def test_lists_and_segments_meet_the_waterfall(load):
    loaded = load(
        {
            "a": "email,status\nanna@example.org,\nbo@,\ncecilia@example.org,unsubscribed\ndavid@example.org,pending\n",
            "b": "email,status\nDAVID@example.org,active\nåsa@example.org,\n",
        },
        segments="[inte-b]\nwhere = \"list == 'b'\"\n",
    )
    now = datetime(2015, 7, 3, tzinfo=UTC)
    everybody = loaded.audience.people
    excluded = loaded.segments.matcher("inte-b", loaded.segments.world(now=now, received=lambda _: ()))
    fall = waterfall(everybody, Rules(None), is_excluded=lambda _: False, left=lambda _: ())
    assert ([who.email for who in fall.recipients], {k: n for k, n in fall.counts.items() if n}) == (
        ["anna@example.org", "david@example.org"], {"unsubscribed": 1, "invalid": 1, "smtputf8": 1},
    )  # fmt: skip
    fall = waterfall(everybody, Rules(None, smtputf8=True), is_excluded=excluded, left=lambda _: ())
    assert fall.counts["excluded"] == 2
