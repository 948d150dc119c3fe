"""Test mails: a letter as one reader gets it, really handed over, to addresses that the project allows. No ledger.

Nothing in such a letter is anybody's: its links are signed with a secret that nobody keeps, so that they unsubscribe
nobody, and its id is no evidence of any send.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from newsletter.audience.address import parse_address
from newsletter.audience.models import Subscriber
from newsletter.check.workspace import Workspace
from newsletter.delivery.parcels import Packer
from newsletter.errors import GuardRefused, Place, Problem, UsageFault, did_you_mean
from newsletter.files.project import SETTINGS_FILE
from newsletter.mail.links import sid
from newsletter.mail.message import check
from newsletter.providers.protocol import Answer, Outcome, Parcel, Provider
from newsletter.render.composition import Composition, Content, Links
from newsletter.settings.model import Settings
from newsletter.settings.secret import throwaway_secret

MOST = 100  # letters by one call: a test is no way to write to many


@dataclass(frozen=True)
class TrialLetter:
    """One letter on its way to one tester. `shows`: which branch it is there for; empty for the letter as it is."""

    to: str
    shows: str
    subject: str
    parcel: Parcel


@dataclass(frozen=True)
class Tried:
    """What became of it. `detail`: why it was not accepted."""

    letter: TrialLetter
    answer: Answer
    detail: str = ""
    status: int | None = None


def testers(settings: Settings, given: Iterable[str]) -> list[str]:
    """The addresses that `--to` means, each once: `@GROUP` is all of `[testers] GROUP`.

    Raises UsageFault (G166: no such group), GuardRefused (G165) with all that are not allowed.
    """
    wanted: dict[str, str] = {}
    for one in given:
        for email in _group(settings, one[1:]) if one.startswith("@") else (one,):
            address = parse_address(email)
            wanted.setdefault(address.key, address.address or email)
    refused = [email for key, email in wanted.items() if not _allowed(settings, key)]
    if refused:
        hint = 'in newsletter.toml: [test] allow = ["{}"], an address or a whole domain'
        raise GuardRefused(
            *(
                Problem("G165", f"{email} gets no test mail", Place(SETTINGS_FILE), hint.format(email))
                for email in refused
            )
        )
    return [*wanted.values()]


def _group(settings: Settings, name: str) -> Sequence[str]:
    if name in settings.testers:
        return settings.testers[name]
    hint = did_you_mean(name, settings.testers, otherwise=f'[testers] {name} = ["hej@example.org"]')
    raise UsageFault(Problem("G166", f"there is no group `{name}` of testers", Place(SETTINGS_FILE), hint))


def _allowed(settings: Settings, key: str) -> bool:
    """Whether an address key is named by [test] or [testers], or is at a domain that [test] allows."""
    named = [*settings.test.allow, *(email for group in settings.testers.values() for email in group)]
    keys = {parse_address(name).key for name in named if "@" in name.lstrip("@")}
    domains = {parse_address(f"a@{name.lstrip('@')}").key for name in named if "@" not in name.lstrip("@")}
    return key in keys or f"a@{key.rpartition('@')[2]}" in domains


def letters(
    workspace: Workspace, composition: Composition, reader: Subscriber, to: Sequence[str], *, variants: bool
) -> list[TrialLetter]:
    """The letter of this reader to each address; with `variants` also one for each condition answered otherwise.

    Raises ChecksFailed when it can't be rendered or written, GuardRefused (G169) for too many.
    """
    secret = throwaway_secret()
    packer = Packer.of(workspace, composition, secret)
    links = packer.links(reader)
    contents = [("", composition.fill(composition.slots(reader, links)))]
    if variants:
        contents += [(str(one), one.content) for one in composition.variants(reader, links)]
    if len(contents) * len(to) > MOST:
        message = f"{len(contents) * len(to)} test mails are more than one call sends ({MOST})"
        raise GuardRefused(Problem("G169", message, hint="name fewer addresses in --to"))
    at = workspace.clock.now().astimezone(workspace.settings.zone)
    made: list[TrialLetter] = []
    for number, (shows, content) in enumerate(contents, 1):
        counted = f" {number}/{len(contents)}" if len(contents) > 1 else ""
        marked = content._replace(subject=f"[TEST {at:%H:%M}{counted}] {content.subject}")
        for address in to:
            name = sid(secret, 0, len(made), "test", 0)
            parcel = _parcel(packer, reader, links, marked, address, name)
            made.append(TrialLetter(address, shows, marked.subject, parcel))
    return made


def _parcel(
    packer: Packer, reader: Subscriber, links: Links, content: Content, address: str, name: str
) -> Parcel:
    """The content as it is, without slots: it goes to somebody else than it was made for."""
    before = packer.composition
    whole = Composition(
        before.campaign,
        before.sha256,
        before.merge,
        pictures=before.pictures,
        attachments=before.attachments,
    )
    values = (content.subject, content.preheader, content.html, content.text)
    envelope = dataclasses.replace(packer.envelope(reader, name, links), recipient=address)
    return Parcel(whole, values, envelope, check(whole, values, envelope))


def hand_over(provider: Provider, trial: Iterable[TrialLetter]) -> Iterable[Tried]:
    """One request each, one after the other. Ends behind the first that says that the others would fare no better."""
    for letter in trial:
        request = provider.prepare([letter.parcel])
        outcome = provider.hand_over(request)
        answer, detail = outcome.exceptions.get(letter.parcel.sid, (outcome.answer, outcome.detail))
        yield Tried(letter, answer, detail or outcome.detail, outcome.status)
        if _useless(outcome):
            return


def _useless(outcome: Outcome) -> bool:
    return outcome.pause or (outcome.answer in (Answer.RETRY, Answer.UNKNOWN) and not outcome.exceptions)
