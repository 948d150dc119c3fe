"""The secret that keys links, suppressions and send ids: read, made once, and used only through MACs."""

import hashlib
import secrets
from pathlib import Path
from typing import Any

from newsletter.errors import ConfigurationFault, Place, Problem
from newsletter.files.atomic import make_folder, write_atomically
from newsletter.files.project import Project
from newsletter.settings.model import MIN_SECRET, Settings

SECRET_FILE = ".newsletter/secret"  # noqa: S105 - a path


class Secret:
    """A key that is never shown; what it makes can be compared, not turned back."""

    __slots__ = ("_begun", "_inner", "_outer", "_person", "fingerprint", "id")

    def __init__(self, text: str) -> None:
        key = text.encode()
        # RFC 2104 section 4: what is the same for all MACs is begun once, for a list may have a million people.
        block = (key if len(key) <= 64 else hashlib.sha256(key).digest()).ljust(64, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))
        self._begun: dict[str, Any] = {}  # purpose -> the inner hash up to it
        self._person = self._inner_of("person")
        self.id = self.mac("key id", size=4).hex()  # tells keys apart in a link; says nothing about the key
        self.fingerprint = self.mac("fingerprint", size=16).hex()  # binds a database to its key

    def __repr__(self) -> str:
        return f"Secret(id={self.id!r})"

    def mac(self, purpose: str, *parts: bytes | str, size: int = 16) -> bytes:
        """HMAC-SHA256 (RFC 2104) over purpose and parts, its first `size` bytes (1 to 32).

        Each part goes in with its length before it: ("ab", "c") and ("a", "bc") differ, and so do purposes.
        """
        if not 1 <= size <= 32:
            raise ValueError(f"HMAC-SHA256 has 32 bytes, not {size}")
        return self._finished(self._inner_of(purpose), _framed(*parts))[:size]

    def person(self, address_key: str) -> bytes:
        """16 bytes that stand for an address where the address itself must not stand."""
        data = address_key.encode()
        return self._finished(self._person, len(data).to_bytes(8, "big") + data)[:16]

    def _inner_of(self, purpose: str) -> Any:
        begun = self._begun.get(purpose)
        if begun is None:  # purposes are a handful of words of the program's own
            begun = self._inner.copy()
            begun.update(_framed(purpose))
            self._begun[purpose] = begun
        return begun

    def _finished(self, begun: Any, data: bytes) -> bytes:
        inner, outer = begun.copy(), self._outer.copy()
        inner.update(data)
        outer.update(inner.digest())
        digest: bytes = outer.digest()
        return digest


def _framed(*parts: bytes | str) -> bytes:
    framed: list[bytes] = []
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        framed += (len(data).to_bytes(8, "big"), data)
    return b"".join(framed)


def load_secret(project: Project, settings: Settings) -> Secret | None:
    """NEWSLETTER_SECRET, else .newsletter/secret; None if there is neither. Reads only.

    Raises ConfigurationFault (F220) for a file that holds no secret.
    """
    if settings.secret is not None:
        return Secret(settings.secret.get_secret_value().strip())
    return _read(project.root / SECRET_FILE)


def ensure_secret(project: Project, settings: Settings) -> Secret:
    """The same, made if there is none. Of two processes that make one at once, both get the same."""
    secret = load_secret(project, settings)
    if secret is not None:
        return secret
    path = project.root / SECRET_FILE
    made = secrets.token_urlsafe(32)
    try:
        make_folder(path.parent)
        write_atomically(path, f"{made}\n".encode(), mode=0o600, exclusive=True)
    except FileExistsError:
        found = _read(path)  # another process was first
        if found is not None:
            return found
        reason = f"{path.parent.name} is no folder"
    except OSError as error:
        reason = error.strerror or str(error)
    else:
        return Secret(made)
    raise ConfigurationFault(
        Problem("F221", f"no secret can be kept: {reason}", Place(SECRET_FILE), "or set NEWSLETTER_SECRET")
    )


def throwaway_secret() -> Secret:
    """For rehearsals and previews: its links are of the right size and unsubscribe nobody."""
    return Secret(secrets.token_urlsafe(32))


def _read(path: Path) -> Secret | None:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, PermissionError):
            hint = "let the user who runs newsletter read it, and nobody else"
            raise ConfigurationFault(
                Problem("F220", "the secret may not be read by this user", Place(SECRET_FILE), hint)
            ) from None
        reason = (error.strerror or "it can't be read") if isinstance(error, OSError) else "it is no text"
    else:
        if len(text) >= MIN_SECRET:
            return Secret(text)
        reason = f"it is too short: at least {MIN_SECRET} characters"
    raise ConfigurationFault(
        Problem(
            "F220",
            f"the secret is damaged: {reason}",
            Place(SECRET_FILE),
            "restore it from a backup: links and opt-outs are keyed by it",
        )
    )
