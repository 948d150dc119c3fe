"""The pictures of all letters as a folder that a web server can serve, and the command that takes it there."""

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from newsletter.campaigns.models import Campaign
from newsletter.check.workspace import Workspace
from newsletter.errors import ChecksFailed, Place, Problem, ProviderUnavailable
from newsletter.files.atomic import write_atomically
from newsletter.files.project import SETTINGS_FILE

LAST_LINES = 5  # of a failed command's output
TIME_LIMIT_S = 600


@dataclass
class Published:
    """What stands in the folder now, by the published names."""

    written: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    bytes: int = 0  # of all of them
    problems: list[Problem] = field(default_factory=list)  # of letters that don't compose


def publish(workspace: Workspace, campaigns: Iterable[Campaign], folder: Path) -> Published:
    """Write the pictures of these letters, each under its hashed name. Deletes nothing: old letters still show theirs.

    A letter that does not compose is told of and holds back no other. Raises OSError where the folder can't be written.
    """
    result, pictures = Published(), dict[str, bytes]()
    for campaign in campaigns:
        try:
            pictures.update(workspace.compose(campaign).hosted)
        except ChecksFailed as failed:
            result.problems += failed.problems
    folder.mkdir(parents=True, exist_ok=True)
    for name in sorted(pictures):
        data, path = pictures[name], folder / name
        result.bytes += len(data)
        if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
            result.unchanged.append(name)
        else:
            write_atomically(path, data)
            result.written.append(name)
    return result


def hand_on(command: tuple[str, ...], folder: Path, root: Path) -> None:
    """Run `[assets] publish` in the project's folder, without a shell.

    Raises ProviderUnavailable when it can't be run, fails, or takes longer than ten minutes.
    """
    arguments = [part.replace("{dir}", str(folder.resolve())) for part in command]
    try:
        ran = subprocess.run(
            arguments,
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=TIME_LIMIT_S,
            check=False,
        )
    except OSError as error:
        raise _failed(command, error.strerror or str(error), []) from error
    except subprocess.TimeoutExpired as error:
        raise _failed(command, f"still running after {TIME_LIMIT_S} s", []) from error
    if ran.returncode:
        raise _failed(command, f"exit {ran.returncode}", ran.stdout.strip().splitlines()[-LAST_LINES:])


def _failed(command: tuple[str, ...], reason: str, lines: list[str]) -> ProviderUnavailable:
    said = "".join(f"\n  {line}" for line in lines)
    return ProviderUnavailable(
        Problem(
            "P111",
            f"the pictures did not get to their place: `{command[0]}` failed ({reason}){said}",
            Place(SETTINGS_FILE),
            "mend [assets] publish, then newsletter publish again: it goes on",
        )
    )
