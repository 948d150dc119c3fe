"""One person's parcel: slots filled, links signed, envelope written. The same for a rehearsal and a send."""

import functools
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from newsletter.audience.leaving import scope_of
from newsletter.audience.models import Standing, Subscriber
from newsletter.check.workspace import Workspace
from newsletter.delivery.plan import OptOuts, segment_of
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
    left: Callable[[Subscriber], Collection[str]] = (
        lambda _who: ()
    )  # the scopes of lists that somebody has left

    @classmethod
    def of(
        cls, workspace: Workspace, composition: Composition, secret: Secret, opt_outs: OptOuts | None = None
    ) -> "Packer":
        """A packer for one hand-over, by the workspace's clock. opt_outs: nobody goes by a list that they have left"""
        lists = workspace.segments.lists(segment_of(workspace, composition.campaign))
        left = opt_outs.left if opt_outs else (lambda _who: ())
        return cls(composition, workspace.settings, secret, workspace.clock.now(), lists, left)

    def list_of(self, subscriber: Subscriber) -> str:
        """The list by which this person gets it; an opt-out from "this list" names it."""
        return list_of(subscriber, self.lists, self.left(subscriber))

    def links(self, subscriber: Subscriber, list_name: str | None = None) -> Links:
        """The addresses that are this person's own. list_name: what `list_of` says, if it was asked before"""
        name = self.list_of(subscriber) if list_name is None else list_name
        campaign = self.composition.campaign
        url = unsubscribe_url(self.settings.public_url, self.secret, subscriber.key, name, campaign.language)
        return Links(unsubscribe=url)

    def envelope(
        self, subscriber: Subscriber, sid: str, links: Links, list_name: str | None = None
    ) -> Envelope:
        """What this person's message says of itself beside its content. list_name: as for `links`"""
        sender, reply_to = self._mailboxes
        return Envelope(
            sid=sid,
            sender=sender,
            reply_to=reply_to,
            recipient=subscriber.address,
            list_id=self.list_of(subscriber) if list_name is None else list_name,
            date=self.date,
            unsubscribe=links.unsubscribe,
            utf8=self._utf8,
        )

    def parcel(self, subscriber: Subscriber, sid: str) -> Parcel:
        """Raises ChecksFailed when this person's message can't be rendered or can't be written as mail."""
        list_name = self.list_of(subscriber)
        links = self.links(subscriber, list_name)
        values = self.composition.slots(subscriber, links)
        envelope = self.envelope(subscriber, sid, links, list_name)
        return Parcel(self.composition, values, envelope, check(self.composition, values, envelope))

    @functools.cached_property
    def _mailboxes(self) -> tuple[str, str]:
        """Who writes, and to whom an answer goes."""
        campaign, usual = self.composition.campaign, self.settings.sender
        return campaign.sender or usual.from_, campaign.reply_to or usual.reply_to

    @functools.cached_property
    def _utf8(self) -> bool:
        return self.settings.takes_utf8


def list_of(subscriber: Subscriber, preferred: tuple[str, ...], left: Collection[str] = ()) -> str:
    """The list by which a person gets a mail, which is what an opt-out would name: a preferred one, else the first.

    left: scopes of the lists that they have left
    """
    subscribed = [m.list for m in subscriber.memberships if m.standing is Standing.SUBSCRIBED]
    staying = [name for name in subscribed if scope_of(name) not in left] if left else subscribed
    names = staying or subscribed or [*subscriber.lists]
    return next((name for name in names if name in preferred), names[0])
