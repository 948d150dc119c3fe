"""Those who take the mail on this machine: Postfix's smtp-sink, and a SendGrid in a process of its own.

The SendGrid reads a request, answers 202 after a while and remembers how many recipients came and when the last byte
did; it looks at nothing else, so that what is measured is the sender. `GET /` tells what came.
"""

import argparse
import contextlib
import http.client
import json
import os
import shutil
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

NO_SINK = "left out, as there is no smtp-sink (Debian: apt-get install --no-install-recommends postfix)"


def sink() -> str | None:
    """Where Postfix's smtp-sink is; it is often not in the PATH."""
    return shutil.which("smtp-sink") or shutil.which("smtp-sink", path="/usr/sbin:/usr/local/sbin")


@contextlib.contextmanager
def relay() -> Iterator[int]:
    """smtp-sink, which takes everything and keeps nothing; its port."""
    program = sink()
    assert program is not None  # noqa: S101 - asked before
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    as_nobody = ["-u", "nobody"] if os.geteuid() == 0 else []  # it refuses to be root
    with subprocess.Popen([program, *as_nobody, f"127.0.0.1:{port}", "100"]) as process:
        try:
            _wait_for(port)
            yield port
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


@contextlib.contextmanager
def api(*, answer_s: float = 0.0, certificate: str = "") -> Iterator[int]:
    """A SendGrid; its port. certificate: a file with key and chain, for TLS"""
    command = [sys.executable, __file__, "--answer", str(answer_s), "--certificate", certificate]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout is not None  # noqa: S101
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


@contextlib.contextmanager
def timed_relay() -> Iterator[tuple[int, list[float]]]:
    """A relay of this process: its port, and when bytes came, seconds of the wall clock."""
    came: list[float] = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            talk: socket.socket = self.request
            talk.sendall(b"220 relay\r\n")
            waiting, in_text = b"", False
            while data := talk.recv(65536):
                came.append(time.time())
                waiting += data
                while True:
                    line, end, rest = waiting.partition(b"\r\n.\r\n" if in_text else b"\r\n")
                    if not end:
                        break
                    waiting = rest
                    text, in_text = in_text, not in_text and line.upper() == b"DATA"
                    talk.sendall(_reply(line.upper(), after_text=text))

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1], came
        finally:
            server.shutdown()


def _reply(command: bytes, *, after_text: bool) -> bytes:
    if command == b"DATA" and not after_text:
        return b"354 go on\r\n"
    return b"221 2.0.0 bye\r\n" if command == b"QUIT" else b"250 2.0.0 ok\r\n"


def seen(port: int) -> dict[str, float]:
    """requests, recipients, bytes, and last: when the last byte came, seconds of the wall clock"""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", "/")
        told: dict[str, float] = json.loads(connection.getresponse().read())
        return told


def _serve(answer_s: float, certificate: str) -> None:
    told = {"requests": 0, "recipients": 0, "bytes": 0, "last": 0.0}
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                told["last"] = time.time()
                told["requests"] += 1
                told["recipients"] += body.count(b'"custom_args":')
                told["bytes"] += len(body)
            if answer_s:
                time.sleep(answer_s)
            self._answer(202, b"", f"X-Message-Id: b-{told['requests']}\r\n")

        def do_GET(self) -> None:
            self._answer(200, json.dumps(told).encode())

        def _answer(self, status: int, body: bytes, more: str = "") -> None:
            head = f"HTTP/1.1 {status} OK\r\nContent-Length: {len(body)}\r\n{more}\r\n"
            self.wfile.write(head.encode() + body)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--answer", type=float, default=0.0)
    wanted.add_argument("--certificate", default="")
    asked = wanted.parse_args()
    _serve(asked.answer, asked.certificate)
