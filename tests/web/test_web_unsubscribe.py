"""The link in every mail: GET asks, POST unsubscribes at once and for good, and a week long it can be undone."""

import contextlib
import http.client
import json
import signal
import socket
import sqlite3
import time
from datetime import UTC, datetime, timedelta

import pytest

from newsletter.store.store import open_store
from newsletter.web.app import BODY_WITHIN_S
from newsletter.web.impatient import LOOK_EVERY_S

MULTIPART = (
    b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n',
    {"Content-Type": "multipart/form-data; boundary=x"},
)
EVERYTHING = frozenset({"*"})


def acts(served, email="asa@example.org"):
    with served.store() as store:
        return [(e.act, e.scope, e.source) for e in store.opt_out_history(served.secret.person(email))]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("tail", ["", "/undo", "/list"])
def test_looking_changes_nothing(served, method, tail):
    """Scanners follow every link in a mail."""
    answer = served.ask(method, served.path() + tail)
    assert answer.status == (204 if method == "OPTIONS" else 200)
    assert served.scopes() == frozenset()
    assert acts(served) == []


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_not_for_here(served, method):
    answer = served.ask(method, served.path())
    assert (answer.status, "POST" in answer.headers["allow"]) == (405, True)
    assert served.scopes() == frozenset()


def test_the_page_has_one_button_and_needs_no_login(served):
    page = served.ask("GET", served.path()).text
    assert page.count("<button") == page.count("<form") == page.count("<h1") == 1
    assert "<input" not in page
    assert "<script" not in page


@pytest.mark.parametrize(
    ("body", "headers", "source"),
    [
        (b"List-Unsubscribe=One-Click", {"Content-Type": "application/x-www-form-urlencoded"}, "one-click"),
        (*MULTIPART, "one-click"),
        (b"", {"Content-Type": "application/x-www-form-urlencoded"}, "page"),
        (b"\xff\x00{", {"Content-Type": "application/json"}, "page"),
        (b"x" * 300_000, {}, "page"),
    ],
    ids=["urlencoded", "multipart", "button", "nonsense", "much"],
)
def test_post_unsubscribes_at_once_whatever_comes_along(served, body, headers, source):
    with contextlib.suppress(ConnectionError):  # too much: it may hang up before all was sent
        answer = served.post(served.path(), body, headers)
        assert answer.status == 200
        assert "set-cookie" not in answer.headers
        assert "location" not in answer.headers
    deadline = time.monotonic() + 10
    while not acts(served) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert served.scopes() == EVERYTHING
    assert acts(served) == [("suppress", "*", source)]


def test_a_second_time_is_as_good_as_the_first(served):
    for _ in range(3):
        assert served.post(served.path()).status == 200
    assert acts(served) == [("suppress", "*", "one-click")]


def test_the_next_send_does_not_reach_them(served, newsletter):
    served.post(served.path("ASA@example.org"))
    assert newsletter("-C", served.folder, "send", "hej", "--confirm", "2").code == 0
    assert not any("asa@example.org" in path.read_text("ascii") for path in served.folder.rglob("*.eml"))


def test_undo_and_only_this_list(served):
    served.post(served.path())
    assert served.post(served.path() + "/undo").status == 200
    assert served.scopes() == frozenset()
    served.post(served.path())
    left = served.post(served.path() + "/list")
    assert (left.status, "lista" in left.text) == (200, True)
    assert served.scopes() == {"lista"}
    served.post(served.path())
    assert served.scopes() == {"*", "lista"}
    served.post(served.path() + "/undo")
    assert served.scopes() == frozenset()
    assert served.post(served.path() + "/list").status == 200, "straight from a page that was open"
    assert served.scopes() == {"lista"}


def test_undo_ends_after_seven_days(served):
    for email, hours, undo, scopes in (
        ("asa@example.org", 167, 200, frozenset()),
        ("bo@example.org", 169, 409, EVERYTHING),
    ):
        with open_store(served.folder / ".newsletter" / "state.db") as store:
            then = datetime.now(UTC) - timedelta(hours=hours)
            store.suppress(served.secret.person(email), "*", "unsubscribed", "page", then)
        assert served.post(served.path(email) + "/undo").status == undo
        assert served.scopes(email) == scopes
    assert served.post(served.path("bo@example.org") + "/list").status == 409
    assert served.scopes("bo@example.org") == EVERYTHING


