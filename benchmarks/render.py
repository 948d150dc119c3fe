"""Filling slots beside rendering whole letters, and what a rehearsal of 100,000 takes.

Both sides are interleaved in one run; medians of the best of five in a row, with machine and versions. The aims stand
beside the ratios; nothing is judged.
"""

import binascii
import gc
import multiprocessing
import os
import platform
import resource
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from importlib.metadata import version
from pathlib import Path

from newsletter.audience.load import load_audience
from newsletter.audience.models import Membership, Subscriber
from newsletter.campaigns.load import load_catalogue
from newsletter.errors import Place
from newsletter.files.project import find_project
from newsletter.mail import quoted_printable
from newsletter.mail.message import Envelope, message
from newsletter.render.composition import Composition, Links, compose, content_of
from newsletter.settings.load import load_settings

ROOT = Path(__file__).resolve().parent.parent
SMALL, LARGE = "sju-tips/energi", "almedalen-recap"
ROUNDS = 30
IN_A_ROW = 5
FILLED = 100_000
LINKS = Links("https://newsletter.example/u/0123456789abcdef0123456789abcdef0123456789abcdef")
NOW = datetime(2015, 7, 3, 7, tzinfo=UTC)


def main() -> None:
    """Run, print, judge nothing."""
    names = ("mjml-python", "premailer", "jinja2")
    print(f"{platform.platform()}, {os.cpu_count()} cores")
    print(f"Python {platform.python_version()}, {', '.join(f'{name} {version(name)}' for name in names)}\n")
    for name in (SMALL, LARGE):
        _ratios(name)
    _rate()
    _rehearsal()


def _composed(name: str) -> tuple[Composition, tuple[Subscriber, ...]]:
    project = find_project(ROOT)
    settings = load_settings(project)
    settings = settings.model_copy(update={"assets_url": "https://bilder.example.org"})
    catalogue, audience = load_catalogue(project, settings), load_audience(project, settings)
    sequence, _, step = name.rpartition("/")
    steps = catalogue.sequences[sequence].steps if sequence else ()
    campaign = next((one.campaign for one in steps if one.id == step), None) or catalogue.campaigns[name]
    composition = compose(
        project,
        settings,
        campaign,
        columns=audience.columns | set(settings.attributes),
        is_member=lambda _name, person: person.city == "Visby",
        segments={"i-visby"},
    )
    return composition, tuple(person for person in audience.people if person.address)


def _ratios(name: str) -> None:
    composition, people = _composed(name)
    if composition.whole is None:
        raise AssertionError("compose() keeps it")
    whole = composition.whole
    size = len(composition.fill(composition.slots(people[0], LINKS)).html.encode())
    print(f"{name}: {size / 1024:.0f} KiB of HTML, {len(composition.slots(people[0], LINKS))} slots")

    def envelope(person: Subscriber) -> Envelope:
        return Envelope(
            "b-1-1-1", "Hej <hej@example.org>", "", person.address, "lista", NOW, LINKS.unsubscribe
        )

    def rendered(person: Subscriber) -> None:
        whole(person, LINKS)

    def filled(person: Subscriber) -> None:
        composition.fill(composition.slots(person, LINKS))

    def encoded(person: Subscriber) -> None:
        content = composition.fill(composition.slots(person, LINKS))
        quoted_printable.encode_pieces(content.pieces)
        quoted_printable.encode(content.text)

    def by_library(person: Subscriber) -> None:
        content = content_of(whole(person, LINKS))
        made = EmailMessage()
        made["From"], made["To"], made["Subject"] = "hej@example.org", person.address, content.subject
        made.set_content(content.text, cte="quoted-printable")
        made.add_alternative(content.html, subtype="html", cte="quoted-printable")
        made.as_bytes()

    def written(person: Subscriber) -> None:
        message(composition, composition.slots(person, LINKS), envelope(person))

    static = [
        binascii.b2a_qp(one.encode()) for one in composition.fill(composition.slots(people[0], LINKS)).pieces
    ]

    def floor(_person: Subscriber) -> None:
        b"".join(static)

    gc.collect()
    gc.freeze()
    methods: dict[str, Callable[[Subscriber], None]] = {
        "whole": rendered,
        "slots": filled,
        "slots + quoted-printable": encoded,
        "whole + EmailMessage": by_library,
        "slots + message": written,
        "join of bytes": floor,
    }
    taken: dict[str, list[float]] = {one: [] for one in methods}
    for turn in range(ROUNDS + 5):
        person = people[turn % len(people)]
        for one, method in methods.items():
            # The best of a few in a row: what is measured is work, not what another method left in the caches.
            best = min(_seconds(method, person) for _ in range(IN_A_ROW))
            if turn >= 5:
                taken[one].append(best)
    median = {one: statistics.median(times) * 1e6 for one, times in taken.items()}
    for one, microseconds in median.items():
        print(f"  {one:<26} {microseconds:10.0f} us")
    for one, other, aim in (
        ("whole", "slots", 75),
        ("whole", "slots + quoted-printable", 40),
        ("whole + EmailMessage", "slots + message", 15),
        ("slots", "join of bytes", 0),
    ):
        ratio = median[one] / median[other]
        told = f"(aim: {aim}x)  {'met' if ratio >= aim else 'NOT met'}" if aim else "(reported)"
        print(f"  {one} / {other:<28} {ratio:7.0f}x  {told}")
    print()


