"""Questions on a terminal; where there is none, nothing is asked."""

import signal
import sys

import click

from newsletter.cli.session import Session


def ask_number(session: Session, number: int, question: str) -> int | None:
    """The number that a human types; None without a terminal. Ctrl-C and Ctrl-D abort."""
    if session.json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    # While a human types, Ctrl-C means "no", at once: nothing is under way that had to end cleanly.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        given: str = click.prompt(f"{question} ({number})", err=True)
    finally:
        signal.signal(signal.SIGINT, before)
    digits = given.replace(" ", "").replace("\u00a0", "")
    return int(digits) if digits.isdecimal() else -1
