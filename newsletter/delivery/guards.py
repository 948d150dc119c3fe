"""The rails before a send that need no network: what a live one lacks, whose ledger it is, how many people it is."""

from collections.abc import Callable

from newsletter.audience.waterfall import lists_without_ground
from newsletter.campaigns.models import Campaign, Status
from newsletter.check.workspace import Workspace
from newsletter.delivery.letterhead import letterhead_needs
from newsletter.delivery.plan import Plan
from newsletter.errors import ConfigurationFault, GuardRefused, Place, Problem, UsageFault
from newsletter.files.project import SETTINGS_FILE
from newsletter.providers.open import lacks

_CREDENTIALS = frozenset({"G111", "G164"})


def live_needs(workspace: Workspace, plan: Plan) -> tuple[Problem, ...]:
    """What a live send of this plan still lacks, all at once, but for the ledger (`ledger_needs`)."""
    settings, campaign = workspace.settings, plan.campaign
    needs: list[Problem] = []
    if campaign.step is None and campaign.status is not Status.READY:
        needs.append(
            Problem(
                "G110", "it is a draft", campaign.place("status"), 'status = "ready", once it is reviewed'
            )
        )
    needs += lacks(settings)
    if not settings.public_url:
        needs.append(
            Problem(
                "G112",
                "unsubscribe links have no address",
                Place(SETTINGS_FILE),
                'public_url = "https://…", where readers reach you',
            )
        )
    if plan.composition.pictures and not settings.assets_url:
        needs.append(
            Problem(
                "G113",
                "the pictures would travel inside every message",
                Place(SETTINGS_FILE),
                'assets_url = "https://…", where the pictures are published',
            )
        )
    if settings.environment == "local" or not settings.live:
        needs.append(
            Problem("G114", "no environment with a live provider was named", hint="--env production")
        )
    needs += letterhead_needs(workspace, plan)
    needs += lists_without_ground(plan.waterfall.lists, workspace.audience.lists, settings.list)
    return tuple(needs)


def live_guard(workspace: Workspace, plan: Plan) -> None:
    """Refuse a live send that lacks anything. Raises GuardRefused (ConfigurationFault for credentials alone)."""
    if not workspace.settings.live:
        return
    clock_guard(workspace)
    needs = live_needs(workspace, plan)
    if needs:
        fault = ConfigurationFault if {need.code for need in needs} <= _CREDENTIALS else GuardRefused
        raise fault(*needs, next_steps=[f"newsletter send {plan.campaign.id} --dry-run"])


def clock_guard(workspace: Workspace) -> None:
    """Raises UsageFault for `--now` with a live provider."""
    if workspace.settings.live and workspace.clock.pretended:
        raise UsageFault(
            Problem("G115", "a pretended clock can't send to real people", hint="leave --now out")
        )


def ledger_guard(workspace: Workspace, ledger: str) -> None:
    """Raises GuardRefused, with the line to commit, when this database may not send live. ledger: its name"""
    if workspace.settings.live and (needs := ledger_needs(workspace, ledger)):
        raise GuardRefused(*needs)


def ledger_needs(workspace: Workspace, ledger: str | None) -> tuple[Problem, ...]:
    """Only the database that the settings name may send live: a fresh one knows nobody's past.

    ledger: the name of the one that is here (`Store.name`), None where there is none yet
    """
    settings, environment = workspace.settings, workspace.settings.environment
    line = f'ledger = "{ledger}"' if ledger else "the line that the first live send tells"
    to_commit = f"commit in [env.{environment}]: {line}"
    if settings.ledger is None:
        return (
            Problem(
                "G116",
                f"`{environment}` names no ledger yet: nothing would stop another checkout from sending again",
                Place(SETTINGS_FILE),
                to_commit,
            ),
        )
    if settings.ledger == ledger:
        return ()
    if ledger and _follows(ledger, settings.ledger):
        return (
            Problem(
                "G170",
                f"this ledger was brought back or copied, and `{environment}` still names the one of before, "
                "wherever that is",
                Place(SETTINGS_FILE),
                f"{to_commit}; whoever still has that one may send no more then",
            ),
        )
    here = f"here is {ledger}" if ledger else "here is none"
    return (
        Problem(
            "G117",
            f"this database is not the ledger of `{environment}`: it does not know who already has the mail",
            Place(SETTINGS_FILE),
            f"send from where ledger {settings.ledger} is, or restore it ({here})",
        ),
    )


def _follows(ledger: str, named: str) -> bool:
    """Whether this is the one that is named, in a later epoch."""
    (one, since), (other, before) = map(_epoch, (ledger, named))
    return one == other and since > before


def _epoch(ledger: str) -> tuple[str, int]:
    """The id with which a name begins, and the epoch behind it: `ID` or `ID.2-9f3a`."""
    own, _, more = ledger.partition(".")
    number = more.partition("-")[0]
    return own, int(number) if number.isascii() and number.isdigit() else 1


def size_needs(workspace: Workspace, plan: Plan) -> tuple[Problem, ...]:
    """What stands against so many recipients: `[limits] max_recipients`, in whichever environment it is said."""
    most, number = workspace.settings.limits.max_recipients, len(plan.recipients)
    if most is None or number <= most:
        return ()
    message = f"{number} people would get `{plan.campaign.id}`, and max_recipients is {most}"
    hint = "look who they are (newsletter segment show); if that is meant: [limits] max_recipients"
    return (Problem("G162", message, plan.campaign.place("segment"), f"{hint} = {number}"),)


def size_guard(workspace: Workspace, plan: Plan) -> None:
    """Raises GuardRefused when more would get it than the project allows: a slip in a segment is a large number."""
    if needs := size_needs(workspace, plan):
        raise GuardRefused(*needs, next_steps=[f"newsletter send {plan.campaign.id} --dry-run"])


def number_guard(
    campaign: Campaign,
    number: int,
    confirm: int | None,
    ask: Callable[[int], int | None],
    *,
    command: str = "send",
) -> None:
    """The number of recipients, said by a human. `ask` asks on a terminal and gives None where there is none.

    command: what was typed, as far as its verb and its way go
    Raises GuardRefused for a wrong number and for none at all.
    """
    given = ask(number) if confirm is None else confirm
    if given == number:
        return
    right = f"newsletter {command} {campaign.id} --confirm {number}"
    if given is None:
        raise GuardRefused(
            Problem(
                "G121",
                f"{number} people would get `{campaign.id}`, and nobody confirmed the number",
                hint=f"{right}, or --expect-plan with the rehearsal's plan",
            )
        )
    raise GuardRefused(Problem("G122", f"the number is {number}, not {given}: nothing was sent", hint=right))
