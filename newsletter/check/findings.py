"""All findings about the project's files, or about one campaign: what `check`, rehearsal and send stop on."""

from collections.abc import Iterable
from functools import partial

from newsletter.audience.leaving import EVERYTHING, scope_of
from newsletter.campaigns.models import Campaign, Sequence
from newsletter.check.codes import explanations
from newsletter.check.links import LinkBook
from newsletter.check.trial import trial
from newsletter.check.workspace import Workspace
from newsletter.errors import ChecksFailed, NewsletterError, Place, Problem, Severity, did_you_mean
from newsletter.files.project import SETTINGS_FILE
from newsletter.render.composition import Composition


def check_campaign(
    workspace: Workspace, campaign: Campaign, *, thorough: bool = False
) -> tuple[Composition | None, tuple[Problem, ...]]:
    """Compose one campaign and collect its findings; None when it does not compose.

    thorough: as many readers are asked as an author may wait for, and whoever can't be served is an error
    Findings whose code stands in the campaign's `allow` are left out, unless they are errors.
    """
    problems = [*workspace.catalogue.problems.get(campaign.id, ())]
    problems += _unknown_names(workspace, [(campaign.segment, campaign, "segment")])
    problems += _unknown_names(workspace, [(name, campaign, "exclude") for name in campaign.exclude])
    if not (campaign.sender or workspace.settings.sender.from_):
        problems.append(
            Problem(
                "G107",
                f"`{campaign.id}` has no sender",
                Place(SETTINGS_FILE, 1, 1),
                'under [sender]: from = "HejDigitalt <hej@example.org>", or `from` in the campaign',
            )
        )
    problems += _unknown_codes(campaign)
    composition = None
    try:
        composition = workspace.compose(campaign)
    except ChecksFailed as failed:
        problems += failed.problems
    else:
        problems += composition.findings
        problems = _told_once([*problems, *trial(workspace, composition, thorough=thorough)])
        from newsletter.check.written import written_findings  # reads CSS: only where something was composed

        problems += written_findings(composition, workspace.settings)
    return composition, tuple(p for p in problems if p.is_error or p.code not in campaign.allow)


def _told_once(problems: list[Problem]) -> list[Problem]:
    """Without links that lead nowhere (L104) where the text's own finding (C127) tells them better."""
    in_text = {problem.place for problem in problems if problem.code == "C127"}
    return [problem for problem in problems if problem.code != "L104" or problem.place not in in_text]


def _unknown_codes(campaign: Campaign) -> Iterable[Problem]:
    for code in sorted(campaign.allow - explanations().keys()):
        hint = did_you_mean(code, explanations(), otherwise="take it out, or `newsletter explain CODE`")
        message = f"there is no finding `{code}` that could be allowed"
        yield Problem("F305", message, campaign.place("allow"), hint, Severity.WARNING)


def check_sequence(
    workspace: Workspace, sequence: Sequence, links: LinkBook | None = None
) -> tuple[Problem, ...]:
    problems = [*workspace.catalogue.problems.get(sequence.id, ())]
    problems += _unknown_names(workspace, [(sequence.segment, sequence, "segment")])
    problems += _unknown_names(workspace, [(name, sequence, "exit") for name in sequence.exit])
    for step in sequence.steps:
        problems += _check_for_author(workspace, step.campaign, links)
    return tuple(problems)


def _check_for_author(
    workspace: Workspace, campaign: Campaign, links: LinkBook | None
) -> tuple[Problem, ...]:
    composition, problems = check_campaign(workspace, campaign, thorough=True)
    if links is not None and composition is not None:
        links.collect(workspace, composition)
    return problems


def check_people(workspace: Workspace) -> tuple[Problem, ...]:
    """What is wrong with lists and segments; a broken list is an error only for who asks for it."""
    problems: list[Problem] = []
    for name in sorted(workspace.audience.problems):
        problems += workspace.audience.problems[name]
    problems += [problem for told in workspace.personas.problems.values() for problem in told]
    problems += tracked_lists(workspace)
    problems += left_lists(workspace)
    problems += workspace.segments.problems
    for name in workspace.segments.names:
        try:
            problems += workspace.segments.findings(name, partial(_missing, workspace, name))
        except ChecksFailed as failed:  # it asks for a list that can't be read
            problems += failed.problems
    return tuple(problems)