def test_saying_it_again_does_not_make_the_week_longer(served):
    with open_store(served.folder / ".newsletter" / "state.db") as store:
        long_ago = datetime.now(UTC) - timedelta(days=8)
        store.suppress(served.secret.person("asa@example.org"), "*", "unsubscribed", "page", long_ago)
    served.post(served.path())
    assert served.post(served.path() + "/undo").status == 409


def test_what_others_said_is_not_for_a_link_to_undo(served, newsletter):
    served.post(served.path())
    assert (
        newsletter("-C", served.folder, "suppress", "add", "asa@example.org", "--reason", "complaint").code
        == 0
    )
    assert served.post(served.path() + "/undo").status == 409
    assert served.scopes() == EVERYTHING


def test_a_link_works_for_whoever_was_forgotten_and_without_any_list(served, newsletter):
    path = served.path()
    assert newsletter("-C", served.folder, "subscriber", "forget", "asa@example.org").code == 0
    (served.folder / "subscribers" / "lista.csv").unlink()
    assert served.post(path).status == 200


@pytest.mark.parametrize(
    "damage", [lambda t: t[:-1], lambda t: t + "A", lambda t: "B" + t[1:], lambda t: "x", lambda t: "%00"]
)
def test_404_is_for_links_that_are_not_ours(served, damage):
    token = served.path().removeprefix("/u/")
    for method in ("GET", "POST"):
        answer = served.ask(method, "/u/" + damage(token))
        assert answer.status == 404
        assert answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
    assert served.ask("GET", "/").status == served.ask("GET", "/u/").status == 404
    assert served.scopes() == frozenset()


def test_the_link_holds_no_address(served):
    import base64

    path = served.path()
    raw = base64.urlsafe_b64decode(path.removeprefix("/u/") + "==")
    assert b"asa" not in raw
    assert b"example" not in raw
    page = served.ask("GET", path).text + served.post(path).text
    assert "asa@" not in page


