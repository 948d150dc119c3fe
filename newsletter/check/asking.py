"""Web addresses asked whether they answer: many at once, few of one host, never for longer than somebody waits."""

import ipaddress
import queue
import socket
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from newsletter import __version__
from newsletter.settings.web import is_loopback

if TYPE_CHECKING:
    import requests

AT_ONCE, AT_ONE_HOST = 8, 2
CONNECT_S, READ_S = 5.0, 10.0  # a connection, and each piece of an answer's head
TOTAL_S = 120.0  # all of them: a server that drips does not hold up the rest for longer
REDIRECTS = 5
_NO_HEAD = frozenset({400, 403, 404, 405, 406, 410, 500, 501})  # answers of servers that know GET only
_FOR_GOOD = frozenset({301, 308})


@dataclass(frozen=True)
class Answer:
    """What an address gave: a status with where it was moved to for good, or why nothing came."""

    status: int = 0
    moved: str = ""
    failure: str = ""
    at: str = ""  # where it ended behind all redirects
    kind: str = ""  # the media type, without parameters, in lower case
    size: int | None = None  # bytes, where the answer tells them


class _Refused(Exception):
    """A redirect that is not followed; the text says why."""


def ask_all(urls: Iterable[str], *, total_s: float = TOTAL_S) -> dict[str, Answer]:
    """An answer for each, in their order. Who has not answered after total_s seconds is left behind."""
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    answers: dict[str, Answer] = dict.fromkeys(
        urls, Answer(failure="was not asked: the others took too long")
    )
    for url in answers:
        waiting.put(url)
    hosts = {urlsplit(url).netloc: threading.Semaphore(AT_ONE_HOST) for url in answers}
    ended = time.monotonic() + total_s

    def work() -> None:
        while time.monotonic() < ended:
            try:
                url = waiting.get_nowait()
            except queue.Empty:
                return
            with hosts[urlsplit(url).netloc]:
                answers[url] = Answer(failure="did not answer in time")  # unless it does
                answers[url] = answer_of(url)

    # Daemons: an answer that never ends must not keep the program from ending.
    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(AT_ONCE, len(answers)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, ended - time.monotonic()))
    return dict(answers)


def answer_of(url: str) -> Answer:
    """Ask for the head, and for the page where a server knows no heads. Reads no body, keeps no cookie."""
    import requests

    try:
        with requests.Session() as session:
            session.headers["User-Agent"] = f"newsletter/{__version__}"
            session.auth = lambda request: request  # nobody's password from a .netrc
            return _followed(session, url)
    except _Refused as refused:
        return Answer(failure=str(refused))
    except requests.exceptions.SSLError:
        return Answer(failure="has a certificate that does not hold")
    except requests.exceptions.Timeout:
        return Answer(failure=f"did not answer within {READ_S:.0f} seconds")
    except (
        requests.exceptions.RequestException,
        ValueError,
    ):  # urllib3 lets some addresses out as ValueError
        return Answer(failure="could not be reached")


def _followed(session: "requests.Session", url: str) -> Answer:
    """Redirects are followed by hand: their bodies are not read, and none leads into this machine or network."""
    at, for_good = url, True
    inside = _is_inside(url)
    for _ in range(REDIRECTS + 1):
        status, headers = _asked(session, at)
        to = headers.get("Location", "") if 300 <= status < 400 else ""
        if not to:
            moved = at if at != url and for_good else ""
            return Answer(status, moved, at=at, kind=_kind(headers), size=_size(headers))
        for_good = for_good and status in _FOR_GOOD
        at = urljoin(at, to)
        if not inside and _is_inside(at):
            raise _Refused("leads to an address inside a private network")
    raise _Refused("leads in circles")


def _kind(headers: Mapping[str, str]) -> str:
    return headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _size(headers: Mapping[str, str]) -> int | None:
    """What is there, not what is sent of it: a packed answer tells another number."""
    told = headers.get("Content-Length", "")
    return int(told) if told.isdecimal() and "Content-Encoding" not in headers else None


def _asked(session: "requests.Session", url: str) -> tuple[int, Mapping[str, str]]:
    """The status, and the headers."""
    status = 0
    headers: Mapping[str, str] = {}
    for method in ("HEAD", "GET"):
        with session.request(
            method, url, timeout=(CONNECT_S, READ_S), allow_redirects=False, stream=True
        ) as reply:
            status, headers = reply.status_code, reply.headers
        if status not in _NO_HEAD:
            break
    return status, headers


def _is_inside(url: str) -> bool:
    """Whether a host is this machine or one of a private network, by all the addresses that it has."""
    host = urlsplit(url).hostname or ""
    if is_loopback(host):
        return True
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, None)}
        return any(not ipaddress.ip_address(str(one).partition("%")[0]).is_global for one in found)
    except (OSError, ValueError):  # it can't be asked anyway
        return False
