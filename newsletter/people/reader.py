"""The file of an import: opened, its format and columns understood, its rows taken and compared with the list."""

import io
import shlex
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import IO

from newsletter.audience.table import fold_name
from newsletter.audience.writing import row_writer
from newsletter.errors import ChecksFailed, GuardRefused, Place, Problem, Severity, UsageFault, did_you_mean
from newsletter.files.project import Project
from newsletter.people import formats
from newsletter.people.cells import guarded
from newsletter.people.destination import destination
from newsletter.people.foreign import Foreign, no_addresses, open_foreign
from newsletter.people.intake import Counts, Intake, Order
from newsletter.people.merging import merge
from newsletter.people.opt_out_file import holds_only_no
from newsletter.people.taking import Taker
from newsletter.settings.model import ListSettings, Settings
from newsletter.settings.secret import Secret
from newsletter.store.collector import seldom_collecting
from newsletter.store.staged_opt_outs import StagedOptOuts
from newsletter.store.staging import Staging

_OLD_EXCEL = b"\xd0\xcf\x11\xe0"  # [MS-CFB] 2.2: the header signature of files before .xlsx
_ENCRYPTED = 0x1  # APPNOTE.TXT 4.4.4, bit 0
_MOST_UNPACKED = 2 * 2**30  # bytes of all files in a zip together
_EASILY_UNPACKED = 2**24
_MOST_TIMES = (
    200  # wide rows that differ in the address alone shrink to a seventieth, DEFLATE ends at a thousandth
)


class Reader:
    """Takes an order apart. Nothing of the project is changed; temporary files lie in `scratch`."""

    def __init__(
        self,
        project: Project,
        settings: Settings,
        secret: Secret,
        suppressed: Mapping[bytes, frozenset[str]],
        now: datetime,
    ) -> None:
        self.project, self.settings, self.secret = project, settings, secret
        self.suppressed, self.now = suppressed, now

    def read(self, order: Order, scratch: Path, closing: ExitStack) -> Intake:
        """Raises ChecksFailed (I101 to I109, I114, I115), UsageFault (I113, I118), GuardRefused (I110, I140)."""
        target = destination(self.project, self.settings, order.list)
        order = replace(order, list=target.name)
        staged = closing.enter_context(Staging(scratch))
        opt_outs = closing.enter_context(StagedOptOuts())
        rejects_file = scratch / "rejects.csv"
        rejects = closing.enter_context(rejects_file.open("w", encoding="utf-8", newline=""))
        taker: Taker | None = None
        with _told_if_damaged(order.file):
            for name, file in _sources(order.file, closing):
                foreign = open_foreign(file, name, encoding=order.encoding, delimiter=order.delimiter)
                folded = [fold_name(cell) for cell in foreign.header]
                kind = order.format or formats.detect(folded, name)
                if kind != "mailchimp" and holds_only_no(folded, name):
                    raise _only_no(order.file, name)
                columns = _columns(order, foreign, kind)
                if taker is None:
                    intake = Intake(
                        order, kind, foreign.encoding, foreign.delimiter,
                        {h.strip(): c for h, c in zip(foreign.header, columns, strict=True) if c},
                        Counts(), [], [], Counter(), None, rejects_file, opt_outs, staged,
                        self.settings.list.get(order.list) or ListSettings(), self.settings.zone, target.file,
                        existing=False,
                    )  # fmt: skip
                    row_writer(rejects.write)(["row", "reason", *map(guarded, foreign.header)])
                    taker = Taker(intake, self.settings, self.secret, self.suppressed, self.now)
                with seldom_collecting():
                    taker.take_rows(foreign, kind, columns, rejects)
        assert taker is not None  # noqa: S101 - a file without a header was refused
        rejects.flush()
        intake.counts.duplicates = staged.settle()
        _hint(intake)
        merge(self.project, intake, scratch)
        return intake