def test_headers_of_every_page(served):
    for answer in (
        served.ask("GET", served.path()),
        served.post(served.path()),
        served.ask("GET", "/nothing"),
    ):
        headers = answer.headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert "noindex" in headers["x-robots-tag"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in headers
        assert "server" not in headers


def test_health_names_the_ledger(served):
    health = served.ask("GET", "/healthz")
    with served.store() as store:
        assert json.loads(health.text) == {"status": "ok", "ledger": store.ledger_id}
    assert served.ask("GET", "/readyz").status == 200


def test_who_asks_too_often_waits_but_never_with_a_valid_one_click(served):
    path, statuses = served.path(), set()
    for _ in range(200):
        statuses.add(served.ask("GET", "/u/guess").status)
    assert statuses == {404, 429}
    assert served.ask("GET", path).status == 429
    assert served.ask("GET", path).headers["retry-after"]
    for _ in range(5):
        assert served.post(path).status == 200
    assert served.scopes() == EVERYTHING


def test_while_the_ledger_is_busy_it_is_answered_and_holds(served):
    """As during a freeze: the one write lock is held, for longer than anybody waits."""
    with contextlib.closing(
        sqlite3.connect(served.folder / ".newsletter" / "state.db", isolation_level=None)
    ) as other:
        other.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        for number in range(20):
            assert served.post(served.path(f"p{number}@example.org")).status == 200
        assert time.monotonic() - begun < 5
        assert served.scopes("p7@example.org") == EVERYTHING, "it lies in the spool"
        assert served.post(served.path("p7@example.org") + "/undo").status == 200
        assert served.scopes("p7@example.org") == frozenset()
        assert served.ask("GET", "/readyz").status == 200
        other.execute("ROLLBACK")
    spool = served.folder / ".newsletter" / "spool"
    deadline = time.monotonic() + 10
    while any(spool.glob("*.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(spool.glob("*.json")) == []
    assert served.scopes("p6@example.org") == EVERYTHING
    assert served.scopes("p7@example.org") == frozenset()


def test_what_cannot_be_kept_is_not_answered_200(served):
    """Neither the ledger nor the spool can be written: a file stands in the spool's place."""
    (served.folder / ".newsletter" / "spool").write_text("", encoding="utf-8")
    with contextlib.closing(
        sqlite3.connect(served.folder / ".newsletter" / "state.db", isolation_level=None)
    ) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = served.post(served.path())
        assert (answer.status, answer.headers["retry-after"]) == (503, "60")
        assert "sparades inte" in answer.text
        other.execute("ROLLBACK")


def test_a_slow_body_is_not_waited_for(serve, small):
    served = serve(small, body_within_s=0.3)
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as slow:
        slow.sendall(f"POST {served.path()} HTTP/1.1\r\nHost: x\r\nContent-Length: 26\r\n\r\nList-".encode())
        answer = http.client.HTTPResponse(slow)
        answer.begin()
        assert answer.status == 200
    assert served.scopes() == EVERYTHING


@pytest.mark.parametrize("head", ["", "POST /u/x HTTP/1.1\r\nHo", "answered, and then the next "])
def test_a_request_that_never_comes_is_not_waited_for(serve, small, head):
    """Who opens a thousand connections and says nothing keeps nobody from leaving."""
    served = serve(small, look_every_s=0.5)
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as slow:
        if head.startswith("answered"):
            slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            http.client.HTTPResponse(slow).begin()
            head = "GET /hea"
        slow.sendall(head.encode())
        begun = time.monotonic()
        while slow.recv(4096):
            pass
        assert 0.4 < time.monotonic() - begun < 10


def test_nobody_is_hurried_by_the_programs_own_limits():
    assert (LOOK_EVERY_S, BODY_WITHIN_S) == (5, 5)


def test_whoever_is_only_slow_is_answered(serve, small):
    """One look has found nothing whole: that alone ends nothing."""
    served = serve(small, look_every_s=2)
    request = f"POST {served.path()} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as slow:
        for part in (request[:20], request[20:]):
            time.sleep(1.2)
            slow.sendall(part)
        answer = http.client.HTTPResponse(slow)
        answer.begin()
        assert answer.status == 200
    assert served.scopes() == EVERYTHING


def test_nothing_is_redirected(served):
    """Not even for a blank too many: the address would be made of whatever Host was sent."""
    path = served.path()
    answer = served.ask("POST", f"{path}/", b"List-Unsubscribe=One-Click", {"Host": "evil.example"})
    assert (answer.status, "location" in answer.headers) == (200, False)
    assert served.scopes() == EVERYTHING
    token = path.rpartition("/")[2]
    assert f'action="../{token}/undo"' in answer.text
    answer = served.ask("POST", f"{path}/undo/", b"", {"Host": "evil.example"})
    assert answer.status == 200
    assert f'action="../../{token}"' in answer.text
    assert served.scopes() == frozenset()
    for odd in (f"{path}//", "/u/", "/healthz/", "//evil.example/u/x/"):
        answer = served.ask("GET", odd, headers={"Host": "evil.example"})
        assert (answer.status, "location" in answer.headers) == (404, False)


def test_no_answer_waits_for_an_acknowledgement(small):
    """Without TCP_NODELAY an answer in two packets takes 40 ms, whatever the machine."""
    from newsletter.web.serve import listen

    with listen("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()) as client:
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert client


def test_it_ends_cleanly(served):
    assert served.post(served.path()).status == 200
    assert served.end() == 0
    assert served.scopes() == EVERYTHING


def test_what_a_reader_is_told_outlives_a_backup_that_is_put_back_under_the_pages(served, small, tmp_path):
    """The pages still have the old file open, which has no name any more; and nobody started them again."""
    ledger = small / ".newsletter" / "state.db"
    with (
        contextlib.closing(sqlite3.connect(ledger)) as here,
        contextlib.closing(sqlite3.connect(tmp_path / "night.db")) as night,
    ):
        here.backup(night)
    for name in ("state.db", "state.db-wal", "state.db-shm"):
        ledger.with_name(name).unlink(missing_ok=True)
    ledger.write_bytes((tmp_path / "night.db").read_bytes())
    assert served.post(served.path()).status == 200
    assert served.scopes() == EVERYTHING, "the ledger that is there now has heard of it"
    served.end(signal.SIGTERM)
    assert served.scopes() == EVERYTHING
