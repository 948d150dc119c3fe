"""The letters of a campaign in all their branches, made for readers that nobody is."""

from collections.abc import Callable, Iterable, Iterator

from newsletter.audience.models import Subscriber
from newsletter.errors import ChecksFailed
from newsletter.render.composition import Content, Links
from newsletter.render.deferral.certificate import decrees
from newsletter.render.deferral.forcing import answered
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
