"""A project folder: which files belong to it, and how their text is read."""

import codecs
import dataclasses
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from newsletter.errors import ChecksFailed, ConfigurationFault, Place, Problem

SETTINGS_FILE = "newsletter.toml"


class Project:
    """The folder that holds newsletter.toml, and the only files that the program reads or writes.

    Paths are given relative to it, with '/'. No path leaves it: not by being absolute, not by `..`,
    not through a symbolic link.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    def __repr__(self) -> str:
        return f"Project({str(self.root)!r})"

    def path(self, relative: str, *, place: Place | None = None) -> Path:
        """The place on disk of a file or folder of the project, which need not exist.

        place: where the path was written, for the problem.
        Raises ChecksFailed (F111) if it leaves the project.
        """
        if relative.startswith(("/", "~")) or "\\" in relative or re.match(r"[A-Za-z]:", relative):
            reason = "is not relative to the project, with `/`"
        elif "\0" in relative:
            reason = "holds a NUL character"
        elif ".." in PurePosixPath(relative).parts:
            reason = "goes up by `..`"
        else:
            path = self.root / relative
            try:
                real = path.resolve()
                inside = real.is_relative_to(self.root) and not self._hidden_by_link(relative, real)
            except (OSError, RuntimeError):  # a link that leads to itself
                inside = False
            if inside:
                return path
            reason = "is a link that leads out of the project, or to a hidden file"
        raise ChecksFailed(
            Problem(
                "F111",
                f"the path {relative!r} {reason}",
                place or Place(relative.replace("\0", "\\0")),
                "copy the file into the project and write its path from there, such as `templates/logo.png`",
            )
        )

    def _hidden_by_link(self, relative: str, real: Path) -> bool:
        """Whether a link leads to `.env`, `.newsletter/` or their like: what is hidden is no content."""
        asked = any(part.startswith(".") for part in PurePosixPath(relative).parts)
        return not asked and any(part.startswith(".") for part in real.relative_to(self.root).parts)

    def relative(self, path: Path) -> str:
        """How problems and plans name a file of the project: relative to it, with '/'."""
        if path.is_relative_to(self.root):
            return path.relative_to(self.root).as_posix()
        return path.resolve().relative_to(self.root).as_posix()

    def find(self, folder: str, pattern: str) -> list[str]:
        """Relative paths of the regular files below `folder` that fit the glob pattern, sorted.

        Names that begin with a dot (editors' and systems' leftovers) are passed over. A folder that
        does not exist holds nothing. Raises ChecksFailed (F113) for one that can't be looked into.
        """
        base = self.path(folder)
        if not base.is_dir():
            return []
        self._refuse_closed(base)
        found = [path for path in base.glob(pattern) if path.is_file()]
        return sorted(
            self.relative(path)
            for path in found
            if not any(part.startswith(".") for part in path.relative_to(base).parts)
        )

    def _refuse_closed(self, base: Path) -> None:
        """A folder that may not be read is not an empty one, and pathlib does not tell them apart."""

        def refuse(error: OSError) -> None:
            name = self.relative(Path(error.filename))
            hint = "let the user who runs newsletter look into it"
            raise ChecksFailed(
                Problem("F113", f"`{name}/` can't be read: {error.strerror}", Place(name), hint)
            )

        for _ in os.walk(base, onerror=refuse):
            pass

    def entries(self, folder: str, suffix: str) -> list[str]:
        """Relative paths of all that lies in `folder` under a name with this suffix, whatever its case; sorted.

        Readable or not: a folder, a pipe and a link into nothing are among them, for who must not pass one over.
        """
        base = self.path(folder)
        if not base.is_dir():
            return []
        self._refuse_closed(base)
        names = (path.name for path in base.iterdir() if path.suffix.lower() == suffix)
        return sorted(f"{folder}/{name}" for name in names if not name.startswith("."))

    def read_bytes(self, relative: str, *, place: Place | None = None) -> bytes:
        """A file's content. Raises ChecksFailed: F111 outside the project, F113 missing or unreadable."""
        path = self.path(relative, place=place)
        missing = False
        if path.exists() and not path.is_file():  # reading a pipe might never end
            reason = "it is a folder" if path.is_dir() else "it is no file"
        else:
            try:
                return path.read_bytes()
            except OSError as error:
                reason = "it is a link into nothing" if path.is_symlink() else error.strerror or str(error)
                missing = isinstance(error, FileNotFoundError) and not path.is_symlink()
        if missing:
            problem = Problem(
                "F113", f"there is no file `{relative}`", place or Place(relative), self._near(relative)
            )
        else:
            hint = "make it a file that the user who runs newsletter may read"
            problem = Problem("F113", f"`{relative}` can't be read: {reason}", place or Place(relative), hint)
        raise ChecksFailed(problem)

    def read_text(self, relative: str, *, place: Place | None = None) -> str:
        """A file's text: strict UTF-8, without byte order mark, line ends made LF.

        Raises ChecksFailed: F112 at the first byte that is no UTF-8, and what read_bytes raises.
        """
        return decode(self.read_bytes(relative, place=place), file=relative)

    def readable(self, relative: str) -> Path:
        """The path of a file that can be opened. Raises ChecksFailed as `read_bytes` does."""
        path = self.path(relative)
        try:
            if path.is_file():
                path.open("rb").close()
                return path
        except OSError:
            pass
        self.read_bytes(relative)  # it knows the words for what is wrong
        return path

    def tracked(self, folder: str) -> frozenset[str]:
        """Relative paths below `folder` that git tracks; nothing where there is no git, or no repository."""
        command = ["git", "-C", str(self.root), "ls-files", "-z", "--", folder]
        try:
            told = subprocess.run(command, capture_output=True, timeout=30, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return frozenset()
        return frozenset(name.decode("utf-8", "replace") for name in told.stdout.split(b"\0") if name)

    def _near(self, relative: str) -> str:
        """The file that is probably meant: same folder, almost the same name."""
        from newsletter.errors import nearest

        wanted = PurePosixPath(relative)
        folder = self.root / wanted.parent
        if not folder.is_dir():
            return ""
        guess = nearest(wanted.name, (path.name for path in folder.iterdir() if path.is_file()))
        return f"did you mean `{wanted.with_name(guess)}`?" if guess else ""


def find_project(start: Path) -> Project:
    """The project in this very folder; folders above are not searched, only named in the hint.

    Raises ConfigurationFault (F110).
    """
    folder = start.resolve()
    if (folder / SETTINGS_FILE).is_file():
        return Project(folder)
    above = next((parent for parent in folder.parents if (parent / SETTINGS_FILE).is_file()), None)
    if not folder.is_dir():
        message, hint = (
            f"there is no folder {start}",
            "newsletter -C DIR …, with the folder that holds newsletter.toml",
        )
    else:
        message = f"{start if start.is_absolute() else folder} is no project: it has no {SETTINGS_FILE}"
        hint = (
            f"newsletter -C {above} …"
            if above
            else f"newsletter -C DIR …, with the folder that holds {SETTINGS_FILE}"
        )
    raise ConfigurationFault(Problem("F110", message, hint=hint))


def read_lines(path: Path, *, file: str, longest: int) -> Iterator[str]:
    """The lines of a text as `decode` would give them, each with its LF, one at a time.

    longest: bytes; a longer line comes in pieces, so that no file fills the memory
    Raises ChecksFailed (F112) when it comes to what is no UTF-8 text.
    """
    number = 1
    with path.open("rb") as stream:
        while raw := stream.readline(longest):
            if number == 1:
                if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                    decode(raw, file=file)
                raw = raw.removeprefix(codecs.BOM_UTF8)
            try:
                text = raw.decode("utf-8")
            except UnicodeDecodeError as error:
                if (
                    error.end == len(raw) == longest
                ):  # cut in the middle of a sign: the next piece has its rest
                    stream.seek(error.start - len(raw), os.SEEK_CUR)
                    text = raw[: error.start].decode("utf-8")
                else:
                    text = _refused(raw, file, number)
            if "\0" in text:
                text = _refused(raw, file, number)
            if "\r" in text:
                text = text.replace("\r\n", "\n").replace("\r", "\n")
                number += text.count("\n") - text.endswith("\n")
                yield from _split(text)
            else:
                yield text
            number += text.endswith("\n")


def _split(text: str) -> Iterator[str]:
    """At LF only: `splitlines` takes other signs for line ends, too."""
    *whole, rest = text.split("\n")
    yield from (f"{line}\n" for line in whole)
    if rest:
        yield rest


def _refused(raw: bytes, file: str, number: int) -> str:
    """Raises ChecksFailed (F112) at the place within the whole file of what is wrong in its line `number`."""
    above = b"\n\n" if number > 1 else b""  # only a file's first two bytes tell UTF-16
    try:
        return decode(above + raw, file=file)
    except ChecksFailed as refused:
        (problem,) = refused.problems
        place = problem.place or Place(file)
        moved = dataclasses.replace(place, line=(place.line or 1) + number - 1 - len(above))
        raise ChecksFailed(dataclasses.replace(problem, place=moved)) from None


def decode(data: bytes, *, file: str) -> str:
    """Bytes as text: strict UTF-8, byte order mark stripped, line ends made LF.

    Raises ChecksFailed (F112) with line and column of what is no UTF-8 text.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ChecksFailed(_not_utf8(file, "", "the file is UTF-16, not UTF-8", "UTF-16"))
    body = data.removeprefix(codecs.BOM_UTF8)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        bad, before = body[error.start], body[: error.start].decode("utf-8")
    else:
        if "\0" not in text:
            return text.replace("\r\n", "\n").replace("\r", "\n")
        guess = "UTF-16LE" if body[1:2] == b"\0" else "UTF-16BE" if body[:1] == b"\0" else ""
        before = "" if guess else text.partition("\0")[0]
        message = (
            f"the file looks like {guess}, not UTF-8" if guess else "a NUL character: this is no text file"
        )
        raise ChecksFailed(_not_utf8(file, before, message, guess))
    letter = bytes([bad]).decode("cp1252", errors="replace")
    if letter == "\N{REPLACEMENT CHARACTER}":
        raise ChecksFailed(_not_utf8(file, before, f"byte 0x{bad:02X} is no UTF-8", ""))
    message = f"byte 0x{bad:02X} is no UTF-8; in Windows-1252 (cp1252) it is “{letter}”"
    raise ChecksFailed(_not_utf8(file, before, message, "CP1252"))


def _not_utf8(file: str, before: str, message: str, encoding: str) -> Problem:
    lines = before.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    hint = "save the file as UTF-8"
    if file.endswith(".csv"):
        hint += " (Excel: “CSV UTF-8”)"
    if encoding:
        hint += f", or: iconv -f {encoding} -t UTF-8 {file} > new && mv new {file}"
    return Problem("F112", message, Place(file, len(lines), len(lines[-1]) + 1), hint)
