"""The rails before a live send, each through the command line: exit 6, what to do, and nothing is frozen.

Those that a folder of files can show stand in tests/broken (G110 to G139, G162, G164).
"""

import http.server
import json
import re
import ssl
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme
from PIL import Image

LIVE = ("--env", "production")


@dataclass
class Site:
    """A web server for pages and pictures; `answers` has what is said at a path instead of 404."""

    server: http.server.ThreadingHTTPServer
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def site(authority, monkeypatch, tmp_path):
    """Makes web servers on loopback whose certificates hold, or plain ones."""
    running = []

    def start(*, tls: bool) -> Site:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                made.asked.append((self.command, self.path))
                status, headers, body = made.answers.get(self.path, (404, {}, b""))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            def do_HEAD(self):
                self.do_GET()

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        made = Site(server)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert("localhost").configure_cert(context)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        running.append((server, thread))
        return made

    trusted = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(trusted)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted))
    yield start
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Live:
    folder: Path
    pages: Site
    pictures: Site
    ledger: str
    names: list[str]  # of the published pictures


@pytest.fixture
def live(small, site, newsletter, monkeypatch, tmp_path):
    """A letter with a picture, live by a provider that is somewhere else: a hand-over would fail at the name's look-up.

    All is as it should be: what answers at a healthy place answers, and the ledger is committed.
    """
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.rails.key")
    Image.new("RGB", (30, 20), "#a3203c").save(small / "campaigns" / "bron.png")
    letter = small / "campaigns" / "hej.md"
    letter.write_text(letter.read_text("utf-8") + "\n![Bron](bron.png)\n", encoding="utf-8")
    pages, pictures = site(tls=False), site(tls=True)
    settings = small / "newsletter.toml"
    settings.write_text(
        settings.read_text("utf-8")
        + f'\n[env.production]\nprovider = "sendgrid"\npublic_url = "http://127.0.0.1:{pages.port}"\n'
        f'assets_url = "https://localhost:{pictures.port}/p"\n'
        '[env.production.sendgrid]\nbase_url = "https://provider.invalid"\n',
        encoding="utf-8",
    )
    told = newsletter("-C", small, "send", "hej", *LIVE, "--confirm", "3")
    line = re.search(r'ledger = "([^"]+)"', told.err)
    text = settings.read_text("utf-8").replace("[env.production]\n", f"[env.production]\n{line[0]}\n")
    settings.write_text(text, encoding="utf-8")
    pages.answers["/healthz"] = (200, {}, json.dumps({"status": "ok", "ledger": line[1]}).encode())
    folder = tmp_path / "published"
    assert newsletter("-C", small, "publish", *LIVE, "--dir", folder).code == 0
    for path in folder.iterdir():
        pictures.answers[f"/p/{path.name}"] = (200, {"Content-Type": "image/png"}, path.read_bytes())
    return Live(small, pages, pictures, line[1], [path.name for path in folder.iterdir()])


def send(live, newsletter, *more):
    return newsletter("-C", live.folder, "send", "hej", *LIVE, *(more or ("--confirm", "3")))


def codes(called):
    return set(re.findall(r"^error +([A-Z]\d{3})", called.err, re.MULTILINE))


def nothing_frozen(live, newsletter):
    return newsletter("-C", live.folder, "status", "hej", *LIVE, "--json").data["total"] == 0


def edit(live, before, after):
    file = live.folder / "newsletter.toml"
    text = file.read_text("utf-8")
    assert before in text
    file.write_text(text.replace(before, after), encoding="utf-8")


def test_where_all_holds_the_number_is_asked_last(live, newsletter):
    called = send(live, newsletter, "--confirm", "2")
    assert (called.code, codes(called)) == (6, {"G122"})
    assert live.pages.asked == [("GET", "/healthz")]
    assert live.pictures.asked == [("HEAD", f"/p/{name}") for name in live.names]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((404, {}, b""), "answers 404"),
        ((503, {}, b""), "answers 503"),
        ((200, {"Content-Type": "text/html"}, b"<h1>Log in</h1>"), "as text/html, not as image/png"),
        ((200, {}, b"png"), "without a type"),
        ((200, {"Content-Type": "image/png"}, b"half"), "has 4 bytes there"),
        ((302, {"Location": "/p/again"}, b""), "answers 404"),
    ],
)
def test_a_picture_that_readers_would_not_see(live, newsletter, answer, told):
    live.pictures.answers[f"/p/{live.names[0]}"] = answer
    called = send(live, newsletter)
    assert (called.code, codes(called)) == (6, {"G163"})
    assert re.search(told, called.err), called.err
    assert "--env production publish" in called.err
    assert nothing_frozen(live, newsletter)


