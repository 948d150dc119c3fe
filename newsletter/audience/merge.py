"""All rows of one address become one person; where they contradict each other, somebody should look."""

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from newsletter.audience.findings import MOST, more
from newsletter.audience.folding import fold
from newsletter.audience.models import TEXT_COLUMNS, AttributeValue, Membership, Standing, Subscriber
from newsletter.audience.rows import Row, short
from newsletter.errors import Place, Problem, Severity

_PER_LIST = frozenset({"consent_source", "consent_at"})  # differs from list to list without contradiction
_TEXTS = frozenset(TEXT_COLUMNS) - {"email"}


def merge(rows: Sequence[Row]) -> Subscriber:
    """The person of these rows, which stand in the order of their lists: the first value that is there holds."""
    first = rows[0]
    said = [row.values for row in rows]
    values = said[0]
    tags = first.tags
    if len(rows) > 1:
        values = {column: value for each in reversed(said) for column, value in each.items()}
        tags = tuple(tag for row in rows for tag in row.tags)
    if len(tags) > 1:
        spelled: dict[str, str] = {}
        for tag in tags:
            spelled.setdefault(fold(tag), tag)
        tags = tuple(spelled.values())
    texts: dict[str, str] = {}
    attributes: dict[str, AttributeValue] = {}
    for column, value in values.items():
        if column in _TEXTS:
            texts[column] = str(value)
        elif column != "consent_at":
            attributes[column] = value
    at = values.get("consent_at")
    return Subscriber(
        key=first.key,
        email=first.email,
        address=first.address,
        memberships=tuple(map(_membership, rows, said)),
        tags=tags,
        consent_at=at if isinstance(at, datetime) else None,
        attributes=attributes,
        **texts,
    )


def _membership(row: Row, values: Mapping[str, AttributeValue]) -> Membership:
    at = values.get("consent_at")
    return Membership(
        row.list,
        row.place,
        row.standing,
        str(values.get("consent_source", "")),
        at if isinstance(at, datetime) else None,
    )


@dataclass(order=True, frozen=True, slots=True)
class Clash:
    """What two rows of one person say against each other; `line` is the later row's, `column` where in it."""

    line: int
    column: str
    code: str
    message: str
    hint: str
    severity: Severity


class Clashes:
    """Contradictions of all lists, the first ones of each kind and column by their lines."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str, str], list[tuple[int, Clash]]] = {}
        self._seen: Counter[tuple[str, str, str, str]] = Counter()

    def add(self, rows: Sequence[Row]) -> None:
        """Those of one person's rows, in the order of their lists."""
        held: dict[str, tuple[AttributeValue, Row]] = {}
        lists: dict[str, int] = {}
        for row in rows:
            values = row.values
            read = bool(values) or row.standing is not Standing.UNCLEAR
            if row.list in lists and read:
                message = f"the same address as in line {lists[row.list]}: one person, one mail"
                hint = "delete one of the two rows"
                self._note(row, Clash(row.line, "email", "A119", message, hint, Severity.HINT))
            lists.setdefault(row.list, row.line)
            for column, value in values.items():
                first, holder = held.setdefault(column, (value, row))
                if (
                    holder is row
                    or column in _PER_LIST
                    or first == value
                    or fold(str(first)) == fold(str(value))
                ):
                    continue
                where = f"{holder.file}:{holder.line}"
                message = f"`{column}` is `{short(value)}` here and `{short(first)}` in {where}, which holds"
                hint = "write the same in both rows"
                self._note(row, Clash(row.line, column, "A118", message, hint, Severity.WARNING))

    def _note(self, row: Row, clash: Clash) -> None:
        kind = (row.list, row.file, clash.code, clash.column)
        self._seen[kind] += 1
        kept = self._kept.setdefault(kind, [])
        heapq.heappush(kept, (-clash.line, clash))
        if len(kept) > MOST:
            heapq.heappop(kept)

    def wanted(self) -> dict[str, set[tuple[int, str]]]:
        """File -> the lines and columns whose places are to be found."""
        found: dict[str, set[tuple[int, str]]] = {}
        for (_, file, _, _), kept in self._kept.items():
            found.setdefault(file, set()).update((clash.line, clash.column) for _, clash in kept)
        return found

    def problems(self, places: Mapping[tuple[str, int, str], Place]) -> dict[str, list[Problem]]:
        """List -> findings. places: by file, line and column; one that was not found is the line alone."""
        found: dict[str, list[Problem]] = {}
        for (name, file, code, column), kept in self._kept.items():
            told = found.setdefault(name, [])
            for clash in sorted(clash for _, clash in kept):
                place = places.get((file, clash.line, column), Place(file, clash.line))
                told.append(Problem(code, clash.message, place, clash.hint, clash.severity))
            rest = self._seen[name, file, code, column] - len(kept)
            if rest:
                told.append(more(file, code, column, kept[0][1].severity, rest))
        return found
