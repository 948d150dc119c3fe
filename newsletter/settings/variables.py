"""Settings from the process environment and from .env: which variable says which key."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from newsletter.files.places import KeyPath
from newsletter.files.shapes import annotation_at, branches, known_keys

PREFIX = "NEWSLETTER_"

# A name that everybody knows for SendGrid's key; ours, written in full, beats it.
BORROWED: Mapping[str, KeyPath] = {"SENDGRID_API_KEY": ("sendgrid", "api_key")}
# Facts that are committed to git, and what the command line says: no variable changes them.
FIXED = frozenset({"environment", "ledger"})


class Variables(PydanticBaseSettingsSource):
    """One source of variables, narrowed to the names that are keys of ours; all others are passed over."""

    def __init__(self, settings_cls: type[BaseSettings], source: PydanticBaseSettingsSource) -> None:
        super().__init__(settings_cls)
        self._variables: Mapping[str, str | None] = getattr(source, "env_vars", {})

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        raise NotImplementedError  # __call__ takes all of them at once

    def __call__(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for path, (_, text) in named(self.settings_cls, self._variables).items():
            table = values
            for step in path[:-1]:
                table = table.setdefault(str(step), {})
            table[str(path[-1])] = _typed(annotation_at(self.settings_cls, path), text)
        return values


def named(model: type[BaseModel], variables: Mapping[str, str | None]) -> dict[KeyPath, tuple[str, str]]:
    """Which keys these variables say: path -> (the variable's name, its text). An empty one says nothing."""
    found: dict[KeyPath, tuple[str, str]] = {}
    for name, text in variables.items():
        path = path_of(model, name)
        if path is None or not text:
            continue
        if path in found and name.upper() in BORROWED:
            continue
        found[path] = (name.upper(), text)
    return found


def path_of(model: type[BaseModel], name: str) -> KeyPath | None:
    """The key that a variable says, None if it is no key of ours. Case does not matter."""
    if name.upper() in BORROWED:
        return BORROWED[name.upper()]
    if not name.upper().startswith(PREFIX):
        return None
    path: KeyPath = tuple(name[len(PREFIX) :].lower().split("__"))
    if path[0] in FIXED or not all(path):
        return None
    for size in range(len(path)):
        table = annotation_at(model, path[:size])
        is_model = any(isinstance(part, type) and issubclass(part, BaseModel) for part in branches(table))
        if is_model and path[size] not in known_keys(model, path[:size]):
            return None
        if not is_model and not any(getattr(part, "__origin__", None) is dict for part in branches(table)):
            return None
    leaf = branches(annotation_at(model, path))
    return path if any(part in (str, int) or _is_leaf(part) for part in leaf) else None


def _is_leaf(annotation: Any) -> bool:
    """A single value, not a table."""
    if isinstance(annotation, type):
        return not issubclass(annotation, BaseModel | dict)
    return getattr(annotation, "__origin__", None) is not dict


def _typed(annotation: Any, text: str) -> Any:
    """A variable is text; where a number is needed and it is one, the number."""
    if int in branches(annotation) and text.strip().isdecimal() and len(text) < 20:
        return int(text)
    return text
