"""Lists as others write them, and as they are when they have come in."""

import csv
import io

NAMES = ["Åsa", "Örjan", "Märta", "Göran", "Böret", "Åke", "Sören", "Frösö"]
SWEDISH = "E-post;Förnamn;Ort\r\n" + "".join(
    f"p{n}@example.org;{name};Västerås\r\n" for n, name in enumerate(NAMES)
)
MAILCHIMP = "Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LEID,EUID,NOTES,TAGS\n"


def rows(project, name="ny") -> list[dict[str, str]]:
    text = (project / "subscribers" / f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def numbers(called):
    words = ("new", "updated", "unchanged", "rejected", "suppressed", "duplicates")
    return {word: called.data[word] for word in words if called.data[word]}


def mailchimp_row(email: str, tags: str = "") -> str:
    return f'{email},Åsa,Öst,2,2015-05-01 10:00:00,,2015-05-01 10:05:00,203.0.113.7,1,a,,"{tags}"\n'
