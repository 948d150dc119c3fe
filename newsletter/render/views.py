"""What templates see of a letter: sections and parts that print themselves, pictures, the campaign."""

from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup

from newsletter.campaigns.models import Campaign
from newsletter.render.deferral.ledger import Refused
from newsletter.render.environment import Names
from newsletter.render.picture import Picture

_RIGHT_TO_LEFT = frozenset(
    ["ar", "arc", "ckb", "dv", "fa", "he", "iw", "ks", "ku", "nqo", "ps", "sd", "syr", "ug", "ur", "yi"]
)


def direction(language: str) -> str:
    """`ltr` or `rtl`, by the language's usual script."""
    return "rtl" if language.partition("-")[0].lower() in _RIGHT_TO_LEFT else "ltr"


class Image:
    """The value of an image field: `src`, `alt`, `width`, `height` (pixels of the file)."""

    __slots__ = ("_shown", "alt", "height", "src", "width")

    def __init__(self, picture: Picture, alt: str, *, as_text: bool) -> None:
        self.src = picture.src
        self.alt = alt
        self.width = picture.width
        self.height = picture.height
        self._shown = alt if as_text else picture.src

    def __str__(self) -> str:
        return self._shown


class Part:
    """A text, picture, button or block; printing it renders its template. A field's name is an attribute, too."""

    __slots__ = ("_printed", "children", "fields", "first", "kind", "name", "section", "used")

    def __init__(
        self,
        kind: str,
        name: str,
        fields: Mapping[str, Any],
        section: "Section",
        printed: "Callable[[Part], str]",
        *,
        first: bool = False,
    ) -> None:
        self.kind = kind
        self.first = first  # whether its section begins with it
        self.section = section  # in which it stands
        self.name = name  # a block's; open, middle or close of a condition; else the kind
        self.fields = fields
        self.children: list[Part] = []
        self.used = False  # whether a template printed it, or looked at one of its fields
        self._printed = printed

    def __getattr__(self, name: str) -> Any:
        self.used = True
        try:
            return self.fields[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def body(self) -> str:
        """What stands inside of an outer block, printed."""
        return joined(self.children)

    def __html__(self) -> str:
        self.used = True
        return self._printed(self)

    def __str__(self) -> str:
        self.used = True
        return self._printed(self)


class Section:
    """The introduction, an article, or the closing."""

    __slots__ = ("kind", "parts", "title")

    def __init__(self, title: str, kind: str) -> None:
        self.title = title
        self.kind = kind
        self.parts: list[Part] = []

    @property
    def image(self) -> "Part | str":
        """The first picture; '' if there is none."""
        first = next((number for number, part in enumerate(self.parts) if part.kind == "picture"), None)
        if first is None:
            return ""
        before = [part.name for part in self.parts[:first] if part.kind == "condition"]
        if before.count("open") > before.count("close"):
            raise Refused(
                "which picture is a section's first depends on the reader",
                "let the picture stand before the condition",
            )
        return self.parts[first]

    @property
    def body(self) -> str:
        """All parts, printed in the author's order."""
        return joined(self.parts)

    def __html__(self) -> str:
        return self.body

    def __str__(self) -> str:
        return self.body


class TextPart(Part):
    """The same part in the plain-text version."""

    __slots__ = ()


def joined(parts: list[Part]) -> str:
    """In MJML one after the other; in plain text with a blank line between."""
    if any(isinstance(part, TextPart) for part in parts):
        return "\n\n".join(text for part in parts if (text := str(part).strip("\n")))
    return Markup("").join(Markup(str(part)) for part in parts)  # noqa: S704  (rendered with autoescape)


def campaign_view(campaign: Campaign, *, subject: str = "", preheader: str = "") -> Names:
    from zoneinfo import ZoneInfo

    date: object = ""
    if campaign.send_at:
        date = campaign.send_at.astimezone(ZoneInfo(campaign.timezone)).date()
    return Names(
        "campaign",
        {
            "id": campaign.id,
            "subject": subject,
            "preheader": preheader,
            "language": campaign.language,
            "dir": direction(campaign.language),
            "date": date,  # the day of `send_at`; '' without one
            "tags": campaign.tags,
        },
    )


def step_view(campaign: Campaign) -> Names | None:
    """Which step of which sequence this is; None for a campaign of its own."""
    step = campaign.step
    if step is None:
        return None
    return Names(
        "step", {"number": step.number, "total": step.total, "id": step.id, "sequence": step.sequence}
    )
