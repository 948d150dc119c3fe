"""What can be wrong: a Problem with its place, and the exceptions that carry problems out.

NewsletterError                   exit
├── UsageFault                       2   the command line asks for what does not exist
├── ChecksFailed                     3   content or audience: nothing was sent
├── ConfigurationFault               4   settings, credentials, database
├── ProviderUnavailable              5   try again later
├── GuardRefused                     6   a rail held: draft, number, plan, ledger, changed files
├── UnknownLeft                      7   deliveries whose fate nobody knows
└── Interrupted                    130   stopped by hand; running it again goes on
"""

import dataclasses
import difflib
import errno
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a file; line and column count from 1, the column in characters."""

    file: str  # relative to the project, with '/'
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding: what is wrong, where, and what to try. Codes are stable and never reused."""

    code: str
    message: str
    place: Place | None = None
    hint: str = ""  # printed behind `try:`
    severity: Severity = Severity.ERROR

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR

    def as_warning(self) -> "Problem":
        return dataclasses.replace(self, severity=Severity.WARNING)

    def as_json(self) -> dict[str, object]:
        place = self.place or Place("")
        return {
            "code": self.code,
            "severity": str(self.severity),
            "file": place.file or None,
            "line": place.line,
            "column": place.column,
            "message": self.message,
            "try": self.hint or None,
        }

    def as_text(self) -> str:
        """`error  F102  unknown key …   file:line:col`, and the way out on a line of its own."""
        where = f"   {self.place}" if self.place else ""
        head = f"{self.severity:<7}  {self.code}  {self.message}{where}"
        return f"{head}\n   try:  {self.hint}" if self.hint else head

    def as_github(self) -> str:
        """A workflow command for a pull request's annotation (GitHub: workflow commands)."""
        kind = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.HINT: "notice"}[self.severity]
        place = self.place or Place("")
        properties = {"file": place.file, "line": place.line, "col": place.column, "title": self.code}
        written = ",".join(f"{k}={_github(str(v), ':,')}" for k, v in properties.items() if v)
        text = f"{self.message}\ntry: {self.hint}" if self.hint else self.message
        return f"::{kind} {written}::{_github(text)}"


def _github(text: str, more: str = "") -> str:
    for sign in "%\r\n" + more:
        text = text.replace(sign, f"%{ord(sign):02X}")
    return text


class NewsletterError(Exception):
    """Something that the user can understand and mend; carries the problems and the exit code."""

    exit_code = 1
    code = "internal"

    def __init__(self, *problems: Problem, next_steps: Iterable[str] = ()) -> None:
        super().__init__("\n".join(problem.as_text() for problem in problems))
        self.problems = problems
        self.next_steps = tuple(next_steps)


class UsageFault(NewsletterError):
    exit_code = 2
    code = "usage"


class ChecksFailed(NewsletterError):
    exit_code = 3
    code = "checks_failed"


class ConfigurationFault(NewsletterError):
    exit_code = 4
    code = "configuration"


class ProviderUnavailable(NewsletterError):
    exit_code = 5
    code = "provider_unavailable"


class GuardRefused(NewsletterError):
    exit_code = 6
    code = "refused"


class UnknownLeft(NewsletterError):
    exit_code = 7
    code = "unknown_left"


class Interrupted(NewsletterError):
    exit_code = 130
    code = "interrupted"


_NO_ROOM = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT})


def refused_by_system(fault: OSError) -> NewsletterError:
    """A file or a folder that the system refuses; what was begun can go on when it is usable again.

    ProviderUnavailable where a file finds no room: the same command later does what this one did not.
    """
    reason = (fault.strerror or str(fault)).lower()
    where = f" `{fault.filename}`" if fault.filename else ""
    full = fault.errno in _NO_ROOM and bool(where)
    hint = (
        "make room on the disk, then the same command"
        if full
        else "make it usable for this user, or name another"
    )
    problem = Problem("F114", f"the system refuses{where}: {reason}", hint=hint)
    return ProviderUnavailable(problem) if full else ConfigurationFault(problem)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is probably meant, None when nothing is near."""
    candidates = list(known)
    folded = {candidate.casefold(): candidate for candidate in candidates}
    found = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str], *, otherwise: str = "") -> str:
    """A hint for an unknown word: the nearest known one, else all of them if they are few."""
    candidates = sorted(set(known))
    guess = nearest(word, candidates)
    if guess:
        return f"did you mean `{guess}`?"
    if otherwise:
        return otherwise
    return "known: " + ", ".join(candidates) if 0 < len(candidates) <= 20 else ""
