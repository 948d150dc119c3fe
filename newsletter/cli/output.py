"""What a command says: lines for people on stdout, diagnostics on stderr, or one JSON envelope."""

import contextlib
import dataclasses
import json
import os
import re
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from newsletter.cli.verbs import VERBS
from newsletter.errors import NewsletterError, Problem, Severity

if TYPE_CHECKING:
    from newsletter.cli.session import Session

SCHEMA_VERSION = 1
COLORS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.HINT: "cyan"}
TOLD = 100  # findings that are shown in full; nobody reads more, and the first ones often are the cause of the rest
SPOKEN_EVERY_S = 5.0  # off a terminal: a line now and then


def grouped(number: int) -> str:
    """`4 410`: a comma would be read as a decimal sign in half of Europe."""
    return f"{number:,}".replace(",", " ")


def counted(number: int, noun: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{grouped(number)} {noun}" if number == 1 else f"{grouped(number)} {noun}s"


# What moves a cursor, renames a window or turns text around: C0 without tab and line feed, DEL, C1, bidi (UAX #9).
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


_COMMAND = re.compile(rf"\bnewsletter (?=(?:-v )?(?:{'|'.join(VERBS)})\b)")  # in the middle of a sentence


def shown(text: str) -> str:
    """The text as a terminal may have it: what people wrote into a cell must not steer it.

    >>> shown("\x1b]0;Hej\x07 Åsa")
    '\ufffd]0;Hej\ufffd Åsa'
    """
    return text if text.isprintable() else _STEERING.sub("\ufffd", text)


class Output:
    """Speaks for one call. With `--json` every method but `result` and its like is silent."""

    def __init__(self, session: "Session") -> None:
        self.session = session

    @property
    def _colored(self) -> bool:
        return self.session.color and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"

    def line(self, text: str = "") -> None:
        """One line for people."""
        if not (self.session.json or self.session.quiet):
            click.echo(shown(text))

    def note(self, text: str) -> None:
        """One line beside the output: progress, what happens now."""
        if not (self.session.json or self.session.quiet):
            click.echo(shown(text), err=True)

    def problems(self, problems: Iterable[Problem], *, err: bool = True, always: bool = False) -> None:
        """Findings, on stderr unless they are what was asked for. `always`: the milder ones with --quiet, too."""
        if self.session.json:
            return
        from newsletter.cli.diagnostics import described

        told = [problem for problem in problems if always or problem.is_error or not self.session.quiet]
        for problem in told[:TOLD]:
            text = shown(described(self._here(problem), self.session.root, self._width(err=err)))
            word = str(problem.severity)
            if self._colored and (sys.stderr if err else sys.stdout).isatty():
                text = click.style(word, fg=COLORS[problem.severity], bold=True) + text.removeprefix(word)
            click.echo(text, err=err)
        if len(told) > TOLD:
            click.echo(f"… and {counted(len(told) - TOLD, 'finding')} more (`--json` has them all)", err=err)

    def _width(self, *, err: bool) -> int:
        """Cells of a line: the terminal's, or enough for a line of a letter."""
        stream = sys.stderr if err else sys.stdout
        return shutil.get_terminal_size().columns if stream.isatty() else 120

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """Columns of words, left-aligned, two blanks between."""
        widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))] if rows else []
        for row in rows:
            self.line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())

    def result(
        self,
        data: Mapping[str, object],
        *,
        problems: Iterable[Problem] = (),
        next_steps: Iterable[str] = (),
        exit_code: int = 0,
    ) -> int:
        """The end of a command that did its work (also one that found errors). Returns the exit code."""
        if self.session.json:
            self._envelope(exit_code, data, problems, next_steps)
        elif not self.session.quiet:
            for step in next_steps:
                click.echo(f"next:  {shown(self._again(step))}")
        return exit_code

    def fault(self, fault: NewsletterError) -> int:
        if self.session.json:
            self._envelope(fault.exit_code, {}, fault.problems, fault.next_steps)
        else:
            self.problems(fault.problems)
            for step in () if self.session.quiet else fault.next_steps:
                click.echo(f"next:  {self._again(step)}", err=True)
        return fault.exit_code

    def usage(self, problem: Problem) -> int:
        if self.session.json:
            self._envelope(2, {}, [problem], [])
        self.problems([problem])
        return 2

    def stopped(self) -> int:
        problem = Problem("G134", "stopped by hand", hint="the same command goes on where it stopped")
        if self.session.json:
            self._envelope(130, {}, [problem], [])
        self.problems([problem])
        return 130

    def internal(self, fault: Exception) -> int:
        problem = Problem(
            "U199", f"internal error: {type(fault).__name__}: {fault}", hint="again with -v shows where"
        )
        if self.session.json:
            self._envelope(1, {}, [problem], [])
        self.problems([problem])
        return 1

    def _envelope(
        self, code: int, data: Mapping[str, object], problems: Iterable[Problem], next_steps: Iterable[str]
    ) -> None:
        envelope = {
            "schema_version": SCHEMA_VERSION,
            "ok": code == 0,
            "code": code,
            "command": self.session.command,
            "env": self.session.environment,
            "data": data,
            "problems": [self._here(problem).as_json() for problem in problems],
            "next": [self._again(step) for step in next_steps],
        }
        click.echo(json.dumps(envelope, ensure_ascii=False, indent=2, default=str))

    def _again(self, step: str) -> str:
        """A command to go on with, in the same project, environment and pretended time as this one."""
        now = self.session.now
        options = [*self._place(), *([f"--now {shlex.quote(now)}"] if now else [])]
        return " ".join(["newsletter", *options, step.removeprefix("newsletter ")])

    def _here(self, problem: Problem) -> Problem:
        """The same, with the way out in this project and environment: typed as it stands it must not act elsewhere."""
        if not (problem.hint and (options := self._place())):
            return problem
        command = " ".join(["newsletter", *options, ""])
        return dataclasses.replace(problem, hint=_COMMAND.sub(lambda _: command, problem.hint))

    def _place(self) -> list[str]:
        given = {"-C": (self.session.folder, "."), "--env": (self.session.environment, "local")}
        return [
            f"{name} {shlex.quote(value)}"
            for name, (value, unsaid) in given.items()
            if value and value != unsaid
        ]

    @contextlib.contextmanager
    def progress(self, label: str) -> Iterator[Callable[[int, int], None] | None]:
        """A bar on a terminal, a line now and then off it, nothing with --json or --quiet."""
        if self.session.json or self.session.quiet:
            yield None
        elif sys.stderr.isatty():
            with _bar(label, colored=self._colored) as told:
                yield told
        else:
            yield _spoken(label)


@contextlib.contextmanager
def _bar(label: str, *, colored: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar that stands while there is something to do: before and after, the line is free for a question."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, markup=False, highlight=False, no_color=not colored)
    columns: list[Any] = [TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn()]
    progress = Progress(*columns, TimeRemainingColumn(), console=console, transient=True)
    task = progress.add_task(label, total=None)

    def told(done: int, total: int) -> None:
        progress.update(task, completed=done, total=total)
        if done < total:
            progress.start()
        else:
            progress.stop()

    try:
        yield told
    finally:
        progress.stop()


def _spoken(label: str) -> Callable[[int, int], None]:
    last = time.monotonic()

    def told(done: int, total: int) -> None:
        nonlocal last
        if done < total and time.monotonic() - last >= SPOKEN_EVERY_S:
            last = time.monotonic()
            click.echo(f"{label}: {grouped(done)} of {grouped(total)}", err=True)

    return told
