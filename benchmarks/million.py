"""A synthetic million people from a seed, ten segments over them, and the least that taking them in can cost."""

import csv
import json
import random
import sqlite3
from datetime import date, timedelta
from pathlib import Path

COLUMNS = (
    "email", "first_name", "last_name", "organisation", "city", "language", "timezone", "tags", "member_no",
    "consent_at", "status", "seminars", "partner_since",
)  # fmt: skip
SETTINGS = """timezone = "Europe/Stockholm"
[attributes]
seminars = "number"
partner_since = "date"
[list.alla]
basis = "member"
"""
CITIES = ("Visby", "Stockholm", "Göteborg", "Malmö", "Växjö", "Umeå", "Åre", "Örebro", "Lund", "Kiruna")
TAGS = ("press", "kommun", "företag", "webbtext", "kommunikation", "student")
# Segment, and the same as somebody would write it by hand over the copy's columns.
SEGMENTS = {
    "en-stad": ("city == 'Visby'", "{city} = 'visby'"),
    "tre-stader": ("city in ['Visby', 'Lund', 'Åre']", "{city} IN ('visby', 'lund', 'åre')"),
    "inte-stad": ("is_set(city) and city != 'Visby'", "{city} IS NOT NULL AND {city} <> 'visby'"),
    "trogna": ("list == 'alla' and seminars >= 3", "version = {version} AND {seminars} >= 3"),
    "en-tagg": ("tag == 'press'", "id IN (SELECT entry FROM tag WHERE tag = {press})"),
    "utan-tagg": ("not tag == 'press'", "id NOT IN (SELECT entry FROM tag WHERE tag = {press})"),
    "nya": ("partner_since >= 2015-01-01", "{partner_since} >= 735599"),
    "samtycke": ("consent_at > today - 24 months", "{consent_at} > 735052"),
    "nastlad": (
        "(city == 'Visby' or city == 'Lund') and (seminars > 1 or tag == 'kommun') and not consent_at < 2014-01-01",
        """{city} IN ('visby', 'lund') AND ({seminars} > 1 OR id IN (SELECT entry FROM tag WHERE tag = {kommun}))
        AND ({consent_at} IS NULL OR {consent_at} >= 735234)""",
    ),
    "i-segment": (
        "segment('trogna') and not segment('en-stad') and sample(50%, 'prov')",
        """version = {version} AND {seminars} >= 3 AND ({city} IS NULL OR {city} <> 'visby')
        AND (h31 * {a} + {b}) % 2147483647 < 1073741823""",
    ),
}


def make(folder: Path) -> None:
    """A project whose list `alla` is still to come: its settings and segments."""
    (folder / "subscribers").mkdir(parents=True)
    (folder / "campaigns").mkdir()
    (folder / "newsletter.toml").write_text(SETTINGS, encoding="utf-8")
    rules = "".join(
        f"[{name}]\nwhere = {json.dumps(rule, ensure_ascii=False)}\n" for name, (rule, _) in SEGMENTS.items()
    )
    (folder / "subscribers" / "segments.toml").write_text(rules, encoding="utf-8")


def write(path: Path, people: int, *, source: str = "") -> None:
    """The list as it arrives, the same for the same number. source: where all of them said yes, in a further column"""
    chance = random.Random(2015)
    first = date(2012, 1, 1)
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow([*COLUMNS, *(["consent_source"] if source else [])])
        for number in range(people):
            day = first + timedelta(days=chance.randrange(1280))
            rows.writerow([
                f"lasare{number}@{chance.choice(('exempel', 'brev', 'post'))}{number % 997}.example.org",
                chance.choice(("Åsa", "Anna", "Björn", "Erik", "Lo", "")),
                chance.choice(("Berg", "Öst", "Lindqvist", "Ärlig")),
                f"Organisation {number % 5000}", chance.choice((*CITIES, "")), "sv", "Europe/Stockholm",
                ";".join(chance.sample(TAGS, chance.choice((0, 1, 1, 2)))), f"M{number}", day.isoformat(),
                "unsubscribed" if number % 97 == 0 else "", chance.randrange(6) if number % 3 else "",
                day.isoformat() if number % 4 == 0 else "", *([source] if source else []),
            ])  # fmt: skip


def bare(path: Path, database: Path) -> None:
    """The least that taking a list in can be: read by the csv module, written as it is."""
    database.unlink(missing_ok=True)
    own = sqlite3.connect(database, isolation_level=None)
    own.execute("PRAGMA journal_mode=WAL")
    own.execute("PRAGMA synchronous=NORMAL")
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        header = next(rows)
        own.execute(f"CREATE TABLE plain ({', '.join(header)})")
        own.execute("BEGIN")
        own.executemany(f"INSERT INTO plain VALUES ({', '.join('?' * len(header))})", rows)  # noqa: S608
        own.execute("COMMIT")
    own.close()
