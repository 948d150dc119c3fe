"""Lists, opt-outs and consent as CSV files for other programs: RFC 4180, or as Excel in Swedish reads them."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, Literal

from newsletter.audience.folding import fold
from newsletter.audience.load import Origin
from newsletter.audience.table import fold_name
from newsletter.errors import ChecksFailed, Problem, UsageFault, did_you_mean
from newsletter.people.cells import guarded
from newsletter.people.foreign import Foreign, open_foreign, whole_rows
from newsletter.settings.model import Settings
from newsletter.store.values import Consent, Suppression

Dialect = Literal["rfc4180", "excel-sv"]

_NUMBER = re.compile(r"[+-]?\d+\.\d+")
Row = Sequence[str]


def write_csv(rows: Iterable[Row], dialect: Dialect) -> Iterator[bytes]:
    """The file in pieces: UTF-8, CRLF (RFC 4180 2). excel-sv: semicolons and a byte order mark, for Excel's sake."""
    swedish = dialect == "excel-sv"
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";" if swedish else ",", lineterminator="\r\n")
    if swedish:
        text.write("\ufeff")
    for row in rows:
        writer.writerow([guarded(cell) for cell in row])
        if text.tell() > 65_536:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


def list_rows(
    origins: Iterable[Origin],
    problems: Mapping[str, Sequence[Problem]],
    settings: Settings,
    name: str | None,
    dialect: Dialect,
) -> Iterator[Row]:
    """Header and rows of a list; of all lists, with their name in front, where none is named.

    origins: where the text of each list lies. problems: of the lists of which there is none
    Cells are what the text says; excel-sv writes a decimal comma in columns that are numbers.
    Raises UsageFault (S142) for an unknown list, ChecksFailed for one that can't be read, I134 for a row.
    """
    known = {origin.name: origin for origin in origins}
    name = name if name is None else _called(name, (*known, *problems))
    broken = [problem for each, found in problems.items() if name in (None, each) for problem in found]
    if broken:  # a part would be taken for the whole
        raise ChecksFailed(*broken)
    numbers = {column for column, kind in settings.attributes.items() if kind == "number"}
    chosen = {name: known[name]} if name is not None else known
    columns: dict[str, None] = {}
    for origin in chosen.values():
        with origin.path.open("rb") as opened:
            columns.update(dict.fromkeys(_columns(_open(opened, origin.file))))
    yield [*([] if name is not None else ["list"]), *columns]
    for each, origin in chosen.items():
        with origin.path.open("rb") as opened:
            foreign = _open(opened, origin.file)
            own = _columns(foreign)
            for _, row in whole_rows(foreign):
                cells = dict(zip(own, row, strict=True))
                if dialect == "excel-sv":
                    _decimal_commas(cells, numbers)
                yield [*([] if name is not None else [each]), *(cells.get(column, "") for column in columns)]


def _called(name: str, known: Iterable[str]) -> str:
    """The list of this name, in any case and normal form."""
    found = next((each for each in known if fold(each) == fold(name)), None)
    if found is None:
        hint = did_you_mean(name, known) or "a list is a file subscribers/NAME.csv"
        raise UsageFault(Problem("S142", f"there is no list `{name}`", hint=hint))
    return found


def _open(opened: IO[bytes], file: str) -> Foreign:
    return open_foreign(opened, file, encoding="utf-8", delimiter=",")


def _columns(foreign: Foreign) -> list[str]:
    return [fold_name(cell) for cell in foreign.header]


def _decimal_commas(cells: dict[str, str], numbers: Iterable[str]) -> None:
    for column in numbers:
        if _NUMBER.fullmatch(cells.get(column, "")):
            cells[column] = cells[column].replace(".", ",")


def suppression_rows(found: Iterable[Suppression], emails: Mapping[bytes, str], key_id: str) -> Iterator[Row]:
    """emails: by HMAC, where a list still knows them; `suppress import` takes the file back, with or without them

    key_id: of the secret that made the fingerprints; without an address they mean nothing to another one
    """
    yield ["email", "fingerprint", "scope", "reason", "source", "at", "key"]
    for one in found:
        yield [
            emails.get(one.hmac, ""),
            one.hmac.hex(),
            one.scope,
            one.reason,
            one.source,
            one.at.isoformat(),
            key_id,
        ]


def consent_rows(found: Iterable[Consent], emails: Mapping[bytes, str], name: str | None) -> Iterator[Row]:
    yield ["email", "fingerprint", "list", "source", "text_version", "proof", "given_at", "recorded_at"]
    for one in found:
        if name in (None, one.list):
            given = one.given_at.isoformat() if one.given_at else ""
            recorded = one.recorded_at.isoformat() if one.recorded_at else ""
            yield [
                emails.get(one.hmac, ""), one.hmac.hex(), one.list, one.source, one.text_version, one.proof, given,
                recorded,
            ]  # fmt: skip
