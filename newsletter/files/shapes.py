"""What a model takes: its keys by path, their types, and an example of each type as TOML."""

import datetime as dt
import types
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any, Literal, Union

from pydantic import BaseModel, SecretStr

from newsletter.files.places import KeyPath


def known_keys(model: Any, path: KeyPath) -> list[str]:
    """The keys that the table at `path` takes; none if that is no table of a model."""
    found = _model(annotation_at(model, path))
    return [field.alias or name for name, field in found.model_fields.items()] if found else []


def annotation_at(annotation: Any, path: KeyPath) -> Any:
    """The declared type of what stands at `path` below a model; Any where nothing is declared."""
    for step in path:
        model = _model(annotation)
        if model is not None:
            fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
            annotation = fields.get(str(step), Any)
        else:
            annotation = _inner(annotation)
    return annotation


def branches(annotation: Any) -> list[Any]:
    """What a type may be: through Annotated and unions, None left out."""
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return branches(typing.get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [branch for part in typing.get_args(annotation) for branch in branches(part)]
    return [] if annotation is type(None) else [annotation]


def _model(annotation: Any) -> type[BaseModel] | None:
    return next(
        (part for part in branches(annotation) if isinstance(part, type) and issubclass(part, BaseModel)),
        None,
    )


def _inner(annotation: Any) -> Any:
    """The type of a list's items or a table's values."""
    for part in branches(annotation):
        arguments = [argument for argument in typing.get_args(part) if argument is not Ellipsis]
        if arguments and typing.get_origin(part) is not Literal:
            return arguments[-1]
    return Any


def is_secret(annotation: Any) -> bool:
    """Its value must never be shown."""
    return any(part is SecretStr for part in branches(annotation))


def example(annotation: Any, got: Any = None) -> str:
    """A value of that type as TOML; made of what was written where that is no secret and serves."""
    parts = branches(annotation)
    if str in parts and isinstance(got, str | int | float | dt.date | dt.time):
        return f'"{str(got).lower() if isinstance(got, bool) else got}"'
    for part in parts:
        origin = typing.get_origin(part) or part
        if origin is Literal:
            return f'"{typing.get_args(part)[0]}"'
        if not isinstance(origin, type):
            continue
        if issubclass(origin, Enum):
            return f'"{next(iter(origin)).value}"'
        if issubclass(origin, (tuple, list, set, frozenset)):
            inner = _inner(part)
            return f"[{example(inner, got if isinstance(got, str) else None)}]"
        if issubclass(origin, (BaseModel, Mapping, dict)):
            return "{ … }"
        for kind, text in _EXAMPLES:
            if issubclass(origin, kind):
                return text
    return '"…"'


_EXAMPLES: list[tuple[type, str]] = [
    (bool, "true"),
    (int, "1"),
    (float, "1.5"),
    (dt.datetime, "2015-07-03T09:00:00"),
    (dt.date, "2015-07-03"),
    (dt.time, "09:00:00"),
    (dt.timedelta, '"6 hours"'),
]
