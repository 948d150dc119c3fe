"""SMTP, and a relay on loopback."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from newsletter.providers.smtp import Smtp
from tests.providers.case import Case
from tests.providers.relay import DROP, Relay


@contextmanager
def case(folder: Path) -> Iterator[Case]:
    relay = Relay()
    smtp = Smtp("127.0.0.1", relay.port, tls="none", connect_s=1.0, command_s=1.0, text_s=1.0)

    def damage() -> None:
        relay.say["text"] = DROP

    settings = {"smtp": {"host": "smtp.example.org"}}
    try:
        yield Case(smtp, lambda: sorted(mail.sid for mail in relay.mails), damage, settings)
    finally:
        smtp.close()
        relay.close()
