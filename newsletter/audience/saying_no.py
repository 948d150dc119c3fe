"""Columns beside the status in which other programs write that somebody wants no mail."""

import functools
import re
from collections.abc import Callable, Mapping
from typing import Literal

from newsletter.audience.folding import fold
from newsletter.audience.table import fold_name

No = Literal["unsubscribed", "cleaned"]

# Column names with `_` between the words, with what a cell in them that says more than "no" means (2026-11).
_OPTED_OUT: Mapping[str, No] = {
    **dict.fromkeys(
        ("unsubscribed", "unsubscribe", "unsubscribed_at", "unsubscribed_on", "unsubscribe_date", "unsubscribe_time",
         "unsub_time", "unsubscribed_from_all_email", "opt_out", "opt_out_at", "opt_out_date", "opt_out_time", "optout",
         "opted_out", "opted_out_at", "email_opt_out", "email_optout", "emailoptout", "email_opted_out",
         "has_opted_out_of_email", "hasoptedoutofemail", "do_not_email", "donotemail", "do_not_mail",
         "do_not_contact", "donotcontact", "suppressed", "blocklisted", "blacklisted", "avregistrerad",
         "avregistrerad_den", "avregistreringsdatum", "avanmäld", "avanmälan", "nej_tack", "reklamspärr", "spärrad",
         "inga_utskick"), "unsubscribed"),
    **dict.fromkeys(
        ("clean_time", "cleaned", "bounced", "bounced_at", "hard_bounced", "hard_bounce", "studsad"), "cleaned"),
}  # fmt: skip
# A "no" in these says no; any other word stays what it is.
_OPTED_IN = frozenset(
    ("accepts_marketing", "accepts_email_marketing", "opt_in", "optin", "opted_in", "email_opt_in", "emailoptin",
     "marketing_consent", "email_consent", "email_marketing_consent", "gdpr_consent", "consent", "consent_source",
     "subscribed", "newsletter", "nyhetsbrev", "vill_ha_nyhetsbrev", "prenumererar", "godkänner_utskick",
     "marknadsföring"))  # fmt: skip
_NO = frozenset(("no", "n", "nej", "false", "f", "falskt", "0", "off", "av"))
_YES = frozenset(("yes", "y", "ja", "j", "true", "t", "sant", "1", "on", "på", "x", "ok"))
_NOTHING = frozenset(("", "-", "–", "null", "none", "n/a"))
_LONGEST_NO = max(map(len, _NO))


def said_no(cells: Mapping[str, str]) -> No | None:
    """What the columns beside the status say of a person; None where none of them says no.

    >>> said_no({"unsubscribed": "2015-01-01"}), said_no({"opt_out": "nej"}), said_no({"nyhetsbrev": "Nej"})
    ('unsubscribed', None, 'unsubscribed')
    """
    return next((no for name, cell in cells.items() if (asked := asking(name)) and (no := asked(cell))), None)


@functools.cache
def asking(column: str) -> Callable[[str], No | None] | None:
    """What tells from a cell of this column whether it says no; None for a column that never does."""
    name = re.sub(r"[-_.]+", "_", fold_name(column))
    if name in _OPTED_IN:
        return lambda cell: (
            "unsubscribed" if 0 < len(cell) <= _LONGEST_NO + 2 and fold(cell.strip()) in _NO else None
        )
    meant = _OPTED_OUT.get(name)
    if meant is None:
        return None
    return lambda cell: meant if (word := fold(cell.strip())) not in _NO and word not in _NOTHING else None


def is_mere_yes(cell: str) -> bool:
    """Whether a source of consent only says that there was one, and not where."""
    return fold(cell) in _YES
