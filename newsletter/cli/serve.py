"""`serve`: the pages that letters lead to."""

import click

from newsletter.cli.session import Session, global_options
from newsletter.errors import ConfigurationFault, Problem


@click.command("serve")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Where to listen; a proxy speaks TLS before it."
)
@click.option(
    "--port", default=8090, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one."
)
@global_options
@click.pass_obj
def serve(session: Session, host: str, port: int) -> int:
    """Answer unsubscribe links, until it is stopped. Opt-outs are on disk before the reader is told."""
    try:
        from newsletter.web.recorder import PATIENCE_S
        from newsletter.web.serve import listen
        from newsletter.web.serve import serve as answer
    except ModuleNotFoundError as missing:
        raise ConfigurationFault(
            Problem(
                "W101",
                f"the pages need the package `{missing.name}`, which is not installed",
                hint="pip install 'newsletter[web]'",
            )
        ) from missing
    with session.office(patience_s=PATIENCE_S) as office, listen(host, port) as listening:
        bound = listening.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        session.output.note(f"serving http://{shown}:{bound}/   ledger {office.store.name()}   stop: Ctrl-C")
        if not session.settings.public_url:
            session.output.note("no public_url yet: letters don't lead here")
        clock = session.workspace.clock
        answer(
            session.project,
            session.settings,
            office.store,
            office.secret,
            listening=listening,
            now=clock.now,
            verbose=session.verbose,
        )
    return session.output.result({"host": host, "port": bound})
