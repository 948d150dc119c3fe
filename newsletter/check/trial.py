"""A campaign tried out: every branch looked at, letters of its readers proved, and what the rest would be served."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from newsletter.check.letter import branch_findings, letter_findings
from newsletter.check.sources import Sources
from newsletter.check.stand_ins import NOBODY, stand_ins
from newsletter.check.survey import Survey
from newsletter.check.workspace import A_FEW, Workspace
from newsletter.errors import ChecksFailed, Place, Problem
from newsletter.render.composition import TRIAL, Composition

MANY = 10_000  # readers for whom an author may wait

Found = dict[tuple[str, Place | None], Problem]


def trial(workspace: Workspace, composition: Composition, *, thorough: bool) -> Iterator[Problem]:
    """What goes wrong for some readers.

    thorough: many are asked, and whoever can't be served is told; else a few: rehearsal and send ask everybody
    """
    everybody = workspace.readers(composition.campaign)
    people = workspace.some_readers(composition.campaign, MANY if thorough else A_FEW)
    survey = Survey(composition, everybody=len(everybody))
    found: Found = {}
    failed: Counter[tuple[str, Place | None]] = Counter()
    for number, reader in enumerate(people or [NOBODY]):
        try:
            values = composition.slots(reader, TRIAL)
        except ChecksFailed as fault:
            if people and (thorough or number == 0):
                found |= {(one.code, one.place): one for one in fault.problems}
                failed.update((one.code, one.place) for one in fault.problems)
            continue
        survey.add(reader, TRIAL, values)
        if number < A_FEW:
            for one in letter_findings(composition.campaign, composition.fill(values), workspace.settings):
                found.setdefault((one.code, one.place), one)
    try:
        composition.prove(people[:A_FEW])
    except ChecksFailed as fault:
        why = [problem for problem in found.values() if problem.is_error]
        unshown = all(problem.code == "M122" for problem in fault.problems)
        yield from why if unshown and why else fault.problems
        return
    for key, one in found.items():
        some = 0 < failed[key] < len(people)
        yield (
            replace(one, message=f"{one.message} (for {failed[key]:,} of {len(people):,} readers)")
            if some
            else one
        )
    yield from survey.problems() if people and thorough else ()
    yield from _in_branches(workspace, composition)


def _in_branches(workspace: Workspace, composition: Composition) -> Iterator[Problem]:
    """What is written in any branch, each once: the letters are nobody's, so they may be quoted."""
    sources = Sources(workspace.project, composition)
    readers = stand_ins(workspace.settings, workspace.columns)[:1]
    found: Found = {}
    for content in composition.branches(readers, TRIAL):
        for one in branch_findings(composition.campaign, content, TRIAL, sources):
            found.setdefault((one.code, one.place), one)
    yield from found.values()
