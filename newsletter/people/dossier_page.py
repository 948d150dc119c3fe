"""What is held on somebody as a page that they can read, in Swedish or English."""

import html
from collections.abc import Iterable, Sequence
from datetime import datetime
from importlib.resources import files
from zoneinfo import ZoneInfo

from newsletter.people.dossier import Dossier

WORDS = {
    "en": {
        "title": "What we hold on you",
        "sender": "Held by",
        "address": "Address",
        "fingerprint": "Fingerprint",
        "lists": "Lists",
        "basis": "Ground",
        "consent": "Consent",
        "where": "Where",
        "wording": "Wording",
        "proof": "Proof",
        "when": "When",
        "opt_outs": "Opt-outs",
        "received": "Letters",
        "sequences": "Series",
        "copies": "Copies of lists",
        "files": "Files",
        "nothing": "Nothing.",
        "everything": "everything",
        "suppress": "opted out",
        "lift": "taken back",
        "unknown": "not noted",
        "bases": "consent=your consent;customer=you are a customer;company=your work;member=you are a member",
    },
    "sv": {
        "title": "Det här har vi om dig",
        "sender": "Ansvarig",
        "address": "Adress",
        "fingerprint": "Fingeravtryck",
        "lists": "Listor",
        "basis": "Grund",
        "consent": "Samtycke",
        "where": "Var",
        "wording": "Ordalydelse",
        "proof": "Underlag",
        "when": "När",
        "opt_outs": "Avregistreringar",
        "received": "Brev",
        "sequences": "Serier",
        "copies": "Kopior av listor",
        "files": "Filer",
        "nothing": "Ingenting.",
        "everything": "allt",
        "suppress": "avregistrerad",
        "lift": "ångrad",
        "unknown": "inte antecknat",
        "bases": "consent=ditt samtycke;customer=du är kund;company=ditt arbete;member=du är medlem",
    },
}


def language_of(*tags: str) -> str:
    """The first of these languages that the page knows; English otherwise.

    >>> language_of("", "sv-FI", "en")
    'sv'
    """
    return next((base for tag in tags if (base := tag.partition("-")[0].lower()) in WORDS), "en")


def page(held: Dossier, *, language: str, zone: ZoneInfo, sender: str) -> str:
    """A whole HTML page: no script, nothing from elsewhere. zone: whose clock the times are given in"""
    words = WORDS[language]
    bases = dict(pair.split("=") for pair in words["bases"].split(";"))

    def moment(at: datetime | None) -> str:
        return f"{at.astimezone(zone):%Y-%m-%d %H:%M}" if at else words["unknown"]

    def scope(name: str) -> str:
        return words["everything"] if name == "*" else name

    facts = [(words["address"], held.email), (words["fingerprint"], held.hmac), (words["sender"], sender)]
    parts = [f"<h1>{html.escape(words['title'])}</h1>", _rows(facts), f"<h2>{words['lists']}</h2>"]
    for row in held.rows:
        parts.append(f"<h3>{html.escape(row.list)}</h3>")
        parts.append(_rows([(words["basis"], bases[row.basis]), *row.cells.items()]))
    parts += [] if held.rows else [_nothing(words)]
    consents = [
        (c.list, f"{words['where']}: {c.source}", f"{words['wording']}: {c.text_version or '–'}",
         f"{words['proof']}: {c.proof or '–'}", f"{words['when']}: {moment(c.given_at)}")
        for c in held.consents
    ]  # fmt: skip
    opt_outs = [(moment(e.at), words[e.act], scope(e.scope), e.reason, e.source) for e in held.opt_outs]
    received = [(moment(r.at), r.campaign, str(r.state), r.reason) for r in held.history.received]
    sequences = [(s.sequence, s.step or "–", s.state, moment(s.entered_at)) for s in held.history.sequences]
    for heading, table in (
        ("consent", consents),
        ("opt_outs", opt_outs),
        ("received", received),
        ("sequences", sequences),
        ("copies", [(file, *cells) for file, cells in held.copies]),
        ("files", [(file,) for file in held.files]),
    ):
        parts += [f"<h2>{words[heading]}</h2>", _table(table) if table else _nothing(words)]
    style = (files("newsletter.people") / "dossier.css").read_text(encoding="utf-8")
    return (
        f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8">'
        f"<title>{html.escape(words['title'])}</title>\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">\n'
        f"<style>{style}</style></head>\n<body><main>\n" + "\n".join(parts) + "\n</main></body></html>\n"
    )


def _nothing(words: dict[str, str]) -> str:
    return f"<p>{html.escape(words['nothing'])}</p>"


def _rows(pairs: Iterable[tuple[str, str]]) -> str:
    body = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th><td>{html.escape(value)}</td></tr>'
        for name, value in pairs
    )
    return f"<table>{body}</table>"


def _table(table: Sequence[Sequence[str]]) -> str:
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in table
    )
    return f"<table>{body}</table>"
