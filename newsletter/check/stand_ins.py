"""Readers that nobody is: what is shown of their letters tells nothing about people."""

from datetime import UTC, date, datetime

from newsletter.audience.models import AttributeValue, Subscriber
from newsletter.settings.model import Settings

NOBODY = Subscriber(key="", email="", address="", memberships=())

_TYPED: dict[str, tuple[AttributeValue, AttributeValue]] = {
    "number": (7, 8),
    "date": (date(2015, 6, 29), date(2015, 7, 5)),
    "instant": (datetime(2015, 6, 29, 7, tzinfo=UTC), datetime(2015, 7, 5, 15, 30, tzinfo=UTC)),
    "bool": (True, False),
}


def stand_ins(settings: Settings, columns: frozenset[str]) -> tuple[Subscriber, Subscriber]:
    """Two made-up readers who have every field, and none alike."""
    return _reader(settings, columns, 0), _reader(settings, columns, 1)


def _reader(settings: Settings, columns: frozenset[str], number: int) -> Subscriber:
    name, city = (("Ada", "Visby"), ("Bo", "Kiruna"))[number]
    attributes: dict[str, AttributeValue] = {}
    for column in sorted(columns):
        typed = _TYPED.get(settings.attributes.get(column, "text"))
        attributes[column] = typed[number] if typed else f"{column}-{number}"
    address = f"{name.lower()}@example.org"
    return Subscriber(
        key=address,
        email=address,
        address=address,
        memberships=(),
        first_name=name,
        last_name=("Exempel", "Prov")[number],
        organisation=("Exempelbyrån", "Provbyrån")[number],
        city=city,
        language=("sv", "en")[number],
        tags=(f"ämne-{number}", f"ort-{number}"),
        attributes=attributes,
    )
