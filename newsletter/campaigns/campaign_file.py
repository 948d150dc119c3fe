"""One Markdown file with front matter becomes a Campaign."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from newsletter.campaigns import keys
from newsletter.campaigns.clock import local_to_utc
from newsletter.campaigns.layers import Defaults, Handed, merged, only, places, without_refused
from newsletter.campaigns.models import Campaign, Status, StepRef, Utm
from newsletter.errors import ChecksFailed, Place, Problem, Severity
from newsletter.files.models import Strict, validate
from newsletter.files.project import Project
from newsletter.files.toml import Document, split_front_matter
from newsletter.settings.model import Settings

M = TypeVar("M", bound=Strict)
MISSING = "F104"


@dataclass(frozen=True)
class Letter:
    """A file taken apart at its fences."""

    document: Document
    body: str
    body_line: int


def read_letter(project: Project, file: str) -> Letter:
    """Raises ChecksFailed: no UTF-8, no front matter, no TOML."""
    parts = split_front_matter(project.read_text(file), file=file)
    if parts is None:
        raise ChecksFailed(
            Problem(
                "F301",
                "the file does not begin with its keys",
                Place(file, 1, 1),
                "begin it with TOML between two lines `+++`; a file that is no campaign gets a name with `_`",
            )
        )
    return Letter(*parts)


def checked(
    model: type[M],
    document: Document,
    problems: list[Problem],
    *,
    elsewhere: Mapping[str, str],
    handed: Handed,
) -> M | None:
    """The document as a model, or None and what is wrong added to `problems`."""
    try:
        return validate(model, document, known_elsewhere=elsewhere)
    except ChecksFailed as failed:
        # What is missing may stand in the file of defaults that could not be read.
        problems += [each for each in failed.problems if not (handed.unread and each.code == MISSING)]
        return None


def in_order(problems: Iterable[Problem], file: str) -> tuple[Problem, ...]:
    """Each once, though a mistake in a shared file is found wherever it is handed down; `file`'s own first."""

    def order(problem: Problem) -> tuple[bool, str, int, int]:
        place = problem.place or Place("")
        return place.file != file, place.file, place.line or 0, place.column or 0

    return tuple(sorted(dict.fromkeys(problems), key=order))


def load_campaign(
    project: Project, settings: Settings, defaults: Defaults, *, name: str, file: str
) -> tuple[Campaign | None, tuple[Problem, ...]]:
    """The campaign, None if anything is wrong with it; and all problems, which may be mere hints."""
    handed = defaults.of(file.rpartition("/")[0])
    try:
        letter = read_letter(project, file)
    except ChecksFailed as failed:
        return None, in_order((*failed.problems, *handed.problems), file)
    own, problems = without_refused(letter.document, {}, where=keys.A_CAMPAIGN)
    document = merged([*handed.documents, own], file=file)
    written = checked(
        keys.CampaignKeys, document, problems, elsewhere=keys.ELSEWHERE_THAN_CAMPAIGN, handed=handed
    )
    problems += handed.problems
    if written is None or problems:
        return None, in_order(problems, file)
    zone = ZoneInfo(written.timezone or settings.timezone)
    send_at, hints = _instant(written.send_at, zone, document.value("send_at"))
    campaign = Campaign(
        id=name,
        file=file,
        body=letter.body,
        body_line=letter.body_line,
        subject=written.subject,
        template=written.template,
        language=written.language or settings.language,
        status=Status(written.status),
        preheader=written.preheader,
        segment=written.segment,
        exclude=written.exclude,
        send_at=send_at,
        timezone=zone.key,
        data=written.data,
        sender=written.sender,
        reply_to=written.reply_to,
        tags=written.tags,
        attachments=written.attachments,
        allow=written.allow,
        utm=_utm(written.utm),
        per_second=written.per_second,
        per_day=written.per_day,
        late_after=written.late_after,
        places=places(document),
        sources=(file, *handed.files),
    )
    return campaign, hints


@dataclass(frozen=True)
class Surroundings:
    """What a step has from its sequence."""

    defaults: Handed
    shared: Document  # the keys of sequence.toml that hold for every step
    status: Status
    timezone: str


def load_step(
    project: Project, settings: Settings, around: Surroundings, *, ref: StepRef, file: str
) -> tuple[Campaign | None, tuple[Problem, ...]]:
    """The step's mail as a Campaign without segment and time; or None and all that is wrong in its file.

    Problems of sequence.toml and of the files of defaults may come again: they are the sequence's.
    """
    try:
        letter = read_letter(project, file)
    except ChecksFailed as failed:
        return None, failed.problems
    own, problems = without_refused(letter.document, keys.NOT_IN_STEP, where=keys.A_STEP)
    layers = [_for_steps(layer) for layer in around.defaults.documents]
    document = merged([*layers, around.shared, own], file=file)
    written = checked(
        keys.StepKeys, document, problems, elsewhere=keys.ELSEWHERE_THAN_CAMPAIGN, handed=around.defaults
    )
    problems = [_for_all_steps(problem) for problem in problems]
    if written is None or problems:
        return None, in_order(problems, file)
    campaign = Campaign(
        id=f"{ref.sequence}/{ref.id}",
        file=file,
        body=letter.body,
        body_line=letter.body_line,
        subject=written.subject,
        template=written.template,
        language=written.language or settings.language,
        status=around.status,
        preheader=written.preheader,
        exclude=written.exclude,
        timezone=around.timezone,
        data=written.data,
        sender=written.sender,
        reply_to=written.reply_to,
        tags=written.tags,
        attachments=written.attachments,
        allow=written.allow,
        utm=_utm(written.utm),
        per_second=written.per_second,
        per_day=written.per_day,
        step=ref,
        places=places(document),
        sources=(file, around.shared.file, *around.defaults.files),
    )
    return campaign, ()


def _utm(written: keys.UtmKeys | None) -> Utm | None:
    return Utm(written.hosts, written.source, written.medium) if written else None


def _for_all_steps(problem: Problem) -> Problem:
    """A template is mostly named once for the whole sequence."""
    if problem.code == MISSING and "template" in problem.message:
        return replace(problem, hint=f"{problem.hint} in sequence.toml, for all steps")
    return problem


def _for_steps(layer: Document) -> Document:
    return only(layer, keys.names_of(keys.StepKeys))


def _instant(
    written: datetime | None, zone: ZoneInfo, place: Place
) -> tuple[datetime | None, tuple[Problem, ...]]:
    """When it goes, in UTC; and a hint where that is another clock time than the written one."""
    if written is None:
        return None, ()
    if written.tzinfo is not None:
        return written.astimezone(UTC), ()
    instant = local_to_utc(written, zone)
    shown = instant.astimezone(zone).replace(tzinfo=None)
    if shown == written:
        return instant, ()
    message = f"`send_at`: {written:%H:%M} does not exist on {written:%Y-%m-%d} in {zone.key}"
    hint = f"it goes at {shown:%H:%M}, when the clocks have changed"
    return instant, (Problem("F304", message, place, hint, Severity.HINT),)
