"""What is wrong in a list, not more than a screenful of each kind: a wrong column is wrong in every row."""

from collections import Counter
from collections.abc import Callable

from newsletter.errors import Place, Problem, Severity

MOST = 20  # of one kind and column in a list; further ones are counted


class Findings:
    """Of one list. `state` and `restored` let a load that was cut off go on where it stood."""

    def __init__(self, file: str, found: list[Problem]) -> None:
        self.file = file
        self.found = found
        self._more: Counter[tuple[str, str, Severity]] = Counter()
        self._seen: Counter[tuple[str, str]] = Counter()

    def add(
        self,
        code: str,
        message: str,
        hint: str,
        severity: Severity,
        *,
        column: str,
        place: Callable[[], Place],
    ) -> None:
        """place: asked for only if the problem is kept; it takes a walk over the row."""
        self._seen[code, column] += 1
        if self._seen[code, column] <= MOST:
            self.found.append(Problem(code, message, place(), hint, severity))
        else:
            self._more[code, column, severity] += 1

    def all(self) -> tuple[Problem, ...]:
        return (*self.found, *(more(self.file, *key, count) for key, count in self._more.items()))

    def state(self) -> dict[str, object]:
        """As JSON takes it."""
        return {
            "found": [problem.as_json() for problem in self.found],
            "more": [[*key, count] for key, count in self._more.items()],
            "seen": [[*key, count] for key, count in self._seen.items()],
        }

    @classmethod
    def restored(cls, file: str, state: dict[str, list[list[object]]]) -> "Findings":
        findings = cls(file, [problem_of(said) for said in state["found"]])  # type: ignore[arg-type]
        for code, column, severity, count in state["more"]:
            findings._more[str(code), str(column), Severity(str(severity))] = int(str(count))
        for code, column, count in state["seen"]:
            findings._seen[str(code), str(column)] = int(str(count))
        return findings


def more(file: str, code: str, column: str, severity: Severity, count: int) -> Problem:
    """The line for those of a kind that are only counted."""
    where = f" in the column `{column}`" if column else ""
    return Problem(code, f"and {count} more rows like these{where}", Place(file), severity=severity)


def problem_of(said: dict[str, object]) -> Problem:
    """A problem back from its `as_json`."""
    line, column = said["line"], said["column"]
    place = Place(
        str(said["file"]),
        line if isinstance(line, int) else None,
        column if isinstance(column, int) else None,
    )
    return Problem(
        str(said["code"]),
        str(said["message"]),
        place if said["file"] else None,
        str(said["try"] or ""),
        Severity(str(said["severity"])),
    )
