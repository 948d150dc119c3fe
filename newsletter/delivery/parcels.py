"""One person's parcel: slots filled, links signed, envelope written. The same for a rehearsal and a send."""

from dataclasses import dataclass
from datetime import datetime

from newsletter.audience.models import Standing, Subscriber
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

    def links(self, subscriber: Subscriber) -> Links:
        """The addresses that are this person's own."""
        campaign = self.composition.campaign
        name = list_of(subscriber, campaign.segment)
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
            list_id=list_of(subscriber, campaign.segment),
            date=self.date,
            unsubscribe=links.unsubscribe,
        )
        check(self.composition, values, envelope)
        return Parcel(self.composition, values, envelope)


def list_of(subscriber: Subscriber, segment: str) -> str:
    """The list by which a person gets a mail: the segment if it is one of theirs, else their first."""
    names = [m.list for m in subscriber.memberships if m.standing is Standing.SUBSCRIBED] or subscriber.lists
    return segment if segment in names else names[0]
