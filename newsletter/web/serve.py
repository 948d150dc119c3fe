"""Serving the pages: a socket, uvicorn, and a clean end."""

import contextlib
import resource
import signal
import socket
from collections.abc import Callable
from datetime import datetime

import uvicorn

from newsletter.errors import ConfigurationFault, Problem
from newsletter.files.project import Project
from newsletter.settings.model import Settings
from newsletter.settings.secret import Secret
from newsletter.store.store import Store
from newsletter.web.app import Desk, make_app
from newsletter.web.impatient import Impatient
from newsletter.web.pages import make_pages
from newsletter.web.rate import RateLimit
from newsletter.web.recorder import Recorder

_END_WITHIN_S = 10
_CONNECTIONS = 65_536


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one. Raises ConfigurationFault (W102)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        if not host.strip():  # to the system that is every address; it was a variable that nobody had set
            raise OSError("no address is named")
        listening = socket.create_server((host, port), family=family, backlog=2048)
        # Handed on to each connection. asyncio sets it only on sockets that say IPPROTO_TCP, and without it each
        # answer's second packet waits 40 ms for the first one's acknowledgement.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening
    except OSError as fault:
        reason = (fault.strerror or str(fault)).lower()
        raise ConfigurationFault(
            Problem(
                "W102",
                f"the pages can't be served at {host}:{port}: {reason}",
                hint="another --port, or end the program that has it",
            )
        ) from fault


def serve(
    project: Project,
    settings: Settings,
    store: Store,
    secret: Secret,
    *,
    listening: socket.socket,
    now: Callable[[], datetime],
    verbose: bool = False,
) -> None:
    """Answer until SIGTERM or Ctrl-C; then end what was begun. `store` should have little patience with locks."""
    recorder = Recorder(store)
    desk = Desk(store, secret, settings, make_pages(project, settings), RateLimit(), now, recorder)
    config = uvicorn.Config(
        make_app(desk),
        http=Impatient,
        log_level="info" if verbose else "warning",
        access_log=False,  # a line would hold the link: whoever reads the log could use it
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=_END_WITHIN_S,
        timeout_keep_alive=15,
    )
    _allow_connections()
    signal.signal(signal.SIGTERM, lambda *_: None)  # uvicorn's own handler ends it; afterwards all is well
    uvicorn.Server(config).run(sockets=[listening])


def _allow_connections() -> None:
    """As many open connections as the system lets this user have; the usual 1,024 are soon held by one client."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _CONNECTIONS if hard == resource.RLIM_INFINITY else min(_CONNECTIONS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
