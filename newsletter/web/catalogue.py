"""What the pages say, in each of their languages: gettext catalogues, read as they are written."""

import functools
from importlib.resources import files

LANGUAGES = ("sv", "en")
_LOCALES = {"sv": "sv_SE", "en": "en_GB"}


def language_of(*tags: str) -> str:
    """The first of these language tags that the pages are written in; English when none is.

    >>> language_of("sv-FI"), language_of("de", "sv"), language_of("de")
    ('sv', 'sv', 'en')
    """
    return next((base for tag in tags if (base := tag.partition("-")[0].lower()) in LANGUAGES), "en")


@functools.cache
def messages(language: str) -> dict[str, str]:
    """English text -> what is shown; every text that the pages have is there, a test sees to it."""
    from babel.messages.pofile import read_po

    with (files("newsletter.web") / "locale" / f"{language}.po").open("rb") as file:
        catalog = read_po(file, locale=_LOCALES[language])
    return {str(entry.id): str(entry.string) for entry in catalog if entry.id}