def test_a_redirect_to_what_is_not_encrypted(live, site, newsletter):
    elsewhere = site(tls=False)
    name = live.names[0]
    elsewhere.answers["/x.png"] = live.pictures.answers[f"/p/{name}"]
    live.pictures.answers[f"/p/{name}"] = (301, {"Location": f"http://127.0.0.1:{elsewhere.port}/x.png"}, b"")
    called = send(live, newsletter)
    assert (called.code, "not encrypted" in called.err) == (6, True)


def test_a_redirect_to_the_same_picture_is_none_of_our_business(live, newsletter):
    name = live.names[0]
    live.pictures.answers["/cdn.png"] = live.pictures.answers[f"/p/{name}"]
    live.pictures.answers[f"/p/{name}"] = (302, {"Location": "/cdn.png"}, b"")
    assert codes(send(live, newsletter, "--confirm", "2")) == {"G122"}


def test_a_certificate_that_does_not_hold(live, newsletter, monkeypatch):
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    called = send(live, newsletter)
    assert (called.code, codes(called)) == (6, {"G163"})
    assert "certificate" in called.err


def test_pages_and_pictures_are_told_together(live, newsletter):
    live.pages.answers.clear()
    live.pictures.answers.clear()
    called = send(live, newsletter)
    assert (called.code, codes(called)) == (6, {"G136", "G163"})


def test_a_relay_elsewhere_is_asked_for_them_too(live, newsletter):
    edit(live, 'provider = "sendgrid"', 'provider = "smtp"')
    edit(
        live,
        '[env.production.sendgrid]\nbase_url = "https://provider.invalid"',
        '[env.production.smtp]\nhost = "relay.invalid"',
    )
    live.pages.answers.clear()
    called = send(live, newsletter)
    assert (called.code, codes(called)) == (6, {"G136"})


def test_a_rehearsal_lists_all_at_once_and_asks_the_network_nothing(live, newsletter, monkeypatch):
    monkeypatch.delenv("SENDGRID_API_KEY")
    edit(live, 'name = "Hej"\n', "")
    edit(live, "hej@example.org", "hej@gmail.com")
    edit(live, f'ledger = "{live.ledger}"', f'ledger = "{"0" * 32}"')
    edit(live, "[list.lista]", "[limits]\nmax_recipients = 2\n\n[list.lista]")
    letter = live.folder / "campaigns" / "hej.md"
    letter.write_text(letter.read_text("utf-8").replace('"ready"', '"draft"'), encoding="utf-8")
    live.pages.asked.clear()
    rehearsed = newsletter("-C", live.folder, "send", "hej", "-n", *LIVE, "--json")
    assert rehearsed.code == 0
    needs = {need["code"]: need for need in rehearsed.data["needs"]}
    assert {"G110", "G111", "G117", "G136", "G138", "G139", "G162", "G163"} <= needs.keys()
    assert all(need["try"] for need in needs.values())
    assert all("asked at the live send" in needs[code]["message"] for code in ("G136", "G163"))
    assert live.pages.asked == live.pictures.asked == []
    refused = codes(send(live, newsletter))
    assert {"G110", "G111", "G138", "G139"} <= refused, "the send tells all of these at once, too"


