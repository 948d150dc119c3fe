"""Which ways out there are: each file of `newsletter/providers` that has a door, by its name."""

import functools
from importlib.resources import files

from newsletter.errors import did_you_mean
from newsletter.files.mistake import Mistake

_DOOR = "\ndef open_from("  # what `newsletter/providers/open.py` calls


@functools.cache
def ways_out() -> tuple[str, ...]:
    """Read and not imported: what a provider stands on takes a moment, and no command needs all of them."""
    room = files("newsletter").joinpath("providers")
    return tuple(
        sorted(
            file.name.removesuffix(".py")
            for file in room.iterdir()
            if file.name.endswith(".py") and _DOOR in file.read_text(encoding="utf-8")
        )
    )


def way_out(name: str) -> str:
    """The same. Raises Mistake with the nearest one."""
    known = ways_out()
    if name not in known:
        wanted = " or ".join(f'"{one}"' for one in known)
        raise Mistake(f'is "{name}"; it must be {wanted}', did_you_mean(name, known))
    return name
