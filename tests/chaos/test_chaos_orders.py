"""A human at the keyboard and a provider of many moods: commands in any order lose nobody and mail nobody twice.

Kills are what the others do; here one process after another pauses, amends, resolves, cancels and ticks, while people
leave, texts change and days pass, with a canary, a limit for the day and batches that are split.
"""

import os
import random
import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from newsletter.delivery import answers, halting
from newsletter.delivery.parcels import Packer
from newsletter.providers.outbox import Outbox
from newsletter.providers.protocol import Answer, Outcome
from tests.store.identity import check_identity

LONG = os.environ.get("CHAOS") == "long"
SEED = int(os.environ.get("CHAOS_SEED", "20150703"))
PLAYS, STEPS, PEOPLE = (60, 60, 30) if LONG else (4, 25, 12)
COMMANDS = (
    *(("send", "hej"),) * 6,
    ("send", "hej", "--resume"),
    *(("resume", "hej"),) * 4,
    ("pause", "hej"),
    ("resolve", "hej"),
    ("resolve", "hej", "--assume-sent"),
    ("run",),
)


class Moods:
    """A live provider in the outbox's place: it can't be asked, and now and then the process dies in its hands."""

    def __init__(self, dice: random.Random) -> None:
        self.dice, self.kind = dice, False
        self.taken: Counter[str] = Counter()

    def hand_over(self, request) -> Outcome:
        sids, mood = request.sids, 0.0 if self.kind else self.dice.random()
        if mood < 0.35:
            return self._take(sids, Outcome(Answer.ACCEPTED, 202, "id"))
        if mood < 0.40:
            return Outcome(Answer.REJECTED, 550, detail="no")
        if mood < 0.46:
            return Outcome(Answer.RETRY, 503, detail="later")
        if mood < 0.58:
            doubt = Outcome(Answer.UNKNOWN, 500, detail="nothing that proves anything")
            return self._take(sids, doubt) if self.dice.random() < 0.5 else doubt
        if mood < 0.66 and len(sids) > 1:
            return Outcome(Answer.RETRY, 413, detail="too large", split=True)
        if mood < 0.73:
            return Outcome(
                Answer.RETRY, 400, detail="one is named", exceptions={sids[0]: (Answer.REJECTED, "bad")}
            )
        if mood < 0.76:
            return Outcome(Answer.RETRY, 401, detail="the key", pause=True)
        if mood < 0.90:
            self._take(sids, None)
        raise MemoryError("it dies here")

    def _take(self, sids, said):
        self.taken.update(sids)
        return said


