"""What one value may be: each function takes what is written and returns what it means, or raises Mistake."""

import re
import unicodedata
from datetime import date, datetime, time, timedelta

from newsletter.campaigns.clock import Period, parse_days, parse_period, parse_time_of_day
from newsletter.files.duration import parse_duration
from newsletter.files.mistake import Mistake

_SPAN = "a number and a unit, as text"
LOCAL = 'send_at = "2015-07-03 09:00"'


def _text(value: object, example: str, *, what: str = "text") -> str:
    if not isinstance(value, str):
        raise Mistake(f"must be {what}", example)
    return value


def one_name(text: str) -> str:
    name = text.strip()
    if not name:
        raise Mistake("is empty", "write a name, or take it out")
    if not name.isprintable():
        raise Mistake("holds a line break or a control character", "write the name on one line")
    return name


def file_name(text: str) -> str:
    name = text.strip().removeprefix("./")
    if not name or not name.isprintable():
        raise Mistake(f'is "{text}", which names no file', 'attachments = ["program.pdf"]')
    return name


def subject(text: str) -> str:
    if not text.strip():
        raise Mistake("is empty", 'every mail has a subject: subject = "…"')
    if re.search(r"[\x00-\x1f\x7f\x85\u2028\u2029]", text):
        raise Mistake("holds a line break, a tab or a control character", "write the subject on one line")
    return text.strip()


_TEMPLATE = re.compile(r"[\w][\w.-]*(?:/[\w][\w.-]*)*")
_BESIDE = re.compile(r"\./[\w][\w.-]*\.mjml")


def template(name: str) -> str:
    if _BESIDE.fullmatch(name):
        return name
    if name.startswith("./") and _TEMPLATE.fullmatch(name[2:]) and "/" not in name[2:]:
        raise Mistake(f'is "{name}", which is no .mjml file', f'template = "{name}.mjml"')
    if name.startswith((".", "/")) or "\\" in name or ".." in name:
        raise Mistake(
            f'is "{name}", which is no place for a template',
            'name one of templates/, as in "recap", or a file right beside this one, as in "./letter.mjml"',
        )
    if name.endswith(".mjml"):
        short = name.removesuffix(".mjml").removeprefix("templates/")
        raise Mistake(f'is "{name}"; a template is named without folder and suffix', f'template = "{short}"')
    if not _TEMPLATE.fullmatch(name):
        raise Mistake(f'is "{name}", which is no name of a template', 'template = "recap"')
    return name


def shared_template(name: str) -> str:
    template(name)
    if name.startswith("./"):
        raise Mistake(
            f'is "{name}", which stands beside one campaign',
            "name it in that campaign, or put the template into templates/",
        )
    return name


_LANGUAGE = re.compile(  # BCP 47 (RFC 5646 2.1): language, script, region, variants
    r"[a-z]{2,3}(?:-[a-z]{4})?(?:-(?:[a-z]{2}|\d{3}))?(?:-(?:[a-z\d]{5,8}|\d[a-z\d]{3}))*", re.IGNORECASE
)


def language(tag: str) -> str:
    if _LANGUAGE.fullmatch(tag):
        return tag
    dashed = tag.replace("_", "-")
    better = dashed if _LANGUAGE.fullmatch(dashed) else "sv"
    raise Mistake(
        f'is "{tag}", which is no language tag', f'language = "{better}" (BCP 47, as in "sv" or "sv-SE")'
    )


def finding_code(code: str) -> str:
    if not re.fullmatch(r"[A-Z]\d{3}", code):
        upper = code.strip().upper()
        hint = f'write "{upper}"' if re.fullmatch(r"[A-Z]\d{3}", upper) else 'allow = ["C101"]'
        raise Mistake(f'is "{code}"; the code of a finding is a letter and three digits', hint)
    return code


_SPOKEN = re.compile(
    r"(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2})(:\d{2})? ?(Z|[+-]\d{2}:\d{2})?",
    re.ASCII,
)


