"""The rehearsal: every recipient rendered and written out, no socket opened, no ledger row touched."""

import base64
import csv
import heapq
import io
import json
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from newsletter.audience.address import mask
from newsletter.audience.models import Subscriber
from newsletter.check.survey import Survey
from newsletter.check.workspace import MORE, Workspace, sample
from newsletter.delivery.going_on import nobody_left
from newsletter.delivery.grounds import Ground, Grounds
from newsletter.delivery.guards import ledger_needs, live_needs, size_needs
from newsletter.delivery.parcels import Packer
from newsletter.delivery.plan import Plan, covered
from newsletter.delivery.reachable import reachable_needs
from newsletter.delivery.requests import Requests
from newsletter.errors import ChecksFailed, Problem
from newsletter.files.atomic import write_atomically
from newsletter.mail.links import sid
from newsletter.mail.message import message
from newsletter.providers.protocol import Parcel
from newsletter.render.composition import Condition, InlinePicture, Links
from newsletter.settings.secret import throwaway_secret

Progress = Callable[[int, int], None]
"""Told (done, of how many) as recipients are served."""

SHOWN_FAILURES = 20  # a field that fails for a million people is one mistake, not a million lines


@dataclass(frozen=True)
class Sample:
    """One message to look at: who it stands for, and its parts."""

    label: str
    masked: str
    subject: str
    preheader: str
    html: str
    text: str
    eml: str  # the file's name below `samples/`
    size: int  # bytes of the whole message


@dataclass
class Rehearsal:
    """What a send would have done. `needs`: what only a live send asks for."""

    plan: Plan
    folder: Path
    samples: list[Sample] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    needs: tuple[Problem, ...] = ()
    failed: int = 0  # recipients that could not be rendered
    sizes: list[int] = field(default_factory=list)  # bytes, in the order of the recipients
    subjects: list[str] = field(default_factory=list)
    readers: dict[Condition, int] = field(default_factory=dict)  # how many read what an `::: only` holds
    grounds: tuple[Ground, ...] = ()  # on which the recipients are written to
    requests: int = 0
    duration_s: float = 0.0
    html_bytes: dict[str, int] = field(
        default_factory=dict
    )  # what is everybody's, the smallest letter, the largest
    proof: str = ""  # in a line, what was proved of the slots

    @property
    def passed(self) -> bool:
        return not any(problem.is_error for problem in self.problems)

    def take(self, survey: Survey) -> None:
        """What everybody was asked."""
        static = self.plan.composition.static_size
        self.html_bytes = {"static": static, "smallest": survey.smallest, "largest": survey.html.number}
        allowed = self.plan.campaign.allow
        self.problems += [one for one in survey.problems() if one.is_error or one.code not in allowed]

    def size(self) -> dict[str, int]:
        """Bytes of the largest and of the median message."""
        return {"max": max(self.sizes, default=0), "median": round(statistics.median(self.sizes or [0]))}


def rehearse(
    workspace: Workspace,
    plan: Plan,
    folder: Path,
    *,
    samples: int,
    ledger: str | None = None,
    in_doubt: Problem | None = None,
    progress: Progress | None = None,
) -> Rehearsal:
    """Render every recipient of the plan and leave samples, recipients.csv, excluded.csv and plan.json in `folder`.

    ledger: the name of the database that is here, None where there is none
    in_doubt: why nothing goes from that one until a human has looked
    Writes nothing else; a recipient that can't be rendered is a problem, not an exception.
    """
    started = time.monotonic()
    (folder / "samples").mkdir(parents=True, exist_ok=True)
    result = Rehearsal(plan, folder, problems=list(plan.findings))
    result.needs = (in_doubt,) if in_doubt else ()
    result.needs += size_needs(workspace, plan) + live_needs(workspace, plan)
    if not plan.recipients and plan.campaign.step is None:
        result.needs += (nobody_left(plan),)
    if workspace.settings.live:
        result.needs += ledger_needs(workspace, ledger) + reachable_needs(workspace, plan.composition)
    try:
        result.proof = plan.composition.prove(sample(plan.recipients, plan.campaign.id, MORE))
    except ChecksFailed as failed:
        result.problems += failed.problems
    secret = throwaway_secret()
    packer = Packer.of(workspace, plan.composition, secret, plan.opt_outs)
    survey, requests = Survey(plan.composition), Requests(workspace.settings)
    grounds = Grounds(workspace.settings)
    chosen = pick_samples(plan.recipients, samples)
    rows: list[tuple[Subscriber, str, int]] = []
    failures: dict[tuple[str, str], Problem] = {}
    for number, person in enumerate(plan.recipients, 1):
        grounds.add(person, packer.list_of(person))
        try:
            parcel = packer.parcel(person, sid(secret, 0, number, "rehearsal", 0))
            raw = message(parcel.composition, parcel.values, parcel.envelope, parcel.letter)
        except ChecksFailed as failed:
            result.failed += 1
            for problem in failed.problems:
                failures.setdefault((problem.code, str(problem.place)), problem)
            continue
        survey.add(person, Links(parcel.envelope.unsubscribe), parcel.values)
        requests.add(parcel)
        subject = parcel.letter.content.subject if parcel.letter else ""
        rows.append((person, subject, len(raw)))
        if label := chosen.get(person.key):
            result.samples.append(_keep_sample(folder, len(result.samples) + 1, label, person, parcel, raw))
        if progress:
            progress(number, len(plan.recipients))
    result.problems += list(failures.values())[:SHOWN_FAILURES]
    result.take(survey)
    result.sizes = [size for _, _, size in rows]
    result.subjects = list(dict.fromkeys(subject for _, subject, _ in rows))[:5]
    result.readers = _readers(workspace, plan)
    result.grounds = grounds.found()
    result.requests = requests.total()
    result.problems += requests.problems(plan.campaign)
    result.duration_s = round(time.monotonic() - started, 3)
    write_atomically(folder / "recipients.csv", _recipients_csv(rows))
    write_atomically(folder / "excluded.csv", _excluded_csv(plan))
    write_atomically(folder / "plan.json", _plan_json(workspace, result))
    return result


