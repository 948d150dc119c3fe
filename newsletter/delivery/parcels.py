"""One person's parcel: slots filled, links signed, envelope written. The same for a rehearsal and a send."""

from dataclasses import dataclass
from datetime import datetime

from newsletter.audience.models import Standing, Subscriber
from newsletter.check.workspace import Workspace
from newsletter.delivery.plan import segment_of
from newsletter.mail.links import unsubscribe_url
from newsletter.mail.message import Envelope, check
from newsletter.providers.protocol import Parcel
from newsletter.render.composition import Composition, Links
from newsletter.settings.model import Settings
from newsletter.settings.secret import Secret


@dataclass(frozen=True)
class Packer:
    """Packs the parcels of one composition."""

    composition: Composition
    settings: Settings
    secret: Secret
    date: datetime  # aware; the Date header of every message of this hand-over
    lists: tuple[str, ...] = ()  # those by which the segment chose its people

    @classmethod
    def of(cls, workspace: Workspace, composition: Composition, secret: Secret) -> "Packer":
        """A packer for one hand-over, by the workspace's clock."""
        lists = workspace.segments.lists(segment_of(workspace, composition.campaign))
        return cls(composition, workspace.settings, secret, workspace.clock.now(), lists)

    def links(self, subscriber: Subscriber) -> Links:
        """The addresses that are this person's own."""
        campaign = self.composition.campaign
        name = list_of(subscriber, self.lists)
        url = unsubscribe_url(self.settings.public_url, self.secret, subscriber.key, name, campaign.language)
        return Links(unsubscribe=url)

    def parcel(self, subscriber: Subscriber, sid: str) -> Parcel:
        """Raises ChecksFailed when this person's message can't be rendered or can't be written as mail."""
        campaign = self.composition.campaign
        links = self.links(subscriber)
        values = self.composition.slots(subscriber, links)
        envelope = Envelope(
            sid=sid,
            sender=campaign.sender or self.settings.sender.from_,
            reply_to=campaign.reply_to or self.settings.sender.reply_to,
            recipient=subscriber.address,
            list_id=list_of(subscriber, self.lists),
            date=self.date,
            unsubscribe=links.unsubscribe,
        )
        return Parcel(self.composition, values, envelope, check(self.composition, values, envelope))


def list_of(subscriber: Subscriber, preferred: tuple[str, ...]) -> str:
    """The list by which a person gets a mail, which is what an opt-out would name: a preferred one, else the first."""
    names = [m.list for m in subscriber.memberships if m.standing is Standing.SUBSCRIBED] or [
        *subscriber.lists
    ]
    return next((name for name in names if name in preferred), names[0])
