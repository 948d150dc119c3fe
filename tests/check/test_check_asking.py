"""Servers that hold up whoever asks them: nothing waits longer than it should, and no redirect leads inside."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from newsletter.check import asking
from newsletter.check.asking import Answer, answer_of, ask_all

Serve = Callable[[socket.socket, threading.Event], None]


@pytest.fixture
def site() -> Iterator[Callable[[Serve], str]]:
    """Starts a server on loopback that treats each connection as it is told; gives its address."""
    over = threading.Event()
    with contextlib.ExitStack() as closing:

        def start(serve: Serve) -> str:
            listener = closing.enter_context(socket.create_server(("127.0.0.1", 0)))

            def accept() -> None:
                while not over.is_set():
                    with contextlib.suppress(OSError):
                        connection, _ = listener.accept()
                        threading.Thread(target=attend, args=(connection,), daemon=True).start()

            def attend(connection: socket.socket) -> None:
                with connection, contextlib.suppress(OSError):
                    connection.recv(65536)
                    serve(connection, over)

            threading.Thread(target=accept, daemon=True).start()
            return f"http://127.0.0.1:{listener.getsockname()[1]}/"

        yield start
        over.set()


def drip(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while not over.wait(0.05):
        connection.sendall(b"X-A: b\r\n")


def well(connection: socket.socket, _over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def test_a_head_that_never_ends_holds_up_nobody_for_ever(site: Callable[[Serve], str]) -> None:
    slow, good = site(drip), site(well)
    begun = time.monotonic()
    answers = ask_all([slow, good], total_s=1.5)
    assert time.monotonic() - begun < 10
    assert answers == {slow: Answer(failure="did not answer in time"), good: Answer(200, at=good, size=0)}


def test_who_was_never_asked_is_told_so(
    site: Callable[[Serve], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "AT_ONCE", 1)
    slow, good = site(drip), site(well)
    assert ask_all([slow, good], total_s=0.5)[good].failure.startswith("was not asked")


def test_the_body_of_a_redirect_is_not_read(site: Callable[[Serve], str]) -> None:
    sent = [0]
    good = site(well)

    def endless(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(f"HTTP/1.1 301 Moved\r\nLocation: {good}\r\n\r\n".encode())
        while not over.is_set() and sent[0] < 100_000_000:
            sent[0] += connection.send(b"x" * 65536)

    assert answer_of(site(endless)) == Answer(200, moved=good, at=good, size=0)
    assert sent[0] < 50_000_000


def test_a_redirect_leads_into_no_private_network(
    site: Callable[[Serve], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def inner(connection: socket.socket, over: threading.Event) -> None:
        asked.append(1)
        well(connection, over)

    inside = site(inner)

    def leads_inside(connection: socket.socket, _over: threading.Event) -> None:
        connection.sendall(f"HTTP/1.1 302 Found\r\nLocation: {inside}\r\nConnection: close\r\n\r\n".encode())

    outside = site(leads_inside)
    monkeypatch.setattr(asking, "_is_inside", lambda url: url == inside)
    assert answer_of(outside) == Answer(failure="leads to an address inside a private network")
    assert asked == []


@pytest.mark.parametrize(
    ("url", "inside"),
    [
        ("http://127.0.0.1/", True),
        ("http://localhost:8000/", True),
        ("http://10.0.0.8/", True),
        ("http://169.254.169.254/latest/", True),
        ("http://[::1]/", True),
        ("http://93.184.215.14/", False),
    ],
)
def test_what_is_inside(url: str, inside: bool) -> None:
    assert asking._is_inside(url) is inside
