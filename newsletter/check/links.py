"""Whether links answer: asked over the network, and only when somebody wants it (`check --links`)."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from newsletter import __version__
from newsletter.campaigns.models import Campaign
from newsletter.check.page import Page
from newsletter.check.sources import Sources
from newsletter.check.trial import NOBODY, TRIAL
from newsletter.check.workspace import Workspace
from newsletter.errors import ChecksFailed, Place, Problem, Severity
from newsletter.render.composition import Composition

if TYPE_CHECKING:
    import requests

READERS = 50  # whose letters are looked through
AT_ONCE, AT_ONE_HOST = 8, 2
CONNECT_S, READ_S = 5.0, 10.0
_REDIRECTS = 5
_GONE = frozenset({404, 410})
_NO_HEAD = frozenset({400, 403, 404, 405, 406, 410, 500, 501})  # answers of servers that know GET only


@dataclass(frozen=True)
class Answer:
    """What an address gave: a status with where it was moved to for good, or why nothing came."""

    status: int = 0
    moved: str = ""
    failure: str = ""


@dataclass
class LinkBook:
    """The addresses of letters, each with the places where authors wrote it."""

    met: dict[str, list[tuple[Campaign, Place]]] = field(default_factory=dict)
    personal: int = (
        0  # addresses that differ from reader to reader: asking them would be a visit in their name
    )

    def collect(self, workspace: Workspace, composition: Composition) -> None:
        """Note the web addresses that more than one reader gets."""
        readers = [*workspace.some_readers(composition.campaign, READERS), NOBODY]
        counted: Counter[str] = Counter()
        for reader in readers:
            try:
                html = composition.fill(composition.slots(reader, TRIAL)).html
            except ChecksFailed:
                continue
            page = Page.of(html)
            counted.update({*(link.url for link in page.links), *page.pictures})
        sources = Sources(workspace.project, composition)
        for url, times in counted.items():
            if url.lower().startswith(("https://", "http://")) and url != TRIAL.unsubscribe:
                if times > 1:
                    self.met.setdefault(url, []).append((composition.campaign, sources.place(url)))
                else:
                    self.personal = True

    def problems(self) -> Iterator[Problem]:
        """Ask each address once: L150 where there is nothing, L151 where nobody can tell, L152 where it has moved."""
        for url, answer in zip(self.met, self._answers(), strict=True):
            found = _finding(url, answer)
            if found is None:
                continue
            code, message, hint, severity = found
            for campaign, place in self.met[url]:
                if severity is Severity.ERROR or code not in campaign.allow:
                    yield Problem(code, message, place, hint, severity)

    def _answers(self) -> list[Answer]:
        hosts = {urlsplit(url).netloc: threading.Semaphore(AT_ONE_HOST) for url in self.met}

        def ask(url: str) -> Answer:
            with hosts[urlsplit(url).netloc]:
                return answer_of(url)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            return [*pool.map(ask, self.met)]


def answer_of(url: str) -> Answer:
    """Ask for the head, and for the page where a server knows no heads; reads no body and keeps no cookie."""
    import requests

    with requests.Session() as session:
        session.max_redirects = _REDIRECTS
        session.auth = lambda request: request  # nobody's password from a .netrc
        session.headers["User-Agent"] = f"newsletter/{__version__} (check --links)"
        try:
            reply = _asked(session, "HEAD", url)
            if reply.status_code in _NO_HEAD:
                reply = _asked(session, "GET", url)
        except requests.exceptions.TooManyRedirects:
            return Answer(failure="leads in circles")
        except requests.exceptions.SSLError:
            return Answer(failure="has a certificate that does not hold")
        except requests.exceptions.Timeout:
            return Answer(failure=f"did not answer within {READ_S:.0f} seconds")
        except (
            requests.exceptions.RequestException,
            ValueError,
        ):  # urllib3 lets some addresses out as ValueError
            return Answer(failure="could not be reached")
    for_good = bool(reply.history) and all(one.status_code in (301, 308) for one in reply.history)
    return Answer(reply.status_code, reply.url if for_good else "")


def _asked(session: "requests.Session", method: str, url: str) -> "requests.Response":
    with session.request(
        method, url, timeout=(CONNECT_S, READ_S), allow_redirects=True, stream=True
    ) as reply:
        return reply


def _finding(url: str, answer: Answer) -> tuple[str, str, str, Severity] | None:
    if answer.status in _GONE:
        message = f"{url} answers {answer.status}: there is nothing"
        return (
            "L150",
            message,
            "look whether the address is spelt right, or whether the page has moved",
            Severity.ERROR,
        )
    if answer.failure or answer.status >= 400:
        told = answer.failure or f"answers {answer.status}"
        hint = "open it in a browser: some sites refuse programs, some are down for a while"
        return "L151", f"{url} {told}", hint, Severity.WARNING
    if answer.moved:
        return "L152", f"{url} has moved for good", answer.moved, Severity.HINT
    return None
