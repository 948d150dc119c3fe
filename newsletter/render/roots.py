"""What templates may name: the roots that each kind of template sees, with all that is known of them."""

import functools
import operator
from collections.abc import Iterable, Mapping
from email.utils import parseaddr
from typing import Any

from newsletter.audience.models import Subscriber
from newsletter.campaigns.models import Campaign
from newsletter.errors import Problem
from newsletter.render.declarations import PART_NAMES
from newsletter.render.environment import Names, Sandbox
from newsletter.render.names import NameCheck, bound_names
from newsletter.render.templates import Family
from newsletter.render.views import campaign_view, step_view
from newsletter.settings.model import Settings

# Fields that every person has, whatever columns the lists have; the rest are columns.
STANDARD_FIELDS = (
    "email", "first_name", "last_name", "organisation", "city", "language", "timezone", "tags", "lists",
    "consent_source", "consent_at",
)  # fmt: skip

_SECTION = frozenset({"title", "kind", "image", "parts", "body"})
_FIELDS_OF_PARTS = {
    "text": frozenset({"html", "text"}),
    "picture": frozenset({"src", "alt", "link", "image"}),
    "button": frozenset({"href", "label"}),
}


_fields = operator.attrgetter(*STANDARD_FIELDS)


@functools.lru_cache(maxsize=16)
def _blank(columns: frozenset[str]) -> dict[str, str]:
    """Empty fields, in one order in every process: a template may go through them."""
    return dict.fromkeys(sorted(columns), "")


def subscriber_view(subscriber: Subscriber, columns: frozenset[str]) -> Names:
    """A person's fields by name; every known column is there, an empty one is ''."""
    view = Names("subscriber", _blank(columns))
    view.update(subscriber.attributes)
    view.update(zip(STANDARD_FIELDS, _fields(subscriber), strict=True))
    if view["consent_at"] is None:
        view["consent_at"] = ""
    view["status"] = str(subscriber.memberships[0].standing) if subscriber.memberships else ""
    return view


def brand_view(settings: Settings, logo: str) -> Names:
    """`brand`; logo: the address of its picture"""
    brand = settings.brand
    colors = {name: _named(f"brand.colors.{name}", value) for name, value in brand.colors.items()}
    return Names(
        "brand",
        {
            "name": brand.name,
            "url": brand.url,
            "address": brand.address,
            "logo": logo,
            "colors": Names("brand.colors", colors),
            "fonts": Names("brand.fonts", brand.fonts),
        },
    )


def _named(label: str, value: Any) -> Any:
    return Names(label, value) if isinstance(value, Mapping) else value


def sender_view(campaign: Campaign, settings: Settings) -> Names:
    """`sender`: who writes, by name; without a display name the brand's, or the address."""
    name, email = parseaddr(campaign.sender or settings.sender.from_)
    return Names("sender", {"name": name or settings.brand.name or email, "email": email})


class Roots:
    """The names known at compile time, and the check of templates against them."""

    def __init__(
        self, campaign: Campaign, settings: Settings, *, columns: frozenset[str], data: Names, brand: Names
    ) -> None:
        self.everywhere: dict[str, Any] = {
            "subscriber": columns,
            "links": {"unsubscribe": ""},
            "data": data,
            "brand": brand,
            "step": step_view(campaign),
            "campaign": campaign_view(campaign),
            "sender": sender_view(campaign, settings),
        }

    def frame_problems(self, environment: Sandbox, family: Family) -> Iterable[Problem]:
        """Unknown names in a template and all that it draws in."""
        own = {"intro": _SECTION, "sections": None, "closing": _SECTION}
        return self._problems(environment, family, {**self.everywhere, **own})

    def part_problems(
        self, environment: Sandbox, name: str, family: Family, attributes: Iterable[str]
    ) -> Iterable[Problem]:
        """Unknown names in the template of a part. attributes: those that pictures may carry"""
        fields = set(_FIELDS_OF_PARTS.get(name, ()))
        fields.update(attributes if name == "picture" else family.sources[0].declaration.fields)
        own = dict.fromkeys((*fields, *PART_NAMES))
        section = {"section": _SECTION - {"parts", "body"}}
        return self._problems(environment, family, {**self.everywhere, **own, **section})

    def _problems(self, environment: Sandbox, family: Family, roots: Mapping[str, Any]) -> Iterable[Problem]:
        bound = bound_names(family.trees.values())
        check = NameCheck(environment, roots, bound=bound)
        for source in family.sources:
            if not source.built_in:
                yield from check.problems(family.trees[source.name], source.origin)
