"""What an SMTP server's reply means for one message: by the stage at which it came, then by its codes.

RFC 5321 for stages and basic codes, RFC 3463 for enhanced ones; a reply's enhanced code beats its basic one.
"""

import re
from dataclasses import dataclass

from newsletter.providers.protocol import Answer

# After these the text is on its way, and silence proves nothing (RFC 1047: so doubles are made).
TEXT = "text"
_ENHANCED = re.compile(r"\s*([45]\.\d{1,3}\.\d{1,3})\b")

# Said of a recipient's message, meant of the sender: unauthenticated mail (Gmail 5.7.26, 27, 30; Microsoft 5.7.515), a
# sender that is blocked or that sends too fast. Going on would only add to it.
_OUR_FAULT = frozenset({"5.7.26", "5.7.27", "5.7.30", "5.7.515"})
_LOG_IN = frozenset({530, 534, 535, 538})  # RFC 4954 §6
_TOO_FAST = frozenset({"4.7.28"})
TOO_FAST_S = 600.0
# The account has sent what it may send in a day (Gmail 5.4.5; the words of others).
_QUOTA = re.compile(r"credits exceeded|(daily|sending|monthly)[\w\s]{0,20} (limit|quota)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What follows from a reply."""

    answer: Answer
    pause: bool = False  # a human has to look before anything more is sent
    ours: bool = False  # and what they have to mend is how we are set up: password, sender
    rest_s: float | None = None  # the server wants to be left alone so long
    suppress: bool = False  # the address does not exist: nobody is there to be mailed again
    quota: bool = False  # the account may send no more for now


@dataclass(frozen=True, slots=True)
class Said:
    """What became of one message, and why."""

    meaning: Meaning
    code: int | None = None
    text: str = ""


def enhanced(text: str) -> str:
    """The enhanced code at the beginning of a reply's text, or nothing (RFC 2034)."""
    found = _ENHANCED.match(text)
    return found[1] if found else ""


def meaning(stage: str, code: int, text: str) -> Meaning:
    """The answer for one message whose dialogue ended with this reply.

    stage: the command that was answered, in lower case: connect, ehlo, starttls, auth, mail, rcpt, data, or TEXT for
    what comes after the text and its dot
    """
    if stage == TEXT and code == 250:
        return Meaning(Answer.ACCEPTED)
    precise = enhanced(text)
    for_good = precise[0] == "5" if precise else code >= 500
    if stage == TEXT and not 400 <= code < 600:  # no reply that SMTP knows here: it may have been taken
        return Meaning(Answer.UNKNOWN)
    if precise in _TOO_FAST:
        return Meaning(Answer.RETRY, rest_s=TOO_FAST_S)
    if precise == "5.4.5" or _QUOTA.search(text):
        return Meaning(Answer.RETRY, quota=True)
    if precise in _OUR_FAULT:
        return Meaning(Answer.RETRY, pause=True)
    if stage in ("connect", "ehlo", "helo", "starttls", "auth", "mail"):
        ours = for_good and (stage in ("auth", "mail") or code in _LOG_IN)
        return Meaning(Answer.RETRY, pause=for_good, ours=ours)
    if (
        stage == "rcpt" and code == 552 and not precise
    ):  # RFC 5321 §4.5.3.1.10: too many recipients, read as 452
        return Meaning(Answer.RETRY)
    if code == 421:  # the server closes; it has said so instead of taking the message (RFC 5321 §3.8)
        return Meaning(Answer.RETRY)
    if for_good:
        return Meaning(Answer.REJECTED, suppress=stage == "rcpt" and precise.startswith("5.1."))
    return Meaning(Answer.RETRY)


def silence(stage: str) -> Meaning:
    """The answer when the connection broke or nothing came in time."""
    return Meaning(Answer.UNKNOWN if stage == TEXT else Answer.RETRY)
