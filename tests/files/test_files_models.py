"""Strict models: every mistake in one document is told at once, at its key or value, with the line to write."""

import datetime as dt
from enum import StrEnum
from typing import Any, Literal

import pytest
from pydantic import Field, SecretStr, ValidationError, field_validator

from newsletter.errors import ChecksFailed
from newsletter.files.mistake import Mistake
from newsletter.files.models import Strict, validate
from newsletter.files.toml import parse_toml


class Status(StrEnum):
    DRAFT = "draft"
    READY = "ready"


class Window(Strict):
    days: str
    most: int = Field(default=3, ge=1, le=9)


class Step(Strict):
    id: str
    wait: str = ""


class Letter(Strict):
    subject: str = ""
    sender: str = Field(default="", alias="from")
    exclude: tuple[str, ...] = ()
    allow: frozenset[str] = frozenset()
    status: Status = Status.DRAFT
    kind: Literal["text", "picture"] = "text"
    send_at: dt.datetime | str | None = None
    day: dt.date | None = None
    smtputf8: bool = False
    ratio: float = 1.0
    window: Window | None = None
    step: tuple[Step, ...] = ()
    list: dict[str, Window] = Field(default_factory=dict)
    data: dict[str, Any] = Field(default_factory=dict)
    key: SecretStr | None = None
    zone: str = "UTC"

    @field_validator("zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        if value == "plain":
            raise ValueError("a plain sentence")
        if value != "UTC":
            raise Mistake(f'is "{value}", which is no time zone', "did you mean `UTC`?")
        return value


def told(text: str, **elsewhere: str) -> list[str]:
    with pytest.raises(ChecksFailed) as caught:
        validate(Letter, parse_toml(text, file="c.md"), known_elsewhere=elsewhere)
    assert caught.value.__context__ is None
    return [" ".join(problem.as_text().split()) for problem in caught.value.problems]


def test_lists_fill_tuples_and_texts_fill_enumerations() -> None:
    text = 'exclude = ["b", "a"]\nallow = ["X"]\nstatus = "ready"\nratio = 3\nfrom = "a"\nday = 2015-07-03'
    letter = validate(Letter, parse_toml(text, file="c.md"))
    assert (letter.exclude, letter.allow, letter.status) == (("b", "a"), frozenset({"X"}), Status.READY)
    assert (letter.ratio, letter.sender, letter.day) == (3.0, "a", dt.date(2015, 7, 3))


def test_nothing_changes_later() -> None:
    with pytest.raises(ValidationError):
        Letter().subject = "x"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "subject = 2015-06-30",
            'F103 `subject` is a date; it must be text c.md:1:11 try: subject = "2015-06-30"',
        ),
        ("subject = 5", 'F103 `subject` is a number; it must be text c.md:1:11 try: subject = "5"'),
        (
            "subject = true",
            'F103 `subject` is true or false; it must be text c.md:1:11 try: subject = "true"',
        ),
        ('subject = ["a"]', 'F103 `subject` is a list; it must be text c.md:1:11 try: subject = "…"'),
        ("from = 5", 'F103 `from` is a number; it must be text c.md:1:8 try: from = "5"'),
        ('exclude = "a"', 'F103 `exclude` is text; it must be a list c.md:1:11 try: exclude = ["a"]'),
        ('allow = ["A",\n3]', 'F103 `allow[2]` is a number; it must be text c.md:2:1 try: "3"'),
        (
            'status = "redy"',
            'F103 `status` is "redy"; it must be "draft" or "ready" c.md:1:10 try: did you mean `ready`?',
        ),
        ("status = 1", 'F103 `status` must be "draft" or "ready" c.md:1:10 try: status = "draft"'),
        (
            'kind = "pictur"',
            'F103 `kind` is "pictur"; it must be "text" or "picture" c.md:1:8 try: did you mean `picture`?',
        ),
        (
            "send_at = 09:00:00",
            'F103 `send_at` is a time; it must be a date and time or text c.md:1:11 try: send_at = "09:00:00"',
        ),
        ('day = "2015-07-03"', "F103 `day` is text; it must be a date c.md:1:7 try: day = 2015-07-03"),
        (
            'smtputf8 = "yes"',
            "F103 `smtputf8` is text; it must be true or false c.md:1:12 try: smtputf8 = true",
        ),
        ('window = "mon"', "F103 `window` is text; it must be a table c.md:1:10 try: window = { … }"),
        ("[window]", 'F104 the key `days` is missing in [window] c.md:1:1 try: days = "…"'),
        ('[window]\ndays = "a"\nmost = 0', "F103 `window.most` must be at least 1 c.md:3:8 try: most = 1"),
        (
            '[window]\ndays = "a"\nmost = "1"',
            "F103 `window.most` is text; it must be a whole number c.md:3:8 try: most = 1",
        ),
        (
            '[window]\ndays = "a"\nmots = 1',
            "F102 unknown key `mots` in [window] c.md:3:1 try: did you mean `most`?",
        ),
        ('subjct = "x"', "F102 unknown key `subjct` c.md:1:1 try: did you mean `subject`?"),
        (
            '[window]\ndays = "a"\nstatus = "ready"',
            (
                "F105 `status` belongs above [window], among the keys of the whole c.md:3:1 "
                "try: move the line `status = …` there"
            ),
        ),
        ('days = "a"', "F105 `days` belongs under [window] c.md:1:1 try: move the line `days = …` there"),
        (
            '[[step]]\nid = "a"\n[[step]]\nwait = "x"',
            'F104 the key `id` is missing in [[step]] c.md:3:1 try: id = "…"',
        ),
        (
            '[[step]]\nid = "a"\nstatus = "draft"',
            (
                "F105 `status` belongs above [[step]], among the keys of the whole c.md:3:1 "
                "try: move the line `status = …` there"
            ),
        ),
        ("[list.a]\ndays = 1", 'F103 `list.a.days` is a number; it must be text c.md:2:8 try: days = "1"'),
        ('zone = "UTX"', 'F103 `zone` is "UTX", which is no time zone c.md:1:8 try: did you mean `UTC`?'),
        ('zone = "plain"', "F103 `zone`: a plain sentence c.md:1:8"),
        ("key = 12345678", 'F103 `key` must be text c.md:1:7 try: key = "…"'),
    ],
)
def test_one_mistake_is_one_problem(text: str, expected: str) -> None:
    assert told(text) == [f"error {expected}"]


def test_a_key_may_belong_somewhere_else_altogether() -> None:
    assert told('segment = "x"', segment="in sequence.toml") == [
        "error F105 `segment` belongs in sequence.toml c.md:1:1 try: move the line `segment = …` there"
    ]


def test_all_mistakes_come_at_once_in_the_order_of_the_file() -> None:
    found = told('status = "x"\nsubject = 1\n[window]\nmost = 99\n[[step]]\nx = 1\n')
    assert [line.split()[1] for line in found] == ["F103", "F103", "F104", "F103", "F104", "F102"]


def test_a_table_inside_a_document_is_validated_in_its_place() -> None:
    document = parse_toml('[a]\n[a.b]\ndays = "x"\nmost = "1"\n', file="t.toml")
    with pytest.raises(ChecksFailed) as caught:
        validate(Window, document, at=("a", "b"))
    assert [str(problem.place) for problem in caught.value.problems] == ["t.toml:4:8"]
