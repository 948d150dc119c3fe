"""The server that forks the program's processes: everything is imported there once, and has run once.

Python has one such server in a process, begun with what the first who asks wants imported: hence one list for all.
"""

import multiprocessing
import os
from multiprocessing.context import ForkServerContext

PRELOAD = (
    "newsletter.cli.importing",
    "newsletter.cli.resolve",
    "newsletter.cli.run",
    "newsletter.cli.serve",
    "newsletter.cli.subscriber",
    "newsletter.people.forget",
    "newsletter.people.importing",
    "newsletter.providers.sendgrid",
    "newsletter.providers.smtp",
    "newsletter.schedule.tick",
    "newsletter.web.serve",
    "tests.chaos.child",
    "tests.chaos.warm",
    "tests.store.claimer",
    "tests.web.server",
)


def context() -> ForkServerContext:
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(list(PRELOAD))
    return found


def called(*arguments: str) -> None:
    """What a process does: it is the program, called with these arguments, and ends with its exit code."""
    from newsletter.cli.app import run

    os._exit(run(arguments))
