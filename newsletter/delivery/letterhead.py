"""The rail that letters say who writes, where they are, and how to reach them; and from an address that may.

The law asks it of every marketing letter (in Sweden marknadsföringslagen 9 § and lagen om elektronisk handel 8 §).
"""

import re
from collections.abc import Iterator

from newsletter.check.page import Page
from newsletter.check.stand_ins import stand_ins
from newsletter.check.workspace import Workspace
from newsletter.delivery.plan import Plan
from newsletter.errors import ChecksFailed, Place, Problem
from newsletter.files.project import SETTINGS_FILE
from newsletter.mail.mailbox import Mailbox, parse_mailbox
from newsletter.render.composition import TRIAL, Content

_WORD = re.compile(r"\w+")
_NOBODY_READS = re.compile(
    r"(?:no|do-?not|inte)[._-]?(?:reply|svara)|noreply|ingensvarar?|mailer-daemon", re.IGNORECASE
)
_WAY = re.compile(r"(?:mailto|tel):", re.IGNORECASE)

# Hosts of mailboxes that ask receivers to refuse what others send in their name (DMARC, RFC 7489).
_FREE_MAIL = frozenset({
    "aol.com", "gmail.com", "gmx.de", "gmx.net", "googlemail.com", "hotmail.com", "hotmail.se", "icloud.com",
    "live.com", "live.se", "mail.ru", "me.com", "msn.com", "outlook.com", "outlook.se", "proton.me", "protonmail.com",
    "web.de", "yahoo.com", "yahoo.se", "yandex.ru", "ymail.com",
})  # fmt: skip


def letterhead_needs(workspace: Workspace, plan: Plan) -> Iterator[Problem]:
    """What letters of this plan lack of it (G138), and a sender that receivers refuse (G139)."""
    sender = _mailbox(plan.campaign.sender or workspace.settings.sender.from_)
    answers = _mailbox(plan.campaign.reply_to or workspace.settings.sender.reply_to) or sender
    if sender and sender.domain.lower() in _FREE_MAIL and workspace.settings.provider == "sendgrid":
        place = plan.campaign.place("from") if plan.campaign.sender else Place(SETTINGS_FILE)
        message = f"`{sender.domain}` asks receivers to refuse what others send in its name"
        hint = '[sender] from = "Name <hej@YOUR-DOMAIN>", a domain that is authenticated at the provider'
        yield Problem("G139", message, place, hint)
    missing = _missing(workspace, plan, sender, answers)
    for what, hint in missing.items():
        place = plan.campaign.place("template") if hint.startswith("print") else Place(SETTINGS_FILE)
        yield Problem("G138", f"the letter does not say {what}", place, hint)


def _missing(
    workspace: Workspace, plan: Plan, sender: Mailbox | None, answers: Mailbox | None
) -> dict[str, str]:
    """What is not said -> what to do."""
    brand = workspace.settings.brand
    missing: dict[str, str] = {}
    if not brand.name:
        missing["who writes: there is no name"] = '[brand] name = "…"'
    if not brand.address:
        missing["where they are: there is no postal address"] = '[brand] address = "Street 1, 123 45 Town"'
    names = [brand.name, sender.name if sender else ""]
    deaf = answers is None or bool(_NOBODY_READS.match(answers.address))
    for content in _letters(workspace, plan):
        page = Page.of(content.html)
        for part, shown in (("HTML", " ".join(page.paragraphs)), ("text part", content.text)):
            if brand.name and not any(_says(shown, name) for name in names):
                missing.setdefault(
                    f"in its {part} who writes", "print {{ brand.name }} in the footer of the template"
                )
            if brand.address and not _says(shown, brand.address):
                hint = "print {{ brand.address }} in the footer of the template"
                missing.setdefault(f"in its {part} where they are", hint)
        ways = (link.url for link in page.links if not link.hidden)
        if deaf and not any(_WAY.match(url) or (brand.url and url.startswith(brand.url)) for url in ways):
            hint = '[sender] reply_to = "hej@…" that somebody reads; or print a mailto: link in the template'
            missing.setdefault("how to reach them: nobody reads the answers", hint)
    return missing


def _letters(workspace: Workspace, plan: Plan) -> Iterator[Content]:
    """A letter in each of its branches, of a reader that nobody is."""
    try:
        yield from plan.composition.branches(stand_ins(workspace.settings, workspace.columns)[:1], TRIAL)
    except ChecksFailed:  # said by the proof
        return


def _mailbox(text: str) -> Mailbox | None:
    try:
        return parse_mailbox(text)
    except ValueError:
        return None


def _says(text: str, words: str) -> bool:
    """Whether the words stand in the text one behind the other, whatever is between them."""
    return bool(words) and f" {_words(words)} " in f" {_words(text)} "


def _words(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))
