"""`test`: a letter really sent, to addresses that the project allows."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from newsletter.cli.catalogue import one_of
from newsletter.cli.render import reader_of
from newsletter.cli.session import Session, global_options
from newsletter.delivery.plan import OptOuts
from newsletter.errors import ConfigurationFault, NewsletterError, Problem, ProviderUnavailable, UnknownLeft
from newsletter.providers.protocol import Answer

if TYPE_CHECKING:
    from newsletter.delivery.trial_letters import Tried

_CREDENTIALS = frozenset({401, 403, 530, 534, 535, 538})  # by HTTP and by SMTP


@click.command("test")
@click.argument("name")
@click.option(
    "--to",
    "to",
    required=True,
    multiple=True,
    metavar="ADDR|@GROUP",
    help="Who gets it: an address, or a group of [testers]. May be given again.",
)
@click.option("--as", "as_email", metavar="EMAIL", help="Whose letter (default: the first recipient's).")
@click.option("--variants", is_flag=True, help="Also one letter for each condition answered otherwise.")
@global_options
@click.pass_obj
def test(session: Session, name: str, *, to: tuple[str, ...], as_email: str | None, variants: bool) -> int:
    """A letter really sent, to those who may try it. No ledger; its links unsubscribe nobody."""
    from newsletter.delivery.guards import clock_guard
    from newsletter.delivery.trial_letters import hand_over, letters, testers
    from newsletter.providers.open import TESTS, open_provider

    campaign = one_of(session, name)
    clock_guard(session.workspace)
    addresses = testers(session.settings, to)
    with session.reading() as (store, secret):
        composition = session.workspace.compose(campaign)
        person = reader_of(session, campaign, as_email, OptOuts.read(store, secret))
        trial = letters(session.workspace, composition, person, addresses, variants=variants)
    provider = open_provider(session.project, session.settings, outbox=TESTS)
    tried: list[Tried] = []
    try:
        for one in hand_over(provider, trial):
            tried.append(one)
            told = one.letter.subject if one.answer is Answer.ACCEPTED else f"{one.answer}: {one.detail}"
            shows = f"   {one.letter.shows}" * bool(one.letter.shows)
            session.output.line(f"{one.letter.to}   {told}{shows}")
    finally:
        provider.close()
    where = f"{TESTS}/{campaign.id}/" if not session.settings.live else session.settings.provider
    session.output.line(f"{_accepted(tried)} of {len(trial)} as {person.email}   ({where})")
    data = {
        "campaign": campaign.id,
        "as": person.email,
        "letters": [
            {
                "to": one.letter.to,
                "subject": one.letter.subject,
                "shows": one.letter.shows,
                "answer": one.answer,
            }
            for one in tried
        ],
        "accepted": _accepted(tried),
        "total": len(trial),
        "where": where,
    }
    fault = _fault(session.settings.provider, tried)
    if fault:
        if not session.json:
            session.output.problems(fault.problems)
        return session.output.result(data, problems=fault.problems, exit_code=fault.exit_code)
    return session.output.result(data, next_steps=[f"newsletter send {campaign.id} --dry-run"])


def _accepted(tried: "Iterable[Tried]") -> int:
    return sum(one.answer is Answer.ACCEPTED for one in tried)


def _fault(provider: str, tried: "Iterable[Tried]") -> NewsletterError | None:
    """The worst that happened; None when all were accepted."""
    left = [one for one in tried if one.answer is not Answer.ACCEPTED]
    if doubts := [one for one in left if one.answer is Answer.UNKNOWN]:
        message = f"nobody knows whether {doubts[0].letter.to} gets it: {doubts[0].detail}"
        return UnknownLeft(Problem("G168", message, hint="look into the mailbox, or at the provider's log"))
    if not left:
        return None
    kind = ConfigurationFault if left[0].status in _CREDENTIALS else ProviderUnavailable
    message = f"{provider} did not take it for {left[0].letter.to}: {left[0].detail}"
    return kind(Problem("G167", message, hint="mend what it says, then the same command"))
