"""Questions on a terminal; where there is none, nothing is asked."""

import signal
import sys

import click

from newsletter.cli.session import Session


def ask_number(session: Session, number: int, question: str) -> int | None:
    """The number that a human types; None without a terminal. Ctrl-C and Ctrl-D abort."""
    given = _typed(session, f"{question} ({number})")
    if given is None:
        return None
    digits = given.replace(" ", "").replace("\u00a0", "")
    return int(digits) if digits.isdecimal() else -1


def ask_word(session: Session, word: str, question: str) -> bool | None:
    """Whether a human types this very word; None without a terminal, where the command is the answer."""
    given = _typed(session, f"{question} ({word})")
    return None if given is None else given.strip() == word


def _typed(session: Session, question: str) -> str | None:
    if session.json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    # While a human types, Ctrl-C means "no", at once: nothing is under way that had to end cleanly.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        given: str = click.prompt(question, err=True)
    finally:
        signal.signal(signal.SIGINT, before)
    return given
