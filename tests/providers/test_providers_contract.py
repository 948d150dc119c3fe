"""What every provider promises, whatever it does behind its door. A provider exists once it is listed here."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from newsletter.errors import ChecksFailed
from newsletter.files.project import Project
from newsletter.providers.open import max_batch, open_provider
from newsletter.providers.outbox import Outbox
from newsletter.providers.protocol import Answer, Parcel, Provider, Request
from newsletter.providers.sendgrid import SendGrid
from newsletter.providers.smtp import Smtp
from newsletter.settings.model import Settings

from .relay import DROP, Relay

Make = Callable[..., Parcel]


@dataclass
class Case:
    provider: Provider
    arrived: Callable[[], list[str]]  # the sids that the other side has, sorted
    damage: Callable[[], None]  # from now on the other side fails


@pytest.fixture(params=["outbox", "smtp", "sendgrid"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    if request.param == "outbox":
        root = tmp_path / "outbox"

        def damage() -> None:
            root.write_text("a file where the folder should be", encoding="utf-8")

        outbox = Outbox(root)
        yield Case(outbox, lambda: sorted(path.stem for path in root.rglob("*.eml")), damage)
    elif request.param == "smtp":
        relay = Relay()
        smtp = Smtp("127.0.0.1", relay.port, tls="none", connect_s=1.0, command_s=1.0, text_s=1.0)

        def refuse() -> None:
            relay.say["text"] = DROP

        yield Case(smtp, lambda: sorted(mail.sid for mail in relay.mails), refuse)
        smtp.close()
        relay.close()
    else:
        stub: Any = request.getfixturevalue("stub")
        sendgrid = SendGrid("SG.key", base_url=stub.url, connect_s=1.0, read_s=1.0)

        def fail() -> None:
            stub.behaviours = [lambda exchange: exchange.reply(500, {})]

        yield Case(sendgrid, lambda: sorted(stub.sids), fail)
        sendgrid.close()


def batch(case: Case, parcel: Make) -> list[Parcel]:
    """As many parcels as the provider takes, but not more than three."""
    return [parcel(f"sid{n}", f"p{n}@example.org") for n in range(min(3, case.provider.max_batch))]


def test_it_says_what_it_is(case: Case) -> None:
    assert case.provider.name in {"outbox", "smtp", "sendgrid"}
    assert case.provider.live == (case.provider.name != "outbox")
    assert 1 <= case.provider.max_batch <= 1000


def test_preparing_is_pure(case: Case, parcel: Make) -> None:
    first, again = (case.provider.prepare(batch(case, parcel)) for _ in range(2))
    assert first == again
    assert len(first.sha256) == 32
    other = [parcel(one.sid, one.envelope.recipient, subject="Annat") for one in batch(case, parcel)]
    assert case.provider.prepare(other).sha256 != first.sha256
    assert case.arrived() == []


def test_the_request_names_its_recipients_in_order(case: Case, parcel: Make) -> None:
    parcels = batch(case, parcel)
    assert case.provider.prepare(parcels).sids == tuple(one.sid for one in parcels)


def test_what_is_handed_over_arrives_once_and_is_accepted(case: Case, parcel: Make) -> None:
    request = case.provider.prepare(batch(case, parcel))
    outcome = case.provider.hand_over(request)
    assert outcome.answer is Answer.ACCEPTED
    assert outcome.exceptions == {}
    assert case.arrived() == sorted(request.sids)


def test_a_message_that_cannot_be_written_leaves_nothing(case: Case, parcel: Make) -> None:
    parcels = [*batch(case, parcel)[1:], parcel(subject="Hej\r\nBcc: all@example.org", sender="nobody")]
    with pytest.raises(ChecksFailed) as caught:
        case.provider.prepare(parcels)
    assert [problem.code for problem in caught.value.problems] == ["D101", "D103"]
    assert case.arrived() == []


def test_a_request_holds_one_to_max_batch_parcels(case: Case, parcel: Make) -> None:
    for count in (0, case.provider.max_batch + 1):
        with pytest.raises(ValueError, match="a request holds"):
            case.provider.prepare([parcel(f"sid{n}", f"p{n}@example.org") for n in range(count)])


def test_a_fault_is_an_answer_and_never_accepted(case: Case, parcel: Make) -> None:
    case.damage()
    outcome = case.provider.hand_over(case.provider.prepare(batch(case, parcel)))
    assert outcome.answer in {Answer.RETRY, Answer.UNKNOWN}
    assert outcome.detail


def test_evidence_is_about_each_that_was_asked_for_or_none_at_all(case: Case, parcel: Make) -> None:
    request = case.provider.prepare(batch(case, parcel))
    case.provider.hand_over(request)
    evidence = case.provider.evidence("almedalen-recap", [*request.sids, "never"])
    assert evidence is None or evidence == {**dict.fromkeys(request.sids, True), "never": False}


def test_a_foreign_request_is_a_mistake_of_the_program(case: Case) -> None:
    with pytest.raises(TypeError):
        case.provider.hand_over(Request(("sid",), b"", object()))


def test_closing_twice_is_safe_and_it_may_go_on(case: Case, parcel: Make) -> None:
    case.provider.close()
    case.provider.close()
    assert case.provider.hand_over(case.provider.prepare([parcel()])).answer is Answer.ACCEPTED


def test_the_settings_name_the_provider(case: Case, tmp_path: Path) -> None:
    name: Any = case.provider.name
    settings = Settings(
        environment="local",
        provider=name,
        smtp={"host": "smtp.example.org"},  # type: ignore[arg-type]
        sendgrid={"api_key": "SG.key"},  # type: ignore[arg-type]
    )
    opened = open_provider(Project(tmp_path), settings)
    assert type(opened) is type(case.provider)
    assert opened.max_batch == max_batch(settings)
    opened.close()
