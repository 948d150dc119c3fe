"""A send on a real terminal: the question has its line to itself, the bar comes and goes around it."""

import fcntl
import os
import pty
import re
import select
import subprocess
import sys
import termios
from pathlib import Path

import pytest

PROMPT = "Type the number of recipients to send (3): "
QUIET_S = 0.4  # four refreshes of a bar


class Terminal:
    """The program on a pseudo-terminal."""

    def __init__(self, *arguments: str | Path) -> None:
        self._end, far = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "newsletter", *map(str, arguments)],
            stdin=far,
            stdout=far,
            stderr=far,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - so that Ctrl-C is a signal
            env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
        )
        os.close(far)
        self.text = ""

    def read_until(self, wanted: str, seconds: float = 60) -> None:
        while wanted not in self.text:
            assert self._read(seconds), f"`{wanted}` never came: {self.text!r}"

    def silence(self) -> str:
        """What comes unasked for a while."""
        before = len(self.text)
        while self._read(QUIET_S):
            pass
        return self.text[before:]

    def type(self, text: str) -> None:
        os.write(self._end, text.encode())

    def close(self) -> int:
        while self._read(60):
            pass
        os.close(self._end)
        return self._process.wait(60)

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._end], [], [], seconds)
        try:
            read = os.read(self._end, 65536) if ready else b""
        except OSError:  # the other end is closed
            read = b""
        self.text += read.decode("utf-8", "replace")
        return bool(read)


def test_the_question_stands_alone_on_its_line(small):
    terminal = Terminal("-C", small, "send", "hej")
    terminal.read_until(PROMPT)
    assert terminal.silence() == ""
    terminal.type("3\n")
    assert terminal.close() == 0
    last_line = terminal.text.split(PROMPT)[0].replace("\r", "\n").split("\n")[-1]
    assert re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", last_line) == ""
    assert "hej: 3 accepted of 3" in terminal.text
    assert len(list(small.rglob("*.eml"))) == 3


@pytest.mark.parametrize(("typed", "code"), [("4\n", 6), ("\x03", 130), ("\x04", 130)])
def test_another_number_or_a_no_sends_nothing(typed, code, small):
    terminal = Terminal("-C", small, "send", "hej")
    terminal.read_until(PROMPT)
    terminal.silence()  # a signal in the instant between prompt and reading would wait for the next key
    terminal.type(typed)
    assert terminal.close() == code
    assert "G122" in terminal.text if code == 6 else "G134" in terminal.text
    assert list(small.rglob("*.eml")) == []


def test_the_author_s_own_brackets_come_through_unharmed(small):
    line = "[här] [/rabatt] [bold]03-x.md:27:14[/bold] :smile: {{ subscriber.namn }}"
    page = small / "campaigns" / "hej.md"
    text = page.read_text(encoding="utf-8")
    page.write_text(f"{text}\n{line}\n", encoding="utf-8")
    terminal = Terminal("-C", small, "check", "hej")
    assert terminal.close() == 3
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.text).replace("\r", "")
    number = text.count("\n") + 2
    at = line.index("subscriber")
    assert f"campaigns/hej.md:{number}:{at + 1}\n{number:>5} │ {line}\n      │ {' ' * at}^^^^" in plain
