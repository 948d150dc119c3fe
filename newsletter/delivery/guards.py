"""The rails before a send: what a live one needs, what was rehearsed, and how many people it is."""

import json
from collections.abc import Callable
from pathlib import Path

from newsletter.audience.waterfall import lists_without_ground
from newsletter.campaigns.models import Campaign, Status
from newsletter.check.workspace import Workspace
from newsletter.delivery.plan import Plan
from newsletter.errors import ConfigurationFault, GuardRefused, Place, Problem, UsageFault
from newsletter.files.project import SETTINGS_FILE


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
    if settings.provider == "sendgrid" and not settings.sendgrid.api_key:
        needs.append(Problem("G111", "there is no SendGrid key", hint="set SENDGRID_API_KEY"))
    if settings.provider == "smtp" and not settings.smtp.host:
        place, hint = Place(SETTINGS_FILE), '[smtp] host = "smtp.example.org", or NEWSLETTER_SMTP__HOST'
        needs.append(Problem("G124", "no relay is named", place, hint))
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
    needs += lists_without_ground(plan.waterfall.lists, workspace.audience.lists, settings.list)
    return tuple(needs)


def live_guard(workspace: Workspace, plan: Plan) -> None:
    """Refuse a live send that lacks anything. Raises GuardRefused (ConfigurationFault when it is the key)."""
    if not workspace.settings.live:
        return
    clock_guard(workspace)
    needs = live_needs(workspace, plan)
    if needs:
        fault = ConfigurationFault if {need.code for need in needs} == {"G111"} else GuardRefused
        raise fault(*needs, next_steps=[f"newsletter send {plan.campaign.id} --dry-run"])


def clock_guard(workspace: Workspace) -> None:
    """Raises UsageFault for `--now` with a live provider."""
    if workspace.settings.live and workspace.clock.pretended:
        raise UsageFault(
            Problem("G115", "a pretended clock can't send to real people", hint="leave --now out")
        )


def ledger_guard(workspace: Workspace, ledger_id: str) -> None:
    """Raises GuardRefused, with the line to commit, when this database may not send live."""
    if workspace.settings.live and (needs := ledger_needs(workspace, ledger_id)):
        raise GuardRefused(*needs)


def ledger_needs(workspace: Workspace, ledger_id: str | None) -> tuple[Problem, ...]:
    """Only the database that the settings name may send live: a fresh one knows nobody's past.

    ledger_id: None where there is no database yet
    """
    settings, environment = workspace.settings, workspace.settings.environment
    if settings.ledger is None:
        line = f'ledger = "{ledger_id}"' if ledger_id else "the line that the first live send tells"
        return (
            Problem(
                "G116",
                f"`{environment}` names no ledger yet: nothing would stop another checkout from sending again",
                Place(SETTINGS_FILE),
                f"commit in [env.{environment}]: {line}",
            ),
        )
    if settings.ledger != ledger_id:
        here = f"here is {ledger_id}" if ledger_id else "here is none"
        return (
            Problem(
                "G117",
                f"this database is not the ledger of `{environment}`: it does not know who already has the mail",
                Place(SETTINGS_FILE),
                f"send from where ledger {settings.ledger} is, or restore it ({here})",
            ),
        )
    return ()


def expected_plan(workspace: Workspace, given: str) -> tuple[str, int | None]:
    """What `--expect-plan` names: a plan.json (from here or from the project), or a hash below out/dry-run/.

    Returns the hash and the number of recipients (None when only the hash is known).
    """
    path = Path(given) if Path(given).exists() else workspace.project.root / given
    if path.is_dir():
        path /= "plan.json"
    if path.suffix == ".json" or path.is_file():
        return _read_plan(path)
    for found in sorted(workspace.project.root.glob("out/dry-run/*/plan.json"), reverse=True):
        known, number = _read_plan(found)
        if known == given or (len(given) >= 8 and known.startswith(given)):
            return known, number
    return given, None


def _read_plan(path: Path) -> tuple[str, int | None]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        return str(read["plan"]), int(read["recipients"])
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise UsageFault(
            Problem(
                "G118",
                f"`{path}` is no plan of a rehearsal",
                hint="newsletter send NAME --dry-run writes one",
            )
        ) from fault


def plan_guard(plan: Plan, expected: tuple[str, int | None]) -> None:
    """Raises GuardRefused when what would be sent is not what was rehearsed."""
    expected_hash, number = expected
    steps = [f"newsletter send {plan.campaign.id} --dry-run"]
    if plan.hash != expected_hash:
        raise GuardRefused(
            Problem(
                "G119",
                "text, templates, definitions or environment changed since that rehearsal",
                Place(plan.campaign.file),
                "rehearse again, look, and send that plan",
            ),
            next_steps=steps,
        )
    if number is not None and number != len(plan.recipients):
        raise GuardRefused(
            Problem(
                "G120",
                f"the rehearsal had {number} recipients, now there are {len(plan.recipients)}",
                Place(plan.campaign.file),
                "rehearse again, look, and send that plan",
            ),
            next_steps=steps,
        )


def number_guard(
    campaign: Campaign, number: int, confirm: int | None, ask: Callable[[int], int | None]
) -> None:
    """The number of recipients, said by a human. `ask` asks on a terminal and gives None where there is none.

    Raises GuardRefused for a wrong number and for none at all.
    """
    given = ask(number) if confirm is None else confirm
    if given == number:
        return
    if given is None:
        raise GuardRefused(
            Problem(
                "G121",
                f"{number} people would get `{campaign.id}`, and nobody confirmed the number",
                hint=f"--confirm {number}, or --expect-plan with the rehearsal's plan",
            )
        )
    raise GuardRefused(
        Problem("G122", f"the number is {number}, not {given}: nothing was sent", hint=f"--confirm {number}")
    )
