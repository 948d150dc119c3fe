"""Which addresses a campaign's letters lead to, and what is said of those that do not answer (`check --links`)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from newsletter.audience.models import Subscriber
from newsletter.campaigns.models import Campaign
from newsletter.check.asking import Answer, ask_all
from newsletter.check.letter import is_address
from newsletter.check.page import Page
from newsletter.check.sources import Sources
from newsletter.check.stand_ins import stand_ins
from newsletter.check.workspace import Workspace
from newsletter.errors import Place, Problem, Severity
from newsletter.render.composition import TRIAL, Composition

_GONE = frozenset({404, 410})


@dataclass
class LinkBook:
    """The addresses of letters, each with the places where authors wrote it."""

    met: dict[str, list[tuple[Campaign, Place]]] = field(default_factory=dict)
    personal: bool = False  # some differ from reader to reader: asking those would be a visit in their name

    def collect(self, workspace: Workspace, composition: Composition) -> None:
        """Note the web addresses in any branch that two readers who have nothing in common both get."""
        one, other = (
            self._addresses(composition, reader)
            for reader in stand_ins(workspace.settings, workspace.columns)
        )
        sources = Sources(workspace.project, composition)
        for url in one:
            if url in other:
                self.met.setdefault(url, []).append((composition.campaign, sources.place(url)))
        self.personal = self.personal or one.keys() != other.keys()

    def _addresses(self, composition: Composition, reader: Subscriber) -> dict[str, None]:
        pages = (Page.of(content.html) for content in composition.branches([reader], TRIAL))
        found = (url for page in pages for url in (*(link.url for link in page.links), *page.pictures))
        web = (url for url in found if url.lower().startswith(("https://", "http://")) and is_address(url))
        return {url: None for url in web if url != TRIAL.unsubscribe}

    def problems(self, ask: Callable[[list[str]], dict[str, Answer]] = ask_all) -> Iterator[Problem]:
        """Ask each address once: L150 where there is nothing, L151 where nobody can tell, L152 where it has moved."""
        for url, answer in ask([*self.met]).items():
            for campaign, place in self.met[url]:
                problem = _finding(url, answer, place)
                if problem and (problem.is_error or problem.code not in campaign.allow):
                    yield problem


def _finding(url: str, answer: Answer, place: Place) -> Problem | None:
    if answer.status in _GONE:
        hint = "look whether the address is spelt right, or whether the page has moved"
        return Problem("L150", f"{url} answers {answer.status}: there is nothing", place, hint)
    if answer.failure or answer.status >= 400:
        told = answer.failure or f"answers {answer.status}"
        hint = "open it in a browser: some sites refuse programs, some are down for a while"
        return Problem("L151", f"{url} {told}", place, hint, Severity.WARNING)
    if answer.moved:
        return Problem("L152", f"{url} has moved for good", place, answer.moved, Severity.HINT)
    return None
