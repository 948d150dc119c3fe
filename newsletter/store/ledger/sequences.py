"""Sequences: who is in which, and what is said only once."""

from collections.abc import Collection, Iterable
from datetime import datetime

from newsletter.store import enrolments
from newsletter.store.ledger.transactions import Ledger
from newsletter.store.people import identify
from newsletter.store.sqlite import writing_on
from newsletter.store.values import Enrolment, EnrolmentEnd, Person


class SequenceLedger(Ledger):
    """Enrolments, from the first day to their end."""

    def enrol(self, env: str, sequence: str, people: Iterable[Person], now: datetime) -> int:
        """Whoever was never in this sequence is in it now; returns how many."""
        with self._aside() as conn:
            identify(conn, people, add=True)
            with writing_on(conn):
                return enrolments.enrol(conn, env, sequence, now)

    def enrolments(self, env: str, sequence: str) -> list[Enrolment]:
        """Everybody who ever was in it and is still known, with the fate of the last step."""
        with self._looking() as conn:
            return enrolments.enrolments(conn, env, sequence)

    def end_enrolments(
        self, env: str, sequence: str, ids: Collection[int], state: EnrolmentEnd, now: datetime
    ) -> int:
        """Ends the active ones among these, for ever; returns how many."""
        with self._writing() as conn:
            return enrolments.end(conn, env, sequence, ids, state=state, now=now)

    def say_once(self, env: str, subject: str, what: str, now: datetime) -> bool:
        """True the first time, whoever asks."""
        with self._writing() as conn:
            return enrolments.say_once(conn, env, subject, what, now)
