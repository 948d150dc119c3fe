"""Loading: which value holds, where it comes from, and every mistake in it at once."""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from newsletter.errors import ChecksFailed, ConfigurationFault, Place, Problem, did_you_mean
from newsletter.files.models import path_in, problems, validate
from newsletter.files.places import KeyPath, written
from newsletter.files.project import SETTINGS_FILE, Project, decode
from newsletter.files.toml import Document, parse_toml
from newsletter.settings.model import Settings, shown
from newsletter.settings.secret import SECRET_FILE
from newsletter.settings.values import SettingsFile
from newsletter.settings.variables import BORROWED, PREFIX, named

DOTENV = ".env"

_ELSEWHERE = {
    "ledger": "in an environment, such as [env.production]",
    "secret": "in the variable NEWSLETTER_SECRET or in .env, never in a file of git",
    "password": "in the variable NEWSLETTER_SMTP__PASSWORD or in .env, never in a file of git",
    "api_key": "in the variable SENDGRID_API_KEY or in .env, never in a file of git",
}


def load_settings(project: Project, environment: str = "local") -> Settings:
    """What holds in this environment: NEWSLETTER_* > .env > [env.NAME] > newsletter.toml > defaults.

    Reads only.

    All environments' keys are checked, whichever is asked for. Raises ConfigurationFault with all problems:
    those of TOML and models (F1..), F202 an unknown environment,
    F203 a line of .env that can't be read.
    """
    try:
        document = parse_toml(project.read_text(SETTINGS_FILE), file=SETTINGS_FILE)
        dotenv = _dotenv_text(project)
    except ChecksFailed as error:
        raise ConfigurationFault(*error.problems) from None
    found: list[Problem] = []
    try:
        validate(SettingsFile, document, known_elsewhere=_ELSEWHERE)
    except ChecksFailed as error:
        found += error.problems
    environments = document.data.get("env", {})
    if environment != "local" and not (isinstance(environments, dict) and environment in environments):
        found.append(_unknown_environment(environment, document))
    origin = _Origin(project, document, environment, dotenv)
    settings: Settings | None = None
    details: list[ErrorDetails] = []
    values = _merged(document.data, environment)
    try:
        settings = Settings(_env_file=project.root / DOTENV, environment=environment, **values)  # type: ignore[call-arg]
    except ValidationError as error:
        details = error.errors(include_url=False)
    found += origin.problems(details, values)
    found += origin.unread()
    if settings is None or found:
        raise ConfigurationFault(*found)
    return settings


def origins(project: Project, settings: Settings) -> list[tuple[str, str, str]]:
    """Each key with its value as TOML and where that comes from; secrets as ***. Reads only."""
    document = parse_toml(project.read_text(SETTINGS_FILE), file=SETTINGS_FILE)
    origin = _Origin(project, document, settings.environment, _dotenv_text(project))
    rows = [
        (written(path), shown(value), origin.words(path))
        for path, value in _leaves(settings)
        if path != ("environment",)
    ]
    if settings.secret is None and (project.root / SECRET_FILE).exists():
        rows = [("secret", "***", SECRET_FILE) if row[0] == "secret" else row for row in rows]
    return [("environment", shown(settings.environment), "--env"), *rows]


def _dotenv_text(project: Project) -> str:
    """.env as text, checked to be UTF-8. It may be a link to a place outside, as operators keep it."""
    try:
        return decode((project.root / DOTENV).read_bytes(), file=DOTENV)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        reason = error.strerror or str(error)
    hint = "make it a file that the user who runs newsletter may read, or take it away"
    raise ChecksFailed(Problem("F113", f"`{DOTENV}` can't be read: {reason}", Place(DOTENV), hint))


def _unknown_environment(environment: str, document: Document) -> Problem:
    names = document.data.get("env", {})
    known = ["local", *(names if isinstance(names, dict) else ())]
    return Problem(
        "F202",
        f"there is no environment `{environment}`",
        Place(SETTINGS_FILE),
        did_you_mean(environment, known) if len(known) > 1 else f"write a table [env.{environment}]",
    )


