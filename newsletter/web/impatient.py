"""Connections whose request never comes: closed, so that they don't keep readers out who want to leave."""

import asyncio

from uvicorn.protocols.http.auto import AutoHTTPProtocol

LOOK_EVERY_S = 5.0


class Impatient(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """uvicorn's protocol, which waits for the head of a request for ever; this one closes at the second look.

    The body has its own limit where it is read, and an idle connection uvicorn's keep-alive.
    """

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._waited_for: object = self  # what stood last when nothing came; nothing stood yet
        self._look = self.loop.call_later(LOOK_EVERY_S, self._again)

    def connection_lost(self, exc: Exception | None) -> None:
        self._look.cancel()
        super().connection_lost(exc)

    def _again(self) -> None:
        answered = self.cycle is None or self.cycle.response_complete
        if answered and self.timeout_keep_alive_task is None:
            if self._waited_for is self.cycle:  # no request since the look before
                self.transport.close()
                return
            self._waited_for = self.cycle
        else:
            self._waited_for = self
        self._look = self.loop.call_later(LOOK_EVERY_S, self._again)
