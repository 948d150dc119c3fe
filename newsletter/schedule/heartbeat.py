"""Tell a watcher that the tick came: its silence is the alarm when cron itself has died."""

import urllib.error
import urllib.request

from newsletter.errors import Problem, Severity

TIMEOUT_S = 10.0


def beat(url: str) -> Problem | None:
    """GET the project's `healthcheck_url`; a watcher that doesn't answer is a warning, never a failure."""
    request = urllib.request.Request(url, headers={"User-Agent": "newsletter"})  # noqa: S310 - settings allow http(s) only
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S):  # noqa: S310
            return None
    except (OSError, urllib.error.URLError, ValueError) as fault:
        return Problem(
            "G155",
            f"the health check did not answer: {fault}",
            hint="healthcheck_url in newsletter.toml",
            severity=Severity.WARNING,
        )
