"""A relay and a SendGrid on this machine, to try a live send: they take everything, keep it as files, send nothing.

    python tools/loopback.py [--smtp PORT] [--api PORT] [--out DIR]

DIR/smtp/N.eml is a message as the relay got it, DIR/api/N.json a request as the API got it. Ends with Ctrl-C.
"""

import argparse
import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Shelf:
    """A folder of numbered files."""

    def __init__(self, folder: Path, suffix: str) -> None:
        self._folder, self._suffix, self._lock, self._number = folder, suffix, threading.Lock(), 0
        folder.mkdir(parents=True, exist_ok=True)

    def put(self, data: bytes) -> int:
        with self._lock:
            self._number += 1
            (self._folder / f"{self._number}{self._suffix}").write_bytes(data)
            return self._number


def relay(port: int, shelf: Shelf) -> socketserver.TCPServer:
    """Speaks SMTP (RFC 5321) as far as it is needed to take a message."""

    class Handler(socketserver.StreamRequestHandler):
        def say(self, text: str) -> None:
            self.wfile.write(text.encode() + b"\r\n")

        def handle(self) -> None:
            self.say("220 loopback")
            while line := self.rfile.readline():
                verb = line[:4].upper()
                if verb == b"DATA":
                    self.say("354 go on")
                    self.say(f"250 2.0.0 taken as {shelf.put(self.text())}")
                elif verb == b"QUIT":
                    self.say("221 2.0.0 bye")
                    return
                elif verb == b"EHLO":
                    self.say("250-loopback\r\n250 ENHANCEDSTATUSCODES")
                else:
                    self.say(
                        "250 2.0.0 ok"
                        if verb in (b"HELO", b"MAIL", b"RCPT", b"RSET", b"NOOP")
                        else "500 5.5.2 what?"
                    )

        def text(self) -> bytes:
            lines = []
            while (line := self.rfile.readline()) not in (b".\r\n", b""):
                lines.append(line[1:] if line.startswith(b".") else line)
            return b"".join(lines)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = allow_reuse_address = True

    return Server(("127.0.0.1", port), Handler)


def api(port: int, shelf: Shelf) -> ThreadingHTTPServer:
    """Answers POST /v3/mail/send as SendGrid does when it takes a request."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            number = shelf.put(json.dumps(json.loads(body), indent=1, ensure_ascii=False).encode())
            self.send_response(202)
            self.send_header("X-Message-Id", f"loopback-{number}")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def main() -> None:
    wanted = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    wanted.add_argument("--smtp", type=int, default=2525, metavar="PORT")
    wanted.add_argument("--api", type=int, default=8025, metavar="PORT")
    wanted.add_argument("--out", type=Path, default=Path("out/loopback"), metavar="DIR")
    asked = wanted.parse_args()
    servers = [
        relay(asked.smtp, Shelf(asked.out / "smtp", ".eml")),
        api(asked.api, Shelf(asked.out / "api", ".json")),
    ]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    ports = [server.server_address[1] for server in servers]
    print(
        f"SMTP on 127.0.0.1:{ports[0]}, SendGrid's API on http://127.0.0.1:{ports[1]}; files in {asked.out}",
        flush=True,
    )
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print("ended", flush=True)


if __name__ == "__main__":
    main()
