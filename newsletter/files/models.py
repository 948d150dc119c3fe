"""Strict models for what people write, and pydantic's errors turned into Problems with places."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, ErrorDetails

from newsletter.errors import ChecksFailed, Place, Problem, did_you_mean
from newsletter.files.mistake import Mistake
from newsletter.files.places import KeyPath, written
from newsletter.files.shapes import annotation_at, example, is_secret, known_keys
from newsletter.files.toml import Document

M = TypeVar("M", bound=BaseModel)

# TOML has one kind of list and no enumerations: these are filled from what it has, nothing else is.
_FILLED = frozenset({"tuple", "list", "set", "frozenset", "enum"})


def _loosen(schema: Any, handler: GetCoreSchemaHandler) -> None:
    if isinstance(schema, dict):
        if schema.get("type") == "definition-ref":  # an enumeration, or a model, which loosens itself
            try:
                schema = handler.resolve_ref_schema(cast("CoreSchema", schema))
            except LookupError:  # a model that holds itself
                return
            if schema["type"] != "enum":
                return
        if schema.get("type") in _FILLED:
            schema["strict"] = False
        for part in schema.values():
            _loosen(part, handler)
    elif isinstance(schema, list):
        for part in schema:
            _loosen(part, handler)


class Strict(BaseModel):
    """Unknown keys are errors, no value is converted ("1" is no number), and nothing changes later.

    Lists fill tuples and sets, texts fill enumerations: TOML has no other way to write them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        _loosen(schema, handler)
        return schema


def validate(
    model: type[M],
    document: Document,
    *,
    at: KeyPath = (),
    known_elsewhere: Mapping[str, str] = {},
) -> M:
    """The document, or its table `at`, as a model.

    known_elsewhere: a key that is no key here -> where it belongs, as in "above [data]".
    Raises ChecksFailed with all problems: F102 unknown key, F103 wrong value, F104 missing key,
    F105 key of another table.
    """
    data: Any = document.data
    for step in at:
        data = data[step]
    try:
        return model.model_validate(data)
    except ValidationError as error:
        details = error.errors(include_url=False)
    raise ChecksFailed(
        *problems(
            model,
            details,
            data,
            key=lambda path: document.key(*at, *path),
            value=lambda path: document.value(*at, *path),
            known_elsewhere=known_elsewhere,
        )
    )


def problems(
    model: type[BaseModel],
    details: Iterable[ErrorDetails],
    data: Any,
    *,
    key: Callable[[KeyPath], Place | None],
    value: Callable[[KeyPath], Place | None],
    known_elsewhere: Mapping[str, str] = {},
    name: Callable[[KeyPath], str] = lambda path: f"`{written(path)}`",
) -> list[Problem]:
    """Pydantic's errors about `data` as Problems in the order of their places; one for each key.

    key, value: where a path is written. name: what a path is called in the message.
    No message holds the value of a secret.
    """
    by_path: dict[KeyPath, list[ErrorDetails]] = {}
    for detail in details:
        by_path.setdefault(path_in(detail, data), []).append(detail)
    found = []
    for path, group in by_path.items():
        first = group[0]
        if first["type"] == "extra_forbidden":
            found.append(_unknown(model, path, key(path), known_elsewhere))
        elif first["type"] == "missing":
            found.append(_missing(model, path, value(path[:-1])))
        else:
            found.append(_wrong(model, path, group, value(path), name(path)))
    return sorted(found, key=_order)


def _order(problem: Problem) -> tuple[str, int, int]:
    place = problem.place or Place("")
    return place.file, place.line or 0, place.column or 0


def path_in(detail: ErrorDetails, data: Any) -> KeyPath:
    """Where in the data an error is: its location without pydantic's own names for branches of a union."""
    path: list[str | int] = []
    for step in detail["loc"]:
        if isinstance(data, Mapping):
            there = step in data
        else:
            there = isinstance(data, list | tuple) and isinstance(step, int) and step < len(data)
        if there:
            data = data[step]
            path.append(step)
    if detail["type"] == "missing":
        path.append(detail["loc"][-1])
    return tuple(path)


