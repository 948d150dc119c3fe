"""A campaign tried out on readers of its list: their letters looked at and proved, and what the rest would read."""

from collections.abc import Iterable, Iterator

from newsletter.audience.models import Subscriber
from newsletter.check.letter import letter_findings
from newsletter.check.survey import Survey
from newsletter.check.workspace import A_FEW, Workspace
from newsletter.errors import ChecksFailed, Place, Problem
from newsletter.render.composition import Composition, Links, Values

MANY = 10_000  # readers for whom an author may wait
TRIAL = Links(unsubscribe="https://newsletter.invalid/")
NOBODY = Subscriber(key="", email="", address="", memberships=())


def trial(workspace: Workspace, composition: Composition, *, thorough: bool) -> Iterator[Problem]:
    """What goes wrong for some readers. A rehearsal asks everybody.

    thorough: many are asked, and whoever can't be served is told; else a few, and a send serves the others
    Nobody in the list is stood in for by a reader without any fields.
    """
    people = workspace.some_readers(composition.campaign, MANY if thorough else A_FEW)
    survey = Survey(composition)
    found: dict[tuple[str, Place | None], Problem] = {}
    for number, reader in enumerate(people or [NOBODY]):
        try:
            values = composition.slots(reader, TRIAL)
        except ChecksFailed as failed:
            if people and (thorough or number == 0):
                found |= _by_place(failed.problems)
            if number == 0:
                break
            continue
        survey.add(reader, values)
        if number < A_FEW:
            found = _by_place(_looked_at(workspace, composition, values)) | found
    try:
        composition.prove(people[:A_FEW])
    except ChecksFailed as failed:
        why = [problem for problem in found.values() if problem.is_error]
        unshown = all(problem.code == "M122" for problem in failed.problems)
        yield from why if unshown and why else failed.problems
        return
    yield from found.values()
    yield from survey.problems() if people else ()


def _looked_at(workspace: Workspace, composition: Composition, values: Values) -> Iterable[Problem]:
    content = composition.fill(values)
    return letter_findings(workspace.project, workspace.settings, composition, content, TRIAL)


def _by_place(problems: Iterable[Problem]) -> dict[tuple[str, Place | None], Problem]:
    return {(problem.code, problem.place): problem for problem in problems}
