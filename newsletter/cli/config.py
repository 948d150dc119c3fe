"""`config show`: the settings that hold, and where each comes from."""

import click

from newsletter.cli.session import Session, global_options


@click.group("config", context_settings={"help_option_names": ["-h", "--help"]})
def config() -> None:
    """Settings and where they come from."""


@config.command("show")
@global_options
@click.pass_obj
def show(session: Session) -> int:
    """Each setting with its value and origin; secrets are never shown."""
    from newsletter.settings.load import origins

    rows = origins(session.project, session.settings)
    session.output.table([(key, value, origin) for key, value, origin in rows])
    data = [{"key": key, "value": value, "origin": origin} for key, value, origin in rows]
    return session.output.result({"settings": data})
