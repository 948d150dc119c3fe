"""The rail before a live send: the links of its letters lead to pages that know this very ledger."""

import json
import urllib.error
import urllib.request

from newsletter.check.workspace import Workspace
from newsletter.errors import GuardRefused, Place, Problem, Severity
from newsletter.files.project import SETTINGS_FILE
from newsletter.providers.open import stays_on_this_machine

TIMEOUT_S = 10.0
_LONGEST = 4096  # bytes of an answer that are read


def pages_guard(workspace: Workspace, ledger_id: str) -> None:
    """Ask `{public_url}/healthz` for its ledger. Raises GuardRefused (G136: no answer, G137: another ledger).

    Not asked when nothing leaves: no live provider, or one on a loopback address.
    """
    settings = workspace.settings
    if not settings.live or not settings.public_url or stays_on_this_machine(settings):
        return
    found = _ledger_at(settings.public_url)
    if found != ledger_id:
        raise GuardRefused(
            Problem(
                "G137",
                f"the pages at {settings.public_url} write opt-outs into another ledger ({found}): "
                "this send would not hear of them",
                Place(SETTINGS_FILE),
                f"let `newsletter serve` run on this project (ledger {ledger_id}), or mend public_url",
            )
        )


def pages_need(workspace: Workspace) -> tuple[Problem, ...]:
    """What a rehearsal says of it: it asks the network nothing."""
    settings = workspace.settings
    if not settings.live or not settings.public_url or stays_on_this_machine(settings):
        return ()
    return (
        Problem(
            "G136",
            f"whether {settings.public_url}/healthz answers with this ledger is asked at the live send",
            Place(SETTINGS_FILE),
            "newsletter serve",
            Severity.HINT,
        ),
    )


def _ledger_at(public_url: str) -> str:
    address = f"{public_url}/healthz"
    request = urllib.request.Request(address, headers={"User-Agent": "newsletter"})  # noqa: S310 - settings allow http(s) only
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            return str(json.loads(answer.read(_LONGEST))["ledger"])
    except (OSError, urllib.error.URLError, ValueError, KeyError, TypeError) as fault:
        reason = getattr(fault, "reason", None) or fault
        if not isinstance(fault, OSError):
            reason = "it gives another answer than `newsletter serve`"
        raise GuardRefused(
            Problem(
                "G136",
                f"the unsubscribe pages don't answer at {address}: {reason}",
                Place(SETTINGS_FILE),
                "let `newsletter serve` run behind public_url, then send",
            )
        ) from fault
