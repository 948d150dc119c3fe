"""Which way out the settings name."""

from newsletter.errors import ConfigurationFault, Problem, did_you_mean
from newsletter.files.project import Project
from newsletter.providers.protocol import Provider
from newsletter.settings.model import Settings

PROVIDERS = ("outbox", "sendgrid")


def open_provider(project: Project, settings: Settings) -> Provider:
    """The provider that `settings.provider` names. No network, writes nothing.

    Raises ConfigurationFault for an unknown name, a missing key or an address it must not talk to.
    """
    if settings.provider == "outbox":
        from newsletter.providers.outbox import Outbox

        return Outbox(project.root / "out" / "outbox")
    if settings.provider == "sendgrid":
        from newsletter.providers.sendgrid import open_sendgrid

        return open_sendgrid(settings.sendgrid)
    raise ConfigurationFault(
        Problem(
            "D120",
            f"unknown provider `{settings.provider}`",
            hint=did_you_mean(settings.provider, PROVIDERS),
        )
    )
