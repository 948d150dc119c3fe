"""What is wrong with a text of MJML, at an offset in it; whoever knows whose text that is makes a Problem of it."""

from collections.abc import Iterable
from dataclasses import dataclass

from newsletter.errors import Severity

MOST = 100  # findings of one code in a letter: a loop may make the same mistake a thousand times


@dataclass(frozen=True, slots=True)
class Fault:
    """One finding about MJML."""

    code: str
    message: str
    offset: int | None = None  # characters from the text's start; None for what stands nowhere
    hint: str = ""
    severity: Severity = Severity.ERROR


class Faulty(ValueError):
    """MJML that means nothing, or not what its author thinks."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(fault.message for fault in faults))
        self.faults = faults


def in_order(faults: Iterable[Fault]) -> list[Fault]:
    """As their places stand in the text; of each kind the first ones."""
    kept: dict[str, int] = {}
    ordered = sorted(faults, key=lambda fault: (fault.offset is None, fault.offset or 0))
    told = []
    for fault in ordered:
        kept[fault.code] = kept.get(fault.code, 0) + 1
        if kept[fault.code] <= MOST:
            told.append(fault)
    return told


def short(text: str, limit: int = 50) -> str:
    """On one line, for a message."""
    flat = " ".join(text[: 4 * limit].split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
