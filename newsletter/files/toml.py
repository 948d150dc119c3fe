"""TOML with places: a document's values, and in which line and column each key and value stands."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from newsletter.errors import ChecksFailed, Place, Problem
from newsletter.files.places import Lines, Lost, Scanner

FENCE = "+++"


@dataclass(frozen=True)
class Document:
    """A TOML document: plain values, and the place of each key and value by its path.

    A path holds keys, and indices of array items and of the tables of an array: ("step", 0, "id").
    """

    data: dict[str, Any]
    file: str
    keys: Mapping[tuple[str | int, ...], Place]
    values: Mapping[tuple[str | int, ...], Place]

    def key(self, *path: str | int) -> Place:
        """Where the key stands, or its nearest ancestor that is written; else the file's first line."""
        return _nearest_place(self.keys, path) or Place(self.file, 1, 1)

    def value(self, *path: str | int) -> Place:
        """Where the value stands, or its nearest ancestor that is written; else the file's first line."""
        return _nearest_place(self.values, path) or Place(self.file, 1, 1)


def _nearest_place(
    places: Mapping[tuple[str | int, ...], Place], path: tuple[str | int, ...]
) -> Place | None:
    return next((places[path[:size]] for size in range(len(path), 0, -1) if path[:size] in places), None)


def parse_toml(text: str, *, file: str, first_line: int = 1) -> Document:
    """The document in a text whose first line is the file's line `first_line`.

    Raises ChecksFailed (F101) with line and column of what is no TOML, in plain words.
    """
    text = text.replace("\r\n", "\n")
    lines = Lines(text)
    try:
        data = tomllib.loads(text)
        scanner = Scanner(text)
        scanner.scan()
    except tomllib.TOMLDecodeError as error:
        reason = str(error)
    except ValueError as error:  # an integer of thousands of digits: Python refuses to read it
        raise ChecksFailed(
            Problem(
                "F101",
                f"a value can't be read: {error}",
                Place(file, first_line, 1),
                "write a shorter number",
            )
        ) from None
    except RecursionError:
        raise ChecksFailed(
            Problem("F101", "lists or tables nest too deeply", Place(file, first_line, 1), "write it flatter")
        ) from None
    except Lost as lost:  # tomllib of a later Python may take more than this scanner knows
        line, column = lines.at(lost.offset)
        raise ChecksFailed(
            Problem(
                "F101", "a form of TOML that is not known here", Place(file, line + first_line - 1, column)
            )
        ) from None
    else:

        def place(offset: int) -> Place:
            line, column = lines.at(offset)
            return Place(file, line + first_line - 1, column)

        return Document(
            data,
            file,
            {path: place(offset) for path, offset in scanner.keys.items()},
            {path: place(offset) for path, offset in scanner.values.items()},
        )
    from newsletter.files.diagnosis import explain

    line, column, message, hint = explain(text, reason, front_matter=first_line > 1)
    raise ChecksFailed(Problem("F101", message, Place(file, line + first_line - 1, column), hint))


def split_front_matter(text: str, *, file: str) -> tuple[Document, str, int] | None:
    """The TOML between `+++` lines at the top, the text below, and the file's line on which that begins.

    None if the first line is no `+++`. Raises ChecksFailed: F101 no TOML, F106 a `---` fence as of YAML,
    F107 never closed.
    """
    text = text.replace("\r\n", "\n")
    first, _, rest = text.partition("\n")
    if re.fullmatch(r"---\s*", first):
        raise ChecksFailed(
            Problem(
                "F106",
                "the file begins with `---`, the fence of YAML",
                Place(file, 1, 1),
                'TOML stands between two lines `+++`, and a key is written `subject = "…"`',
            )
        )
    if first.rstrip() != FENCE:
        return None
    failed: ChecksFailed | None = None
    for closing in re.finditer(r"^\+\+\+[ \t]*(?:\n|\Z)", rest, re.MULTILINE):
        head, body = rest[: closing.start()], rest[closing.end() :]
        try:
            document = parse_toml(head, file=file, first_line=2)
        except ChecksFailed as error:
            # A line `+++` inside a multi-line string closes nothing; outside of one it is never TOML.
            failed = failed or error
        else:
            return document, body, 3 + head.count("\n")
    if failed:
        raise failed
    raise ChecksFailed(
        Problem(
            "F107",
            "the front matter that begins here is never closed",
            Place(file, 1, 1),
            "put a line `+++` below the last key, above the text",
        )
    )
