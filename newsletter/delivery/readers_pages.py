"""The rail before a live send: the links of its letters lead to pages that know this very ledger."""

import json
import urllib.error
import urllib.request

from newsletter.errors import Place, Problem, Severity
from newsletter.files.project import SETTINGS_FILE

TIMEOUT_S = 10.0
_LONGEST = 4096  # bytes of an answer that are read


def pages_problems(public_url: str, ledger: str) -> tuple[Problem, ...]:
    """Ask `{public_url}/healthz` for its ledger (G136: no answer, G137: another ledger)."""
    found = _ledger_at(public_url)
    if isinstance(found, Problem):
        return (found,)
    if found == ledger:
        return ()
    return (
        Problem(
            "G137",
            f"the pages at {public_url} write opt-outs into another ledger ({found}): "
            "this send would not hear of them",
            Place(SETTINGS_FILE),
            f"let `newsletter serve` run on this project (ledger {ledger}), or mend public_url",
        ),
    )


def pages_need(public_url: str) -> Problem:
    """What a rehearsal says of it: it asks the network nothing."""
    return Problem(
        "G136",
        f"whether {public_url}/healthz answers with this ledger is asked at the live send",
        Place(SETTINGS_FILE),
        "newsletter serve",
        Severity.HINT,
    )


def _ledger_at(public_url: str) -> str | Problem:
    address = f"{public_url}/healthz"
    request = urllib.request.Request(address, headers={"User-Agent": "newsletter"})  # noqa: S310 - settings allow http(s) only
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            return str(json.loads(answer.read(_LONGEST))["ledger"])
    except (OSError, urllib.error.URLError, ValueError, KeyError, TypeError) as fault:
        reason = getattr(fault, "reason", None) or fault
        if not isinstance(fault, OSError):
            reason = "it gives another answer than `newsletter serve`"
        return Problem(
            "G136",
            f"the unsubscribe pages don't answer at {address}: {reason}",
            Place(SETTINGS_FILE),
            "let `newsletter serve` run behind public_url, then send",
        )
