"""One POST at a time over one kept connection, which says how far it came when it fails.

On `http.client` and not on urllib: that follows redirects, obeys proxies of the environment even for
127.0.0.1, has no timeout of its own and hides whether a fault came before or after the first byte.
"""

import http.client
import io
import selectors
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

LARGEST_ANSWER = 1_000_000  # bytes


class NotSentError(Exception):
    """Nothing was taken: the connection failed before the first byte of the body."""


class NotVerifiedError(NotSentError):
    """Likewise, because the other side could not prove who it is; it will not at the next try either."""


class NoAnswerError(Exception):
    """A part of the body has gone and no whole answer came back: nobody knows."""


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]  # names in lower case; the first of several
    body: bytes


class Wire:
    """A kept connection to one URL. No redirects, no proxies, no retries, no log.

    For one thread. connect_s holds for TCP and TLS together with each address tried, read_s for
    writing the request and again for the whole answer, however slowly it drips.
    """

    def __init__(self, url: str, headers: Mapping[str, str], *, connect_s: float, read_s: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{url} is no http address")
        self.host, self.port, self.path = parts.hostname, parts.port, parts.path or "/"
        self.headers = dict(headers)
        self.connect_s, self.read_s = connect_s, read_s
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._kept: http.client.HTTPConnection | None = None

    def post(self, body: bytes) -> Reply:
        """Send these bytes once.

        Raises NotSentError (NotVerifiedError for a certificate) or NoAnswerError, and closes the connection then.
        """
        connection = self._fresh() or self._connect()
        self._kept = None
        try:
            reply, keep = self._exchange(connection, body)
        except BaseException:
            connection.close()
            raise
        if keep:
            self._kept = connection
        else:
            connection.close()
        return reply

    def close(self) -> None:
        if self._kept is not None:
            self._kept.close()
        self._kept = None

    def _fresh(self) -> http.client.HTTPConnection | None:
        """The kept connection unless the other side has closed it meanwhile.

        An idle server closes after a while; writing into that would look like a request whose answer
        got lost. Nothing is due on an idle connection, so that it can be read from means its end.
        """
        if self._kept is None:
            return None
        with selectors.DefaultSelector() as selector:
            selector.register(self._kept.sock, selectors.EVENT_READ)
            if not selector.select(timeout=0):
                return self._kept
        self.close()
        return None

    def _connect(self) -> http.client.HTTPConnection:
        if self._tls is not None:
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                self.host, self.port, timeout=self.connect_s, context=self._tls
            )
        else:
            connection = http.client.HTTPConnection(self.host, self.port, timeout=self.connect_s)
        connection.auto_open = 0  # never connects again by itself in the middle of a request
        try:
            connection.connect()
        except ssl.SSLCertVerificationError as fault:
            connection.close()
            raise NotVerifiedError(f"no safe connection to {self.host}: {fault.verify_message}") from None
        except (OSError, http.client.HTTPException, ValueError) as fault:
            connection.close()
            raise NotSentError(f"no connection to {self.host}: {_say(fault)}") from None
        return connection

    def _exchange(self, connection: http.client.HTTPConnection, body: bytes) -> tuple[Reply, bool]:
        connection.sock.settimeout(self.read_s)
        try:
            connection.putrequest("POST", self.path, skip_accept_encoding=True)
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders()
        except OSError as fault:
            raise NotSentError(f"{self.host} closed before the request: {_say(fault)}") from None
        cut = False
        try:
            connection.send(body)
        except (BrokenPipeError, ConnectionResetError):
            cut = True  # it may have said why before it closed: a 413 comes like this
        except OSError as fault:
            raise NoAnswerError(f"{self.host}: {_say(fault)} in the middle of the request") from None
        return self._answer(connection, cut=cut)

    def _answer(self, connection: http.client.HTTPConnection, *, cut: bool) -> tuple[Reply, bool]:
        until = time.monotonic() + self.read_s
        response_class: Any = partial(_TimedResponse, until=until)
        connection.response_class = response_class
        try:
            response = connection.getresponse()
            if (response.length or 0) > LARGEST_ANSWER:
                raise NoAnswerError(f"{self.host} answered with {response.length} bytes")
            # With a known length read() without a number notices an answer that was cut short.
            body = response.read() if response.length is not None else response.read(LARGEST_ANSWER)
        except (OSError, http.client.HTTPException, ValueError) as fault:
            raise NoAnswerError(f"no whole answer from {self.host}: {_say(fault)}") from None
        if cut and response.status < 400:
            raise NoAnswerError(f"{self.host} closed in the middle of the request")
        headers: dict[str, str] = {}
        for name, value in response.getheaders():
            headers.setdefault(name.lower(), value)
        keep = not (cut or response.will_close) and response.isclosed()
        return Reply(response.status, headers, body), keep


class _TimedResponse(http.client.HTTPResponse):
    """An answer that is complete by a certain moment; a plain timeout begins anew with each byte."""

    def __init__(self, sock: socket.socket, *args: Any, until: float, **keywords: Any) -> None:
        super().__init__(sock, *args, **keywords)
        file: Any = self.fp
        self.fp = _Lines(_Timed(file.detach(), sock, until))

    def begin(self) -> None:
        file: Any = self.fp
        super().begin()
        if file.last == b"":
            raise http.client.HTTPException("it was cut short")


class _Lines(io.BufferedReader):
    """Remembers the last line: `http.client` takes an end in the middle of the headers for their end."""

    last = b"-"

    def readline(self, size: int | None = -1) -> bytes:
        self.last = super().readline(-1 if size is None else size)
        return self.last


class _Timed(io.RawIOBase):
    def __init__(self, raw: Any, sock: socket.socket, until: float) -> None:
        super().__init__()
        self._raw, self._sock, self._until = raw, sock, until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(left)
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


def _say(fault: Exception) -> str:
    if isinstance(fault, http.client.IncompleteRead):
        return "it was cut short"
    text = getattr(fault, "strerror", None) or str(fault) or type(fault).__name__
    return " ".join(text.split())[:200]
