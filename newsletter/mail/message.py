"""A composition and one recipient's values become the bytes of a message (RFC 5322, MIME)."""

from dataclasses import dataclass
from datetime import datetime

from newsletter.render.composition import Composition, Values


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a message says about itself beside its content; all of it is checked when it is written."""

    sid: str  # from links.sid: becomes the Message-ID and the boundary
    sender: str  # "Name <local@domain>" or "local@domain"; one address
    reply_to: str  # the same form; "" = no Reply-To
    recipient: str  # the address as it is sent: domain as A-label
    list_id: str  # the list's name as written ("seminarier"); the sender's domain is added here
    date: datetime  # aware
    unsubscribe: str  # the https address of links.unsubscribe_url


def message(composition: Composition, values: Values, envelope: Envelope) -> bytes:
    """One recipient's message."""
    raise NotImplementedError
