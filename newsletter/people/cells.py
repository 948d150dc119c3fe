"""Cells that a spreadsheet would run as formulas: marked on the way out, unmarked on the way in."""

import re

_DANGEROUS = re.compile(r"'*[=+\-@\t\r]")
_HARMLESS = re.compile(r"[+-]?\d+([.,]\d+)?|\+[\d ()/-]+")  # a plain number, a telephone number


def guarded(cell: str) -> str:
    """With a `'` before what a spreadsheet would take for a formula (OWASP: CSV injection).

    >>> guarded("=1+1"), guarded("+46 498 12 34 56"), guarded("'=1")
    ("'=1+1", '+46 498 12 34 56', "''=1")
    """
    return f"'{cell}" if _DANGEROUS.match(cell) and not _HARMLESS.fullmatch(cell) else cell


def unguarded(cell: str) -> str:
    """The same without that mark.

    >>> unguarded("'=1+1"), unguarded("'t Hart")
    ('=1+1', "'t Hart")
    """
    return cell[1:] if cell.startswith("'") and _DANGEROUS.match(cell) else cell
