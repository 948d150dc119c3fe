"""How many requests a campaign takes, counted while it is rehearsed."""

from dataclasses import dataclass, field

from newsletter.campaigns.models import Campaign
from newsletter.errors import Place, Problem, Severity
from newsletter.providers.open import count_requests, max_batch
from newsletter.providers.protocol import Parcel
from newsletter.settings.model import Settings

MANY = 4  # times as many as there need be: then the letters hardly share anything


@dataclass
class Requests:
    """Counts batch by batch, as a send makes them; holds one batch of letters at a time."""

    settings: Settings
    _waiting: list[Parcel] = field(default_factory=list)
    _batches: int = 0
    _requests: int = 0
    _people: int = 0

    def add(self, parcel: Parcel) -> None:
        self._waiting.append(parcel)
        self._people += 1
        if len(self._waiting) >= min(self.settings.delivery.batch_size, max_batch(self.settings)):
            self._count()

    def total(self) -> int:
        if self._waiting:
            self._count()
        return self._requests

    def _count(self) -> None:
        self._requests += count_requests(self.settings, self._waiting)
        self._batches += 1
        self._waiting.clear()

    def problems(self, campaign: Campaign) -> list[Problem]:
        """A warning when letters differ so much that few of them can share a request."""
        if self.total() <= MANY * self._batches:
            return []
        message = (
            f"{self._people} letters take {self._requests} requests, {self._batches} if they differed less: "
            "too much of each is its reader's own"
        )
        hint = "put what a few variants share into `::: only SEGMENT`, and long texts of single readers behind a link"
        return [Problem("P112", message, Place(campaign.file, campaign.body_line), hint, Severity.WARNING)]
