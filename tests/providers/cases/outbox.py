"""The outbox, and the folder that it fills."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from newsletter.providers.outbox import Outbox
from tests.providers.case import Case


@contextmanager
def case(folder: Path) -> Iterator[Case]:
    root = folder / "outbox"

    def damage() -> None:
        root.write_text("a file where the folder should be", encoding="utf-8")

    outbox = Outbox(root)
    yield Case(outbox, lambda: sorted(path.stem for path in root.rglob("*.eml")), damage, live=False)
    outbox.close()
