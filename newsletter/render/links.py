"""Links that would run code when somebody follows them: refused, wherever they come from."""

import re
from html import unescape

from newsletter.errors import ChecksFailed, Place, Problem
from newsletter.render.deferral.tokens import Tokens
from newsletter.render.environment import shortened

_LINK = re.compile(
    r"""\s(?P<name>href|src|background|action)\s*=\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)')""",
    re.IGNORECASE,
)
_PICTURES = ("src", "background")
_RUNS_CODE = re.compile(r"(?:javascript|vbscript|data):", re.IGNORECASE)
_SKIPPED = re.compile(r"[\x00-\x20\x7f]+")  # browsers pass over blanks and controls within a scheme


def refuse_code(html: str, place: Place, tokens: Tokens | None = None) -> None:
    """Raises ChecksFailed (M107) at `place` for the first link or picture whose address would run code.

    tokens: an address that holds one is judged by its position
    """
    for match in _LINK.finditer(html):
        if tokens and tokens.stand_in(match[0]):
            continue
        url = _SKIPPED.sub("", unescape(match["double"] or match["single"] or ""))
        if match["name"].lower() in _PICTURES and url.lower().startswith("data:image/"):
            continue  # no code runs in a picture; that it won't be shown is a finding of the checks
        if _RUNS_CODE.match(url):
            raise ChecksFailed(
                Problem(
                    "M107",
                    f"a link becomes `{shortened(url)}`, which runs code",
                    place,
                    "check the address where it is written: | safe_url('https://…')",
                )
            )
