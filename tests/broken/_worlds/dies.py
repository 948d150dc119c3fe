"""A send that dies before its first hand-over."""

from unittest import mock

from newsletter.cli.app import run
from newsletter.providers.outbox import Outbox

with mock.patch.object(Outbox, "hand_over", side_effect=MemoryError):
    run(["--quiet", "send", "hej", "--confirm", "3"])
