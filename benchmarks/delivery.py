"""Sending beside the least that it could cost: SMTP, the API's transport and bytes, the ledger, a freeze, a pause.

Both sides of a ratio are interleaved in this run. Sends are `newsletter send` in processes of their own, against
Postfix's smtp-sink and a SendGrid on loopback; their rates are the ledger's own times, from the first claim to the last
answer. `--people N` takes fewer for the freeze; the sends take shares of it. The aims stand beside; nothing is judged.
"""

import argparse
import contextlib
import json
import os
import platform
import smtplib
import sqlite3
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import posting
import receiving
from audience import Ran, ran, report_freeze
from posting import LONG, SHORT

KEY = "SG.a-key-of-the-benchmark"
ROUNDS = 3
REQUESTS = 30  # a round and side, over TLS
STOCK_REQUESTS = 5
RECIPIENTS = 10_000
BATCH = 500


def main() -> None:
    """Run, print, judge nothing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--only", choices=sorted(ROWS), action="append")
    parser.add_argument("--timed", nargs=2, metavar=("FOLDER", "CAMPAIGN"))
    parser.add_argument("--row", choices=sorted(ROWS), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.timed:
        _timed_send(Path(given.timed[0]), given.timed[1])
        return
    if given.row:
        with tempfile.TemporaryDirectory() as folder:
            ROWS[given.row](Path(folder), given.people)
        return
    print(
        f"{platform.platform()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f},"
        f" Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, sendgrid {version('sendgrid')}",
        flush=True,
    )
    for name in given.only or ROWS:
        print(flush=True)
        # In a process of its own: to Linux, the peak of a program includes that of whoever started it.
        subprocess.run([sys.executable, __file__, "--row", name, "--people", str(given.people)], check=True)


# --- SMTP ----------------------------------------------------------------------------------------------


def smtp(folder: Path, people: int) -> None:
    """Our sender with its ledger, one process and two, beside smtplib with ready bytes on one kept connection."""
    if receiving.sink() is None:
        print(f"SMTP: {receiving.NO_SINK}")
        return
    number = max(1_000, people // 500)
    taken: dict[str, list[float]] = {"bare": [], "one": [], "two": [], "two x 4": []}
    with receiving.relay() as port:
        settings = _smtp(port, connections=1)
        ready = _messages(posting.make(folder / "ready", number, settings), 100)
        size = statistics.mean(len(data) for _, _, data in ready)
        for turn in range(ROUNDS):
            taken["bare"].append(_bare_smtp(port, ready, number))
            for name, processes, connections in (("one", 1, 1), ("two", 2, 1), ("two x 4", 2, 4)):
                place = posting.make(folder / f"{name}{turn}", number, _smtp(port, connections=connections))
                taken[name].append(_sent_by(place, LONG, number, processes).rate_together)
    median = {name: statistics.median(rates) for name, rates in taken.items()}
    print(
        f"SMTP to smtp-sink, {number} messages of {size / 1000:.0f} KB, messages a second, median of {ROUNDS}"
    )
    print(f"  bare smtplib, one kept connection, ready bytes   {median['bare']:6.0f}")
    for name, what, aim in (
        ("one", "newsletter send, one process and connection", "(aim >= 0.85)"),
        ("two", "two processes, a connection each", "(aim >= 1.5)"),
        ("two x 4", "two processes, up to four connections each", ""),
    ):
        print(f"  {what:<48} {median[name]:6.0f}   {median[name] / median['bare']:.2f}x {aim}")


def _smtp(port: int, *, connections: int) -> str:
    relay = f'host = "127.0.0.1", port = {port}, tls = "none", connections = {connections}'
    return f'provider = "smtp"\nsmtp = {{ {relay} }}\n'


def _messages(folder: Path, number: int) -> list[tuple[str, str, bytes]]:
    from newsletter.mail.message import message

    return [
        (
            "hej@hejdigitalt.example",
            each.envelope.recipient,
            message(each.composition, each.values, each.envelope),
        )
        for each in posting.parcels(folder, LONG, number)
    ]


def _bare_smtp(port: int, ready: list[tuple[str, str, bytes]], number: int) -> float:
    with smtplib.SMTP("127.0.0.1", port) as connection:
        connection.ehlo()
        begun = time.perf_counter()
        for turn in range(number):
            sender, recipient, data = ready[turn % len(ready)]
            connection.sendmail(sender, recipient, data)
        return number / (time.perf_counter() - begun)


# --- the API -------------------------------------------------------------------------------------------


def transport(folder: Path, _people: int) -> None:
    """Our transport and the package's own, the same request over TLS to the same server."""
    import trustme
    from sendgrid import SendGridAPIClient

    from newsletter.providers.protocol import Answer, Request
    from newsletter.providers.sendgrid import SendGrid

    system = ssl.get_default_verify_paths().cafile
    known = Path(system).read_bytes() if system and Path(system).is_file() else b""
    authority = trustme.CA()
    (folder / "authorities.pem").write_bytes(known + authority.cert_pem.bytes())
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    project = posting.make(folder / "project", 1, _api(1))
    taken: dict[str, list[float]] = {"stock": [], "ours": []}
    with (
        _environment(SSL_CERT_FILE=str(folder / "authorities.pem")),
        receiving.api(certificate=str(folder / "server.pem")) as port,
    ):
        url = f"https://127.0.0.1:{port}"
        ours, stock = SendGrid(KEY, base_url=url), SendGridAPIClient(KEY, host=url)
        request = ours.prepare(posting.parcels(project, SHORT, 1))
        assert isinstance(request.payload, bytes)  # noqa: S101
        ready = json.loads(request.payload)

        def by_ours(one: Request = request) -> None:
            assert ours.hand_over(one).answer is Answer.ACCEPTED  # noqa: S101

        def by_package() -> None:
            assert stock.client.mail.send.post(request_body=ready).status_code == 202  # noqa: S101

        for _ in range(ROUNDS + 1):  # the first one warms up
            for name, work, times in (("stock", by_package, STOCK_REQUESTS), ("ours", by_ours, REQUESTS)):
                begun = time.process_time()
                for _ in range(times):
                    work()
                taken[name].append((time.process_time() - begun) / times)
        ours.close()
    stock_ms, ours_ms = (statistics.median(taken[name][1:]) * 1000 for name in ("stock", "ours"))
    print(
        f"One request of {len(request.payload) / 1000:.0f} KB over TLS, {known.count(b'BEGIN CERT')} authorities known"
        f" beside our own, CPU of the sender\n"
        f"  the sendgrid package's own transport              {stock_ms:8.2f} ms\n"
        f"  ours                                              {ours_ms:8.2f} ms   {stock_ms / ours_ms:.0f}x (aim >= 30)"
    )