def _sources(path: Path, closing: ExitStack) -> Iterator[tuple[str, IO[bytes]]]:
    """The file, or the lists in Mailchimp's zip."""
    try:
        file = closing.enter_context(path.open("rb"))
    except OSError as fault:
        hint = "the path of a CSV file, or of Mailchimp's zip"
        raise ChecksFailed(
            Problem("I101", f"{path} can't be read: {(fault.strerror or '').lower()}", hint=hint)
        ) from fault
    head = file.read(4)
    if head == _OLD_EXCEL:
        raise _spreadsheet(path)
    if head != b"PK\x03\x04":
        file.seek(0)
        yield path.name, file
        return
    packed = closing.enter_context(zipfile.ZipFile(file))
    if any(one.filename.startswith("xl/") or one.filename == "content.xml" for one in packed.infolist()):
        raise _spreadsheet(path)
    members = [one for one in packed.infolist() if formats.is_of_mailchimp(one.filename)]
    if any(one.flag_bits & _ENCRYPTED for one in members):
        raise ChecksFailed(
            Problem("I115", f"{path.name} is locked by a password", Place(path.name),
                    "unpack it, then import its CSV files one by one")
        )  # fmt: skip
    unpacked = sum(one.file_size for one in members)
    wrong = ""
    if not members:
        wrong = "the zip holds no lists of Mailchimp's"
    elif unpacked > _MOST_UNPACKED:
        wrong = "the zip unpacks to more than 2 GiB"
    elif unpacked > _EASILY_UNPACKED and unpacked > _MOST_TIMES * sum(one.compress_size for one in members):
        wrong = f"the zip unpacks to more than {_MOST_TIMES} times its size: it says one thing over and over"
    if wrong:
        raise ChecksFailed(Problem("I115", wrong, Place(path.name), "import its CSV files one by one"))
    for one in members:  # in any order: a no in any of them holds
        with packed.open(one) as opened:
            yield one.filename, _seekable(opened)


@contextmanager
def _told_if_damaged(path: Path) -> Iterator[None]:
    """A zip shows its damage only when it is read."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as fault:
        raise ChecksFailed(
            Problem("I115", f"{path.name} is a damaged zip", Place(path.name), "export it once more")
        ) from fault


def _spreadsheet(path: Path) -> ChecksFailed:
    hint = "save it there as “CSV UTF-8 (comma delimited)”, and import that file"
    return ChecksFailed(Problem("I105", "this is a spreadsheet, not the text of one", Place(path.name), hint))


def _only_no(path: Path, name: str) -> GuardRefused:
    return GuardRefused(
        Problem(
            "I140",
            f"`{name}` is a file of people who said no: as readers they would get mail again",
            Place(path.name),
            f"{shlex.join(['newsletter', 'suppress', 'import', path.name])}; if they want mail, call it otherwise",
        )
    )


def _columns(order: Order, foreign: Foreign, kind: formats.Format) -> list[str]:
    """Our column for each of theirs; "" for one that has no name."""
    wanted = {fold_name(theirs): ours for theirs, ours in order.columns.items()}
    folded = [fold_name(cell) for cell in foreign.header]
    if missing := [theirs for theirs in order.columns if fold_name(theirs) not in folded]:
        raise UsageFault(
            Problem(
                "I113",
                f"--map: there is no column `{missing[0]}`",
                hint=did_you_mean(missing[0], foreign.header),
            )
        )
    place = Place(foreign.shown, 1)
    columns = [
        fold_name(wanted[name]) if name in wanted else formats.SYNONYMS.get(name, name) for name in folded
    ]
    if kind == "csv" and "name" in columns and "first_name" in columns:
        columns = [name if ours == "name" else ours for name, ours in zip(folded, columns, strict=True)]
    addresses = [foreign.header[n].strip() for n, name in enumerate(columns) if name == "email"]
    if not addresses:
        raise no_addresses(foreign.shown, foreign.header, "--map HEADER=email")
    if len(addresses) > 1:
        raise ChecksFailed(
            Problem("I104", f"two address columns: `{addresses[0]}` and `{addresses[1]}`", place,
                    f"say which: --map '{addresses[1]}=other_email'")
        )  # fmt: skip
    twice = next((name for n, name in enumerate(columns) if name and name in columns[:n]), None)
    if twice:
        message = f"two columns are `{twice}`"
        raise ChecksFailed(Problem("I107", message, place, f"give one another name: --map HEADER={twice}_2"))
    return columns


def _hint(intake: Intake) -> None:
    """Contacts without those who said no: a new system would write to them again."""
    if intake.format in ("mailchimp", "sendgrid") and not intake.opt_outs:
        whose = "Mailchimp" if intake.format == "mailchimp" else "SendGrid"
        what = (
            "the files unsubscribed_… and cleaned_… of the same export"
            if intake.format == "mailchimp"
            else "the exports of unsubscribes, bounces, blocks, spam reports and invalid addresses"
        )
        intake.problems.append(
            Problem(
                "I111",
                f"contacts of {whose} came without anybody who said no: do you have those, too?",
                Place(intake.order.file.name),
                f"newsletter suppress import FILE, for {what}",
                Severity.WARNING,
            )
        )


def _seekable(opened: IO[bytes]) -> IO[bytes]:
    """A member of a zip can be read from its beginning again; that is all that is asked of it."""
    return io.BufferedReader(opened)  # type: ignore[type-var]
