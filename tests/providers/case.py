"""A provider together with its other side, as the contract suite wants them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from newsletter.providers.protocol import Provider


@dataclass
class Case:
    provider: Provider
    arrived: Callable[[], list[str]]  # the sids that the other side has, sorted
    damage: Callable[[], None]  # from now on the other side fails
    settings: Mapping[str, object] = field(default_factory=dict)  # with which the settings open such a one
    live: bool = True  # whether real people would get it