def test_a_drift_lets_the_number_differ_by_so_much(small, newsletter):
    people = small / "subscribers" / "lista.csv"
    rows = "".join(f"p{n}@example.org,P{n},Visby\n" for n in range(50))
    people.write_text("email,first_name,city\n" + rows, encoding="utf-8")
    assert newsletter("-C", small, "send", "hej", "-n", "--out", small / "plan").code == 0
    plan = small / "plan" / "plan.json"
    people.write_text("email,first_name,city\n" + rows + "ny@example.org,Ny,Visby\n", encoding="utf-8")
    refused = newsletter("-C", small, "send", "hej", "--expect-plan", plan)
    assert (refused.code, "51: 1 more" in refused.err) == (6, True)
    refused = newsletter("-C", small, "send", "hej", "--expect-plan", plan, "--drift", "1.9%")
    assert (refused.code, codes(refused)) == (6, {"G120"})
    sent = newsletter("-C", small, "send", "hej", "--expect-plan", plan, "--drift", "2%", "--json")
    assert (sent.code, sent.data["counts"]["accepted"]) == (0, 51)


def test_a_drift_works_downwards_and_excuses_no_change_of_the_text(small, newsletter):
    people = small / "subscribers" / "lista.csv"
    assert newsletter("-C", small, "send", "hej", "-n", "--out", small / "plan").code == 0
    plan = small / "plan" / "plan.json"
    people.write_text("".join(people.read_text("utf-8").splitlines(keepends=True)[:-1]), encoding="utf-8")
    letter = small / "campaigns" / "hej.md"
    letter.write_text(letter.read_text("utf-8") + "Mer.\n", encoding="utf-8")
    refused = newsletter("-C", small, "send", "hej", "--expect-plan", plan, "--drift", "40%")
    assert (refused.code, codes(refused)) == (6, {"G119"})
    refused = newsletter("-C", small, "send", "hej", "--expect-plan", plan)
    assert codes(refused) == {"G119", "G120"}, "both at once"
    assert "1 fewer" in refused.err


def test_a_tick_holds_what_goes_to_more_than_allowed_and_nothing_else(small, newsletter):
    text = (small / "newsletter.toml").read_text("utf-8")
    (small / "newsletter.toml").write_text(text + "\n[limits]\nmax_recipients = 2\n", encoding="utf-8")
    letter = (small / "campaigns" / "hej.md").read_text("utf-8")
    few = letter.replace('segment  = "lista"', 'segment  = "en"')
    (small / "campaigns" / "liten.md").write_text(few.replace("Hej {{", "God dag {{"), encoding="utf-8")
    (small / "subscribers" / "segments.toml").write_text(
        "[en]\nwhere = \"email == 'asa@example.org'\"\n", encoding="utf-8"
    )
    ran = newsletter("-C", small, "run", "--now", "2015-07-03T09:00", "--json")
    assert ran.code == 6
    assert [problem["code"] for problem in ran.envelope["problems"]] == ["G162"]
    assert [sent["campaign"] for sent in ran.data["sent"]] == ["liten"]


def test_a_step_goes_to_no_more_than_allowed_either(shipped, newsletter):
    text = (shipped / "newsletter.toml").read_text("utf-8")
    (shipped / "newsletter.toml").write_text(text + "\n[limits]\nmax_recipients = 3\n", encoding="utf-8")
    ran = newsletter("-C", shipped, "run", "--only", "sequences", "--now", "2015-07-03T09:00", "--json")
    assert (ran.code, ran.data["sent"]) == (6, [])
    assert {problem["code"] for problem in ran.envelope["problems"]} == {"G162"}


def test_the_shipped_letters_say_who_writes(shipped, newsletter):
    """What the program ships keeps to its own rail."""
    for name in ("almedalen-recap", "valkommen-komm", "sju-tips/energi"):
        rehearsed = newsletter("-C", shipped, "send", name, "-n", "--env", "production", "--json")
        assert rehearsed.code == 0, rehearsed.err
        assert {need["code"] for need in rehearsed.data["needs"]} & {"G138", "G139"} == set()


def test_a_rehearsal_for_nobody_says_so(small, newsletter):
    """The send would refuse it; a rehearsal that calls it ready and no more would be trusted."""
    people = small / "subscribers" / "lista.csv"
    people.write_text("email,status\nasa@example.org,unsubscribed\n", encoding="utf-8")
    rehearsed = newsletter("-C", small, "send", "hej", "-n", "--json")
    assert rehearsed.data["needs"][-1]["code"] == "G103"
    assert "G103" in newsletter("-C", small, "send", "hej", "-n").out
    sent = newsletter("-C", small, "send", "hej", "--confirm", "0")
    assert (sent.code, "G103" in sent.err) == (3, True)