def tracked_lists(workspace: Workspace) -> list[Problem]:
    """Lists in git that hold an address of somebody real; none where there is no git, or no repository."""
    found: list[Problem] = []
    files = [*workspace.audience.lists.values(), *workspace.personas.lists.values()]
    outside = [each for each in files if each.outside]
    tracked = workspace.project.tracked("subscribers") if outside else frozenset()
    for each in outside:
        if each.file in tracked:
            message = "git tracks this list, and here stands an address outside the reserved domains"
            hint = f"git rm --cached {each.file}"
            found.append(Problem("A135", message, Place(each.file, each.outside), hint))
    return found


def left_lists(workspace: Workspace) -> Iterable[Problem]:
    """Opt-outs from lists that are no more; a send whose recipients they concern is refused."""
    left = workspace.left()
    for scope in sorted(gone_lists(workspace, left)):
        people = "1 person" if left[scope] == 1 else f"{left[scope]} people"
        message = f"{people} left the list `{scope}`, which is not there any more"
        yield Problem("A140", message, Place(SETTINGS_FILE), called_as_before(scope), Severity.WARNING)


def gone_lists(workspace: Workspace, scopes: Iterable[str]) -> frozenset[str]:
    """Those of the scopes whose list is not there; `[list.NAME] gone` in the settings says that somebody saw to it."""
    audience = workspace.audience
    seen_to = (name for name, ground in workspace.settings.list.items() if ground.gone)
    known = map(scope_of, (*audience.lists, *audience.problems, *seen_to))
    return frozenset(scopes).difference((EVERYTHING, *known))


def called_as_before(scope: str) -> str:
    """What to do about a list that was given another name."""
    return f"call it as before; or take its opt-outs to its new name, then [list.{scope}] gone = true"


def _missing(workspace: Workspace, segment: str, column: str) -> int:
    return workspace.count(segment, missing=column)


def broken_lists(workspace: Workspace) -> list[Problem]:
    """Lists that can't be read: a send that might miss people or their opt-outs must not start.

    An opt-out in any file holds for the whole project, so one unreadable list stops every campaign.
    """
    audience = workspace.audience
    return [
        problem
        for name in sorted(audience.problems)
        for problem in audience.problems[name]
        if problem.is_error and (name not in audience.lists or problem.code == "A120")  # a second file unread
    ]


def check_project(
    workspace: Workspace, names: Iterable[str] = (), links: LinkBook | None = None
) -> tuple[Problem, ...]:
    """All findings, or those of the named campaigns and sequences with the errors of lists and segments.

    links: to be filled, and asked over the network
    Raises UsageFault for an unknown name.
    """
    wanted = [workspace.resolve_name(name) for name in names]
    people = check_people(workspace)
    problems = [problem for problem in people if problem.is_error or not wanted]
    for name in wanted or workspace.catalogue.names():
        try:
            if sequence := workspace.sequence(name):
                problems += check_sequence(workspace, sequence, links)
            else:
                problems += _check_for_author(workspace, workspace.campaign(name), links)
        except ChecksFailed as failed:
            problems += failed.problems
    problems += links.problems() if links is not None else ()
    if not wanted and not workspace.catalogue.names():
        problems.append(_nothing_to_send())
    return in_reading_order(problems)


def in_reading_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """By file and place, each finding once."""

    def key(problem: Problem) -> tuple[str, int, int, str]:
        place = problem.place
        return (
            (place.file, place.line or 0, place.column or 0, problem.code)
            if place
            else ("", 0, 0, problem.code)
        )

    return tuple(sorted(dict.fromkeys(problems), key=key))


def _unknown_names(
    workspace: Workspace, names: Iterable[tuple[str, Campaign | Sequence, str]]
) -> Iterable[Problem]:
    for name, owner, key in names:
        if not name:
            continue
        try:
            workspace.segments.require(name, owner.place(key))
        except NewsletterError as failed:
            yield from failed.problems


def _nothing_to_send() -> Problem:
    return Problem(
        "F390",
        "there is no campaign in campaigns/ yet",
        hint="a campaign is a file campaigns/NAME.md",
        severity=Severity.WARNING,
    )
