"""The rail before a live send: every picture of the letters answers at its address, as a picture."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath

from newsletter.check.asking import Answer, ask_all
from newsletter.check.letter import is_address
from newsletter.check.page import Page
from newsletter.check.sources import Sources
from newsletter.check.stand_ins import stand_ins
from newsletter.check.workspace import Workspace
from newsletter.errors import ChecksFailed, Place, Problem, Severity
from newsletter.files.project import SETTINGS_FILE
from newsletter.render.composition import TRIAL, Composition

MOST = 200  # pictures that are asked for; no letter comes near it
TOTAL_S = 60.0
SHOWN = 10  # problems: where a whole folder is missing, the first ones tell

_KINDS = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif"}

Ask = Callable[[list[str]], Mapping[str, Answer]]


def picture_addresses(workspace: Workspace, composition: Composition) -> dict[str, int | None]:
    """The web address of each picture in any branch of the letters -> its bytes, None for one that is not ours.

    An address that differs from reader to reader is left out: to ask for it would be a visit in their name.
    """
    base = workspace.settings.assets_url
    found: dict[str, int | None] = {}
    if base:
        found |= {f"{base}/{name}": len(data) for name, data in composition.hosted.items()}
    try:
        one, other = (
            {
                url
                for content in composition.branches([reader], TRIAL)
                for url in Page.of(content.html).pictures
            }
            for reader in stand_ins(workspace.settings, workspace.columns)
        )
    except ChecksFailed:  # said by the proof
        return found
    web = (url for url in sorted(one & other) if url.lower().startswith("https://") and is_address(url))
    return found | {url: None for url in web if url not in found}


def picture_problems(
    workspace: Workspace,
    composition: Composition,
    ask: Ask = lambda urls: ask_all(urls, total_s=TOTAL_S),
) -> tuple[Problem, ...]:
    """Ask for each picture (G163 where it is not there, or no picture). Never for longer than a minute."""
    sizes = picture_addresses(workspace, composition)
    sources = Sources(workspace.project, composition)
    found = [*_faults(ask([*sizes][:MOST]), sizes, sources)] if sizes else []
    more = len(found) - SHOWN
    if more > 0:
        message = f"and {more} more of {len(sizes)} pictures don't answer"
        found[SHOWN:] = [Problem("G163", message, Place(SETTINGS_FILE), "newsletter publish")]
    return tuple(found)


def pictures_need(number: int) -> Problem:
    """What a rehearsal says of it: it asks the network nothing."""
    what = "its picture answers" if number == 1 else f"its {number} pictures answer"
    message = f"whether {what} at the web address is asked at the live send"
    return Problem("G163", message, Place(SETTINGS_FILE), "newsletter publish", Severity.HINT)


def _faults(
    answers: Mapping[str, Answer], sizes: Mapping[str, int | None], sources: Sources
) -> Iterator[Problem]:
    for url, answer in answers.items():
        told = answer.failure or _fault(url, answer, sizes[url])
        if told and sizes[url] is not None:
            hint = "newsletter publish, and look whether assets_url leads there"
            yield Problem("G163", f"the picture {url} {told}", Place(SETTINGS_FILE), hint)
        elif told:
            hint = "open it in a browser; better put it into the project"
            yield Problem("G163", f"the picture {url} {told}", sources.place(url), hint)


def _fault(url: str, answer: Answer, size: int | None) -> str:
    """What is wrong with an answer, behind the picture's name; nothing where it is right."""
    if answer.status != 200:
        return f"answers {answer.status}"
    if url.startswith("https://") and not answer.at.startswith("https://"):
        return "leads to an address that is not encrypted"
    kind = _KINDS.get(PurePosixPath(url.partition("?")[0]).suffix.lower()) if size is not None else None
    if answer.kind != kind if kind else not answer.kind.startswith("image/"):
        return f"answers as {answer.kind or 'something without a type'}, not as {kind or 'a picture'}"
    if size is not None and answer.size is not None and answer.size != size:
        return f"has {answer.size} bytes there, not the {size} that were published"
    return ""
