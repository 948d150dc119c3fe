"""People in several rows: one row stands for them all, and what their rows contradict is told."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from typing import Any

from newsletter.audience.cells import Columns
from newsletter.audience.load import Origin, clash_problems
from newsletter.audience.merge import Clashes
from newsletter.audience.rows import Row
from newsletter.settings.model import Settings
from newsletter.store.loaded.writer import Writer
from newsletter.store.loaded.written import Layout

_AT_ONCE = 1_000  # people

# h31 is no identity, only nearly one: whoever shares it is told apart by the key.
_SEVERAL = (
    "SELECT entry.h31, entry.id, entry.version, entry.key, said.line, said.email, said.address,"
    " said.standing, said.data"
    " FROM entry JOIN list ON list.version = entry.version JOIN said ON said.id = entry.id"
    " WHERE list.state = 'current' AND entry.h31 IN ("
    "  SELECT h31 FROM entry WHERE version IN (SELECT version FROM list WHERE state = 'current')"
    "  GROUP BY h31 HAVING count(*) > 1)"
    " ORDER BY entry.h31, entry.key, list.file, said.line, entry.id"
)


def merge_people(writer: Writer, origins: Sequence[Origin], settings: Settings) -> None:
    """Whoever stands in several rows is led by a row of their own; inside the caller's transaction."""
    own = writer.own
    old = "SELECT id FROM entry WHERE version = 0"
    own.execute(f"DELETE FROM tag WHERE entry IN ({old})")  # noqa: S608 - ours
    own.execute(f"DELETE FROM said WHERE id IN ({old})")  # noqa: S608
    own.execute("DELETE FROM entry WHERE version = 0")
    own.execute("UPDATE entry SET lead = 1 WHERE lead = 0")
    layouts = {
        version: Layout.of(name, file, json.loads(columns), types, settings.attributes)
        for version, name, file, columns, types in own.execute(
            "SELECT version, name, file, columns, types FROM list WHERE state = 'current'"
        )
    }
    columns = dict.fromkeys(column for each in layouts.values() for column in each.names)
    writer.plan(Columns.of(tuple(columns), settings.attributes, settings.zone))
    clashes = Clashes()
    several = _several(own.execute(_SEVERAL), layouts)
    while some := list(islice(several, _AT_ONCE)):
        for _, rows in some:
            clashes.add(rows)
        writer.add_merged([rows for _, rows in some])
        own.executemany(
            "UPDATE entry SET lead = 0 WHERE id = ?", [(number,) for ids, _ in some for number in ids]
        )
    told = {
        name: [problem.as_json() for problem in problems]
        for name, problems in clash_problems(clashes, origins).items()
    }
    writer.know("clashes", told)


def _several(found: Iterable[Any], layouts: Mapping[int, Layout]) -> Iterator[tuple[list[int], list[Row]]]:
    for _, people in groupby(found, key=lambda one: (one[0], one[3])):
        together = list(people)
        if len(together) > 1:
            yield [one[1] for one in together], [layouts[one[2]].row_of(one[3:]) for one in together]
