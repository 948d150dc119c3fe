"""The rails before a live send that ask the network: readers' pages and pictures answer where letters say they are."""

from newsletter.check.workspace import Workspace
from newsletter.delivery.letters_pictures import picture_addresses, picture_problems, pictures_need
from newsletter.delivery.readers_pages import pages_need, pages_problems
from newsletter.errors import GuardRefused, Problem
from newsletter.providers.open import stays_on_this_machine
from newsletter.render.composition import Composition


def reachable_guard(workspace: Workspace, composition: Composition, ledger: str) -> None:
    """Raises GuardRefused with all that does not answer (G136, G137, G163).

    Not asked when nothing leaves: no live provider, or one on a loopback address.
    """
    settings = workspace.settings
    if _stays(workspace):
        return
    problems = pages_problems(settings.public_url, ledger) if settings.public_url else ()
    problems += picture_problems(workspace, composition)
    if problems:
        raise GuardRefused(*problems, next_steps=["newsletter publish"] if _lacks_pictures(problems) else ())


def reachable_needs(workspace: Workspace, composition: Composition) -> tuple[Problem, ...]:
    """What a rehearsal says of them: they are asked at the live send."""
    settings = workspace.settings
    if _stays(workspace):
        return ()
    needs = (pages_need(settings.public_url),) if settings.public_url else ()
    number = len(picture_addresses(workspace, composition))
    return (*needs, pictures_need(number)) if number else needs


def _stays(workspace: Workspace) -> bool:
    return not workspace.settings.live or stays_on_this_machine(workspace.settings)


def _lacks_pictures(problems: tuple[Problem, ...]) -> bool:
    return any(problem.code == "G163" for problem in problems)
