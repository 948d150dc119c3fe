"""The ledger against a model that knows no batches' states: any order of claims, answers, deaths and proofs."""

import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from newsletter.store.values import Claim

ANSWERS = ["accepted", "rejected", "unknown", "ready"]


@dataclass
class Attempt:
    no: int
    ids: set[int]
    owner: int
    state: str = "inflight"  # inflight, doubt (unknown as a whole) | over
    doubts: set[int] = field(default_factory=set)  # those of whom nothing is known


class LedgerMachine(RuleBasedStateMachine):
    """`states` is the truth: subscriber id -> state. Nothing else of the ledger's inside is modelled."""

    attempts_made = Bundle("attempts")
    make_ledger: Any
    identity: Any

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.ledger = self.make_ledger(self.folder / "state.db")

    def teardown(self) -> None:
        self.ledger.store.close()
        self.identity(self.ledger.path)  # so says whoever opens it next
        shutil.rmtree(self.folder)

    @initialize(people=st.integers(1, 12), size=st.integers(1, 5))
    def freeze(self, people: int, size: int) -> None:
        self.run_ = self.ledger.frozen(people, size)
        self.states = dict.fromkeys(range(1, people + 1), "ready")
        self.attempts: dict[str, Attempt] = {}
        self.gone: set[int] = set()  # erased or suppressed: the next claim must notice

    def going(self, no: int) -> list[int]:
        return [member.id for member in self.ledger.store.batch_members(self.run_.id, no)]

    @rule(target=attempts_made, data=st.data(), owner=st.integers(1, 3), stale=st.booleans())
    def claim(self, data: st.DataObject, owner: int, stale: bool) -> Any:
        ready = self.ledger.store.ready_batches(self.run_.id, self.ledger.now)
        assert bool(ready) == ("ready" in self.states.values())
        if not ready:
            return multiple()
        no = data.draw(st.sampled_from(ready))
        going = self.going(no)
        assert all(self.states[i] == "ready" for i in going)
        assert going
        late = set(data.draw(st.lists(st.sampled_from(going), max_size=2)))
        ids = going if stale else [i for i in going if i not in late]
        attempt, answer = self.ledger.claim(
            self.run_, no, ids=ids, late=dict.fromkeys(late, "late"), owner=owner
        )
        silenced = late | (set(going) & self.gone)
        for i in silenced:
            self.states[i] = "suppressed"
        left = set(going) - silenced
        if not left:
            assert answer is Claim.LOST
        elif left != set(ids):
            assert answer is Claim.CHANGED
        else:
            assert answer is Claim.CLAIMED
            for i in left:
                self.states[i] = "inflight"
            self.attempts[attempt] = Attempt(no, left, owner)
            return attempt
        return multiple()

    @rule(attempt=attempts_made, state=st.sampled_from(ANSWERS), data=st.data())
    def finish(self, attempt: str, state: str, data: st.DataObject) -> None:
        made = self.attempts[attempt]
        some = data.draw(st.lists(st.sampled_from(sorted(made.ids)), max_size=3, unique=True))
        exceptions = {i: (data.draw(st.sampled_from(ANSWERS)), "because") for i in some}
        taken = self.ledger.store.finish(attempt, state=state, exceptions=exceptions, now=self.ledger.now)
        answers = {i: exceptions.get(i, (state, ""))[0] for i in made.ids}
        if made.state == "inflight":
            assert taken
        elif made.state == "doubt":
            assert taken == (state == "accepted" and "ready" not in [word for word, _ in exceptions.values()])
            answers = {i: answers[i] for i in made.doubts}
        else:
            assert not taken
        if taken:
            self.states |= answers
            made.doubts = {i for i, word in answers.items() if word == "unknown"}
            words = set(answers.values())
            whole = "ready" not in words and "unknown" in words and (state == "unknown" or state not in words)
            made.state = "doubt" if whole else "over"

    @rule(dead=st.sets(st.integers(1, 3)))
    def sweep(self, dead: set[int]) -> None:
        found = self.ledger.store.sweep(lambda owner: owner not in dead, self.ledger.now)
        lost = [each for each in self.attempts.values() if each.state == "inflight" and each.owner in dead]
        assert found == len(lost)
        for each in lost:
            each.state, each.doubts = "doubt", set(each.ids)
            self.states |= dict.fromkeys(each.ids, "unknown")

    @rule(attempt=attempts_made, data=st.data())
    def settle(self, attempt: str, data: st.DataObject) -> None:
        made = self.attempts[attempt]
        word = {
            i: data.draw(st.sampled_from(["accepted", "ready", "nobody knows"])) for i in sorted(made.ids)
        }
        ended = self.ledger.store.settle(
            self.run_.id,
            made.no,
            attempt,
            accepted=[i for i, said in word.items() if said == "accepted"],
            ready=[i for i, said in word.items() if said == "ready"],
            source="files",
            now=self.ledger.now,
        )
        settled = {i: word[i] for i in made.doubts if word[i] != "nobody knows"}
        assert ended == len(settled)
        self.states |= settled
        made.doubts -= settled.keys()
        if made.state == "doubt" and not made.doubts:
            made.state = "over"

    @rule(data=st.data())
    def opt_out(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.states)))
        self.ledger.store.suppress(self.ledger.people[number - 1].hmac, "*", "asked", "page", self.ledger.now)
        self.gone.add(number)

    @rule(data=st.data())
    def forget(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.states)))
        self.ledger.sql("DELETE FROM subscriber WHERE id = ?", number)
        self.gone.add(number)

    @invariant()
    def the_ledger_says_the_same(self) -> None:
        if hasattr(self, "states"):
            assert self.ledger.states(self.run_) == self.states
            doubts: dict[str, set[int]] = {}
            for each in self.ledger.store.unknown_batches(self.run_.id):
                doubts[each.attempt_id] = set(each.ids)
            assert doubts == {name: each.doubts for name, each in self.attempts.items() if each.doubts}
            self.identity(self.ledger.path, self.ledger.store)


def test_any_order_of_things(make_ledger: Any, identity: Any) -> None:
    machine = type(
        "Machine",
        (LedgerMachine,),
        {"make_ledger": staticmethod(make_ledger), "identity": staticmethod(identity)},
    )
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=int(os.environ.get("LEDGER_CASES", "20")),
            stateful_step_count=25,
            deadline=None,
            database=None,
            phases=[Phase.generate],  # shrinking takes minutes; 25 steps are read as they are
            suppress_health_check=list(HealthCheck),
        ),
    )
