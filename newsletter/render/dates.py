"""Days and clock times as a letter's readers write them: the filters `date` and `time`."""

import datetime as dt
from collections.abc import Callable

_MONTHS = {
    "sv": "januari februari mars april maj juni juli augusti september oktober november december",
    "nb": "januar februar mars april mai juni juli august september oktober november desember",
    "da": "januar februar marts april maj juni juli august september oktober november december",
    "fi": "tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta syyskuuta"
    " lokakuuta marraskuuta joulukuuta",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "en": "January February March April May June July August September October November December",
}
_WEEKDAYS = {
    "sv": "måndag tisdag onsdag torsdag fredag lördag söndag",
    "nb": "mandag tirsdag onsdag torsdag fredag lørdag søndag",
    "da": "mandag tirsdag onsdag torsdag fredag lørdag søndag",
    "fi": "maanantai tiistai keskiviikko torstai perjantai lauantai sunnuntai",
    "de": "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
}
_NORWEGIAN = {"no": "nb", "nn": "nb"}
_DOTTED_DAYS = ("nb", "da", "fi", "de")  # "28. juni"
_DOTTED_HOURS = ("sv", "nb", "da", "fi")  # "09.00"


def _written_as(language: str) -> str:
    """The language whose words and marks are taken; English where there are none of its own."""
    name = language.partition("-")[0].lower()
    return _NORWEGIAN.get(name, name if name in _MONTHS else "en")


def date_filter(language: str, zone: dt.tzinfo) -> Callable[..., str]:
    """`zone`: the campaign's, in which an instant is a day."""
    name = _written_as(language)
    months, weekdays = _MONTHS[name].split(), _WEEKDAYS[name].split()
    dot = "." if name in _DOTTED_DAYS else ""

    def date(value: object, *, year: bool = True, weekday: bool = False) -> str:
        """Filter: a date as the campaign's readers write it, with hard spaces ("28 juni 2015").

        weekday: with its name before it ("söndag 28 juni 2015")
        An instant is the day that it is in the campaign's time zone.
        """
        if value in ("", None):
            return ""
        if isinstance(value, str):
            value = dt.date.fromisoformat(value)
        if isinstance(value, dt.datetime) and value.tzinfo:
            value = value.astimezone(zone)
        if not isinstance(value, dt.date):
            raise TypeError(f"`{value}` is no date")
        written = f"{value.day}{dot}\N{NO-BREAK SPACE}{months[value.month - 1]}"
        if year:
            written += f"\N{NO-BREAK SPACE}{value.year}"
        return f"{weekdays[value.weekday()]} {written}" if weekday else written

    return date


def time_filter(language: str) -> Callable[[object], str]:
    sign = "." if _written_as(language) in _DOTTED_HOURS else ":"

    def time(value: object) -> str:
        """Filter: a clock time as the campaign's readers write it ("09.00")."""
        if value in ("", None):
            return ""
        if isinstance(value, str):
            value = dt.time.fromisoformat(value)
        if not isinstance(value, dt.time | dt.datetime):
            raise TypeError(f"`{value}` is no time of day")
        return f"{value.hour:02}{sign}{value.minute:02}"

    return time
