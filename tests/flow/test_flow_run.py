"""The cron tick over one-off campaigns: once, held when late, silent when nothing is due."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest


def count(folder) -> int:
    return len(list((folder / "out").rglob("*.eml"))) if (folder / "out").exists() else 0


def test_nothing_due_says_nothing(small, newsletter):
    called = newsletter("-C", small, "run", "--now", "2015-07-03T08:59")
    assert (called.code, called.out, called.err, count(small)) == (0, "", "", 0)


def test_due_goes_once(small, newsletter):
    first = newsletter("-C", small, "run", "--now", "2015-07-03T09:00")
    assert (first.code, count(small)) == (0, 3)
    second = newsletter("-C", small, "run", "--now", "2015-07-03T09:01")
    assert (second.code, second.out, count(small)) == (0, "", 3)


def test_more_than_six_hours_late_is_held_and_said_once(small, newsletter):
    held = newsletter("-C", small, "run", "--now", "2015-07-03T15:01")
    assert held.code == 0
    assert "held" in held.err
    assert count(small) == 0
    again = newsletter("-C", small, "run", "--now", "2015-07-03T15:02")
    assert (again.code, again.out, again.err) == (0, "", "")
    assert (
        newsletter("-C", small, "status", "hej", "--json", "--now", "2015-07-03T15:02").data["state"]
        == "held"
    )
    assert newsletter("-C", small, "status", "--check", "--now", "2015-07-03T15:02").code == 7


def test_a_draft_never_goes_by_itself(small, newsletter):
    file = small / "campaigns" / "hej.md"
    file.write_text(file.read_text(encoding="utf-8").replace('"ready"', '"draft"'), encoding="utf-8")
    assert newsletter("-C", small, "run", "--now", "2015-07-03T09:00").out == ""
    assert count(small) == 0


def test_one_broken_campaign_holds_only_itself_and_is_told_once(small, newsletter):
    text = (small / "campaigns" / "hej.md").read_text(encoding="utf-8")
    (small / "campaigns" / "fel.md").write_text(
        text.replace('segment  = "lista"', 'segment  = "listan"'), encoding="utf-8"
    )
    called = newsletter("-C", small, "run", "--now", "2015-07-03T09:00")
    assert (called.code, count(small)) == (3, 3)
    assert "campaigns/fel.md" in called.err
    assert newsletter("-C", small, "run", "--now", "2015-07-03T09:01").err == ""


@pytest.mark.parametrize(
    "command", [("check",), ("render", "hej"), ("send", "hej", "-n"), ("segment", "list"), ("list",)]
)
def test_no_socket_is_opened(command, small, newsletter, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert newsletter("-C", small, *command, "--now", "2015-07-03T09:00").code == 0


@pytest.fixture
def watcher():
    """A health check on loopback; `asked` holds the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/ping", asked
    server.shutdown()
    thread.join()
    server.server_close()


def with_health_check(folder, url: str) -> None:
    file = folder / "newsletter.toml"
    file.write_text(f'healthcheck_url = "{url}"\n' + file.read_text(encoding="utf-8"), encoding="utf-8")


def test_a_tick_that_went_well_tells_the_watcher(small, newsletter, watcher):
    url, asked = watcher
    with_health_check(small, url)
    assert newsletter("-C", small, "run", "--now", "2015-07-03T08:00").code == 0
    assert asked == ["/ping"]
    assert newsletter("-C", small, "run", "--dry-run", "--now", "2015-07-03T08:00").code == 0
    (small / "campaigns" / "hej.md").write_text("+++\n", encoding="utf-8")
    assert newsletter("-C", small, "run", "--now", "2015-07-03T08:00").code == 3
    assert asked == ["/ping"], "a tick that failed, or only looked, must not look like a good one"


def test_a_watcher_that_is_away_is_a_warning(small, newsletter):
    with_health_check(small, "http://127.0.0.1:9/ping")
    called = newsletter("-C", small, "run", "--now", "2015-07-03T08:00")
    assert called.code == 0
    assert called.err.startswith("warning  G155")


def test_a_campaign_may_be_later_than_the_project_says(small, newsletter):
    file = small / "campaigns" / "hej.md"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("send_at", 'late_after = "3 days"\nsend_at'), encoding="utf-8")
    assert newsletter("-C", small, "run", "--now", "2015-07-05T09:00").code == 0
    assert count(small) == 3


def test_max_runtime_stops_cleanly_and_the_next_tick_goes_on(small, newsletter):
    called = newsletter("-C", small, "run", "--now", "2015-07-03T09:00", "--max-runtime", "0.000001")
    assert (called.code, count(small)) == (0, 0)
    assert newsletter("-C", small, "run", "--now", "2015-07-03T09:01").code == 0
    assert count(small) == 3


def test_another_run_at_work_is_exit_8_only_when_asked(small, newsletter):
    import fcntl

    (small / ".newsletter").mkdir()
    with (small / ".newsletter" / "run.lock").open("a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert newsletter("-C", small, "run", "--fail-if-locked", "--now", "2015-07-03T09:00").code == 8
        assert count(small) == 0
        assert newsletter("-C", small, "run", "--now", "2015-07-03T09:00").code == 0
        assert count(small) == 3


def test_a_step_is_not_sent_by_hand_but_rehearsed(shipped, newsletter):
    refused = newsletter("-C", shipped, "send", "sju-tips/energi", "--confirm", "33")
    assert refused.code == 6
    rehearsed = newsletter(
        "-C", shipped, "send", "sju-tips/energi", "-n", "--json", "--now", "2015-07-06T09:00"
    )
    assert rehearsed.code == 0
    enrolled = newsletter("-C", shipped, "segment", "count", "opinionsbildare", "--json").data["recipients"]
    left = newsletter("-C", shipped, "segment", "count", "avslutade", "--json").data["recipients"]
    assert rehearsed.data["recipients"] == enrolled - left
    assert newsletter("-C", shipped, "send", "sju-tips", "-n").code == 2


def test_the_very_first_run_locks_out_a_second(small, newsletter, monkeypatch):
    from newsletter.schedule.tick import Tick

    codes = []

    def during(tick, only):
        codes.append(newsletter("-C", small, "run", "--fail-if-locked").code)
        return tick.report

    monkeypatch.setattr(Tick, "run", during)
    assert newsletter("-C", small, "run").code == 0
    assert codes == [8]
