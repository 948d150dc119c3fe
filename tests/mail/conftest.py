"""A composition and an envelope for messages, made of the real classes."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from newsletter.audience.models import Subscriber
from newsletter.campaigns.models import Campaign, Status
from newsletter.errors import Place
from newsletter.mail.message import Envelope, message
from newsletter.render.composition import Attachment, Composition, InlinePicture, Links, Values

Write = Callable[..., bytes]

CAMPAIGN = Campaign(
    id="almedalen-recap",
    file="campaigns/almedalen-recap/campaign.md",
    body="Hej!\n",
    body_line=12,
    subject="Hej",
    template="recap",
    language="sv",
    status=Status.READY,
    places={("subject",): Place("campaigns/almedalen-recap/campaign.md", 2, 13)},
)


@pytest.fixture
def write() -> Write:
    """Writes a message of which a test names only what it is about."""

    def make(
        subject: str = "Hej",
        html: str = "<p>Hej</p>\n",
        text: str = "Hej\n",
        pictures: tuple[InlinePicture, ...] = (),
        attachments: tuple[Attachment, ...] = (),
        **envelope: object,
    ) -> bytes:
        values: Values = (subject, "", html, text)

        def merge(_subscriber: Subscriber, _links: Links, /) -> Values:
            return values

        made: dict[str, object] = {
            "sid": "aeaq6kz2sdfg4",
            "sender": "HejDigitalt <hej@hejdigitalt.example>",
            "reply_to": "",
            "recipient": "asa@example.org",
            "list_id": "seminarier",
            "date": datetime(2015, 7, 3, 7, 0, tzinfo=UTC),
            "unsubscribe": "https://newsletter.invalid/u/AQhrZXk",
            **envelope,
        }
        composition = Composition(CAMPAIGN, "0" * 64, merge, pictures=pictures, attachments=attachments)
        return message(composition, values, Envelope(**made))  # type: ignore[arg-type]

    return make
