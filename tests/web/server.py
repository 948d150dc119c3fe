"""The pages as they are served: the program itself in a process of its own, on a free port of loopback."""

import http.client
import os
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

from newsletter.audience.address import parse_address
from newsletter.files.project import Project
from newsletter.mail.links import unsubscribe_url
from newsletter.settings.load import load_settings
from newsletter.settings.secret import Secret, load_secret
from newsletter.store.store import Store, open_readonly

ONE_CLICK = b"List-Unsubscribe=One-Click"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    text: str


@dataclass
class Served:
    """A server that runs, and the project that it serves."""

    folder: Path
    process: ForkServerProcess
    port: int
    told: Connection  # what it says; held open, so that it can go on

    @cached_property
    def secret(self) -> Secret:
        project = Project(self.folder)
        found = load_secret(project, load_settings(project))
        assert found is not None
        return found

    def path(self, email: str = "asa@example.org", list_name: str = "lista", language: str = "sv") -> str:
        url = unsubscribe_url("http://x", self.secret, parse_address(email).key, list_name, language)
        return url.removeprefix("http://x")

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            text = answer.read().decode()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, text)
        finally:
            connection.close()

    def post(self, path: str, body: bytes = ONE_CLICK, headers: dict[str, str] | None = None) -> Answer:
        return self.ask("POST", path, body, FORM if headers is None else headers)

    def store(self) -> Store:
        found = open_readonly(self.folder / ".newsletter" / "state.db")
        assert found is not None
        return found

    def scopes(self, email: str = "asa@example.org") -> frozenset[str]:
        person = self.secret.person(parse_address(email).key)
        with self.store() as store:
            return store.opt_outs([person]).get(person, frozenset())

    def end(self, how: int = signal.SIGTERM) -> int:
        if self.process.exitcode is None:
            os.kill(self.process.pid or 0, how)
        self.process.join(timeout=30)
        assert self.process.exitcode is not None, "it does not end"
        return self.process.exitcode


def start(
    forks: ForkServerContext,
    folder: Path,
    *,
    look_every_s: float | None = None,
    body_within_s: float | None = None,
) -> Served:
    """look_every_s, body_within_s: instead of the limits of the program for clients that are slow"""
    told, tell = forks.Pipe(duplex=False)
    process = forks.Process(
        target=_serve, args=(str(folder), tell, look_every_s, body_within_s, {**os.environ})
    )
    process.start()
    tell.close()
    with os.fdopen(os.dup(told.fileno()), encoding="utf-8") as lines:
        line = lines.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", line)
        assert found, line + lines.read()
    return Served(folder, process, int(found[1]), told)


def _serve(
    folder: str,
    tell: Connection,
    look_every_s: float | None,
    body_within_s: float | None,
    environment: Mapping[str, str],
) -> None:
    from newsletter.cli.app import run
    from newsletter.web import app, impatient

    os.dup2(tell.fileno(), 2)
    os.environ.clear()
    os.environ.update(environment)
    if look_every_s is not None:
        impatient.LOOK_EVERY_S = look_every_s
    if body_within_s is not None:
        app.BODY_WITHIN_S = body_within_s
    os._exit(run(["-C", folder, "serve", "--port", "0"]))