class Desk:
    """One project, and all that may be typed there."""

    def __init__(self, project, newsletter, monkeypatch, dice: random.Random) -> None:
        self.project, self.newsletter, self.dice = project, newsletter, dice
        self.moods, self.now = Moods(dice), datetime(2015, 7, 3, 9, tzinfo=UTC)
        self.names: dict[str, str] = {}  # sid -> person
        self.by_word: set[str] = set()  # whom a human had sent to again
        self.left: dict[str, int] = {}  # who opted out -> how often they had been written to
        self.typed: list[object] = []
        self._prepare(monkeypatch)

    def _prepare(self, monkeypatch) -> None:
        real, names, moods = Packer.parcel, self.names, self.moods

        def parcel(packer, person, name):
            names[name] = person.email
            return real(packer, person, name)

        monkeypatch.setattr(Packer, "parcel", parcel)
        monkeypatch.setattr(Outbox, "evidence", lambda *_: None)
        monkeypatch.setattr(Outbox, "hand_over", lambda _box, request, _stop: moods.hand_over(request))
        monkeypatch.setattr(answers, "RETRY_FIRST_S", 0.0)
        monkeypatch.setattr(halting, "WAIT_S", 0.0)
        self.people = [f"p{n}@example.org" for n in range(PEOPLE)]
        rows = "".join(f"{person},P,Visby\n" for person in self.people)
        (self.project / "subscribers" / "lista.csv").write_text(f"email,first_name,city\n{rows}", "utf-8")
        size, canary = self.dice.choice((2, 3, 10)), self.dice.choice((0, 3, 5))
        breaker, day = self.dice.choice((1, 3, 99)), self.dice.choice(("", "[limits]\nper_day = 4\n"))
        with (self.project / "newsletter.toml").open("a", encoding="utf-8") as file:
            file.write(f"\n[delivery]\nbatch_size = {size}\ncanary = {canary}\nbreaker = {breaker}\n{day}")

    def type(self, *command: str):
        called = self.newsletter("-C", self.project, "--now", f"{self.now:%Y-%m-%dT%H:%MZ}", *command)
        self.typed.append((command, called.code, called.err.split("\n", 1)[0][:120]))
        told_before = command == ("run",) and not called.err  # a tick says the same only once
        assert called.code != 1 or told_before or "it dies here" in called.err + called.out, called.err
        return called

    def status(self):
        return self.newsletter(
            "-C", self.project, "--now", f"{self.now:%Y-%m-%dT%H:%MZ}", "status", "hej", "--json"
        ).data

    def anything(self) -> None:
        what = self.dice.choice((*COMMANDS, "edit", "amend", "amend", "again", "leave", "day", "cancel"))
        if what == "edit":
            self.edit()
        elif what == "amend":
            self.amend()
        elif what == "again":
            self.send_again()
        elif what == "leave":
            person = self.dice.choice(self.people)
            self.type("subscriber", "unsubscribe", person)
            self.left.setdefault(person, self.written_to()[person])
        elif what == "day":
            self.now += timedelta(days=1)
        elif what != "cancel":
            self.type(*what)
        elif self.dice.random() < 0.1:
            self.type("cancel", "hej")

    def edit(self) -> None:
        with (self.project / "campaigns" / "hej.md").open("a", encoding="utf-8") as file:
            file.write(f"\nRad {self.dice.random()}.\n")

    def amend(self) -> None:
        number = str(self.status()["counts"]["ready"])
        called = self.type("send", "hej", "--amend", "--confirm", number)
        if told := re.search(r"the number is (\d+)", called.err):  # somebody has left since
            self.type("send", "hej", "--amend", "--confirm", told[1])

    def send_again(self) -> None:
        self.type(
            "resolve", "hej"
        )  # what a dead sender had in hand is in doubt, too, before the human's word
        self.by_word.update(self.status()["unknown"])
        self.type("resolve", "hej", "--resend-unknown")

    def written_to(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for name, times in self.moods.taken.items():
            found[self.names[name]] += times
        return found

    def audit(self) -> dict:
        told, written = self.status(), self.written_to()
        assert told["total"] == PEOPLE == sum(told["counts"].values())
        assert [who for who, times in written.items() if times > 1 and who not in self.by_word] == []
        assert [who for who, times in self.left.items() if written[who] > times] == []
        return told

    def finish(self) -> None:
        """A patient human and a provider that takes all: it comes to an end."""
        self.moods.kind = True
        for _ in range(PEOPLE + 10):
            told = self.audit()
            counts = told["counts"]
            if not (counts["ready"] or counts["inflight"] or counts["unknown"]):
                return
            self.send_again()
            self.type("resume", "hej")
            if self.type("send", "hej", "--resume").code == 6:
                self.edit()
                self.amend()
            self.now += timedelta(days=1)
        pytest.fail(f"it never comes to an end: {self.audit()}")


@pytest.mark.parametrize("play", range(PLAYS))
def test_commands_in_any_order_lose_nobody_and_mail_nobody_twice(small, newsletter, monkeypatch, play):
    desk = Desk(small, newsletter, monkeypatch, random.Random(SEED + play))
    try:
        desk.type("send", "hej", "--confirm", str(PEOPLE))
        for _ in range(STEPS):
            desk.anything()
            desk.audit()
        desk.finish()
        check_identity(small / ".newsletter" / "state.db")
    except BaseException:
        print(f"CHAOS_SEED={SEED + play}", *desk.typed, sep="\n")  # pytest shows it
        raise
