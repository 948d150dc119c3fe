"""How fast and how much: the limits of a sender and of a campaign, and until when there is nothing to do."""

import contextlib
import hashlib
from datetime import datetime, timedelta

from newsletter.campaigns.models import Campaign, Status
from newsletter.check.workspace import Workspace
from newsletter.errors import Place, Problem, Severity
from newsletter.files.project import SETTINGS_FILE
from newsletter.mail.mailbox import parse_mailbox
from newsletter.store.limits import Day
from newsletter.store.store import Store
from newsletter.store.values import Allowance, Limit, Pace

WAIT_AT_MOST = timedelta(minutes=5)  # what falls due later is for another time


# Why a provider is left alone, as the ledger keeps it.
PAUSE = "pause"  # it asked for one
QUOTA = "quota"  # the account has sent what it may


def pace_of(workspace: Workspace, campaign: Campaign) -> Pace:
    """What may hold back a hand-over of this campaign. With a pretended clock nothing is counted by the second."""
    settings, clock = workspace.settings, workspace.clock
    environment = settings.environment
    sender = _scope(campaign.sender or settings.sender.from_)
    limits = (
        (f"{environment}:sender:{sender}", settings.limits.per_second, settings.limits.per_day),
        (f"{environment}:campaign:{campaign.id}", campaign.per_second, campaign.per_day),
    )
    return Pace(
        tuple(
            Limit(scope, None if clock.pretended else per_second, per_day)
            for scope, per_second, per_day in limits
            if (per_second, per_day) != (None, None)
        ),
        f"{environment}:{settings.provider}",
        settings.zone,
        clock.now,
    )


def _scope(sender: str) -> str:
    """Names a sender in the ledger, which holds no address; display names don't count."""
    with contextlib.suppress(ValueError):  # one that is none is refused elsewhere
        sender = parse_mailbox(sender).address.lower()
    return hashlib.sha256(sender.encode()).hexdigest()[:16]


def most_at_once(pace: Pace) -> int | None:
    """The most recipients that any claim can ever be for; None: no limit says so."""
    said = [n for limit in pace.limits for n in (limit.per_second, limit.per_day) if n is not None]
    return min(said, default=None)


def waiting(store: Store, workspace: Workspace, campaign: Campaign) -> Allowance | None:
    """Why nothing of this campaign goes for longer than a send would wait; None when something may go."""
    found = store.allowance(pace_of(workspace, campaign), 1)
    return found if is_long(found, workspace.clock.now()) else None


def told(found: Allowance, workspace: Workspace, campaign: Campaign) -> Problem:
    """The same for a human; a hint, because all is as it should be."""
    when = f"{found.until.astimezone(workspace.settings.zone):%Y-%m-%d %H:%M}"
    provider = workspace.settings.provider
    by_itself = campaign.step is not None or campaign.status is Status.READY
    goes_on = (
        "newsletter run goes on by itself then" if by_itself else f"newsletter send {campaign.id}, after that"
    )
    if found.reason == QUOTA:
        message = f"waiting until {when}: {provider} takes no more from this account today"
        return Problem("G153", message, hint=goes_on, severity=Severity.HINT)
    if found.reason == PAUSE:
        message = f"waiting until {when}: {provider} asked for a pause"
        return Problem("G133", message, hint=goes_on, severity=Severity.HINT)
    place = campaign.place("per_day") if campaign.per_day is not None else Place(SETTINGS_FILE)
    message = f"waiting until {when}: the number for one day is used up"
    return Problem("G152", message, place, f"{goes_on}; per_day says how many", Severity.HINT)


def is_long(found: Allowance, now: datetime) -> bool:
    return found.number == 0 and found.until - now > WAIT_AT_MOST


def tomorrow(workspace: Workspace) -> datetime:
    """When the next day begins in the project's zone."""
    return Day.of(workspace.clock.now(), workspace.settings.zone).end