def _unknown(
    model: type[BaseModel], path: KeyPath, place: Place | None, elsewhere: Mapping[str, str]
) -> Problem:
    word, table = str(path[-1]), path[:-1]
    home = elsewhere.get(word)
    if home is None and table and word in known_keys(model, ()):
        home = f"above {_header(table)}, among the keys of the whole"
    for parent in (table, ()):
        if home is None:
            inner = [(*parent, name) for name in known_keys(model, parent)]
            homes = [below for below in inner if below != table and word in known_keys(model, below)]
            home = f"under {_header(homes[0])}" if len(homes) == 1 else None
    if home is not None:
        return Problem("F105", f"`{word}` belongs {home}", place, f"move the line `{word} = …` there")
    inside = f" in {_header(table)}" if table else ""
    return Problem(
        "F102", f"unknown key `{word}`{inside}", place, did_you_mean(word, known_keys(model, table))
    )


def _header(table: KeyPath) -> str:
    """A table as its header is written: [data], [[step]]."""
    name = written(tuple(step for step in table if isinstance(step, str)))
    return f"[[{name}]]" if isinstance(table[-1], int) else f"[{name}]"


def _missing(model: type[BaseModel], path: KeyPath, place: Place | None) -> Problem:
    inside = f" in {_header(path[:-1])}" if len(path) > 1 else ""
    hint = f"{path[-1]} = {example(annotation_at(model, path))}"
    return Problem("F104", f"the key `{path[-1]}` is missing{inside}", place, hint)


def _wrong(
    model: type[BaseModel], path: KeyPath, group: list[ErrorDetails], place: Place | None, name: str
) -> Problem:
    first = group[0]
    annotation = annotation_at(model, path)
    error = first.get("ctx", {}).get("error")
    if isinstance(error, Mistake):
        return Problem("F103", f"{name} {error.message}", place, error.hint)
    if isinstance(error, ValueError):
        return Problem("F103", f"{name}: {error}", place)
    got: Any = None if is_secret(annotation) else first.get("input")
    expected, hint = _expected(
        group, got, str(path[-1]) if path and isinstance(path[-1], str) else "", annotation
    )
    return Problem("F103", f"{name} {expected}", place, hint)


_WORDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a table",
    "mapping_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "datetime_type": "a date and time",
    "date_type": "a date",
    "time_type": "a time",
}
_INCLUSIVE = ("greater_than_equal", "less_than_equal")  # the limit itself is a value
_LIMITS = {
    "greater_than": ("gt", "must be more than"),
    "greater_than_equal": ("ge", "must be at least"),
    "less_than": ("lt", "must be less than"),
    "less_than_equal": ("le", "must be at most"),
    "string_too_short": ("min_length", "is too short: characters needed:"),
    "string_too_long": ("max_length", "is too long: characters allowed:"),
    "too_short": ("min_length", "has too few items; at least"),
    "too_long": ("max_length", "has too many items; at most"),
}


def _expected(group: list[ErrorDetails], got: Any, key: str, annotation: Any) -> tuple[str, str]:
    first = group[0]
    context = first.get("ctx", {})
    if first["type"] in ("literal_error", "enum"):
        choices = [choice.strip("'") for choice in str(context["expected"]).replace(" or ", ", ").split(", ")]
        text = " or ".join(f'"{choice}"' for choice in choices)
        if not isinstance(got, str):
            return f"must be {text}", f'{key} = "{choices[0]}"'
        return f'is "{got}"; it must be {text}', did_you_mean(got, choices)
    if first["type"] in _LIMITS:
        limit, words = _LIMITS[first["type"]]
        number = isinstance(context[limit], int | float) and first["type"] in _INCLUSIVE
        return f"{words} {context[limit]}", f"{key} = {context[limit]}" if number and key else ""
    words_needed = list(dict.fromkeys(_WORDS[d["type"]] for d in group if d["type"] in _WORDS))
    if not words_needed:
        return f"is wrong: {first['msg'][:1].lower()}{first['msg'][1:]}", ""
    kind = _kind(got)
    is_what = f"is {kind}; it" if kind else ""
    shown = example(annotation, got)
    return f"{is_what} must be {' or '.join(words_needed)}".lstrip(), f"{key} = {shown}" if key else shown


def _kind(value: Any) -> str:
    kinds: list[tuple[type | tuple[type, ...], str]] = [
        (bool, "true or false"),
        (str, "text"),
        (int, "a number"),
        (float, "a number"),
        ((list, tuple), "a list"),
        (Mapping, "a table"),
        (dt.datetime, "a date and time"),
        (dt.date, "a date"),
        (dt.time, "a time"),
    ]
    return next((word for kind, word in kinds if isinstance(value, kind)), "")
