"""Which way out the settings name."""

from urllib.parse import urlsplit

from newsletter.files.project import Project
from newsletter.providers.protocol import Provider
from newsletter.settings.model import Settings
from newsletter.settings.web import is_loopback

OUTBOX = "out/outbox"
TESTS = f"{OUTBOX}/_test"  # no campaign is called like this


def open_provider(project: Project, settings: Settings, *, outbox: str = OUTBOX) -> Provider:
    """The provider that `settings.provider` names. No network, writes nothing.

    outbox: the folder for files where that is the provider
    Raises ConfigurationFault when its key is missing or cannot be one.
    """
    if settings.provider == "sendgrid":
        from newsletter.providers.sendgrid import open_sendgrid

        return open_sendgrid(settings.sendgrid)
    if settings.provider == "smtp":
        from newsletter.providers.smtp import open_smtp

        return open_smtp(settings.smtp)
    from newsletter.providers.outbox import Outbox

    return Outbox(project.root / outbox)


def stays_on_this_machine(settings: Settings) -> bool:
    """Whether what this provider is handed reaches nobody: files, or a server on a loopback address."""
    if settings.provider == "smtp":
        return is_loopback(settings.smtp.host)
    if settings.provider == "sendgrid":
        return is_loopback(urlsplit(settings.sendgrid.base_url or "").hostname or "")
    return True


def outbox_in_use(project: Project) -> bool:
    """Whether a mail of a send lies in the outbox."""
    tests = project.root / TESTS
    return any(tests not in path.parents for path in (project.root / OUTBOX).rglob("*.eml"))


def max_batch(settings: Settings) -> int:
    """The most recipients that one request of that provider takes; asks for no key."""
    if settings.provider == "sendgrid":
        return settings.sendgrid.personalizations
    if settings.provider == "smtp":
        from newsletter.providers.smtp import Smtp

        return Smtp.max_batch
    from newsletter.providers.outbox import Outbox

    return Outbox.max_batch
