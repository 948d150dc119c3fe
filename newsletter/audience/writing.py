"""Rows as a list file writes them, so that each reads back as the cells that it was."""

import csv
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import TypeVar

T = TypeVar("T")
_END = "\r\n"


def row_writer(write: Callable[[str], T], *, ending: str = "\n") -> Callable[[Sequence[str]], T]:
    """A function that hands a row to `write` as a line of CSV, and gives back what that returns.

    csv.writer before Python 3.13 puts a cell with a line break in quotes only where the break is one of the two that
    end a row. So it is told both, and the end that is meant is put in its place.

    >>> row_writer(str)(["a\\rb", "c"])
    '"a\\rb",c\\n'
    """
    cut = len(_END)
    return csv.writer(
        SimpleNamespace(write=lambda line: write(line[:-cut] + ending)), lineterminator=_END
    ).writerow
