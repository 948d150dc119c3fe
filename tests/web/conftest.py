"""The pages as they are served, as often as a test likes."""

import signal
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from tests.web.server import Served, start

Serve = Callable[..., Served]


@pytest.fixture
def serve(forks: ForkServerContext) -> Iterator[Serve]:
    """serve(folder): as often as a test likes; all are ended."""
    running: list[Served] = []

    def served(folder: Path, **limits: float) -> Served:
        running.append(start(forks, folder, **limits))
        return running[-1]

    yield served
    for one in running:
        one.end(signal.SIGKILL)


@pytest.fixture
def served(serve: Serve, small: Path) -> Served:
    return serve(small)
