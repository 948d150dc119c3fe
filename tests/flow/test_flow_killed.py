"""Kill -9 at random moments: whoever runs the same command again ends with one file for each, no more, no less."""

import contextlib
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

from tests.forks import called

PEOPLE = 60
KILLS = 20
COMMAND = ("send", "hej", "--confirm", str(PEOPLE), "--quiet")


def populate(project: Path, people: int = PEOPLE) -> set[str]:
    addresses = {f"p{n}@example.org" for n in range(people)}
    lines = [
        "email,first_name,city",
        *(f"{address},Åsa {address[1:3]},Visby" for address in sorted(addresses)),
    ]
    (project / "subscribers" / "lista.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    settings = project / "newsletter.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("[brand]", "[delivery]\nbatch_size = 7\n\n[brand]", 1), encoding="utf-8")
    return addresses


def recipients(project: Path) -> Counter[str]:
    found: Counter[str] = Counter()
    for path in (project / "out" / "outbox").rglob("*.eml"):
        head = path.read_bytes().split(b"\r\n\r\n")[0].decode("ascii")
        found[next(line[4:].strip("<>") for line in head.split("\r\n") if line.startswith("To: "))] += 1
    return found


def start(forks, project: Path, command: tuple[str, ...] = COMMAND):
    process = forks.Process(target=called, args=("-C", str(project), *command))
    process.start()
    return process


def test_killed_twenty_times_each_recipient_has_exactly_one_file(forks, small, newsletter):
    addresses = populate(small)
    dice = random.Random(20150703)
    killed = 0
    for _ in range(400):
        if killed == KILLS:
            break
        process = start(forks, small)
        time.sleep(dice.uniform(0.02, 0.35))  # the moment of the kill, not a wait for anything
        with contextlib.suppress(ProcessLookupError):  # it may just have come to its end
            os.kill(process.pid, signal.SIGKILL)
        process.join()
        if process.exitcode == -signal.SIGKILL:
            killed += 1
        elif killed < KILLS:
            # It was through: begin anew with an empty ledger, the kills must meet work.
            assert recipients(small) == Counter(addresses)
            for path in (small / "out").rglob("*.eml"):
                path.unlink()
            for path in (small / ".newsletter").glob("state.db*"):
                path.unlink()
    assert killed == KILLS
    assert newsletter("-C", small, *COMMAND).code == 0
    assert recipients(small) == Counter(addresses)
    status = newsletter("-C", small, "status", "hej", "--json").data
    assert status["state"] == "done"
    assert status["counts"]["accepted"] == PEOPLE
    assert not list((small / "out").rglob("*.tmp*"))


def test_two_at_once_send_each_once(forks, small):
    addresses = populate(small)
    both = [start(forks, small) for _ in range(2)]
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]
    assert recipients(small) == Counter(addresses)


def test_ctrl_c_stops_cleanly_and_the_same_command_goes_on(forks, small, newsletter):
    people = 400
    addresses = populate(small, people)
    command = ("send", "hej", "--confirm", str(people))
    process = start(forks, small, command)
    until = time.monotonic() + 60
    while not recipients(small) and time.monotonic() < until and process.is_alive():
        time.sleep(0.005)  # polls for the first file; the clock only bounds a failure
    os.kill(process.pid, signal.SIGINT)
    process.join(60)
    assert process.exitcode == 130
    stopped = newsletter("-C", small, "status", "hej", "--json").data
    assert stopped["state"] == "sending"
    assert stopped["counts"]["inflight"] == stopped["counts"]["unknown"] == 0
    assert 0 < stopped["counts"]["ready"] < people
    assert stopped["counts"]["accepted"] == sum(recipients(small).values())
    assert newsletter("-C", small, *command).code == 0
    assert recipients(small) == Counter(addresses)