def _seconds(method: Callable[[Subscriber], None], person: Subscriber) -> float:
    start = time.perf_counter()
    method(person)
    return time.perf_counter() - start


def _fill(number: int) -> float:
    composition, people = _composed(SMALL)
    start = time.perf_counter()
    for turn in range(number):
        composition.fill(composition.slots(people[turn % len(people)], LINKS))
    return number / (time.perf_counter() - start)


def _rate() -> None:
    print(f"recipients per second, {SMALL}: {_fill(20_000):,.0f} in one process", end="")
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        print(f", {sum(pool.map(_fill, [20_000, 20_000])):,.0f} in two")
    composition, people = _composed(SMALL)
    tracemalloc.start()
    for turn in range(1_000):
        composition.fill(composition.slots(people[turn % len(people)], LINKS))
    before = tracemalloc.get_traced_memory()[0]
    for turn in range(FILLED // 10):
        composition.fill(composition.slots(people[turn % len(people)], LINKS))
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for turn in range(FILLED):
        composition.fill(composition.slots(people[turn % len(people)], LINKS))
    later = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"memory while filling {FILLED:,}: peak grows by {(later - peak) / 1024:.1f} MiB,"
        f" what is kept by {grown:,} bytes\n"
    )


def _rehearsal() -> None:
    """A rehearsal of 100,000 made-up people, and how much of it is filling and writing messages."""
    from newsletter.check.workspace import Workspace
    from newsletter.delivery import rehearsal
    from newsletter.delivery.plan import OptOuts, make_plan
    from newsletter.settings.secret import throwaway_secret

    project = find_project(ROOT)
    workspace = Workspace(project, load_settings(project))
    start = time.perf_counter()
    plan = make_plan(workspace, workspace.campaign("valkommen-komm"), OptOuts(throwaway_secret(), {}))
    row = Membership("partners", Place("subscribers/partners.csv", 2))
    people = tuple(
        Subscriber(
            key=f"p{number}@example.org",
            email=f"p{number}@example.org",
            address=f"p{number}@example.org",
            memberships=(row,),
            first_name=f"Namn {number}",
        )
        for number in range(FILLED)
    )
    import dataclasses

    flow = dataclasses.replace(plan.waterfall, recipients=people)
    plan = dataclasses.replace(plan, waterfall=flow)
    ready = time.perf_counter()
    spent = {"filling": 0.0, "message": 0.0}
    slots, write = plan.composition.merge, rehearsal.message

    def timed(name: str, work: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            begun = time.perf_counter()
            try:
                return work(*arguments)
            finally:
                spent[name] += time.perf_counter() - begun

        return call

    composition = dataclasses.replace(
        plan.composition, merge=timed("filling", slots), join=timed("filling", plan.composition.join)
    )
    rehearsal.message = timed("message", write)
    try:
        with tempfile.TemporaryDirectory() as folder:
            rehearsal.rehearse(
                workspace, dataclasses.replace(plan, composition=composition), Path(folder), samples=6
            )
    finally:
        rehearsal.message = write
    done = time.perf_counter() - ready
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rest = done - spent["filling"] - spent["message"]
    print(
        f"rehearsal of {FILLED:,}: {done:.1f} s (and {ready - start:.1f} s to make the plan), peak {peak:.0f} MiB;"
        f" filling {spent['filling'] / done:.0%}, writing messages {spent['message'] / done:.0%},"
        f" the rest {rest / done:.0%}"
    )


if __name__ == "__main__":
    sys.exit(main())