def size(folder: Path, _people: int) -> None:
    """How many bytes go to the API: each letter in a request of its own, and as a send makes them."""
    from newsletter.providers.sendgrid import SendGrid

    project = posting.make(folder / "project", RECIPIENTS, _api(1))
    letters = posting.parcels(project, SHORT, RECIPIENTS)
    provider = SendGrid(KEY, base_url="http://127.0.0.1:1")
    alone = sum(len(_body(provider.prepare([letter]))) for letter in letters)
    begun = time.process_time()
    requests = [provider.prepare(letters[at : at + BATCH]) for at in range(0, len(letters), BATCH)]
    spent = time.process_time() - begun
    assert not any(request.apart for request in requests)  # noqa: S101
    shared = sum(len(_body(request)) for request in requests)
    tags = len(json.loads(_body(requests[0]))["personalizations"][0]["substitutions"])
    first = letters[0].letter
    assert first is not None  # noqa: S101
    print(
        f"{RECIPIENTS} recipients, {len(first.content.html.encode()) / 1000:.0f} KB of HTML, {tags} slots\n"
        f"  a request each                                    {alone / 1e6:8.1f} MB\n"
        f"  substitutions, {BATCH} a request                     {shared / 1e6:8.1f} MB   {alone / shared:.0f}x"
        f" (aim >= 30); planned at {RECIPIENTS / spent:,.0f} recipients a second of CPU"
    )


