"""Where the user lets something be written: anywhere but over what the project is made of."""

from pathlib import Path

from newsletter.cli.session import Session
from newsletter.errors import Problem, UsageFault
from newsletter.files.project import SETTINGS_FILE

# Sources, state, and the outbox, whose files are evidence.
_OWN = (
    "campaigns", "templates", "subscribers", SETTINGS_FILE, ".env", ".git", ".newsletter", "out/outbox",
)  # fmt: skip


def outward(session: Session, option: str, given: str) -> Path:
    """The path, counted from where the program was called. Raises UsageFault (G123) for what is the project's."""
    path = Path(given)
    root = session.project.root
    real = path.resolve()
    own = next((name for name in _OWN if real.is_relative_to((root / name).resolve())), None)
    if own is None and real != root:
        return path
    message = f"{option} {given} would write among the project's own files ({own or 'the project itself'})"
    raise UsageFault(Problem("G123", message, hint=f"{option} out/{path.name}"))
