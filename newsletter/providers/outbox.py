"""The way out that reaches nobody: each message a file, its name the proof that it was handed over."""

import hashlib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from newsletter.errors import Problem
from newsletter.files.atomic import sync_folder
from newsletter.mail.message import message
from newsletter.providers.protocol import NO_MARK, Answer, Mark, Outcome, Parcel, Request, never
from newsletter.settings.model import Settings

_SID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def open_from(settings: Settings, folder: Path) -> "Outbox":  # noqa: ARG001 (every provider's)
    return Outbox(folder)


def largest_batch(settings: Settings) -> int:  # noqa: ARG001 (every provider's)
    return Outbox.max_batch


def stays_here(settings: Settings) -> bool:  # noqa: ARG001 (every provider's)
    return True


def count_requests(settings: Settings, parcels: Sequence[Parcel]) -> int:  # noqa: ARG001 (every provider's)
    return 1


def lacks(settings: Settings) -> Sequence[Problem]:  # noqa: ARG001 (every provider's)
    return ()


@dataclass(frozen=True, slots=True)
class _Files:
    folder: Path
    messages: tuple[tuple[str, bytes], ...]  # sid, message


class Outbox:
    """Writes `<root>/<campaign id>/<sid>.eml`; a campaign id with `/` becomes folders.

    The file name is the idempotency key: a file that is already there stays as it is and counts as
    accepted. A file that ends in .eml is whole and on the disk, whatever happened meanwhile.
    """

    name = "outbox"
    live = False
    max_batch = 100  # a stop (Ctrl-C) waits for one batch: well under a second

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lasting: set[Path] = set()  # folders whose names outlive a power cut

    def prepare(self, parcels: Sequence[Parcel], mark: Mark = NO_MARK) -> Request:  # noqa: ARG002 (the protocol's)
        """See Provider.prepare."""
        campaigns = {parcel.campaign_id for parcel in parcels}
        if len(campaigns) != 1 or len(parcels) > self.max_batch:
            raise ValueError(f"a request holds 1 to {self.max_batch} messages of one campaign")
        messages = tuple((p.sid, message(p.composition, p.values, p.envelope, p.letter)) for p in parcels)
        digest = hashlib.sha256(b"".join(data for _, data in messages)).digest()
        payload = _Files(self._folder(campaigns.pop()), messages)
        return Request(tuple(sid for sid, _ in messages), digest, payload)

    def hand_over(self, request: Request, stop: Callable[[], bool] = never) -> Outcome:  # noqa: ARG002 (the protocol's)
        """Write the files one after the other, each by temporary file, fsync and rename.

        A fault before a rename is `retry` for that file and the rest (nobody has it), a fault behind
        one is `unknown`: the file may or may not survive a power cut, and evidence() tells.
        """
        files = request.payload
        if not isinstance(files, _Files):
            raise TypeError("this request was prepared by another provider")
        written: list[str] = []
        try:
            self._make_folder(files.folder)
            for sid, data in files.messages:
                _place(files.folder / f"{sid}.eml", data)
                written.append(sid)
        except OSError as fault:
            if written and not self._last(files.folder):
                return Outcome(Answer.UNKNOWN, detail=_say(fault), pause=True)
            there = dict.fromkeys(written, (Answer.ACCEPTED, ""))
            return Outcome(Answer.RETRY, detail=_say(fault), exceptions=there, pause=True)
        if not self._last(files.folder):
            return Outcome(Answer.UNKNOWN, detail="the folder could not be written to disk", pause=True)
        return Outcome(Answer.ACCEPTED)

    def evidence(self, campaign_id: str, sids: Sequence[str]) -> Mapping[str, bool] | None:
        """Whether each file is there, and there for good; None when the disk does not say so.

        Whoever wrote it may have been killed before its name was synced: it would be gone after a power cut, and
        its mail with it.
        """
        folder = self._folder(campaign_id)
        if folder.is_dir() and not self._last(folder):
            return None
        return {sid: bool(_SID.fullmatch(sid)) and (folder / f"{sid}.eml").is_file() for sid in sids}

    def close(self) -> None:
        """Nothing is held."""

    def _folder(self, campaign_id: str) -> Path:
        parts = campaign_id.split("/")
        if any(part in {"", ".", ".."} or set(part) & set("\\\0:") for part in parts):
            raise ValueError(f"{campaign_id!r} is no campaign id")
        return self.root.joinpath(*parts)

    def _make_folder(self, folder: Path) -> None:
        """The folder and all above it; a link that leads out of the root is refused."""
        folder.mkdir(parents=True, exist_ok=True)
        if not folder.resolve().is_relative_to(self.root.resolve()):
            raise OSError(f"{folder.name} is a link that leaves the outbox")

    def _last(self, folder: Path) -> bool:
        """Make the names in a folder last, and once its own and those above it. False when the system says no."""
        project = self.root.parent.parent  # in which `out/` lies, in which the outbox lies
        above = () if folder in self._lasting else folder.parents
        try:
            for one in (folder, *(one for one in above if one.is_relative_to(project))):
                sync_folder(one)
        except OSError:
            return False
        self._lasting.add(folder)
        return True


def _place(path: Path, data: bytes) -> None:
    """Raises OSError while the file is not there under its name; then it never is, not even in part."""
    if not _SID.fullmatch(path.stem):
        raise OSError(f"{path.name!r} is no name for a message")
    if path.is_file():
        return
    # Named after the message, so that what a kill leaves behind is overwritten and not collected.
    temporary = path.with_name(f".{path.stem}.part")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _say(fault: OSError) -> str:
    return f"the outbox cannot be written: {fault.strerror or fault}"