def _merged(data: Mapping[str, Any], environment: str) -> dict[str, Any]:
    """The file's keys with the environment's over them; tables are merged, lists and values replaced."""
    names = data.get("env")
    over = names.get(environment) if isinstance(names, dict) else None
    known = SettingsFile.model_fields.keys() - {"env"}
    values = {key: value for key, value in data.items() if key in known}
    if isinstance(over, dict):
        values = _over(values, {key: value for key, value in over.items() if key in {*known, "ledger"}})
    return values


def _over(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(low)
    for key, value in high.items():
        below = merged.get(key)
        merged[key] = _over(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _leaves(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            yield from _leaves(getattr(value, name), (*path, field.alias or name))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    else:
        yield path, value


class _Origin:
    """Where each key of the settings was said."""

    def __init__(self, project: Project, document: Document, environment: str, dotenv: str) -> None:
        self._document = document
        self._environment = environment
        self._dotenv_text = dotenv
        logging.getLogger("dotenv.main").setLevel(logging.ERROR)  # its warnings have no place: see unread()
        file = DotEnvSettingsSource(Settings, env_file=project.root / DOTENV, env_file_encoding="utf-8")
        self._process = named(Settings, EnvSettingsSource(Settings).env_vars)
        self._dotenv = named(Settings, file.env_vars)
        self._dotenv_names = {name.upper() for name in file.env_vars}

    def variable(self, path: KeyPath) -> str | None:
        """The variable that says it, None if it is the file."""
        found = self._process.get(path) or self._dotenv.get(path)
        return found[0] if found else None

    def place(self, path: KeyPath) -> Place | None:
        """Its line in .env or newsletter.toml; None if the process environment or nobody says it."""
        if path in self._process:
            return None
        if path in self._dotenv:
            return Place(DOTENV, _line_of(self._dotenv[path][0], self._dotenv_text), 1)
        for written_path in (("env", self._environment, *path), path):
            if written_path in self._document.values:
                return self._document.values[written_path]
        return None

    def unread(self) -> Iterator[Problem]:
        """Variables of ours in .env that the reader of such files could not read: they would just not hold."""
        ours = re.compile(rf"\s*(?:export\s+)?({PREFIX}\w+|{'|'.join(BORROWED)})\b")
        for number, line in enumerate(self._dotenv_text.split("\n"), start=1):
            name = ours.match(line)
            if name and name[1].upper() not in self._dotenv_names:
                place, hint = Place(DOTENV, number, name.start(1) + 1), f'{name[1]}="…"'
                yield Problem("F203", f"{name[1]} can't be read: a quote or `=` is missing", place, hint)

    def words(self, path: KeyPath) -> str:
        if path in self._process:
            return f"environment {self._process[path][0]}"
        place = self.place(path)
        return f"{place.file}:{place.line}" if place else "default"

    def problems(self, details: Iterable[ErrorDetails], values: Mapping[str, Any]) -> Iterator[Problem]:
        """What is wrong with variables; what the file says has been checked already."""
        data = values
        for path, (_, text) in {**self._dotenv, **self._process}.items():
            nested: Any = text
            for step in reversed(path):
                nested = {step: nested}
            data = _over(data, nested)
        for detail in details:
            name = self.variable(path_in(detail, data))
            if name is None:
                continue
            for problem in problems(
                Settings,
                [detail],
                data,
                key=self.place,
                value=self.place,
                name=lambda path: self.variable(path) or "",
            ):
                hint = re.sub(r"^\w+ = \"?(.*?)\"?$", rf"{name}=\1", problem.hint)
                yield replace(problem, hint=hint)


def _line_of(name: str, dotenv: str) -> int:
    """The last one holds, as it does in a shell."""
    wanted = re.compile(rf"\s*(?:export\s+)?['\"]?{re.escape(name)}['\"]?\s*=", re.IGNORECASE)
    lines = [number for number, line in enumerate(dotenv.split("\n"), start=1) if wanted.match(line)]
    return lines[-1] if lines else 1
