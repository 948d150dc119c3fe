"""The pages as they are served: the program itself in a process of its own, on a free port of loopback."""

import http.client
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

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
    process: subprocess.Popen[str]
    port: int

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
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(timeout=30)
        if self.process.stderr:
            self.process.stderr.close()
        return code


Serve = Callable[..., Served]


def start(folder: Path) -> Served:
    process = subprocess.Popen(
        [sys.executable, "-m", "newsletter", "-C", str(folder), "serve", "--port", "0"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        encoding="utf-8",
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    found = re.search(r"http://127\.0\.0\.1:(\d+)/", line)
    assert found, line + process.stderr.read()
    return Served(folder, process, int(found[1]))


@pytest.fixture
def serve() -> Iterator[Serve]:
    """serve(folder): as often as a test likes; all are ended."""
    running: list[Served] = []

    def served(folder: Path) -> Served:
        running.append(start(folder))
        return running[-1]

    yield served
    for one in running:
        one.end(signal.SIGKILL)


@pytest.fixture
def served(serve: Serve, small: Path) -> Served:
    return serve(small)
