"""Mail programs in families that behave alike, and what each family drops."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

OUTLOOK_WINDOWS = "outlook_windows"

# Family -> its name, and its programs as caniemail calls them. The weights are settings: [clients].
FAMILIES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "apple_mail": ("Apple Mail", ("apple-mail ios", "apple-mail macos")),
    "gmail": ("Gmail", ("gmail android", "gmail desktop-webmail", "gmail ios", "gmail mobile-webmail")),
    OUTLOOK_WINDOWS: ("Outlook for Windows", ("outlook windows",)),
    "outlook": (
        "the other Outlooks",  # outlook.com, which the new Outlook for Windows is, too; macOS, iOS, Android
        ("outlook android", "outlook ios", "outlook macos", "outlook outlook-com"),
    ),
    "yahoo": (
        "Yahoo/AOL",
        (
            "aol android",
            "aol desktop-webmail",
            "aol ios",
            "yahoo android",
            "yahoo desktop-webmail",
            "yahoo ios",
        ),
    ),
    "samsung": ("Samsung Email", ("samsung-email android",)),
    "thunderbird": ("Thunderbird", ("thunderbird macos", "thunderbird windows")),
    "others": (
        "most of the others",
        (
            "fastmail desktop-webmail", "free-fr desktop-webmail", "gmx android", "gmx desktop-webmail", "gmx ios",
            "hey desktop-webmail", "ionos-1and1 android", "ionos-1and1 desktop-webmail", "laposte android",
            "laposte desktop-webmail", "laposte ios", "mail-ru desktop-webmail", "orange android",
            "orange desktop-webmail", "orange ios", "protonmail android", "protonmail desktop-webmail",
            "protonmail ios", "rainloop desktop-webmail", "sfr android", "sfr desktop-webmail", "sfr ios",
            "t-online-de desktop-webmail", "web-de android", "web-de desktop-webmail", "web-de ios",
            "wp-pl desktop-webmail",
        ),
    ),
}  # fmt: skip
RETIRED = frozenset({"outlook windows-mail"})  # Windows' own Mail, which Microsoft ended in 2024


@dataclass(frozen=True, slots=True)
class Support:
    """caniemail's data, by families."""

    edition: str  # a day, 2026-05-13
    titles: Mapping[str, str]  # slug of a feature -> its name
    dropped: Mapping[str, frozenset[str]]  # slug -> the families most of whose tested programs drop it


@cache
def support() -> Support:
    """The data that ships; `tools/update_caniemail.py` renews it by hand."""
    text = (files("newsletter.check.clients") / "caniemail.json").read_text(encoding="utf-8")
    table = json.loads(text)
    column = {name: number for number, name in enumerate(table["clients"])}
    programs = {family: [column[one] for one in names] for family, (_, names) in FAMILIES.items()}
    dropped = {
        slug: frozenset(
            family
            for family, columns in programs.items()
            if _most_drop([one["support"][number] for number in columns])
        )
        for slug, one in table["features"].items()
    }
    titles = {slug: one["title"] for slug, one in table["features"].items()}
    return Support(table["last_update_date"], titles, dropped)


def _most_drop(verdicts: list[str]) -> bool:
    """Of the programs that were tested, half or more say no; `a`, almost, counts as yes."""
    known = [verdict for verdict in verdicts if verdict in "yan"]
    return bool(known) and 2 * known.count("n") >= len(known)
