"""Forgetting somebody: out of every list, every copy of one, and the ledger; what remains is said, and why."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from newsletter.audience.leaving import EVERYTHING
from newsletter.audience.load import FOLDER
from newsletter.check.workspace import LISTS_FILE
from newsletter.files.atomic import write_atomically
from newsletter.files.project import Project
from newsletter.people import rows
from newsletter.people.identity import Identity
from newsletter.people.traces import copies_of_lists, files_that_name
from newsletter.store.loaded.opening import take_away
from newsletter.store.store import Store

REASON = "erased at the person's request"


@dataclass(frozen=True)
class Removed:
    """What was, or would be, taken out of a file: their rows, and their address out of rows of other people."""

    file: str
    rows: int
    mentions: int


@dataclass(frozen=True)
class Forgotten:
    """What was deleted, and what remains: (what, why)."""

    removed: Sequence[Removed]
    in_ledger: bool
    remains: Sequence[tuple[str, str]]


def forget(
    project: Project,
    store: Store | None,
    who: Identity,
    now: datetime,
    *,
    dry_run: bool,
    printed: Collection[str] = (),
) -> Forgotten:
    """Opt them out for good, then delete. Killed in between it is safe to call again.

    Everything is read before anything is changed: ChecksFailed (S144, F113) for a list that can't be read leaves
    all as it was. dry_run: only says what would be done; `store` may be missing then.
    printed: the lists that programs print
    """
    found = [
        (file, text, named)
        for file in (*project.entries(FOLDER, ".csv"), *copies_of_lists(project))
        if (named := rows.rows_naming(text := rows.decode(project.read_bytes(file)), who.key, file))
    ]
    known = bool(store and store.history(who.hmac).email)
    if store and not dry_run:
        store.suppress(who.hmac, EVERYTHING, REASON, "command", now)
        for file, text, named in found:
            path = project.path(file)
            mode = path.stat().st_mode & 0o777
            write_atomically(path, rows.encode(rows.without(text, named, who.key)), mode=mode)
        take_away(project.path(LISTS_FILE))  # the lists as loaded
        store.forget(who.hmac)
    removed = [Removed(file, len(named.own), len(named.others)) for file, _, named in found]
    return Forgotten(removed, known, _remains(project, store, who, printed))


def _remains(
    project: Project, store: Store | None, who: Identity, printed: Collection[str]
) -> list[tuple[str, str]]:
    kept = [
        (
            f"the fingerprint {who.hmac.hex()}, opted out of everything",
            "so that no file and no import brings them back; the address can't be read from it",
        )
    ]
    if store and (consents := len(store.consents(who.hmac))):
        kept.append(
            (
                f"{consents} record{'s' * (consents > 1)} of consent, by fingerprint",
                "proof that earlier mail was lawful",
            )
        )
    if (project.root / ".git").exists():
        kept.append(
            ("older commits, if a list of theirs was in git", "git forgets only when history is rewritten")
        )
    if files := files_that_name(project, who):
        shown = ", ".join(files[:5]) + (f" and {len(files) - 5} more" if len(files) > 5 else "")
        kept.append(
            (f"files that hold the address: {shown}", "they are for you to look at: delete it there by hand")
        )
    if printed:
        kept.append(
            (
                f"what programs print for {', '.join(sorted(printed))}",
                "delete it where it comes from; they get no mail by it meanwhile",
            )
        )
    kept.append(("your own backups of lists and ledger", "out of this program's reach"))
    return kept