def _readers(workspace: Workspace, plan: Plan) -> dict[Condition, int]:
    return {
        condition: sum(
            workspace.is_member(condition.segment, person) is not condition.negated
            for person in plan.recipients
        )
        for condition in plan.composition.conditions
    }


def _keep_sample(
    folder: Path, number: int, label: str, person: Subscriber, parcel: Parcel, raw: bytes
) -> Sample:
    content = parcel.composition.fill(parcel.values)
    page = viewable(content.html, parcel.composition.pictures)
    name = f"{number:02d}-{label.replace(' ', '-')}"
    write_atomically(folder / "samples" / f"{name}.eml", raw)
    write_atomically(folder / "samples" / f"{name}.html", page.encode("utf-8"))
    return Sample(
        label,
        mask(person.email),
        content.subject,
        content.preheader,
        page,
        content.text,
        f"{name}.eml",
        len(raw),
    )


def viewable(page: str, pictures: Iterable[InlinePicture]) -> str:
    """The HTML with its inline pictures written into it: a browser knows no `cid:`."""
    for picture in pictures:
        data = base64.b64encode(picture.data).decode("ascii")
        page = page.replace(f"cid:{picture.cid}", f"data:{picture.content_type};base64,{data}")
    return page


def pick_samples(people: Sequence[Subscriber], number: int) -> dict[str, str]:
    """Address key -> why this person is worth a look: the odd ones first, then some at random.

    The same people give the same samples: the random ones are seeded.
    """
    commonest = _commonest_language(people)
    wanted: list[tuple[str, Callable[[Subscriber], bool]]] = [
        ("typical", lambda p: bool(p.first_name and p.city)),
        ("no first name", lambda p: not p.first_name),
        ("longest name", lambda p: p.key in longest),
        ("non-ascii name", lambda p: not (p.first_name + p.last_name).isascii()),
        ("other language", lambda p: bool(p.language) and p.language != commonest),
    ]
    by_length = heapq.nsmallest(len(wanted), people, key=lambda p: -len(p.first_name + p.last_name))
    chosen: dict[str, str] = {}
    for label, fits in wanted:
        longest = [p.key for p in by_length if p.key not in chosen][:1]
        if len(chosen) < number and (
            person := next((p for p in people if p.key not in chosen and fits(p)), None)
        ):
            chosen[person.key] = label
    places = random.Random(0).sample(range(len(people)), min(len(people), number))  # noqa: S311
    for person in (people[place] for place in places):
        if len(chosen) < number and person.key not in chosen:
            chosen[person.key] = "random"
    return chosen


def _commonest_language(people: Iterable[Subscriber]) -> str:
    """Of those that are said; the first one of several."""
    counted = Counter(person.language for person in people if person.language)
    return counted.most_common(1)[0][0] if counted else ""


def _recipients_csv(rows: list[tuple[Subscriber, str, int]]) -> bytes:
    """Masked: the folder may be shown in a review."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["email", "lists", "language", "bytes"])
    for person, _, size in rows:
        writer.writerow(
            [
                mask(person.email),
                " ".join(person.lists),
                person.language if person.language.isalnum() else "",
                size,
            ]
        )
    return text.getvalue().encode("utf-8")


def _excluded_csv(plan: Plan) -> bytes:
    """Who is left out and why, masked."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["email", "reason"])
    for reason, people in plan.waterfall.excluded.items():
        writer.writerows([mask(person.email), reason] for person in people)
    return text.getvalue().encode("utf-8")


def _plan_json(workspace: Workspace, result: Rehearsal) -> bytes:
    plan = result.plan
    written = {
        "schema_version": 1,
        "campaign": plan.campaign.id,
        "plan": plan.hash,
        "environment": plan.environment,
        "provider": plan.provider,
        "recipients": len(plan.recipients),
        "candidates": plan.waterfall.candidates,
        "excluded": plan.excluded,
        "sources": dict(sorted(plan.composition.sources.items())),
        "covers": covered(workspace, plan.campaign, plan.composition),
        "passed": result.passed,
        "proof": result.proof or None,
        "html_bytes": result.html_bytes,
        "rehearsed_at": workspace.clock.now().isoformat(),
    }
    return (json.dumps(written, indent=2, ensure_ascii=False) + "\n").encode("utf-8")
