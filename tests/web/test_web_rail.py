"""A live send leaves only when the links of its letters lead to pages that know its ledger."""

import http.server
import json
import re
import threading

import pytest

from newsletter.settings.load import load_settings

LIVE = ("--env", "production")


@pytest.fixture
def page():
    """Something that answers behind public_url; `page.says` is what it answers."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked.append(self.path)
            status, body = self.server.says
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.says, server.asked = (200, b"{}"), []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def live(small, page, newsletter, monkeypatch):
    """Live by a provider that is somewhere else; a real hand-over would fail at the name's look-up."""
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.rail.key")
    settings = small / "newsletter.toml"
    url = f"http://127.0.0.1:{page.server_port}"
    more = f'\n[env.production]\nprovider = "sendgrid"\npublic_url = "{url}"\n[env.production.sendgrid]\nbase_url = "https://provider.invalid"\n'
    settings.write_text(settings.read_text("utf-8") + more, encoding="utf-8")
    told = newsletter("-C", small, "send", "hej", *LIVE, "--confirm", "3")
    line = re.search(r'ledger = "([^"]+)"', told.err)
    text = settings.read_text("utf-8").replace("[env.production]\n", f"[env.production]\n{line[0]}\n")
    settings.write_text(text, encoding="utf-8")
    page.asked.clear()
    page.ledger = line[1]
    return small


def codes(called):
    return set(re.findall(r"^(?:error|warning) +([A-Z]\d{3})", called.err, re.MULTILINE))


@pytest.mark.parametrize(
    ("says", "code"),
    [
        ((404, b"nothing here"), "G136"),
        ((200, b"<html>a parked domain</html>"), "G136"),
        ((200, b"[]"), "G136"),
        ((200, b'{"ledger": "0123456789abcdef"}'), "G137"),
    ],
)
def test_no_page_no_send(live, page, newsletter, says, code):
    page.says = says
    called = newsletter("-C", live, "send", "hej", *LIVE, "--confirm", "3")
    assert (called.code, codes(called)) == (6, {code})
    assert page.asked == ["/healthz"]
    assert newsletter("-C", live, "status", "hej", *LIVE, "--json").data["total"] == 0, "nothing was frozen"


def test_a_page_that_is_down(live, page, newsletter):
    settings = live / "newsletter.toml"
    settings.write_text(
        re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:1", settings.read_text("utf-8")), encoding="utf-8"
    )
    called = newsletter("-C", live, "send", "hej", *LIVE, "--confirm", "3")
    assert (called.code, codes(called)) == (6, {"G136"})


def test_with_the_right_page_it_goes_on_to_the_next_rail(live, page, newsletter):
    page.says = (200, json.dumps({"status": "ok", "ledger": page.ledger}).encode())
    called = newsletter("-C", live, "send", "hej", *LIVE, "--confirm", "2")
    assert (called.code, codes(called)) == (6, {"G122"}), "the number, which is asked for last"


def test_a_rehearsal_asks_nothing_and_says_so(live, page, newsletter):
    called = newsletter("-C", live, "send", "hej", "-n", *LIVE, "--json")
    assert called.code == 0
    needs = {need["code"]: need for need in called.data["needs"]}
    assert "asked at the live send" in needs["G136"]["message"]
    assert page.asked == []


@pytest.mark.parametrize(
    ("base_url", "stays"),
    [
        ("http://127.0.0.1:1", True),
        ("http://localhost", True),
        ("http://[::1]:9", True),
        ("https://api.eu.example", False),
        ("", False),
    ],
)
def test_a_provider_on_this_machine_reaches_nobody(base_url, stays, small, monkeypatch):
    from newsletter.files.project import Project
    from newsletter.providers.open import stays_on_this_machine

    monkeypatch.setenv("NEWSLETTER_PROVIDER", "sendgrid")
    monkeypatch.setenv("NEWSLETTER_SENDGRID__BASE_URL", base_url)
    assert stays_on_this_machine(load_settings(Project(small))) is stays