def send_at(value: object) -> datetime:
    """Naive where no offset is written: then it is the clock of the campaign's zone."""
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        raise Mistake("is a date without a time", f'send_at = "{value.isoformat()} 09:00"')
    elif isinstance(value, time):
        raise Mistake("is a time without a date", f'send_at = "2015-07-03 {value:%H:%M}"')
    else:
        moment = _spoken(_text(value, LOCAL, what="a date and a time").strip())
    if not 2000 <= moment.year < 2200:
        raise Mistake(f"is in the year {moment.year}", LOCAL)
    return moment


def _spoken(text: str) -> datetime:
    found = _SPOKEN.fullmatch(text)
    if not found:
        raise Mistake(f'is "{text}"; a date and a time are needed', _complete(text))
    day, clock, seconds, offset = found.groups()
    try:
        return datetime.fromisoformat(f"{day}T{clock}{seconds or ''}{offset or ''}")
    except ValueError:
        raise Mistake(f'is "{text}", which is on no calendar or no clock', LOCAL) from None


def _complete(text: str) -> str:
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return f'send_at = "{text} 09:00"'
    if re.fullmatch(r"\d{2}:\d{2}", text):
        return f'send_at = "2015-07-03 {text}"'
    return LOCAL


def period(value: object) -> Period:
    text = _text(value, 'write it as "2 days"', what=_SPAN)
    try:
        return parse_period(text)
    except ValueError:
        raise Mistake(
            f'is "{text}", which is no time to wait',
            'write a number and minutes, hours, days, weeks or months, as in "2 days"',
        ) from None


def late_after(value: object) -> timedelta:
    return parse_duration(_text(value, 'late_after = "6 hours"', what=_SPAN))


def days(text: str) -> str:
    try:
        parse_days(text)
    except ValueError as error:
        message, _, hint = str(error).rpartition(": ")
        raise Mistake(f'is "{text}"; {message}', hint) from None
    return text


def time_of_day(text: str) -> str:
    try:
        parse_time_of_day(text)
    except ValueError:
        raise Mistake(f'is "{text}", which is no time of day', 'write it as "08:00"') from None
    return text


def end_of_window(text: str) -> str:
    try:
        parse_time_of_day(text, allow_24=True)
    except ValueError:
        hint = 'write it as "10:00"; the end of the day is "24:00"'
        raise Mistake(f'is "{text}", which is no time of day', hint) from None
    return text


def window_table(value: object) -> object:
    if not isinstance(value, dict):
        hint = 'window = { days = "mon-fri", from = "08:00", to = "10:00" }'
        raise Mistake("must be a table of days and times", hint)
    return value


def utm_table(value: object) -> object:
    if not isinstance(value, dict):
        raise Mistake(
            "must be a table of hosts and names", 'utm = { hosts = ["example.org"], source = "newsletter" }'
        )
    return value


_HOST = re.compile(r"[^\s/:@?#]+\.[^\s/:@?#.]+|localhost")


def host(text: str) -> str:
    """A host name as it is compared: its A-label, in small letters."""
    name = text.strip().rstrip(".").lower()
    guess = re.sub(r"^https?://", "", name).partition("/")[0]
    if not _HOST.fullmatch(name):
        hint = f'"{guess}"' if _HOST.fullmatch(guess) else '"example.org"'
        raise Mistake(f'is "{text}", which is no host name', hint)
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        raise Mistake(f'is "{text}", which is no host name', '"example.org"') from None


def some(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        raise Mistake("is empty", 'name your own sites: hosts = ["example.org"]')
    return values


_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def sensible(name: str) -> bool:
    """Whether a name can be part of an id: it becomes a path, a header and an argument on a command line."""
    return bool(_ID.fullmatch(name)) and not name.endswith(".") and len(name) <= 100


def sensible_like(name: str) -> str:
    """The nearest name that is sensible: `Välkommen till oss` -> `valkommen-till-oss`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii").lower()
    return re.sub(r"[^a-z0-9._]+", "-", plain).strip("-._")[:100] or "name"


def step_id(name: str) -> str:
    if not sensible(name):
        raise Mistake(
            f'is "{name}"; an id has letters a-z, digits, hyphens, dots and underscores only',
            f'id = "{sensible_like(name)}"',
        )
    return name


def step_file(name: str) -> str:
    if not name.endswith(".md") or not sensible(name):
        raise Mistake(f'is "{name}"; it names a .md file in this folder', 'file = "budskapet.md"')
    return name
