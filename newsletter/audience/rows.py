"""The rows of one list: cells become cleaned texts, an address and a standing; what is wrong is noted at its place."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from newsletter.audience import cells
from newsletter.audience.address import Address, address_in, parse_address
from newsletter.audience.findings import Findings
from newsletter.audience.models import AttributeValue, Standing
from newsletter.audience.saying_no import asking
from newsletter.audience.table import Table
from newsletter.errors import Place, Severity, did_you_mean

_SUBSCRIBED = Standing.SUBSCRIBED


@dataclass(slots=True)
class Row:
    """A person on one list, as a row says it. A million of them pass through: it holds its cells as they stand."""

    list: str
    file: str
    line: int
    key: str  # the address key; `file:line` for a row without address
    email: str
    address: str
    standing: Standing
    columns: cells.Columns  # all but address, tags and status
    texts: Sequence[str]  # what it says in each of them, cleaned; "" where nothing that can be read
    tags: tuple[str, ...]

    @property
    def place(self) -> Place:
        return Place(self.file, self.line)

    @property
    def values(self) -> dict[str, AttributeValue]:
        """What it says, by column; missing = absent."""
        return self.columns.values(self.texts)


class ListReader:
    """Reads a list once from top to bottom; `count` and the findings are whole when `rows` has ended."""

    def __init__(
        self, name: str, table: Table, findings: Findings, *, zone: ZoneInfo, types: Mapping[str, str]
    ) -> None:
        self.name, self.table, self.findings = name, table, findings
        self.count = 0
        columns = table.columns
        self._email = columns.index("email")
        self._status = columns.index("status") if "status" in columns else None
        self._tags = columns.index("tags") if "tags" in columns else None
        self.columns = cells.Columns.of(columns, types, zone)
        self._numbers = [columns.index(name) for name in self.columns.names]  # where they stand in a row
        self._noes = [(number, asked) for number, name in enumerate(columns) if (asked := asking(name))]

    def rows(self, *, after: int = 0) -> Iterator[tuple[int, list[Row]]]:
        """All rows below line `after`, with their lines: those above were read before.

        One row of the file may speak of several people, or of none, when its cells can't be told apart.
        Raises Unreadable and ChecksFailed (F112).
        """
        width = len(self.table.columns)
        for line, row in self.table.rows():
            if line <= after or not (row[0].strip() or any(cell.strip() for cell in row)):
                continue
            self.count += 1
            if len(row) == width:
                yield line, self._whole(line, row)
            else:
                self._ragged(row)
                # They get nothing, whatever other rows say.
                yield line, [held for cell in row for held in self._held(line, cell)]

    def _whole(self, line: int, row: list[str]) -> list[Row]:
        plain = "".join(row).isprintable()  # asked of the whole row at once: nearly every one is
        address = self._address(row)
        status = "" if self._status is None else row[self._status].strip()
        tags = "" if self._tags is None else row[self._tags].strip()
        if tags and not plain:
            tags = self._cleaned("tags", tags)
        held = self._held(line, row[self._email].strip()) if address.problem is not None else []
        # A row without address is nobody that another row could be, yet it is counted.
        whole = Row(
            self.name,
            self.table.file,
            line,
            address.key if address.email else f"{self.table.file}:{line}",
            address.email,
            address.address,
            self._standing(status, row) if status or self._noes else _SUBSCRIBED,
            self.columns,
            self._texts(row, plain=plain),
            cells.tags(tags) if tags else (),
        )
        return [*held, whole]

    def _held(self, line: int, cell: str) -> list[Row]:
        """Whoever a cell names, be it `Eva <eva@example.org>` or in another column, has an unclear row."""
        if "@" not in cell:
            return []
        address = address_in(cell.strip())
        if not address.key or address.problem is not None:
            return []
        named = (address.key, address.email, address.address)
        return [Row(self.name, self.table.file, line, *named, Standing.UNCLEAR, cells.NO_COLUMNS, (), ())]

    def _note(self, code: str, column: str, message: str, hint: str) -> None:
        number = self.table.columns.index(column)
        self.findings.add(
            code, message, hint, Severity.WARNING, column=column, place=lambda: self.table.place(number)
        )

    def _address(self, row: list[str]) -> Address:
        found = parse_address(row[self._email])
        if found.problem is None:
            if found.needs_smtputf8:
                message = "the address has other letters than a to z before the @, which few servers take"
                hint = "ask the reader for another address; this one is excluded"
                self._note("A114", "email", message, hint)
        elif not found.email:
            hint = "write the address, or delete the row"
            self._note("A113", "email", "a row without address: it is excluded", hint)
        else:
            message = f"the address is not valid: {found.problem[:1].lower()}{found.problem[1:].rstrip('.')}"
            hint = "write one address, as anna@example.org; till then it is excluded"
            self._note("A112", "email", message, hint)
        return found

    def _standing(self, word: str, row: Sequence[str]) -> Standing:
        known = cells.STATUS_WORDS.get(word.casefold()) if word else _SUBSCRIBED
        if known is _SUBSCRIBED and self._noes:
            return self._contradicted(row)
        if known is not None:
            return known
        words = [other for other in cells.STATUS_WORDS if other]
        message = f"unknown status `{short(word)}`: nobody can tell whether to mail, so nothing goes there"
        hint = did_you_mean(word, words, otherwise="write subscribed, unsubscribed, cleaned or pending")
        self._note("A111", "status", message, hint)
        return Standing.UNCLEAR

    def _contradicted(self, row: Sequence[str]) -> Standing:
        """Subscribed by the status; unclear where another column says no."""
        number = next((number for number, asked in self._noes if asked(row[number])), None)
        if number is None:
            return _SUBSCRIBED
        column = self.table.columns[number]
        message = (
            f"`{column}` is `{short(row[number])}`, and the status says nothing of it: nothing goes there"
        )
        hint = "if it is a no, write `unsubscribed` as status; if it is none, call the column otherwise"
        self._note("A150", column, message, hint)
        return Standing.UNCLEAR

    def _texts(self, row: list[str], *, plain: bool) -> list[str]:
        texts = [row[number].strip() for number in self._numbers]
        if not plain:
            texts = [self._cleaned(*each) for each in zip(self.columns.names, texts, strict=True)]
        for place, read in self.columns.typed:
            try:
                if texts[place]:
                    read(texts[place])
            except ValueError:
                self._note_missing(self.columns.names[place], texts[place])
                texts[place] = ""
        return texts

    def _note_missing(self, column: str, cell: str) -> None:
        what, hint = cells.expectation(self.columns.kinds[column], cell)
        code = "A116" if column == "consent_at" else "A115"
        self._note(code, column, f"`{short(cell)}` in `{column}` is {what}: it counts as missing", hint)

    def _cleaned(self, column: str, cell: str) -> str:
        text = cells.clean(column, cell)
        if text != cell:
            what = "a line break or a control character" if column in cells.NAMES else "a control character"
            self._note("A117", column, f"{what} in `{column}` is left out", "delete it in the file")
        return text

    def _ragged(self, row: list[str]) -> None:
        have, want = len(row), len(self.table.columns)
        if have > want:
            hint = 'put a cell that holds a comma in quotes: "Berg, Åsa"'
        else:
            hint = "write a comma for each empty cell, too"
        cells_have = "1 cell" if have == 1 else f"{have} cells"
        message = f"the row has {cells_have}, the header {want}: it is left out"
        # The first cell too many, or the end of what is there.
        place = min(have - 1, want)
        self.findings.add(
            "A110", message, hint, Severity.WARNING, column="", place=lambda: self.table.place(place)
        )


def short(value: AttributeValue) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 40 else text[:39] + "…"
