"""SendGrid, and a server on loopback that speaks its API."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from newsletter.providers.sendgrid import SendGrid
from tests.providers.case import Case
from tests.providers.conftest import Stub, serving


@contextmanager
def case(folder: Path) -> Iterator[Case]:
    with serving(Stub("")) as stub:
        sendgrid = SendGrid("SG.key", base_url=stub.url, connect_s=1.0, read_s=1.0)

        def damage() -> None:
            stub.behaviours = [lambda exchange: exchange.reply(500, {})]

        yield Case(sendgrid, lambda: sorted(stub.sids), damage, {"sendgrid": {"api_key": "SG.key"}})
        sendgrid.close()