def _body(request: Any) -> bytes:
    assert isinstance(request.payload, bytes)  # noqa: S101
    return request.payload


def _api(port: int, *, batch: int = BATCH) -> str:
    delivery = f"[env.{posting.LIVE}.delivery]\nbatch_size = {batch}\n"
    return f'provider = "sendgrid"\nsendgrid = {{ base_url = "http://127.0.0.1:{port}" }}\n{delivery}'


def ledger(folder: Path, people: int) -> None:
    """The share of the store in what a batch takes, while the API answers after 200 ms."""
    number = max(BATCH * 10, people // 100)
    with receiving.api(answer_s=0.2) as port:
        place = posting.make(folder / "project", number, _api(port))
        with _environment(SENDGRID_API_KEY=KEY):
            told = json.loads(ran(__file__, "--timed", str(place), SHORT).told.splitlines()[-1])
    each = told["store"] / told["requests"] * 1000
    whole = told["request"] / told["requests"] * 1000
    print(
        f"Ledger beside a request, {BATCH} recipients, answered after 200 ms, {told['requests']} requests\n"
        f"  a request at the API                              {whole:8.1f} ms\n"
        f"  all that the store does for it                    {each:8.1f} ms   {each / whole:.1%} (aim <= 5 %)"
    )


def _timed_send(folder: Path, campaign: str) -> None:
    """`newsletter send` in this process, with a stopwatch on the store and on the provider while a run is sent."""
    from newsletter.cli.app import run
    from newsletter.delivery.sender import Sender
    from newsletter.providers.sendgrid import SendGrid
    from newsletter.store.store import Store

    watch = {"store": 0.0, "request": 0.0, "requests": 0}
    on: list[bool] = []

    def timed(kind: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            if on != [True]:  # outside of a send, or inside another call that is timed
                return work(*arguments, **named)
            on.append(False)
            begun = time.perf_counter()
            try:
                return work(*arguments, **named)
            finally:
                watch[kind] += time.perf_counter() - begun
                watch["requests"] += kind == "request"
                on.pop()

        return call

    deliver = Sender.deliver

    def delivered(*arguments: Any) -> Any:
        on.append(True)
        try:
            return deliver(*arguments)
        finally:
            on.pop()

    for owner in Store.__mro__:
        for name, work in [*vars(owner).items()]:
            if owner is not object and callable(work) and not name.startswith("_"):
                setattr(owner, name, timed("store", work))
    SendGrid.hand_over = timed("request", SendGrid.hand_over)  # type: ignore[method-assign]
    Sender.deliver = delivered  # type: ignore[method-assign]
    number = sum(1 for _ in (folder / "subscribers" / "alla.csv").open(encoding="utf-8")) - 1
    code = run(["-C", str(folder), "--env", posting.LIVE, "send", campaign, "--confirm", str(number), "-q"])
    if code:
        raise SystemExit(code)
    print(json.dumps(watch))


# --- whole sends ---------------------------------------------------------------------------------------


def whole(folder: Path, people: int) -> None:
    """A tenth of the people to an API that answers at once: one process, then two."""
    number = max(1_000, people // 10)
    print(f"{number} recipients to a SendGrid on loopback that answers at once")
    for processes in (1, 2):
        with receiving.api() as port:
            place = posting.make(folder / str(processes), number, _api(port))
            with _environment(SENDGRID_API_KEY=KEY):
                program(place, "segment", "load")
                sent = _sent_by(place, SHORT, number, processes)
            came = receiving.seen(port)
        assert came["recipients"] == number, came  # noqa: S101
        name = "one process" if processes == 1 else "two processes"
        print(
            f"  {name:<14} {sent.rate_together:8,.0f} recipients a second from claim to answer (aim > 10,000),"
            f" {number / sent.clock:,.0f} of the whole command; {sent.clock:.1f} s, peak {sent.mb} MB"
        )


class Sent(posting.Passed):
    """A send by one process or several: its times, the clock of all of it in seconds, the highest peak in MB."""

    clock: float = 0.0
    mb: int = 0


def _sent_by(folder: Path, campaign: str, number: int, processes: int) -> Sent:
    """`newsletter send`; several of them go on together with one that was paused right after it had begun."""
    if processes > 1:
        first = _send(folder, campaign, number)
        _wait_until_begun(folder)
        program(folder, "pause", campaign, "-q")
        _ended(first, expected=6)
        program(folder, "resume", campaign, "-q")
    begun = time.perf_counter()
    senders = [_send(folder, campaign, number) for _ in range(processes)]
    peaks = [_ended(one) for one in senders]
    clock = time.perf_counter() - begun
    sent = Sent(**vars(posting.passed(folder)))
    object.__setattr__(sent, "clock", clock)
    object.__setattr__(sent, "mb", max(peaks))
    return sent


def _send(folder: Path, campaign: str, number: int) -> "subprocess.Popen[bytes]":
    where = ["-C", str(folder), "--env", posting.LIVE]
    command = [sys.executable, "-m", "newsletter", *where, "send", campaign, "--confirm", str(number), "-q"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _ended(process: "subprocess.Popen[bytes]", *, expected: int = 0) -> int:
    """Waits; the peak of memory in MB."""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != expected:
        raise SystemExit(f"newsletter send: exit {process.returncode}")
    return used.ru_maxrss // 1024


def _wait_until_begun(folder: Path) -> None:
    from newsletter.delivery.ledger import STATE_FILE

    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        with contextlib.closing(sqlite3.connect(folder / STATE_FILE)) as own:
            if own.execute("SELECT 1 FROM attempt WHERE state = 'accepted'").fetchone():
                return
        time.sleep(0.05)
    raise SystemExit("the send did not begin")


def program(folder: Path, *arguments: str) -> Ran:
    return ran("-m", "newsletter", "-C", str(folder), "--env", posting.LIVE, *arguments)


def pause(folder: Path, people: int) -> None:
    """How long after `pause` something still goes over the wire, by both ways out."""
    number = max(1_000, people // 50)
    print(
        "pause NAME to the last byte on the wire, seconds after it was on record (and after the command began)"
    )
    with receiving.timed_relay() as (port, came):
        place = posting.make(folder / "smtp", number, _smtp(port, connections=4))
        begun, ended = _paused(place, LONG, number)
        last = max(came)
        _tell_pause("SMTP, four connections, 70 KB", place, begun, ended, last)
    with receiving.api(answer_s=0.2) as port, _environment(SENDGRID_API_KEY=KEY):
        place = posting.make(folder / "api", number, _api(port, batch=100))
        begun, ended = _paused(place, SHORT, number)
        _tell_pause(
            "API, 100 a request, answered after 200 ms", place, begun, ended, receiving.seen(port)["last"]
        )


def _paused(folder: Path, campaign: str, number: int) -> tuple[float, float]:
    """When `pause` was called and when it came back, by the wall clock; the send has ended then."""
    sender = _send(folder, campaign, number)
    _wait_until_begun(folder)
    begun = time.time()
    program(folder, "pause", campaign, "-q")
    ended = time.time()
    _ended(sender, expected=6)
    return begun, ended


def _tell_pause(what: str, folder: Path, begun: float, ended: float, last: float) -> None:
    after = max(0.0, last - posting.paused_at(folder))
    print(
        f"  {what:<44} {after:6.3f} s   ({max(0.0, last - begun):.3f} s; the command {ended - begun:.3f} s) (aim <= 1)"
    )


def freeze(folder: Path, people: int) -> None:
    """In `benchmarks/audience.py`, too: a bare insert of the people, batches and members, and ours."""
    report_freeze(folder, people)


@contextlib.contextmanager
def _environment(**variables: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


ROWS: dict[str, Callable[[Path, int], None]] = {
    "smtp": smtp,
    "transport": transport,
    "size": size,
    "ledger": ledger,
    "freeze": freeze,
    "whole": whole,
    "pause": pause,
}

if __name__ == "__main__":
    main()
