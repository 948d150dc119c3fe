"""The letters of a campaign in all their branches, made for readers that nobody is, or for one who looks at them."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping

from newsletter.audience.models import Subscriber
from newsletter.errors import ChecksFailed, Place
from newsletter.render.composition import Content, Links, Variant
from newsletter.render.deferral.certificate import decrees
from newsletter.render.deferral.forcing import Answers, answered
from newsletter.render.deferral.merge import SlotMerge


def branches(
    proving: Callable[[], SlotMerge], readers: Iterable[Subscriber], links: Links
) -> Iterator[Content]:
    """Each reader's letter with each condition answered both ways. What can't be made is left out.

    proving: a merge whose conditions can be answered by decree
    """
    merge = proving()
    readers = [*readers]
    for answers in (({}, ""), *decrees([*merge.keys])):
        for reader in readers:
            try:
                with answered(answers[0]):
                    yield merge.fill(merge(reader, links))
            except ChecksFailed:
                continue


def variants(
    proving: Callable[[], SlotMerge],
    names: Mapping[tuple[str, int | None], str],
    reader: Subscriber,
    links: Links,
) -> Iterator[Variant]:
    """A reader's letter with each condition answered otherwise, all others as they answer them; each letter once.

    A condition inside another one shows only where that holds: then all others hold, too.
    proving: a merge whose conditions can be answered by decree; names: what those of a file's line are called
    """
    merge = proving()
    shown = {_made(merge, {}, reader, links)}
    holding: Answers = {key: 2 if _is_loop(key) else True for key in merge.keys}
    for place, keys in _conditions(merge.keys):
        for rest, answer in itertools.product(
            ({}, holding), (0, 1, 2) if _is_loop(keys[0]) else (True, False)
        ):
            made = _made(merge, {**rest, **dict.fromkeys(keys, answer)}, reader, links)
            if made and made not in shown:
                shown.add(made)
                what = names.get((place.file, place.line), "loop" if _is_loop(keys[0]) else "condition")
                yield Variant(what, answer, place, made)
                break


def _conditions(keys: Mapping[str, Place]) -> list[tuple[Place, list[str]]]:
    """Each condition once: one of a text has a key in the HTML and another one in the text part."""
    found: dict[str, tuple[Place, list[str]]] = {}
    for key, place in keys.items():
        found.setdefault(key.replace(" as text)", ")"), (place, []))[1].append(key)
    return [*found.values()]


def _is_loop(key: str) -> bool:
    return key.endswith(":rounds")


def _made(merge: SlotMerge, answers: Answers, reader: Subscriber, links: Links) -> Content | None:
    """The letter with these answers; None if it can't be made."""
    try:
        with answered(answers):
            return merge.fill(merge(reader, links))
    except ChecksFailed:
        return None
