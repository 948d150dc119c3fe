"""Python's search for garbage in cycles, put off while a million rows pass through, none of which is any."""

import contextlib
import gc
from collections.abc import Iterator

_ROWS_IN_HAND = (
    100_000  # objects: more than are alive at once, so that it hardly ever looks for cycles among them
)


@contextlib.contextmanager
def seldom_collecting() -> Iterator[None]:
    """Inside, cycles are looked for a hundred times less often: rows die by themselves."""
    before = gc.get_threshold()
    gc.set_threshold(max(_ROWS_IN_HAND, before[0]), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
