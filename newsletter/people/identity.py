"""Whom a command means: any spelling of an address, known to us or not."""

from dataclasses import dataclass

from newsletter.audience.address import Address, parse_address
from newsletter.audience.leaving import EVERYTHING, scope_of
from newsletter.audience.load import find_lists
from newsletter.check.workspace import Workspace
from newsletter.errors import Problem, UsageFault, did_you_mean
from newsletter.settings.secret import Secret


@dataclass(frozen=True)
class Identity:
    """A mailbox by its two names: the key that lists are compared by, and the HMAC that outlives it."""

    email: str
    key: str
    hmac: bytes


def identify(secret: Secret, typed: str) -> Identity:
    """Raises UsageFault (S141) for what is no address: an opt-out under a slip would stop nobody."""
    found: Address = parse_address(typed)
    if found.problem is not None or not found.email:
        reason = (found.problem or "it is empty").rstrip(".")
        raise UsageFault(
            Problem(
                "S141", f"`{typed}` is no address: {reason}", hint="write one address, as anna@example.org"
            )
        )
    return Identity(found.email, found.key, secret.person(found.key))


def list_names(workspace: Workspace) -> list[str]:
    """Of all lists, readable or not, from files and from programs; none of them is read for it."""
    files, unreadable = find_lists(workspace.project)
    printed = (name for name, ground in workspace.settings.list.items() if ground.source)
    return [*(origin.name for origin in files), *unreadable, *printed]


def scope_named(workspace: Workspace, list_name: str | None) -> str:
    """The scope for `--list`; everything where it is not given. Raises UsageFault (S142) for an unknown list."""
    if list_name is None:
        return EVERYTHING
    known = list_names(workspace)
    if scope_of(list_name) not in map(scope_of, known):
        hint = did_you_mean(list_name, known) or "a list is a file subscribers/NAME.csv"
        raise UsageFault(Problem("S142", f"there is no list `{list_name}`", hint=hint))
    return scope_of(list_name)
