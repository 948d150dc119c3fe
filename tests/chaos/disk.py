"""A disk as a power cut may leave it: what was written or renamed after the last fsync is lost, or came first.

After ALICE (Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014): fsync of a file makes its bytes last
and not its name, fsync of a folder makes the names in it last; all else may reach the disk in any order or not at
all; a single rename, link, unlink or mkdir is whole. SQLite's own files are as SQLite promises: a commit lasts.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from .points import Point

Files = Mapping[str, bytes]  # by path below the project
_SQLITE = (".db", ".db-wal", ".db-shm")


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@dataclass(frozen=True)
class Change:
    """Names that change at once: added (path -> which file), and taken away. folder: whose fsync makes it last"""

    folder: str
    added: Mapping[str, int] = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    made: str = ""  # a new folder


class Disk:
    """Follows a run from point to point; `crashes` are the disks that a power cut may leave there."""

    def __init__(self, project: Path, before: Files) -> None:
        self._project = str(project)
        self._numbers = itertools.count()
        self._names = {path: next(self._numbers) for path in before}  # as the program sees them
        self._lasting = dict(self._names)  # those that outlive a power cut
        self._synced = {self._names[path]: data for path, data in before.items()}  # file -> bytes that do
        self._folders = {parent.as_posix() for path in before for parent in PurePosixPath(path).parents}
        self._pending: list[Change] = []

    def crashes(self, now: Files) -> Iterator[dict[str, bytes]]:
        """now: the files as the program sees them at this point"""
        seen: set[frozenset[tuple[str, bytes]]] = set()
        for kept in self._subsets():
            names, lost = (
                dict(self._lasting),
                [one.made for one in self._pending if one.made and one not in kept],
            )
            for change in kept:
                for path in change.gone:
                    names.pop(path, None)
                names |= change.added
            own = {path: data for path, data in now.items() if path.endswith(_SQLITE)}
            for how in ("whole", "lost", "half"):
                found = own | {
                    path: self._bytes(number, now, how) for path, number in names.items() if path not in own
                }
                left = {
                    p: data
                    for p, data in found.items()
                    if not any(p.startswith(f"{folder}/") for folder in lost)
                }
                mark = frozenset(left.items())
                if mark not in seen:
                    seen.add(mark)
                    yield left

    def _subsets(self) -> Iterator[list[Change]]:
        """None of what hangs, all of it, each alone, all but each, and each beginning."""
        hanging = self._pending
        yield []
        for at, one in enumerate(hanging):
            yield [one]
            yield [*hanging[:at], *hanging[at + 1 :]]
            yield hanging[: at + 1]

    def _bytes(self, number: int, now: Files, how: str) -> bytes:
        safe = self._synced.get(number, b"")
        live = next((now.get(path, safe) for path, one in self._names.items() if one == number), safe)
        if live == safe or how == "whole":
            return live
        return safe if how == "lost" else live[: len(live) // 2]

    def follow(self, point: Point, now: Files, exists: bool) -> None:
        """What this call changes. exists: whether the (first) path is there already"""
        paths = [self._below(path) for path in point.paths]
        if not all(paths):
            return  # beside the project: scratch
        match point.call, paths:
            case "open", [path] if not exists and not path.endswith(_SQLITE):
                self._change(path, added={path: next(self._numbers)})
            case "mkdir", [path] if not exists:
                self._change(path, made=path)
            case (("rename" | "replace"), [old, new]) if old in self._names:
                self._change(new, added={new: self._names[old]}, gone=(old,))
            case "link", [old, new] if old in self._names:
                self._change(new, added={new: self._names[old]})
            case (("unlink" | "remove"), [path]) if exists:
                self._change(path, gone=(path,))
            case "fsync", [path] if path in self._names:
                self._synced[self._names[path]] = now[path]
            case "fsync", [path]:
                self._last(path)

    def _below(self, path: str) -> str:
        if path == self._project:
            return "."
        return path.removeprefix(f"{self._project}/") if path.startswith(f"{self._project}/") else ""

    def _change(
        self, path: str, *, added: Mapping[str, int] | None = None, gone: tuple[str, ...] = (), made: str = ""
    ) -> None:
        change = Change(PurePosixPath(path).parent.as_posix(), added or {}, gone, made)
        for name in gone:
            self._names.pop(name, None)
        self._names |= change.added
        self._pending.append(change)

    def _last(self, folder: str) -> None:
        for change in [one for one in self._pending if one.folder == folder]:
            self._pending.remove(change)
            for name in change.gone:
                self._lasting.pop(name, None)
            self._lasting |= change.added
