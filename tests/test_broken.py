"""Each folder in tests/broken/ is one mistake: what is told, to the letter, and that nothing was sent.

A folder lays its files over `_project`. Beside them may lie:
  remove       names of files to take away
  steps        the commands, one a line (a send by default); the last one is judged. A line `python NAME.py` runs that
               script in the project's folder (from here, or from `_worlds`), to make the world that is needed
  env          NAME=value lines for the environment
  answers      status codes that a SendGrid on loopback gives, one a line; `-` hangs up without an answer
  expected.txt the exit code and what is told: on stderr, or where that is silent on stdout. `make broken` renews it
"""

import os
import re
import runpy
import shlex
import shutil
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

BROKEN = Path(__file__).parent / "broken"
CASES = sorted(path.name for path in BROKEN.iterdir() if path.is_dir() and not path.name.startswith("_"))
OURS = ("expected.txt", "steps", "remove", "env", "answers", "*.py")
RENEW = "RENEW_BROKEN" in os.environ

# Codes that no call of the program can be brought to give by files alone, and the tests that hold them.
ELSEWHERE = {
    "A125": "tests/store/test_store_loaded.py",  # takes a file that changes under the reader
    "D101": "tests/mail/test_mail_message.py",  # settings and campaigns refuse such a line before (F103)
    "D102": "tests/mail/test_mail_message.py",  # likewise M109
    "D103": "tests/mail/test_mail_message.py",
    "D104": "tests/mail/test_mail_message.py",  # such a person is excluded as invalid
    "D106": "tests/mail/test_mail_message.py",
    "D108": "tests/mail/test_mail_message.py",
    "D121": "tests/providers/test_providers_sendgrid.py",  # G111 comes first
    "G127": "tests/flow/test_flow_frozen.py",  # takes another process that is at work
    "G128": "tests/flow/test_flow_frozen.py",  # takes a doubt that ends after an amended send
    "G134": "tests/flow/test_flow_terminal.py",  # takes a signal
    "L150": "tests/check/test_check_links.py",  # take a web site that answers
    "L151": "tests/check/test_check_links.py",
    "L152": "tests/check/test_check_links.py",
    "R105": "tests/store/test_store_opening.py",  # waits for its time-out
    "D105": "tests/mail/test_mail_message.py",  # the renderer takes such signs out before
    "G136": "tests/web/test_web_rail.py",  # takes a provider that is not on loopback
    "G137": "tests/web/test_web_rail.py",
    "G163": "tests/flow/test_flow_rails.py",  # likewise
    "G153": "tests/providers/test_providers_limits.py",  # takes a provider that says so in words
    "I116": "tests/people/test_people_import.py",  # asked on a terminal only
    "I130": "tests/people/test_people_turns.py",  # takes a list that changes while a human looks at names
    "G161": "tests/providers/test_providers_live_flow.py",  # asked on a terminal only
    "S145": "tests/people/test_people_commands.py",  # asked on a terminal only
    "R107": "tests/store/test_store_opening.py",  # takes a full disk
    "R108": "tests/store/test_store_opening.py",  # takes a ledger of an earlier schema
}


def read(case: str, name: str) -> list[str]:
    file = BROKEN / case / name
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def lay_out(case: str, folder: Path) -> None:
    shutil.copytree(BROKEN / "_project", folder)
    for name in read(case, "remove"):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(BROKEN / case, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*OURS))


