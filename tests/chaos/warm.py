"""Imported by the server that forks the children: the program has run there once, so that each child starts at work."""

import contextlib
import os
import tempfile
from pathlib import Path

from newsletter.cli.app import run

from .world import add_campaign, make_project


def _warm() -> None:
    with tempfile.TemporaryDirectory() as name, Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        project = Path(name) / "project"
        make_project(project, 2, batch=2)
        add_campaign(project, "brev")
        with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
            run(["-C", str(project), "send", "brev", "--confirm", "2"])
            run(["-C", str(project), "status", "brev"])


_warm()
