"""Files that are no lists: each is told in words, memory stays bounded, and nothing is half-taken."""

import json
import subprocess
import sys

import pytest

MEASURED = """
import contextlib, io, json, re, sys
from newsletter.cli.app import run
told = []
for arguments in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.redirect_stderr(said):
        code = run(arguments)
    told.append((code, said.getvalue()))
# Of this program alone: what `getrusage` says begins with the size of whoever started it.
with open("/proc/self/status", encoding="utf-8") as status:
    peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read())[1]) // 1024
print(json.dumps([told, peak]))
"""
LARGE = 200_000_000
MB = 1_000_000


def measured(*calls) -> tuple[list[tuple[int, str]], int]:
    """Exit code and what was told, for each call of one process, and its peak of memory in MB."""
    commands = json.dumps([[str(argument) for argument in call] for call in calls])
    ran = subprocess.run(
        [sys.executable, "-c", MEASURED, commands],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    told, peak = json.loads(ran.stdout)
    return told, peak


def one_line(file):
    file.write(b"email,note\nasa@example.org,")
    for _ in range(LARGE // MB):
        file.write(b"x" * MB)


def one_quote(file):
    file.write(b'email,note\nasa@example.org,"')
    for _ in range(LARGE // MB):
        file.write(b"bo@example.org,Bo\n" * (MB // 18))


def binary(file):
    file.write(b"\x7fELF\x02\x01\x01" + bytes(range(256)) * (MB // 256))


def nul(file):
    file.write(b"email\n" + b"bo@example.org\n" * 1000 + b"as\0a@example.org\n")


def columns(file):
    file.write(b"email," + b",".join(b"c%d" % n for n in range(100_000)) + b"\n")


@pytest.mark.parametrize(
    ("write", "code", "place"),
    [
        (one_line, "A123", "lista.csv:2"), (one_quote, "A101", "lista.csv:2:17"), (binary, "F112", "lista.csv:1"),
        (nul, "F112", "lista.csv:1002:3"), (columns, "A124", "lista.csv:1:"),
    ],
)  # fmt: skip
def test_it_is_told_at_its_place_and_takes_little_memory(small, newsletter, write, code, place):
    with (small / "subscribers" / "lista.csv").open("wb") as file:
        write(file)
    commands = (("check",), ("send", "hej", "--confirm", "3"))
    calls, peak = measured(*(("-C", small, *command) for command in commands))
    for exit_code, told in calls:
        assert exit_code == 3, told
        assert code in told
        assert place in told
        assert "Traceback" not in told
        assert len(told) < 3000, "nobody reads a screen full of x"
    assert peak < 150
    assert not list(small.rglob("*.eml"))
    (small / "subscribers" / "lista.csv").write_text("email\nasa@example.org\n", encoding="utf-8")
    assert newsletter("-C", small, "send", "hej", "--confirm", "1").code == 0


@pytest.mark.parametrize(
    ("where", "code"),
    [
        ("citty == 'Visby'", "A204"), ("seminars > 'x'", "A204"), ("city > 3", "A203"), ("consent_at > 2015-02-30", "A201"),
        ("segment('ring')", "A208"), ("(" * 4000 + "city == 'Visby'" + ")" * 4000, "A202"), ("(" * 10_000, "A202"),
    ],
)  # fmt: skip
def test_a_rule_that_makes_no_sense_is_told_at_its_place(small, newsletter, where, code):
    (small / "subscribers" / "segments.toml").write_text(f'[ring]\nwhere = "{where}"\n', encoding="utf-8")
    for command in ("count", "show"):
        called = newsletter("-C", small, "segment", command, "ring")
        assert called.code == 3
        assert f"{code}  " in called.err
        assert "subscribers/segments.toml:2:" in called.err
    assert newsletter("-C", small, "segment", "count", "rin").code == 3