@pytest.fixture
def sendgrid():
    """Makes a SendGrid on loopback that gives the answers one after the other, the last one for ever."""
    servers = []

    def start(answers: list[str]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                answer = answers.pop(0) if len(answers) > 1 else answers[0]
                if answer == "-":
                    self.close_connection = True
                    return
                self.send_response(int(answer.split()[0]))
                for header in answer.split()[1:]:
                    self.send_header(*header.split(":"))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


def levelled(text: str, folder: Path) -> str:
    """What differs from run to run has one name."""
    text = text.replace(str(folder), "PROJECT").replace(sys.executable, "PYTHON")
    text = re.sub(r"\b[0-9a-f]{16}(?:[0-9a-f]{16}|\.\d+-[0-9a-f]{4})?\b", "LEDGER", text)
    text = re.sub(r"rendered in \d+\.\d s", "rendered in TIME", text)
    text = re.sub(r"(?<=until )\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}", "TIME", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)
    return re.sub(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2} UTC", "TIME", text)


def run_steps(case: str, newsletter, monkeypatch: pytest.MonkeyPatch):
    called = None
    for line in read(case, "steps") or ["send hej --confirm 3"]:
        if line.startswith("python "):
            script = line.removeprefix("python ")
            here = BROKEN / case / script
            path = here if here.exists() else BROKEN / "_worlds" / script
            runpy.run_path(str(path), {"monkeypatch": monkeypatch})
        else:
            called = newsletter(*shlex.split(line))
    return called


@pytest.mark.parametrize("case", CASES)
def test_mistake_is_told_with_its_place_and_nothing_is_sent(
    case, tmp_path, newsletter, monkeypatch, sendgrid
):
    folder = tmp_path / "project"
    lay_out(case, folder)
    monkeypatch.chdir(folder)
    for line in read(case, "env"):
        monkeypatch.setenv(*line.split("=", 1))
    if answers := read(case, "answers"):
        monkeypatch.setenv("NEWSLETTER_SENDGRID__BASE_URL", sendgrid(answers))
    called = run_steps(case, newsletter, monkeypatch)
    told = levelled(f"exit {called.code}\n{called.err or called.out}", folder)
    expected = BROKEN / case / "expected.txt"
    if RENEW:
        expected.write_text(told, encoding="utf-8")
    assert told == expected.read_text(encoding="utf-8")
    if called.code in (3, 4):
        assert "try:" in told
    if called.code and len(read(case, "steps")) < 2:
        assert not (folder / "out" / "outbox").exists()
        assert not (folder / ".newsletter" / "state.db").is_file() or _no_run(folder)


def _no_run(folder: Path) -> bool:
    from newsletter.errors import NewsletterError
    from newsletter.store.store import open_readonly

    try:
        store = open_readonly(folder / ".newsletter" / "state.db")
    except NewsletterError:  # the mistake itself
        return True
    if store is None:
        return True
    with store:
        return store.runs("local") == []


def test_the_project_under_the_mistakes_is_whole(small, newsletter):
    assert newsletter("-C", small, "check").code == 0
    sent = newsletter("-C", small, "send", "hej", "--confirm", "3")
    assert (sent.code, len(list(small.rglob("*.eml")))) == (0, 3)


def codes_of_the_program() -> set[str]:
    sources = (Path(__file__).parent.parent / "newsletter").rglob("*.py")
    return {
        code for path in sources for code in re.findall(r'"([A-Z]\d{3})"', path.read_text(encoding="utf-8"))
    }


def test_every_code_has_its_folder():
    told = "\n".join((BROKEN / case / "expected.txt").read_text(encoding="utf-8") for case in CASES)
    shown = set(re.findall(r"^(?:(?:error|warning|hint) +|  )([A-Z]\d{3})  ", told, re.MULTILINE))
    assert codes_of_the_program() - shown - ELSEWHERE.keys() == set()
    assert shown & ELSEWHERE.keys() == set(), "they have a folder: take them out of the list"
    for code, test in ELSEWHERE.items():
        assert code in (Path(__file__).parent.parent / test).read_text(encoding="utf-8"), (code, test)


def test_every_code_is_explained(newsletter):
    from newsletter.check.codes import explanations

    known = explanations()
    assert set(known) == codes_of_the_program()
    for code, (title, text) in known.items():
        assert title
        assert all(part in text for part in ("Example:", "What to do:")), code
        called = newsletter("explain", code.lower())
        assert (called.code, title in called.out) == (0, True)
