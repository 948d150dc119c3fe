"""Where other programs write that somebody wants no mail: columns beside the status, and files of nobody else."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Literal

from newsletter.audience.folding import fold
from newsletter.audience.table import fold_name

No = Literal["unsubscribed", "cleaned"]

# Names as `_plain` writes them, with what a cell in them that says more than "no" means (2026-11).
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
_FILE = re.compile(
    r"(?<![a-z])(suppress|unsubscribe|opt[-_ ]?out|bounce|spam[-_ ]?report|invalid[-_ ]?email|blocklist|blacklist"
    r"|avregistrer|avanmäl|spärrlist|studsa)"
)


def said_no(cells: Mapping[str, str]) -> No | None:
    """What the columns beside the status say of this person; None where none of them says no.

    >>> said_no({"unsubscribed": "2015-01-01"}), said_no({"opt_out": "nej"}), said_no({"nyhetsbrev": "Nej"})
    ('unsubscribed', None, 'unsubscribed')
    """
    for name, cell in cells.items():
        column = _plain(name)
        word = fold(cell.strip())
        if column in _OPTED_OUT and word not in _NO and word not in _NOTHING:
            return _OPTED_OUT[column]
        if column in _OPTED_IN and word in _NO:
            return "unsubscribed"
    return None


def may_say_no(columns: Iterable[str]) -> bool:
    """Whether a row of these columns has to be asked."""
    return any(_plain(name) in _OPTED_OUT or _plain(name) in _OPTED_IN for name in columns)


def is_mere_yes(cell: str) -> bool:
    """Whether a source of consent only says that there was one, and not where."""
    return fold(cell) in _YES


def holds_only_no(columns: Collection[str], file_name: str) -> bool:
    """Whether it is a file of people who said no: by its name, or because it is our own export of them.

    >>> (
    ...     holds_only_no(["email", "created"], "suppression_unsubscribes.csv"),
    ...     holds_only_no(["email"], "kunder.csv"),
    ... )
    (True, False)
    """
    return {"fingerprint", "scope"} <= set(columns) or bool(_FILE.search(fold(file_name.rpartition("/")[2])))


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "_", fold_name(name))
