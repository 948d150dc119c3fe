"""Readers that nobody has, for whom a proof makes letters: every field they have is hard on whoever prints it."""

import datetime as dt
import itertools
from collections.abc import Iterable, Mapping
from typing import Any

from newsletter.audience.models import AttributeValue, Membership, Subscriber
from newsletter.errors import Place

# What people might be called, and what must be text wherever it stands.
HOSTILE = (
    "<script>alert(1)</script>", "{{ 7 * 7 }}", "{% if 1 %}", '"><img src=x onerror=alert(1)>', "a & b &amp; c",
    "\u202eAda", "👩‍👩‍👧", "-->", "]]>", "x" * 5_000, "a\r\nBcc: b@example.org", "  två  ord ", "'", '"Tyst" AB',
    "Exempel Inc.", "evil.example/x",
)  # fmt: skip
_SHORT = 100  # characters; what is longer stands alone
_AT = dt.datetime(2015, 6, 28, 22, 30, tzinfo=dt.UTC)
_TYPED: Mapping[str, tuple[AttributeValue, ...]] = {
    "number": (7, 0, -1.5, 1_234_567),
    "date": (_AT.date(), dt.date(2016, 2, 29)),
    "instant": (_AT, dt.datetime(1999, 12, 31, 23, 59, tzinfo=dt.UTC)),
    "bool": (True, False),
}
_OWN = ("first_name", "last_name", "organisation", "city", "language", "timezone", "consent_source")
_GIVEN = frozenset({"email", "tags", "lists", "status", "consent_at"})


def strangers(
    columns: Iterable[str], types: Mapping[str, str] | None = None, host: str = "example.org"
) -> list[Subscriber]:
    """One reader without anything, one to whom nothing is wrong, and some with hostile values: each in every field.

    columns: all fields of readers; types: of those that hold no text; host: where addresses in their fields lead
    """
    fields = [*_OWN, *sorted({*columns} - {*_OWN} - _GIVEN)]
    texts = _texts(host)
    turns = [[*texts[turn:], *texts[:turn]] for turn in range(len(texts))]
    nobody = Subscriber(key="", email="", address="", memberships=())
    plain = _stranger(fields, types or {}, ["https://reader.example/"], 0)
    return [nobody, plain, *(_stranger(fields, types or {}, turn, n) for n, turn in enumerate(turns))]


def _texts(host: str) -> tuple[str, ...]:
    """The hostile values, the short ones that bear company behind each other in one."""
    company = " ".join(text for text in HOSTILE if len(text) < _SHORT and text.strip() == text)
    alone = (text for text in HOSTILE if len(text) >= _SHORT or text.strip() != text)
    return (company, *alone, "'", '"Tyst" AB', "Exempel Inc.", f"evil.example/x https://{host}/a?b=c&d=e nu")


def _stranger(fields: list[str], types: Mapping[str, str], texts: list[str], turn: int) -> Subscriber:
    values: dict[str, Any] = dict(zip(fields, itertools.cycle(texts), strict=False))
    for name in values.keys() & types.keys():
        if typed := _TYPED.get(types[name]):
            values[name] = typed[turn % len(typed)]
    own = {name: values.pop(name) for name in _OWN}
    return Subscriber(
        key="x",
        email="o'x&y@example.org" if turn else "x@example.org",
        address="o'x&y@example.org" if turn else "x@example.org",
        memberships=(Membership(texts[0], Place("")),),
        tags=(texts[0], "b"),
        consent_at=_AT,
        attributes=values,
        **own,
    )
