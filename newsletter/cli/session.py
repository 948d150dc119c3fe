"""What one call of the program knows: the global options, and the project that they open."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from newsletter.cli.output import Output
from newsletter.errors import NewsletterError, Problem, UsageFault

if TYPE_CHECKING:
    from newsletter.check.workspace import Workspace
    from newsletter.delivery.office import Office
    from newsletter.files.project import Project
    from newsletter.settings.model import Settings
    from newsletter.settings.secret import Secret
    from newsletter.store.store import Store

F = TypeVar("F", bound=Callable[..., Any])


_FIRST_YEAR, _LAST_YEAR = 1970, 2999  # of a pretended time; days and zones are added to it


@dataclass
class Session:
    """The global options, and what is opened with them when first asked for."""

    folder: str = "."
    environment: str = "local"
    now: str | None = None
    json: bool = False
    quiet: bool = False
    verbose: bool = False
    color: bool = True
    command: str = ""
    closing: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    @cached_property
    def output(self) -> Output:
        return Output(self)

    @cached_property
    def project(self) -> "Project":
        from newsletter.files.project import find_project

        return find_project(Path(self.folder))

    @property
    def root(self) -> Path | None:
        """The project's folder if it was found; for showing, never a fault of its own."""
        try:
            return self.project.root
        except NewsletterError:
            return None

    @cached_property
    def settings(self) -> "Settings":
        from newsletter.settings.load import load_settings

        return load_settings(self.project, self.environment)

    @cached_property
    def workspace(self) -> "Workspace":
        from newsletter.check.workspace import Clock, Workspace

        workspace = Workspace(self.project, self.settings, Clock(self._pretended()))
        self.closing.callback(workspace.close)
        return workspace

    def _pretended(self) -> datetime | None:
        if self.now is None:
            return None
        try:
            moment = datetime.fromisoformat(self.now)
        except ValueError:
            moment = None
        if moment is None or not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
            raise UsageFault(Problem("U101", f"--now {self.now} is no time", hint="--now 2015-07-03T09:00"))
        if moment.tzinfo is None:
            from newsletter.campaigns.clock import local_to_utc

            return local_to_utc(moment, self.settings.zone)
        return moment.astimezone(UTC)

    def waiting(self) -> None:
        """Say why nothing happens for a while."""
        self.output.note("another command is changing lists: waiting until it has ended")

    @contextlib.contextmanager
    def reading(self, *, keep: bool = False) -> "Iterator[tuple[Store | None, Secret | None]]":
        """The ledger for reading, None where there is none; `received()` in segments asks it.

        keep: lists that changed are loaded into the store, not into a temporary copy
        """
        from newsletter.delivery.ledger import read_ledger

        store, secret = read_ledger(self.project, self.settings)
        self.workspace.keep = self.workspace.asking = keep
        try:
            if store:
                self._ask(store)
            yield store, secret
        finally:
            if store:
                store.close()

    def _ask(self, store: "Store") -> None:
        """What only the ledger knows of people."""
        self.workspace.received = lambda name: store.each_received(self.environment, name)
        self.workspace.left = store.left
        self.workspace.lately = lambda since, most: store.each_lately(self.environment, since, most)

    @contextlib.contextmanager
    def office(
        self, *, stop: Callable[[], bool] = lambda: False, patience_s: float | None = None
    ) -> "Iterator[Office]":
        """The ledger for sending, made when it is missing. patience_s: how long to wait for others who write"""
        from newsletter.delivery.ledger import open_ledger
        from newsletter.delivery.office import Office

        store, secret = open_ledger(self.project, self.settings, patience_s=patience_s)
        self.workspace.keep = self.workspace.asking = True
        try:
            self._ask(store)
            yield Office(self.workspace, store, secret, stop)
        finally:
            store.close()

    @contextlib.contextmanager
    def trying(self, stop: Callable[[], bool]) -> "Iterator[Office]":
        """An office in which nothing is kept: the ledger for reading, an empty one when there is none yet."""
        from newsletter.delivery.office import Office
        from newsletter.settings.secret import throwaway_secret
        from newsletter.store.store import open_store

        with self.reading() as (store, secret), tempfile.TemporaryDirectory() as folder:
            self.workspace.asking = True
            if store:
                yield Office(self.workspace, store, secret or throwaway_secret(), stop)
            else:
                with open_store(Path(folder) / "state.db") as empty:
                    yield Office(self.workspace, empty, throwaway_secret(), stop)


def global_options(command: F) -> F:
    """The options that stand before or after the verb; the one after wins."""

    def keep(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
        session = ctx.ensure_object(Session)
        if ctx.info_name and ctx.parent:
            session.command = ctx.command_path.removeprefix("newsletter ")
        given = ctx.get_parameter_source(param.name or "") not in (None, click.core.ParameterSource.DEFAULT)
        if given and param.name:
            setattr(session, param.name, value)

    for option in reversed(_OPTIONS):
        command = click.option(*option[0], expose_value=False, callback=keep, **option[1])(command)
    return command


_OPTIONS: list[tuple[tuple[str, ...], dict[str, Any]]] = [
    (
        ("-C", "folder"),
        {"metavar": "DIR", "type": click.Path(), "help": "The project's folder (default: this one)."},
    ),
    (("--env", "environment"), {"metavar": "NAME", "help": "The environment (default: local)."}),
    (("--now",), {"metavar": "ISO", "help": "Pretend that it is this moment."}),
    (("--json",), {"is_flag": True, "help": "One JSON object on stdout and nothing else."}),
    (("-q", "--quiet"), {"is_flag": True, "help": "Say only what went wrong."}),
    (("-v", "--verbose"), {"is_flag": True, "help": "Say more."}),
    (("--no-color", "color"), {"flag_value": False, "help": "No colours."}),
]
