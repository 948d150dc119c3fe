"""The next batch is prepared while one is on its way: faster, and not one recipient less certain."""

import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from newsletter.delivery import sender
from newsletter.delivery.flight import Flight
from newsletter.delivery.loading import Loader
from newsletter.delivery.parcels import Packer
from newsletter.providers.outbox import Outbox
from newsletter.providers.protocol import Answer, Outcome
from newsletter.store.owner import anybody_lives
from newsletter.store.store import Store

SOON_S = 20


class Slow:
    """In the outbox's place: takes each request, and answers the first one when `answer` is set."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()
        self.on_its_way, self.answer = threading.Event(), threading.Event()
        self.first = Outcome(Answer.ACCEPTED)

    def hand_over(self, request: Any, _stop: Any) -> Outcome:
        begun = bool(self.taken)
        self.taken.update(request.sids)
        if begun:
            return Outcome(Answer.ACCEPTED)
        self.on_its_way.set()
        assert self.answer.wait(SOON_S), "nothing happened while the first one was on its way"
        return self.first


@pytest.fixture
def slow(small: Path, monkeypatch: pytest.MonkeyPatch) -> Slow:
    made = Slow()
    with (small / "newsletter.toml").open("a", encoding="utf-8") as file:
        file.write("\n[delivery]\nbatch_size = 1\nbreaker = 1\n")
    monkeypatch.setattr(Outbox, "hand_over", lambda _box, *said: made.hand_over(*said))
    monkeypatch.setattr(Outbox, "evidence", lambda *_: None)
    return made


@pytest.fixture
def ahead(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is done when the second batch is loaded, before the first one is answered."""
    work: list[Any] = []
    real = Loader.load

    def load(loader: Loader, no: int) -> Any:
        loaded = real(loader, no)
        if slow.on_its_way.is_set() and not slow.answer.is_set():
            try:
                for each in work:
                    each(loaded)
            finally:
                slow.answer.set()
        return loaded

    monkeypatch.setattr(Loader, "load", load)
    return work


def send(project: Path, newsletter: Any) -> Any:
    return newsletter("-C", project, "send", "hej", "--confirm", "3")


def counts(project: Path, newsletter: Any) -> Any:
    return newsletter("-C", project, "status", "hej", "--json").data["counts"]


def test_it_is_loaded_meanwhile_and_each_goes_once(
    small: Path, newsletter: Any, slow: Slow, ahead: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, both = [], []
    ahead.append(seen.append)
    real = Store.finish_and_claim
    monkeypatch.setattr(Store, "finish_and_claim", lambda *a, **k: both.append(1) or real(*a, **k))
    assert send(small, newsletter).code == 0
    assert len(seen) == 1
    assert both, "an answer and the next claim are one commit"
    assert [*slow.taken.values()] == [1, 1, 1]
    assert counts(small, newsletter)["accepted"] == 3


def test_who_leaves_after_it_was_loaded_gets_nothing(
    small: Path, newsletter: Any, slow: Slow, ahead: list[Any]
) -> None:
    names: list[str] = []

    def leave(loaded: Any) -> None:
        names.extend(loaded.request.sids)
        (who,) = loaded.ids.values()
        email = {1: "asa@example.org", 2: "bo@example.org", 3: "eva@example.org"}[who]
        thread = threading.Thread(target=newsletter, args=("-C", small, "subscriber", "unsubscribe", email))
        thread.start()
        thread.join()

    ahead.append(leave)
    assert send(small, newsletter).code == 0
    assert len(names) == 1
    assert names[0] not in slow.taken
    assert [*slow.taken.values()] == [1, 1]
    found = counts(small, newsletter)
    assert (found["accepted"], found["suppressed"]) == (2, 1)


def test_what_was_answered_is_kept_when_the_next_one_fails(
    small: Path, newsletter: Any, slow: Slow, ahead: list[Any]
) -> None:
    def fail(_loaded: Any) -> None:
        raise OSError("no more of anything")

    ahead.append(fail)
    assert send(small, newsletter).code != 0
    found = counts(small, newsletter)
    assert (found["accepted"], found["ready"], found["unknown"], found["inflight"]) == (1, 2, 0, 0)
    assert send(small, newsletter).code == 0
    assert [*slow.taken.values()] == [1, 1, 1]


def test_a_claim_that_fails_takes_no_answer_with_it(
    small: Path, newsletter: Any, slow: Slow, ahead: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from newsletter.store import claims

    real = claims.claim

    def claim(*args: Any, **keywords: Any) -> Any:
        if slow.taken:
            raise MemoryError("in the middle of the commit")
        return real(*args, **keywords)

    monkeypatch.setattr(claims, "claim", claim)
    assert send(small, newsletter).code == 1
    found = counts(small, newsletter)
    assert (found["accepted"], found["ready"], found["inflight"]) == (1, 2, 0)


def test_nothing_follows_a_doubt(small: Path, newsletter: Any, slow: Slow, ahead: list[Any]) -> None:
    slow.first = Outcome(Answer.UNKNOWN, detail="no word")
    assert send(small, newsletter).code == 7
    assert len(slow.taken) == 1, "the breaker is asked before the next one is claimed"
    found = counts(small, newsletter)
    assert (found["unknown"], found["ready"]) == (1, 2)


def test_an_answer_does_not_wait_for_what_is_prepared(
    small: Path, newsletter: Any, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = small / "newsletter.toml"
    text = settings.read_text(encoding="utf-8").replace("batch_size = 1", "batch_size = 2")
    settings.write_text(text, encoding="utf-8")
    monkeypatch.setattr(sender, "_one_of", max)  # the one with a single recipient goes first
    flights: list[Flight] = []
    monkeypatch.setattr(sender, "Flight", lambda *said: flights.append(Flight(*said)) or flights[-1])
    rendered: list[bool] = []
    parcel, finish, finished = Packer.parcel, Store.finish, threading.Event()

    def slowly(packer: Packer, person: Any, name: str) -> Any:
        if slow.on_its_way.is_set():
            rendered.append(finished.is_set())
            slow.answer.set()
            flights[0].outcome()
        return parcel(packer, person, name)

    monkeypatch.setattr(Packer, "parcel", slowly)
    monkeypatch.setattr(Store, "finish", lambda *a, **said: finished.set() or finish(*a, **said))
    assert send(small, newsletter).code == 0
    assert rendered == [False, True], "the first answer lay about while others were rendered"
    assert [*slow.taken.values()] == [1, 1, 1]


def test_who_breaks_it_off_keeps_the_lock_while_something_is_on_its_way(
    small: Path, newsletter: Any, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Loader.load

    def load(loader: Loader, no: int) -> Any:
        if slow.on_its_way.is_set():
            raise KeyboardInterrupt
        return real(loader, no)

    monkeypatch.setattr(Loader, "load", load)
    try:
        assert send(small, newsletter).code not in (0, 7)
        assert anybody_lives(small / ".newsletter" / "owners")
        assert counts(small, newsletter)["inflight"] == 1, "not taken for a dead sender's"
    finally:
        slow.answer.set()
