"""What every provider promises, whatever it does behind its door.

Runs on each file of `newsletter/providers/` that has a door. Its other side is made by the file of the same name in
`cases/`; of one whose mail stays on this machine the provider's own evidence will do.
"""

import importlib
import importlib.util
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from newsletter.errors import ChecksFailed
from newsletter.files.project import Project
from newsletter.providers.open import (
    OUTBOX,
    count_requests,
    lacks,
    max_batch,
    open_provider,
    stays_on_this_machine,
)
from newsletter.providers.protocol import Answer, Mark, Parcel, Request
from newsletter.settings.model import Settings
from newsletter.settings.ways import ways_out

from .case import Case

Make = Callable[..., Parcel]
SIDS = ["aeaq6kz2sdfg4", "sid0", "sid1", "sid2"]  # of all parcels here


def other_side(name: str, folder: Path) -> AbstractContextManager[Case]:
    """The provider with whoever it hands to."""
    file = f"{__package__}.cases.{name}"
    if importlib.util.find_spec(file):
        made: AbstractContextManager[Case] = importlib.import_module(file).case(folder)
        return made
    settings = Settings.model_validate({"environment": "local", "provider": name})
    assert stays_on_this_machine(settings), (
        f"{name} leaves this machine: tests/providers/cases/{name}.py has to make a server that says what arrived"
    )
    return by_evidence(settings, folder)


@contextmanager
def by_evidence(settings: Settings, folder: Path) -> Iterator[Case]:
    """What stays here is there or not, and the provider can be asked; it fails where its folder is a file."""
    provider = open_provider(Project(folder), settings)

    def arrived() -> list[str]:
        evidence = provider.evidence("almedalen-recap", SIDS)
        assert evidence is not None, f"{provider.name} can't be asked: its other side needs a file in cases/"
        return sorted(sid for sid in SIDS if evidence[sid])

    def damage() -> None:
        (folder / OUTBOX).parent.mkdir(exist_ok=True)
        (folder / OUTBOX).write_text("a file where a folder should be", encoding="utf-8")

    yield Case(provider, arrived, damage, live=False)
    provider.close()


@pytest.fixture(params=ways_out())
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    with other_side(request.param, tmp_path) as found:
        assert found.provider.name == request.param
        yield found


def batch(case: Case, parcel: Make) -> list[Parcel]:
    """As many parcels as the provider takes, but not more than three."""
    return [parcel(f"sid{n}", f"p{n}@example.org") for n in range(min(3, case.provider.max_batch))]


def test_it_says_what_it_is(case: Case) -> None:
    assert case.provider.live == case.live
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


def test_one_that_cannot_go_does_not_take_the_others_along(case: Case, parcel: Make) -> None:
    """Whoever is not named in a request is named apart, each once."""
    parcels = batch(case, parcel)
    request = case.provider.prepare(parcels)
    apart = [sid for group in request.apart for sid in group]
    assert sorted([*request.sids, *apart]) == sorted(one.sid for one in parcels)


def test_a_mark_changes_at_most_the_bytes(case: Case, parcel: Make) -> None:
    marked = case.provider.prepare(batch(case, parcel), Mark("attempt", "ledger.1"))
    assert marked.sids == case.provider.prepare(batch(case, parcel)).sids
    assert case.provider.hand_over(marked).answer is Answer.ACCEPTED
    assert case.arrived() == sorted(marked.sids)


def test_no_address_is_in_what_it_says(case: Case, parcel: Make) -> None:
    case.damage()
    outcome = case.provider.hand_over(case.provider.prepare(batch(case, parcel)))
    said = [outcome.detail, *(reason for _, reason in outcome.exceptions.values())]
    assert not any("@example.org" in words for words in said)


def test_the_settings_name_the_provider(case: Case, parcel: Make, tmp_path: Path) -> None:
    more: Any = {"provider": case.provider.name, **case.settings}
    settings = Settings(environment="local", **more)
    opened = open_provider(Project(tmp_path), settings)
    assert type(opened) is type(case.provider)
    assert opened.max_batch == max_batch(settings)
    assert count_requests(settings, batch(case, parcel)) == 1
    assert stays_on_this_machine(settings) is not case.live
    assert lacks(settings) == (), "the case's settings are all that it needs"
    opened.close()
