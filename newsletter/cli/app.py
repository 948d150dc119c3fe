"""The command line as a whole: the verbs, the global options before or after them, faults to exit codes."""

import contextlib
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click

from newsletter import __version__
from newsletter.cli.session import Session, global_options
from newsletter.cli.verbs import VERBS
from newsletter.errors import ConfigurationFault, NewsletterError, Problem, did_you_mean, refused_by_system


class LazyGroup(click.Group):
    """A group that imports a verb only when it is called: `--help` stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in VERBS:
            return None
        module, name, _ = VERBS[cmd_name]
        command: click.Command = getattr(importlib.import_module(f"newsletter.cli.{module}"), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in VERBS and not name.startswith("-"):
            raise click.UsageError(f"there is no command `{name}`: {did_you_mean(name, VERBS)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(verb, line) for verb, (_, _, line) in VERBS.items()])


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    if value:
        click.echo(f"newsletter {__version__}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="`newsletter COMMAND --help` says more. Nothing leaves this machine unless --env names a live provider.",
)
@click.option(
    "-V",
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Show the version.",
)
@global_options
def cli() -> None:
    """Email campaigns as files: drafted in git, rehearsed completely, sent once to each."""


def run(arguments: Sequence[str]) -> int:
    """Run one command line; returns the exit code and never raises."""
    session = Session(json="--json" in arguments)
    try:
        with session.closing:
            return _run(session, arguments)
    except BrokenPipeError:
        # The reader of our output went away (`| head`): nothing left to say, and nobody to say it to.
        _silence()
        return 0
    except OSError as fault:  # nowhere to say even that: the disk behind stdout is full
        _silence()
        with contextlib.suppress(OSError):
            click.echo(str(refused_by_system(fault)), err=True)
        return ConfigurationFault.exit_code


def _run(session: Session, arguments: Sequence[str]) -> int:
    try:
        result: Any = cli.main(list(arguments), prog_name="newsletter", standalone_mode=False, obj=session)
        sys.stdout.flush()
    except NewsletterError as fault:
        return session.output.fault(fault)
    except click.exceptions.NoArgsIsHelpError as asked:
        click.echo(asked.ctx.get_help())
        return 2
    except click.ClickException as fault:
        return session.output.usage(_usage(fault))
    except (click.Abort, KeyboardInterrupt):
        return session.output.stopped()
    except BrokenPipeError:
        raise
    except OSError as fault:
        return session.output.fault(refused_by_system(fault))
    except Exception as fault:  # noqa: BLE001 - the last resort: a bug of ours, said in one line
        if session.verbose:
            traceback.print_exc()
        return session.output.internal(fault)
    else:
        return result if isinstance(result, int) else 0


def _silence() -> None:
    """Nothing more is written to stdout, at the program's end either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _usage(fault: click.ClickException) -> Problem:
    context = getattr(fault, "ctx", None)
    path = context.command_path if context else "newsletter"
    return Problem("U100", fault.format_message(), hint=f"{path} --help")
