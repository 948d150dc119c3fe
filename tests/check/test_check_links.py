"""`check --links` against a real server: each kind of answer is told at the author's line, nobody is visited twice."""

import http.server
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CAMPAIGN = """\
+++
subject  = "Hej"
template = "plain"
segment  = "lista"
allow    = ["L105"]
+++
[Finns]({at}/finns) och [finns igen]({at}/finns)

[Borta]({at}/borta) och [för gott borta]({at}/fore)

[Bara för läsare]({at}/bara-get) och [trasig]({at}/trasig)

[Flyttad]({at}/flyttad) och [tillfälligt flyttad]({at}/tillfalligt) och [rundgång]({at}/runt)

[Stängd]({closed}/) och [din egen]({at}/egen?vem={{{{ subscriber.email | urlencode }}}})

[Skriv till oss](mailto:hej@example.org)
"""


class Site:
    """A web site on loopback that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                site.asked.append((self.command, self.path))
                path = self.path
                get_only = path == "/bara-get" and self.command == "HEAD"
                status = {
                    "/borta": 404,
                    "/fore": 410,
                    "/trasig": 503,
                    "/flyttad": 301,
                    "/tillfalligt": 302,
                    "/runt": 302,
                }
                self.send_response(405 if get_only else status.get(path, 200))
                if path in ("/flyttad", "/tillfalligt"):
                    self.send_header("Location", "/ny")
                if path == "/runt":
                    self.send_header("Location", "/runt")
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_HEAD  # noqa: N815 - http.server's name

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.at = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()


@pytest.fixture
def closed() -> str:
    """An address at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def test_each_answer_is_told_at_its_line(small: Path, newsletter: Any, site: Site, closed: str) -> None:
    (small / "campaigns/hej.md").write_text(CAMPAIGN.format(at=site.at, closed=closed), encoding="utf-8")
    told = newsletter("-C", small, "check", "hej", "--links", "--json")
    found = {(one["code"], one["line"], one["message"]) for one in told.envelope["problems"]}
    assert found == {
        ("L150", 9, f"{site.at}/borta answers 404: there is nothing"),
        ("L150", 9, f"{site.at}/fore answers 410: there is nothing"),
        ("L151", 11, f"{site.at}/trasig answers 503"),
        ("L152", 13, f"{site.at}/flyttad has moved for good"),
        ("L151", 13, f"{site.at}/runt leads in circles"),
        ("L151", 15, f"{closed}/ could not be reached"),
    }
    assert told.code == 3
    by_eye = newsletter("-C", small, "check", "hej", "--links").out
    assert "asked 9 links, but for those that differ from reader to reader" in by_eye
    assert told.data["not_checked"] == []
    assert told.data["links"] == {"asked": 9, "personal": True}
    assert site.asked.count(("HEAD", "/finns")) == 2  # once a call
    assert ("GET", "/bara-get") in site.asked
    assert not [path for _, path in site.asked if path.startswith("/egen")]


def test_without_the_option_nothing_is_asked(small: Path, newsletter: Any, site: Site, closed: str) -> None:
    (small / "campaigns/hej.md").write_text(CAMPAIGN.format(at=site.at, closed=closed), encoding="utf-8")
    told = newsletter("-C", small, "check", "hej")
    assert "not checked: whether links answer" in told.out
    assert site.asked == []
    assert newsletter("-C", small, "check", "hej", "--json").data["not_checked"] == ["links"]


def test_an_address_that_is_none_is_told_and_not_asked(small: Path, newsletter: Any) -> None:
    template = small / "templates/plain.mjml"
    written = template.read_text(encoding="utf-8")
    broken = (
        '<mj-text><a href="https://[bad/x">Se programmet</a> <a href="sms:+46701234567">Skriv</a></mj-text>'
    )
    template.write_text(written.replace("{{ intro.body }}", broken + "{{ intro.body }}"), encoding="utf-8")
    told = newsletter("-C", small, "check", "hej", "--links", "--json")
    links = [(one["code"], one["message"]) for one in told.envelope["problems"] if one["code"] != "L111"]
    assert links == [("L104", "the link `https://[bad/x` leads nowhere from a mail program")]
    assert told.data["links"] == {"asked": 0, "personal": False}
